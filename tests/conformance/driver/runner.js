/** A library's runner: it reads commands as lines of JSON and prints responses and events as lines of JSON. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Program } from './program.js';
import { Queue } from './queue.js';
import { brief } from '../../wait.js';

export class Runner extends Program {
  #responses = new Map();
  #lastId = 0;

  constructor(name, file, options, args = []) {
    super(name, file, args, options);
    this.events = new Queue(name);
    this.exited.then((how) => this.events.end(`${name} exited (${how})`));
  }

  onStdoutLine(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return this.events.end(`${this.name} printed a line that is not JSON: ${brief(line)}`);
    }
    if ('id' in message) this.#responseQueue(message.id).add(message);
    else this.events.add(message);
  }

  /** Sends a command; returns its id for `response`. */
  send(command) {
    const id = ++this.#lastId;
    this.#responseQueue(id);
    this.child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return id;
  }

  /** Waits for the response to a command. */
  response(id, what, ms) {
    return this.#responseQueue(id).next(`the response to ${what}`, ms);
  }

  #responseQueue(id) {
    if (!this.#responses.has(id)) {
      const queue = new Queue(`responses of ${this.name}`);
      this.#responses.set(id, queue);
      this.exited.then((how) => queue.end(`${this.name} exited (${how})`));
    }
    return this.#responses.get(id);
  }

  /** Closes its standard input, after which it must exit with 0. */
  async close() {
    this.child.stdin.end();
    const how = await this.waitForExit('the end of its standard input');
    if (how !== 0) throw new Error(`${this.name} exited with ${how} instead of 0`);
  }
}

/**
 * A runner that the daemon spawns. Its output arrives through a named pipe, which ends when the last process
 * that holds it exits.
 */
export class SpawnedRunner extends Runner {
  #pidFile;

  constructor(name, pipe, pidFile, options) {
    const made = spawnSync('mkfifo', [pipe]);
    if (made.status !== 0) throw new Error(`mkfifo: ${made.error ?? made.stderr}`);
    super(name, 'cat', options, [pipe]);
    this.#pidFile = pidFile;
  }

  /** The command line for `--plugin`. */
  static command(runner, commands, pipe, pidFile) {
    return `sh -c 'echo $$ >${pidFile}; exec ${runner} ${commands} >${pipe}'`;
  }

  async close() {
    this.kill();
    await this.waitForExit('the end of the case');
    try {
      process.kill(-Number(readFileSync(this.#pidFile, 'utf8')), 'SIGKILL');
    } catch {
      // It has exited, as it should.
    }
  }
}
