package dev.pagewire.client;

import java.util.Objects;
import java.util.concurrent.CompletionStage;

/**
 * Handler in either its blocking or its asynchronous form; exactly one component is set.
 *
 * @param blocking runs on a handler thread and may block
 * @param async runs on the transport's thread and must not block
 */
record Callback<I, O>(
    Handler<I, ? extends O> blocking, Handler<I, ? extends CompletionStage<? extends O>> async) {
  static <I, O> Callback<I, O> blocking(Handler<I, ? extends O> handler) {
    return new Callback<>(Objects.requireNonNull(handler, "handler"), null);
  }

  static <I, O> Callback<I, O> async(Handler<I, ? extends CompletionStage<? extends O>> handler) {
    return new Callback<>(null, Objects.requireNonNull(handler, "handler"));
  }
}
