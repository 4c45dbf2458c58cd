package dev.pagewire.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;

/**
 * Runs handlers concurrently for different sockets, and one at a time, in order, for each socket.
 */
final class SocketQueues {
  /** Sockets with a running handler. Guarded by this. */
  private final Map<String, SocketQueue> queues = new HashMap<>();

  /**
   * Completes when no handler runs. Created by the first call of {@link #idle}. Guarded by this.
   */
  private CompletableFuture<Void> idle;

  /** The handlers of one socket: the running one, and those that wait for it. */
  private static final class SocketQueue {
    HandlerCall<?, ?> running;
    final Queue<HandlerCall<?, ?>> waiting = new ArrayDeque<>(1);
  }

  /**
   * Starts a call, or queues it behind the socket's running one. The caller must call {@link #done}
   * when the call has completed.
   */
  void add(String socketId, HandlerCall<?, ?> call) {
    synchronized (this) {
      SocketQueue queue = queues.get(socketId);
      if (queue != null) {
        queue.waiting.add(call);
        return;
      }
      queue = new SocketQueue();
      queue.running = call;
      queues.put(socketId, queue);
    }
    call.start();
  }

  /** Starts the socket's next call, if there is one. */
  void done(String socketId) {
    HandlerCall<?, ?> next;
    CompletableFuture<Void> last = null;
    synchronized (this) {
      SocketQueue queue = queues.get(socketId);
      next = queue.waiting.poll();
      queue.running = next;
      if (next == null) {
        queues.remove(socketId);
        last = queues.isEmpty() ? idle : null;
      }
    }
    if (next != null) {
      next.start();
    } else if (last != null) {
      last.complete(null);
    }
  }

  /** Completes when no handler runs. No calls may be added afterwards. */
  CompletableFuture<Void> idle() {
    CompletableFuture<Void> now;
    synchronized (this) {
      idle = idle == null ? new CompletableFuture<>() : idle;
      now = idle;
      if (!queues.isEmpty()) {
        return now;
      }
    }
    now.complete(null);
    return now;
  }

  /** Cancels running calls and drops queued ones. */
  void cancel() {
    List<HandlerCall<?, ?>> running = new ArrayList<>();
    synchronized (this) {
      for (SocketQueue queue : queues.values()) {
        queue.waiting.clear();
        running.add(queue.running);
      }
    }
    running.forEach(HandlerCall::cancel);
  }
}
