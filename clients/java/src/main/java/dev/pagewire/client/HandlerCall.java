package dev.pagewire.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;

/** Cancellable call of a handler. */
final class HandlerCall<I, O> {
  private final Callback<I, O> callback;
  private final I input;
  private final BiConsumer<O, Throwable> done;

  /** The thread that runs a blocking handler, to interrupt it. Guarded by this. */
  private Thread thread;

  /** What an asynchronous handler has returned. Guarded by this. */
  private CompletionStage<? extends O> stage;

  private boolean cancelled;

  /**
   * Creates a call that has not started.
   *
   * @param done called once, on any thread, with the handler's result or error
   */
  HandlerCall(Callback<I, O> callback, I input, BiConsumer<O, Throwable> done) {
    this.callback = callback;
    this.input = input;
    this.done = done;
  }

  void start() {
    if (callback.async() == null) {
      HandlerThreads.execute(this::call);
    } else {
      callAsync();
    }
  }

  /** Interrupts the handler or cancels its future. Its result is still passed to {@code done}. */
  void cancel() {
    CompletionStage<? extends O> running;
    synchronized (this) {
      cancelled = true;
      if (thread != null) {
        thread.interrupt();
      }
      running = stage;
    }
    if (running != null) {
      running.toCompletableFuture().cancel(true);
    }
  }

  private void call() {
    O result = null;
    Throwable error = null;
    synchronized (this) {
      if (cancelled) {
        error = new CancellationException();
      }
      thread = Thread.currentThread();
    }
    if (error == null) {
      try {
        result = callback.blocking().handle(input);
      } catch (Throwable problem) {
        error = problem;
      }
    }
    synchronized (this) {
      thread = null;
      // Do not pass a late interrupt on to the next handler of this thread.
      Thread.interrupted();
    }
    done.accept(result, error);
  }

  private synchronized boolean isCancelled() {
    return cancelled;
  }

  private void callAsync() {
    CompletionStage<? extends O> returned;
    if (isCancelled()) {
      done.accept(null, new CancellationException());
      return;
    }
    try {
      returned = callback.async().handle(input);
    } catch (Throwable problem) {
      done.accept(null, problem);
      return;
    }
    if (returned == null) {
      done.accept(null, null);
      return;
    }
    boolean late;
    synchronized (this) {
      stage = returned;
      late = cancelled;
    }
    returned.whenComplete(
        (result, problem) ->
            done.accept(
                result,
                problem instanceof CompletionException && problem.getCause() != null
                    ? problem.getCause()
                    : problem));
    if (late) {
      cancel();
    }
  }
}
