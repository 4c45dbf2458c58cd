package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.EndSessionRequest;
import dev.pagewire.v1.ServerStartRequest;
import dev.pagewire.v1.ServerStartResponse;
import dev.pagewire.v1.ServerStarted;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A plugin's session: as long as its stream is held, the plugin is part of the daemon. It is run by
 * one thread, which everything else sends signals to.
 */
final class Session {
  /** How long the session may take to say why a hook's stream ended before it did. 1 s. */
  private static final Duration VERDICT_TIMEOUT = Duration.ofSeconds(1);

  /**
   * For handlers that still run and the stop handler, when the program ends the plugin, or the
   * daemon does not say how long it waits. 2 s.
   */
  private static final Duration STOP_GRACE = Duration.ofSeconds(2);

  /** Who ended a session in order. */
  enum Ended {
    BY_DAEMON,
    BY_PROGRAM
  }

  private enum Kind {
    READY,
    STOPPING,
    ENDED,
    HOOK_ENDED,
    START_FAILED,
    STOP
  }

  private record Signal(Kind kind, Throwable error, Duration grace) {
    Signal(Kind kind) {
      this(kind, null, STOP_GRACE);
    }

    Signal(Kind kind, Throwable error) {
      this(kind, error, STOP_GRACE);
    }
  }

  private final Plugin plugin;
  private final Client client;
  private final BlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
  private final CompletableFuture<ServerStarted> started = new CompletableFuture<>();
  private final List<SessionPart> parts = new ArrayList<>();
  private ClientCall<ServerStartRequest, ServerStartResponse> stream;
  private HandlerCall<Context, Object> starting;

  /** Of a plugin that is part of the daemon; null until then. */
  private Context context;

  Session(Plugin plugin, Client client) {
    this.plugin = plugin;
    this.client = client;
  }

  /** The folders that the daemon serves; null = the plugin was never part of it. */
  List<Path> rootDirs() {
    return context == null ? null : context.rootDirs();
  }

  /** The program ends the plugin. May be called from anywhere. */
  void stop() {
    signals.add(new Signal(Kind.STOP));
  }

  /** Runs until the session ends, or the program ends the plugin. */
  Ended run(String launchId) throws InterruptedException {
    try {
      stream =
          client
              .connection()
              .start(
                  ControlServiceGrpc.getServerStartMethod(),
                  CallOptions.DEFAULT,
                  null,
                  new Listener());
      stream.sendMessage(plugin.startRequest(launchId));
      stream.halfClose();
      stream.request(1);
      Context opening = new Context(client, get(started));
      for (Plugin.DeclaredHook hook : plugin.hooks()) {
        SessionPart part = hook.opener().apply(opening);
        parts.add(part);
        get(part.opened());
        part.ended().whenComplete((done, why) -> signals.add(new Signal(Kind.HOOK_ENDED, why)));
      }
      context = opening;
      return live();
    } finally {
      parts.forEach(SessionPart::cut);
      if (starting != null) {
        starting.cancel();
      }
      if (stream != null) {
        stream.cancel("the session is over", null);
      }
    }
  }

  private Ended live() throws InterruptedException {
    while (true) {
      Signal signal = signals.take();
      switch (signal.kind) {
        case READY -> start();
        case STOPPING -> {
          return leave(Ended.BY_DAEMON, signal.grace);
        }
        case STOP -> {
          return leave(Ended.BY_PROGRAM, STOP_GRACE);
        }
        case ENDED -> {
          return leave(signal);
        }
        case START_FAILED -> throw plugin.failed("server_start failed", signal.error);
        case HOOK_ENDED -> {
          return leave(verdict(signal));
        }
      }
    }
  }

  private void start() {
    if (plugin.startHandler() != null) {
      starting =
          new HandlerCall<>(
              Callback.waiting(plugin.startHandler()),
              context,
              (done, error) -> {
                if (error != null) {
                  signals.add(new Signal(Kind.START_FAILED, error));
                }
              });
      starting.start();
    }
  }

  /** The end of a session ends its hooks too, and the session knows why. */
  private Signal verdict(Signal hookEnded) throws InterruptedException {
    long end = System.nanoTime() + VERDICT_TIMEOUT.toNanos();
    while (true) {
      Signal signal = signals.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (signal == null) {
        return hookEnded;
      }
      if (signal.kind == Kind.STOPPING || signal.kind == Kind.ENDED || signal.kind == Kind.STOP) {
        return signal;
      }
    }
  }

  private Ended leave(Signal signal) throws InterruptedException {
    if (signal.error instanceof RuntimeException error) {
      throw error;
    }
    return leave(signal.kind == Kind.STOP ? Ended.BY_PROGRAM : Ended.BY_DAEMON, signal.grace);
  }

  /** Beyond its grace the daemon cuts the streams: what is not done by then never will be. */
  private Ended leave(Ended ended, Duration grace) throws InterruptedException {
    long end = System.nanoTime() + Timers.nanos(grace);
    if (plugin.stopHandler() != null) {
      CompletableFuture<Void> stopped = new CompletableFuture<>();
      HandlerCall<Client, Object> stopping =
          new HandlerCall<>(
              Callback.waiting(plugin.stopHandler()),
              client,
              (done, error) -> {
                if (error == null) {
                  stopped.complete(null);
                } else {
                  stopped.completeExceptionally(error);
                }
              });
      stopping.start();
      try {
        // Hooks go on meanwhile: the stop handler may need what they serve.
        stopped.get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException failed) {
        throw plugin.failed("server_stop failed", failed.getCause());
      } catch (TimeoutException late) {
        stopping.cancel();
        return ended;
      }
    }
    parts.forEach(SessionPart::finish);
    for (SessionPart part : parts) {
      try {
        part.ended().get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException | TimeoutException cut) {
        // The daemon may have been faster.
      }
    }
    if (ended == Ended.BY_PROGRAM) {
      endSession(Duration.ofNanos(end - System.nanoTime()));
    }
    return ended;
  }

  /** Waits until nothing in the daemon waits for the plugin any more. */
  private void endSession(Duration timeout) throws InterruptedException {
    EndSessionRequest request =
        EndSessionRequest.newBuilder().setSessionId(context.sessionId()).build();
    try {
      client
          .connection()
          .unary(ControlServiceGrpc.getEndSessionMethod(), request, timeout, done -> done)
          .get();
    } catch (ExecutionException gone) {
      // What fails has ended it too: it is gone, or the connection is.
    }
  }

  /** Waits; the daemon ends the wait by ending the session. */
  private static <T> T get(CompletableFuture<T> future) throws InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException failed) {
      throw (RuntimeException) failed.getCause();
    }
  }

  private final class Listener extends ClientCall.Listener<ServerStartResponse> {
    @Override
    public void onMessage(ServerStartResponse message) {
      switch (message.getEventCase()) {
        case STARTED -> started.complete(message.getStarted());
        case READY -> signals.add(new Signal(Kind.READY));
        case STOPPING ->
            signals.add(
                new Signal(
                    Kind.STOPPING,
                    null,
                    message.getStopping().hasGrace()
                        ? FromWire.duration(message.getStopping().getGrace())
                        : STOP_GRACE));
        default -> {}
      }
      stream.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      PagewireException why = status.isOk() ? null : Refusals.from(status, trailers);
      started.completeExceptionally(
          why == null
              ? new UnexpectedAnswerException("a session that does not begin with `started`")
              : why);
      signals.add(new Signal(Kind.ENDED, why));
    }
  }
}
