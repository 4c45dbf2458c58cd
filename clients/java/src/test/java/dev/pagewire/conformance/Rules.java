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

/** Rules of hooks: their filters, which of them a path is for, and options. */
final class Rules {
  private Rules() {}

  static Filter filter(Words words) {
    Filter filter;
    if (words.has("path")) {
      filter = Filter.path(words.text("path"));
    } else if (words.has("paths")) {
      filter = Filter.paths(words.array("paths"));
    } else if (words.has("prefix")) {
      filter = Filter.prefix(words.text("prefix"));
    } else if (words.has("regex")) {
      filter = Filter.regex(words.text("regex"));
    } else if (words.has("file")) {
      filter = Filter.file(Path.of(words.text("file")));
    } else if (words.has("mime")) {
      filter = Filter.mime(words.text("mime"));
    } else {
      filter = Filter.all();
    }
    filter = words.has("except") ? filter.except(words.text("except")) : filter;
    filter = words.has("methods") ? filter.methods(words.array("methods")) : filter;
    return words.has("mime_types") ? filter.mimeTypes(words.array("mime_types")) : filter;
  }

  private static boolean fits(Words filter, String path) {
    if (filter.has("path")) {
      return path.equals(filter.text("path"));
    }
    if (filter.has("paths")) {
      return filter.texts("paths").contains(path);
    }
    if (filter.has("prefix")) {
      return path.startsWith(filter.text("prefix"));
    }
    return !filter.has("regex") || Pattern.compile(filter.text("regex")).matcher(path).find();
  }

  /** The first rule that a path is for. */
  static Optional<Words> rule(List<Words> rules, String path) {
    return rules.stream().filter(rule -> fits(rule.words("filter"), path)).findFirst();
  }

  private static Filter[] filters(List<Words> rules) {
    return rules.stream().map(rule -> filter(rule.words("filter"))).toArray(Filter[]::new);
  }

  static ServeOptions serve(List<Words> rules, Words words) {
    ServeOptions options = common(ServeOptions.of(filters(rules)), words);
    switch (words.text("phase")) {
      case "first" -> options.first();
      case "after_files" -> options.afterFiles();
      default -> {}
    }
    words.number("max_body_bytes").ifPresent(options::maxRequestBodyBytes);
    return options;
  }

  static TransformOptions transform(List<Words> rules, Words words) {
    TransformOptions options = common(TransformOptions.of(filters(rules)), words);
    words.number("max_body_bytes").ifPresent(options::maxBodyBytes);
    return options;
  }

  static ResolveOptions resolve(List<Words> rules, Words words) {
    return common(ResolveOptions.of(filters(rules)), words);
  }

  private static <S extends HookOptions<S>> S common(S options, Words words) {
    words.milliseconds("call_timeout_ms").ifPresent(options::callTimeout);
    words.number("max_concurrent_calls").ifPresent(options::maxConcurrentCalls);
    if (words.text("failure_mode").equals("skip")) {
      options.failureMode(FailureMode.SKIP);
    }
    return options.forwardRequestHeaders(words.array("forward_request_headers"));
  }
}
