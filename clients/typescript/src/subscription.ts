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

/** Events that wait here for the program; beyond it the daemon keeps them. Default 256. */
const MAX_WAITING = 256;

/** What to be told of, and from where on. Nothing said: every message of every page, from now on. */
export interface SubscribeOptions {
  /** Messages of pages. Default: if no other kind is asked for. */
  readonly messages?: boolean;
  /** Messages of these types only; asks for messages too. */
  readonly messageTypes?: readonly string[];
  /** Sockets that open, change and close. */
  readonly sockets?: boolean;
  /** Console output of pages; has the daemon forward it, which costs the pages a little. */
  readonly console?: boolean;
  /** Errors in pages that no code of theirs took. */
  readonly pageErrors?: boolean;
  /** Watched files that change. Needs a daemon that watches. */
  readonly files?: boolean;
  /** Only events of ready sockets that match. Default all. */
  readonly from?: SocketFilter;
  /** First what came after this. What the daemon no longer holds is a gap. Default: from now on. */
  readonly resumeAfter?: Position;
  /** Fails with `POSITION_EVICTED` or `EPOCH_CHANGED` instead of beginning with a gap. */
  readonly strict?: boolean;
  /** Drops the oldest events when they are read too slowly, with a gap. Default: ends with `SUBSCRIBER_SLOW`. */
  readonly gapsWhenSlow?: boolean;
  /** Events that may wait in the daemon. Default 1024; 8 MiB at most whatever the number. */
  readonly maxQueue?: number;
  /** Leaves out the content of larger messages. Default 1 MiB. */
  readonly maxEventBytes?: number;
  /** Offers to answer the pages' requests among these messages, with `client.reply`. Default false. */
  readonly answersRequests?: boolean;
  /** Offers to answer requests of these types alone. Each must be among `messageTypes`, if those are chosen. */
  readonly answers?: readonly string[];
}

interface Waiting {
  resolve(result: IteratorResult<Event, undefined>): void;
  reject(error: unknown): void;
}

/**
 * A subscription in force: its events, in the order of the daemon's log. Iterate over it, once.
 *
 * An error ends it; without one it ends when the daemon stops. Leaving the loop, or `close`, unsubscribes. A
 * gap is an event.
 */
export class Subscription implements AsyncIterableIterator<Event, undefined> {
  /** Everything after `resumeAfter` comes. False when none was given, or a gap follows. */
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

  /** The place of the last event that was taken, or of the beginning. */
  get position(): Position {
    return this.#position;
  }

  /** The next event; done when the daemon ended the subscription, or `close` did. */
  async next(): Promise<IteratorResult<Event, undefined>> {
    const result = await this.#source.next();
    if (!result.done) this.#position = result.value.position;
    return result;
  }

  /** Unsubscribes. Who waits for an event is told that there is none. */
  close(): void {
    this.#source.close();
  }

  /**
   * Ends this subscription and opens it again after its last position, with whatever gap the daemon reports; with
   * the same options, unless some are changed. When that fails it can be tried again later.
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

  /** Itself: it is iterated over once. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Subscribes, and returns once the subscription is in force. */
export function subscribe(
  channel: Channel,
  options: SubscribeOptions,
  signal?: AbortSignal,
): Promise<Subscription> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const source = new Source();
    const giveUp = () => {
      source.close();
      reject(signal?.reason as Error);
    };
    let begun = false;
    const stream = channel.read(subscribeMessages, toRequest(options), {
      onMessage: (response) => {
        if (begun) {
          source.push(response);
          return;
        }
        begun = true;
        const { event } = response;
        if (event?.$case === 'subscribed') {
          const first = {
            position: toPosition(response.position),
            resumed: event.value.resumed,
          };
          resolve(new Subscription(channel, options, source, first));
        } else {
          reject(unexpected('a subscription that does not begin with `subscribed`'));
        }
      },
      onEnd: (error) => {
        signal?.removeEventListener('abort', giveUp);
        source.finish(error);
        if (!begun) reject(error ?? unexpected('a subscription that ended at once'));
      },
    });
    source.open(stream);
    signal?.addEventListener('abort', giveUp, { once: true });
  });
}

/** A stream's events, until somebody takes them. */
class Source {
  #stream: OpenStream | undefined;
  #events: Event[] = [];
  #waiting: Waiting[] = [];
  #ended = false;
  #error: PagewireError | undefined;

  open(stream: OpenStream): void {
    this.#stream = stream;
  }

  push(response: SubscribeMessagesResponse): void {
    if (this.#ended) return;
    const event = toEvent(response);
    // One of a later version is passed over.
    if (event === undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    if (this.#events.length === MAX_WAITING) this.#stream?.pause();
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    const event = this.#events.shift();
    if (event !== undefined) {
      if (this.#events.length === MAX_WAITING - 1) this.#stream?.resume();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      // An iterator that has failed is at its end.
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  finish(error: PagewireError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve({ done: true, value: undefined });
    else first.reject(error);
    for (const waiting of others) waiting.resolve({ done: true, value: undefined });
  }

  close(): void {
    this.#events = [];
    this.finish(undefined);
    this.#error = undefined;
    this.#stream?.cancel();
    this.#stream?.resume();
  }
}

/** A subscription as the daemon takes it. */
export function toRequest(options: SubscribeOptions): SubscribeMessagesRequest {
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
