package dev.pagewire.conformance;

import dev.pagewire.client.AsyncClient;
import dev.pagewire.client.Client;
import dev.pagewire.client.ConsoleLevel;
import dev.pagewire.client.Endpoint;
import dev.pagewire.client.Import;
import dev.pagewire.client.Report;
import dev.pagewire.client.Stale;
import dev.pagewire.client.Target;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

/** Executes commands: each is one call of the library. */
final class Commands {
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, RunningPlugin> plugins = new ConcurrentHashMap<>();
  private final Gates gates = new Gates();
  private final Subscriptions subscriptions = new Subscriptions();
  private Client client;

  /** The endpoint given by the last `connect`, or null. */
  private Endpoint endpoint;

  /** Number of `connect` commands so far. */
  private int connects;

  /** Executes a command and prints its response. */
  void perform(JsonObject command) {
    Object id = command.value("id");
    CompletableFuture<Void> done;
    try {
      done =
          call(command)
              .handle(
                  (ok, problem) -> {
                    if (problem == null) {
                      Wire.print("id", id, "ok", ok);
                    } else {
                      Wire.print("id", id, "error", Wire.error(problem));
                    }
                    return (Void) null;
                  })
              .toCompletableFuture();
    } catch (RuntimeException problem) {
      Wire.print("id", id, "error", Wire.error(problem));
      return;
    }
    if (command.isTrue("wait")) {
      done.join();
    }
  }

  private CompletableFuture<?> onThread(Callable<?> work) {
    CompletableFuture<Object> result = new CompletableFuture<>();
    threads.execute(
        () -> {
          try {
            result.complete(work.call());
          } catch (Exception problem) {
            result.completeExceptionally(problem);
          }
        });
    return result;
  }

  private CompletionStage<?> call(JsonObject command) {
    switch (command.text("do")) {
      case "connect":
        return CompletableFuture.completedFuture(connect(command));
      case "plugin":
        RunningPlugin plugin = new RunningPlugin(command, endpoint, gates);
        plugins.put(command.text("name"), plugin);
        return plugin.started();
      case "stop":
        return onThread(
            () -> {
              plugins.remove(command.text("plugin")).stop();
              return null;
            });
      case "release":
        gates.release(command.text("name"));
        return CompletableFuture.completedFuture(null);
      case "set_filters":
        return plugins
            .get(command.text("plugin"))
            .filters(command.text("hook"))
            .setAsync(command.objects("filters").stream().map(Rules::filter).toList());
      case "subscribe":
        Client current = client();
        boolean reconnected = connects > 0;
        return onThread(() -> subscriptions.subscribe(current, reconnected, command));
      case "unsubscribe":
        return onThread(
            () -> {
              subscriptions.unsubscribe(command.text("name"));
              return null;
            });
      default:
        return callAsync(configured(client(), command), command);
    }
  }

  private static Client configured(Client client, JsonObject command) {
    Client configured = command.isTrue("confirm") ? client.confirmingReceipt() : client;
    configured = command.isTrue("list_reached") ? configured.listingReached() : configured;
    return command.milliseconds("deadline_ms").map(configured::withDeadline).orElse(configured);
  }

  private static CompletionStage<?> callAsync(Client configured, JsonObject command) {
    AsyncClient client = configured.async();
    switch (command.text("do")) {
      case "info":
        return client
            .info()
            .thenApply(
                info ->
                    Wire.object(
                        "server_version", info.serverVersion(), "features", info.features()));
      case "sockets":
        return client
            .sockets()
            .thenApply(
                sockets ->
                    sockets.stream()
                        .map(
                            item ->
                                Wire.object(
                                    "socket_id", item.socketId(),
                                    "url", item.url(),
                                    "ready", item.ready()))
                        .toList());
      case "plugins":
        return client
            .plugins()
            .thenApply(
                plugins ->
                    plugins.stream()
                        .map(item -> Wire.object("plugin_name", item.pluginName()))
                        .toList());
      case "invalidate":
        return client.invalidate(stale(command));
      case "import_value":
        return client.importValue(target(command), module(command)).thenApply(Wire::imports);
      case "send_many":
        return sendMany(client, command);
      default:
        return report(client, command).thenApply(Wire::report);
    }
  }

