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
 * A subscription in force: an iterator of events, in the order of the daemon's log.
 *
 * <p>Reading it waits as long as nothing happens. It ends when the daemon ends it in order, and
 * fails when the connection is lost; then it does not come back by itself: {@link #resume} goes on
 * after the last event. A program that is another run of itself subscribes with {@link
 * SubscribeOptions#resumeAfter} the {@link #position} that it kept. To be read by one thread at a
 * time; {@link #close} may be called from anywhere, and ends who waits.
 */
public final class Subscription implements Iterator<Event>, AutoCloseable {
  /** Events that wait here for the reader; beyond them the daemon keeps them, see its bound. */
  private static final int MAX_WAITING = 64;

  private final Client client;
  private final SubscribeOptions options;
  private Stream stream;
  private Position position;
  private boolean resumed;

  /** Events since more were asked for. */
  private int taken;

  /** What {@link #hasNext} has found. */
  private Event next;

  /** The place of the last event that was taken, {@code next} included. */
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
    stream.request(MAX_WAITING);
  }

  static CompletableFuture<Subscription> open(Client client, SubscribeOptions options) {
    Stream stream = new Stream(client, options, client.deadline());
    return stream.opened().thenApply(first -> new Subscription(client, options, stream, first));
  }

  /**
   * Waits for the next event.
   *
   * @return the event; none = the daemon has ended the subscription in order, or it was closed
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
      Object said = take();
      if (!closed && said instanceof SubscribeMessagesResponse event) {
        if (event.hasPosition()) {
          reached = FromWire.position(event.getPosition());
        }
        if (++taken == MAX_WAITING / 2) {
          taken = 0;
          stream.request(MAX_WAITING / 2);
        }
        Optional<Event> known = FromWire.event(event);
        if (known.isPresent()) {
          return known;
        }
        continue;
      }
      // Whoever asks again is told again. What is not read comes again if it is resumed.
      stream.said.add(said);
      if (closed || !(said instanceof PagewireException problem)) {
        return Optional.empty();
      }
      problem.setStackTrace(new Throwable().getStackTrace());
      throw problem;
    }
  }

  private Object take() {
    try {
      return stream.said.take();
    } catch (InterruptedException given) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for an event");
    }
  }

  /**
   * As {@link #read}, for loops.
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
   * As {@link #read}, for loops.
   *
   * @return the event
   * @throws NoSuchElementException when the subscription has ended
   */
  @Override
  public Event next() {
    return read().orElseThrow(() -> new NoSuchElementException("the subscription has ended"));
  }

  /**
   * Subscribes again after the last event that was read, on the client that it was made with, which
   * dials again if it must. What the daemon no longer holds is reported by a {@link Gap}, all that
   * happened before another run of the daemon too; or is an error with {@link
   * SubscribeOptions#strictResume}.
   *
   * @throws RpcException with {@code POSITION_EVICTED} or {@code EPOCH_CHANGED}, among those of
   *     {@link Client#subscribe}. It is as it was before then, and can be resumed later
   */
  public void resume() {
    Stream again = new Stream(client, options.resumeAfter(reached), client.deadline());
    SubscribeMessagesResponse first = Transport.await(again.opened());
    stream.close();
    closed = false;
    begin(again, first);
  }

  /** {@return the place of the last event that was read; at first, of the subscription itself} */
  public Position position() {
    return position;
  }

  /**
   * {@return whether everything after the position asked for is delivered; false when none was
   * asked for, or a gap follows}
   */
  public boolean resumed() {
    return resumed;
  }

  /** Unsubscribes: nothing more is read. It can be resumed. */
  @Override
  public void close() {
    closed = true;
    stream.close();
    // For who waits, should the stream have ended before.
    stream.said.add(Stream.END);
  }

  /** The events that wait, and how it ended. */
  private static final class Stream extends EventStream {
    private static final Object END = new Object();

    /** Events, then an exception or the end. Bounded by what is asked for. */
    final BlockingQueue<Object> said = new LinkedBlockingQueue<>();

    Stream(Client client, SubscribeOptions options, Duration deadline) {
      super(client.connection(), options.toWire(), null, deadline);
    }

    @Override
    void event(SubscribeMessagesResponse event) {
      said.add(event);
    }

    @Override
    void ended(PagewireException why) {
      said.add(why == null ? END : why);
    }
  }
}
