package dev.pagewire.client;

import dev.pagewire.v1.AckLevel;
import dev.pagewire.v1.DeliveryOptions;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Connection to a daemon.
 *
 * <p>All methods may be called from any thread at the same time, and from inside a plugin's
 * handlers. Each blocks until the daemon has answered; {@link #async} has the same calls without
 * blocking. No call is retried. A call may take 30 s unless {@link #withDeadline} sets another
 * limit. An interrupt cancels the call ({@link java.util.concurrent.CancellationException});
 * whether it took effect is then unknown.
 *
 * <p>Every send returns a {@link Report} of the sockets it reached. Pages that cannot be reached
 * are rows of the report, never exceptions, and an empty report means that no page was connected.
 * An invalid target or value is an {@link RpcException} ({@code FIELD_INVALID}). Sends reach a page
 * in the order of their calls, each at most once. Nothing is stored for pages that connect later.
 *
 * <p>After the connection was lost ({@link DisconnectedException}), the next call reconnects, so a
 * client survives a restart of its daemon at the same address; subscriptions and plugins do not.
 */
public final class Client implements AutoCloseable {
  /** Time limit of a call unless the program sets another. */
  private static final Duration DEFAULT_DEADLINE = Duration.ofSeconds(30);

  /** Time limit of the call that verifies a new connection. */
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  private final Connection connection;
  private final SendStream sends;
  private final DeliveryOptions delivery;

  /** Null for the default. */
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
   * Connects and verifies the address and the token with a first call.
   *
   * @param endpoint the daemon's control endpoint
   * @return the client, to be closed
   * @throws CannotConnectException when nothing answers within 5 s, or a server that is not a
   *     daemon answers
   * @throws RpcException when the daemon refuses the token ({@code TOKEN_MISSING}, {@code
   *     TOKEN_INVALID}) or is {@code STARTING} or {@code STOPPING}
   */
  public static Client connect(Endpoint endpoint) {
    return Transport.await(connectAsync(endpoint));
  }

  /**
   * Connects as {@link #connect(Endpoint)} does.
   *
   * @param endpoint an address that {@link Endpoint#parse} accepts
   * @return the client, to be closed
   */
  public static Client connect(String endpoint) {
    return connect(Endpoint.parse(endpoint));
  }

  /**
   * Connects to the daemon that {@code PAGEWIRE_ENDPOINT} names, or else to the one that discovery
   * selects for the current folder; see {@link Endpoint#find}.
   *
   * @return the client, to be closed
   */
  public static Client find() {
    return connect(Endpoint.find());
  }

  /**
   * Asynchronous form of {@link #connect(Endpoint)}. For an endpoint without a token, discovery
   * files are read before this returns.
   *
   * @param endpoint the daemon's control endpoint
   * @return a future of the client
   */
  public static CompletableFuture<Client> connectAsync(Endpoint endpoint) {
    Connection connection = new Connection(endpoint.withDiscoveredToken());
    Client client =
        new Client(
            connection, new SendStream(connection), DeliveryOptions.getDefaultInstance(), null);
    return client
        .withDeadline(CONNECT_TIMEOUT)
        .async
        .info()
        .handle(
            (info, problem) -> {
              if (problem == null) {
                client.sends.setLimits(info.limits());
                return client;
              }
              client.close();
              throw new CompletionException(connectError(endpoint, problem));
            });
  }

  private static Throwable connectError(Endpoint endpoint, Throwable problem) {
    if (problem instanceof DisconnectedException lost) {
      return new CannotConnectException(endpoint, lost.problem());
    }
    if (problem instanceof RpcException rpc) {
      if (rpc.code() == Status.Code.DEADLINE_EXCEEDED) {
        return new CannotConnectException(endpoint, "no answer within 5 s");
      }
      // Other HTTP servers answer without a reason.
      if (rpc.reason().isEmpty()) {
        return new CannotConnectException(endpoint, rpc.getMessage());
      }
    }
    return problem;
  }

  /** {@return the same calls in asynchronous form} */
  public AsyncClient async() {
    return async;
  }

  /**
   * Returns a client on the same connection with another time limit for its calls, except
   * subscriptions. When the time is up, the report lists the pages that have not answered with
   * {@link DeliveryStatus#TIMED_OUT}; a call without a report fails with {@link RpcException}
   * ({@code DEADLINE}). The default is 30 s; for an awaited import it is the import's own timeout
   * (10 s) plus 5 s.
   *
   * @param deadline the time limit
   * @return the client, which need not be closed
   */
  public Client withDeadline(Duration deadline) {
    return new Client(connection, sends, delivery, deadline);
  }

  /**
   * Returns a client on the same connection whose sends count a socket as reached only when its
   * browser has confirmed the frame. By default a socket counts as reached when the message is in
   * its queue. Such a send waits for the slowest page, and its order relative to concurrent sends
   * is undefined.
   *
   * @return the client, which need not be closed
   */
  public Client confirmingReceipt() {
    DeliveryOptions.Builder options = delivery.toBuilder().setAckLevel(AckLevel.ACK_LEVEL_RECEIVED);
    return new Client(connection, sends, options.build(), deadline);
  }

  /**
   * Returns a client on the same connection whose reports list the ids of the reached sockets, not
   * only their number.
   *
   * @return the client, which need not be closed
   */
  public Client listingReached() {
    DeliveryOptions.Builder options = delivery.toBuilder().setListReached(true);
    return new Client(connection, sends, options.build(), deadline);
  }

  /**
   * Fetches information about the daemon.
   *
   * @return its version, features and limits
   */
  public ServerInfo info() {
    return Transport.await(async.info());
  }

  /**
   * Lists all connected sockets.
   *
   * @return the sockets, ready or not
   */
  public List<Socket> sockets() {
    return Transport.await(async.sockets());
  }

  /**
   * Lists the ready sockets that match a filter.
   *
   * @param filter the conditions
   * @return the sockets
   */
  public List<Socket> sockets(SocketFilter filter) {
    return Transport.await(async.sockets(filter));
  }

  /**
   * Lists all connected sockets together with the position at which they were listed. Subscribing
   * after that position misses no later event.
   *
   * @return the sockets, ready or not, and the position
   */
  public SocketList listSockets() {
    return Transport.await(async.listSockets());
  }

  /**
   * Lists the ready sockets that match a filter, together with the position at which they were
   * listed.
   *
   * @param filter the conditions
   * @return the sockets and the position
   */
  public SocketList listSockets(SocketFilter filter) {
    return Transport.await(async.listSockets(filter));
  }

  /**
   * Lists configured plugins and live sessions.
   *
   * @return the plugins, in the order in which their hooks are called
   */
  public List<PluginInfo> plugins() {
    return Transport.await(async.plugins());
  }

  /**
   * Invalidates cached results of hooks. Results of calls that began before this returns are not
   * cached.
   *
   * @param stale the results to invalidate
   * @return how many results were invalidated
   */
  public int invalidate(Stale stale) {
    return Transport.await(async.invalidate(stale));
  }

  /**
   * Sends a value as a JSON message. Page code expects an object with a {@code type}. By default a
   * message may have 16 MiB.
   *
   * @param target the sockets to send to
   * @param value a value that {@link Json} can write
   * @return the report
   * @throws JsonException when the value cannot be written as JSON
   */
  public Report send(Target target, Object value) {
    return Transport.await(async.send(target, value));
  }

  /**
   * Sends JSON text verbatim: number formats, key order, spacing and duplicate keys are preserved.
   *
   * @param target the sockets to send to
   * @param json JSON text; the daemon refuses invalid JSON
   * @return the report
   */
  public Report sendJson(Target target, String json) {
    return Transport.await(async.sendJson(target, json));
  }

  /**
   * Sends a text frame verbatim, without validation.
   *
   * @param target the sockets to send to
   * @param text any text
   * @return the report
   */
  public Report sendText(Target target, String text) {
    return Transport.await(async.sendText(target, text));
  }

  /**
   * Sends a binary frame verbatim.
   *
   * @param target the sockets to send to
   * @param bytes any bytes
   * @return the report
   */
  public Report sendBinary(Target target, byte[] bytes) {
    return Transport.await(async.sendBinary(target, bytes));
  }

  /**
   * Replies to a page's request. The first reply wins.
   *
   * @param request the page's request
   * @param value a value that {@link Json} can write
   * @return the report
   * @throws RpcException with {@code ALREADY_ANSWERED}, {@code REQUEST_EXPIRED} (after 20 s) or
   *     {@code REQUEST_NOT_FOUND}
   */
  public Report reply(Message request, Object value) {
    return Transport.await(async.reply(request, value));
  }

  /**
   * Replies as {@link #reply} does, with JSON text that reaches the page verbatim.
   *
   * @param request the page's request
   * @param json JSON text
   * @return the report
   */
  public Report replyJson(Message request, String json) {
    return Transport.await(async.replyJson(request, json));
  }

  /**
   * Replies to a page's request with an error. Otherwise like {@link #reply}.
   *
   * @param request the page's request
   * @param problem why the request failed
   * @return the report
   */
  public Report replyError(Message request, String problem) {
    return Transport.await(async.replyError(request, problem));
  }

  /**
   * Makes pages import a module and call its default export, without waiting for the result.
   *
   * @param target the sockets to send to
   * @param module the module to import
   * @return the report
   */
  public Report sendImport(Target target, Import module) {
    return Transport.await(async.sendImport(target, module));
  }

  /**
   * Makes pages import a module and call its default export, and waits for the values that it
   * returns or that its promise resolves to. This takes as long as the slowest page, at most {@link
   * Import#timeout(Duration)}.
   *
   * <p>Do not call this in a hook for a page that cannot load without that hook: it would block
   * until the deadline.
   *
   * @param target the sockets to send to
   * @param module the module to import
   * @return a row for each page
   */
  public ImportReport importValue(Target target, Import module) {
    return Transport.await(async.importValue(target, module));
  }

  /**
   * Prints to the console of pages. The text is printed literally: it is not a format string.
   *
   * @param target the sockets to send to
   * @param level the console method to call
   * @param text any text
   * @return the report
   */
  public Report consoleLog(Target target, ConsoleLevel level, String text) {
    return Transport.await(async.consoleLog(target, level, text));
  }

  /**
   * Prints to the console of pages, as {@code [source] text}.
   *
   * @param target the sockets to send to
   * @param level the console method to call
   * @param source where the text comes from, such as the plugin's name; empty for the text alone
   * @param text any text
   * @return the report
   */
  public Report consoleLog(Target target, ConsoleLevel level, String source, String text) {
    return Transport.await(async.consoleLog(target, level, source, text));
  }

  /**
   * Reloads pages. The report covers delivery of the command, not the completed load.
   *
   * @param target the pages to reload
   * @return the report
   */
  public Report reload(Target target) {
    return Transport.await(async.reload(target));
  }

  /**
   * Navigates pages to another URL. The report covers delivery of the command.
   *
   * @param target the pages to navigate
   * @param url the destination, resolved against each page's own URL
   * @return the report
   */
  public Report navigate(Target target, String url) {
    return Transport.await(async.navigate(target, url));
  }

  /**
   * Replaces stylesheets with their current content; the pages keep their state.
   *
   * @param target the pages that swap their stylesheets
   * @param paths URL paths, each beginning with {@code /}; empty for every stylesheet of the pages'
   *     own origin
   * @return the report
   */
  public Report swapStylesheets(Target target, List<String> paths) {
    return Transport.await(async.swapStylesheets(target, paths));
  }

  /**
   * Closes sockets.
   *
   * @param target the sockets to close
   * @param closeCode 1000, 4000 to 4499 (the page reconnects) or 4500 to 4999 (it does not)
   * @param closeReason reason in the close frame, at most 123 bytes; may be empty
   * @return the report
   */
  public Report closeSockets(Target target, int closeCode, String closeReason) {
    return Transport.await(async.closeSockets(target, closeCode, closeReason));
  }

  /**
   * Subscribes to events. Returns once the subscription is active: no later event is missed.
   *
   * @param options the events to subscribe to
   * @return the subscription, to be closed
   */
  public Subscription subscribe(SubscribeOptions options) {
    return Transport.await(async.subscribe(options));
  }

  /**
   * Closes the connection for all clients that share it. Calls in flight fail with {@link
   * DisconnectedException}. Subscriptions are closed separately.
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

  boolean hasExplicitDeadline() {
    return deadline != null;
  }
}
