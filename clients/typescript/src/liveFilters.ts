import { fromFilters, type Filters } from './filter.js';
import type { RequestFilter } from './generated/pagewire/v1/hooks.js';

/** A caller that waits for filters to be in force. */
interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Filters of a hook that can be replaced while its plugin runs, so that an editor, for example, is called only for files
 * with unsaved changes. Pass it as the hook's `filter`. It holds the filters whether the plugin runs or not.
 *
 * ```js
 * const unsaved = new LiveFilters();
 * void run({ name: 'editor', serve: { filter: unsaved, phase: 'first', handler } });
 * await unsaved.set({ file: '/srv/site/style.css' });
 * ```
 */
export class LiveFilters {
  #filters: RequestFilter[];
  readonly #hooks = new Set<HookFilters>();

  /** The initial filters. Default none: the hook is not called. */
  constructor(filters: Filters = []) {
    this.#filters = fromFilters(filters);
  }

  /**
   * Replaces all filters. Returns once they are in force: no later request is matched against the old ones. Of several
   * concurrent calls the last one wins. Returns immediately while the plugin does not run.
   *
   * Fails when the daemon refuses a filter (`FIELD_INVALID`; this ends the plugin). The filters stay set.
   */
  async set(filters: Filters): Promise<void> {
    this.#filters = fromFilters(filters);
    await Promise.all([...this.#hooks].map((hook) => hook.changed()));
  }

  /** @internal Registers a hook: returns the current filters, and sends later ones with `send`. */
  open(send: (filters: RequestFilter[]) => void): [RequestFilter[], HookFilters] {
    const hook = new HookFilters(
      () => send(hook.isWithdrawn ? [] : this.#filters),
      () => this.#hooks.delete(hook),
    );
    this.#hooks.add(hook);
    return [this.#filters, hook];
  }
}

/** Registration of one open hook. */
export class HookFilters {
  isWithdrawn = false;
  readonly #send: () => void;
  readonly #remove: () => void;
  /** Waiters of the update in flight; undefined when there is none. Opening the hook counts as an update. */
  #inFlight: Waiter[] | undefined = [];
  /** Waiters of the next update. Only one update is in flight, so intermediate filters are skipped. */
  #pending: Waiter[] = [];

  constructor(send: () => void, remove: () => void) {
    this.#send = send;
    this.#remove = remove;
  }

  /** Sends the new filters; resolves when they are in force. */
  changed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#next();
    });
  }

  /** Removes all filters of this hook only, and sends no later ones; resolves when that is in force. */
  withdraw(): Promise<void> {
    this.#remove();
    this.isWithdrawn = true;
    return this.changed();
  }

  /** Records that the daemon applies the filters that were sent. */
  inForce(): void {
    for (const waiter of this.#inFlight ?? []) waiter.resolve();
    this.#inFlight = undefined;
    this.#next();
  }

  /** Records the end of the hook: waiters of the update in flight get the error; later filters stay set. */
  ended(error: unknown): void {
    this.#remove();
    for (const waiter of this.#inFlight ?? []) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
    for (const waiter of this.#pending) waiter.resolve();
    this.#inFlight = [];
    this.#pending = [];
  }

  #next(): void {
    if (this.#inFlight !== undefined || this.#pending.length === 0) return;
    this.#inFlight = this.#pending;
    this.#pending = [];
    this.#send();
  }
}
