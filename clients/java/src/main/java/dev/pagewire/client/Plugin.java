package dev.pagewire.client;

import dev.pagewire.v1.Hook;
import dev.pagewire.v1.ResolvedImports;
import dev.pagewire.v1.ServerStartRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

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
public final class Plugin {
  private final String name;
  private String version = "";
  private final List<String> requiredFeatures = new ArrayList<>();
  private boolean injectWebSocket;
  private boolean replaceExisting;
  private Handler<Context, Object> startHandler;
  private Handler<Client, Object> stopHandler;
  private DeclaredHook serve;
  private DeclaredHook transform;
  private DeclaredHook resolveImport;
  private final Listeners listeners = new Listeners();
  private final Running running = new Running(this);
  private final AtomicBoolean hasRun = new AtomicBoolean();

  /** A hook that each session opens. */
  record DeclaredHook(Hook kind, Function<Context, SessionPart> opener) {}

  private Plugin(String name) {
    this.name = name;
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
   * Called when all hooks of this plugin are in force, and again each time that the plugin came
   * back to a daemon. Hooks may be called before it returns: what they need to be ready is prepared
   * before {@link #run()}.
   *
   * @param handler gets the plugin's view of the daemon
   * @return this
   */
  public Plugin serverStart(Action<Context> handler) {
    once("serverStart", startHandler);
    startHandler = returning(handler);
    return this;
  }

  /**
   * Called when the daemon stops, or the program {@link #stop ends} the plugin. It has 2 s, or what
   * the daemon grants. Not called when the connection is lost.
   *
   * @param handler gets the connection, which still works
   * @return this
   */
  public Plugin serverStop(Action<Client> handler) {
    once("serverStop", stopHandler);
    stopHandler = returning(handler);
    return this;
  }

  private static <T> Handler<T, Object> returning(Action<T> action) {
    return input -> {
      action.run(input);
      return null;
    };
  }

  /**
   * Answers the requests that a filter matches. Otherwise as {@link #serve(ServeOptions, Handler)}.
   *
   * @param filter which requests
   * @param handler makes a {@link Content}, or null or a {@link Skip}
   * @return this
   */
  public Plugin serve(Filter filter, Handler<Request, ? extends Outcome> handler) {
    return serve(ServeOptions.of(filter), handler);
  }

  /**
   * Answers the requests that the options say. What the handler throws is shown in the page; a
   * {@link Failure} brings its place in the source.
   *
   * <p>Calls run at the same time. A plugin has one serve handler: it tells paths apart itself.
   *
   * @param options which requests, and how it is asked
   * @param handler makes a {@link Content}, or null or a {@link Skip}
   * @return this
   */
  public Plugin serve(ServeOptions options, Handler<Request, ? extends Outcome> handler) {
    return serve(options, Callback.waiting(handler));
  }

  /**
   * As {@link #serve(Filter, Handler)}, with a handler that returns a future and must not wait.
   *
   * @param filter which requests
   * @param handler makes a future of a {@link Content}, or of null or a {@link Skip}
   * @return this
   */
  public Plugin serveAsync(
      Filter filter, Handler<Request, ? extends CompletionStage<? extends Outcome>> handler) {
    return serveAsync(ServeOptions.of(filter), handler);
  }

  /**
   * As {@link #serve(ServeOptions, Handler)}, with a handler that returns a future and must not
   * wait.
   *
   * @param options which requests, and how it is asked
   * @param handler makes a future of a {@link Content}, or of null or a {@link Skip}
   * @return this
   */
  public Plugin serveAsync(
      ServeOptions options,
      Handler<Request, ? extends CompletionStage<? extends Outcome>> handler) {
    return serve(options, Callback.async(handler));
  }

  private Plugin serve(ServeOptions options, Callback<Request, Outcome> callback) {
    once("serve", serve);
    serve = new DeclaredHook(Hook.HOOK_SERVE, context -> new ServeHook(options, callback, context));
    return this;
  }

  /**
   * Changes the responses that a filter matches. Otherwise as {@link #transform(TransformOptions,
   * Handler)}.
   *
   * @param filter which responses
   * @param handler makes a {@link Change}, or null
   * @return this
   */
  public Plugin transform(Filter filter, Handler<Response, Change> handler) {
    return transform(TransformOptions.of(filter), handler);
  }

  /**
   * Changes the responses that the options say, before the page gets them; wherever they come from.
   * What the handler throws is shown in the page, in place of the response.
   *
   * <p>What comes of a response is cached, null too: an unchanged one is not asked about again,
   * unless the change says {@link Change#noCache}.
   *
   * @param options which responses, and how it is asked
   * @param handler makes a {@link Change}, or null to leave the response as it is
   * @return this
   */
  public Plugin transform(TransformOptions options, Handler<Response, Change> handler) {
    return transform(options, Callback.waiting(handler));
  }

  /**
   * As {@link #transform(Filter, Handler)}, with a handler that returns a future and must not wait.
   *
   * @param filter which responses
   * @param handler makes a future of a {@link Change}, or of null
   * @return this
   */
  public Plugin transformAsync(
      Filter filter, Handler<Response, ? extends CompletionStage<Change>> handler) {
    return transformAsync(TransformOptions.of(filter), handler);
  }

  /**
   * As {@link #transform(TransformOptions, Handler)}, with a handler that returns a future and must
   * not wait.
   *
   * @param options which responses, and how it is asked
   * @param handler makes a future of a {@link Change}, or of null
   * @return this
   */
  public Plugin transformAsync(
      TransformOptions options, Handler<Response, ? extends CompletionStage<Change>> handler) {
    return transform(options, Callback.async(handler));
  }

  private Plugin transform(TransformOptions options, Callback<Response, Change> callback) {
    once("transform", transform);
    transform =
        new DeclaredHook(
            Hook.HOOK_TRANSFORM, context -> new TransformHook(options, callback, context));
    return this;
  }

  /**
   * Says what the modules import that a filter matches. Otherwise as {@link
   * #resolveImport(ResolveOptions, Handler)}.
   *
   * @param filter which modules, by their requests
   * @param handler makes what {@link Imports#resolve} makes, or null
   * @return this
   */
  public Plugin resolveImport(Filter filter, Handler<Imports, Resolved> handler) {
    return resolveImport(ResolveOptions.of(filter), handler);
  }

  /**
   * Says what modules import. The handler is called once for each module, with all its imports.
   * What it throws is shown in the page, in place of the module.
   *
   * <p>The result is cached until the module changes, a file that it {@link Resolved#dependsOn
   * depends on} changes or appears, or it is invalidated.
   *
   * @param options which modules, by their requests, and how it is asked
   * @param handler makes what {@link Imports#resolve} makes, or null to leave all imports to the
   *     next plugin
   * @return this
   */
  public Plugin resolveImport(ResolveOptions options, Handler<Imports, Resolved> handler) {
    return resolveImport(
        options, Callback.waiting(imports -> ResolveHook.made(imports, handler.handle(imports))));
  }

  /**
   * As {@link #resolveImport(Filter, Handler)}, with a handler that returns a future and must not
   * wait.
   *
   * @param filter which modules, by their requests
   * @param handler makes a future of what {@link Imports#resolve} makes, or of null
   * @return this
   */
  public Plugin resolveImportAsync(
      Filter filter, Handler<Imports, ? extends CompletionStage<Resolved>> handler) {
    return resolveImportAsync(ResolveOptions.of(filter), handler);
  }

  /**
   * As {@link #resolveImport(ResolveOptions, Handler)}, with a handler that returns a future and
   * must not wait.
   *
   * @param options which modules, by their requests, and how it is asked
   * @param handler makes a future of what {@link Imports#resolve} makes, or of null
   * @return this
   */
  public Plugin resolveImportAsync(
      ResolveOptions options, Handler<Imports, ? extends CompletionStage<Resolved>> handler) {
    return resolveImport(
        options,
        Callback.async(
            imports -> handler.handle(imports).thenApply(made -> ResolveHook.made(imports, made))));
  }

  private Plugin resolveImport(
      ResolveOptions options, Callback<Imports, ResolvedImports> callback) {
    once("resolveImport", resolveImport);
    resolveImport =
        new DeclaredHook(
            Hook.HOOK_RESOLVE_IMPORT, context -> new ResolveHook(options, callback, context));
    return this;
  }

  /**
   * Called for every message of a type that a page sends.
   *
   * @param type the {@code type} of the messages
   * @param handler gets the message
   * @return this
   */
  public Plugin onMessage(String type, EventHandler<Message> handler) {
    onceForType(type);
    listeners.messages.put(
        type,
        client ->
            Callback.waiting(
                message -> {
                  handler.handle(message, client);
                  return null;
                }));
    return this;
  }

  /**
   * As {@link #onMessage}, with a handler that returns a future and must not wait. The socket's
   * next event is handled when the future completes.
   *
   * @param type the {@code type} of the messages
   * @param handler gets the message
   * @return this
   */
  public Plugin onMessageAsync(
      String type, EventFunction<Message, ? extends CompletionStage<?>> handler) {
    onceForType(type);
    listeners.messages.put(
        type, client -> Callback.async(message -> handler.handle(message, client)));
    return this;
  }

  /**
   * Answers every request of a type that a page makes with {@code sendMessageWaitForResponse}: with
   * the value that the handler returns, as JSON, or with what it throws. The page waits up to 20 s.
   * A message of this type that is no request has its handler called, and no answer.
   *
   * @param type the {@code type} of the requests
   * @param handler makes the answer, as {@link Json} writes it
   * @return this
   */
  public Plugin onRequest(String type, EventFunction<Message, ?> handler) {
    onceForType(type);
    listeners.requests.put(
        type, client -> Callback.waiting(message -> handler.handle(message, client)));
    return this;
  }

  /**
   * As {@link #onRequest}, with a handler that returns a future and must not wait.
   *
   * @param type the {@code type} of the requests
   * @param handler makes a future of the answer
   * @return this
   */
  public Plugin onRequestAsync(
      String type, EventFunction<Message, ? extends CompletionStage<?>> handler) {
    onceForType(type);
    listeners.requests.put(
        type, client -> Callback.async(message -> handler.handle(message, client)));
    return this;
  }

  /**
   * Called for every socket that opens, at once: its page may not have said what it is.
   *
   * @param handler gets the socket
   * @return this
   */
  public Plugin onSocketOpened(EventHandler<Socket> handler) {
    once("onSocketOpened", listeners.socketOpened);
    listeners.socketOpened = handler;
    return this;
  }

  /**
   * Called for every socket that becomes ready, once: its page has said what it is. Sockets that
   * were ready when the plugin started are in {@link Context#sockets}.
   *
   * @param handler gets the socket
   * @return this
   */
  public Plugin onSocketReady(EventHandler<Socket> handler) {
    once("onSocketReady", listeners.socketReady);
    listeners.socketReady = handler;
    return this;
  }

  /**
   * Called for every socket that closes, after its messages.
   *
   * @param handler gets how it closed
   * @return this
   */
  public Plugin onSocketClosed(EventHandler<SocketClosed> handler) {
    once("onSocketClosed", listeners.socketClosed);
    listeners.socketClosed = handler;
    return this;
  }

  private void once(String what, Object given) {
    if (given != null) {
      throw new PluginException(
          name, what + " is given twice (keep one, and tell cases apart in it)", null);
    }
  }

  private void onceForType(String type) {
    boolean given = listeners.messages.containsKey(type) || listeners.requests.containsKey(type);
    once("the handler of message `" + type + "`", given ? type : null);
  }

  /**
   * Runs the plugin with the daemon that spawned it, or that {@code PAGEWIRE_ENDPOINT} names, or
   * that is meant in the current folder ({@link Endpoint#find}), until the program {@link #stop
   * ends} it. Waits all that time; an interrupt withdraws the plugin at once, and leaves the thread
   * interrupted.
   *
   * <p>When the connection is lost or the daemon stops, the plugin looks for the daemon again after
   * 0.2, 0.5, 1, 2, then every 5 s, for ever; {@link #serverStart} is then called again, and
   * messages count from the new session on.
   *
   * <p>A plugin that the daemon spawned does not come back: it is started again. This returns when
   * the daemon stops, or when standard input ends: the daemon has gone, or has waited long enough.
   * Nothing else may read that input.
   *
   * @throws PagewireException at the first try whatever goes wrong, {@link NoDaemonException} and
   *     {@link CannotConnectException} too; later what the daemon refuses for good: {@link
   *     RpcException} with {@code REPLACED}, {@code SUBSCRIBER_SLOW} or the code {@code
   *     UNAUTHENTICATED}, {@code INVALID_ARGUMENT} or {@code FAILED_PRECONDITION}; {@link
   *     PluginException} when the start or stop handler fails, or the plugin was run before
   */
  public void run() {
    begin();
    if (!running.runSpawned()) {
      running.run(Endpoint::find, false);
    }
  }

  /**
   * As {@link #run()} with this endpoint, whoever spawned the program.
   *
   * @param endpoint where the daemon listens
   */
  public void run(Endpoint endpoint) {
    begin();
    running.run(() -> endpoint, false);
  }

  /**
   * As {@link #run()}, but does not come back: it returns when the daemon stops, and fails with
   * {@link DisconnectedException} when the connection is lost.
   */
  public void runOnce() {
    begin();
    if (!running.runSpawned()) {
      running.run(Endpoint::find, true);
    }
  }

  /**
   * As {@link #runOnce()} with this endpoint, whoever spawned the program.
   *
   * @param endpoint where the daemon listens
   */
  public void runOnce(Endpoint endpoint) {
    begin();
    running.run(() -> endpoint, true);
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
            "pagewire-plugin-" + name);
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
      throw new PluginException(name, "it is run twice (make another one)", null);
    }
  }

