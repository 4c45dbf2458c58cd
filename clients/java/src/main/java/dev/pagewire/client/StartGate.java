package dev.pagewire.client;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/** Holds back the calls and events of a session until its start handler has returned. */
final class StartGate {
  /** Longest wait of a call. Events wait without a limit. */
  private static final Duration MAX_CALL_WAIT = Duration.ofSeconds(10);

  /** A call fails this long before its deadline, so that its failure still reaches the page. */
  private static final Duration DEADLINE_MARGIN = Duration.ofMillis(500);

  private final String pluginName;
  private final CompletableFuture<Void> opened = new CompletableFuture<>();

  StartGate(String pluginName) {
    this.pluginName = pluginName;
  }

  /** Opens the gate. What waits continues on the transport's thread, as if it had just arrived. */
  void open() {
    Transport.LOOP.execute(() -> opened.complete(null));
  }

  CompletableFuture<Void> opened() {
    return opened;
  }

  /**
   * Completes when a call may start, or fails when the call has waited for too long.
   *
   * @param timeRemaining the time until the call's deadline; empty if it has none
   */
  CompletableFuture<Void> admit(Optional<Duration> timeRemaining) {
    if (opened.isDone()) {
      return opened;
    }
    Duration wait =
        timeRemaining
            .map(time -> time.minus(DEADLINE_MARGIN))
            .filter(time -> time.compareTo(MAX_CALL_WAIT) < 0)
            .orElse(MAX_CALL_WAIT);
    CompletableFuture<Void> admitted = opened.copy();
    Future<?> timer = Timers.after(wait, () -> admitted.completeExceptionally(stillStarting()));
    admitted.whenComplete((done, late) -> timer.cancel(false));
    return admitted;
  }

  private Failure stillStarting() {
    String text = "plugin \"%s\" is still starting: server_start has not returned";
    return new Failure(text.formatted(pluginName)).status(503);
  }
}
