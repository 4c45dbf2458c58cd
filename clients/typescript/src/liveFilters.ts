import type { PagewireError } from './errors.js';
import { fromFilters, type Filters } from './filter.js';
import type { RequestFilter } from './generated/pagewire/v1/hooks.js';

/** An update in flight. Its result is the daemon's error if it was refused. */
interface Update {
  resolve(refused: PagewireError | undefined): void;
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
  /** The last call of `set`; each waits for the one before it. */
  #lastSet: Promise<void> = Promise.resolve();

  /** The initial filters. Default none: the hook is not called. */
  constructor(filters: Filters = []) {
    this.#filters = fromFilters(filters);
  }

  /**
   * Replaces all filters. Returns once they are in force: no later request is matched against the old ones. Concurrent
   * calls take effect in order. Returns immediately while the plugin does not run.
   *
   * Fails when the daemon refuses a filter (`FIELD_INVALID`): the earlier filters stay, and the plugin continues.
   */
  async set(filters: Filters): Promise<void> {
    const next = fromFilters(filters);
    const set = this.#lastSet.then(() => this.#replace(next));
    this.#lastSet = set.catch(() => undefined);
    await set;
  }

  async #replace(next: RequestFilter[]): Promise<void> {
    const earlier = this.#filters;
    this.#filters = next;
    const refused = (await this.#update()).find((error) => error !== undefined);
    if (refused === undefined) return;
    this.#filters = earlier;
    // Of several hooks, others may have accepted the filters. A hook that ends meanwhile has none.
    await this.#update().catch(() => undefined);
    throw refused;
  }

  #update(): Promise<(PagewireError | undefined)[]> {
    return Promise.all([...this.#hooks].map((hook) => hook.update(this.#filters)));
  }

  /** @internal Registers a hook: returns the current filters, and sends later ones with `send`. */
  open(send: (filters: RequestFilter[]) => void): [RequestFilter[], HookFilters] {
    const hook = new HookFilters(send, () => this.#hooks.delete(hook));
    this.#hooks.add(hook);
    return [this.#filters, hook];
  }
}

/** Registration of one open hook. */
export class HookFilters {
  readonly #send: (filters: RequestFilter[]) => void;
  readonly #remove: () => void;
  /** Updates in flight. The daemon answers them in order. */
  #inFlight: Update[] = [];

  constructor(send: (filters: RequestFilter[]) => void, remove: () => void) {
    this.#send = send;
    this.#remove = remove;
  }

  /** Sends filters; resolves when they are in force, or with the error if the daemon refused them. */
  update(filters: RequestFilter[]): Promise<PagewireError | undefined> {
    return new Promise((resolve, reject) => {
      this.#inFlight.push({ resolve, reject });
      this.#send(filters);
    });
  }

  /** Removes all filters of this hook only, and sends no later ones; resolves when that is in force. */
  async withdraw(): Promise<void> {
    this.#remove();
    await this.update([]);
  }

  /** Records the daemon's answer to the oldest update in flight. */
  answered(refused: PagewireError | undefined): void {
    this.#inFlight.shift()?.resolve(refused);
  }

  /** Records the end of the hook: updates in flight get the error. */
  ended(error: unknown): void {
    this.#remove();
    for (const update of this.#inFlight.splice(0)) {
      if (error === undefined) update.resolve(undefined);
      else update.reject(error);
    }
  }
}
