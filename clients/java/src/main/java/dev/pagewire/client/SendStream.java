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
 * Bidirectional stream for a client's sends: it avoids one call per send. It is opened by the first
 * send, and reopened by the first send after it broke.
 */
final class SendStream {
  /**
   * Limit on the memory of sends that wait for a reply. At the limit, a further send fails at once,
   * unless no other send is pending.
   */
  private static final long MAX_PENDING_BYTES = 64 * 1024 * 1024;

  /** Memory of a pending send besides its content. */
  private static final int PENDING_SEND_BYTES = 256;

  /** Number of replies requested from the transport in advance. */
  private static final int REPLY_CREDIT = 1024;

  /** Largest send that the daemon accepts, until it reports its own limit. */
  private static final int DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

  private final Connection connection;
  private volatile int maxBytes = DEFAULT_MAX_BYTES;
  private final AtomicLong pendingBytes = new AtomicLong();

  /** The current stream. Guarded by this. */
  private Stream stream;

  SendStream(Connection connection) {
    this.connection = connection;
  }

  /**
   * Largest message for this stream; a larger one would make the daemon end the stream with all its
   * sends.
   */
  int maxBytes() {
    return maxBytes;
  }

  void setLimits(Limits limits) {
    maxBytes = limits.maxMessageBytes();
  }

  /** Sends a message. Messages go out in the order of the calls. */
  CompletableFuture<Report> send(SendRequest request, Duration deadline) {
    PendingSend pending = new PendingSend(request.getSerializedSize() + PENDING_SEND_BYTES);
    if (pendingBytes.addAndGet(pending.bytes) > MAX_PENDING_BYTES
        && pendingBytes.get() > pending.bytes) {
      pendingBytes.addAndGet(-pending.bytes);
      pending.completeExceptionally(
          new RpcException(
              Status.Code.RESOURCE_EXHAUSTED,
              "",
              "too many sends are waiting for a reply (wait for some of them)",
              List.of()));
      return pending;
    }
    pending.timer =
        Timers.after(deadline, () -> pending.completeExceptionally(RpcErrors.deadline()));
    synchronized (this) {
      boolean closed = stream == null || stream.ended;
      stream = closed ? new Stream() : stream;
      stream.pending.add(pending);
      if (closed) {
        stream.open();
      }
      if (!stream.ended) {
        stream.call.sendMessage(SendStreamRequest.newBuilder().setSend(request).build());
      }
    }
    return pending;
  }

  /** A send that waits for its reply. */
  private static final class PendingSend extends CompletableFuture<Report> {
    final int bytes;
    Future<?> timer;

    PendingSend(int bytes) {
      this.bytes = bytes;
    }
  }

  private void finish(PendingSend send) {
    pendingBytes.addAndGet(-send.bytes);
    send.timer.cancel(false);
  }

  private final class Stream extends ClientCall.Listener<SendStreamResponse> {
    /** Oldest first: replies arrive in the order of the sends. */
    final Queue<PendingSend> pending = new ConcurrentLinkedQueue<>();

    ClientCall<SendStreamRequest, SendStreamResponse> call;

    /** Whether nothing more may be written. Guarded by the outer object. */
    boolean ended;

    /** Replies received since the last time more were requested. */
    private int replies;

    /**
     * Opens the stream. May fail at once; then the pending sends have been completed when this
     * returns.
     */
    void open() {
      call =
          connection.start(
              ControlServiceGrpc.getSendStreamMethod(), CallOptions.DEFAULT, null, this);
      call.request(REPLY_CREDIT);
    }

    @Override
    public void onMessage(SendStreamResponse response) {
      if (++replies == REPLY_CREDIT / 2) {
        replies = 0;
        call.request(REPLY_CREDIT / 2);
      }
      PendingSend oldest = pending.poll();
      if (oldest == null) {
        return;
      }
      finish(oldest);
      if (response.hasError()) {
        oldest.completeExceptionally(RpcErrors.from(response.getError()));
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
              : RpcErrors.from(status, trailers);
      for (PendingSend send = pending.poll(); send != null; send = pending.poll()) {
        finish(send);
        send.completeExceptionally(why);
      }
    }
  }
}
