package dev.pagewire.conformance;

import dev.pagewire.client.FailureMode;
import dev.pagewire.client.Filter;
import dev.pagewire.client.HookOptions;
import dev.pagewire.client.ResolveOptions;
import dev.pagewire.client.ServeOptions;
import dev.pagewire.client.TransformOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Converts rules of hooks to filters and options, and finds the rule for a path. */
final class Rules {
  private Rules() {}

  static Filter filter(JsonObject rule) {
    Filter filter;
    if (rule.has("path")) {
      filter = Filter.path(rule.text("path"));
    } else if (rule.has("paths")) {
      filter = Filter.paths(rule.array("paths"));
    } else if (rule.has("prefix")) {
      filter = Filter.prefix(rule.text("prefix"));
    } else if (rule.has("regex")) {
      filter = Filter.regex(rule.text("regex"));
    } else if (rule.has("file")) {
      filter = Filter.file(Path.of(rule.text("file")));
    } else if (rule.has("mime")) {
      filter = Filter.mime(rule.text("mime"));
    } else {
      filter = Filter.all();
    }
    filter = rule.has("except") ? filter.except(rule.text("except")) : filter;
    filter = rule.has("methods") ? filter.methods(rule.array("methods")) : filter;
    return rule.has("mime_types") ? filter.mimeTypes(rule.array("mime_types")) : filter;
  }

  private static boolean matches(JsonObject filter, String path) {
    if (filter.has("path")) {
      return path.equals(filter.text("path"));
    }
    if (filter.has("paths")) {
      return filter.strings("paths").contains(path);
    }
    if (filter.has("prefix")) {
      return path.startsWith(filter.text("prefix"));
    }
    return !filter.has("regex") || Pattern.compile(filter.text("regex")).matcher(path).find();
  }

  /** Returns the first rule that matches a path. */
  static Optional<JsonObject> rule(List<JsonObject> rules, String path) {
    return rules.stream().filter(rule -> matches(rule.object("filter"), path)).findFirst();
  }

  private static Filter[] filters(List<JsonObject> rules) {
    return rules.stream().map(rule -> filter(rule.object("filter"))).toArray(Filter[]::new);
  }

  static ServeOptions serve(List<JsonObject> rules, JsonObject json) {
    ServeOptions options = common(ServeOptions.of(filters(rules)), json);
    switch (json.text("phase")) {
      case "first" -> options.first();
      case "after_files" -> options.afterFiles();
      default -> {}
    }
    json.number("max_body_bytes").ifPresent(options::maxRequestBodyBytes);
    return options;
  }

  static TransformOptions transform(List<JsonObject> rules, JsonObject json) {
    TransformOptions options = common(TransformOptions.of(filters(rules)), json);
    json.number("max_body_bytes").ifPresent(options::maxBodyBytes);
    return options;
  }

  static ResolveOptions resolve(List<JsonObject> rules, JsonObject json) {
    return common(ResolveOptions.of(filters(rules)), json);
  }

  private static <S extends HookOptions<S>> S common(S options, JsonObject json) {
    json.milliseconds("call_timeout_ms").ifPresent(options::callTimeout);
    json.number("max_concurrent_calls").ifPresent(options::maxConcurrentCalls);
    if (json.text("failure_mode").equals("skip")) {
      options.failureMode(FailureMode.SKIP);
    }
    return options.forwardRequestHeaders(json.array("forward_request_headers"));
  }
}
