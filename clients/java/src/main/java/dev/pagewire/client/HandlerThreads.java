package dev.pagewire.client;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.LockSupport;

/**
 * Thread pool for handlers. Every running handler ends up with its own thread, however long it
 * blocks; the callers limit how many run at once. Waking a thread costs more than most handlers do,
 * so while tasks are picked up quickly, a few threads share them. They are daemon threads and do
 * not keep the program alive.
 */
final class HandlerThreads {
  /** Up to this number, a thread is started as soon as a task finds none idle. */
  private static final int EAGER_THREADS = 16;

  /**
   * A task that has waited this long gets a new thread, because all others must be blocked. 5 ms.
   */
  private static final long MAX_WAIT_NS = 5_000_000;

  /** How often the monitor checks for such tasks while any are queued. */
  private static final long CHECK_INTERVAL_MS = 1;

  /** An idle thread ends after this time. */
  private static final long IDLE_MS = 10_000;

  private static final HandlerThreads POOL = new HandlerThreads();

  /** Tasks that no thread has picked up. Guarded by this, as are the fields below. */
  private final Queue<Task> queue = new ArrayDeque<>();

  private int threads;

  /**
   * Threads that were started and have not run yet. Each will take a task, so those tasks need no
   * other thread, however long the operating system takes to run it.
   */
  private int starting;

  /** Number of the thread started last, for its name. */
  private int lastNumber;

  /** Threads that wait for a task. */
  private int idle;

  /** Whether an idle thread has been notified and has not run yet. */
  private boolean notified;

  /** Whether the monitor has to check for tasks that wait too long. */
  private boolean monitoring;

  private final Thread monitor = new Worker(this::runMonitor, "pagewire-handlers");

  private record Task(Runnable runnable, long enqueuedNs) {}

  private static final class Worker extends Thread {
    Worker(Runnable loop, String name) {
      super(DaemonThreads.group(), loop, name);
      setDaemon(true);
    }
  }

  private HandlerThreads() {
    monitor.start();
  }

  /** Runs a task on one of the pool's threads: the current one if it belongs to the pool. */
  static void execute(Runnable task) {
    if (Thread.currentThread() instanceof Worker) {
      task.run();
    } else {
      POOL.add(task);
    }
  }

  private synchronized void add(Runnable task) {
    queue.add(new Task(task, System.nanoTime()));
    ensureProgress();
  }

  /**
   * Ensures progress of queued tasks: unless the threads that are starting suffice, an idle thread
   * is notified, a new one started, or the monitor activated.
   */
  private void ensureProgress() {
    if (queue.size() <= starting) {
      return;
    }
    if (idle > 0) {
      if (!notified) {
        notified = true;
        notify();
      }
    } else if (threads >= EAGER_THREADS || !startThread()) {
      startMonitoring();
    }
  }

  private void startMonitoring() {
    if (!monitoring) {
      monitoring = true;
      LockSupport.unpark(monitor);
    }
  }

  /** Returns false when the operating system has no room for another thread. */
  private boolean startThread() {
    try {
      new Worker(this::runTasks, "pagewire-handler-" + (lastNumber + 1)).start();
    } catch (OutOfMemoryError noRoom) {
      return false;
    }
    threads++;
    starting++;
    lastNumber++;
    return true;
  }

  private void runTasks() {
    for (Runnable task = first(); task != null; task = next()) {
      task.run();
    }
  }

  /** Like {@link #next}, for a thread that has just started. */
  private synchronized Runnable first() {
    starting--;
    return next();
  }

  /** Waits for a task; returns null when the thread has been idle for too long. */
  private synchronized Runnable next() {
    long end = System.currentTimeMillis() + IDLE_MS;
    while (queue.isEmpty()) {
      long left = end - System.currentTimeMillis();
      if (left <= 0) {
        threads--;
        return null;
      }
      idle++;
      try {
        wait(left);
      } catch (InterruptedException spurious) {
        // An idle thread has nothing to interrupt.
      }
      idle--;
      notified = false;
    }
    Task next = queue.remove();
    if (!queue.isEmpty()) {
      ensureProgress();
    }
    return next.runnable;
  }

  private void runMonitor() {
    try {
      while (true) {
        while (!isMonitoring()) {
          LockSupport.park();
        }
        Thread.sleep(CHECK_INTERVAL_MS);
        check();
      }
    } catch (InterruptedException never) {
      throw new IllegalStateException(never);
    }
  }

  private synchronized boolean isMonitoring() {
    return monitoring;
  }

  /**
   * Starts threads if tasks have waited too long; their number grows by half with each check. The
   * next check tries again if the operating system had no room for them.
   */
  private synchronized void check() {
    monitoring = !queue.isEmpty();
    if (monitoring && System.nanoTime() - queue.element().enqueuedNs > MAX_WAIT_NS) {
      int more = Math.min(queue.size() - starting, Math.max(threads / 2, 1));
      while (more > 0 && startThread()) {
        more--;
      }
    }
  }
}
