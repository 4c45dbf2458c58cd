package dev.pagewire.client;

/**
 * Events are lost to this subscriber. The bounds are exact and not themselves lost.
 *
 * @param afterSequence the last event before the gap
 * @param beforeSequence the first event after it
 * @param reason why they are lost
 */
public record Gap(long afterSequence, long beforeSequence, Reason reason) implements Event.What {
  /** Why events are lost. */
  public enum Reason {
    /** A reason that this version does not know. */
    UNKNOWN,
    /** The log no longer held them. */
    EVICTED,
    /** The position to resume after is of another run of the daemon. */
    EPOCH_CHANGED,
    /** The subscriber read too slowly. */
    SUBSCRIBER_SLOW
  }
}
