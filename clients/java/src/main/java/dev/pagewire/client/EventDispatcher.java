package dev.pagewire.client;

import dev.pagewire.v1.SubscribeMessagesRequest;
import dev.pagewire.v1.SubscribeMessagesResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Subscription hook of a plugin. Dispatches events to the plugin's handlers: concurrently for
 * different sockets, one at a time for each socket.
 */
final class EventDispatcher implements OpenHook {
  /**
   * Maximum number of events whose handlers run or are queued. When it is reached, no more events
   * are read, so the daemon's queue fills and the daemon finally ends the subscription with {@code
   * SUBSCRIBER_SLOW}.
   */
  private static final int MAX_HANDLERS = 256;

  /** Number of events to request at once: batches cost the transport less. */
  private static final int BATCH = 64;

  /** Largest number of bytes that a {@code char} has in UTF-8. */
  private static final int MAX_UTF8_BYTES = 3;

  /** Reasons why a reply is too late: another plugin was faster, or the page stopped waiting. */
  private static final Set<String> LATE_REPLY =
      Set.of("ALREADY_ANSWERED", "REQUEST_EXPIRED", "REQUEST_NOT_FOUND");

  private final Context context;
  private final Client client;
  private final Map<String, Callback<Message, Object>> messages = new HashMap<>();
  private final Map<String, Callback<Message, Object>> requests = new HashMap<>();
  private final EventHandlers handlers;
  private final int maxReplyBytes;
  private final SocketQueues queues = new SocketQueues();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final EventStream events;

  /** Sockets already reported as ready. Used on the transport's thread only. */
  private final Set<String> ready = new HashSet<>();

  /** Events requested but not yet received. Guarded by this, as are the fields below. */
  private int requested;

  /** Events fully handled, for which no new ones have been requested. */
  private int handled;

  private boolean draining;

  /** Subscribes. */
  EventDispatcher(EventHandlers handlers, Context context) {
    this.context = context;
    this.client = context.client();
    this.handlers = handlers;
    this.maxReplyBytes = context.serverInfo().limits().maxMessageBytes();
    handlers.messages.forEach((type, handler) -> messages.put(type, handler.with(client)));
    handlers.requests.forEach((type, handler) -> requests.put(type, handler.with(client)));
    context.sockets().stream()
        .filter(Socket::ready)
        .forEach(socket -> ready.add(socket.socketId()));

    SubscribeOptions options =
        SubscribeOptions.create().resumeAfter(context.position()).answers(requests.keySet());
    if (!messages.isEmpty() || !requests.isEmpty()) {
      options = options.messageTypes(messages.keySet()).messageTypes(requests.keySet());
    }
    if (handlers.hasSocketHandlers()) {
      options = options.sockets();
    }
    events = new Events(options.toWire());
    // Until the plugin has started, events stay in the daemon.
    CompletableFuture.allOf(events.opened(), context.startGate().opened())
        .thenRun(
            () -> {
              requested = MAX_HANDLERS;
              events.request(MAX_HANDLERS);
            });
  }

  @Override
  public CompletableFuture<Void> opened() {
    return events.opened().thenApply(first -> null);
  }

  @Override
  public CompletableFuture<Void> ended() {
    return ended;
  }

  @Override
  public void drain() {
    synchronized (this) {
      draining = true;
    }
    queues.idle().thenRun(this::abort);
  }

  @Override
  public void abort() {
    synchronized (this) {
      draining = true;
    }
    ended.complete(null);
    events.close();
    queues.cancel();
  }

  /** The event stream. */
  private final class Events extends EventStream {
    Events(SubscribeMessagesRequest request) {
      super(client.connection(), request, context.sessionId(), client.deadline());
    }

    @Override
    void onEvent(SubscribeMessagesResponse event) {
      updateCredit(-1);
      if (!isDraining()) {
        dispatch(event);
      }
    }

    @Override
    void onEnd(PagewireException why) {
      ended.completeExceptionally(
          why == null
              ? new UnexpectedAnswerException("the hook's stream ended without an error")
              : why);
    }
  }

  private void dispatch(SubscribeMessagesResponse event) {
    EventTracker tracker = new EventTracker();
    switch (event.getEventCase()) {
      case MESSAGE -> message(new Message(event.getMessage()), tracker);
      case SOCKET_OPENED -> {
        Socket socket = FromWire.socket(event.getSocketOpened().getSocket());
        tracker.add(handlers.socketOpened, socket, socket.socketId(), "socket opened");
        ready(socket, tracker);
      }
      case SOCKET_UPDATED -> ready(FromWire.socket(event.getSocketUpdated().getSocket()), tracker);
      case SOCKET_CLOSED -> {
        FromWire.event(event)
            .map(Event::what)
            .filter(SocketClosed.class::isInstance)
            .map(SocketClosed.class::cast)
            .ifPresent(closed -> closed(closed, tracker));
      }
      case GAP ->
          PluginLog.lostEvents(
              event.getGap().getAfterSequence(), event.getGap().getBeforeSequence());
      default -> {}
    }
    tracker.release();
  }

