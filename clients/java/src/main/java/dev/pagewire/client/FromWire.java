package dev.pagewire.client;

import com.google.protobuf.Timestamp;
import dev.pagewire.v1.DeliveryReport;
import dev.pagewire.v1.GetServerInfoResponse;
import dev.pagewire.v1.ImportResult;
import dev.pagewire.v1.Plugin;
import dev.pagewire.v1.SendImportResponse;
import dev.pagewire.v1.SubscribeMessagesResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Converts the contract's types to the library's own types. */
final class FromWire {
  private FromWire() {}

  static Position position(dev.pagewire.v1.Position position) {
    return new Position(position.getEpoch(), position.getSequence());
  }

  static List<Path> paths(List<String> paths) {
    return paths.stream().map(Path::of).toList();
  }

  static Instant instant(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  static Duration duration(com.google.protobuf.Duration duration) {
    return Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
  }

  static Socket socket(dev.pagewire.v1.Socket socket) {
    return new Socket(
        socket.getSocketId(),
        socket.getPageId(),
        socket.getTabId(),
        socket.getUrl(),
        socket.getTitle(),
        socket.getUserAgent(),
        constant(Visibility.values(), socket.getVisibilityValue()),
        socket.getTopLevel(),
        socket.getRemoteAddress(),
        instant(socket.getConnectTime()),
        socket.getReady(),
        constant(DocumentState.values(), socket.getDocumentStateValue()),
        List.copyOf(socket.getClientFeaturesList()));
  }

  static List<Socket> sockets(List<dev.pagewire.v1.Socket> sockets) {
    return sockets.stream().map(FromWire::socket).toList();
  }

  static Report report(DeliveryReport report) {
    List<Unreached> unreached =
        report.getUnreachedList().stream()
            .map(row -> new Unreached(row.getSocketId(), status(row.getStatusValue())))
            .toList();
    return new Report(
        report.getReached(),
        unreached,
        List.copyOf(report.getReachedSocketIdsList()),
        position(report.getPosition()));
  }

  private static DeliveryStatus status(int number) {
    return constant(DeliveryStatus.values(), number);
  }

  static ImportReport imports(SendImportResponse response) {
    return new ImportReport(
        report(response.getReport()),
        response.getResultsList().stream().map(FromWire::row).toList());
  }

  private static ImportRow row(ImportResult row) {
    Optional<JsValue> value = Optional.empty();
    Optional<ImportError> error = Optional.empty();
    switch (row.getOutcomeCase()) {
      case VALUE -> value = Optional.of(value(row.getValue()));
      case EXCEPTION -> error = Optional.of(ImportError.thrown(exception(row.getException())));
      default -> error = Optional.of(ImportError.unanswered(status(row.getUnansweredValue())));
    }
    return new ImportRow(row.getSocketId(), value, error, duration(row.getElapsed()));
  }

  static JsValue value(dev.pagewire.v1.JsValue value) {
    return switch (value.getKindCase()) {
      case JSON -> new JsValue.Plain(value.getJson());
      case UNSERIALIZABLE -> new JsValue.Unserializable(value.getUnserializable());
      case DESCRIPTION ->
          value.getTruncated()
              ? new JsValue.Truncated(value.getDescription())
              : new JsValue.Description(value.getDescription());
      default -> new JsValue.Undefined();
    };
  }

  private static JsException exception(dev.pagewire.v1.JsException thrown) {
    return new JsException(
        constant(JsException.Phase.values(), thrown.getPhaseValue()),
        thrown.getName(),
        thrown.getMessage(),
        thrown.getStack(),
        thrown.getUrl(),
        thrown.getLine(),
        thrown.getColumn(),
        thrown.getThrownJson());
  }

  static ServerInfo info(GetServerInfoResponse info) {
    return new ServerInfo(
        info.getServerVersion(),
        List.copyOf(info.getFeaturesList()),
        List.copyOf(info.getBaseUrlsList()),
        info.getEpoch(),
        instant(info.getStartTime()),
        limits(info.getLimits()),
        info.getRefusedFrames(),
        info.getInjectsClient(),
        info.getPagesWithClient(),
        info.getPagesWithoutClient(),
        List.copyOf(info.getAllowedOriginsList()),
        List.copyOf(info.getWithoutClientReasonsList()));
  }

  private static Limits limits(dev.pagewire.v1.Limits limits) {
    return new Limits(
        limits.getMaxMessageBytes(),
        limits.getMaxBodyBytes(),
        limits.hasMaxCallTimeout()
            ? Optional.of(duration(limits.getMaxCallTimeout()))
            : Optional.empty(),
        limits.getMaxSocketQueueBytes(),
        limits.getEventLogEntries(),
        limits.getEventLogBytes());
  }

  static PluginInfo plugin(Plugin plugin) {
    return new PluginInfo(
        plugin.getPluginName(),
        plugin.getPluginVersion(),
        constant(PluginInfo.State.values(), plugin.getStateValue()),
        plugin.getHooksValueList().stream()
            .map(number -> constant(PluginInfo.Hook.values(), number))
            .toList(),
        plugin.getServeOrderIndex(),
        plugin.getPid(),
        plugin.getRestarts(),
        plugin.getCalls(),
        plugin.getPasses(),
        plugin.getFailures(),
        plugin.getTimeouts(),
        plugin.getLateResults(),
        plugin.hasCallLatencyP99()
            ? Optional.of(duration(plugin.getCallLatencyP99()))
            : Optional.empty());
  }

  /** Returns empty for an event type that this version does not know. */
  static Optional<Event> event(SubscribeMessagesResponse event) {
    Event.What what =
        switch (event.getEventCase()) {
          case MESSAGE -> new Message(event.getMessage());
          case SOCKET_OPENED ->
              new SocketOpened(
                  socket(event.getSocketOpened().getSocket()),
                  event.getSocketOpened().getPreviousSocketId());
          case SOCKET_UPDATED -> new SocketUpdated(socket(event.getSocketUpdated().getSocket()));
          case SOCKET_CLOSED -> closed(event.getSocketClosed());
          case CONSOLE -> console(event.getConsole());
          case PAGE_ERROR -> pageError(event.getPageError());
          case FILE_CHANGED ->
              new FileChanged(
                  Path.of(event.getFileChanged().getFilePath()),
                  event.getFileChanged().getUrlPath(),
                  constant(FileChanged.Kind.values(), event.getFileChanged().getKindValue()));
          case GAP ->
              new Gap(
                  event.getGap().getAfterSequence(),
                  event.getGap().getBeforeSequence(),
                  constant(Gap.Reason.values(), event.getGap().getReasonValue()));
          default -> null;
        };
    return Optional.ofNullable(what)
        .map(known -> new Event(position(event.getPosition()), instant(event.getTime()), known));
  }

  private static SocketClosed closed(dev.pagewire.v1.SocketClosed closed) {
    return new SocketClosed(
        closed.getSocketId(),
        closed.getCloseCode(),
        closed.getCloseReason(),
        constant(SocketClosed.Cause.values(), closed.getCauseValue()));
  }

  private static PageError pageError(dev.pagewire.v1.PageError error) {
    return new PageError(
        error.getSocketId(),
        exception(error.getException()),
        constant(PageError.Kind.values(), error.getKindValue()),
        error.hasFailedResource()
            ? Optional.of(failedResource(error.getFailedResource()))
            : Optional.empty());
  }

  private static FailedResource failedResource(dev.pagewire.v1.FailedResource resource) {
    return new FailedResource(
        resource.getPluginName(),
        constant(PluginInfo.Hook.values(), resource.getHookValue()),
        resource.getUrl(),
        resource.getStatus(),
        resource.getMessage(),
        resource.hasLocation()
            ? Optional.of(SourceLocation.fromWire(resource.getLocation()))
            : Optional.empty());
  }

  private static ConsoleEntry console(dev.pagewire.v1.ConsoleEntry entry) {
    // The contract's enum has "unspecified" before the first level.
    ConsoleLevel level = constant(ConsoleLevel.values(), Math.max(0, entry.getLevelValue() - 1));
    List<JsValue> args = entry.getArgsList().stream().map(FromWire::value).toList();
    return new ConsoleEntry(
        entry.getSocketId(),
        level,
        args,
        entry.getStack(),
        entry.getUrl(),
        entry.getLine(),
        entry.getColumn());
  }

  /**
   * Maps a wire number to a constant: they are in the same order, and the first stands for unknown
   * numbers.
   */
  private static <E> E constant(E[] constants, int number) {
    return constants[number > 0 && number < constants.length ? number : 0];
  }
}
