package dev.pagewire.client;

import com.google.protobuf.MessageLite;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.HookOpened;
import dev.pagewire.v1.UpdateFilters;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * An open hook: calls come down, results go up, matched by call id.
 *
 * @param <I> what its handler gets
 * @param <O> what its handler makes of it
 * @param <Q> a message to the daemon
 * @param <R> a message of the daemon
 */
abstract class HookStream<I, O, Q extends MessageLite, R> implements SessionPart {
  /** What a result may have beside its largest body. 64 KiB. */
  private static final long OTHER_BYTES = 64 * 1024;

  final Context context;
  private final Callback<I, O> callback;
  private final LiveFilters.Part filters;
  private final ClientCall<Q, R> stream;
  private final CompletableFuture<Void> opened = new CompletableFuture<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  /** Largest body that the daemon takes; a larger one would end the stream. */
  private volatile int maxBodyBytes = Integer.MAX_VALUE;

  /** Calls without a result. Guarded by this, as is all that follows. */
  private final Map<Long, HandlerCall<I, O>> running = new HashMap<>();

  /** Nothing new is to be begun: it ends when nothing runs. */
  private boolean finishing;

  /** Nothing can be written any more. */
  private boolean closed;

  HookStream(
      MethodDescriptor<Q, R> method,
      HookOptions.Opening<Q> opening,
      LiveFilters filters,
      Callback<I, O> callback,
      Context context) {
    this.context = context;
    this.callback = callback;
    this.filters =
        filters.open(next -> write(update(UpdateFilters.newBuilder().addAllFilters(next).build())));
    this.stream =
        context
            .client()
            .connection()
            .start(method, CallOptions.DEFAULT, context.sessionId(), new Listener());
    stream.sendMessage(opening.with(this.filters.first()));
    stream.request(1);
  }

  /** Calls one of the methods below. */
  abstract void received(R message);

  abstract Q result(long callId, O made);

  abstract Q failure(long callId, HookFailure failure);

  abstract Q update(UpdateFilters filters);

  final void hookOpened(HookOpened inForce) {
    maxBodyBytes = inForce.getMaxBodyBytes();
    filters.inForce();
    opened.complete(null);
  }

  final void filtersUpdated() {
    filters.inForce();
  }

  final void call(long callId, I input) {
    HandlerCall<I, O> call =
        new HandlerCall<>(callback, input, (made, error) -> answer(callId, made, error));
    synchronized (this) {
      running.put(callId, call);
    }
    call.start();
  }

  final void cancel(long callId) {
    HandlerCall<I, O> call;
    synchronized (this) {
      call = running.remove(callId);
      endIfIdle();
    }
    if (call != null) {
      call.cancel();
    }
  }

  private void answer(long callId, O made, Throwable error) {
    Q answer = error == null ? result(callId, made) : failure(callId, Failure.toWire(error));
    // Beside its body a result has headers and the like, which count for little.
    if (answer.getSerializedSize() > maxBodyBytes + OTHER_BYTES) {
      String problem =
          "the result is larger than the daemon takes, which is a body of %d bytes (name a file)";
      answer = failure(callId, Failure.toWire(new Failure(problem.formatted(maxBodyBytes))));
    }
    synchronized (this) {
      // What was cancelled has no answer.
      if (running.remove(callId) != null) {
        write(answer);
        endIfIdle();
      }
    }
  }

  private synchronized void write(Q message) {
    if (!closed) {
      stream.sendMessage(message);
    }
  }

  private void endIfIdle() {
    if (finishing && !closed && running.isEmpty()) {
      closed = true;
      // Results are on the wire when the daemon has answered the end of our side.
      stream.halfClose();
    }
  }

  @Override
  public CompletableFuture<Void> opened() {
    return opened;
  }

  @Override
  public CompletableFuture<Void> ended() {
    return ended;
  }

  @Override
  public synchronized void finish() {
    finishing = true;
    endIfIdle();
  }

  @Override
  public void cut() {
    stream.cancel("the session is over", null);
    giveUp();
  }

  private void giveUp() {
    List<HandlerCall<I, O>> left;
    synchronized (this) {
      closed = true;
      left = new ArrayList<>(running.values());
      running.clear();
    }
    left.forEach(HandlerCall::cancel);
  }

  private final class Listener extends ClientCall.Listener<R> {
    @Override
    public void onMessage(R message) {
      received(message);
      stream.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      giveUp();
      PagewireException why = status.isOk() ? null : Refusals.from(status, trailers);
      filters.ended(why);
      if (why == null && !finishing) {
        why = new UnexpectedAnswerException("a hook that ended by itself");
      }
      if (why == null) {
        ended.complete(null);
      } else {
        opened.completeExceptionally(why);
        ended.completeExceptionally(why);
      }
    }
  }
}