  private void message(Message message, EventTracker tracker) {
    Callback<Message, Object> request = requests.get(message.type());
    Callback<Message, Object> callback = request == null ? messages.get(message.type()) : request;
    if (callback == null) {
      return;
    }
    String type = " \"" + message.type() + "\"";
    if (request == null || message.requestId().isEmpty()) {
      tracker.add(callback, message, message.socketId(), "message" + type);
    } else {
      String what = "request" + type;
      tracker.retain();
      queues.add(
          message.socketId(),
          new HandlerCall<>(
              callback, message, (result, error) -> reply(message, result, error, what, tracker)));
    }
  }

  private void ready(Socket socket, EventTracker tracker) {
    if (socket.ready() && ready.add(socket.socketId())) {
      tracker.add(handlers.socketReady, socket, socket.socketId(), "socket ready");
    }
  }

  private void closed(SocketClosed closed, EventTracker tracker) {
    ready.remove(closed.socketId());
    tracker.add(handlers.socketClosed, closed, closed.socketId(), "socket closed");
  }

  /** Replies to a page's request with the handler's result or error. Errors are also logged. */
  private void reply(
      Message message, Object result, Throwable error, String what, EventTracker tracker) {
    Throwable problem = error;
    String json = "";
    if (problem == null) {
      try {
        json = Json.write(result);
        checkSize(json);
      } catch (JsonException | Failure invalid) {
        problem = invalid;
      }
    }
    CompletableFuture<Report> sent =
        problem == null
            ? client.async().replyJson(message, json)
            : client.async().replyError(message, Failure.oneLine(problem));
    Throwable replied = problem;
    sent.whenComplete(
        (report, refused) -> {
          boolean late = refused instanceof RpcException rpc && LATE_REPLY.contains(rpc.reason());
          if (refused instanceof RpcException && !late && replied == null) {
            client.async().replyError(message, Failure.oneLine(refused));
          }
          logError(what, refused == null || late ? replied : refused);
          tracker.handlerDone(message.socketId());
        });
  }

  /** Fails for a reply that the daemon would refuse, which would leave the page without any. */
  private void checkSize(String json) {
    if (json.length() * (long) MAX_UTF8_BYTES <= maxReplyBytes) {
      return;
    }
    int bytes = json.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > maxReplyBytes) {
      String text =
          "the reply has %d bytes, but the daemon's limit is %d bytes (let the page fetch it"
              + " instead)";
      throw new Failure(text.formatted(bytes, maxReplyBytes));
    }
  }

  private void logError(String what, Throwable error) {
    // The errors of handlers that the end of the session has cancelled are of no interest.
    if (error != null && !ended.isDone()) {
      StackTraces.trim(error);
      PluginLog.failed(what, error);
    }
  }

  private synchronized boolean isDraining() {
    return draining;
  }

  /** Counts received (-1) and handled (1) events, and requests more once a batch is complete. */
  private void updateCredit(int change) {
    int more = 0;
    synchronized (this) {
      requested += Math.min(change, 0);
      handled += Math.max(change, 0);
      if (handled >= BATCH || (requested == 0 && handled > 0)) {
        more = handled;
        requested += handled;
        handled = 0;
      }
    }
    if (more > 0) {
      events.request(more);
    }
  }

  /** Counts the pending handlers of one event. When all are done, the event counts as handled. */
  private final class EventTracker {
    /** Starts at one, for the dispatch itself. */
    private final AtomicInteger pending = new AtomicInteger(1);

    void retain() {
      pending.incrementAndGet();
    }

    <E> void add(EventHandler<E> handler, E event, String socketId, String what) {
      if (handler != null) {
        Handler<E, Object> blocking =
            input -> {
              handler.handle(input, client);
              return null;
            };
        add(Callback.blocking(blocking), event, socketId, what);
      }
    }

    <E> void add(Callback<E, Object> callback, E event, String socketId, String what) {
      retain();
      queues.add(
          socketId,
          new HandlerCall<>(
              callback,
              event,
              (result, error) -> {
                logError(what, error);
                handlerDone(socketId);
              }));
    }

    void handlerDone(String socketId) {
      release();
      queues.done(socketId);
    }

    void release() {
      if (pending.decrementAndGet() == 0) {
        updateCredit(1);
      }
    }
  }
}
