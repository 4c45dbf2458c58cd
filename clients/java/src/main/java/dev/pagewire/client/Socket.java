package dev.pagewire.client;

import java.time.Instant;
import java.util.List;

/**
 * WebSocket connection of one document. Every document, including each frame, has its own. Values
 * reported by the page are empty until the socket is ready.
 *
 * @param socketId identifies the connection; changes with each reconnect
 * @param pageId identifies the document, across reconnects
 * @param tabId identifies the browser tab, across reloads; frames have the id of their top-level
 *     page
 * @param url the document's URL, as last reported by the page
 * @param title the document's title, as last reported by the page
 * @param userAgent the browser's User-Agent; may be empty
 * @param visibility as last reported by the page
 * @param topLevel whether the document is its tab's top-level page rather than a frame
 * @param remoteAddress address and port of the peer
 * @param connectTime when the daemon accepted the connection, by the daemon's clock
 * @param ready whether the page has reported its details, or one second has passed without them
 * @param documentState as last reported by the page
 * @param clientFeatures features of the page's script; empty if it reported none
 */
public record Socket(
    String socketId,
    String pageId,
    String tabId,
    String url,
    String title,
    String userAgent,
    Visibility visibility,
    boolean topLevel,
    String remoteAddress,
    Instant connectTime,
    boolean ready,
    DocumentState documentState,
    List<String> clientFeatures) {
  /**
   * Creates a socket as a test passes it to a handler: ready, visible and top-level. What is not
   * named is derived from the id or empty.
   *
   * @param socketId its id
   * @param url its document's URL
   * @return the socket
   */
  public static Socket of(String socketId, String url) {
    return new Socket(
        socketId,
        "page-" + socketId,
        "tab-" + socketId,
        url,
        "",
        "",
        Visibility.VISIBLE,
        true,
        "",
        Instant.EPOCH,
        true,
        DocumentState.COMPLETE,
        List.of());
  }
}
