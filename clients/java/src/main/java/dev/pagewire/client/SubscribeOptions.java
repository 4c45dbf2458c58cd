package dev.pagewire.client;

import dev.pagewire.v1.EventKind;
import dev.pagewire.v1.OverflowPolicy;
import dev.pagewire.v1.SubscribeMessagesRequest;
import java.util.Arrays;
import java.util.List;

/**
 * What to be told of, and from where on. Without a kind it is every message of every page.
 * Immutable.
 */
public final class SubscribeOptions {
  private final SubscribeMessagesRequest wire;

  private SubscribeOptions(SubscribeMessagesRequest.Builder wire) {
    this.wire = wire.build();
  }

  /** {@return options without a kind yet, from now on} */
  public static SubscribeOptions create() {
    return new SubscribeOptions(SubscribeMessagesRequest.newBuilder());
  }

  /** {@return with messages of pages, of any type} */
  public SubscribeOptions messages() {
    return kind(EventKind.EVENT_KIND_MESSAGE);
  }

  /**
   * With messages of pages, of these types only.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions messageTypes(String... types) {
    return messageTypes(Arrays.asList(types));
  }

  /**
   * As {@link #messageTypes(String...)}.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions messageTypes(Iterable<String> types) {
    return new SubscribeOptions(messages().wire.toBuilder().addAllMessageTypes(types));
  }

  /** {@return with sockets that open, change and close} */
  public SubscribeOptions sockets() {
    return kind(EventKind.EVENT_KIND_SOCKET);
  }

  /**
   * {@return with console output of pages; has the daemon forward it, which costs them a little}
   */
  public SubscribeOptions console() {
    return kind(EventKind.EVENT_KIND_CONSOLE);
  }

  /** {@return with errors in pages that no code of theirs took} */
  public SubscribeOptions pageErrors() {
    return kind(EventKind.EVENT_KIND_PAGE_ERROR);
  }

  /** {@return with watched files that change; needs a daemon that watches} */
  public SubscribeOptions files() {
    return kind(EventKind.EVENT_KIND_FILE);
  }

  /**
   * Only events of ready sockets that match.
   *
   * @param filter the conditions
   * @return the options
   */
  public SubscribeOptions fromSockets(SocketFilter filter) {
    return new SubscribeOptions(wire.toBuilder().setSockets(filter.toWire()));
  }

  /**
   * Delivers what came after this first. What the daemon no longer holds is reported by a {@link
   * Gap}.
   *
   * @param position the place
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
   * {@return failing with {@code POSITION_EVICTED} or {@code EPOCH_CHANGED} instead of reporting a
   * gap at the start}
   */
  public SubscribeOptions strictResume() {
    return new SubscribeOptions(wire.toBuilder().setStrictResume(true));
  }

  /**
   * When this subscriber reads too slowly, drops the oldest events and reports a {@link Gap}.
   * Default: the subscription ends with {@code SUBSCRIBER_SLOW}.
   *
   * @return the options
   */
  public SubscribeOptions gapsWhenSlow() {
    return new SubscribeOptions(wire.toBuilder().setOverflow(OverflowPolicy.OVERFLOW_POLICY_GAP));
  }

  /**
   * How many events may wait in the daemon. Default 1024; 8 MiB at most whatever the number.
   *
   * @param events the number
   * @return the options
   */
  public SubscribeOptions maxQueue(int events) {
    return new SubscribeOptions(wire.toBuilder().setMaxQueue(events));
  }

  /**
   * Leaves out the content of larger messages. Default 1 MiB.
   *
   * @param bytes the size
   * @return the options
   */
  public SubscribeOptions maxEventBytes(int bytes) {
    return new SubscribeOptions(wire.toBuilder().setMaxEventBytes(bytes));
  }

  /**
   * Offers to answer the pages' requests among these messages: the page then waits for {@link
   * Client#reply}, up to 20 s. Without any offer it is refused at once.
   *
   * @return the options
   */
  public SubscribeOptions answersRequests() {
    return new SubscribeOptions(wire.toBuilder().setAnswersRequests(true));
  }

  /**
   * As {@link #answersRequests}, of these types alone. Each must be among the {@link
   * #messageTypes}, if those are chosen.
   *
   * @param types values of {@code type}, matched exactly
   * @return the options
   */
  public SubscribeOptions answers(String... types) {
    return answers(Arrays.asList(types));
  }

  /**
   * As {@link #answers(String...)}.
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
