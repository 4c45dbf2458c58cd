package dev.pagewire.client;

import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.util.concurrent.FastThreadLocalThread;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * The thread that reads and writes all connections of the process. Code that runs on it must not
 * wait for the daemon, whose answer this thread would have to read. It is a daemon thread and does
 * not keep the program alive.
 */
final class Transport {
  static final EventLoopGroup LOOP =
      new MultiThreadIoEventLoopGroup(1, LoopThread::new, NioIoHandler.newFactory());

  private Transport() {}

  private static final class LoopThread extends FastThreadLocalThread {
    LoopThread(Runnable loop) {
      super(DaemonThreads.group(), loop, "pagewire");
      setDaemon(true);
    }
  }

  /**
   * Blocks until a future completes; an interrupt cancels the future.
   *
   * @throws PagewireException the future's exception, with the caller's stack trace
   * @throws CancellationException when this thread is interrupted; it stays interrupted
   */
  static <T> T await(CompletableFuture<T> future) {
    if (Thread.currentThread() instanceof LoopThread && !future.isDone()) {
      throw new IllegalStateException(
          "this thread reads from the daemon and must not block (use client.async() in asynchronous"
              + " handlers and in stages that depend on its futures)");
    }
    try {
      return future.get();
    } catch (InterruptedException interrupted) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for the daemon");
    } catch (ExecutionException failed) {
      Throwable cause = failed.getCause();
      if (cause instanceof PagewireException problem) {
        // The original stack trace only shows the transport's thread.
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
