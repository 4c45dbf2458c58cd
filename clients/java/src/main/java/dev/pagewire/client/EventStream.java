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
 * A subscription's stream, on a connection of its own: it may stay unread, see {@link Connection}.
 * What overrides its methods is called on the transport's thread, one after the other.
 */
abstract class EventStream {
  private final Connection connection;
  private final CompletableFuture<SubscribeMessagesResponse> opened = new CompletableFuture<>();
  private final ClientCall<SubscribeMessagesRequest, SubscribeMessagesResponse> call;

  /**
   * Subscribes.
   *
   * @param session the session whose declared hook it is, or null
   */
  EventStream(
      Connection main, SubscribeMessagesRequest request, String session, Duration deadline) {
    connection = main.another();
    Future<?> timer =
        Timers.after(deadline, () -> opened.completeExceptionally(Refusals.deadline()));
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

  /** Completes when the subscription is in force, with what the daemon says first. */
  CompletableFuture<SubscribeMessagesResponse> opened() {
    return opened;
  }

  /** Asks for so many events more. May be called from anywhere. */
  final void request(int events) {
    call.request(events);
  }

  /** Ends it; nothing follows. May be called from anywhere. */
  final void close() {
    connection.close();
  }

  /** An event that was asked for. */
  abstract void event(SubscribeMessagesResponse event);

  /** Nothing follows; null = the daemon ended it in order. Not called for one that never opened. */
  abstract void ended(PagewireException why);

  private final class Listener extends ClientCall.Listener<SubscribeMessagesResponse> {
    @Override
    public void onMessage(SubscribeMessagesResponse message) {
      if (opened.isDone()) {
        event(message);
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
      PagewireException why = status.isOk() ? null : Refusals.from(status, trailers);
      PagewireException atOnce =
          why == null ? new UnexpectedAnswerException("a subscription that ended at once") : why;
      if (!opened.completeExceptionally(atOnce) && !opened.isCompletedExceptionally()) {
        ended(why);
      }
    }
  }
}
