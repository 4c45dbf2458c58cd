package dev.pagewire.client;

import dev.pagewire.v1.SubscribeMessagesRequest;
import dev.pagewire.v1.SubscribeMessagesResponse;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A plugin's subscription: every event goes to its handler, and each socket's handlers run one
 * after the other.
 */
final class Listening implements SessionPart {
  /**
   * Events whose handlers run, or wait for their turn at their socket. Beyond it no event is read,
   * so that the daemon's buffer fills and at last ends the subscription with {@code
   * SUBSCRIBER_SLOW}.
   */
  private static final int MAX_HANDLERS = 256;

  /** Events that are asked for at a time, to spare the transport. */
  private static final int BATCH = 64;

  /** Answers that come to nothing: another plugin was faster, or the page waits no more. */
  private static final Set<String> LATE =
      Set.of("ALREADY_ANSWERED", "REQUEST_EXPIRED", "REQUEST_NOT_FOUND");

  private final Context context;
  private final Client client;
  private final Map<String, Callback<Message, Object>> messages = new HashMap<>();
  private final Map<String, Callback<Message, Object>> requests = new HashMap<>();
  private final Listeners listeners;
  private final Turns turns = new Turns();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final EventStream events;

  /** Sockets that were told to be ready. For the transport's thread. */
  private final Set<String> ready = new HashSet<>();

  /** Events that were asked for and have not come. Guarded by this, as is what follows. */
  private int awaited;

  /** Events that are done with and were not asked for anew. */
  private int done;

  private boolean finishing;

