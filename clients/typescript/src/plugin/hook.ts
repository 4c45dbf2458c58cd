/** The stream of a hook: the daemon sends calls, the plugin returns results, matched by call id. */

import type { Channel, OpenDuplex } from '../channel.js';
import type { Client } from '../client.js';
import { deferred, within } from '../deferred.js';
import { fromDuration } from '../duration.js';
import { inContext, toRefusal, unexpected, type PagewireError } from '../errors.js';
import { Failure, fromThrown, logText } from '../failure.js';
import type {
  CallCancel,
  FiltersUpdated,
  HookFailure,
  HookOpened,
  HookOptions as WireOptions,
  RequestFilter,
  UpdateFilters,
} from '../generated/pagewire/v1/hooks.js';
import { LiveFilters, type HookFilters } from '../liveFilters.js';
import type { Logger } from '../logger.js';
import type { Method } from '../methods.js';
import type { Awaitable, HookOptions } from './plugin.js';
import type { Start } from './start.js';

/**
 * How long to wait, when a hook finishes, for the daemon to confirm that it makes no further calls. After that the stream
 * is ended anyway.
 */
const WITHDRAWAL_TIMEOUT_MS = 1_000;

/** A message to the daemon on the stream of any hook. */
interface ToDaemon<Open, Result> {
  message:
    | { $case: 'open'; value: Open }
    | { $case: 'result'; value: Result }
    | { $case: 'updateFilters'; value: UpdateFilters }
    | undefined;
}

/** A message of the daemon on the stream of any hook. */
interface FromDaemon<Call> {
  message:
    | { $case: 'opened'; value: HookOpened }
    | { $case: 'call'; value: Call }
    | { $case: 'cancel'; value: CallCancel }
    | { $case: 'filtersUpdated'; value: FiltersUpdated }
    | undefined;
}

/** The argument of a handler, as far as this module uses it. */
interface Cancellable {
  readonly timeRemainingMs: number | undefined;
  cancel(reason: unknown): void;
}

/** A type of hook: input and output of its handler, and the messages of its stream. */
export interface Hook<Open, Call extends { callId: number }, Result, Input, Output> {
  readonly method: Method<ToDaemon<Open, Result>, FromDaemon<Call>>;
  readonly open: (filters: RequestFilter[]) => Open;
  readonly input: (call: Call) => Input;
  readonly result: (callId: number, output: Output, input: Input) => Result;
  readonly failure: (callId: number, failure: HookFailure) => Result;
  readonly handler: (input: Input, client: Client) => Awaitable<Output>;
  /** The name of the hook. */
  readonly name: string;
  /** The length of the body in a result, in bytes. */
  readonly bodyLength: (result: Result) => number;
  /** What a call does, for the log. */
  readonly what: (input: Input) => string;
}

/** An open hook of any type. */
export interface OpenHook {
  /** Resolves when the daemon has opened it; rejects when the daemon refuses it. */
  readonly opened: Promise<void>;
  /**
   * Removes all filters, so that the daemon makes no further calls, finishes the running ones, and then ends the
   * stream. Resolves when the daemon has ended its side.
   */
  finish(): Promise<void>;
  /** Cancels the stream and the running calls. */
  cancel(): void;
}

/** The session in which a hook is opened. */
export interface HookSession {
  readonly pluginName: string;
  readonly channel: Channel;
  readonly client: Client;
  readonly logger: Logger;
  readonly sessionId: string;
  readonly start: Start;
  /** Called when the stream ends, with the error if it did not end gracefully. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** Opens the stream of a hook. */
export function openHook<
  Open,
  Call extends { callId: number },
  Result,
  Input extends Cancellable,
  Output,
>(
  hook: Hook<Open, Call, Result, Input, Output>,
  given: HookOptions['filter'],
  session: HookSession,
): OpenHook {
  return new HookStream(hook, given, session);
}

class HookStream<
  Open,
  Call extends { callId: number },
  Result,
  Input extends Cancellable,
  Output,
> implements OpenHook {
  readonly opened: Promise<void>;
  readonly #hook: Hook<Open, Call, Result, Input, Output>;
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #start: Start;
  readonly #stream: OpenDuplex<ToDaemon<Open, Result>>;
  readonly #running = new Map<number, Input>();
  readonly #filters: HookFilters;
  readonly #ended: Promise<void>;
  /** Largest body of a result, in bytes. */
  #maxBodyBytes = Infinity;
  /** Whether the daemon makes no further calls, so that the stream ends after the last running one. */
  #isWithdrawn = false;

  constructor(
    hook: Hook<Open, Call, Result, Input, Output>,
    given: HookOptions['filter'],
    { pluginName, channel, client, logger, sessionId, start, onEnd }: HookSession,
  ) {
    this.#hook = hook;
    this.#client = client;
    this.#logger = logger;
    this.#start = start;
    const isOpened = deferred<void>();
    const isEnded = deferred<void>();
    this.opened = isOpened.promise;
    this.#ended = isEnded.promise;

    /** Names the hook in an error about its filters or options. */
    const named = <Reason extends PagewireError | undefined>(error: Reason) =>
      error?.code === 'INVALID_ARGUMENT'
        ? inContext(`plugin "${pluginName}", ${hook.name}`, error)
        : error;

    const live = given instanceof LiveFilters ? given : new LiveFilters(given);
    const [first, filters] = live.open((filters) => {
      const value = { filters, reportErrors: true };
      this.#stream.write({ message: { $case: 'updateFilters', value } });
    });
    this.#filters = filters;
    const onMessage = ({ message }: FromDaemon<Call>) => {
      switch (message?.$case) {
        case 'call':
          this.#call(message.value);
          break;
        case 'cancel':
          this.#onCancel(message.value);
          break;
        case 'opened':
          this.#maxBodyBytes = message.value.maxBodyBytes || Infinity;
          isOpened.resolve();
          break;
        case 'filtersUpdated':
          filters.answered(named(toRefusal(message.value)));
          break;
      }
    };
    this.#stream = channel.duplex(
      hook.method,
      {
        onMessage,
        onEnd: (reason) => {
          const error = named(reason);
          filters.ended(error);
          this.#cancelCalls(error ?? new Error('the hook is closed'));
          isOpened.reject(error ?? unexpected('the hook ended unexpectedly'));
          isEnded.resolve();
          onEnd(error);
        },
      },
      sessionId,
    );
    this.#stream.write({ message: { $case: 'open', value: hook.open(first) } });
  }

