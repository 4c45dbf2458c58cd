package dev.pagewire.client;

/** Why a socket was not reached, or did not answer. */
public enum DeliveryStatus {
  /** The daemon gives a reason that this version does not know. */
  UNKNOWN("not delivered"),
  /** No connected socket has this id. */
  NOT_FOUND("no such socket"),
  /** Closed meanwhile. It may have arrived. */
  GONE("closed meanwhile"),
  /** The socket's queue was full; nothing was enqueued. */
  DROPPED_SLOW("its queue is full"),
  /** No confirmation or answer in time. It may still arrive. */
  TIMED_OUT("no answer in time"),
  /** The page's script is too old, or the page never said hello. */
  UNSUPPORTED("its page does not support this");

  private final String words;

  DeliveryStatus(String words) {
    this.words = words;
  }

  /** {@return the reason, for people} */
  public String words() {
    return words;
  }
}
