/** The processes of a test: the daemon, plugins, commands, scripts, backends. */

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { PAGEWIRE } from './environment.js';
import { Record } from './record.js';
import { until } from '../../wait.js';

/** A program that takes longer to exit after a signal is killed, and the test fails. */
const EXIT_TIMEOUT_MS = 5_000;

/** Large applications start slowly on a busy machine. */
const BACKEND_START_MS = 60_000;

/** A child process, its output lines, and its exit. */
export class Program {
  stdout = new Record();
  stderr = new Record();

  constructor(name, file, args, env, cwd) {
    if (!existsSync(file)) throw new Error(`no ${file} (build it: cargo build --bins --examples)`);
    this.name = name;
    // Standard input stays open: some programs exit at its end.
    this.child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    // 'close' follows the end of the streams; 'error' means that the process could not be started.
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(signal ?? code));
      this.child.once('error', (error) => resolve(error.message));
    });
    this.child.stdin.on('error', () => {}); // It may have exited already.
    for (const stream of ['stdout', 'stderr']) {
      createInterface({ input: this.child[stream] }).on('line', (line) => this[stream].add(line));
    }
  }

  /** Writes a line to its standard input. */
  writeLine(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** The first matching line of standard output; rejects if the program exits first. */
  line(what, matches = () => true, ms = undefined) {
    return this.unlessItExits(what, this.stdout.first(what, matches, 0, ms));
  }

  /** Resolves as `promise` does; rejects if the program exits first. */
  unlessItExits(what, promise) {
    const exit = this.exited.then((status) => {
      throw new Error(`${this.name} exited (${status}) before ${what}:\n${this.stderr.entries.join('\n')}`);
    });
    promise.catch(() => {}); // The race below may have reported the exit instead.
    return Promise.race([promise, exit]);
  }

  /** Stops it with SIGSTOP. A signal takes effect later than `kill` returns, in each thread by itself. */
  async pause() {
    this.child.kill('SIGSTOP');
    const tasks = `/proc/${this.child.pid}/task`;
    const state = async (task) => /\) (\S)/.exec(await readFile(`${tasks}/${task}/stat`, 'utf8'))[1];
    while ((await Promise.all((await readdir(tasks)).map(state))).some((letter) => letter !== 'T'));
  }

  /** Ends standard input, sends a signal and waits for the exit; returns the exit code or signal. */
  async stop(signal = 'SIGTERM') {
    this.child.stdin.end();
    this.child.kill(signal);
    try {
      return await until(`the exit of ${this.name} after ${signal}`, this.exited, EXIT_TIMEOUT_MS);
    } catch (error) {
      this.child.kill('SIGKILL');
      await this.exited;
      throw error;
    }
  }
}

/** `pagewire serve`, and the command line that talks to it. */
export class Daemon extends Program {
  /** The origin of its pages, without a trailing slash. */
  origin;
  /** The environment in which plugins and commands find it. */
  env;

  async ready(env) {
    const ready = JSON.parse(await this.line('the ready line of the daemon'));
    this.origin = new URL(/^\w+:\/\//.test(ready.http) ? ready.http : `http://${ready.http}`).origin;
    const token = ready.token_file ? (await readFile(ready.token_file, 'utf8')).trim() : '';
    this.env = { ...env, PAGEWIRE_ENDPOINT: ready.control, PAGEWIRE_TOKEN: token };
    return this;
  }

  /** Runs `pagewire ...`, which must exit with 0; returns its standard output. */
  async cli(...args) {
    return (await this.#run(args, [0])).stdout;
  }

  /** Runs `pagewire ...`, which must exit with `code`; returns its standard error. */
  async refuses(code, ...args) {
    return (await this.#run(args, [code])).stderr;
  }

  /** Runs `pagewire COMMAND --json ...`; returns the printed values, even if a page failed or is missing. */
  async rows(command, ...args) {
    const { stdout } = await this.#run([command, '--json', ...args], [0, 1, 3]);
    return stdout.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
  }

  sockets() {
    return this.rows('sockets');
  }

  async socket(socketId) {
    return (await this.sockets()).find((socket) => socket.socket_id === socketId);
  }

  async #run(args, allowedCodes) {
    const what = `pagewire ${args.join(' ')}`;
    let child;
    const result = new Promise((resolve, reject) => {
      child = execFile(PAGEWIRE, args, { env: this.env }, (error, stdout, stderr) => {
        const status = error ? error.code ?? error.signal : 0;
        if (allowedCodes.includes(status)) resolve({ stdout, stderr });
        else reject(new Error(`${what} exited with ${status}: ${stderr || stdout}`));
      });
    });
    try {
      return await until(`the exit of ${what}`, result);
    } finally {
      child.kill('SIGKILL');
    }
  }
}

/** A shell script that has our `pagewire` in its PATH and may start a detached daemon. */
export class Script extends Program {
  #options;

  constructor(file, folder, env) {
    const options = { cwd: folder, env: { ...env, PATH: `${path.dirname(PAGEWIRE)}:${env.PATH}` } };
    super(`the script ${path.basename(file)}`, '/bin/sh', [file], options.env, folder);
    this.#options = options;
  }

  /** Waits for its exit; returns all lines that it printed. */
  async lines() {
    const status = await until(`the exit of ${this.name}`, this.exited);
    if (status !== 0) throw new Error(`${this.name} exited (${status}):\n${this.stderr.entries.join('\n')}`);
    return this.stdout.entries;
  }

  async stop() {
    await super.stop();
    // A script that failed midway has left its daemon running; otherwise this command fails, which is fine.
    await new Promise((resolve) => { execFile(PAGEWIRE, ['stop'], this.#options, resolve); });
  }
}

/** `pagewire messages`, which follows the event log. */
export class Follower extends Program {
  events = new Record();

  constructor(daemon, kinds) {
    super('pagewire messages', PAGEWIRE, ['messages', '--json', '--kinds', kinds.join(',')], daemon.env);
    createInterface({ input: this.child.stdout }).on('line', (line) => this.events.add(JSON.parse(line)));
  }

  /** Resolves with the first event that `matches`, be it present already or yet to come. */
  first(what, matches) {
    return this.unlessItExits(what, this.events.first(what, matches));
  }
}

/** A site of `tests/backends`. */
export class Backend extends Program {
  port;
  origin;

  async ready() {
    this.port = Number(await this.line('its port', (line) => /^\d+$/.test(line), BACKEND_START_MS));
    this.origin = `http://127.0.0.1:${this.port}`;
    return this;
  }
}
