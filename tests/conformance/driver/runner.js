/** A library's runner: commands go down as lines of JSON, answers and events come up. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Program } from './program.js';
import { Queue, brief } from './wait.js';

export class Runner extends Program {
  #answers = new Map();
  #lastId = 0;

  constructor(name, file, options, args = []) {
    super(name, file, args, options);
    this.events = new Queue(name);
    this.ended.then((how) => this.events.end(`${name} ended (${how})`));
  }

  said(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return this.events.end(`${this.name} said a line that is no JSON: ${brief(line)}`);
    }
    if ('id' in message) this.#answerOf(message.id).add(message);
    else this.events.add(message);
  }

  /** Gives a command; its answer is for `answer`. */
  tell(command) {
    const id = ++this.#lastId;
    this.#answerOf(id);
    this.child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return id;
  }

  answer(id, what, ms) {
    return this.#answerOf(id).next(`the answer to ${what}`, ms);
  }

  #answerOf(id) {
    if (!this.#answers.has(id)) {
      const queue = new Queue(`the answers of ${this.name}`);
      this.#answers.set(id, queue);
      this.ended.then((how) => queue.end(`${this.name} ended (${how})`));
    }
    return this.#answers.get(id);
  }

  /** Ends its standard input: it leaves in order. */
  async close() {
    this.child.stdin.end();
    const how = await this.leaves('the end of its standard input');
    if (how !== 0) throw new Error(`${this.name} ended with ${how}, not with 0`);
  }
}

/**
 * A runner that the daemon spawns. What it says comes through a named pipe, whose end is the end of
 * the last process that has it.
 */
export class SpawnedRunner extends Runner {
  #pidFile;

  constructor(name, pipe, pidFile, options) {
    const made = spawnSync('mkfifo', [pipe]);
    if (made.status !== 0) throw new Error(`mkfifo: ${made.error ?? made.stderr}`);
    super(name, 'cat', options, [pipe]);
    this.#pidFile = pidFile;
  }

  /** The words for `--plugin`. */
  static command(runner, commands, pipe, pidFile) {
    return `sh -c 'echo $$ >${pidFile}; exec ${runner} ${commands} >${pipe}'`;
  }

  async close() {
    this.kill();
    await this.leaves('the end of the case');
    try {
      process.kill(-Number(readFileSync(this.#pidFile, 'utf8')), 'SIGKILL');
    } catch {
      // It has left, as it should.
    }
  }
}
