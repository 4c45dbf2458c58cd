package dev.pagewire.client;

import com.google.protobuf.MessageLite;
import dev.pagewire.v1.FiltersUpdated;
import dev.pagewire.v1.HookFailure;
import dev.pagewire.v1.HookOpened;
import dev.pagewire.v1.UpdateFilters;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * gRPC stream of an open hook: the daemon sends calls and receives results, matched by call id.
 *
 * @param <I> input of the handler
 * @param <O> result of the handler
 * @param <Q> message to the daemon
 * @param <R> message from the daemon
 */
abstract class HookStream<I, O, Q extends MessageLite, R> implements OpenHook {
  /** Allowance for the parts of a result other than the body, such as headers. */
  private static final long METADATA_BYTES = 64 * 1024;

  /**
   * How long a hook that drains waits for the daemon to confirm that it makes no further calls.
   * After that the stream is closed anyway.
   */
  private static final Duration WITHDRAWAL_TIMEOUT = Duration.ofSeconds(1);

  final Context context;

  /** Name of the hook in the log. */
  private final String name;

  private final Callback<I, O> callback;
  private final LiveFilters.HookFilters filters;
  private final ClientCall<Q, R> stream;
  private final CompletableFuture<Void> opened = new CompletableFuture<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  /** Largest body that the daemon accepts; a larger one would end the stream. */
  private volatile int maxBodyBytes = Integer.MAX_VALUE;

  /** Calls without a result. Guarded by this, as are the fields below. */
  private final Map<Long, HandlerCall<I, O>> running = new HashMap<>();

  /** The stream is to end. */
  private boolean draining;

  /** The daemon makes no further calls; the stream ends once none is running. */
  private boolean withdrawn;

  /** Nothing more may be written. */
  private boolean closed;

  HookStream(
      MethodDescriptor<Q, R> method,
      HookOptions.OpenMessage<Q> openMessage,
      LiveFilters filters,
      String name,
      Callback<I, O> callback,
      Context context) {
    this.context = context;
    this.name = name;
    this.callback = callback;
    this.filters =
        filters.open(
            next ->
                write(
                    update(
                        UpdateFilters.newBuilder()
                            .addAllFilters(next)
                            .setReportErrors(true)
                            .build())));
    this.stream =
        context
            .client()
            .connection()
            .start(method, CallOptions.DEFAULT, context.sessionId(), new Listener());
    stream.sendMessage(openMessage.with(this.filters.initial()));
    stream.request(1);
  }

  /** Handles a message by calling one of the methods below. */
  abstract void onMessage(R message);

  abstract Q result(long callId, O output);

  abstract Q failure(long callId, HookFailure failure);

  abstract Q update(UpdateFilters filters);

  final void hookOpened(HookOpened response) {
    maxBodyBytes = response.getMaxBodyBytes();
    filters.confirm();
    opened.complete(null);
  }

  final void filtersUpdated(FiltersUpdated response) {
    // Updates are answered in order, and the withdrawal is the last one.
    if (response.hasError()) {
      filters.refused(RpcErrors.from(response.getError()));
    } else if (!filters.confirm()) {
      withdrawn();
    }
  }

  /** Calls the handler once the plugin has started. */
  final void call(long callId, Request request, I input) {
    HandlerCall<I, O> call =
        new HandlerCall<>(
            callback, input, (output, error) -> complete(callId, request, output, error));
    synchronized (this) {
      running.put(callId, call);
    }
    context
        .startGate()
        .admit(request.timeRemaining())
        .whenComplete(
            (admitted, late) -> {
              if (late == null) {
                call.start();
              } else {
                complete(callId, request, null, late);
              }
            });
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

  private void complete(long callId, Request request, O output, Throwable error) {
    Throwable problem = error;
    if (problem != null) {
      StackTraces.trim(problem);
    }
    Q result = problem == null ? result(callId, output) : failure(callId, Failure.toWire(problem));
    if (result.getSerializedSize() > maxBodyBytes + METADATA_BYTES) {
      String text =
          "the result is larger than the daemon's limit of %d bytes for a body (return a file"
              + " instead)";
      problem = new Failure(text.formatted(maxBodyBytes));
      result = failure(callId, Failure.toWire(problem));
    }
    if (problem != null && isRunning(callId)) {
      PluginLog.failed(name + " of " + request.path(), problem);
    }
    synchronized (this) {
      // A cancelled call has no result.
      if (running.remove(callId) != null) {
        write(result);
        endIfIdle();
      }
    }
  }

  private synchronized boolean isRunning(long callId) {
    return running.containsKey(callId);
  }

  private synchronized void write(Q message) {
    if (!closed) {
      stream.sendMessage(message);
    }
  }

  private void endIfIdle() {
    if (withdrawn && !closed && running.isEmpty()) {
      closed = true;
      // The daemon closes its side once it has received all results.
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
  public void drain() {
    synchronized (this) {
      draining = true;
    }
    // From now on, new filters are not sent.
    filters.ended(null);
    write(update(UpdateFilters.getDefaultInstance()));
    Timers.after(WITHDRAWAL_TIMEOUT, this::withdrawn);
  }

  private synchronized void withdrawn() {
    withdrawn = true;
    endIfIdle();
  }

  @Override
  public void abort() {
    stream.cancel("the session has ended", null);
    cancelCalls();
  }

  private void cancelCalls() {
    List<HandlerCall<I, O>> calls;
    synchronized (this) {
      closed = true;
      calls = new ArrayList<>(running.values());
      running.clear();
    }
    calls.forEach(HandlerCall::cancel);
  }

  private final class Listener extends ClientCall.Listener<R> {
    @Override
    public void onMessage(R message) {
      HookStream.this.onMessage(message);
      stream.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      cancelCalls();
      PagewireException why = status.isOk() ? null : RpcErrors.from(status, trailers);
      filters.ended(why);
      if (why == null && !draining) {
        why = new UnexpectedAnswerException("the hook's stream ended without an error");
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
