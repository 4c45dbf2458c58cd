package dev.pagewire.client;

import com.google.protobuf.ByteString;
import dev.pagewire.v1.AckLevel;
import dev.pagewire.v1.CloseSocketsRequest;
import dev.pagewire.v1.CloseSocketsResponse;
import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.GetServerInfoRequest;
import dev.pagewire.v1.InvalidateResponse;
import dev.pagewire.v1.ListPluginsRequest;
import dev.pagewire.v1.ListSocketsRequest;
import dev.pagewire.v1.Navigate;
import dev.pagewire.v1.Reload;
import dev.pagewire.v1.SendCommandRequest;
import dev.pagewire.v1.SendCommandResponse;
import dev.pagewire.v1.SendConsoleLogRequest;
import dev.pagewire.v1.SendConsoleLogResponse;
import dev.pagewire.v1.SendImportRequest;
import dev.pagewire.v1.SendImportResponse;
import dev.pagewire.v1.SendRequest;
import dev.pagewire.v1.SendResponse;
import dev.pagewire.v1.SwapStylesheets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Asynchronous calls of a {@link Client}. Each method returns at once, with a future of what the
 * client's method of the same name returns. The future completes exceptionally with what the
 * blocking method throws; only a value that cannot be written as JSON throws at once.
 *
 * <p>Sends reach a page in the order of the calls. Cancelling a future cancels its call; whether
 * the call took effect is then unknown. A dependent stage without its own executor ({@code
 * thenApply}) may run on the thread that reads from the daemon. It must not block: waiting for the
 * daemon there throws {@link IllegalStateException}.
 */
public final class AsyncClient {
  /** Sockets or plugins fetched per request. */
  private static final int LIST_PAGE_SIZE = 1000;

  /** Default time that pages have to answer an awaited import. */
  private static final Duration IMPORT_TIMEOUT = Duration.ofSeconds(10);

  /** Added to the import's timeout for the call itself. */
  private static final Duration IMPORT_MARGIN = Duration.ofSeconds(5);

  private final Client client;

  AsyncClient(Client client) {
    this.client = client;
  }

