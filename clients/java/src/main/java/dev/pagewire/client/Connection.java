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
 * One HTTP/2 connection that notices within 15 s when its peer is gone. It is dialled by the first
 * call, and again by the first one after it was lost.
 */
final class Connection {
  /** How long dialling may take. Beyond: the call fails. 5 s. */
  private static final int CONNECT_TIMEOUT_MS = 5000;

  /** An HTTP/2 ping is sent after so many seconds without a frame... */
  private static final long KEEPALIVE_INTERVAL_S = 10;

  /** ... and the connection is given up when it is not answered for so many. */
  private static final long KEEPALIVE_TIMEOUT_S = 5;

  /** Largest message accepted from the daemon; a larger one fails its call. 64 MiB. */
  private static final int MAX_RECEIVED_MESSAGE_BYTES = 64 * 1024 * 1024;

  /**
   * Bytes that may be on their way unread, then the daemon waits. gRPC for Java grants a whole
   * connection no more than one of its streams: all streams of one are read without delay, and what
   * may stay unread, a subscription, has a connection of its own. 1 MiB.
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

  /** Another one to the same daemon. */
  Connection another() {
    return new Connection(endpoint);
  }

  Endpoint endpoint() {
    return endpoint;
  }

  /**
   * Starts a call. Its listener is called on the thread of the transport.
   *
   * @param session the session it belongs to, or null
   */
  <Q, R> ClientCall<Q, R> start(
      MethodDescriptor<Q, R> method,
      CallOptions options,
      String session,
      ClientCall.Listener<R> listener) {
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
      // Dials now, and not when gRPC would try again by itself.
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

  /** One request, one response. Cancelling the future cancels the call. */
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
              result.completeExceptionally(Refusals.from(status, trailers));
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
            call.cancel("the program gave it up", null);
          }
        });
    call.request(2);
    call.sendMessage(request);
    call.halfClose();
    return result;
  }

  /** Ends it at once, with all calls that are under way. */
  void close() {
    channel.shutdownNow();
  }

  private static ManagedChannel channel(Endpoint endpoint) {
    NettyChannelBuilder builder;
    if (endpoint.isUnix()) {
      builder =
          NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(endpoint.socket()))
              .channelType(NioDomainSocketChannel.class, UnixDomainSocketAddress.class)
              // The socket's path would be refused.
              .overrideAuthority("localhost");
    } else {
      builder =
          NettyChannelBuilder.forTarget("dns:///" + endpoint.authority())
              .channelType(NioSocketChannel.class)
              // A daemon is on this machine, and no proxy leads there.
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
