package dev.pagewire.client;

import dev.pagewire.v1.ServerStartRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A plugin: its name, and what it does when something happens.
 *
 * <pre>{@code
 * Plugin.named("hello")
 *     .serve(Filter.path("/hello.js"), request -> Content.js("export default () => 'hi'"))
 *     .run();
 * }</pre>
 *
 * <p>Handlers may throw anything, use the client freely and wait as long as they like: each that
 * runs has a thread. They run at the same time as each other; events of one socket are handled one
 * after the other, in order; 256 event handlers run at most, and a plugin that falls behind by more
 * than the daemon buffers is ended with {@code SUBSCRIBER_SLOW}: nothing is lost silently. The
 * forms whose name ends in {@code Async} return a future instead, and are called on the thread that
 * reads from the daemon: they are faster, and must not wait for anything.
 *
 * <p>A handler that fails never ends the plugin: the hooks ({@code serve}, {@code transform},
 * {@code resolveImport}) show the failure in the page, {@code onRequest} tells it the page, all
 * others write it to standard error. The exceptions are {@link #serverStart} and {@link
 * #serverStop}, whose failures end {@link #run()}.
 *
 * <p>A call of a hook that nobody waits for any more is cancelled: its thread is interrupted, or
 * the future that it returned is cancelled. What it makes then is thrown away.
 *
 * <p>Each method that declares something changes the plugin and returns it. A plugin is put
 * together by one thread, before it is run, and runs once.
 */
public final class Plugin extends PluginHandlers {
  private String version = "";
  private final List<String> requiredFeatures = new ArrayList<>();
  private boolean injectWebSocket;
  private boolean replaceExisting;
  private final Running running = new Running(this);
  private final AtomicBoolean hasRun = new AtomicBoolean();

  private Plugin(String name) {
    super(name);
  }

  /**
   * A plugin of this name, which no other live plugin may have. The daemon's configuration and its
   * order of plugins are keyed by it.
   *
   * @param name {@code [a-z][a-z0-9-]{0,62}}
   * @return the plugin, which does nothing yet
   */
  public static Plugin named(String name) {
    return new Plugin(name);
  }

  /**
   * The plugin's version, for people.
   *
   * @param version any text
   * @return this
   */
  public Plugin version(String version) {
    this.version = version;
    return this;
  }

  /**
   * Refuses to run ({@code FEATURE_UNSUPPORTED}) with a daemon that lacks a feature. May be
   * repeated.
   *
   * @param feature the feature, of {@link ServerInfo#features}
   * @return this
   */
  public Plugin requireFeature(String feature) {
    requiredFeatures.add(feature);
    return this;
  }

  /**
   * Has the web socket client put into HTML pages, so that they connect. Default: not for this
   * plugin. The daemon's {@code --inject} wins over it.
   *
   * @return this
   */
  public Plugin injectWebSocket() {
    injectWebSocket = true;
    return this;
  }

  /**
   * Takes the name over from a live plugin. Default: its being taken is an error ({@code
   * PLUGIN_NAME_TAKEN}).
   *
   * @return this
   */
  public Plugin replaceExisting() {
    replaceExisting = true;
    return this;
  }

  /**
   * Runs the plugin with the daemon that spawned it, or that {@code PAGEWIRE_ENDPOINT} names, or
   * that is meant in the current folder ({@link Endpoint#find}), until the program {@link #stop
   * ends} it. Waits all that time; an interrupt withdraws the plugin at once, and leaves the thread
   * interrupted.
   *
   * <p>When the connection is lost or the daemon stops, the plugin looks for the daemon again (one
   * that was found: for one that serves the same folders) after 0.2, 0.5, 1, 2, then every 5 s, for
   * ever; {@link #serverStart} is then called again, and messages count from the new session on.
   *
   * <p>A plugin that the daemon spawned does not come back: it is started again. This returns when
   * the daemon stops, or when standard input ends: the daemon has gone, or has waited long enough.
   * Nothing else may read that input.
   *
   * @throws PagewireException at the first try whatever goes wrong, {@link NoDaemonException} and
   *     {@link CannotConnectException} too; later what the daemon refuses for good: {@link
   *     RpcException} with {@code REPLACED} or the code {@code UNAUTHENTICATED} (with a token that
   *     was named), {@code INVALID_ARGUMENT} or {@code FAILED_PRECONDITION}; {@link
   *     PluginException} when the start or stop handler fails, or the plugin was run before
   */
  public void run() {
    begin();
    if (!running.runSpawned()) {
      running.run(Endpoint::findAgain, Endpoint.namesToken(), false);
    }
  }

  /**
   * As {@link #run()} with this endpoint, whoever spawned the program.
   *
   * @param endpoint where the daemon listens
   */
  public void run(Endpoint endpoint) {
    begin();
    running.run(home -> endpoint, endpoint.token().isPresent(), false);
  }

  /**
   * As {@link #run()}, but does not come back: it returns when the daemon stops, and fails with
   * {@link DisconnectedException} when the connection is lost.
   */
  public void runOnce() {
    begin();
    if (!running.runSpawned()) {
      running.run(home -> Endpoint.find(), Endpoint.namesToken(), true);
    }
  }

  /**
   * As {@link #runOnce()} with this endpoint, whoever spawned the program.
   *
   * @param endpoint where the daemon listens
   */
  public void runOnce(Endpoint endpoint) {
    begin();
    running.run(home -> endpoint, endpoint.token().isPresent(), true);
  }

  /**
   * As {@link #run()}, on a thread of its own, which keeps no program alive.
   *
   * @return a future that completes when the plugin has ended
   */
  public CompletableFuture<Void> start() {
    CompletableFuture<Void> ended = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                run();
                ended.complete(null);
              } catch (RuntimeException problem) {
                ended.completeExceptionally(problem);
              }
            },
            "pagewire-plugin-" + name());
    thread.setDaemon(true);
    thread.start();
    return ended;
  }

  /**
   * Withdraws the plugin in order: handlers that run may finish, {@link #serverStop} is called, and
   * then {@link #run()} returns without an error, all within 2 s. Returns at once. May be called
   * from anywhere; a plugin that does not run yet returns as soon as it is run.
   */
  public void stop() {
    running.stop();
  }

  private void begin() {
    if (!hasRun.compareAndSet(false, true)) {
      throw new PluginException(name(), "it is run twice (make another one)", null);
    }
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
