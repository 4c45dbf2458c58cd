package dev.pagewire.client;

import dev.pagewire.v1.EventKind;
import dev.pagewire.v1.OverflowPolicy;
import dev.pagewire.v1.SubscribeMessagesRequest;
import java.util.Arrays;
import java.util.List;

/**
 * The events to subscribe to, and where to start. If no kind of event is selected, all messages of
 * all pages are. Immutable.
 */
public final class SubscribeOptions {
  private final SubscribeMessagesRequest wire;

  private SubscribeOptions(SubscribeMessagesRequest.Builder wire) {
    this.wire = wire.build();
  }

  /** {@return options without a kind of event, starting now} */
  public static SubscribeOptions create() {
    return new SubscribeOptions(SubscribeMessagesRequest.newBuilder());
  }

  /** {@return options with messages of all types} */
  public SubscribeOptions messages() {
    return kind(EventKind.EVENT_KIND_MESSAGE);
  }

  /**
   * Adds messages of these types.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions messageTypes(String... types) {
    return messageTypes(Arrays.asList(types));
  }

  /**
   * Adds messages as {@link #messageTypes(String...)} does.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions messageTypes(Iterable<String> types) {
    return new SubscribeOptions(messages().wire.toBuilder().addAllMessageTypes(types));
  }

  /** {@return options with sockets that open, change and close} */
  public SubscribeOptions sockets() {
    return kind(EventKind.EVENT_KIND_SOCKET);
  }

  /**
   * {@return options with console output of pages; pages then forward it to the daemon, which costs
   * them a little}
   */
  public SubscribeOptions console() {
    return kind(EventKind.EVENT_KIND_CONSOLE);
  }

  /** {@return options with uncaught errors in pages} */
  public SubscribeOptions pageErrors() {
    return kind(EventKind.EVENT_KIND_PAGE_ERROR);
  }

  /** {@return options with changes of watched files; needs a daemon that watches} */
  public SubscribeOptions files() {
    return kind(EventKind.EVENT_KIND_FILE);
  }

  /**
   * Restricts the events to those of ready sockets that match a filter.
   *
   * @param filter the conditions
   * @return the options
   */
  public SubscribeOptions fromSockets(SocketFilter filter) {
    return new SubscribeOptions(wire.toBuilder().setSockets(filter.toWire()));
  }

  /**
   * Delivers the events after a position first. Those that the daemon no longer has are reported as
   * a {@link Gap}.
   *
   * @param position the position
   * @return the options
   */
  public SubscribeOptions resumeAfter(Position position) {
    return new SubscribeOptions(
        wire.toBuilder()
            .setResumeAfter(
                dev.pagewire.v1.Position.newBuilder()
                    .setEpoch(position.epoch())
                    .setSequence(position.sequence())));
  }

  /**
   * {@return options that make a gap at the start an error ({@code POSITION_EVICTED} or {@code
   * EPOCH_CHANGED})}
   */
  public SubscribeOptions strictResume() {
    return new SubscribeOptions(wire.toBuilder().setStrictResume(true));
  }

  /**
   * When this subscriber reads too slowly, drops the oldest events and reports a {@link Gap}. By
   * default the subscription ends with {@code SUBSCRIBER_SLOW}.
   *
   * @return the options
   */
  public SubscribeOptions gapsWhenSlow() {
    return new SubscribeOptions(wire.toBuilder().setOverflow(OverflowPolicy.OVERFLOW_POLICY_GAP));
  }

  /**
   * Sets how many events may be queued in the daemon. Default 1024; in any case at most 8 MiB.
   *
   * @param events the number
   * @return the options
   */
  public SubscribeOptions maxQueue(int events) {
    return new SubscribeOptions(wire.toBuilder().setMaxQueue(events));
  }

  /**
   * Omits the content of messages that are larger than this. Default 1 MiB.
   *
   * @param bytes the size
   * @return the options
   */
  public SubscribeOptions maxEventBytes(int bytes) {
    return new SubscribeOptions(wire.toBuilder().setMaxEventBytes(bytes));
  }

  /**
   * Offers to answer the pages' requests among these messages: a page then waits for {@link
   * Client#reply}, up to 20 s. Without any offer the daemon refuses a request at once.
   *
   * @return the options
   */
  public SubscribeOptions answersRequests() {
    return new SubscribeOptions(wire.toBuilder().setAnswersRequests(true));
  }

  /**
   * Offers to answer requests of these types only; otherwise like {@link #answersRequests}. If
   * {@link #messageTypes} is used, it must include them.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions answers(String... types) {
    return answers(Arrays.asList(types));
  }

  /**
   * Offers to answer requests as {@link #answers(String...)} does.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions answers(Iterable<String> types) {
    return new SubscribeOptions(wire.toBuilder().addAllAnswerTypes(types));
  }

  private SubscribeOptions kind(EventKind kind) {
    List<EventKind> kinds = wire.getKindsList();
    return kinds.contains(kind) ? this : new SubscribeOptions(wire.toBuilder().addKinds(kind));
  }

  SubscribeMessagesRequest toWire() {
    return wire;
  }
}
