package dev.pagewire.client;

import java.time.Instant;

/**
 * One event of the daemon's log. Of one socket: its opening comes before all its events, its
 * closing after them.
 *
 * @param position its place in the log
 * @param time when the daemon logged it, by the daemon's clock
 * @param what what happened
 */
public record Event(Position position, Instant time, What what) {
  /** What happened. Later versions tell more: be ready for what is none of these. */
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
