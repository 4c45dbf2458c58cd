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
 * The calls of a {@link Client} that do not wait: each returns at once, with a future of what the
 * client's call of the same name returns. The future completes exceptionally with what that throws;
 * what makes no sense as JSON is thrown at once.
 *
 * <p>Sends reach a page in the order of the calls. Cancelling a future gives its call up, whose
 * effect is then unknown. What follows a future without an executor of its own ({@code thenApply})
 * may run on the thread that reads from the daemon: it must not wait, and waiting for the daemon
 * there is an {@link IllegalStateException}.
 */
public final class AsyncClient {
  /** Sockets or plugins asked for at a time. */
  private static final int LIST_PAGE_SIZE = 1000;

  /** How long pages may take for an awaited import. 10 s. */
  private static final Duration IMPORT_TIMEOUT = Duration.ofSeconds(10);

  /** What is added to it for the call itself. 5 s. */
  private static final Duration IMPORT_MARGIN = Duration.ofSeconds(5);

  private final Client client;

  AsyncClient(Client client) {
    this.client = client;
  }

  /**
   * {@link Client#info}.
   *
   * @return a future of it
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
   * {@link Client#sockets()}.
   *
   * @return a future of them
   */
  public CompletableFuture<List<Socket>> sockets() {
    return listSockets().thenApply(SocketList::sockets);
  }

  /**
   * {@link Client#sockets(SocketFilter)}.
   *
   * @param filter the conditions
   * @return a future of them
   */
  public CompletableFuture<List<Socket>> sockets(SocketFilter filter) {
    return listSockets(filter).thenApply(SocketList::sockets);
  }

  /**
   * {@link Client#listSockets()}.
   *
   * @return a future of them
   */
  public CompletableFuture<SocketList> listSockets() {
    return moreSockets(ListSocketsRequest.newBuilder(), new ArrayList<>());
  }

  /**
   * {@link Client#listSockets(SocketFilter)}.
   *
   * @param filter the conditions
   * @return a future of them
   */
  public CompletableFuture<SocketList> listSockets(SocketFilter filter) {
    return moreSockets(
        ListSocketsRequest.newBuilder().setFilter(filter.toWire()), new ArrayList<>());
  }