  /**
   * Asynchronous form of {@link Client#info}.
   *
   * @return a future of the server information
   */
  public CompletableFuture<ServerInfo> info() {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getGetServerInfoMethod(),
            GetServerInfoRequest.getDefaultInstance(),
            client.deadline(),
            FromWire::info);
  }

  /**
   * Asynchronous form of {@link Client#sockets()}.
   *
   * @return a future of the sockets
   */
  public CompletableFuture<List<Socket>> sockets() {
    return listSockets().thenApply(SocketList::sockets);
  }

  /**
   * Asynchronous form of {@link Client#sockets(SocketFilter)}.
   *
   * @param filter the conditions
   * @return a future of the sockets
   */
  public CompletableFuture<List<Socket>> sockets(SocketFilter filter) {
    return listSockets(filter).thenApply(SocketList::sockets);
  }

  /**
   * Asynchronous form of {@link Client#listSockets()}.
   *
   * @return a future of the sockets and their position
   */
  public CompletableFuture<SocketList> listSockets() {
    return fetchSockets(ListSocketsRequest.newBuilder(), new ArrayList<>());
  }

  /**
   * Asynchronous form of {@link Client#listSockets(SocketFilter)}.
   *
   * @param filter the conditions
   * @return a future of the sockets and their position
   */
  public CompletableFuture<SocketList> listSockets(SocketFilter filter) {
    return fetchSockets(
        ListSocketsRequest.newBuilder().setFilter(filter.toWire()), new ArrayList<>());
  }

  private CompletableFuture<SocketList> fetchSockets(
      ListSocketsRequest.Builder request, List<Socket> sockets) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getListSocketsMethod(),
            request.setPageSize(LIST_PAGE_SIZE).build(),
            client.deadline(),
            page -> page)
        .thenCompose(
            page -> {
              sockets.addAll(FromWire.sockets(page.getSocketsList()));
              if (!page.getNextPageToken().isEmpty()) {
                return fetchSockets(request.setPageToken(page.getNextPageToken()), sockets);
              }
              return CompletableFuture.completedFuture(
                  new SocketList(List.copyOf(sockets), FromWire.position(page.getPosition())));
            });
  }

  /**
   * Asynchronous form of {@link Client#plugins}.
   *
   * @return a future of the plugins
   */
  public CompletableFuture<List<PluginInfo>> plugins() {
    return fetchPlugins(ListPluginsRequest.newBuilder(), new ArrayList<>());
  }

  private CompletableFuture<List<PluginInfo>> fetchPlugins(
      ListPluginsRequest.Builder request, List<PluginInfo> plugins) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getListPluginsMethod(),
            request.setPageSize(LIST_PAGE_SIZE).build(),
            client.deadline(),
            page -> page)
        .thenCompose(
            page -> {
              page.getPluginsList().forEach(plugin -> plugins.add(FromWire.plugin(plugin)));
              return page.getNextPageToken().isEmpty()
                  ? CompletableFuture.completedFuture(List.copyOf(plugins))
                  : fetchPlugins(request.setPageToken(page.getNextPageToken()), plugins);
            });
  }

  /**
   * Asynchronous form of {@link Client#invalidate}.
   *
   * @param stale the results to invalidate
   * @return a future of the number of invalidated results
   */
  public CompletableFuture<Integer> invalidate(Stale stale) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getInvalidateMethod(),
            stale.toWire(),
            client.deadline(),
            InvalidateResponse::getEntriesForgotten);
  }

  /**
   * Asynchronous form of {@link Client#send}.
   *
   * @param target the sockets to send to
   * @param value a value that {@link Json} can write
   * @return a future of the report
   */
  public CompletableFuture<Report> send(Target target, Object value) {
    return sendJson(target, Json.write(value));
  }

  /**
   * Asynchronous form of {@link Client#sendJson}.
   *
   * @param target the sockets to send to
   * @param json JSON text
   * @return a future of the report
   */
  public CompletableFuture<Report> sendJson(Target target, String json) {
    return send(SendRequest.newBuilder().setTarget(target.toWire()).setJson(json));
  }

  /**
   * Asynchronous form of {@link Client#sendText}.
   *
   * @param target the sockets to send to
   * @param text any text
   * @return a future of the report
   */
  public CompletableFuture<Report> sendText(Target target, String text) {
    return send(SendRequest.newBuilder().setTarget(target.toWire()).setText(text));
  }

  /**
   * Asynchronous form of {@link Client#sendBinary}.
   *
   * @param target the sockets to send to
   * @param bytes any bytes
   * @return a future of the report
   */
  public CompletableFuture<Report> sendBinary(Target target, byte[] bytes) {
    return send(
        SendRequest.newBuilder().setTarget(target.toWire()).setBinary(ByteString.copyFrom(bytes)));
  }

  /**
   * Asynchronous form of {@link Client#reply}.
   *
   * @param request the page's request
   * @param value a value that {@link Json} can write
   * @return a future of the report
   */
  public CompletableFuture<Report> reply(Message request, Object value) {
    return replyJson(request, Json.write(value));
  }

  /**
   * Asynchronous form of {@link Client#replyJson}.
   *
   * @param request the page's request
   * @param json JSON text
   * @return a future of the report
   */
  public CompletableFuture<Report> replyJson(Message request, String json) {
    return send(SendRequest.newBuilder().setTarget(replyTarget(request)).setJson(json));
  }

  /**
   * Asynchronous form of {@link Client#replyError}.
   *
   * @param request the page's request
   * @param problem why the request failed
   * @return a future of the report
   */
  public CompletableFuture<Report> replyError(Message request, String problem) {
    return send(SendRequest.newBuilder().setTarget(replyTarget(request)).setError(problem));
  }

  private static dev.pagewire.v1.Target replyTarget(Message request) {
    return Target.replyTo(request.requestId().orElse("")).toWire();
  }

  private CompletableFuture<Report> send(SendRequest.Builder request) {
    SendRequest send = request.setDelivery(client.delivery()).build();
    // A send that confirms receipt would delay the replies to later sends on the stream, and a
    // message that is too large would end the stream.
    boolean streamed =
        client.delivery().getAckLevel() != AckLevel.ACK_LEVEL_RECEIVED
            && send.getSerializedSize() <= client.sends().maxBytes();
    if (streamed) {
      return client.sends().send(send, client.deadline());
    }
    return client
        .connection()
        .unary(ControlServiceGrpc.getSendMethod(), send, client.deadline(), AsyncClient::report);
  }

  private static Report report(SendResponse response) {
    return FromWire.report(response.getReport());
  }

  /**
   * Asynchronous form of {@link Client#sendImport}.
   *
   * @param target the sockets to send to
   * @param module the module to import
   * @return a future of the report
   */
  public CompletableFuture<Report> sendImport(Target target, Import module) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getSendImportMethod(),
            module.toWire(target).build(),
            client.deadline(),
            (SendImportResponse response) -> FromWire.report(response.getReport()));
  }

  /**
   * Asynchronous form of {@link Client#importValue}.
   *
   * @param target the sockets to send to
   * @param module the module to import
   * @return a future of the results
   */
  public CompletableFuture<ImportReport> importValue(Target target, Import module) {
    SendImportRequest.Builder request = module.toWire(target).setAwaitResult(true);
    Duration deadline = client.deadline();
    if (!client.hasExplicitDeadline()) {
      Duration timeout = module.timeout().orElse(IMPORT_TIMEOUT);
      request.setTimeout(ToWire.duration(timeout));
      deadline = timeout.plus(IMPORT_MARGIN);
    }
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getSendImportMethod(), request.build(), deadline, FromWire::imports);
  }

  /**
   * Asynchronous form of {@link Client#consoleLog(Target, ConsoleLevel, String)}.
   *
   * @param target the sockets to send to
   * @param level the console method to call
   * @param text any text
   * @return a future of the report
   */
  public CompletableFuture<Report> consoleLog(Target target, ConsoleLevel level, String text) {
    return consoleLog(target, level, "", text);
  }

  /**
   * Asynchronous form of {@link Client#consoleLog(Target, ConsoleLevel, String, String)}.
   *
   * @param target the sockets to send to
   * @param level the console method to call
   * @param source where the text comes from; empty for the text alone
   * @param text any text
   * @return a future of the report
   */
  public CompletableFuture<Report> consoleLog(
      Target target, ConsoleLevel level, String source, String text) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getSendConsoleLogMethod(),
            SendConsoleLogRequest.newBuilder()
                .setTarget(target.toWire())
                // The contract's enum has "unspecified" before the first level.
                .setLevelValue(level.ordinal() + 1)
                .setSource(source)
                .setText(text)
                .setDelivery(client.delivery())
                .build(),
            client.deadline(),
            (SendConsoleLogResponse response) -> FromWire.report(response.getReport()));
  }

  /**
   * Asynchronous form of {@link Client#reload}.
   *
   * @param target the pages to reload
   * @return a future of the report
   */
  public CompletableFuture<Report> reload(Target target) {
    return command(target, SendCommandRequest.newBuilder().setReload(Reload.newBuilder()));
  }

  /**
   * Asynchronous form of {@link Client#navigate}.
   *
   * @param target the pages to navigate
   * @param url the destination
   * @return a future of the report
   */
  public CompletableFuture<Report> navigate(Target target, String url) {
    return command(
        target, SendCommandRequest.newBuilder().setNavigate(Navigate.newBuilder().setUrl(url)));
  }

  /**
   * Asynchronous form of {@link Client#swapStylesheets}.
   *
   * @param target the pages that swap their stylesheets
   * @param paths URL paths; empty for every stylesheet
   * @return a future of the report
   */
  public CompletableFuture<Report> swapStylesheets(Target target, List<String> paths) {
    return command(
        target,
        SendCommandRequest.newBuilder()
            .setSwapStylesheets(SwapStylesheets.newBuilder().addAllPaths(paths)));
  }

  private CompletableFuture<Report> command(Target target, SendCommandRequest.Builder command) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getSendCommandMethod(),
            command.setTarget(target.toWire()).setDelivery(client.delivery()).build(),
            client.deadline(),
            (SendCommandResponse response) -> FromWire.report(response.getReport()));
  }

  /**
   * Asynchronous form of {@link Client#closeSockets}.
   *
   * @param target the sockets to close
   * @param closeCode the WebSocket close code
   * @param closeReason reason in the close frame; may be empty
   * @return a future of the report
   */
  public CompletableFuture<Report> closeSockets(Target target, int closeCode, String closeReason) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getCloseSocketsMethod(),
            CloseSocketsRequest.newBuilder()
                .setTarget(target.toWire())
                .setCloseCode(closeCode)
                .setCloseReason(closeReason)
                .build(),
            client.deadline(),
            (CloseSocketsResponse response) -> FromWire.report(response.getReport()));
  }

  /**
   * Asynchronous form of {@link Client#subscribe}. Reading from the subscription blocks.
   *
   * @param options the events to subscribe to
   * @return a future of the subscription, which completes when it is active
   */
  public CompletableFuture<Subscription> subscribe(SubscribeOptions options) {
    return Subscription.open(client, options);
  }
}
