package dev.pagewire.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;

/** Calls handlers: those of one socket one after the other, in order. */
final class Turns {
  /** The sockets with a handler that runs. Guarded by this. */
  private final Map<String, Turn> turns = new HashMap<>();

  /** Completes when no handler runs, once nothing is added any more. Guarded by this. */
  private CompletableFuture<Void> idle;

  /** Where one socket stands. */
  private static final class Turn {
    HandlerCall<?, ?> running;
    final Queue<HandlerCall<?, ?>> waiting = new ArrayDeque<>(1);
  }

  /** Whoever adds one calls {@link #done} when it is. */
  void add(String socketId, HandlerCall<?, ?> call) {
    synchronized (this) {
      Turn turn = turns.get(socketId);
      if (turn != null) {
        turn.waiting.add(call);
        return;
      }
      turn = new Turn();
      turn.running = call;
      turns.put(socketId, turn);
    }
    call.start();
  }

  void done(String socketId) {
    HandlerCall<?, ?> next;
    CompletableFuture<Void> last = null;
    synchronized (this) {
      Turn turn = turns.get(socketId);
      next = turn.waiting.poll();
      turn.running = next;
      if (next == null) {
        turns.remove(socketId);
        last = turns.isEmpty() ? idle : null;
      }
    }
    if (next != null) {
      next.start();
    } else if (last != null) {
      last.complete(null);
    }
  }

  /** Completes when no handler runs any more. */
  CompletableFuture<Void> idle() {
    CompletableFuture<Void> now;
    synchronized (this) {
      idle = idle == null ? new CompletableFuture<>() : idle;
      now = idle;
      if (!turns.isEmpty()) {
        return now;
      }
    }
    now.complete(null);
    return now;
  }

  /** Cancels the handlers that run, and calls none of those that wait. */
  void cancel() {
    List<HandlerCall<?, ?>> running = new ArrayList<>();
    synchronized (this) {
      for (Turn turn : turns.values()) {
        turn.waiting.clear();
        running.add(turn.running);
      }
    }
    running.forEach(HandlerCall::cancel);
  }
}
