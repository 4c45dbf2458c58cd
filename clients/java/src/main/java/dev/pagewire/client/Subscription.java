package dev.pagewire.client;

import dev.pagewire.v1.SubscribeMessagesResponse;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Subscription to events: an iterator over typed events, in the order of the daemon's log.
 *
 * <p>Reading blocks until the next event. The subscription ends when the daemon ends it, and fails
 * when the connection is lost. It does not reconnect by itself: {@link #resume} continues after the
 * last event. A program that continues after its own restart stores the {@link #position} and
 * subscribes with {@link SubscribeOptions#resumeAfter}. One thread at a time may read; {@link
 * #close} is thread-safe and ends a blocked read.
 */
public final class Subscription implements Iterator<Event>, AutoCloseable {
  /**
   * Events buffered here for the reader; further ones stay in the daemon's queue, within its limit.
   */
  private static final int BUFFERED_EVENTS = 64;

  private final Client client;
  private final SubscribeOptions options;
  private Stream stream;
  private Position position;
  private boolean resumed;

  /** Events taken from the buffer since more were requested. */
  private int taken;

  /** The event that {@link #hasNext} has read ahead. */
  private Event next;

  /** Position of the last event taken from the buffer, including one read ahead. */
  private Position reached;

  private volatile boolean closed;

  private Subscription(
      Client client, SubscribeOptions options, Stream stream, SubscribeMessagesResponse first) {
    this.client = client;
    this.options = options;
    begin(stream, first);
  }

  private void begin(Stream stream, SubscribeMessagesResponse first) {
    this.stream = stream;
    this.reached = FromWire.position(first.getPosition());
    this.position = next == null ? reached : position;
    this.resumed = first.getSubscribed().getResumed();
    this.taken = 0;
    stream.request(BUFFERED_EVENTS);
  }

  static CompletableFuture<Subscription> open(Client client, SubscribeOptions options) {
    Stream stream = new Stream(client, options, client.deadline());
    return stream.opened().thenApply(first -> new Subscription(client, options, stream, first));
  }

  /**
   * Reads the next event, blocking until there is one.
   *
   * @return the event, or empty when the daemon has ended the subscription normally or it was
   *     closed
   * @throws RpcException with {@code SUBSCRIBER_SLOW} when events were read too slowly
   * @throws DisconnectedException when the connection was lost
   * @throws CancellationException when this thread is interrupted; no event is lost
   */
  public Optional<Event> read() {
    Optional<Event> event = next == null ? advance() : Optional.of(next);
    next = null;
    position = reached;
    return event;
  }

  private Optional<Event> advance() {
    while (true) {
      Object item = take();
      if (!closed && item instanceof SubscribeMessagesResponse event) {
        if (event.hasPosition()) {
          reached = FromWire.position(event.getPosition());
        }
        if (++taken == BUFFERED_EVENTS / 2) {
          taken = 0;
          stream.request(BUFFERED_EVENTS / 2);
        }
        Optional<Event> known = FromWire.event(event);
        if (known.isPresent()) {
          return known;
        }
        continue;
      }
      // Put the end back, so that further reads get it too. An unread event is delivered again
      // after a resume.
      stream.items.add(item);
      if (closed || !(item instanceof PagewireException problem)) {
        return Optional.empty();
      }
      problem.setStackTrace(new Throwable().getStackTrace());
      throw problem;
    }
  }

  private Object take() {
    try {
      return stream.items.take();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for an event");
    }
  }

  /**
   * Blocks like {@link #read} until there is an event, without consuming it.
   *
   * @return whether there is another event
   */
  @Override
  public boolean hasNext() {
    if (next == null) {
      next = advance().orElse(null);
    }
    return next != null;
  }

  /**
   * Reads the next event like {@link #read}.
   *
   * @return the event
   * @throws NoSuchElementException when the subscription has ended
   */
  @Override
  public Event next() {
    return read().orElseThrow(() -> new NoSuchElementException("the subscription has ended"));
  }

  /**
   * Subscribes again after the last event read, on the same client, which reconnects if necessary.
   * Events that the daemon no longer has, including all from before a restart of the daemon, are
   * reported as a {@link Gap}, or as an error with {@link SubscribeOptions#strictResume}.
   *
   * @throws RpcException with {@code POSITION_EVICTED} or {@code EPOCH_CHANGED}, or as {@link
   *     Client#subscribe} throws it. The subscription is then unchanged and can be resumed later
   */
  public void resume() {
    Stream resumedStream = new Stream(client, options.resumeAfter(reached), client.deadline());
    SubscribeMessagesResponse first = Transport.await(resumedStream.opened());
    stream.close();
    closed = false;
    begin(resumedStream, first);
  }

  /** {@return the position of the last event read; initially that of the subscription itself} */
  public Position position() {
    return position;
  }

  /**
   * {@return whether all events after the requested position are delivered; false if no position
   * was requested or a gap follows}
   */
  public boolean resumed() {
    return resumed;
  }

  /** Unsubscribes. The subscription can be resumed. */
  @Override
  public void close() {
    closed = true;
    stream.close();
    // Wakes a blocked reader even if the stream had already ended.
    stream.items.add(Stream.END);
  }

  /** Buffer of events, followed by how the stream ended. */
  private static final class Stream extends EventStream {
    private static final Object END = new Object();

    /** Events, then an exception or {@link #END}. Bounded by the number of requested events. */
    final BlockingQueue<Object> items = new LinkedBlockingQueue<>();

    Stream(Client client, SubscribeOptions options, Duration deadline) {
      super(client.connection(), options.toWire(), null, deadline);
    }

    @Override
    void onEvent(SubscribeMessagesResponse event) {
      items.add(event);
    }

    @Override
    void onEnd(PagewireException why) {
      items.add(why == null ? END : why);
    }
  }
}
