package dev.pagewire.client;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Deadlines that are ours to keep, on one thread that keeps no program alive. */
final class Timers {
  private static final ScheduledThreadPoolExecutor TIMERS = timers();

  private Timers() {}

  /** Runs what takes no time after a while, unless cancelled before. */
  static Future<?> after(Duration time, Runnable task) {
    return TIMERS.schedule(task, nanos(time), TimeUnit.NANOSECONDS);
  }

  /** As many as fit: the longest durations are as good as for ever. */
  static long nanos(Duration time) {
    try {
      return time.toNanos();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE / 2;
    }
  }

  private static ScheduledThreadPoolExecutor timers() {
    ScheduledThreadPoolExecutor timers =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "pagewire-timers");
              thread.setDaemon(true);
              return thread;
            });
    timers.setRemoveOnCancelPolicy(true);
    return timers;
  }
}
