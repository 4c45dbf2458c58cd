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
 * Session of a plugin. The plugin is registered with the daemon while the session's stream is open.
 * One thread runs the session; everything else sends it signals.
 */
final class Session {
  /**
   * How long to wait, after a hook's stream has ended, for the session's stream to give the reason.
   */
  private static final Duration END_REASON_TIMEOUT = Duration.ofSeconds(1);

  /**
   * Grace period for running handlers and the stop handler, if the program stops the plugin or the
   * daemon does not name one.
   */
  private static final Duration STOP_GRACE = Duration.ofSeconds(2);

  /** The side that ended a session without an error. */
  enum EndedBy {
    DAEMON,
    PROGRAM
  }

  private enum SignalKind {
    READY,
    STOPPING,
    ENDED,
    HOOK_ENDED,
    START_FAILED,
    STOP
  }

  private record Signal(SignalKind kind, Throwable error, Duration grace) {
    Signal(SignalKind kind) {
      this(kind, null, STOP_GRACE);
    }

    Signal(SignalKind kind, Throwable error) {
      this(kind, error, STOP_GRACE);
    }
  }

  private final Plugin plugin;
  private final Client client;

  /** Whether the plugin was connected before. */
  private final boolean again;

  private final BlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
  private final CompletableFuture<ServerStarted> started = new CompletableFuture<>();
  private final List<OpenHook> hooks = new ArrayList<>();
  private ClientCall<ServerStartRequest, ServerStartResponse> stream;
  private HandlerCall<Context, Object> startCall;

  /** Null until all hooks are open. */
  private Context context;

  Session(Plugin plugin, Client client, boolean again) {
    this.plugin = plugin;
    this.client = client;
    this.again = again;
  }

  /** Returns the daemon's root folders, or null if the session has not got as far as running. */
  List<Path> rootDirs() {
    return context == null ? null : context.rootDirs();
  }

  /** Stops the plugin gracefully. Thread-safe. */
  void stop() {
    signals.add(new Signal(SignalKind.STOP));
  }

  /** Runs until the session ends. */
  EndedBy run(String launchId) throws InterruptedException {
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
      Context newContext = get(Context.create(client, get(started)));
      if (plugin.startHandler() == null) {
        newContext.startGate().open();
      }
      for (Plugin.DeclaredHook declared : plugin.hooks()) {
        OpenHook hook = declared.opener().apply(newContext);
        hooks.add(hook);
        awaitOpen(declared, hook);
        hook.ended()
            .whenComplete((done, why) -> signals.add(new Signal(SignalKind.HOOK_ENDED, why)));
      }
      context = newContext;
      return handleSignals();
    } finally {
      hooks.forEach(OpenHook::abort);
      if (startCall != null) {
        startCall.cancel();
      }
      if (stream != null) {
        stream.cancel("the session has ended", null);
      }
    }
  }

  private void awaitOpen(Plugin.DeclaredHook declared, OpenHook hook) throws InterruptedException {
    try {
      get(hook.opened());
    } catch (RpcException refused) {
      throw refused.of("plugin `" + plugin.name() + "`, " + declared.name());
    }
  }

  private EndedBy handleSignals() throws InterruptedException {
    while (true) {
      Signal signal = signals.take();
      switch (signal.kind) {
        case READY -> {
          PluginLog.connected(context, again);
          callStartHandler();
          context.startGate().opened().thenRun(() -> plugin.started().complete(null));
        }
        case STOPPING -> {
          return shutDown(EndedBy.DAEMON, signal.grace);
        }
        case STOP -> {
          return shutDown(EndedBy.PROGRAM, STOP_GRACE);
        }
        case ENDED -> {
          return shutDown(signal);
        }
        case START_FAILED -> throw plugin.failed("server_start failed", signal.error);
        case HOOK_ENDED -> {
          return shutDown(endReason(signal));
        }
      }
    }
  }

  private void callStartHandler() {
    if (plugin.startHandler() != null) {
      startCall =
          new HandlerCall<>(
              Callback.blocking(plugin.startHandler()),
              context,
              (done, error) -> {
                if (error == null) {
                  context.startGate().open();
                } else {
                  signals.add(new Signal(SignalKind.START_FAILED, error));
                }
              });
      startCall.start();
    }
  }

  /** Returns the signal with the reason why the session, and with it the hook, has ended. */
  private Signal endReason(Signal hookEnded) throws InterruptedException {
    long end = System.nanoTime() + END_REASON_TIMEOUT.toNanos();
    while (true) {
      Signal signal = signals.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (signal == null) {
        return hookEnded;
      }
      if (signal.kind == SignalKind.STOPPING
          || signal.kind == SignalKind.ENDED
          || signal.kind == SignalKind.STOP) {
        return signal;
      }
    }
  }

  private EndedBy shutDown(Signal signal) throws InterruptedException {
    if (signal.error instanceof RuntimeException error) {
      throw error;
    }
    return shutDown(
        signal.kind == SignalKind.STOP ? EndedBy.PROGRAM : EndedBy.DAEMON, signal.grace);
  }

  /**
   * Calls the stop handler and drains the hooks. After the grace period the daemon closes the
   * streams anyway.
   */
  private EndedBy shutDown(EndedBy endedBy, Duration grace) throws InterruptedException {
    long end = System.nanoTime() + Timers.nanos(grace);
    if (plugin.stopHandler() != null) {
      CompletableFuture<Void> stopped = new CompletableFuture<>();
      HandlerCall<Client, Object> stopCall =
          new HandlerCall<>(
              Callback.blocking(plugin.stopHandler()),
              client,
              (done, error) -> {
                if (error == null) {
                  stopped.complete(null);
                } else {
                  stopped.completeExceptionally(error);
                }
              });
      stopCall.start();
      try {
        // Hooks stay open meanwhile: the stop handler may depend on what they serve.
        stopped.get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException failed) {
        throw plugin.failed("server_stop failed", failed.getCause());
      } catch (TimeoutException overrun) {
        stopCall.cancel();
        return endedBy;
      }
    }
    hooks.forEach(OpenHook::drain);
    for (OpenHook hook : hooks) {
      try {
        hook.ended().get(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException | TimeoutException unfinished) {
        // The daemon may have closed the stream first.
      }
    }
    if (endedBy == EndedBy.PROGRAM) {
      endSession(Duration.ofNanos(end - System.nanoTime()));
    }
    return endedBy;
  }

  /** Ends the session in the daemon, and waits until nothing there waits for the plugin. */
  private void endSession(Duration timeout) throws InterruptedException {
    EndSessionRequest request =
        EndSessionRequest.newBuilder().setSessionId(context.sessionId()).build();
    try {
      client
          .connection()
          .unary(ControlServiceGrpc.getEndSessionMethod(), request, timeout, done -> done)
          .get();
    } catch (ExecutionException gone) {
      // The session has ended anyway, or the connection is lost.
    }
  }

  /** Waits for a future. The wait ends at the latest when the daemon ends the session. */
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
        case READY -> signals.add(new Signal(SignalKind.READY));
        case STOPPING ->
            signals.add(
                new Signal(
                    SignalKind.STOPPING,
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
      PagewireException why = status.isOk() ? null : RpcErrors.from(status, trailers);
      started.completeExceptionally(
          why == null
              ? new UnexpectedAnswerException("a session that does not begin with `started`")
              : why);
      signals.add(new Signal(SignalKind.ENDED, why));
    }
  }
}
