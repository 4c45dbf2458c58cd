package dev.pagewire.client;

import dev.pagewire.v1.AllSockets;
import dev.pagewire.v1.PageIds;
import dev.pagewire.v1.SocketIds;
import dev.pagewire.v1.TabIds;
import java.util.Collection;
import java.util.List;

/**
 * Which sockets an operation is for. The selection is one instant's snapshot: sockets that open
 * later are not in it. Immutable.
 *
 * <p>There is no broadcast by accident: a list without ids is refused by the daemon ({@code
 * FIELD_INVALID}); everybody is {@link #all}. An id that nobody has is no error but a row of the
 * {@link Report}.
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
   * One socket.
   *
   * @param socketId its id
   * @return the target
   */
  public static Target socket(String socketId) {
    return sockets(List.of(socketId));
  }

  /**
   * These sockets.
   *
   * @param socketIds their ids
   * @return the target
   */
  public static Target sockets(Collection<String> socketIds) {
    return new Target(of().setIds(SocketIds.newBuilder().addAllSocketIds(socketIds)));
  }

  /**
   * Every socket of one browser tab, those of its frames included.
   *
   * @param tabId its id
   * @return the target
   */
  public static Target tab(String tabId) {
    return tabs(List.of(tabId));
  }

  /**
   * Every socket of these browser tabs, those of their frames included.
   *
   * @param tabIds their ids
   * @return the target
   */
  public static Target tabs(Collection<String> tabIds) {
    return new Target(of().setTabs(TabIds.newBuilder().addAllTabIds(tabIds)));
  }

  /**
   * The socket of one document, across its reconnects.
   *
   * @param pageId its id
   * @return the target
   */
  public static Target page(String pageId) {
    return pages(List.of(pageId));
  }

  /**
   * The sockets of these documents, across their reconnects.
   *
   * @param pageIds their ids
   * @return the target
   */
  public static Target pages(Collection<String> pageIds) {
    return new Target(of().setPages(PageIds.newBuilder().addAllPageIds(pageIds)));
  }

  /**
   * The ready sockets whose URL this regular expression is found in (RE2 syntax, unanchored).
   *
   * @param regex the expression
   * @return the target
   */
  public static Target url(String regex) {
    return filter(SocketFilter.url(regex));
  }

  /**
   * The ready sockets that match.
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

  /** The socket whose request this answers. */
  static Target replyTo(String requestId) {
    return new Target(of().setReplyTo(requestId));
  }

  /**
   * The target without these sockets, which get no row in the report. Ids that nobody has are
   * ignored.
   *
   * @param socketIds the ids of those that are taken out, beside those that were before
   * @return the smaller target
   */
  public Target excluding(String... socketIds) {
    return excluding(List.of(socketIds));
  }

  /**
   * As {@link #excluding(String...)}.
   *
   * @param socketIds the ids of those that are taken out, beside those that were before
   * @return the smaller target
   */
  public Target excluding(Collection<String> socketIds) {
    return new Target(wire.toBuilder().addAllExcludeSocketIds(socketIds));
  }

  dev.pagewire.v1.Target toWire() {
    return wire;
  }
}
