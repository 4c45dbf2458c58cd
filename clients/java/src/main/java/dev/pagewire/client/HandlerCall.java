package dev.pagewire.client;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;

/** One call of a handler, that can be cancelled. */
final class HandlerCall<I, O> {
  private final Callback<I, O> callback;
  private final I input;
  private final BiConsumer<O, Throwable> done;

  /** Where the handler runs, to interrupt it. Guarded by this. */
  private Thread thread;

  /** What an asynchronous handler has returned. Guarded by this. */
  private CompletionStage<? extends O> stage;

  private boolean cancelled;

  /**
   * A call that has not begun.
   *
   * @param done gets what the handler made, or why it failed; called once, on any thread
   */
  HandlerCall(Callback<I, O> callback, I input, BiConsumer<O, Throwable> done) {
    this.callback = callback;
    this.input = input;
    this.done = done;
  }

  void start() {
    if (callback.async() == null) {
      Workers.execute(this::call);
    } else {
      callAsync();
    }
  }

  /** Tells the handler that nobody waits any more. What it does then is its own affair. */
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
    O made = null;
    Throwable error = null;
    synchronized (this) {
      if (cancelled) {
        error = new CancellationException();
      }
      thread = Thread.currentThread();
    }
    if (error == null) {
      try {
        made = callback.waiting().handle(input);
      } catch (Throwable problem) {
        error = problem;
      }
    }
    synchronized (this) {
      thread = null;
      // An interrupt was meant for this handler, not for the next on the thread.
      Thread.interrupted();
    }
    done.accept(made, error);
  }

  private void callAsync() {
    CompletionStage<? extends O> returned;
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
        (made, problem) ->
            done.accept(
                made,
                problem instanceof CompletionException && problem.getCause() != null
                    ? problem.getCause()
                    : problem));
    if (late) {
      cancel();
    }
  }
}
