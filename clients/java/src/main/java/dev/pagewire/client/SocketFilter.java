package dev.pagewire.client;

/**
 * Conditions on sockets, all of which must hold. Matches ready sockets only. Regular expressions
 * use RE2 syntax and are unanchored; the daemon refuses invalid ones ({@code FIELD_INVALID}).
 */
public final class SocketFilter {
  private final dev.pagewire.v1.SocketFilter wire;

  private SocketFilter(dev.pagewire.v1.SocketFilter.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * Matches sockets in whose URL a regular expression finds a match.
   *
   * @param regex the expression
   * @return the filter
   */
  public static SocketFilter url(String regex) {
    return new SocketFilter(dev.pagewire.v1.SocketFilter.newBuilder().setUrlRegex(regex));
  }

  /**
   * Matches sockets in whose User-Agent a regular expression finds a match.
   *
   * @param regex the expression
   * @return the filter
   */
  public static SocketFilter userAgent(String regex) {
    return new SocketFilter(dev.pagewire.v1.SocketFilter.newBuilder().setUserAgentRegex(regex));
  }

  /** {@return a filter that also requires pages to be at least partly visible} */
  public SocketFilter visible() {
    return new SocketFilter(
        wire.toBuilder().setVisibility(dev.pagewire.v1.Visibility.VISIBILITY_VISIBLE));
  }

  /** {@return a filter that also requires pages to be hidden} */
  public SocketFilter hidden() {
    return new SocketFilter(
        wire.toBuilder().setVisibility(dev.pagewire.v1.Visibility.VISIBILITY_HIDDEN));
  }

  /** {@return a filter that also requires top-level documents rather than frames} */
  public SocketFilter topLevel() {
    return new SocketFilter(wire.toBuilder().setTopLevelOnly(true));
  }

  dev.pagewire.v1.SocketFilter toWire() {
    return wire;
  }
}
