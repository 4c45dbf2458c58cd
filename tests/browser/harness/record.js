/** Append-only record of events, whose entries can be awaited. */

import { EventEmitter } from 'node:events';
import { TIMEOUT_MS, until } from '../../wait.js';

/** Entries in order of arrival; nothing is ever removed. */
export class Record {
  entries = [];
  #changes = new EventEmitter().setMaxListeners(0);

  add(entry) {
    this.entries.push(entry);
    this.#changes.emit('entry', entry);
  }

  /** Resolves with the first entry at or after index `from` that `matches`, be it present already or yet to come. */
  async first(what, matches, from = 0, ms = TIMEOUT_MS) {
    const found = this.entries.slice(from).find(matches);
    if (found !== undefined) return found;
    let listener;
    const future = new Promise((resolve) => {
      listener = (entry) => { if (matches(entry)) resolve(entry); };
      this.#changes.on('entry', listener);
    });
    try {
      return await until(what, future, ms);
    } catch (error) {
      const latest = this.entries.slice(-20).map((entry) => `\n  ${summary(entry)}`).join('');
      throw new Error(`${error.message}; the latest of ${this.entries.length} entries:${latest}`);
    } finally {
      this.#changes.off('entry', listener);
    }
  }
}

const summary = (entry) =>
  (typeof entry === 'string' ? entry : entry.text ?? JSON.stringify(entry)).slice(0, 300);
