package dev.pagewire.client;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads of handlers, one for each that runs: how many these are at most is up to who calls them.
 * Daemon threads: they keep no program alive.
 */
final class Workers {
  /** How long a thread without work stays. 10 s. */
  private static final long IDLE_S = 10;

  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static final ExecutorService POOL =
      new ThreadPoolExecutor(
          0, Integer.MAX_VALUE, IDLE_S, TimeUnit.SECONDS, new SynchronousQueue<>(), Worker::new);

  private Workers() {}

  private static final class Worker extends Thread {
    Worker(Runnable work) {
      super(work, "pagewire-handler-" + NUMBER.incrementAndGet());
      setDaemon(true);
    }
  }

  /** Runs it on a thread of ours: this one if it is. */
  static void execute(Runnable work) {
    if (Thread.currentThread() instanceof Worker) {
      work.run();
    } else {
      POOL.execute(work);
    }
  }
}
