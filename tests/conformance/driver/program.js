/** A process that we started, in a group of its own, with its lines and its end. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Queue, until } from './wait.js';

/** How long a process may take to leave when it is told to. */
const LEAVE_MS = 10_000;
/** Lines of standard error that a failure shows. */
const SHOWN_LINES = 15;

const running = new Set();
process.on('exit', () => { for (const program of running) program.kill(); });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

export class Program {
  #errors = [];

  constructor(name, file, args, { cwd, env }) {
    this.name = name;
    this.log = new Queue(`the log of ${name}`);
    // A group of its own, so that nothing of it outlives us.
    this.child = spawn(file, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this);
    this.child.stdin.on('error', () => {}); // It left first.
    // 'close' comes when the streams have ended too; 'error' when there never was a process.
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(signal ?? code));
      this.child.once('error', (error) => resolve(error.message));
    });
    this.ended.then((how) => {
      running.delete(this);
      this.log.end(`${name} ended (${how})`);
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.said(line));
    createInterface({ input: this.child.stderr }).on('line', (line) => {
      this.#errors.push(line);
      this.log.add(line);
    });
  }

  /** A line of standard output. */
  said() {}

  /** What standard error said last, for people. */
  lastWords() {
    return this.#errors.slice(-SHOWN_LINES).map((line) => `\n    ${this.name}: ${line}`).join('');
  }

  kill(signal = 'SIGKILL') {
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // It has ended already.
    }
  }

  /** Its end, which something has brought about: exit code or signal. */
  async leaves(why) {
    try {
      return await until(`the end of ${this.name} after ${why}`, this.ended, LEAVE_MS);
    } catch (error) {
      this.kill();
      throw error;
    }
  }
}
