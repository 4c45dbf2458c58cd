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

/** What handlers make of the results that rules name. */
final class Answers {
  private Answers() {}

  static Outcome serve(Words words, Request request) throws Exception {
    fail(words);
    if (words.has("skip")) {
      return new Skip();
    }
    Content content;
    if (words.has("echo")) {
      content = echo(request);
    } else if (words.has("file")) {
      content = Content.file(Path.of(words.text("file")));
    } else {
      content = Content.of("", words.text("body"));
    }
    content = words.has("type") ? content.contentType(words.text("type")) : content;
    content = words.number("status").map(content::status).orElse(content);
    for (Map.Entry<String, Object> header : words.words("headers").map().entrySet()) {
      content = content.header(header.getKey(), (String) header.getValue());
    }
    content = words.has("remember") ? content.remember() : content;
    content = words.has("verbatim") ? content.verbatim() : content;
    return content.dependsOn(files(words));
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

  static Change transform(Words words, Response response) throws Exception {
    fail(words);
    if (words.has("skip")) {
      return null;
    }
    Change change = Change.create();
    if (words.has("append")) {
      change = Change.body(response.text() + words.text("append"));
    }
    if (words.has("replace")) {
      List<String> replace = words.texts("replace");
      change = Change.body(response.text().replace(replace.get(0), replace.get(1)));
    }
    change = words.has("type") ? change.contentType(words.text("type")) : change;
    for (Map.Entry<String, Object> header : words.words("set_headers").map().entrySet()) {
      change = change.header(header.getKey(), (String) header.getValue());
    }
    for (String name : words.texts("remove_headers")) {
      change = change.removeHeader(name);
    }
    change = words.has("no_cache") ? change.noCache() : change;
    return change.dependsOn(files(words));
  }

  static Resolved resolve(Words words, Imports imports) throws Exception {
    fail(words);
    Words map = words.words("map");
    Resolved resolved =
        imports.resolve(one -> map.maybe(one.specifier()).orElse(null)).dependsOn(files(words));
    return words.has("no_cache") ? resolved.noCache() : resolved;
  }

  /** Waits for what the words say to wait for. */
  static void await(Words words, Gates gates, String plugin, String path)
      throws InterruptedException {
    if (words.has("wait_for")) {
      gates.waitFor(words.text("wait_for"));
    }
    if (words.has("hang")) {
      try {
        gates.waitFor("nobody releases this");
      } catch (InterruptedException cancelled) {
        Wire.say("event", "cancelled", "plugin", plugin, "path", path);
        throw cancelled;
      }
    }
  }

  private static void fail(Words words) throws Exception {
    if (words.has("throw")) {
      throw new Exception(words.text("throw"));
    }
    if (!words.has("fail")) {
      return;
    }
    Words fail = words.words("fail");
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

  private static Path[] files(Words words) {
    return words.texts("depends_on").stream().map(Path::of).toArray(Path[]::new);
  }
}
