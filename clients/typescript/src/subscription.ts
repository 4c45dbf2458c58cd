import { BOOLEAN, COUNT, OBJECT, TEXTS, checkOptions, type Shape } from './check.js';
import type { Channel, OpenStream } from './channel.js';
import { unexpected, type PagewireError } from './errors.js';
import { toEvent, type Event } from './event.js';
import type {
  EventKind,
  SubscribeMessagesRequest,
  SubscribeMessagesResponse,
} from './generated/pagewire/v1/messages.js';
import { subscribeMessages } from './methods.js';
import { toPosition, type Position } from './position.js';
import { fromSocketFilter, type SocketFilter } from './socket.js';

/** Limit of events queued for the program; beyond it the daemon queues them. */
const MAX_QUEUED = 256;

/** Kinds of events and start position of a subscription. Default: all messages of all pages, from now on. */
export interface SubscribeOptions {
  /** Messages of pages. Default: if no other kind is selected. */
  readonly messages?: boolean;
  /** Only messages of these types; selects messages too. */
  readonly messageTypes?: readonly string[];
  /** Sockets that open, change and close. */
  readonly sockets?: boolean;
  /** Console output of pages. Pages report it only while there is a subscriber, at a small cost. */
  readonly console?: boolean;
  /** Errors in pages that their code did not handle. */
  readonly pageErrors?: boolean;
  /** Changed files. Needs a daemon with `--watch`. */
  readonly files?: boolean;
  /** Only events of ready sockets that match the filter. Default all. */
  readonly from?: SocketFilter;
  /** Starts after this position. Events that the daemon no longer holds are a gap. Default: from now on. */
  readonly resumeAfter?: Position;
  /** Fails with `POSITION_EVICTED` or `EPOCH_CHANGED` instead of starting with a gap. */
  readonly strict?: boolean;
  /** Drops the oldest events of a slow subscriber, with a gap. Default: ends with `SUBSCRIBER_SLOW`. */
  readonly gapsWhenSlow?: boolean;
  /** Limit of events that the daemon queues. Default 1024, and at most 8 MiB. */
  readonly maxQueue?: number;
  /** Omits the content of larger messages. Default 1 MiB. */
  readonly maxEventBytes?: number;
  /** Offers to answer the requests among these messages, with `client.reply`. Default false. */
  readonly answersRequests?: boolean;
  /** Offers to answer only requests of these types. Each must be among `messageTypes`, if those are set. */
  readonly answers?: readonly string[];
}

interface Waiter {
  resolve(result: IteratorResult<Event, undefined>): void;
  reject(error: unknown): void;
}

/**
 * An active subscription: its events in the order of the daemon's log. Iterate over it once.
 *
 * It ends with an error, or without one when the daemon stops. Leaving the loop, or `close`, unsubscribes. A gap is an
 * event.
 */
export class Subscription implements AsyncIterableIterator<Event, undefined> {
  /** Whether all events after `resumeAfter` will be delivered. False when it was not given, or a gap follows. */
  readonly resumed: boolean;
  #position: Position;
  readonly #options: SubscribeOptions;
  readonly #channel: Channel;
  readonly #source: Source;

  /** @internal */
  constructor(
    channel: Channel,
    options: SubscribeOptions,
    source: Source,
    first: { position: Position; resumed: boolean },
  ) {
    this.#channel = channel;
    this.#options = options;
    this.#source = source;
    this.#position = first.position;
    this.resumed = first.resumed;
  }

  /** The position of the last event that was read; initially that of the subscription. */
  get position(): Position {
    return this.#position;
  }

  /** The next event; done after the daemon, or `close`, has ended the subscription. */
  async next(): Promise<IteratorResult<Event, undefined>> {
    const result = await this.#source.next();
    if (!result.done) this.#position = result.value.position;
    return result;
  }

  /** Unsubscribes. Pending calls of `next` are done. */
  close(): void {
    this.#source.close();
  }

