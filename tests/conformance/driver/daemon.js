/** The daemon under test, as a process that cases start, stop and query. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from './program.js';
import { Queue } from './queue.js';
import { until } from '../../wait.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** The binary under test. */
export const PAGEWIRE = path.resolve(process.env.PAGEWIRE_BIN ?? path.join(ROOT, 'target/debug/pagewire'));

class DaemonProcess extends Program {
  stdoutLines = new Queue('standard output of the daemon');

  onStdoutLine(line) {
    this.stdoutLines.add(line);
  }
}

/** `pagewire serve` for one folder. It can be killed and started again at the same addresses. */
export class Daemon {
  #process;
  #args;
  #options;
  /** The arguments that name the addresses; they persist across restarts. */
  #addresses = ['--port', '0'];

  /** @param env has `XDG_RUNTIME_DIR` and no `PAGEWIRE_*` variable */
  constructor(name, site, args, env) {
    this.name = name;
    this.site = site;
    this.#args = args;
    this.#options = { cwd: site, env };
  }

  async start() {
    const ownControl = this.#args.includes('--control');
    if (!ownControl && !this.control) this.#addresses.push('--control', '127.0.0.1:0');
    this.#process = new DaemonProcess(this.name, PAGEWIRE,
      ['serve', this.site, ...this.#addresses, ...this.#args], this.#options);
    this.#process.exited.then((how) => this.#process.stdoutLines.end(`${this.name} exited (${how})`));
    const ready = JSON.parse(await this.#process.stdoutLines.next(`the ready line of ${this.name}`));
    this.origin = ready.http;
    this.control = ready.control;
    this.token = ready.token_file ? (await readFile(ready.token_file, 'utf8')).trim() : '';
    this.tokenFile = ready.token_file ?? '';
    const { port } = new URL(ready.http);
    this.#addresses = ['--port', port, ...(ownControl ? [] : ['--control', ready.control])];
  }

  /** Kills it without a graceful stop, to simulate a crash. */
  async kill() {
    this.#process.kill();
    await this.#process.waitForExit('SIGKILL');
  }

  /** Stops it gracefully. */
  async stop() {
    this.#process.child.kill('SIGTERM');
    const how = await this.#process.waitForExit('SIGTERM');
    if (how !== 0) throw new Error(`${this.name} exited with ${how} after SIGTERM instead of 0`);
  }

  /** Stops it, whatever its state. */
  async end() {
    this.#process?.kill('SIGTERM');
    await this.#process?.waitForExit('the end of the case');
  }

  /** Waits for a log line that contains this text. */
  logs(words) {
    return this.#process.logs(words);
  }

  /** The rows that `pagewire COMMAND --json` prints. */
  async lists(command) {
    const env = { ...this.#options.env, PAGEWIRE_ENDPOINT: this.control, PAGEWIRE_TOKEN: this.token };
    const done = new Promise((resolve, reject) => {
      execFile(PAGEWIRE, [command, '--json'], { env }, (error, stdout, stderr) => {
        // Exit code 3: no page is connected.
        if (error && error.code !== 3) reject(new Error(`pagewire ${command}: ${stderr}`));
        else resolve(stdout);
      });
    });
    const lines = (await until(`the exit of pagewire ${command}`, done)).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  }

  lastLogLines() {
    return this.#process?.lastLogLines() ?? '';
  }
}