  async finish(): Promise<void> {
    const withdrawn = Promise.race([this.#filters.withdraw(), this.#ended]);
    // An error means that the stream has ended.
    await within(WITHDRAWAL_TIMEOUT_MS, withdrawn).catch(() => undefined);
    this.#isWithdrawn = true;
    this.#endIfIdle();
    await this.#ended;
  }

  cancel(): void {
    this.#cancelCalls(new Error('the plugin has ended'));
    this.#stream.cancel();
  }

  #call(call: Call): void {
    const { callId } = call;
    const input = this.#hook.input(call);
    this.#running.set(callId, input);
    if (this.#start.isOver) {
      this.#handle(callId, input);
      return;
    }
    this.#start.waitInCall(input.timeRemainingMs).then(
      () => {
        // It may have been cancelled meanwhile.
        if (this.#running.has(callId)) this.#handle(callId, input);
      },
      (error: unknown) => this.#failed(callId, error, input),
    );
  }

  // Avoids a promise for synchronous handlers.
  #handle(callId: number, input: Input): void {
    let output;
    try {
      output = this.#hook.handler(input, this.#client);
    } catch (error) {
      this.#failed(callId, error, input);
      return;
    }
    if (isPromise(output)) {
      output.then(
        (value) => this.#done(callId, value, input),
        (error: unknown) => this.#failed(callId, error, input),
      );
    } else {
      this.#done(callId, output, input);
    }
  }

  #done(callId: number, output: Output, input: Input): void {
    let result;
    try {
      result = this.#hook.result(callId, output, input);
      const bytes = this.#hook.bodyLength(result);
      // The daemon would end the connection because of a much larger one.
      if (bytes > this.#maxBodyBytes) {
        const remedy = this.#hook.name === 'serve' ? ' (return a `file`)' : '';
        throw new RangeError(tooLargeText(bytes, this.#maxBodyBytes) + remedy);
      }
    } catch (error) {
      // Without the stack trace, which is the library's.
      this.#failed(callId, new Failure((error as Error).message), input);
      return;
    }
    this.#answer(callId, result);
  }

  #failed(callId: number, error: unknown, input: Input): void {
    // A cancelled call often fails because of that.
    if (!this.#running.has(callId)) return;
    this.#answer(callId, this.#hook.failure(callId, fromThrown(error)));
    this.#logger.error(`${this.#hook.what(input)} failed: ${logText(error)}`);
  }

  #answer(callId: number, value: Result): void {
    // A cancelled call has no result.
    if (!this.#running.delete(callId)) return;
    this.#stream.write({ message: { $case: 'result', value } });
    this.#endIfIdle();
  }

  #onCancel({ callId, reason }: CallCancel): void {
    const input = this.#running.get(callId);
    if (input === undefined) return;
    this.#running.delete(callId);
    input.cancel(
      new DOMException(`the daemon cancelled the call: ${REASONS[reason]}`, 'AbortError'),
    );
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#isWithdrawn && this.#running.size === 0) this.#stream.end();
  }

  #cancelCalls(reason: Error): void {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const input of running) input.cancel(reason);
  }
}

function tooLargeText(bytes: number, limit: number): string {
  return `the result has a body of ${bytes} bytes, and the limit is ${limit}`;
}

const REASONS = [
  'unknown reason',
  'the browser disconnected',
  'its deadline passed',
  'the daemon is stopping',
];

/** Converts options for the wire. */
export function fromOptions(options: HookOptions): WireOptions {
  return {
    maxConcurrentCalls: options.maxConcurrentCalls ?? 0,
    callTimeout: fromDuration(options.callTimeoutMs),
    failureMode: options.failureMode === 'skip' ? 2 : 1,
    forwardRequestHeaders: options.forwardRequestHeaders?.map((name) => name.toLowerCase()) ?? [],
  };
}

/** Whether the result of a handler is a promise. */
export function isPromise<Value>(value: Awaitable<Value>): value is PromiseLike<Value> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
