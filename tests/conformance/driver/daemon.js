/** The real daemon. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from './program.js';
import { Queue, until } from './wait.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** The binary under test. */
export const PAGEWIRE = path.resolve(process.env.PAGEWIRE_BIN ?? path.join(ROOT, 'target/debug/pagewire'));

class Serving extends Program {
  ready = new Queue('standard output of the daemon');

  said(line) {
    this.ready.add(line);
  }
}

/** `pagewire serve` on one folder; it may be killed and started again at the same addresses. */
export class Daemon {
  #process;
  #args;
  #options;
  /** What stays the same over a restart: the arguments that name the addresses. */
  #addresses = ['--port', '0'];

  /** @param env without any variable of ours, but with `XDG_RUNTIME_DIR` */
  constructor(name, site, args, env) {
    this.name = name;
    this.site = site;
    this.#args = args;
    this.#options = { cwd: site, env };
  }

  async start() {
    const ownControl = this.#args.includes('--control');
    if (!ownControl && !this.control) this.#addresses.push('--control', '127.0.0.1:0');
    this.#process = new Serving(this.name, PAGEWIRE,
      ['serve', this.site, ...this.#addresses, ...this.#args], this.#options);
    this.#process.ended.then((how) => this.#process.ready.end(`it ended (${how})`));
    const ready = JSON.parse(await this.#process.ready.next(`the ready line of ${this.name}`));
    this.origin = ready.http;
    this.control = ready.control;
    this.token = ready.token_file ? (await readFile(ready.token_file, 'utf8')).trim() : '';
    this.tokenFile = ready.token_file ?? '';
    const { port } = new URL(ready.http);
    this.#addresses = ['--port', port, ...(ownControl ? [] : ['--control', ready.control])];
  }

  /** Ends it as a crash would. */
  async kill() {
    this.#process.kill();
    await this.#process.leaves('SIGKILL');
  }

  /** Ends it in order. */
  async stop() {
    this.#process.child.kill('SIGTERM');
    const how = await this.#process.leaves('SIGTERM');
    if (how !== 0) throw new Error(`${this.name} ended with ${how} after SIGTERM, not with 0`);
  }

  /** Whatever state it is in, it is gone then. */
  async end() {
    this.#process?.kill('SIGTERM');
    await this.#process?.leaves('the end of the case');
  }

  /** Waits for a line of the log with these words. */
  logs(words) {
    return this.#process.log.take(`the log line ${JSON.stringify(words)}`, (line) => line.includes(words));
  }

  /** What `pagewire COMMAND --json` lists. */
  async lists(command) {
    const env = { ...this.#options.env, PAGEWIRE_ENDPOINT: this.control, PAGEWIRE_TOKEN: this.token };
    const done = new Promise((resolve, reject) => {
      execFile(PAGEWIRE, [command, '--json'], { env }, (error, stdout, stderr) => {
        // 3: nobody is connected.
        if (error && error.code !== 3) reject(new Error(`pagewire ${command}: ${stderr}`));
        else resolve(stdout);
      });
    });
    const lines = (await until(`the end of pagewire ${command}`, done)).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  }

  lastWords() {
    return this.#process?.lastWords() ?? '';
  }
}
