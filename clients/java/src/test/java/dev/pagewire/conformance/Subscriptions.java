package dev.pagewire.conformance;

import dev.pagewire.client.Client;
import dev.pagewire.client.ConsoleEntry;
import dev.pagewire.client.Event;
import dev.pagewire.client.FileChanged;
import dev.pagewire.client.Gap;
import dev.pagewire.client.Message;
import dev.pagewire.client.PageError;
import dev.pagewire.client.SocketClosed;
import dev.pagewire.client.SocketFilter;
import dev.pagewire.client.SocketOpened;
import dev.pagewire.client.SocketUpdated;
import dev.pagewire.client.SubscribeOptions;
import dev.pagewire.client.Subscription;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Named subscriptions, each read by its own thread. */
final class Subscriptions {
  private final Map<String, Reader> readers = new ConcurrentHashMap<>();

  Object subscribe(Client client, boolean reconnected, JsonObject command)
      throws InterruptedException {
    String name = command.text("name");
    Subscription subscription;
    if (!command.isTrue("resume")) {
      subscription = client.subscribe(options(command));
    } else {
      Reader last = readers.get(name);
      last.close();
      subscription = last.subscription;
      if (reconnected) {
        subscription = client.subscribe(options(command).resumeAfter(last.subscription.position()));
      } else {
        subscription.resume();
      }
    }
    boolean resumed = subscription.resumed();
    readers.put(name, new Reader(name, subscription));
    return Wire.object("resumed", resumed);
  }

  /** Unsubscribes; the subscription can still be resumed. */
  void unsubscribe(String name) throws InterruptedException {
    readers.get(name).close();
  }

  private static final class Reader {
    final Subscription subscription;
    private final Thread thread;
    private volatile boolean unsubscribed;

    Reader(String name, Subscription subscription) {
      this.subscription = subscription;
      thread = new Thread(() -> readAll(name), "subscription " + name);
      thread.setDaemon(true);
      thread.start();
    }

    void close() throws InterruptedException {
      unsubscribed = true;
      subscription.close();
      thread.join();
    }

    private void readAll(String name) {
      Map<String, Object> line = Wire.object("event", "subscription_ended", "subscription", name);
      try {
        for (Optional<Event> event = subscription.read();
            event.isPresent();
            event = subscription.read()) {
          Wire.print(line(name, event.get()));
        }
      } catch (RuntimeException problem) {
        line.put("error", Wire.error(problem));
      }
      if (!unsubscribed) {
        Wire.print(line);
      }
    }
  }

  private static Map<String, Object> line(String name, Event event) {
    Map<String, Object> line =
        Wire.object(
            "event", "event", "subscription", name, "sequence", event.position().sequence());
    Event.What what = event.what();
    if (what instanceof Message message) {
      line.put("kind", "message");
      line.put("socket_id", message.socketId());
      line.put("text", message.binary().isPresent() ? null : message.text());
    } else if (what instanceof SocketOpened opened) {
      line.put("kind", "socket_opened");
      line.put("socket_id", opened.socket().socketId());
    } else if (what instanceof SocketUpdated updated) {
      line.put("kind", "socket_updated");
      line.put("socket_id", updated.socket().socketId());
    } else if (what instanceof SocketClosed closed) {
      line.put("kind", "socket_closed");
      line.put("socket_id", closed.socketId());
    } else if (what instanceof ConsoleEntry entry) {
      line.put("kind", "console");
      line.put("socket_id", entry.socketId());
      line.put("url", entry.url());
      line.put("line", entry.line());
      line.put("column", entry.column());
    } else if (what instanceof PageError error) {
      line.put("kind", "page_error");
      line.put("socket_id", error.socketId());
      error
          .failedResource()
          .ifPresent(resource -> line.put("failed_resource", Wire.failedResource(resource)));
    } else if (what instanceof FileChanged) {
      line.put("kind", "file");
    } else if (what instanceof Gap gap) {
      line.put("kind", "gap");
      line.put("after", gap.afterSequence());
      line.put("before", gap.beforeSequence());
    }
    return line;
  }

  private static SubscribeOptions options(JsonObject command) {
    SubscribeOptions options = SubscribeOptions.create();
    for (String kind : command.strings("kinds")) {
      options =
          switch (kind) {
            case "messages" -> options.messages();
            case "sockets" -> options.sockets();
            case "console" -> options.console();
            case "page_errors" -> options.pageErrors();
            case "files" -> options.files();
            default -> throw new IllegalArgumentException("unknown kind of event: " + kind);
          };
    }
    if (command.has("types")) {
      options = options.messageTypes(command.strings("types"));
    }
    if (command.has("url")) {
      options = options.fromSockets(SocketFilter.url(command.text("url")));
    }
    options = command.isTrue("strict") ? options.strictResume() : options;
    return command.number("max_queue").map(options::maxQueue).orElse(options);
  }
}
