package dev.pagewire.client;

import java.util.concurrent.CompletableFuture;

/** A hook of a plugin, open in a session. */
interface SessionPart {
  /** Completes when the daemon has it in force. */
  CompletableFuture<Void> opened();

  /** Completes when it is over: exceptionally, unless it was to finish. */
  CompletableFuture<Void> ended();

  /** Begins nothing new; it ends when what runs is done. */
  void finish();

  /** Ends it at once, and cancels what runs. */
  void cut();
}