  /**
   * Ends this subscription and subscribes again after its position, with the same options except for `changes`. Lost
   * events are reported as a gap. After a failure it can be called again.
   */
  async resume(changes: SubscribeOptions = {}): Promise<Subscription> {
    this.close();
    const resumeAfter = this.#position;
    return subscribe(this.#channel, { ...this.#options, resumeAfter, ...changes });
  }

  /** @internal */
  return(): Promise<IteratorResult<Event, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Returns itself, because it can be iterated only once. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Subscribes, and returns once the subscription is active. */
export function subscribe(
  channel: Channel,
  options: SubscribeOptions,
  signal?: AbortSignal,
): Promise<Subscription> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const source = new Source();
    const cancel = () => {
      source.close();
      reject(signal?.reason as Error);
    };
    let hasStarted = false;
    const stream = channel.read(subscribeMessages, toRequest(options), {
      onMessage: (response) => {
        if (hasStarted) {
          source.push(response);
          return;
        }
        hasStarted = true;
        const { event } = response;
        if (event?.$case === 'subscribed') {
          const first = {
            position: toPosition(response.position),
            resumed: event.value.resumed,
          };
          resolve(new Subscription(channel, options, source, first));
        } else {
          reject(unexpected('the first event of the subscription is not `subscribed`'));
        }
      },
      onEnd: (error) => {
        signal?.removeEventListener('abort', cancel);
        source.finish(error);
        if (!hasStarted) reject(error ?? unexpected('the subscription ended immediately'));
      },
    });
    source.open(stream);
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

/** Queue of a stream's events. */
class Source {
  #stream: OpenStream | undefined;
  #events: Event[] = [];
  #waiters: Waiter[] = [];
  #ended = false;
  #error: PagewireError | undefined;

  open(stream: OpenStream): void {
    this.#stream = stream;
  }

  push(response: SubscribeMessagesResponse): void {
    if (this.#ended) return;
    const event = toEvent(response);
    // Skips kinds of events that this version does not know.
    if (event === undefined) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    if (this.#events.length === MAX_QUEUED) this.#stream?.pause();
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) {
      if (this.#events.length === MAX_QUEUED - 1) this.#stream?.resume();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      // An iterator that has failed is done.
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  finish(error: PagewireError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const [first, ...others] = this.#waiters.splice(0);
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve({ done: true, value: undefined });
    else first.reject(error);
    for (const waiter of others) waiter.resolve({ done: true, value: undefined });
  }

  close(): void {
    this.#events = [];
    this.finish(undefined);
    this.#error = undefined;
    this.#stream?.cancel();
    this.#stream?.resume();
  }
}

const OPTIONS: Shape<SubscribeOptions> = {
  messages: BOOLEAN,
  messageTypes: TEXTS,
  sockets: BOOLEAN,
  console: BOOLEAN,
  pageErrors: BOOLEAN,
  files: BOOLEAN,
  from: OBJECT,
  resumeAfter: OBJECT,
  strict: BOOLEAN,
  gapsWhenSlow: BOOLEAN,
  maxQueue: COUNT,
  maxEventBytes: COUNT,
  answersRequests: BOOLEAN,
  answers: TEXTS,
};

/** Converts options for the wire. */
export function toRequest(options: SubscribeOptions): SubscribeMessagesRequest {
  checkOptions('subscribe', options, OPTIONS);
  const kinds: EventKind[] = [];
  if (options.messages || options.messageTypes !== undefined) kinds.push(1);
  if (options.sockets) kinds.push(2);
  if (options.console) kinds.push(3);
  if (options.pageErrors) kinds.push(4);
  if (options.files) kinds.push(5);
  return {
    kinds,
    messageTypes: [...(options.messageTypes ?? [])],
    sockets: options.from && fromSocketFilter(options.from),
    resumeAfter: options.resumeAfter,
    strictResume: options.strict ?? false,
    maxQueue: options.maxQueue ?? 0,
    overflow: options.gapsWhenSlow ? 2 : 1,
    answersRequests: options.answersRequests ?? false,
    maxEventBytes: options.maxEventBytes ?? 0,
    answerTypes: [...(options.answers ?? [])],
  };
}
