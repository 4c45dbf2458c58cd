package dev.pagewire.client;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Runs a plugin: one session, or a new one each time the daemon is reachable again. */
final class PluginRunner {
  /**
   * Environment variable with the launch id: matches a session to a process that the daemon
   * spawned.
   */
  private static final String LAUNCH_ID_VARIABLE = "PAGEWIRE_LAUNCH_ID";

  /** Delays before reconnecting. The last one applies to all further attempts. */
  private static final List<Duration> RECONNECT_DELAYS =
      List.of(
          Duration.ofMillis(200),
          Duration.ofMillis(500),
          Duration.ofSeconds(1),
          Duration.ofSeconds(2),
          Duration.ofSeconds(5));

  private final Plugin plugin;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();

  /** The current session, or null. Guarded by this. */
  private Session session;

  /**
   * Root folders of the daemon that the plugin was connected to last; null before the first
   * session.
   */
  private List<Path> lastRootDirs;

  /** Whether the last attempt got as far as a running session. */
  private boolean sessionStarted;

  PluginRunner(Plugin plugin) {
    this.plugin = plugin;
  }

  /** Stops the plugin gracefully. Returns at once. */
  void stop() {
    Session current;
    synchronized (this) {
      stopped.complete(null);
      current = session;
    }
    if (current != null) {
      current.stop();
    }
  }

  /**
   * Runs the plugin.
   *
   * @param find returns the endpoint to connect to, given {@link #lastRootDirs}
   * @param namesToken whether the token was named explicitly; a discovered one may belong to the
   *     daemon's previous run
   */
  void run(Function<List<Path>, Endpoint> find, boolean namesToken, boolean once) {
    interruptibly(
        () -> {
          if (once) {
            tryOnce(find.apply(lastRootDirs), "");
          } else {
            runAndReconnect(find, namesToken);
          }
        });
  }

  /** Runs one session with the daemon that spawned this process. Returns false if no daemon did. */
  boolean runSpawned() {
    String launchId = System.getenv(LAUNCH_ID_VARIABLE);
    if (launchId == null || launchId.isEmpty()) {
      return false;
    }
    CountDownLatch done = new CountDownLatch(1);
    Throwable[] failed = new Throwable[1];
    Thread session =
        DaemonThreads.create(
            () -> {
              try {
                tryOnce(Endpoint.find(), launchId);
              } catch (RuntimeException | InterruptedException problem) {
                failed[0] = problem;
              }
              done.countDown();
            },
            "pagewire-session");
    session.start();
    onEndOfInput(done::countDown);
    interruptibly(done::await);
    if (failed[0] instanceof RuntimeException problem) {
      throw problem;
    }
    session.interrupt();
    return true;
  }

  private interface Interruptible {
    void run() throws InterruptedException;
  }

  /** Runs work that an interrupt ends; the interrupt status of the thread is preserved. */
  private static void interruptibly(Interruptible work) {
    try {
      work.run();
    } catch (InterruptedException | CancellationException interrupted) {
      Thread.currentThread().interrupt();
    } catch (PagewireException problem) {
      // The exception may come from another thread, whose stack trace would not help the caller.
      problem.setStackTrace(new Throwable().getStackTrace());
      throw problem;
    }
  }

  private void runAndReconnect(Function<List<Path>, Endpoint> find, boolean namesToken)
      throws InterruptedException {
    for (int failures = 0; ; failures++) {
      sessionStarted = false;
      String lost;
      try {
        if (tryOnce(find.apply(lastRootDirs), "") == Session.EndedBy.PROGRAM) {
          return;
        }
        lost = "it has stopped";
      } catch (PagewireException problem) {
        if (lastRootDirs == null || !isTransient(problem, namesToken)) {
          throw problem;
        }
        lost = problem instanceof DisconnectedException d ? d.problem() : problem.getMessage();
      }
      failures = sessionStarted ? 0 : failures;
      Duration delay = RECONNECT_DELAYS.get(Math.min(failures, RECONNECT_DELAYS.size() - 1));
      if (sessionStarted && !stopped.isDone()) {
        PluginLog.lost(lost, delay);
      }
      if (waitUntilStopped(delay)) {
        return;
      }
    }
  }

  /** Waits, and returns whether the plugin was stopped meanwhile. */
  private boolean waitUntilStopped(Duration time) throws InterruptedException {
    try {
      stopped.get(time.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (java.util.concurrent.TimeoutException elapsed) {
      return false;
    } catch (ExecutionException never) {
      throw new IllegalStateException(never);
    }
  }

  /** Runs one session, unless the plugin is stopped before it is connected. */
  private Session.EndedBy tryOnce(Endpoint endpoint, String launchId) throws InterruptedException {
    CompletableFuture<Client> connecting = Client.connectAsync(endpoint);
    try {
      CompletableFuture.anyOf(stopped, connecting).get();
    } catch (ExecutionException failed) {
      throw (RuntimeException) failed.getCause();
    }
    if (stopped.isDone()) {
      connecting.thenAccept(Client::close);
      return Session.EndedBy.PROGRAM;
    }
    try (Client client = connecting.join()) {
      Session current = new Session(plugin, client, lastRootDirs != null);
      synchronized (this) {
        session = current;
        if (stopped.isDone()) {
          current.stop();
        }
      }
      try {
        return current.run(launchId);
      } finally {
        sessionStarted = current.rootDirs() != null;
        lastRootDirs = sessionStarted ? current.rootDirs() : lastRootDirs;
        synchronized (this) {
          session = null;
        }
      }
    }
  }

  /** Returns whether another attempt may succeed: nothing was refused, or only temporarily. */
  static boolean isTransient(PagewireException problem, boolean namesToken) {
    if (problem instanceof RpcException refused) {
      return switch (refused.code()) {
        case UNAUTHENTICATED -> !namesToken;
        case INVALID_ARGUMENT, FAILED_PRECONDITION -> refused.reason().equals("SESSION_GONE");
        default -> !refused.reason().equals("REPLACED");
      };
    }
    return problem instanceof NoDaemonException
        || problem instanceof SeveralDaemonsException
        || problem instanceof TokenFileException
        || problem instanceof CannotConnectException
        || problem instanceof DisconnectedException
        || problem instanceof UnexpectedAnswerException;
  }

  /** Runs a task when standard input ends, on a separate thread. */
  private static void onEndOfInput(Runnable task) {
    Thread reader =
        DaemonThreads.create(
            () -> {
              try (InputStream input = System.in) {
                input.transferTo(java.io.OutputStream.nullOutputStream());
              } catch (IOException unreadable) {
                // Treat it as the end of input.
              }
              task.run();
            },
            "pagewire-stdin");
    reader.start();
  }
}
