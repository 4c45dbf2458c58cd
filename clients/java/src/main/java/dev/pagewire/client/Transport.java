package dev.pagewire.client;

import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.util.concurrent.FastThreadLocalThread;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * The one thread that reads and writes all connections of the process. What is called on it must
 * not wait for the daemon, whose answer it would have to read. A daemon thread: it keeps no program
 * alive.
 */
final class Transport {
  static final EventLoopGroup LOOP =
      new MultiThreadIoEventLoopGroup(1, LoopThread::new, NioIoHandler.newFactory());

  private Transport() {}

  private static final class LoopThread extends FastThreadLocalThread {
    LoopThread(Runnable loop) {
      super(loop, "pagewire");
      setDaemon(true);
    }
  }

  /**
   * Waits for a result of the daemon; an interrupt gives it up.
   *
   * @throws PagewireException the future's, from the caller's place
   * @throws CancellationException when this thread is interrupted, and stays so
   */
  static <T> T await(CompletableFuture<T> future) {
    if (Thread.currentThread() instanceof LoopThread && !future.isDone()) {
      throw new IllegalStateException(
          "this thread reads from the daemon and must not wait for it (use client.async() in"
              + " asynchronous handlers and in what follows its futures)");
    }
    try {
      return future.get();
    } catch (InterruptedException given) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for the daemon");
    } catch (ExecutionException failed) {
      Throwable cause = failed.getCause();
      if (cause instanceof PagewireException problem) {
        // It was made where the answer was read, which tells nobody anything.
        problem.setStackTrace(new Throwable().getStackTrace());
        throw problem;
      }
      if (cause instanceof RuntimeException problem) {
        throw problem;
      }
      throw new IllegalStateException(cause);
    }
  }
}
