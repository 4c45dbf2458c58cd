package dev.pagewire.client;

import java.util.concurrent.CompletableFuture;

/** A hook that is open in a session. */
interface OpenHook {
  /** Completes when the hook is active in the daemon. */
  CompletableFuture<Void> opened();

  /** Completes when the hook has ended: normally after {@link #drain}, otherwise exceptionally. */
  CompletableFuture<Void> ended();

  /** Makes the daemon send no new calls; the hook ends when the running ones are done. */
  void drain();

  /** Ends the hook at once and cancels running calls. */
  void abort();
}
