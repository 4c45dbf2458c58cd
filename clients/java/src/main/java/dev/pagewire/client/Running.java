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

/** Runs a plugin: once, or again and again for as long as there is a daemon to come back to. */
final class Running {
  /** Ties a process that the daemon spawned to its session. */
  private static final String LAUNCH_ID_VARIABLE = "PAGEWIRE_LAUNCH_ID";

  /** Pauses before a plugin looks for a daemon again. The last one is for all further tries. */
  private static final List<Duration> PAUSES =
      List.of(
          Duration.ofMillis(200),
          Duration.ofMillis(500),
          Duration.ofSeconds(1),
          Duration.ofSeconds(2),
          Duration.ofSeconds(5));

  private final Plugin plugin;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();

  /** The session of the moment, to be told of the end. Guarded by this. */
  private Session session;

  /** The folders of the daemon that the plugin was part of last; null = it never was. */
  private List<Path> home;

  /** Whether it was at the last try. */
  private boolean begun;

  Running(Plugin plugin) {
    this.plugin = plugin;
  }

  /** Withdraws the plugin in order. Returns at once. */
  void stop() {
    Session told;
    synchronized (this) {
      stopped.complete(null);
      told = session;
    }
    if (told != null) {
      told.stop();
    }
  }

  /**
   * Runs it.
   *
   * @param find gets the folders of the daemon that the plugin was part of; null = it never was
   * @param namesToken whether the token was named; one that was found may be of the daemon before
   */
  void run(Function<List<Path>, Endpoint> find, boolean namesToken, boolean once) {
    interruptibly(
        () -> {
          if (once) {
            tryOnce(find.apply(home), "");
          } else {
            again(find, namesToken);
          }
        });
  }

  /** With the daemon that spawned us, if one did. */
  boolean runSpawned() {
    String launchId = System.getenv(LAUNCH_ID_VARIABLE);
    if (launchId == null || launchId.isEmpty()) {
      return false;
    }
    CountDownLatch over = new CountDownLatch(1);
    Throwable[] failed = new Throwable[1];
    Thread session =
        new Thread(
            () -> {
              try {
                tryOnce(Endpoint.find(), launchId);
              } catch (RuntimeException | InterruptedException problem) {
                failed[0] = problem;
              }
              over.countDown();
            },
            "pagewire-session");
    session.setDaemon(true);
    session.start();
    onEndOfInput(over::countDown);
    interruptibly(over::await);
    if (failed[0] instanceof RuntimeException problem) {
      throw problem;
    }
    session.interrupt();
    return true;
  }

  private interface Interruptible {
    void run() throws InterruptedException;
  }

  /** An interrupt withdraws the plugin at once. */
  private static void interruptibly(Interruptible work) {
    try {
      work.run();
    } catch (InterruptedException | CancellationException given) {
      Thread.currentThread().interrupt();
    } catch (PagewireException problem) {
      // It may have been made on any thread.
      problem.setStackTrace(new Throwable().getStackTrace());
      throw problem;
    }
  }

  private void again(Function<List<Path>, Endpoint> find, boolean namesToken)
      throws InterruptedException {
    for (int tries = 0; ; tries++) {
      begun = false;
      try {
        if (tryOnce(find.apply(home), "") == Session.Ended.BY_PROGRAM) {
          return;
        }
        say("the daemon has stopped");
      } catch (PagewireException problem) {
        if (home == null || !mayPass(problem, namesToken)) {
          throw problem;
        }
        if (begun) {
          say(problem.getMessage());
        }
      }
      tries = begun ? 0 : tries;
      if (pause(PAUSES.get(Math.min(tries, PAUSES.size() - 1)))) {
        return;
      }
    }
  }

  /** Whether the program has ended the plugin meanwhile. */
  private boolean pause(Duration time) throws InterruptedException {
    try {
      stopped.get(time.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (java.util.concurrent.TimeoutException passed) {
      return false;
    } catch (ExecutionException never) {
      throw new IllegalStateException(never);
    }
  }

  /** One session, or none if the program ends the plugin before. */
  private Session.Ended tryOnce(Endpoint endpoint, String launchId) throws InterruptedException {
    CompletableFuture<Client> connecting = Client.connectAsync(endpoint);
    try {
      CompletableFuture.anyOf(stopped, connecting).get();
    } catch (ExecutionException failed) {
      throw (RuntimeException) failed.getCause();
    }
    if (stopped.isDone()) {
      connecting.thenAccept(Client::close);
      return Session.Ended.BY_PROGRAM;
    }
    try (Client client = connecting.join()) {
      Session current = new Session(plugin, client);
      synchronized (this) {
        session = current;
        if (stopped.isDone()) {
          current.stop();
        }
      }
      try {
        return current.run(launchId);
      } finally {
        begun = current.rootDirs() != null;
        home = begun ? current.rootDirs() : home;
        synchronized (this) {
          session = null;
        }
      }
    }
  }

  /** Whether another try may go better: nothing was refused, or only for a while. */
  static boolean mayPass(PagewireException problem, boolean namesToken) {
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

  private void say(String what) {
    System.err.println(
        "plugin `" + plugin.name() + "`: " + what + "; it comes back when its daemon does");
  }

  /** Waits for the end of standard input on a thread of its own. */
  private static void onEndOfInput(Runnable task) {
    Thread reader =
        new Thread(
            () -> {
              try (InputStream input = System.in) {
                input.transferTo(java.io.OutputStream.nullOutputStream());
              } catch (IOException ended) {
                // What cannot be read has ended too.
              }
              task.run();
            },
            "pagewire-stdin");
    reader.setDaemon(true);
    reader.start();
  }
}
