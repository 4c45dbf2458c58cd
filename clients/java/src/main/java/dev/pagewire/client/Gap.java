package dev.pagewire.client;

/**
 * Notice that this subscriber lost events. The bounds are exact, and a gap itself is never lost.
 *
 * @param afterSequence the last event before the gap
 * @param beforeSequence the first event after the gap
 * @param reason why the events were lost
 */
public record Gap(long afterSequence, long beforeSequence, Reason reason) implements Event.What {
  /** Why events were lost. */
  public enum Reason {
    /** A reason that this version does not know. */
    UNKNOWN,
    /** The daemon's event log no longer contained them. */
    EVICTED,
    /** The position to resume after belongs to another run of the daemon. */
    EPOCH_CHANGED,
    /** The subscriber read too slowly. */
    SUBSCRIBER_SLOW
  }
}
