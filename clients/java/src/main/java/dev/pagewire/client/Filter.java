package dev.pagewire.client;

import dev.pagewire.v1.RequestFilter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Which requests a plugin is asked about. Evaluated in the daemon: what no filter matches never
 * leaves it. Paths are URL paths, percent-decoded, beginning with {@code /}; regular expressions
 * are RE2 syntax, unanchored. The daemon refuses what does not compile ({@code FIELD_INVALID}).
 *
 * <p>Methods narrow: all conditions must hold. Several filters widen, see {@link ServeOptions}.
 * Requests other than GET and HEAD match only if {@link #methods} says so. Immutable.
 */
public final class Filter {
  private final RequestFilter wire;

  private Filter(RequestFilter.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * A path.
   *
   * @param path the URL path
   * @return the filter
   */
  public static Filter path(String path) {
    return paths(path);
  }

  /**
   * Any of these paths.
   *
   * @param paths URL paths
   * @return the filter
   */
  public static Filter paths(String... paths) {
    return new Filter(RequestFilter.newBuilder().addAllExactPaths(Arrays.asList(paths)));
  }

  /**
   * Paths that begin with this.
   *
   * @param prefix the beginning, {@code /virtual/} say
   * @return the filter
   */
  public static Filter prefix(String prefix) {
    return new Filter(RequestFilter.newBuilder().addPathPrefixes(prefix));
  }

  /**
   * Paths that this regular expression is found in.
   *
   * @param regex the expression, {@code \\.vue$} say
   * @return the filter
   */
  public static Filter regex(String regex) {
    return new Filter(RequestFilter.newBuilder().addPathRegexes(regex));
  }

  /**
   * Requests that the file system would answer with a file, whatever their URL.
   *
   * @param file an absolute path
   * @return the filter
   */
  public static Filter file(Path file) {
    return new Filter(RequestFilter.newBuilder().addFilePaths(file.toString()));
  }

  /**
   * Responses of a MIME type. For {@link Plugin#transform(Filter, Handler)} only.
   *
   * @param mimeType without parameters: {@code text/css}, {@code text/*}
   * @return the filter
   */
  public static Filter mime(String mimeType) {
    return new Filter(RequestFilter.newBuilder().addMimeTypes(mimeType));
  }

  /** {@return a filter of every request: the slow path, as each one then waits for this plugin} */
  public static Filter all() {
    return new Filter(RequestFilter.newBuilder().setMatchAll(true));
  }

  /**
   * Narrows to paths that this regular expression is not found in. May be repeated.
   *
   * @param regex the expression
   * @return the narrower filter
   */
  public Filter except(String regex) {
    return new Filter(wire.toBuilder().addExcludePathRegexes(regex));
  }

  /**
   * The HTTP methods. Default GET and HEAD.
   *
   * @param methods in upper case
   * @return the filter
   */
  public Filter methods(String... methods) {
    return new Filter(wire.toBuilder().clearMethods().addAllMethods(Arrays.asList(methods)));
  }

  /**
   * Narrows to responses of any of these MIME types. For {@link Plugin#transform(Filter, Handler)}
   * only. Default any.
   *
   * @param mimeTypes without parameters
   * @return the narrower filter
   */
  public Filter mimeTypes(String... mimeTypes) {
    return new Filter(wire.toBuilder().clearMimeTypes().addAllMimeTypes(Arrays.asList(mimeTypes)));
  }

  static List<RequestFilter> toWire(Iterable<Filter> filters) {
    List<RequestFilter> wire = new java.util.ArrayList<>();
    filters.forEach(filter -> wire.add(filter.wire));
    return List.copyOf(wire);
  }
}
