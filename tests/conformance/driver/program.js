/** A child process in a process group of its own, with its output lines and its exit. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Queue } from './queue.js';
import { until } from '../../wait.js';

/** A process that takes longer to exit after a stop request is killed, and the case fails. */
const EXIT_TIMEOUT_MS = 10_000;
/** Lines of standard error shown after a failure. */
const SHOWN_LINES = 15;

const running = new Set();
process.on('exit', () => { for (const program of running) program.kill(); });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

export class Program {
  #errors = [];

  constructor(name, file, args, { cwd, env }) {
    this.name = name;
    this.log = new Queue(`the log of ${name}`);
    // A process group of its own, so that descendants can be killed too.
    this.child = spawn(file, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this);
    this.child.stdin.on('error', () => {}); // It may have exited already.
    // 'close' follows the end of the streams; 'error' means that the process could not be started.
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(signal ?? code));
      this.child.once('error', (error) => resolve(error.message));
    });
    this.exited.then((how) => {
      running.delete(this);
      this.log.end(`${name} exited (${how})`);
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.onStdoutLine(line));
    createInterface({ input: this.child.stderr }).on('line', (line) => {
      this.#errors.push(line);
      this.log.add(line);
    });
  }

  /** Called with each line of standard output. */
  onStdoutLine() {}

  /** Waits for a line of standard error that contains `words`, and takes it. */
  logs(words) {
    return this.log.take(`the log line ${JSON.stringify(words)}`, (line) => line.includes(words));
  }

  /** The last lines of standard error, for a failure report. */
  lastLogLines() {
    return this.#errors.slice(-SHOWN_LINES).map((line) => `\n    ${this.name}: ${line}`).join('');
  }

  kill(signal = 'SIGKILL') {
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // It has exited already.
    }
  }

  /** Waits for its exit after `cause`; returns the exit code or signal. */
  async waitForExit(cause) {
    try {
      return await until(`the exit of ${this.name} after ${cause}`, this.exited, EXIT_TIMEOUT_MS);
    } catch (error) {
      this.kill();
      throw error;
    }
  }
}
