/** A queue of test observations whose entries can be awaited. */

import { brief, until } from '../../wait.js';

/** Entries in order of arrival. Each is taken once. */
export class Queue {
  #waiters = new Set();
  #failure;
  entries = [];
  #name;

  constructor(name) {
    this.#name = name;
  }

  add(entry) {
    this.entries.push(entry);
    for (const waiter of this.#waiters) waiter();
  }

  /** Declares that no further entry will arrive: current and later waits for a missing one fail with `failure`. */
  end(failure) {
    this.#failure ??= failure;
    for (const waiter of this.#waiters) waiter();
  }

  /** Takes the first entry. */
  next(what, ms) {
    return this.take(what, () => true, ms);
  }

  /** Takes the first entry that `matches`; those before it remain. */
  async take(what, matches, ms) {
    let waiter;
    const taken = new Promise((resolve, reject) => {
      waiter = () => {
        const index = this.entries.findIndex(matches);
        if (index >= 0) resolve(this.entries.splice(index, 1)[0]);
        else if (this.#failure) reject(new Error(this.#failure));
        else return;
        this.#waiters.delete(waiter);
      };
      this.#waiters.add(waiter);
      waiter();
    });
    try {
      return await until(what, taken, ms);
    } catch (error) {
      throw new Error(`${error.message} (waiting for ${what}); ${this.summary()}`);
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  summary() {
    if (this.entries.length === 0) return `${this.#name}: no other entries`;
    const latest = this.entries.slice(-8).map((entry) => `\n    ${brief(entry)}`).join('');
    return `${this.#name}: ${this.entries.length} entries not taken, the latest:${latest}`;
  }
}
