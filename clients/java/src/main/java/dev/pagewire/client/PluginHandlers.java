package dev.pagewire.client;

import dev.pagewire.v1.Hook;
import dev.pagewire.v1.ResolvedImports;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** What a {@link Plugin} does when something happens. */
abstract sealed class PluginHandlers permits Plugin {
  private final String name;
  private Handler<Context, Object> startHandler;
  private Handler<Client, Object> stopHandler;
  private DeclaredHook serve;
  private DeclaredHook transform;
  private DeclaredHook resolveImport;
  private final Listeners listeners = new Listeners();

  /** A hook that each session opens. */
  record DeclaredHook(Hook kind, Function<Context, SessionPart> opener) {}

  PluginHandlers(String name) {
    this.name = name;
  }

  abstract Plugin self();

  /**
   * Called when all hooks of this plugin are in force, and again each time that the plugin came
   * back to a daemon. Hooks may be called before it returns: what they need to be ready is prepared
   * before {@link Plugin#run()}.
   *
   * @param handler gets the plugin's view of the daemon
   * @return this
   */
  public Plugin serverStart(Action<Context> handler) {
    once("serverStart", startHandler);
    startHandler = returning(handler);
    return self();
  }

  /**
   * Called when the daemon stops, or the program {@link Plugin#stop ends} the plugin. It has 2 s,
   * or what the daemon grants. Not called when the connection is lost.
   *
   * @param handler gets the connection, which still works
   * @return this
   */
  public Plugin serverStop(Action<Client> handler) {
    once("serverStop", stopHandler);
    stopHandler = returning(handler);
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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
    return self();
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

  PluginException failed(String what, Throwable error) {
    return new PluginException(name, what + ": " + Failure.oneLine(error), error);
  }
}
