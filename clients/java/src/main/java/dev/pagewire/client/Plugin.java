package dev.pagewire.client;

import dev.pagewire.v1.ServerStartRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A plugin: a name and the handlers for requests and events.
 *
 * <pre>{@code
 * Plugin.named("hello")
 *     .serve(Filter.path("/hello.js"), request -> Content.js("export default () => 'hi'"))
 *     .run();
 * }</pre>
 *
 * <p>Handlers may throw any exception, use the client, and block as long as they like: each running
 * handler has its own thread. They run concurrently, except that events of one socket are handled
 * one at a time, in order. At most 256 event handlers run at once; the daemon ends a plugin that
 * falls further behind than its queue allows ({@code SUBSCRIBER_SLOW}), so nothing is lost
 * silently. The variants whose name ends in {@code Async} return a future instead and are called on
 * the thread that reads from the daemon: they are faster, but must not block.
 *
 * <p>A failing handler never ends the plugin. Failures of hooks ({@code serve}, {@code transform},
 * {@code resolveImport}) are shown in the page, those of {@code onRequest} are sent to the page,
 * and all are logged. The exceptions are {@link #serverStart} and {@link #serverStop}, whose
 * failures end {@link #run()}.
 *
 * <p>A plugin logs through the {@link System.Logger} {@code dev.pagewire.client}: that it is
 * connected (info), that it lost its daemon (warning), and failing handlers (error).
 *
 * <p>When the daemon no longer needs a hook's result, it cancels the call: the handler's thread is
 * interrupted, or its future cancelled. The result is discarded.
 *
 * <p>Each declaring method changes the plugin and returns it. A plugin is built by one thread
 * before it is run, and runs once.
 */
public final class Plugin extends PluginHandlers {
  private String version = "";
  private final List<String> requiredFeatures = new ArrayList<>();
  private boolean injectWebSocket;
  private boolean replaceExisting;
  private boolean handleSignals = true;
  private final PluginRunner runner = new PluginRunner(this);
  private final CompletableFuture<Void> started = new CompletableFuture<>();
  private final AtomicBoolean hasRun = new AtomicBoolean();

  private Plugin(String name) {
    super(name);
  }

  /**
   * Creates a plugin. Its name must be unique among live plugins; the daemon's configuration and
   * plugin order refer to it.
   *
   * @param name {@code [a-z][a-z0-9-]{0,62}}
   * @return the plugin, without any handler
   */
  public static Plugin named(String name) {
    return new Plugin(name);
  }

  /**
   * Sets the plugin's version, as information for humans.
   *
   * @param version any text
   * @return this plugin
   */
  public Plugin version(String version) {
    this.version = version;
    return this;
  }

  /**
   * Requires a feature of the daemon: with a daemon that lacks it, running fails ({@code
   * FEATURE_UNSUPPORTED}). May be repeated.
   *
   * @param feature one of {@link ServerInfo#features}
   * @return this plugin
   */
  public Plugin requireFeature(String feature) {
    requiredFeatures.add(feature);
    return this;
  }

  /**
   * Makes the daemon inject the socket client into HTML pages, so that they connect. Default off.
   * The daemon's {@code --inject} takes precedence.
   *
   * @return this plugin
   */
  public Plugin injectWebSocket() {
    injectWebSocket = true;
    return this;
  }

  /**
   * Takes the name over from a live plugin. By default a name in use is an error ({@code
   * PLUGIN_NAME_TAKEN}).
   *
   * @return this plugin
   */
  public Plugin replaceExisting() {
    replaceExisting = true;
    return this;
  }

  /**
   * Sets whether {@link #run()} and {@link #runOnce()} handle signals: they {@link #stop} the
   * plugin on SIGINT and SIGTERM and return normally; a second signal ends the program at once.
   * Default on. Shutdown hooks of the program are not called until it ends.
   *
   * @param handle false to leave the signals to the program
   * @return this plugin
   */
  public Plugin handleSignals(boolean handle) {
    handleSignals = handle;
    return this;
  }

  /**
   * Runs the plugin until the program or a {@linkplain #handleSignals signal} {@link #stop stops}
   * it. It connects to the daemon that spawned it, or that {@code PAGEWIRE_ENDPOINT} names, or that
   * discovery selects for the current folder ({@link Endpoint#find}). Blocks all that time; an
   * interrupt disconnects the plugin at once and leaves the thread interrupted.
   *
   * <p>When the connection is lost or the daemon stops, the plugin reconnects after 0.2, 0.5, 1 and
   * 2 s, then every 5 s, indefinitely. A daemon that was discovered is discovered again, among
   * those that serve the same folders. {@link #serverStart} is then called again, and events are
   * delivered from the start of the new session.
   *
   * <p>A plugin that the daemon spawned does not reconnect, because the daemon restarts it. This
   * method returns when the daemon stops or when standard input ends, which means that the daemon
   * has exited or its grace period is over. The program must not read standard input itself.
   *
   * @throws PagewireException on the first attempt any error, including {@link NoDaemonException}
   *     and {@link CannotConnectException}; later only permanent refusals by the daemon: {@link
   *     RpcException} with {@code REPLACED} or the code {@code INVALID_ARGUMENT} or {@code
   *     FAILED_PRECONDITION}, or the code {@code UNAUTHENTICATED} if {@code PAGEWIRE_TOKEN} or the
   *     endpoint has the token; {@link PluginException} when the start or stop handler fails, or
   *     the plugin has already been run
   */
  public void run() {
    withSignals(() -> runFound(false));
  }

  /**
   * Runs the plugin as {@link #run()} does, with this endpoint, even if a daemon spawned the
   * program.
   *
   * @param endpoint the daemon's control endpoint
   */
  public void run(Endpoint endpoint) {
    withSignals(() -> runAt(endpoint, false));
  }

  /**
   * Runs the plugin as {@link #run()} does, but without reconnecting: returns when the daemon
   * stops, and throws {@link DisconnectedException} when the connection is lost.
   */
  public void runOnce() {
    withSignals(() -> runFound(true));
  }

  /**
   * Runs the plugin as {@link #runOnce()} does, with this endpoint, even if a daemon spawned the
   * program.
   *
   * @param endpoint the daemon's control endpoint
   */
  public void runOnce(Endpoint endpoint) {
    withSignals(() -> runAt(endpoint, true));
  }

  /**
   * Runs the plugin as {@link #run()} does, on a new daemon thread, and leaves signals to the
   * program.
   *
   * @return a future that completes when the plugin has ended
   */
  public CompletableFuture<Void> start() {
    return start(() -> runFound(false));
  }

  /**
   * Runs the plugin as {@link #run(Endpoint)} does, on a new daemon thread, and leaves signals to
   * the program.
   *
   * @param endpoint the daemon's control endpoint
   * @return a future that completes when the plugin has ended
   */
  public CompletableFuture<Void> start(Endpoint endpoint) {
    return start(() -> runAt(endpoint, false));
  }

  private CompletableFuture<Void> start(Runnable run) {
    CompletableFuture<Void> ended = new CompletableFuture<>();
    Thread thread =
        DaemonThreads.create(
            () -> {
              try {
                run.run();
                ended.complete(null);
              } catch (RuntimeException problem) {
                ended.completeExceptionally(problem);
              }
            },
            "pagewire-plugin-" + name());
    thread.start();
    return ended;
  }

  /**
   * {@return a future that completes when the plugin is connected for the first time and {@link
   * #serverStart} has returned; it fails if the plugin ends before}
   */
  public CompletableFuture<Void> started() {
    return started;
  }

  private void withSignals(Runnable run) {
    if (handleSignals) {
      StopSignals.handledDuring(run, this::stop);
    } else {
      run.run();
    }
  }

  /** Runs with the daemon that spawned this process, or else with the one that is found. */
  private void runFound(boolean once) {
    runFirst(
        () -> {
          if (!runner.runSpawned()) {
            runner.run(Endpoint::findAgain, Endpoint.namesToken(), once);
          }
        });
  }

  private void runAt(Endpoint endpoint, boolean once) {
    runFirst(() -> runner.run(rootDirs -> endpoint, endpoint.token().isPresent(), once));
  }

  private void runFirst(Runnable run) {
    if (!hasRun.compareAndSet(false, true)) {
      throw new PluginException(name(), "a plugin can run only once (create another one)", null);
    }
    try {
      checkFilters();
      run.run();
      started.completeExceptionally(
          new PluginException(name(), "stopped before it had started", null));
    } catch (RuntimeException problem) {
      started.completeExceptionally(problem);
      throw problem;
    }
  }

  /**
   * Stops the plugin: running handlers may finish, {@link #serverStop} is called, and then {@link
   * #run()} returns normally, all within 2 s. Returns at once. Thread-safe. A plugin that is not
   * running yet returns as soon as it is run.
   */
  public void stop() {
    runner.stop();
  }

  @Override
  Plugin self() {
    return this;
  }

  ServerStartRequest startRequest(String launchId) {
    return ServerStartRequest.newBuilder()
        .setPluginName(name())
        .setPluginVersion(version)
        .addAllRequiredFeatures(requiredFeatures)
        .addAllHooks(hooks().stream().map(DeclaredHook::kind).toList())
        .setReplaceExisting(replaceExisting)
        .setInjectWebSocket(injectWebSocket)
        .setLaunchId(launchId)
        .build();
  }

  @Override
  public String toString() {
    return "plugin " + name();
  }
}