  String name() {
    return name;
  }

  Handler<Context, Object> startHandler() {
    return startHandler;
  }

  Handler<Client, Object> stopHandler() {
    return stopHandler;
  }

  /** Those that it has, in the order in which they are opened. */
  List<DeclaredHook> hooks() {
    List<DeclaredHook> hooks = new ArrayList<>();
    for (DeclaredHook hook : new DeclaredHook[] {serve, transform, resolveImport}) {
      if (hook != null) {
        hooks.add(hook);
      }
    }
    if (!listeners.isEmpty()) {
      hooks.add(
          new DeclaredHook(
              Hook.HOOK_SUBSCRIBE_MESSAGES, context -> new Listening(listeners, context)));
    }
    return hooks;
  }

  ServerStartRequest startRequest(String launchId) {
    return ServerStartRequest.newBuilder()
        .setPluginName(name)
        .setPluginVersion(version)
        .addAllRequiredFeatures(requiredFeatures)
        .addAllHooks(hooks().stream().map(DeclaredHook::kind).toList())
        .setReplaceExisting(replaceExisting)
        .setInjectWebSocket(injectWebSocket)
        .setLaunchId(launchId)
        .build();
  }

  PluginException failed(String what, Throwable error) {
    return new PluginException(name, what + ": " + Failure.oneLine(error), error);
  }

  @Override
  public String toString() {
    return "plugin " + name;
  }
}