  private static CompletableFuture<Report> report(AsyncClient client, JsonObject command) {
    switch (command.text("do")) {
      case "send":
        return send(client, command);
      case "send_import":
        return client.sendImport(target(command), module(command));
      case "console_log":
        ConsoleLevel level =
            ConsoleLevel.valueOf(
                command.optionalText("level").orElse("log").toUpperCase(Locale.ROOT));
        return client.consoleLog(target(command), level, command.text("text"));
      case "reload":
        return client.reload(target(command));
      case "navigate":
        return client.navigate(target(command), command.text("url"));
      case "swap_stylesheets":
        return client.swapStylesheets(target(command), command.strings("paths"));
      case "close_sockets":
        return client.closeSockets(
            target(command), command.number("code").orElse(1000), command.text("reason"));
      default:
        throw new IllegalArgumentException("unknown command: " + command.text("do"));
    }
  }

  private static CompletableFuture<Report> send(AsyncClient client, JsonObject command) {
    Target target = target(command);
    if (command.has("raw")) {
      return client.sendJson(target, command.text("raw"));
    }
    if (command.has("text")) {
      return client.sendText(target, command.text("text"));
    }
    if (command.has("base64")) {
      return client.sendBinary(target, Base64.getDecoder().decode(command.text("base64")));
    }
    return client.send(target, command.value("json"));
  }

  private static CompletionStage<?> sendMany(AsyncClient client, JsonObject command) {
    Target target = target(command);
    List<CompletableFuture<Report>> sends = new ArrayList<>();
    for (int n = 0; n < command.number("count").orElse(0); n++) {
      sends.add(client.send(target, Map.of("type", "n", "n", n)));
    }
    return CompletableFuture.allOf(sends.toArray(CompletableFuture[]::new))
        .thenApply(
            all -> {
              List<Report> reports = sends.stream().map(CompletableFuture::join).toList();
              return Wire.object(
                  "reached", reports.stream().mapToInt(Report::reached).sum(),
                  "unreached", reports.stream().flatMap(Wire::unreached).toList());
            });
  }

  private static Target target(JsonObject command) {
    return Wire.target(command.object("target"));
  }

  private static Import module(JsonObject command) {
    Import module =
        command.has("code") ? Import.code(command.text("code")) : Import.path(command.text("path"));
    for (Object arg : command.list("args")) {
      module = module.arg(arg);
    }
    module = command.isTrue("fresh") ? module.fresh() : module;
    return command.milliseconds("timeout_ms").map(module::timeout).orElse(module);
  }

  private static Stale stale(JsonObject command) {
    Stream<Stale> parts =
        Stream.of(
                command.strings("paths").stream().map(Stale::path),
                command.strings("prefixes").stream().map(Stale::prefix),
                command.strings("files").stream().map(Path::of).map(Stale::file),
                command.isTrue("all") ? Stream.of(Stale.all()) : Stream.<Stale>of())
            .flatMap(stream -> stream);
    Stale stale = parts.reduce(Stale::and).orElseThrow();
    return command.isTrue("refresh_pages") ? stale.refreshPages() : stale;
  }

  /** Returns the connected client, or connects to the daemon that discovery finds. */
  private Client client() {
    if (client == null) {
      client = Client.find();
    }
    return client;
  }

  private Object connect(JsonObject command) {
    Endpoint named = command.has("endpoint") ? endpoint(command) : null;
    Client next = named == null ? Client.find() : Client.connect(named);
    String version = next.info().serverVersion();
    client = next;
    endpoint = named;
    connects++;
    return Wire.object("server_version", version);
  }

  private static Endpoint endpoint(JsonObject command) {
    Endpoint endpoint = Endpoint.parse(command.text("endpoint"));
    if (command.has("token_file")) {
      endpoint = endpoint.withTokenFile(Path.of(command.text("token_file")));
    }
    return command.optionalText("token").map(endpoint::withToken).orElse(endpoint);
  }

  /** Waits until all plugins have ended, after stopping them if requested. */
  void end(boolean stop) {
    if (stop) {
      plugins.values().forEach(RunningPlugin::requestStop);
    }
    try {
      plugins.values().forEach(RunningPlugin::join);
    } catch (CompletionException never) {
      throw new IllegalStateException(never);
    }
  }
}
