package dev.pagewire.conformance;

import dev.pagewire.client.CannotConnectException;
import dev.pagewire.client.DisconnectedException;
import dev.pagewire.client.EndpointException;
import dev.pagewire.client.FailedResource;
import dev.pagewire.client.ImportReport;
import dev.pagewire.client.ImportRow;
import dev.pagewire.client.JsValue;
import dev.pagewire.client.Json;
import dev.pagewire.client.NoDaemonException;
import dev.pagewire.client.PluginException;
import dev.pagewire.client.Report;
import dev.pagewire.client.RpcException;
import dev.pagewire.client.SeveralDaemonsException;
import dev.pagewire.client.Target;
import dev.pagewire.client.TokenFileException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;

/** Converts between the library's values and the driver's JSON, and prints lines for the driver. */
final class Wire {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private Wire() {}

  /** Prints a line with alternating keys and values. */
  static void print(Object... line) {
    print(object(line));
  }

  static void print(Map<String, Object> line) {
    String text = Json.write(line);
    synchronized (OUT) {
      // Other threads print too: keep lines whole.
      OUT.println(text);
    }
  }

  static Map<String, Object> object(Object... pairs) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      object.put((String) pairs[i], pairs[i + 1]);
    }
    return object;
  }

  static Target target(JsonObject json) {
    Target target;
    if (json.isTrue("all")) {
      target = Target.all();
    } else if (json.has("sockets")) {
      target = Target.sockets(json.strings("sockets"));
    } else if (json.has("tabs")) {
      target = Target.tabs(json.strings("tabs"));
    } else if (json.has("pages")) {
      target = Target.pages(json.strings("pages"));
    } else {
      target = Target.url(json.text("url"));
    }
    return target.excluding(json.strings("excluding"));
  }

  static Map<String, Object> report(Report report) {
    return object(
        "reached", report.reached(),
        "unreached", unreached(report).toList(),
        "reached_socket_ids", report.reachedSocketIds());
  }

  static Stream<Map<String, Object>> unreached(Report report) {
    return report.unreached().stream()
        .map(
            row ->
                object(
                    "socket_id",
                    row.socketId(),
                    "status",
                    row.status().name().toLowerCase(Locale.ROOT)));
  }

  static Map<String, Object> imports(ImportReport report) {
    return object("rows", report.rows().stream().map(Wire::row).toList());
  }

  private static Map<String, Object> row(ImportRow row) {
    if (row.value().isPresent()) {
      JsValue value = row.value().get();
      boolean plain = value instanceof JsValue.Plain || value instanceof JsValue.Undefined;
      return object(
          "socket_id",
          row.socketId(),
          "value",
          plain ? value.json(Object.class) : value.toString());
    }
    String kind = row.error().orElseThrow().kind().name().toLowerCase(Locale.ROOT);
    Map<String, Object> error =
        object("kind", kind, "message", row.error().orElseThrow().toString());
    return object("socket_id", row.socketId(), "error", error);
  }

  static Map<String, Object> failedResource(FailedResource resource) {
    Map<String, Object> object =
        object(
            "plugin_name", resource.pluginName(),
            "hook", resource.hook().name().toLowerCase(Locale.ROOT),
            "url", resource.url(),
            "status", resource.status(),
            "message", resource.message());
    resource
        .location()
        .ifPresent(
            location -> {
              object.put("file", location.file());
              object.put("line", location.line());
              object.put("column", location.column());
            });
    return object;
  }

  private static final List<Map.Entry<Class<?>, String>> KINDS =
      List.of(
          Map.entry(EndpointException.class, "endpoint"),
          Map.entry(TokenFileException.class, "token_file"),
          Map.entry(NoDaemonException.class, "no_daemon"),
          Map.entry(SeveralDaemonsException.class, "several_daemons"),
          Map.entry(CannotConnectException.class, "connect"),
          Map.entry(DisconnectedException.class, "disconnected"),
          Map.entry(PluginException.class, "plugin"));

  static Map<String, Object> error(Throwable problem) {
    if (problem instanceof CompletionException && problem.getCause() != null) {
      return error(problem.getCause());
    }
    if (problem instanceof RpcException rpc) {
      return object(
          "kind", "rpc",
          "code", rpc.code().name(),
          "reason", rpc.reason(),
          "message", rpc.getMessage());
    }
    String kind =
        KINDS.stream()
            .filter(entry -> entry.getKey().isInstance(problem))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse("other");
    return object("kind", kind, "message", String.valueOf(problem));
  }
}
