/** The wait for `serverStart`: calls and events that arrive before it has returned wait for it. */

import { deferred } from '../deferred.js';
import { Failure } from '../failure.js';

/** Longest wait of a call for `serverStart`, in ms. After it the page gets 503. */
const MAX_WAIT_MS = 10_000;
/** How long before its deadline a call stops waiting, in ms, so that the page gets 503 instead of a timeout. */
const DEADLINE_MARGIN_MS = 500;

/** The start of a plugin in one session: it is over once `serverStart` has returned. */
export class Start {
  readonly #pluginName: string;
  readonly #returned = deferred<void>();
  #isOver = false;

  constructor(pluginName: string) {
    this.#pluginName = pluginName;
  }

  /** Whether calls and events need not wait. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when `serverStart` has returned; never if it fails, which ends the session. */
  get over(): Promise<void> {
    return this.#returned.promise;
  }

  /** Records that `serverStart` has returned, or that there is none. */
  end(): void {
    this.#isOver = true;
    this.#returned.resolve();
  }

  /** Waits for the start on behalf of a call with this time until its deadline. Rejects when that is too long. */
  async waitInCall(timeRemainingMs = Infinity): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const text = `plugin "${this.#pluginName}" is still starting: server_start has not returned`;
      const giveUp = () => reject(new Failure(text, { status: 503 }));
      timer = setTimeout(giveUp, Math.min(MAX_WAIT_MS, timeRemainingMs - DEADLINE_MARGIN_MS));
      // A call whose session has ended does not keep the process alive.
      timer.unref();
    });
    await Promise.race([this.#returned.promise, late]).finally(() => clearTimeout(timer));
  }
}
