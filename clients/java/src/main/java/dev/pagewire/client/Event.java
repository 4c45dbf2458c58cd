package dev.pagewire.client;

import java.time.Instant;

/**
 * Event of the daemon's log. Events of one socket are ordered: the socket's opening comes first,
 * its closing last.
 *
 * @param position its position in the log
 * @param time when the daemon logged it, by the daemon's clock
 * @param what the event's type and data
 */
public record Event(Position position, Instant time, What what) {
  /** Type and data of an event. Later versions may add types, so handle unknown ones. */
  public sealed interface What
      permits Message,
          SocketOpened,
          SocketUpdated,
          SocketClosed,
          ConsoleEntry,
          PageError,
          FileChanged,
          Gap {}
}
