package dev.pagewire.client;

import dev.pagewire.v1.InvalidateRequest;
import java.nio.file.Path;

/**
 * Selection of cached hook results to invalidate with {@link Client#invalidate}. Paths are URL
 * paths that begin with {@code /}; queries are ignored. Immutable.
 *
 * <pre>{@code
 * Stale.file(Path.of("/srv/site/colors.scss")).and(Stale.prefix("/themes/")).refreshPages()
 * }</pre>
 */
public final class Stale {
  private final InvalidateRequest wire;

  private Stale(InvalidateRequest.Builder wire) {
    this.wire = wire.build();
  }

  /** {@return all results of all plugins} */
  public static Stale all() {
    return new Stale(InvalidateRequest.newBuilder().setAll(true));
  }

  /**
   * Selects the results for a path.
   *
   * @param path the URL path
   * @return the selection
   */
  public static Stale path(String path) {
    return new Stale(InvalidateRequest.newBuilder().addExactPaths(path));
  }

  /**
   * Selects the results for paths that begin with a prefix.
   *
   * @param prefix the prefix
   * @return the selection
   */
  public static Stale prefix(String prefix) {
    return new Stale(InvalidateRequest.newBuilder().addPathPrefixes(prefix));
  }

  /**
   * Selects the results made from a file.
   *
   * @param file an absolute path
   * @return the selection
   */
  public static Stale file(Path file) {
    return new Stale(InvalidateRequest.newBuilder().addFilePaths(file.toString()));
  }

  /**
   * Combines two selections.
   *
   * @param other the results to invalidate as well
   * @return the combined selection
   */
  public Stale and(Stale other) {
    return new Stale(wire.toBuilder().mergeFrom(other.wire));
  }

  /**
   * Makes pages that use any of the results refresh, as in watch mode: they swap stylesheets, or
   * else reload. By default pages are left alone.
   *
   * @return the selection
   */
  public Stale refreshPages() {
    return new Stale(wire.toBuilder().setRefreshPages(true));
  }

  InvalidateRequest toWire() {
    return wire;
  }
}
