package dev.pagewire.client;

/** Why a message did not reach a socket, or why the socket's page did not answer. */
public enum DeliveryStatus {
  /** The daemon reported a reason that this version does not know. */
  UNKNOWN("not delivered"),
  /** No connected socket has this id. */
  NOT_FOUND("no such socket"),
  /** The socket closed during the operation. The message may have arrived. */
  GONE("the socket closed during the operation"),
  /** The socket's queue was full; nothing was enqueued. */
  DROPPED_SLOW("the socket's queue is full"),
  /** No confirmation or answer arrived in time. The message may still arrive. */
  TIMED_OUT("no answer in time"),
  /** The page's script is too old, or the page never completed the handshake. */
  UNSUPPORTED("the page's script does not support this");

  private final String words;

  DeliveryStatus(String words) {
    this.words = words;
  }

  /** {@return the reason, as text for humans} */
  public String words() {
    return words;
  }
}
