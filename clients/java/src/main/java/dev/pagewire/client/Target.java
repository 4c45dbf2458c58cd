package dev.pagewire.client;

import dev.pagewire.v1.AllSockets;
import dev.pagewire.v1.PageIds;
import dev.pagewire.v1.SocketIds;
import dev.pagewire.v1.TabIds;
import java.util.Collection;
import java.util.List;

/**
 * The sockets that an operation is for. They are selected once: sockets that open later are not
 * included. Immutable.
 *
 * <p>A broadcast is always explicit: an empty list of ids is refused by the daemon ({@code
 * FIELD_INVALID}), and only {@link #all} selects every socket. An unknown id is not an error, but a
 * row of the {@link Report}.
 */
public final class Target {
  private final dev.pagewire.v1.Target wire;

  private Target(dev.pagewire.v1.Target.Builder wire) {
    this.wire = wire.build();
  }

  private static dev.pagewire.v1.Target.Builder of() {
    return dev.pagewire.v1.Target.newBuilder();
  }

  /**
   * Selects a socket.
   *
   * @param socketId its id
   * @return the target
   */
  public static Target socket(String socketId) {
    return sockets(List.of(socketId));
  }

  /**
   * Selects several sockets.
   *
   * @param socketIds their ids
   * @return the target
   */
  public static Target sockets(Collection<String> socketIds) {
    return new Target(of().setIds(SocketIds.newBuilder().addAllSocketIds(socketIds)));
  }

  /**
   * Selects every socket of a browser tab, including those of its frames.
   *
   * @param tabId its id
   * @return the target
   */
  public static Target tab(String tabId) {
    return tabs(List.of(tabId));
  }

  /**
   * Selects every socket of several browser tabs, including those of their frames.
   *
   * @param tabIds their ids
   * @return the target
   */
  public static Target tabs(Collection<String> tabIds) {
    return new Target(of().setTabs(TabIds.newBuilder().addAllTabIds(tabIds)));
  }

  /**
   * Selects the socket of a document, across its reconnects.
   *
   * @param pageId its id
   * @return the target
   */
  public static Target page(String pageId) {
    return pages(List.of(pageId));
  }

  /**
   * Selects the sockets of several documents, across their reconnects.
   *
   * @param pageIds their ids
   * @return the target
   */
  public static Target pages(Collection<String> pageIds) {
    return new Target(of().setPages(PageIds.newBuilder().addAllPageIds(pageIds)));
  }

  /**
   * Selects the ready sockets in whose URL a regular expression (RE2 syntax, unanchored) finds a
   * match.
   *
   * @param regex the expression
   * @return the target
   */
  public static Target url(String regex) {
    return filter(SocketFilter.url(regex));
  }

  /**
   * Selects the ready sockets that match a filter.
   *
   * @param filter the conditions
   * @return the target
   */
  public static Target filter(SocketFilter filter) {
    return new Target(of().setFilter(filter.toWire()));
  }

  /** {@return every connected socket, ready or not} */
  public static Target all() {
    return new Target(of().setAll(AllSockets.getDefaultInstance()));
  }

  /** Selects the socket that made a request. */
  static Target replyTo(String requestId) {
    return new Target(of().setReplyTo(requestId));
  }

  /**
   * Excludes sockets, which then have no row in the report. Unknown ids are ignored.
   *
   * @param socketIds the ids to exclude, in addition to earlier ones
   * @return the smaller target
   */
  public Target excluding(String... socketIds) {
    return excluding(List.of(socketIds));
  }

  /**
   * Excludes sockets as {@link #excluding(String...)} does.
   *
   * @param socketIds the ids to exclude, in addition to earlier ones
   * @return the smaller target
   */
  public Target excluding(Collection<String> socketIds) {
    return new Target(wire.toBuilder().addAllExcludeSocketIds(socketIds));
  }

  dev.pagewire.v1.Target toWire() {
    return wire;
  }
}
