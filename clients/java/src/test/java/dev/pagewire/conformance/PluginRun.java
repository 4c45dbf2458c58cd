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

/** A plugin as a command describes it, which runs. */
final class PluginRun {
  private final String name;
  private final Words words;
  private final Gates gates;
  private final Plugin plugin;
  private final Map<String, LiveFilters> filters = new HashMap<>();

  /** What its first start saw, or how it ended before. */
  private final CompletableFuture<Object> started = new CompletableFuture<>();

  private final Thread thread;

  PluginRun(Words words, Endpoint endpoint, Gates gates) {
    this.name = words.text("name");
    this.words = words;
    this.gates = gates;
    this.plugin = build();
    this.thread = new Thread(() -> run(endpoint), name);
    thread.start();
  }

  private void run(Endpoint endpoint) {
    Map<String, Object> line = Wire.object("event", "ended", "plugin", name);
    RuntimeException failed = null;
    try {
      if (endpoint == null && words.is("once")) {
        plugin.runOnce();
      } else if (endpoint == null) {
        plugin.run();
      } else if (words.is("once")) {
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
    Wire.say(line);
  }

  CompletableFuture<Object> started() {
    return started;
  }

  LiveFilters filters(String hook) {
    return filters.get(hook);
  }

  void askToStop() {
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
    Plugin plugin = Plugin.named(name).version(words.text("version"));
    if (words.is("inject")) {
      plugin.injectWebSocket();
    }
    if (words.is("replace_existing")) {
      plugin.replaceExisting();
    }
    words.texts("required_features").forEach(plugin::requireFeature);
    plugin.serverStart(this::tellStart);
    plugin.serverStop(client -> Wire.say("event", "stopping", "plugin", name));
    hooks(plugin);
    for (String type : words.words("on_message").map().keySet()) {
      Words action = words.words("on_message").words(type);
      plugin.onMessage(type, (message, client) -> act(action, message, client));
    }
    for (String type : words.words("on_request").map().keySet()) {
      Words action = words.words("on_request").words(type);
      plugin.onRequest(type, (message, client) -> act(action, message, client));
    }
    if (words.is("on_socket")) {
      plugin.onSocketOpened((socket, client) -> tellSocket("opened", socket.socketId()));
      plugin.onSocketReady((socket, client) -> tellSocket("ready", socket.socketId()));
      plugin.onSocketClosed((socket, client) -> tellSocket("closed", socket.socketId()));
    }
    return plugin;
  }

  private void hooks(Plugin plugin) {
    Words options = words.words("options");
    if (words.has("serve")) {
      List<Words> rules = words.all("serve");
      ServeOptions serve = Rules.serve(rules, options.words("serve"));
      filters.put("serve", serve.liveFilters());
      plugin.serve(
          serve,
          request -> {
            Words rule = called("serve", rules, request.path());
            return rule == null ? null : Answers.serve(rule, request);
          });
    }
    if (words.has("transform")) {
      List<Words> rules = words.all("transform");
      TransformOptions transform = Rules.transform(rules, options.words("transform"));
      filters.put("transform", transform.liveFilters());
      plugin.transform(
          transform,
          response -> {
            Words rule = called("transform", rules, response.request().path());
            return rule == null ? null : Answers.transform(rule, response);
          });
    }
    if (words.has("resolve_import")) {
      List<Words> rules = words.all("resolve_import");
      ResolveOptions resolve = Rules.resolve(rules, options.words("resolve_import"));
      filters.put("resolve_import", resolve.liveFilters());
      plugin.resolveImport(
          resolve,
          imports -> {
            Words rule = called("resolve_import", rules, imports.importer().path());
            return rule == null ? null : Answers.resolve(rule, imports);
          });
    }
  }

  /** Says that a hook is called, waits if it must, and gives the rule for the path. */
  private Words called(String hook, List<Words> rules, String path) throws InterruptedException {
    Wire.say("event", "call", "plugin", name, "hook", hook, "path", path);
    Words rule = Rules.rule(rules, path).orElse(null);
    if (rule != null) {
      Answers.await(rule, gates, name, path);
    }
    return rule;
  }

  private void tellStart(Context context) {
    List<String> sockets = context.sockets().stream().map(Socket::socketId).toList();
    Wire.say("event", "started", "plugin", name, "sockets", sockets);
    started.complete(Wire.object("plugin_name", context.pluginName(), "sockets", sockets));
  }

  private void tellSocket(String what, String socketId) {
    Wire.say("event", "socket", "plugin", name, "what", what, "socket_id", socketId);
  }

  /** Does what is to be done with a message, and gives the answer to a request. */
  private Object act(Words action, Message message, Client client) throws Exception {
    Wire.say(
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
      gates.waitFor("nobody releases this");
    }
    return action.has("answer_text") ? message.text() : action.value("answer");
  }
}
