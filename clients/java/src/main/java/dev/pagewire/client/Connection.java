package dev.pagewire.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * HTTP/2 connection to a daemon. Keepalive pings detect a dead peer within 15 s. The connection is
 * opened by the first call, and reopened by the first call after it was lost.
 */
final class Connection {
  /** Time limit for connecting; a call that needs longer fails. */
  private static final int CONNECT_TIMEOUT_MS = 5000;

  /** A keepalive ping is sent after this time without a frame. */
  private static final long KEEPALIVE_INTERVAL_S = 10;

  /** The connection is closed when a ping is not answered within this time. */
  private static final long KEEPALIVE_TIMEOUT_S = 5;

  /** Largest message accepted from the daemon; a larger one fails its call. */
  private static final int MAX_RECEIVED_MESSAGE_BYTES = 64 * 1024 * 1024;

  /**
   * HTTP/2 flow-control window: bytes that may be unread before the daemon has to wait. gRPC for
   * Java gives the whole connection the same window as each stream, so one unread stream would
   * block all others. Therefore all streams of a connection are read without delay, and a
   * subscription, which may stay unread, has its own connection.
   */
  private static final int WINDOW_BYTES = 1024 * 1024;

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> SESSION =
      Metadata.Key.of("pagewire-session", Metadata.ASCII_STRING_MARSHALLER);

  private final Endpoint endpoint;
  private final ManagedChannel channel;

  Connection(Endpoint endpoint) {
    this.endpoint = endpoint;
    this.channel = channel(endpoint);
  }

  /** Returns a new connection to the same daemon. */
  Connection duplicate() {
    return new Connection(endpoint);
  }

  Endpoint endpoint() {
    return endpoint;
  }

  /**
   * Starts a call. Its listener is called on the transport's thread.
   *
   * @param session id of the session that the call belongs to, or null
   */
  <Q, R> ClientCall<Q, R> start(
      MethodDescriptor<Q, R> method,
      CallOptions options,
      String session,
      ClientCall.Listener<R> listener) {
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
      // Reconnect now instead of waiting for gRPC's back-off.
      channel.enterIdle();
    }
    ClientCall<Q, R> call = channel.newCall(method, options);
    Metadata headers = new Metadata();
    endpoint.token().ifPresent(token -> headers.put(AUTHORIZATION, "Bearer " + token));
    if (session != null) {
      headers.put(SESSION, session);
    }
    call.start(listener, headers);
    return call;
  }

  /** Makes a unary call. Cancelling the future cancels the call. */
  <Q, R, T> CompletableFuture<T> unary(
      MethodDescriptor<Q, R> method, Q request, Duration deadline, Function<R, T> convert) {
    CompletableFuture<T> result = new CompletableFuture<>();
    ClientCall.Listener<R> listener =
        new ClientCall.Listener<>() {
          private R response;

          @Override
          public void onMessage(R message) {
            response = message;
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            if (!status.isOk()) {
              result.completeExceptionally(RpcErrors.from(status, trailers));
              return;
            }
            try {
              result.complete(convert.apply(response));
            } catch (RuntimeException problem) {
              result.completeExceptionally(problem);
            }
          }
        };
    CallOptions options =
        CallOptions.DEFAULT.withDeadlineAfter(Timers.nanos(deadline), TimeUnit.NANOSECONDS);
    ClientCall<Q, R> call = start(method, options, null, listener);
    result.whenComplete(
        (done, problem) -> {
          if (result.isCancelled()) {
            call.cancel("cancelled by the caller", null);
          }
        });
    call.request(2);
    call.sendMessage(request);
    call.halfClose();
    return result;
  }

  /** Closes the connection at once and fails all calls in flight. */
  void close() {
    channel.shutdownNow();
  }

  private static ManagedChannel channel(Endpoint endpoint) {
    NettyChannelBuilder builder;
    if (endpoint.isUnix()) {
      builder =
          NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(endpoint.socket()))
              .channelType(NioDomainSocketChannel.class, UnixDomainSocketAddress.class)
              // By default gRPC sends the socket's path, which is not a valid authority.
              .overrideAuthority("localhost");
    } else {
      builder =
          NettyChannelBuilder.forTarget("dns:///" + endpoint.authority())
              .channelType(NioSocketChannel.class)
              // The daemon runs on this machine: never use an HTTP proxy.
              .proxyDetector(address -> null);
    }
    return builder
        .eventLoopGroup(Transport.LOOP)
        .directExecutor()
        .usePlaintext()
        .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MS)
        .keepAliveTime(KEEPALIVE_INTERVAL_S, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT_S, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .flowControlWindow(WINDOW_BYTES)
        .maxInboundMessageSize(MAX_RECEIVED_MESSAGE_BYTES)
        .disableRetry()
        .disableServiceConfigLookUp()
        .build();
  }
}
