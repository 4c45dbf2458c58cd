package dev.pagewire.conformance;

import dev.pagewire.client.Change;
import dev.pagewire.client.Content;
import dev.pagewire.client.Failure;
import dev.pagewire.client.Header;
import dev.pagewire.client.Imports;
import dev.pagewire.client.Outcome;
import dev.pagewire.client.Request;
import dev.pagewire.client.Resolved;
import dev.pagewire.client.Response;
import dev.pagewire.client.Skip;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Produces the hook results that rules describe. */
final class HookResults {
  private HookResults() {}

  static Outcome serve(JsonObject rule, Request request) throws Exception {
    fail(rule);
    if (rule.has("skip")) {
      return new Skip();
    }
    Content content;
    if (rule.has("echo")) {
      content = echo(request);
    } else if (rule.has("file")) {
      content = Content.file(Path.of(rule.text("file")));
    } else {
      content = Content.of("", rule.text("body"));
    }
    content = rule.has("type") ? content.contentType(rule.text("type")) : content;
    content = rule.number("status").map(content::status).orElse(content);
    for (Map.Entry<String, Object> header : rule.object("headers").map().entrySet()) {
      content = content.header(header.getKey(), (String) header.getValue());
    }
    content = rule.has("remember") ? content.remember() : content;
    content = rule.has("verbatim") ? content.verbatim() : content;
    return content.dependsOn(files(rule));
  }

  private static Content echo(Request request) {
    Map<String, Object> headers = new LinkedHashMap<>();
    for (Header header : request.headers()) {
      headers.put(header.name(), header.value());
    }
    return Content.json(
        Wire.object(
            "method", request.method(),
            "path", request.path(),
            "query", request.query(),
            "headers", headers,
            "body", request.text()));
  }

  static Change transform(JsonObject rule, Response response) throws Exception {
    fail(rule);
    if (rule.has("skip")) {
      return null;
    }
    Change change = Change.create();
    if (rule.has("append")) {
      change = Change.body(response.text() + rule.text("append"));
    }
    if (rule.has("replace")) {
      List<String> replace = rule.strings("replace");
      change = Change.body(response.text().replace(replace.get(0), replace.get(1)));
    }
    change = rule.has("type") ? change.contentType(rule.text("type")) : change;
    for (Map.Entry<String, Object> header : rule.object("set_headers").map().entrySet()) {
      change = change.header(header.getKey(), (String) header.getValue());
    }
    change = change.removeHeaders(rule.array("remove_headers"));
    change = rule.has("no_cache") ? change.noCache() : change;
    return change.dependsOn(files(rule));
  }

  static Resolved resolve(JsonObject rule, Imports imports) throws Exception {
    fail(rule);
    JsonObject map = rule.object("map");
    Resolved resolved =
        imports
            .resolve(specifier -> map.optionalText(specifier.specifier()).orElse(null))
            .dependsOn(files(rule));
    return rule.has("no_cache") ? resolved.noCache() : resolved;
  }

  /** Blocks if the rule says so. */
  static void await(JsonObject rule, Gates gates, String plugin, String path)
      throws InterruptedException {
    if (rule.has("wait_for")) {
      gates.waitFor(rule.text("wait_for"));
    }
    if (rule.has("hang")) {
      try {
        gates.waitFor(Gates.NEVER_RELEASED);
      } catch (InterruptedException cancelled) {
        Wire.print("event", "cancelled", "plugin", plugin, "path", path);
        throw cancelled;
      }
    }
  }

  private static void fail(JsonObject rule) throws Exception {
    if (rule.has("throw")) {
      throw new Exception(rule.text("throw"));
    }
    if (!rule.has("fail")) {
      return;
    }
    JsonObject fail = rule.object("fail");
    Failure failure = new Failure(fail.text("message"));
    fail.number("status").ifPresent(failure::status);
    if (fail.has("file")) {
      failure.at(fail.text("file"), fail.number("line").orElse(0), fail.number("column").orElse(0));
    }
    if (fail.has("frame")) {
      failure.frame(fail.text("frame"));
    }
    throw failure;
  }

  private static Path[] files(JsonObject rule) {
    return rule.strings("depends_on").stream().map(Path::of).toArray(Path[]::new);
  }
}
