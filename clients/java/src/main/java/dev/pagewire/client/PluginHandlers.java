package dev.pagewire.client;

import dev.pagewire.v1.Hook;
import dev.pagewire.v1.ResolvedImports;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** Declaration of a plugin's handlers. */
abstract sealed class PluginHandlers permits Plugin {
  private final String name;
  private Handler<Context, Object> startHandler;
  private Handler<Client, Object> stopHandler;
  private DeclaredHook serve;
  private DeclaredHook transform;
  private DeclaredHook resolveImport;
  private final EventHandlers handlers = new EventHandlers();

  /**
   * A hook, with the function that opens it in a session.
   *
   * @param name the method that declares it
   * @param options null for the subscription, which has no filters
   */
  record DeclaredHook(
      Hook kind, String name, HookOptions<?> options, Function<Context, OpenHook> opener) {}

  PluginHandlers(String name) {
    this.name = name;
  }

  abstract Plugin self();

  /**
   * Sets the handler that is called when all hooks of the plugin are active, and again after each
   * reconnect. Calls and events wait until it returns: events as long as it takes, a call at most
   * 10 s, and until 0.5 s before its deadline; then the page gets 503. So the handler must not wait
   * for a page that cannot load without this plugin.
   *
   * @param handler receives the session's view of the daemon
   * @return this plugin
   */
  public Plugin serverStart(Action<Context> handler) {
    checkNotDeclared("serverStart", startHandler);
    startHandler = returning(handler);
    return self();
  }

  /**
   * Sets the handler that is called when the daemon stops, or when the program {@link Plugin#stop
   * stops} the plugin. It has the daemon's grace period, or 2 s when the program stops the plugin.
   * It is not called when the connection is lost.
   *
   * @param handler receives the client, which still works
   * @return this plugin
   */
  public Plugin serverStop(Action<Client> handler) {
    checkNotDeclared("serverStop", stopHandler);
    stopHandler = returning(handler);
    return self();
  }

  private static <T> Handler<T, Object> returning(Action<T> action) {
    Objects.requireNonNull(action, "handler");
    return input -> {
      action.run(input);
      return null;
    };
  }

  /**
   * Sets the serve handler for the requests that a filter matches. Otherwise like {@link
   * #serve(ServeOptions, Handler)}.
   *
   * @param filter the requests to serve
   * @param handler returns a {@link Content}, or null or a {@link Skip}
   * @return this plugin
   */
  public Plugin serve(Filter filter, Handler<Request, ? extends Outcome> handler) {
    return serve(ServeOptions.of(filter), handler);
  }

  /**
   * Sets the serve handler, which answers requests. An exception is shown in the page; a {@link
   * Failure} can add a source location.
   *
   * <p>Calls run concurrently. A plugin has one serve handler, which distinguishes paths itself.
   *
   * @param options the requests to serve, and how the handler is called
   * @param handler returns a {@link Content}, or null or a {@link Skip}
   * @return this plugin
   */
  public Plugin serve(ServeOptions options, Handler<Request, ? extends Outcome> handler) {
    return serve(options, Callback.blocking(handler));
  }

  /**
   * Sets an asynchronous serve handler, which must not block. Otherwise like {@link #serve(Filter,
   * Handler)}.
   *
   * @param filter the requests to serve
   * @param handler returns a future of a {@link Content}, or of null or a {@link Skip}
   * @return this plugin
   */
  public Plugin serveAsync(
      Filter filter, Handler<Request, ? extends CompletionStage<? extends Outcome>> handler) {
    return serveAsync(ServeOptions.of(filter), handler);
  }

  /**
   * Sets an asynchronous serve handler, which must not block. Otherwise like {@link
   * #serve(ServeOptions, Handler)}.
   *
   * @param options the requests to serve, and how the handler is called
   * @param handler returns a future of a {@link Content}, or of null or a {@link Skip}
   * @return this plugin
   */
  public Plugin serveAsync(
      ServeOptions options,
      Handler<Request, ? extends CompletionStage<? extends Outcome>> handler) {
    return serve(options, Callback.async(handler));
  }

  private Plugin serve(ServeOptions options, Callback<Request, Outcome> callback) {
    checkNotDeclared("serve", serve);
    serve =
        new DeclaredHook(
            Hook.HOOK_SERVE,
            "serve",
            options,
            context -> new ServeHook(options, callback, context));
    return self();
  }

  /**
   * Sets the transform handler for the responses that a filter matches. Otherwise like {@link
   * #transform(TransformOptions, Handler)}.
   *
   * @param filter the responses to change
   * @param handler returns a {@link Change}, or null
   * @return this plugin
   */
  public Plugin transform(Filter filter, Handler<Response, Change> handler) {
    return transform(TransformOptions.of(filter), handler);
  }

