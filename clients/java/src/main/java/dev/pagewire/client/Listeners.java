package dev.pagewire.client;

import java.util.HashMap;
import java.util.Map;

/** The handlers of what a subscription tells. */
final class Listeners {
  final Map<String, EventFunctionCallback<Message>> messages = new HashMap<>();

  /** These answer. */
  final Map<String, EventFunctionCallback<Message>> requests = new HashMap<>();

  EventHandler<Socket> socketOpened;
  EventHandler<Socket> socketReady;
  EventHandler<SocketClosed> socketClosed;

  boolean wantSockets() {
    return socketOpened != null || socketReady != null || socketClosed != null;
  }

  boolean isEmpty() {
    return messages.isEmpty() && requests.isEmpty() && !wantSockets();
  }

  /** A handler that still needs the client of a session. */
  interface EventFunctionCallback<E> {
    Callback<E, Object> with(Client client);
  }
}