  private CompletableFuture<SocketList> moreSockets(
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
                return moreSockets(request.setPageToken(page.getNextPageToken()), sockets);
              }
              return CompletableFuture.completedFuture(
                  new SocketList(List.copyOf(sockets), FromWire.position(page.getPosition())));
            });
  }

  /**
   * {@link Client#plugins}.
   *
   * @return a future of them
   */
  public CompletableFuture<List<PluginInfo>> plugins() {
    return morePlugins(ListPluginsRequest.newBuilder(), new ArrayList<>());
  }

  private CompletableFuture<List<PluginInfo>> morePlugins(
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
                  : morePlugins(request.setPageToken(page.getNextPageToken()), plugins);
            });
  }

  /**
   * {@link Client#invalidate}.
   *
   * @param stale what is to be forgotten
   * @return a future of the number
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
   * {@link Client#send}.
   *
   * @param target whom it is for
   * @param value a value, as {@link Json} writes it
   * @return a future of the report
   */
  public CompletableFuture<Report> send(Target target, Object value) {
    return sendJson(target, Json.write(value));
  }

  /**
   * {@link Client#sendJson}.
   *
   * @param target whom it is for
   * @param json JSON text
   * @return a future of the report
   */
  public CompletableFuture<Report> sendJson(Target target, String json) {
    return send(SendRequest.newBuilder().setTarget(target.toWire()).setJson(json));
  }

  /**
   * {@link Client#sendText}.
   *
   * @param target whom it is for
   * @param text any text
   * @return a future of the report
   */
  public CompletableFuture<Report> sendText(Target target, String text) {
    return send(SendRequest.newBuilder().setTarget(target.toWire()).setText(text));
  }

  /**
   * {@link Client#sendBinary}.
   *
   * @param target whom it is for
   * @param bytes any bytes
   * @return a future of the report
   */
  public CompletableFuture<Report> sendBinary(Target target, byte[] bytes) {
    return send(
        SendRequest.newBuilder().setTarget(target.toWire()).setBinary(ByteString.copyFrom(bytes)));
  }

  /**
   * {@link Client#reply}.
   *
   * @param request the page's request
   * @param value a value, as {@link Json} writes it
   * @return a future of the report
   */
  public CompletableFuture<Report> reply(Message request, Object value) {
    return replyJson(request, Json.write(value));
  }

  /**
   * {@link Client#replyJson}.
   *
   * @param request the page's request
   * @param json JSON text
   * @return a future of the report
   */
  public CompletableFuture<Report> replyJson(Message request, String json) {
    return send(SendRequest.newBuilder().setTarget(answering(request)).setJson(json));
  }

  /**
   * {@link Client#replyError}.
   *
   * @param request the page's request
   * @param problem why it failed
   * @return a future of the report
   */
  public CompletableFuture<Report> replyError(Message request, String problem) {
    return send(SendRequest.newBuilder().setTarget(answering(request)).setError(problem));
  }

  private static dev.pagewire.v1.Target answering(Message request) {
    return Target.replyTo(request.requestId().orElse("")).toWire();
  }

  private CompletableFuture<Report> send(SendRequest.Builder request) {
    SendRequest send = request.setDelivery(client.delivery()).build();
    // The stream has no place for answers that take long, and would break at what is too large.
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
   * {@link Client#sendImport}.
   *
   * @param target whom it is for
   * @param module what to import
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
   * {@link Client#importValue}.
   *
   * @param target whom it is for
   * @param module what to import
   * @return a future of what came of it
   */
  public CompletableFuture<ImportReport> importValue(Target target, Import module) {
    SendImportRequest.Builder request = module.toWire(target).setAwaitResult(true);
    Duration deadline = client.deadline();
    if (!client.hasOwnDeadline()) {
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
   * {@link Client#consoleLog}.
   *
   * @param target whom it is for
   * @param level the console's method
   * @param text any text
   * @return a future of the report
   */
  public CompletableFuture<Report> consoleLog(Target target, ConsoleLevel level, String text) {
    return client
        .connection()
        .unary(
            ControlServiceGrpc.getSendConsoleLogMethod(),
            SendConsoleLogRequest.newBuilder()
                .setTarget(target.toWire())
                // On the wire the levels begin with "as log".
                .setLevelValue(level.ordinal() + 1)
                .setText(text)
                .setDelivery(client.delivery())
                .build(),
            client.deadline(),
            (SendConsoleLogResponse response) -> FromWire.report(response.getReport()));
  }

  /**
   * {@link Client#reload}.
   *
   * @param target whom it is for
   * @return a future of the report
   */
  public CompletableFuture<Report> reload(Target target) {
    return command(target, SendCommandRequest.newBuilder().setReload(Reload.newBuilder()));
  }

  /**
   * {@link Client#navigate}.
   *
   * @param target whom it is for
   * @param url where to
   * @return a future of the report
   */
  public CompletableFuture<Report> navigate(Target target, String url) {
    return command(
        target, SendCommandRequest.newBuilder().setNavigate(Navigate.newBuilder().setUrl(url)));
  }

  /**
   * {@link Client#swapStylesheets}.
   *
   * @param target whom it is for
   * @param paths URL paths; none = every stylesheet
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
   * {@link Client#closeSockets}.
   *
   * @param target whom it is for
   * @param closeCode the WebSocket close code
   * @param closeReason for the close frame; may be empty
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
   * {@link Client#subscribe}. Reading the subscription waits.
   *
   * @param options what to be told of
   * @return a future of the subscription in force
   */
  public CompletableFuture<Subscription> subscribe(SubscribeOptions options) {
    return Subscription.open(client, options);
  }
}
