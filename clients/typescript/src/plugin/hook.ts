/** A hook's stream: calls come down, results go up, matched by their ids. */

import type { Channel, OpenDuplex } from '../channel.js';
import type { Client } from '../client.js';
import { deferred } from '../deferred.js';
import { fromDuration } from '../duration.js';
import { unexpected } from '../errors.js';
import { fromThrown } from '../failure.js';
import type {
  CallCancel,
  FiltersUpdated,
  HookFailure,
  HookOpened,
  HookOptions as WireOptions,
  RequestFilter,
  UpdateFilters,
} from '../generated/pagewire/v1/hooks.js';
import { LiveFilters } from '../liveFilters.js';
import type { Method } from '../methods.js';
import type { Awaitable, HookOptions } from './plugin.js';

/** A message to the daemon on any hook's stream. */
interface Up<Open, Result> {
  message:
    | { $case: 'open'; value: Open }
    | { $case: 'result'; value: Result }
    | { $case: 'updateFilters'; value: UpdateFilters }
    | undefined;
}

/** A message of the daemon on any hook's stream. */
interface Down<Call> {
  message:
    | { $case: 'opened'; value: HookOpened }
    | { $case: 'call'; value: Call }
    | { $case: 'cancel'; value: CallCancel }
    | { $case: 'filtersUpdated'; value: FiltersUpdated }
    | undefined;
}

/** What a handler gets. */
interface Cancellable {
  cancel(reason: unknown): void;
}

/** A kind of hook: what its handler makes of what, and the messages of its stream. */
export interface Hook<Open, Call extends { callId: number }, Result, Input, Output> {
  readonly method: Method<Up<Open, Result>, Down<Call>>;
  readonly open: (filters: RequestFilter[]) => Open;
  readonly input: (call: Call) => Input;
  readonly result: (callId: number, output: Output, input: Input) => Result;
  readonly failure: (callId: number, failure: HookFailure) => Result;
  readonly handler: (input: Input, client: Client) => Awaitable<Output>;
}

/** A hook that is open, whatever its kind. */
export interface OpenHook {
  /** When it is in force. Fails when the daemon refuses it. */
  readonly opened: Promise<void>;
  /** Finishes the calls that run, then ends the stream; resolves when the daemon has answered that. */
  finish(): Promise<void>;
  /** Gives the stream up, and with it the calls that run. */
  cancel(): void;
}

/** Where a hook is opened. */
export interface HookPlace {
  readonly channel: Channel;
  readonly client: Client;
  readonly sessionId: string;
  /** Told when the stream ends; the error, if it did not end in order. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** Opens a hook's stream, which implements it. */
export function openHook<
  Open,
  Call extends { callId: number },
  Result,
  Input extends Cancellable,
  Output,
>(
  hook: Hook<Open, Call, Result, Input, Output>,
  given: HookOptions['filter'],
  place: HookPlace,
): OpenHook {
  return new HookStream(hook, given, place);
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
  readonly #stream: OpenDuplex<Up<Open, Result>>;
  readonly #running = new Map<number, Input>();
  readonly #ended: Promise<void>;
  #finishing = false;

  constructor(
    hook: Hook<Open, Call, Result, Input, Output>,
    given: HookOptions['filter'],
    { channel, client, sessionId, onEnd }: HookPlace,
  ) {
    this.#hook = hook;
    this.#client = client;
    const isOpened = deferred<void>();
    const isEnded = deferred<void>();
    this.opened = isOpened.promise;
    this.#ended = isEnded.promise;

    const live = given instanceof LiveFilters ? given : new LiveFilters(given);
    const [first, filters] = live.open((filters) => {
      this.#stream.write({ message: { $case: 'updateFilters', value: { filters } } });
    });
    const onMessage = ({ message }: Down<Call>) => {
      switch (message?.$case) {
        case 'call':
          this.#call(message.value);
          break;
        case 'cancel':
          this.#cancelled(message.value);
          break;
        case 'opened':
          isOpened.resolve();
          filters.inForce();
          break;
        case 'filtersUpdated':
          filters.inForce();
          break;
      }
    };
    this.#stream = channel.duplex(
      hook.method,
      {
        onMessage,
        onEnd: (error) => {
          filters.over(error);
          this.#giveUp(error ?? new Error('the hook is closed'));
          isOpened.reject(error ?? unexpected('a hook that ended by itself'));
          isEnded.resolve();
          onEnd(error);
        },
      },
      sessionId,
    );
    this.#stream.write({ message: { $case: 'open', value: hook.open(first) } });
  }

  finish(): Promise<void> {
    this.#finishing = true;
    if (this.#running.size === 0) this.#stream.end();
    return this.#ended;
  }

  cancel(): void {
    this.#giveUp(new Error('the plugin has ended'));
    this.#stream.cancel();
  }

  // No promise is made for a handler that needs none.
  #call(call: Call): void {
    const { callId } = call;
    const input = this.#hook.input(call);
    this.#running.set(callId, input);
    let output;
    try {
      output = this.#hook.handler(input, this.#client);
    } catch (error) {
      this.#failed(callId, error);
      return;
    }
    if (isPromise(output)) {
      output.then(
        (value) => this.#done(callId, value, input),
        (error: unknown) => this.#failed(callId, error),
      );
    } else {
      this.#done(callId, output, input);
    }
  }

  #done(callId: number, output: Output, input: Input): void {
    let result;
    try {
      result = this.#hook.result(callId, output, input);
    } catch (error) {
      this.#failed(callId, error);
      return;
    }
    this.#answer(callId, result);
  }

  #failed(callId: number, error: unknown): void {
    this.#answer(callId, this.#hook.failure(callId, fromThrown(error)));
  }

  #answer(callId: number, value: Result): void {
    // What was given up is answered no more.
    if (!this.#running.delete(callId)) return;
    this.#stream.write({ message: { $case: 'result', value } });
    if (this.#finishing && this.#running.size === 0) this.#stream.end();
  }

  #cancelled({ callId, reason }: CallCancel): void {
    const input = this.#running.get(callId);
    if (input === undefined) return;
    this.#running.delete(callId);
    input.cancel(new DOMException(`the daemon gave the call up: ${REASONS[reason]}`, 'AbortError'));
    if (this.#finishing && this.#running.size === 0) this.#stream.end();
  }

  #giveUp(reason: Error): void {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const input of running) input.cancel(reason);
  }
}

const REASONS = [
  'no reason is said',
  'the browser is gone',
  'its time is over',
  'the daemon stops',
];

/** Options as the daemon takes them. */
export function fromOptions(options: HookOptions): WireOptions {
  return {
    maxConcurrentCalls: options.maxConcurrentCalls ?? 0,
    callTimeout: fromDuration(options.callTimeoutMs),
    failureMode: options.failureMode === 'skip' ? 2 : 1,
    forwardRequestHeaders: options.forwardRequestHeaders?.map((name) => name.toLowerCase()) ?? [],
  };
}

/** Whether a handler's result is yet to come. */
export function isPromise<Value>(value: Awaitable<Value>): value is PromiseLike<Value> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
