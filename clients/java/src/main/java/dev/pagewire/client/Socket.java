package dev.pagewire.client;

import java.time.Instant;
import java.util.List;

/**
 * One WebSocket connection of one document. Every document has its own, frames included. What its
 * page says of itself is empty until it is ready.
 *
 * @param socketId names this connection; a reconnect has a new one
 * @param pageId names the document, across reconnects
 * @param tabId names the browser tab, across reloads; frames have their top page's
 * @param url the document's location, as the page reported it last
 * @param title the document's title, as the page reported it last
 * @param userAgent the browser's User-Agent; empty = it had none
 * @param visibility as the page reported it last
 * @param topLevel the document is its tab's top page, not a frame
 * @param remoteAddress address and port that the connection came from
 * @param connectTime when the daemon accepted it, by the daemon's clock
 * @param ready its page has said what it is, or had a second to do so
 * @param documentState as the page reported it last
 * @param clientFeatures what the page's script can do; empty = it never said
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
    List<String> clientFeatures) {}
