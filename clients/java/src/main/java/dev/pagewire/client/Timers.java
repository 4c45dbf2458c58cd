package dev.pagewire.client;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Local deadlines, on one daemon thread. */
final class Timers {
  private static final ScheduledThreadPoolExecutor TIMERS = timers();

  private Timers() {}

  /** Runs a task after a delay, unless it is cancelled before. The task must not block. */
  static Future<?> after(Duration time, Runnable task) {
    return TIMERS.schedule(task, nanos(time), TimeUnit.NANOSECONDS);
  }

  /** Converts to nanoseconds; a duration that is too long becomes one of 146 years. */
  static long nanos(Duration time) {
    try {
      return time.toNanos();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE / 2;
    }
  }

  private static ScheduledThreadPoolExecutor timers() {
    ScheduledThreadPoolExecutor timers =
        new ScheduledThreadPoolExecutor(1, task -> DaemonThreads.create(task, "pagewire-timers"));
    timers.setRemoveOnCancelPolicy(true);
    return timers;
  }
}
