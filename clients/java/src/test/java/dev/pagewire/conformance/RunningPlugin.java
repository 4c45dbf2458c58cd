package dev.pagewire.conformance;

import dev.pagewire.client.Client;
import dev.pagewire.client.Context;
import dev.pagewire.client.Endpoint;
import dev.pagewire.client.LiveFilters;
import dev.pagewire.client.Message;
import dev.pagewire.client.Plugin;
import dev.pagewire.client.ResolveOptions;
import dev.pagewire.client.ServeOptions;
import dev.pagewire.client.Socket;
import dev.pagewire.client.Target;
import dev.pagewire.client.TransformOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A plugin built from a command, running on its own thread. */
final class RunningPlugin {
  private final String name;
  private final JsonObject command;
  private final Gates gates;
  private final Plugin plugin;
  private final Map<String, LiveFilters> filters = new HashMap<>();

  /** Result of the first start, or the error with which the plugin ended before. */
  private final CompletableFuture<Object> started = new CompletableFuture<>();

  private final Thread thread;

  RunningPlugin(JsonObject command, Endpoint endpoint, Gates gates) {
    this.name = command.text("name");
    this.command = command;
    this.gates = gates;
    this.plugin = build();
    this.thread = new Thread(() -> run(endpoint), name);
    thread.start();
  }

  private void run(Endpoint endpoint) {
    Map<String, Object> line = Wire.object("event", "ended", "plugin", name);
    RuntimeException failed = null;
    try {
      if (endpoint == null && command.isTrue("once")) {
        plugin.runOnce();
      } else if (endpoint == null) {
        plugin.run();
      } else if (command.isTrue("once")) {
        plugin.runOnce(endpoint);
      } else {
        plugin.run(endpoint);
      }
    } catch (RuntimeException problem) {
      failed = problem;
      line.put("error", Wire.error(problem));
    }
    if (failed == null) {
      started.complete(null);
    } else {
      started.completeExceptionally(failed);
    }
    Wire.print(line);
  }

  CompletableFuture<Object> started() {
    return started;
  }

  LiveFilters filters(String hook) {
    return filters.get(hook);
  }

  void requestStop() {
    plugin.stop();
  }

  void stop() {
    plugin.stop();
    join();
  }

  void join() {
    try {
      thread.join();
    } catch (InterruptedException never) {
      throw new IllegalStateException(never);
    }
  }

  private Plugin build() {
    Plugin plugin = Plugin.named(name).version(command.text("version"));
    if (command.isTrue("inject")) {
      plugin.injectWebSocket();
    }
    if (command.isTrue("replace_existing")) {
      plugin.replaceExisting();
    }
    plugin.handleSignals(command.isTrue("signals"));
    command.strings("required_features").forEach(plugin::requireFeature);
    plugin.serverStart(this::start);
    plugin.serverStop(client -> Wire.print("event", "stopping", "plugin", name));
    hooks(plugin);
    for (String type : command.object("on_message").map().keySet()) {
      JsonObject action = command.object("on_message").object(type);
      plugin.onMessage(type, (message, client) -> perform(action, message, client));
    }
    for (String type : command.object("on_request").map().keySet()) {
      JsonObject action = command.object("on_request").object(type);
      plugin.onRequest(type, (message, client) -> perform(action, message, client));
    }
    if (command.isTrue("on_socket")) {
      plugin.onSocketOpened((socket, client) -> reportSocket("opened", socket.socketId()));
      plugin.onSocketReady((socket, client) -> reportSocket("ready", socket.socketId()));
      plugin.onSocketClosed((socket, client) -> reportSocket("closed", socket.socketId()));
    }
    return plugin;
  }

  private void hooks(Plugin plugin) {
    JsonObject options = command.object("options");
    if (command.has("serve")) {
      List<JsonObject> rules = command.objects("serve");
      ServeOptions serve = Rules.serve(rules, options.object("serve"));
      filters.put("serve", serve.liveFilters());
      plugin.serve(
          serve,
          request -> {
            JsonObject rule = matchRule("serve", rules, request.path());
            return rule == null ? null : HookResults.serve(rule, request);
          });
    }
    if (command.has("transform")) {
      List<JsonObject> rules = command.objects("transform");
      TransformOptions transform = Rules.transform(rules, options.object("transform"));
      filters.put("transform", transform.liveFilters());
      plugin.transform(
          transform,
          response -> {
            JsonObject rule = matchRule("transform", rules, response.request().path());
            return rule == null ? null : HookResults.transform(rule, response);
          });
    }
    if (command.has("resolve_import")) {
      List<JsonObject> rules = command.objects("resolve_import");
      ResolveOptions resolve = Rules.resolve(rules, options.object("resolve_import"));
      filters.put("resolve_import", resolve.liveFilters());
      plugin.resolveImport(
          resolve,
          imports -> {
            JsonObject rule = matchRule("resolve_import", rules, imports.importer().path());
            return rule == null ? null : HookResults.resolve(rule, imports);
          });
    }
  }

  /**
   * Reports a hook call, blocks if its rule says so, and returns the rule for the path, or null.
   */
  private JsonObject matchRule(String hook, List<JsonObject> rules, String path)
      throws InterruptedException {
    Wire.print("event", "call", "plugin", name, "hook", hook, "path", path);
    JsonObject rule = Rules.rule(rules, path).orElse(null);
    if (rule != null) {
      HookResults.await(rule, gates, name, path);
    }
    return rule;
  }

  private void start(Context context) throws InterruptedException {
    JsonObject start = command.object("server_start");
    if (start.has("wait_for")) {
      Wire.print("event", "starting", "plugin", name);
      gates.waitFor(start.text("wait_for"));
    }
    List<String> sockets = context.sockets().stream().map(Socket::socketId).toList();
    Wire.print("event", "started", "plugin", name, "sockets", sockets);
    started.complete(Wire.object("plugin_name", context.pluginName(), "sockets", sockets));
  }

  private void reportSocket(String what, String socketId) {
    Wire.print("event", "socket", "plugin", name, "what", what, "socket_id", socketId);
  }

  /** Performs an action for a message, and returns the reply to a request. */
  private Object perform(JsonObject action, Message message, Client client) throws Exception {
    Wire.print(
        "event", "message",
        "plugin", name,
        "socket_id", message.socketId(),
        "type", message.type(),
        "text", message.text());
    if (action.has("wait_for")) {
      gates.waitFor(action.text("wait_for"));
    }
    if (action.has("reply_to_sender")) {
      client.send(Target.socket(message.socketId()), action.value("reply_to_sender"));
    }
    if (action.has("broadcast")) {
      client.send(Target.all().excluding(message.socketId()), action.value("broadcast"));
    }
    if (action.has("throw")) {
      throw new Exception(action.text("throw"));
    }
    if (action.has("hang")) {
      gates.waitFor(Gates.NEVER_RELEASED);
    }
    return action.has("answer_text") ? message.text() : action.value("answer");
  }
}
