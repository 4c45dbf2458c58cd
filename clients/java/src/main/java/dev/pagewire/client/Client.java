package dev.pagewire.client;

import dev.pagewire.v1.AckLevel;
import dev.pagewire.v1.DeliveryOptions;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * A connection to a daemon.
 *
 * <p>All calls may be made at the same time, from any thread, and from inside a plugin's handlers.
 * Each waits for the daemon's answer; {@link #async} has the same calls without waiting. None
 * retries by itself. A call takes 30 s at most, unless {@link #withDeadline} says otherwise; an
 * interrupt gives it up ({@link java.util.concurrent.CancellationException}), its effect is then
 * unknown.
 *
 * <p>Every send reports whom it reached. A page that cannot be reached is a row of the {@link
 * Report}, never an exception; so is nobody being connected. A target or a value that makes no
 * sense is an {@link RpcException} ({@code FIELD_INVALID}). Sends reach a page in the order of
 * their calls, each at most once. Nothing is kept for pages that connect later.
 *
 * <p>The connection is dialled again by the first call after it was lost ({@link
 * DisconnectedException}), so a client outlives a restart of its daemon at the same address;
 * subscriptions and plugins do not.
 */
public final class Client implements AutoCloseable {
  /** How long a call may take unless the program says. 30 s. */
  private static final Duration DEFAULT_DEADLINE = Duration.ofSeconds(30);

  /** How long the daemon may take to say who it is, while connecting. 5 s. */
  private static final Duration GREETING_TIMEOUT = Duration.ofSeconds(5);

  private final Connection connection;
  private final SendStream sends;
  private final DeliveryOptions delivery;

  /** Null = the default. */
  private final Duration deadline;

  private final AsyncClient async = new AsyncClient(this);

  private Client(
      Connection connection, SendStream sends, DeliveryOptions delivery, Duration deadline) {
    this.connection = connection;
    this.sends = sends;
    this.delivery = delivery;
    this.deadline = deadline;
  }

  /**
   * Connects, and asks the daemon who it is: a wrong address or token is noticed here.
   *
   * @param endpoint where it listens
   * @return the client, to be closed
   * @throws CannotConnectException when nobody answers within 5 s or what answers is no daemon
   * @throws RpcException when it refuses the token ({@code TOKEN_MISSING}, {@code TOKEN_INVALID})
   *     or is {@code STARTING} or {@code STOPPING}
   */
  public static Client connect(Endpoint endpoint) {
    return Transport.await(connectAsync(endpoint));
  }

  /**
   * As {@link #connect(Endpoint)}.
   *
   * @param endpoint where it listens, as {@link Endpoint#parse} understands it
   * @return the client, to be closed
   */
  public static Client connect(String endpoint) {
    return connect(Endpoint.parse(endpoint));
  }

  /**
   * Connects to the daemon that {@code PAGEWIRE_ENDPOINT} names, or else to the one that is meant
   * in the current folder; see {@link Endpoint#find}.
   *
   * @return the client, to be closed
   */
  public static Client find() {
    return connect(Endpoint.find());
  }

  /**
   * As {@link #connect(Endpoint)}, without waiting; for an endpoint without a token, small files
   * are read at once.
   *
   * @param endpoint where it listens
   * @return a future of the client
   */
  public static CompletableFuture<Client> connectAsync(Endpoint endpoint) {
    Connection connection = new Connection(endpoint.complete());
    Client client =
        new Client(
            connection, new SendStream(connection), DeliveryOptions.getDefaultInstance(), null);
    return client
        .withDeadline(GREETING_TIMEOUT)
        .async
        .info()
        .handle(
            (info, problem) -> {
              if (problem == null) {
                client.sends.limit(info.limits());
                return client;
              }
              client.close();
              throw new CompletionException(connecting(endpoint, problem));
            });
  }

  private static Throwable connecting(Endpoint endpoint, Throwable problem) {
    if (problem instanceof DisconnectedException lost) {
      return new CannotConnectException(endpoint, lost.problem());
    }
    if (problem instanceof RpcException refused) {
      if (refused.code() == Status.Code.DEADLINE_EXCEEDED) {
        return new CannotConnectException(endpoint, "no answer within 5 s");
      }
      // An HTTP server that is no daemon of ours answers without a reason.
      if (refused.reason().isEmpty()) {
        return new CannotConnectException(endpoint, refused.getMessage());
      }
    }
    return problem;
  }

  /** {@return the same calls without waiting: they return futures} */
  public AsyncClient async() {
    return async;
  }

  /**
   * A client on the same connection whose calls, subscriptions excepted, may take so long. What is
   * reached by then is reported, the rest are rows with {@link DeliveryStatus#TIMED_OUT}; with
   * nothing to report it is an {@link RpcException} with {@code DEADLINE}. Default 30 s; of awaited
   * imports their own timeout (10 s) and 5 s.
   *
   * @param deadline the time
   * @return the client, which need not be closed
   */
  public Client withDeadline(Duration deadline) {
    return new Client(connection, sends, delivery, deadline);
  }

  /**
   * A client on the same connection whose sends count a socket as reached only when its browser
   * confirmed the frame. Default: when it is in the socket's queue. Such a send waits for the
   * slowest page, and not in order with others.
   *
   * @return the client, which need not be closed
   */
  public Client confirmingReceipt() {
    DeliveryOptions.Builder options = delivery.toBuilder().setAckLevel(AckLevel.ACK_LEVEL_RECEIVED);
    return new Client(connection, sends, options.build(), deadline);
  }

  /**
   * A client on the same connection whose reports name the sockets that were reached, not only
   * their number.
   *
   * @return the client, which need not be closed
   */
  public Client listingReached() {
    DeliveryOptions.Builder options = delivery.toBuilder().setListReached(true);
    return new Client(connection, sends, options.build(), deadline);
  }

  /**
   * Asks the daemon what it is.
   *
   * @return version, features and limits
   */
  public ServerInfo info() {
    return Transport.await(async.info());
  }

  /**
   * All sockets that are connected.
   *
   * @return the sockets, ready or not
   */
  public List<Socket> sockets() {
    return Transport.await(async.sockets());
  }

  /**
   * The ready sockets that match.
   *
   * @param filter the conditions
   * @return the sockets
   */
  public List<Socket> sockets(SocketFilter filter) {
    return Transport.await(async.sockets(filter));
  }

  /**
   * All sockets that are connected, and the instant they were listed: subscribe after its position
   * to miss nothing later.
   *
   * @return the sockets, ready or not
   */
  public SocketList listSockets() {
    return Transport.await(async.listSockets());
  }

  /**
   * The ready sockets that match, and the instant they were listed.
   *
   * @param filter the conditions
   * @return the sockets
   */
  public SocketList listSockets(SocketFilter filter) {
    return Transport.await(async.listSockets(filter));
  }

  /**
   * Configured plugins and live sessions.
   *
   * @return them, in the order in which their hooks are asked
   */
  public List<PluginInfo> plugins() {
    return Transport.await(async.plugins());
  }

  /**
   * Has the daemon forget remembered and cached results of hooks. Results of calls that began
   * before it returns are never remembered.
   *
   * @param stale what is to be forgotten
   * @return how many there were
   */
  public int invalidate(Stale stale) {
    return Transport.await(async.invalidate(stale));
  }

  /**
   * Sends a value as one JSON message. Page code expects an object with a {@code type}. 16 MiB at
   * most by default.
   *
   * @param target whom it is for
   * @param value a value, as {@link Json} writes it
   * @return whom it reached
   * @throws JsonException when the value cannot be JSON
   */
  public Report send(Target target, Object value) {
    return Transport.await(async.send(target, value));
  }

  /**
   * Sends text that is JSON already, as it is: numbers, key order, spacing and duplicate keys
   * survive.
   *
   * @param target whom it is for
   * @param json JSON text; the daemon refuses what does not parse
   * @return whom it reached
   */
  public Report sendJson(Target target, String json) {
    return Transport.await(async.sendJson(target, json));
  }

  /**
   * Sends a text frame, verbatim and unchecked.
   *
   * @param target whom it is for
   * @param text any text
   * @return whom it reached
   */
  public Report sendText(Target target, String text) {
    return Transport.await(async.sendText(target, text));
  }

  /**
   * Sends a binary frame, verbatim.
   *
   * @param target whom it is for
   * @param bytes any bytes
   * @return whom it reached
   */
  public Report sendBinary(Target target, byte[] bytes) {
    return Transport.await(async.sendBinary(target, bytes));
  }

  /**
   * Answers a page's request. The first answer wins.
   *
   * @param request the page's request
   * @param value a value, as {@link Json} writes it
   * @return whom it reached
   * @throws RpcException with {@code ALREADY_ANSWERED}, {@code REQUEST_EXPIRED} (20 s) or {@code
   *     REQUEST_NOT_FOUND}
   */
  public Report reply(Message request, Object value) {
    return Transport.await(async.reply(request, value));
  }

  /**
   * As {@link #reply}, with JSON text that reaches the page as it is.
   *
   * @param request the page's request
   * @param json JSON text
   * @return whom it reached
   */
  public Report replyJson(Message request, String json) {
    return Transport.await(async.replyJson(request, json));
  }

  /**
   * Tells a page that its request failed. Otherwise as {@link #reply}.
   *
   * @param request the page's request
   * @param problem why it failed
   * @return whom it reached
   */
  public Report replyError(Message request, String problem) {
    return Transport.await(async.replyError(request, problem));
  }

  /**
   * Has pages import a module and call its default export, and returns as soon as they are told.
   *
   * @param target whom it is for
   * @param module what to import
   * @return whom it reached
   */
  public Report sendImport(Target target, Import module) {
    return Transport.await(async.sendImport(target, module));
  }

  /**
   * Has pages import a module and call its default export, and waits for what it returns, or its
   * promise resolves to: as long as the slowest page takes, up to {@link Import#timeout(Duration)}.
   *
   * <p>Waiting from inside a hook for a page whose load depends on that hook ends by deadline only.
   *
   * @param target whom it is for
   * @param module what to import
   * @return a row for each page
   */
  public ImportReport importValue(Target target, Import module) {
    return Transport.await(async.importValue(target, module));
  }

  /**
   * Prints to the console of pages. The text is printed exactly: it is no format string.
   *
   * @param target whom it is for
   * @param level the console's method
   * @param text any text
   * @return whom it reached
   */
  public Report consoleLog(Target target, ConsoleLevel level, String text) {
    return Transport.await(async.consoleLog(target, level, text));
  }

  /**
   * Reloads pages. Reports delivery, not that they have loaded again.
   *
   * @param target whom it is for
   * @return whom it reached
   */
  public Report reload(Target target) {
    return Transport.await(async.reload(target));
  }

  /**
   * Sends pages to another URL. Reports delivery.
   *
   * @param target whom it is for
   * @param url where to, resolved against each page's own
   * @return whom it reached
   */
  public Report navigate(Target target, String url) {
    return Transport.await(async.navigate(target, url));
  }

  /**
   * Swaps stylesheets for their new content; the pages keep their state.
   *
   * @param target whom it is for
   * @param paths URL paths, each beginning with {@code /}; none = every stylesheet of the pages'
   *     own origin
   * @return whom it reached
   */
  public Report swapStylesheets(Target target, List<String> paths) {
    return Transport.await(async.swapStylesheets(target, paths));
  }

  /**
   * Closes sockets.
   *
   * @param target whom it is for
   * @param closeCode 1000, 4000 to 4499 (the page connects again) or 4500 to 4999 (it does not)
   * @param closeReason for the close frame, 123 bytes at most; may be empty
   * @return whom it reached
   */
  public Report closeSockets(Target target, int closeCode, String closeReason) {
    return Transport.await(async.closeSockets(target, closeCode, closeReason));
  }

  /**
   * Subscribes, and returns once the subscription is in force: nothing that happens later is
   * missed.
   *
   * @param options what to be told of
   * @return the events, to be closed
   */
  public Subscription subscribe(SubscribeOptions options) {
    return Transport.await(async.subscribe(options));
  }

  /**
   * Ends the connection, for all clients on it: calls that are under way fail with {@link
   * DisconnectedException}. Subscriptions are closed by themselves.
   */
  @Override
  public void close() {
    connection.close();
  }

  Connection connection() {
    return connection;
  }

  SendStream sends() {
    return sends;
  }

  DeliveryOptions delivery() {
    return delivery;
  }

  Duration deadline() {
    return deadline == null ? DEFAULT_DEADLINE : deadline;
  }

  boolean hasOwnDeadline() {
    return deadline != null;
  }
}
