package dev.pagewire.client;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;

/** Simulated page: a WebSocket that speaks the page protocol. */
final class TestPage implements WebSocket.Listener, AutoCloseable {
  private static final HttpClient HTTP =
      HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

  private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
  private final StringBuilder frame = new StringBuilder();
  private WebSocket socket;
  private String socketId;

  private TestPage() {}

  /** Connects and completes the handshake. */
  static TestPage open(String url) throws Exception {
    URI uri = URI.create(url.replaceFirst("http", "ws") + "/__pagewire__/socket");
    TestPage page = new TestPage();
    page.socket = HTTP.newWebSocketBuilder().buildAsync(uri, page).get();
    page.send(
        "{\"type\":\"pagewire:hello\",\"page_id\":\"p\",\"tab_id\":\"t\",\"url\":\"http://localhost/\","
            + "\"title\":\"\",\"visibility\":\"visible\",\"document_state\":\"complete\","
            + "\"top_level\":true,\"features\":[\"import.await\",\"log\"]}");
    page.socketId = (String) Json.read(page.receive(), Map.class).get("socket_id");
    return page;
  }

  String socketId() {
    return socketId;
  }

  void send(String text) throws Exception {
    socket.sendText(text, true).get();
  }

  String receive() throws InterruptedException {
    return received.take();
  }

  @Override
  public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
    frame.append(data);
    if (last) {
      received.add(frame.toString());
      frame.setLength(0);
    }
    socket.request(1);
    return null;
  }

  @Override
  public void close() {
    socket.abort();
  }
}
