package dev.pagewire.client;

import dev.pagewire.v1.ControlServiceGrpc;
import dev.pagewire.v1.SendRequest;
import dev.pagewire.v1.SendStreamRequest;
import dev.pagewire.v1.SendStreamResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The one stream that a client's sends go by, so that no call is set up for each. It is opened by
 * the first send, and again by the first one after it broke.
 */
final class SendStream {
  /**
   * Sends without an answer, in bytes that are kept for them; beyond it a send fails at once,
   * unless it is the only one. 64 MiB.
   */
  private static final long MAX_WAITING_BYTES = 64 * 1024 * 1024;

  /** What a send without an answer costs beside its content. */
  private static final int WAITER_BYTES = 256;

  /** Answers that are asked for at a time. */
  private static final int ANSWERS = 1024;

  /** Largest send that the daemon takes, unless it says. 16 MiB. */
  private static final int DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

  private final Connection connection;
  private volatile int maxBytes = DEFAULT_MAX_BYTES;
  private final AtomicLong waitingBytes = new AtomicLong();

  /** The stream in use. Guarded by this. */
  private Open open;

  SendStream(Connection connection) {
    this.connection = connection;
  }

  /** Larger ones must go another way: the daemon would end the stream, and all sends on it. */
  int maxBytes() {
    return maxBytes;
  }

  void limit(Limits limits) {
    maxBytes = limits.maxMessageBytes();
  }

  /** The order of calls is the order on the wire. */
  CompletableFuture<Report> send(SendRequest request, Duration deadline) {
    Waiter waiter = new Waiter(request.getSerializedSize() + WAITER_BYTES);
    if (waitingBytes.addAndGet(waiter.bytes) > MAX_WAITING_BYTES
        && waitingBytes.get() > waiter.bytes) {
      waitingBytes.addAndGet(-waiter.bytes);
      waiter.completeExceptionally(
          new RpcException(
              Status.Code.RESOURCE_EXHAUSTED,
              "",
              "too many sends have no answer yet (wait for some of them)",
              List.of()));
      return waiter;
    }
    waiter.timer = Timers.after(deadline, () -> waiter.completeExceptionally(Refusals.deadline()));
    synchronized (this) {
      boolean fresh = open == null || open.ended;
      open = fresh ? new Open() : open;
      open.waiting.add(waiter);
      if (fresh) {
        open.begin();
      }
      if (!open.ended) {
        open.call.sendMessage(SendStreamRequest.newBuilder().setSend(request).build());
      }
    }
    return waiter;
  }

  /** One send that waits for its answer. */
  private static final class Waiter extends CompletableFuture<Report> {
    final int bytes;
    Future<?> timer;

    Waiter(int bytes) {
      this.bytes = bytes;
    }
  }

  private void done(Waiter waiter) {
    waitingBytes.addAndGet(-waiter.bytes);
    waiter.timer.cancel(false);
  }

  private final class Open extends ClientCall.Listener<SendStreamResponse> {
    /** Oldest first: answers come in the order of sends. */
    final Queue<Waiter> waiting = new ConcurrentLinkedQueue<>();

    ClientCall<SendStreamRequest, SendStreamResponse> call;

    /** Nothing is written to it any more. Guarded by the outer one. */
    boolean ended;

    private int answers;

    /** It may end at once: then who waits has been told. */
    void begin() {
      call =
          connection.start(
              ControlServiceGrpc.getSendStreamMethod(), CallOptions.DEFAULT, null, this);
      call.request(ANSWERS);
    }

    @Override
    public void onMessage(SendStreamResponse response) {
      if (++answers == ANSWERS / 2) {
        answers = 0;
        call.request(ANSWERS / 2);
      }
      Waiter oldest = waiting.poll();
      if (oldest == null) {
        return;
      }
      done(oldest);
      if (response.hasError()) {
        oldest.completeExceptionally(Refusals.from(response.getError()));
      } else {
        oldest.complete(FromWire.report(response.getReport()));
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      synchronized (SendStream.this) {
        ended = true;
      }
      PagewireException why =
          status.isOk()
              ? new DisconnectedException("the daemon ended the stream")
              : Refusals.from(status, trailers);
      for (Waiter waiter = waiting.poll(); waiter != null; waiter = waiting.poll()) {
        done(waiter);
        waiter.completeExceptionally(why);
      }
    }
  }
}
