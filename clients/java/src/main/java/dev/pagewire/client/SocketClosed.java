package dev.pagewire.client;

/**
 * A socket was closed; nothing of it follows.
 *
 * @param socketId the socket; never used again
 * @param closeCode the WebSocket close code; 1006 without a close frame
 * @param closeReason text of the close frame; empty = none
 * @param cause what led to it, as the daemon knows it
 */
public record SocketClosed(String socketId, int closeCode, String closeReason, Cause cause)
    implements Event.What {
  /** What led to a close. */
  public enum Cause {
    /** Not known. */
    UNKNOWN,
    /** The page left, reloaded or was closed. */
    PAGE_UNLOADED,
    /** The connection broke without a close frame. */
    CONNECTION_LOST,
    /** Two pings went unanswered. */
    NO_PONG,
    /** The same, but the page has not even read what was sent to it before. */
    SLOW,
    /** {@link Client#closeSockets}. */
    CLOSED_BY_API,
    /** The daemon stops. */
    SERVER_STOPPING,
    /** The page broke the protocol or a limit. */
    PROTOCOL_ERROR
  }
}
