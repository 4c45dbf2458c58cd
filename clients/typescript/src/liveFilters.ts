import { fromFilters, type Filters } from './filter.js';
import type { RequestFilter } from './generated/pagewire/v1/hooks.js';

/** Who waits for filters to be in force. */
interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Filters of a hook that change while its plugin runs: an editor is asked about the files that it has unsaved,
 * say. Pass it as the hook's `filter`. It holds the filters whether a plugin runs or not.
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

  /** The filters to begin with. Default none: the plugin is asked about nothing. */
  constructor(filters: Filters = []) {
    this.#filters = fromFilters(filters);
  }

  /**
   * Replaces all filters. Returns once they are in force: no later request sees the old ones. Of several calls at
   * the same time the last counts. While the plugin does not run it returns at once.
   *
   * Fails when the daemon refuses a filter (`FIELD_INVALID`), which ends the plugin; the filters stay set.
   */
  async set(filters: Filters): Promise<void> {
    this.#filters = fromFilters(filters);
    await Promise.all([...this.#hooks].map((hook) => hook.changed()));
  }

  /** @internal Opens a hook with the filters of the moment; it is told of later ones. */
  open(send: (filters: RequestFilter[]) => void): [RequestFilter[], HookFilters] {
    const hook = new HookFilters(
      () => send(this.#filters),
      () => this.#hooks.delete(hook),
    );
    this.#hooks.add(hook);
    return [this.#filters, hook];
  }
}

/** One open hook's part in its filters. */
export class HookFilters {
  readonly #send: () => void;
  readonly #remove: () => void;
  /** Who waits for what was sent; undefined when nothing is under way. The opening is a sending too. */
  #sent: Waiter[] | undefined = [];
  /** Who waits for what is sent next: one at a time, so that what is set meanwhile is skipped but for the last. */
  #due: Waiter[] = [];

  constructor(send: () => void, remove: () => void) {
    this.#send = send;
    this.#remove = remove;
  }

  /** There are new filters; resolves when they are in force. */
  changed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#due.push({ resolve, reject });
      this.#next();
    });
  }

  /** The daemon has in force what it was sent. */
  inForce(): void {
    for (const waiter of this.#sent ?? []) waiter.resolve();
    this.#sent = undefined;
    this.#next();
  }

  /** The hook is over. Who waits for an update under way is told why; others' filters stay set. */
  over(error: unknown): void {
    this.#remove();
    for (const waiter of this.#sent ?? []) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
    for (const waiter of this.#due) waiter.resolve();
    this.#sent = [];
    this.#due = [];
  }

  #next(): void {
    if (this.#sent !== undefined || this.#due.length === 0) return;
    this.#sent = this.#due;
    this.#due = [];
    this.#send();
  }
}
