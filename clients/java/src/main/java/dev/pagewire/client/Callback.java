package dev.pagewire.client;

import java.util.concurrent.CompletionStage;

/**
 * A handler of either kind.
 *
 * @param waiting may wait, so it has a thread of its own; or null
 * @param async must not wait: it is called on the thread of the transport; or null
 */
record Callback<I, O>(
    Handler<I, ? extends O> waiting, Handler<I, ? extends CompletionStage<? extends O>> async) {
  static <I, O> Callback<I, O> waiting(Handler<I, ? extends O> handler) {
    return new Callback<>(handler, null);
  }

  static <I, O> Callback<I, O> async(Handler<I, ? extends CompletionStage<? extends O>> handler) {
    return new Callback<>(null, handler);
  }
}