  /**
   * Sets the transform handler, which changes responses before they are sent to the page, whatever
   * their source. An exception is shown in the page instead of the response.
   *
   * <p>The result for a response is cached, including null: the handler is not called again for an
   * unchanged response, unless the change sets {@link Change#noCache}.
   *
   * @param options the responses to change, and how the handler is called
   * @param handler returns a {@link Change}, or null to leave the response unchanged
   * @return this plugin
   */
  public Plugin transform(TransformOptions options, Handler<Response, Change> handler) {
    return transform(options, Callback.blocking(handler));
  }

  /**
   * Sets an asynchronous transform handler, which must not block. Otherwise like {@link
   * #transform(Filter, Handler)}.
   *
   * @param filter the responses to change
   * @param handler returns a future of a {@link Change}, or of null
   * @return this plugin
   */
  public Plugin transformAsync(
      Filter filter, Handler<Response, ? extends CompletionStage<Change>> handler) {
    return transformAsync(TransformOptions.of(filter), handler);
  }

  /**
   * Sets an asynchronous transform handler, which must not block. Otherwise like {@link
   * #transform(TransformOptions, Handler)}.
   *
   * @param options the responses to change, and how the handler is called
   * @param handler returns a future of a {@link Change}, or of null
   * @return this plugin
   */
  public Plugin transformAsync(
      TransformOptions options, Handler<Response, ? extends CompletionStage<Change>> handler) {
    return transform(options, Callback.async(handler));
  }

  private Plugin transform(TransformOptions options, Callback<Response, Change> callback) {
    checkNotDeclared("transform", transform);
    transform =
        new DeclaredHook(
            Hook.HOOK_TRANSFORM,
            "transform",
            options,
            context -> new TransformHook(options, callback, context));
    return self();
  }

  /**
   * Sets the resolve handler for the modules that a filter matches. Otherwise like {@link
   * #resolveImport(ResolveOptions, Handler)}.
   *
   * @param filter the requests of the importing modules
   * @param handler returns the result of {@link Imports#resolve}, or null
   * @return this plugin
   */
  public Plugin resolveImport(Filter filter, Handler<Imports, Resolved> handler) {
    return resolveImport(ResolveOptions.of(filter), handler);
  }

  /**
   * Sets the resolve handler, which decides what modules import. It is called once for each module,
   * with all its imports. An exception is shown in the page instead of the module.
   *
   * <p>The result is cached until the module changes, a file that it {@link Resolved#dependsOn
   * depends on} changes or appears, or it is invalidated.
   *
   * @param options the requests of the importing modules, and how the handler is called
   * @param handler returns the result of {@link Imports#resolve}, or null to leave all imports to
   *     the next plugin
   * @return this plugin
   */
  public Plugin resolveImport(ResolveOptions options, Handler<Imports, Resolved> handler) {
    Objects.requireNonNull(handler, "handler");
    return resolveImport(
        options,
        Callback.blocking(imports -> ResolveHook.toWire(imports, handler.handle(imports))));
  }

  /**
   * Sets an asynchronous resolve handler, which must not block. Otherwise like {@link
   * #resolveImport(Filter, Handler)}.
   *
   * @param filter the requests of the importing modules
   * @param handler returns a future of the result of {@link Imports#resolve}, or of null
   * @return this plugin
   */
  public Plugin resolveImportAsync(
      Filter filter, Handler<Imports, ? extends CompletionStage<Resolved>> handler) {
    return resolveImportAsync(ResolveOptions.of(filter), handler);
  }

  /**
   * Sets an asynchronous resolve handler, which must not block. Otherwise like {@link
   * #resolveImport(ResolveOptions, Handler)}.
   *
   * @param options the requests of the importing modules, and how the handler is called
   * @param handler returns a future of the result of {@link Imports#resolve}, or of null
   * @return this plugin
   */
  public Plugin resolveImportAsync(
      ResolveOptions options, Handler<Imports, ? extends CompletionStage<Resolved>> handler) {
    Objects.requireNonNull(handler, "handler");
    return resolveImport(
        options,
        Callback.async(
            imports ->
                handler
                    .handle(imports)
                    .thenApply(resolved -> ResolveHook.toWire(imports, resolved))));
  }

  private Plugin resolveImport(
      ResolveOptions options, Callback<Imports, ResolvedImports> callback) {
    checkNotDeclared("resolveImport", resolveImport);
    resolveImport =
        new DeclaredHook(
            Hook.HOOK_RESOLVE_IMPORT,
            "resolveImport",
            options,
            context -> new ResolveHook(options, callback, context));
    return self();
  }

  /**
   * Sets the handler for messages of one type.
   *
   * @param type the {@code type} of the messages
   * @param handler receives each message
   * @return this plugin
   */
  public Plugin onMessage(String type, EventHandler<Message> handler) {
    Objects.requireNonNull(handler, "handler");
    checkTypeNotDeclared(type);
    handlers.messages.put(
        type,
        client ->
            Callback.blocking(
                message -> {
                  handler.handle(message, client);
                  return null;
                }));
    return self();
  }

