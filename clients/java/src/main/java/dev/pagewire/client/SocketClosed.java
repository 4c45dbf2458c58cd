package dev.pagewire.client;

/**
 * A socket closed. It is the socket's last event.
 *
 * @param socketId the socket's id, which is never reused
 * @param closeCode the WebSocket close code; 1006 without a close frame
 * @param closeReason reason in the close frame; may be empty
 * @param cause why the socket closed, as far as the daemon knows
 */
public record SocketClosed(String socketId, int closeCode, String closeReason, Cause cause)
    implements Event.What {
  /** Why a socket closed. */
  public enum Cause {
    /** A cause that this version does not know. */
    UNKNOWN,
    /** The page was left, reloaded or closed. */
    PAGE_UNLOADED,
    /** The connection broke without a close frame. */
    CONNECTION_LOST,
    /** Two pings went unanswered. */
    NO_PONG,
    /** Two pings went unanswered, and the page had not even read earlier messages. */
    SLOW,
    /** {@link Client#closeSockets} was called. */
    CLOSED_BY_API,
    /** The daemon is stopping. */
    SERVER_STOPPING,
    /** The page violated the protocol or a limit. */
    PROTOCOL_ERROR
  }
}
