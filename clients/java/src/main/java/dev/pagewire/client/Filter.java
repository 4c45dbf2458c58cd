package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Condition on the requests that a hook is called for. The daemon evaluates it, so requests that no
 * filter matches never reach the plugin. Paths are URL paths, percent-decoded, and begin with
 * {@code /}; regular expressions use RE2 syntax and are unanchored. The daemon refuses invalid ones
 * ({@code FIELD_INVALID}).
 *
 * <p>Instance methods add conditions, all of which must hold; of several filters (see {@link
 * ServeOptions}), one must match. Requests other than GET and HEAD match only if {@link #methods}
 * includes them. Immutable.
 */
public final class Filter {
  private final RequestFilter wire;

  private Filter(RequestFilter.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * Matches one path.
   *
   * @param path the URL path
   * @return the filter
   */
  public static Filter path(String path) {
    return paths(path);
  }

  /**
   * Matches any of several paths.
   *
   * @param paths URL paths
   * @return the filter
   */
  public static Filter paths(String... paths) {
    return new Filter(RequestFilter.newBuilder().addAllExactPaths(Arrays.asList(paths)));
  }

  /**
   * Matches paths that begin with a prefix.
   *
   * @param prefix the prefix, such as {@code /virtual/}
   * @return the filter
   */
  public static Filter prefix(String prefix) {
    return new Filter(RequestFilter.newBuilder().addPathPrefixes(prefix));
  }

  /**
   * Matches paths in which a regular expression finds a match.
   *
   * @param regex the expression, such as {@code \\.vue$}
   * @return the filter
   */
  public static Filter regex(String regex) {
    return new Filter(RequestFilter.newBuilder().addPathRegexes(regex));
  }

  /**
   * Matches requests that the file system would answer with this file, whatever their URL.
   *
   * @param file an absolute path
   * @return the filter
   */
  public static Filter file(Path file) {
    return new Filter(RequestFilter.newBuilder().addFilePaths(file.toString()));
  }

  /**
   * Matches responses of a MIME type. Only for {@link Plugin#transform(Filter, Handler)}.
   *
   * @param mimeType a type without parameters: {@code text/css}, {@code text/*}
   * @return the filter
   */
  public static Filter mime(String mimeType) {
    return new Filter(RequestFilter.newBuilder().addMimeTypes(mimeType));
  }

  /** {@return a filter that matches every request, each of which then waits for this plugin} */
  public static Filter all() {
    return new Filter(RequestFilter.newBuilder().setMatchAll(true));
  }

  /**
   * Excludes paths in which a regular expression finds a match. May be repeated.
   *
   * @param regex the expression
   * @return the narrower filter
   */
  public Filter except(String regex) {
    return new Filter(wire.toBuilder().addExcludePathRegexes(regex));
  }

  /**
   * Sets the HTTP methods to match. Default GET and HEAD.
   *
   * @param methods methods in upper case
   * @return the filter
   */
  public Filter methods(String... methods) {
    return new Filter(wire.toBuilder().clearMethods().addAllMethods(Arrays.asList(methods)));
  }

  /**
   * Narrows to responses of any of these MIME types. Only for {@link Plugin#transform(Filter,
   * Handler)}. Default any.
   *
   * @param mimeTypes types without parameters
   * @return the narrower filter
   */
  public Filter mimeTypes(String... mimeTypes) {
    return new Filter(wire.toBuilder().clearMimeTypes().addAllMimeTypes(Arrays.asList(mimeTypes)));
  }

  static List<RequestFilter> toWire(Iterable<Filter> filters) {
    List<RequestFilter> wire = new java.util.ArrayList<>();
    filters.forEach(filter -> wire.add(Objects.requireNonNull(filter, "filter").wire));
    return List.copyOf(wire);
  }
}
