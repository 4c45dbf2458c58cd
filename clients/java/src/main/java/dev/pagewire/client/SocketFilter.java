package dev.pagewire.client;

/**
 * Conditions on a socket; all that are given must hold. Sees ready sockets only. Regular
 * expressions are RE2 syntax, unanchored; the daemon refuses what does not compile ({@code
 * FIELD_INVALID}).
 */
public final class SocketFilter {
  private final dev.pagewire.v1.SocketFilter wire;

  private SocketFilter(dev.pagewire.v1.SocketFilter.Builder wire) {
    this.wire = wire.build();
  }

  /**
   * Sockets whose URL this regular expression is found in.
   *
   * @param regex the expression
   * @return the filter
   */
  public static SocketFilter url(String regex) {
    return new SocketFilter(dev.pagewire.v1.SocketFilter.newBuilder().setUrlRegex(regex));
  }

  /**
   * Sockets whose User-Agent this regular expression is found in.
   *
   * @param regex the expression
   * @return the filter
   */
  public static SocketFilter userAgent(String regex) {
    return new SocketFilter(dev.pagewire.v1.SocketFilter.newBuilder().setUserAgentRegex(regex));
  }

  /** {@return a filter that also wants pages to be at least partly visible} */
  public SocketFilter visible() {
    return new SocketFilter(
        wire.toBuilder().setVisibility(dev.pagewire.v1.Visibility.VISIBILITY_VISIBLE));
  }

  /** {@return a filter that also wants pages to be hidden} */
  public SocketFilter hidden() {
    return new SocketFilter(
        wire.toBuilder().setVisibility(dev.pagewire.v1.Visibility.VISIBILITY_HIDDEN));
  }

  /** {@return a filter that also wants top-level documents, no frames} */
  public SocketFilter topLevel() {
    return new SocketFilter(wire.toBuilder().setTopLevelOnly(true));
  }

  dev.pagewire.v1.SocketFilter toWire() {
    return wire;
  }
}
