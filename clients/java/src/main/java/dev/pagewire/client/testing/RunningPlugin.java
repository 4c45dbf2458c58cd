package dev.pagewire.client.testing;

import dev.pagewire.client.Plugin;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A plugin that {@link TestDaemon#run} has started. */
public final class RunningPlugin implements AutoCloseable {
  /** How long a plugin may take to start, and to stop. After that the test fails. */
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private final Plugin plugin;
  private final CompletableFuture<Void> ended;

  RunningPlugin(Plugin plugin, CompletableFuture<Void> ended) {
    this.plugin = plugin;
    this.ended = ended;
  }

  void awaitStart() {
    await(plugin.started(), "has not started");
  }

  /**
   * Stops the plugin, and waits until it has ended. A plugin that has already ended normally stays
   * so.
   *
   * @throws RuntimeException the error with which the plugin ended, if there is one
   */
  @Override
  public void close() {
    plugin.stop();
    await(ended, "has not stopped");
  }

  private void await(CompletableFuture<Void> future, String problem) {
    try {
      future.get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      String text = "%s %s within %d s".formatted(plugin, problem, TIMEOUT.toSeconds());
      throw new IllegalStateException(text, late);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for " + plugin);
    } catch (ExecutionException failed) {
      throw failed.getCause() instanceof RuntimeException problemOfPlugin
          ? problemOfPlugin
          : new IllegalStateException(failed.getCause());
    }
  }
}
