package dev.pagewire.client;

import dev.pagewire.v1.InvalidateRequest;
import java.nio.file.Path;

/**
 * Which remembered and cached results of hooks are stale, for {@link Client#invalidate}. Paths are
 * URL paths, whatever the query, beginning with {@code /}. Immutable.
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

  /** {@return everything, of every plugin} */
  public static Stale all() {
    return new Stale(InvalidateRequest.newBuilder().setAll(true));
  }

  /**
   * Results for a path.
   *
   * @param path the URL path
   * @return what is stale
   */
  public static Stale path(String path) {
    return new Stale(InvalidateRequest.newBuilder().addExactPaths(path));
  }

  /**
   * Results for paths that begin with this.
   *
   * @param prefix the beginning
   * @return what is stale
   */
  public static Stale prefix(String prefix) {
    return new Stale(InvalidateRequest.newBuilder().addPathPrefixes(prefix));
  }

  /**
   * Whatever was made from a file.
   *
   * @param file an absolute path
   * @return what is stale
   */
  public static Stale file(Path file) {
    return new Stale(InvalidateRequest.newBuilder().addFilePaths(file.toString()));
  }

  /**
   * The other too.
   *
   * @param other what is stale beside this
   * @return both
   */
  public Stale and(Stale other) {
    return new Stale(wire.toBuilder().mergeFrom(other.wire));
  }

  /**
   * Also has the pages that use any of it act, as in watch mode: styles are swapped, else the page
   * reloads. Default: pages keep what they have.
   *
   * @return what is stale
   */
  public Stale refreshPages() {
    return new Stale(wire.toBuilder().setRefreshPages(true));
  }

  InvalidateRequest toWire() {
    return wire;
  }
}