  /**
   * Sets an asynchronous handler for messages of one type, which must not block. The socket's next
   * event is handled when the future completes.
   *
   * @param type the {@code type} of the messages
   * @param handler receives each message
   * @return this plugin
   */
  public Plugin onMessageAsync(
      String type, EventFunction<Message, ? extends CompletionStage<?>> handler) {
    Objects.requireNonNull(handler, "handler");
    checkTypeNotDeclared(type);
    handlers.messages.put(
        type, client -> Callback.async(message -> handler.handle(message, client)));
    return self();
  }

  /**
   * Sets the handler for requests of one type, which pages make with {@code
   * sendMessageWaitForResponse}. The page receives the returned value as JSON, or the error; it
   * waits up to 20 s. The handler is also called for a message of this type that is not a request;
   * then nothing is sent back.
   *
   * @param type the {@code type} of the requests
   * @param handler returns a value that {@link Json} can write
   * @return this plugin
   */
  public Plugin onRequest(String type, EventFunction<Message, ?> handler) {
    Objects.requireNonNull(handler, "handler");
    checkTypeNotDeclared(type);
    handlers.requests.put(
        type, client -> Callback.blocking(message -> handler.handle(message, client)));
    return self();
  }

  /**
   * Sets an asynchronous handler for requests of one type, which must not block. Otherwise like
   * {@link #onRequest}.
   *
   * @param type the {@code type} of the requests
   * @param handler returns a future of the value
   * @return this plugin
   */
  public Plugin onRequestAsync(
      String type, EventFunction<Message, ? extends CompletionStage<?>> handler) {
    Objects.requireNonNull(handler, "handler");
    checkTypeNotDeclared(type);
    handlers.requests.put(
        type, client -> Callback.async(message -> handler.handle(message, client)));
    return self();
  }

  /**
   * Sets the handler for sockets that open. It is called at once, when the page may not have
   * reported its details yet.
   *
   * @param handler receives the socket
   * @return this plugin
   */
  public Plugin onSocketOpened(EventHandler<Socket> handler) {
    checkNotDeclared("onSocketOpened", handlers.socketOpened);
    handlers.socketOpened = Objects.requireNonNull(handler, "handler");
    return self();
  }

  /**
   * Sets the handler for sockets that become ready: the page has reported its details. It is called
   * once for each socket, but not for those that were ready when the plugin started, which {@link
   * Context#sockets} lists.
   *
   * @param handler receives the socket
   * @return this plugin
   */
  public Plugin onSocketReady(EventHandler<Socket> handler) {
    checkNotDeclared("onSocketReady", handlers.socketReady);
    handlers.socketReady = Objects.requireNonNull(handler, "handler");
    return self();
  }

  /**
   * Sets the handler for sockets that close. It is called after the handlers of the socket's
   * messages.
   *
   * @param handler receives the event
   * @return this plugin
   */
  public Plugin onSocketClosed(EventHandler<SocketClosed> handler) {
    checkNotDeclared("onSocketClosed", handlers.socketClosed);
    handlers.socketClosed = Objects.requireNonNull(handler, "handler");
    return self();
  }

  private void checkNotDeclared(String what, Object declared) {
    if (declared != null) {
      throw new PluginException(
          name, what + " is declared twice (keep one, and distinguish cases inside it)", null);
    }
  }

  private void checkTypeNotDeclared(String type) {
    boolean declared = handlers.messages.containsKey(type) || handlers.requests.containsKey(type);
    checkNotDeclared("the handler of message `" + type + "`", declared ? type : null);
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

  /** Returns the declared hooks, in the order in which they are opened. */
  List<DeclaredHook> hooks() {
    List<DeclaredHook> hooks = new ArrayList<>();
    for (DeclaredHook hook : new DeclaredHook[] {serve, transform, resolveImport}) {
      if (hook != null) {
        hooks.add(hook);
      }
    }
    if (!handlers.isEmpty()) {
      hooks.add(
          new DeclaredHook(
              Hook.HOOK_SUBSCRIBE_MESSAGES,
              "events",
              null,
              context -> new EventDispatcher(handlers, context)));
    }
    return hooks;
  }

  /**
   * Checks that every hook has a filter.
   *
   * @throws PluginException when a hook could never be called
   */
  void checkFilters() {
    for (DeclaredHook hook : hooks()) {
      if (hook.options != null && !hook.options.mayMatch()) {
        throw new PluginException(
            name,
            hook.name
                + " has no filter, so it would never be called (pass one, such as Filter.all(), or"
                + " call liveFilters() of its options before the plugin runs)",
            null);
      }
    }
  }

  PluginException failed(String what, Throwable error) {
    return new PluginException(name, what + ": " + Failure.oneLine(error), error);
  }
}
