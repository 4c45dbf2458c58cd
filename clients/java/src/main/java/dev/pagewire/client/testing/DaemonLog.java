package dev.pagewire.client.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;

/** The last lines of a daemon's log, which its own thread reads. */
final class DaemonLog {
  /** Number of lines that are kept; the oldest are dropped. */
  private static final int MAX_LINES = 10_000;

  /** How long the last lines may take to arrive after the process has ended. */
  private static final Duration END_TIMEOUT = Duration.ofSeconds(1);

  private final Deque<String> lines = new ArrayDeque<>();
  private final Thread reader;

  DaemonLog(BufferedReader input) {
    reader = new Thread(() -> read(input), "pagewire-log");
    reader.setDaemon(true);
    reader.start();
  }

  private void read(BufferedReader input) {
    try (input) {
      input.lines().forEach(this::add);
    } catch (IOException | UncheckedIOException closed) {
      // The process was killed.
    }
  }

  private synchronized void add(String line) {
    if (lines.size() == MAX_LINES) {
      lines.remove();
    }
    lines.add(line);
  }

  synchronized String text() {
    return String.join("\n", lines);
  }

  /** Waits for the last lines of a process that has ended or is about to. */
  void awaitEnd() throws InterruptedException {
    reader.join(END_TIMEOUT.toMillis());
  }
}
