package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.SubscribeMessagesRequest;
import dev.pagewire.v1.SubscribeMessagesResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * gRPC stream of one subscription. It has its own connection, because its reader may stop reading;
 * see {@link Connection}. The abstract methods are called on the transport's thread, one at a time.
 */
abstract class EventStream {
  private final Connection connection;
  private final CompletableFuture<SubscribeMessagesResponse> opened = new CompletableFuture<>();
  private final ClientCall<SubscribeMessagesRequest, SubscribeMessagesResponse> call;

  /**
   * Subscribes.
   *
   * @param session id of the session that declared the subscription as a hook, or null
   */
  EventStream(
      Connection main, SubscribeMessagesRequest request, String session, Duration deadline) {
    connection = main.duplicate();
    Future<?> timer =
        Timers.after(deadline, () -> opened.completeExceptionally(RpcErrors.deadline()));
    opened.whenComplete(
        (first, problem) -> {
          timer.cancel(false);
          if (problem != null) {
            close();
          }
        });
    call =
        connection.start(
            ControlServiceGrpc.getSubscribeMessagesMethod(),
            CallOptions.DEFAULT,
            session,
            new Listener());
    call.sendMessage(request);
    call.halfClose();
    call.request(1);
  }

  /** Completes when the subscription is active, with the daemon's first response. */
  CompletableFuture<SubscribeMessagesResponse> opened() {
    return opened;
  }

  /** Requests more events from the daemon. Thread-safe. */
  final void request(int events) {
    call.request(events);
  }

  /** Ends the subscription; no further method is called. Thread-safe. */
  final void close() {
    connection.close();
  }

  /** Called for each requested event. */
  abstract void onEvent(SubscribeMessagesResponse event);

  /**
   * Called when the stream has ended after it was opened.
   *
   * @param why the reason, or null if the daemon ended the stream normally
   */
  abstract void onEnd(PagewireException why);

  private final class Listener extends ClientCall.Listener<SubscribeMessagesResponse> {
    @Override
    public void onMessage(SubscribeMessagesResponse message) {
      if (opened.isDone()) {
        onEvent(message);
      } else if (message.hasSubscribed()) {
        opened.complete(message);
      } else {
        opened.completeExceptionally(
            new UnexpectedAnswerException("a subscription that does not begin with `subscribed`"));
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      connection.close();
      PagewireException why = status.isOk() ? null : RpcErrors.from(status, trailers);
      PagewireException atOnce =
          why == null ? new UnexpectedAnswerException("a subscription that ended at once") : why;
      if (!opened.completeExceptionally(atOnce) && !opened.isCompletedExceptionally()) {
        onEnd(why);
      }
    }
  }
}
