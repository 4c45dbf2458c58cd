package dev.pagewire.client;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.LockSupport;

/**
 * The threads of handlers. In the end each handler that runs has one, however long it waits: their
 * number is bounded by who calls them. But waking a thread costs more than most handlers do, so
 * while work is taken up soon, few threads do it all. Daemon threads: they keep no program alive.
 */
final class Workers {
  /** So many threads are made at once when there is work. */
  private static final int EAGER_THREADS = 16;

  /** Work that waits for longer brings more threads: those there are must be waiting. 5 ms. */
  private static final long PATIENCE_NS = 5_000_000;

  /** How often it is looked for such work, while there is any. 1 ms. */
  private static final long LOOK_MS = 1;

  /** How long a thread without work stays. 10 s. */
  private static final long IDLE_MS = 10_000;

  private static final Workers ALL = new Workers();

  /** Work that no thread has taken up. Guarded by this, as is all that follows. */
  private final Queue<Work> waiting = new ArrayDeque<>();

  private int threads;

  /** Number of the last thread. */
  private int number;

  /** Threads without work. */
  private int idle;

  /** One of them is about to take up work. */
  private boolean waking;

  /** Whether there may be work that waits too long. */
  private boolean watched;

  private final Thread watcher = new Worker(this::watch, "pagewire-handlers");

  private record Work(Runnable task, long since) {}

  private static final class Worker extends Thread {
    Worker(Runnable work, String name) {
      super(work, name);
      setDaemon(true);
    }
  }

  private Workers() {
    watcher.start();
  }

  /** Runs it on a thread of ours: this one if it is. */
  static void execute(Runnable task) {
    if (Thread.currentThread() instanceof Worker) {
      task.run();
    } else {
      ALL.add(task);
    }
  }

  private synchronized void add(Runnable task) {
    waiting.add(new Work(task, System.nanoTime()));
    seeTo();
  }

  /** Work that waits is never left alone: a thread is about to take it up, or it is watched. */
  private void seeTo() {
    if (idle > 0) {
      if (!waking) {
        waking = true;
        notify();
      }
    } else if (threads < EAGER_THREADS) {
      begin();
    } else if (!watched) {
      watched = true;
      LockSupport.unpark(watcher);
    }
  }

  private void begin() {
    threads++;
    number++;
    new Worker(this::work, "pagewire-handler-" + number).start();
  }

  private void work() {
    for (Runnable task = next(); task != null; task = next()) {
      task.run();
    }
  }

  /** Waits for work; none = there has not been any for long. */
  private synchronized Runnable next() {
    long end = System.currentTimeMillis() + IDLE_MS;
    while (waiting.isEmpty()) {
      long left = end - System.currentTimeMillis();
      if (left <= 0) {
        threads--;
        return null;
      }
      idle++;
      try {
        wait(left);
      } catch (InterruptedException stray) {
        // Nobody has reason to interrupt a thread without work.
      }
      idle--;
      waking = false;
    }
    Work work = waiting.remove();
    if (!waiting.isEmpty()) {
      seeTo();
    }
    return work.task;
  }

  private void watch() {
    try {
      while (true) {
        while (!isWatched()) {
          LockSupport.park();
        }
        Thread.sleep(LOOK_MS);
        look();
      }
    } catch (InterruptedException never) {
      throw new IllegalStateException(never);
    }
  }

  private synchronized boolean isWatched() {
    return watched;
  }

  /** More threads, the more there are: all work has one within a few looks. */
  private synchronized void look() {
    watched = !waiting.isEmpty();
    if (watched && System.nanoTime() - waiting.element().since > PATIENCE_NS) {
      for (int more = Math.min(waiting.size(), threads / 2); more > 0; more--) {
        begin();
      }
    }
  }
}
