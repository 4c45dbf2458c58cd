package dev.pagewire.client;

/**
 * Factory of the library's threads. They are daemon threads, so they do not keep the program alive,
 * and they belong to the topmost thread group: tools that run {@code main} inside their own process
 * and in a thread group of its own, as Maven's {@code exec:java} does, wait for all threads of that
 * group to end.
 */
final class DaemonThreads {
  private DaemonThreads() {}

  static Thread create(Runnable task, String name) {
    Thread thread = new Thread(group(), task, name);
    thread.setDaemon(true);
    return thread;
  }

  /** Returns the topmost thread group. */
  static ThreadGroup group() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    while (group.getParent() != null) {
      group = group.getParent();
    }
    return group;
  }
}