  /** Subscribes. Waits for the daemon. */
  Listening(Listeners listeners, Context context) {
    this.context = context;
    this.client = context.client();
    this.listeners = listeners;
    listeners.messages.forEach((type, handler) -> messages.put(type, handler.with(client)));
    listeners.requests.forEach((type, handler) -> requests.put(type, handler.with(client)));
    SocketList known =
        context.socketsTruncated()
            ? client.listSockets()
            : new SocketList(context.sockets(), context.position());
    known.sockets().stream().filter(Socket::ready).forEach(one -> ready.add(one.socketId()));

    SubscribeOptions options =
        SubscribeOptions.create().resumeAfter(known.position()).answers(requests.keySet());
    if (!messages.isEmpty() || !requests.isEmpty()) {
      options = options.messageTypes(messages.keySet()).messageTypes(requests.keySet());
    }
    if (listeners.wantSockets()) {
      options = options.sockets();
    }
    events = new Events(options.toWire());
    events
        .opened()
        .whenComplete(
            (first, problem) -> {
              if (problem == null) {
                awaited = MAX_HANDLERS;
                events.request(MAX_HANDLERS);
              }
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
  public void finish() {
    synchronized (this) {
      finishing = true;
    }
    turns
        .idle()
        .thenRun(
            () -> {
              ended.complete(null);
              cut();
            });
  }

  @Override
  public void cut() {
    synchronized (this) {
      finishing = true;
    }
    events.close();
    turns.cancel();
  }

  /** Everything that the plugin hears, in order. */
  private final class Events extends EventStream {
    Events(SubscribeMessagesRequest request) {
      super(client.connection(), request, context.sessionId(), client.deadline());
    }

    @Override
    void event(SubscribeMessagesResponse event) {
      awaited(-1);
      if (!isFinishing()) {
        tell(event);
      }
    }

    @Override
    void ended(PagewireException why) {
      ended.completeExceptionally(
          why == null ? new UnexpectedAnswerException("a hook that ended by itself") : why);
    }
  }

  private void tell(SubscribeMessagesResponse event) {
    Work work = new Work();
    switch (event.getEventCase()) {
      case MESSAGE -> message(new Message(event.getMessage()), work);
      case SOCKET_OPENED -> {
        Socket socket = FromWire.socket(event.getSocketOpened().getSocket());
        work.add(listeners.socketOpened, socket, socket.socketId(), "an opened socket");
        tellIfReady(socket, work);
      }
      case SOCKET_UPDATED ->
          tellIfReady(FromWire.socket(event.getSocketUpdated().getSocket()), work);
      case SOCKET_CLOSED -> {
        FromWire.event(event)
            .map(Event::what)
            .filter(SocketClosed.class::isInstance)
            .map(SocketClosed.class::cast)
            .ifPresent(closed -> closed(closed, work));
      }
      case GAP ->
          System.err.println(
              "plugin `"
                  + context.pluginName()
                  + "`: the events between "
                  + event.getGap().getAfterSequence()
                  + " and "
                  + event.getGap().getBeforeSequence()
                  + " are lost");
      default -> {}
    }
    work.one();
  }

  private void message(Message message, Work work) {
    Callback<Message, Object> request = requests.get(message.type());
    Callback<Message, Object> callback = request == null ? messages.get(message.type()) : request;
    if (callback == null) {
      return;
    }
    String what = "message `" + message.type() + "`";
    if (request == null || message.requestId().isEmpty()) {
      work.add(callback, message, message.socketId(), what);
    } else {
      work.begin();
      turns.add(
          message.socketId(),
          new HandlerCall<>(
              callback, message, (made, error) -> answer(message, made, error, what, work)));
    }
  }

  private void tellIfReady(Socket socket, Work work) {
    if (socket.ready() && ready.add(socket.socketId())) {
      work.add(listeners.socketReady, socket, socket.socketId(), "a ready socket");
    }
  }

  private void closed(SocketClosed closed, Work work) {
    ready.remove(closed.socketId());
    work.add(listeners.socketClosed, closed, closed.socketId(), "a closed socket");
  }

  /**
   * Answers a page's request with what its handler made. An error goes to the page and on to us.
   */
  private void answer(Message message, Object made, Throwable error, String what, Work work) {
    Throwable problem = error;
    String json = "";
    if (problem == null) {
      try {
        json = Json.write(made);
      } catch (JsonException noJson) {
        problem = noJson;
      }
    }
    CompletableFuture<Report> sent =
        problem == null
            ? client.async().replyJson(message, json)
            : client.async().replyError(message, Failure.oneLine(problem));
    Throwable told = problem;
    sent.whenComplete(
        (report, refused) -> {
          boolean late = refused instanceof RpcException rpc && LATE.contains(rpc.reason());
          complain(what, refused == null || late ? told : refused);
          work.done(message.socketId());
        });
  }

  private void complain(String what, Throwable error) {
    if (error != null && !ended.isDone()) {
      System.err.println(
          "plugin `"
              + context.pluginName()
              + "`: handler of "
              + what
              + ": "
              + Failure.oneLine(error));
    }
  }

  private synchronized boolean isFinishing() {
    return finishing;
  }

  /** Asks for more events, if it is time. */
  private void awaited(int change) {
    int more = 0;
    synchronized (this) {
      awaited += Math.min(change, 0);
      done += Math.max(change, 0);
      if (done >= BATCH || (awaited == 0 && done > 0)) {
        more = done;
        awaited += done;
        done = 0;
      }
    }
    if (more > 0) {
      events.request(more);
    }
  }

  /** What one event brings about: when all is done, another is asked for. */
  private final class Work {
    /** The event itself, and its handlers. */
    private final AtomicInteger left = new AtomicInteger(1);

    void begin() {
      left.incrementAndGet();
    }

    <E> void add(EventHandler<E> handler, E event, String socketId, String what) {
      if (handler != null) {
        Handler<E, Object> waiting =
            input -> {
              handler.handle(input, client);
              return null;
            };
        add(Callback.waiting(waiting), event, socketId, what);
      }
    }

    <E> void add(Callback<E, Object> callback, E event, String socketId, String what) {
      begin();
      turns.add(
          socketId,
          new HandlerCall<>(
              callback,
              event,
              (made, error) -> {
                complain(what, error);
                done(socketId);
              }));
    }

    void done(String socketId) {
      one();
      turns.done(socketId);
    }

    void one() {
      if (left.decrementAndGet() == 0) {
        awaited(1);
      }
    }
  }
}
