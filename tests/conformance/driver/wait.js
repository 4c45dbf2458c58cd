/** Waiting: every wait has a name and a bound, and nothing sleeps or polls. */

/** How long anything may take before the case says what it was waiting for. */
export const GUARD_MS = 15_000;

/** What `promise` gives, or an error that names what did not come. */
export async function until(what, promise, ms = GUARD_MS) {
  let timer;
  const guard = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, guard]);
  } finally {
    clearTimeout(timer);
  }
}

/** Things that come one after the other. Each is taken once. */
export class Queue {
  #waiting = new Set();
  #fault;
  entries = [];
  #name;

  constructor(name) {
    this.#name = name;
  }

  add(entry) {
    this.entries.push(entry);
    for (const waiter of this.#waiting) waiter();
  }

  /** Nothing comes any more; who waits is told why. */
  end(fault) {
    this.#fault ??= fault;
    for (const waiter of this.#waiting) waiter();
  }

  /** Takes the first entry. */
  next(what, ms) {
    return this.take(what, () => true, ms);
  }

  /** Takes the first entry that `matches`, and leaves those before it. */
  async take(what, matches, ms) {
    let waiter;
    const taken = new Promise((resolve, reject) => {
      waiter = () => {
        const index = this.entries.findIndex(matches);
        if (index >= 0) resolve(this.entries.splice(index, 1)[0]);
        else if (this.#fault) reject(new Error(this.#fault));
        else return;
        this.#waiting.delete(waiter);
      };
      this.#waiting.add(waiter);
      waiter();
    });
    try {
      return await until(what, taken, ms);
    } catch (error) {
      throw new Error(`${error.message} (waited for ${what}); ${this.summary()}`);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  summary() {
    if (this.entries.length === 0) return `${this.#name} has nothing else`;
    const seen = this.entries.slice(-8).map((entry) => `\n    ${brief(entry)}`).join('');
    return `${this.#name} has ${this.entries.length} entries not taken, lately:${seen}`;
  }
}

/** A value in one short line. */
export function brief(value) {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}... (${text.length} characters)` : text;
}
