package dev.pagewire.client;

import java.util.HashMap;
import java.util.Map;

/** Event handlers that a plugin has declared. */
final class EventHandlers {
  final Map<String, ClientHandler<Message>> messages = new HashMap<>();

  /** Handlers whose result is sent to the page. */
  final Map<String, ClientHandler<Message>> requests = new HashMap<>();

  EventHandler<Socket> socketOpened;
  EventHandler<Socket> socketReady;
  EventHandler<SocketClosed> socketClosed;

  boolean hasSocketHandlers() {
    return socketOpened != null || socketReady != null || socketClosed != null;
  }

  boolean isEmpty() {
    return messages.isEmpty() && requests.isEmpty() && !hasSocketHandlers();
  }

  /** Creates a handler for the client of a session. */
  interface ClientHandler<E> {
    Callback<E, Object> with(Client client);
  }
}
