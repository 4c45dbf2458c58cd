/** The environment of one case: daemons, runners, pages, and pending responses. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Daemon } from './daemon.js';
import { Link } from './link.js';
import { fill } from './match.js';
import { Page } from './page.js';
import { Runner, SpawnedRunner } from './runner.js';

const SITE = { 'index.html': '<!doctype html><title>t</title><body>hello</body>' };

export class World {
  #library;
  #daemons = new Map();
  #runners = new Map();
  #pages = new Map();
  #link;
  #env;
  /** Default environment variables and working folder of runners. */
  #defaults;
  folder;
  /** Rejects when a runner exits unexpectedly, because then nothing that is awaited would arrive. */
  failed;
  #fail;
  #isTearingDown = false;
  /** Responses that are checked later, by name. */
  later = new Map();

  constructor(library) {
    this.#library = library;
    this.failed = new Promise((_, reject) => { this.#fail = reject; });
    this.failed.catch(() => {}); // It may never be awaited.
  }

  /** Creates what a case declares. */
  async setUp({ site = SITE, daemon = [], env = {}, folder = '${SITE}', link = false, spawned }) {
    this.folder = await mkdtemp(path.join(tmpdir(), 'pagewire-conformance-'));
    // Settings of the person at this machine must not affect a case.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PAGEWIRE_'));
    this.#env = { ...Object.fromEntries(inherited), XDG_RUNTIME_DIR: this.folder, XDG_DATA_HOME: this.folder };
    this.#defaults = { env, folder };
    if (daemon === false) return;
    const args = [...daemon];
    if (spawned) args.push('--plugin', await this.#setUpSpawnedRunner(spawned));
    await this.startDaemon('main', { site, args });
    if (link) {
      this.#link = new Link();
      await this.#link.open(this.daemon().control);
    }
  }

  async #setUpSpawnedRunner(commands) {
    const [pipe, pidFile] = ['pipe', 'pid'].map((name) => path.join(this.folder, name));
    const file = await this.#commandFile('spawned', commands);
    const runner = new SpawnedRunner('spawned', pipe, pidFile, { env: this.#env, cwd: this.folder });
    this.#runners.set('spawned', runner);
    return SpawnedRunner.command(this.#library.runner, file, pipe, pidFile);
  }

  /** Expands the placeholders in a value of a case. */
  fill(value) {
    return fill(value, (name) => this.#lookup(name));
  }

  #lookup(name) {
    const [first, second] = name.split('.');
    const page = this.#pages.get(first);
    if (page) return second ? page[second] : page.id;
    if (name === 'TEMP') return this.folder;
    if (name === 'LINK') return this.#link.address;
    const [daemon, what] = second ? [first, second] : ['main', first];
    const fields = { SITE: 'site', ORIGIN: 'origin', CONTROL: 'control', TOKEN: 'token', TOKEN_FILE: 'tokenFile' };
    const value = this.#daemons.get(daemon)?.[fields[what]];
    if (value === undefined) throw new Error(`unknown placeholder: \${${name}}`);
    return value;
  }

  /** Starts a daemon. One that has run before under this name gets the same addresses. */
  async startDaemon(name, { site = SITE, root = name, args = [] } = {}) {
    if (!this.#daemons.has(name)) {
      const folder = path.join(this.folder, root);
      await mkdir(folder, { recursive: true });
      this.#daemons.set(name, new Daemon(`daemon ${name}`, folder, this.fill(args), this.#env));
      await this.write(this.fill(site), name);
    }
    await this.daemon(name).start();
  }

  daemon(name = 'main') {
    const daemon = this.#daemons.get(name);
    if (!daemon) throw new Error(`no daemon is named ${name}`);
    return daemon;
  }

  /** Writes files, relative to the folder of a daemon; a value that is not a string is written as JSON. */
  async write(files, daemon = 'main', mode = 0o644) {
    for (const [name, text] of Object.entries(files)) {
      const file = path.resolve(this.daemon(daemon).site, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, typeof text === 'string' ? text : JSON.stringify(text), { mode });
    }
  }

  /** Starts a runner; with `commands` it reads them from a file instead of its standard input. */
  async startRunner(name, { commands, ...options } = {}) {
    return this.#start(name, options, commands ? [await this.#commandFile(name, commands)] : []);
  }

  async #commandFile(name, commands) {
    const file = path.join(this.folder, `commands-${name}`);
    const lines = commands.map((command, id) => JSON.stringify({ id, ...command }));
    await writeFile(file, `${lines.join('\n')}\n`);
    return file;
  }

  #start(name, { env = this.#defaults.env, folder = this.#defaults.folder } = {}, args = []) {
    const linked = this.#link
      ? { PAGEWIRE_ENDPOINT: this.#link.address, PAGEWIRE_TOKEN: this.daemon().token } : {};
    const runner = new Runner(`runner ${name}`, this.#library.runner, {
      cwd: this.fill(folder), env: { ...this.#env, ...linked, ...this.fill(env) },
    }, args);
    this.#runners.set(name, runner);
    runner.exited.then((how) => {
      const isExpected = this.#runners.get(name) !== runner || this.#isTearingDown;
      if (!isExpected) this.#fail(new Error(`${runner.name} exited (${how})`));
    });
    return runner;
  }

  /** The runner of this name, started at first use. */
  runner(name = 'one') {
    return this.#runners.get(name) ?? this.#start(name);
  }

  /** Removes a runner that exits; the next one of this name is another process. */
  removeRunner(name = 'one') {
    const runner = this.#runners.get(name);
    if (!runner) throw new Error(`no runner is named ${name}`);
    this.#runners.delete(name);
    return runner;
  }

  async openPage(name, url, hello, daemon, pong) {
    const page = new Page(name, this.daemon(daemon).origin);
    this.#pages.get(name)?.terminate();
    this.#pages.set(name, page);
    await page.open(url, hello, pong);
  }

  page(name = 'a') {
    const page = this.#pages.get(name);
    if (!page) throw new Error(`no page is named ${name}`);
    return page;
  }

  /** The pages that a step names: one, a list, or `name*`. */
  pages(names = 'a') {
    return [names].flat().flatMap((name) => {
      if (!name.endsWith('*')) return [this.page(name)];
      return [...this.#pages.values()].filter((page) => page.name.startsWith(name.slice(0, -1)));
    });
  }

  get link() {
    return this.#link;
  }

  /** The last log lines of all programs. */
  report() {
    return [...this.#runners.values(), ...this.#daemons.values()].map((one) => one.lastLogLines()).join('');
  }

  /** Stops everything; after a failure runners are killed instead of stopped. */
  async tearDown(failed) {
    this.#isTearingDown = true;
    const steps = [
      ...[...this.#pages.values()].map((page) => () => page.terminate()),
      ...[...this.#runners.values()].map((runner) => async () => {
        if (failed) runner.kill();
        else await runner.close();
      }),
      () => this.#link?.close(),
      ...[...this.#daemons.values()].map((daemon) => () => daemon.end()),
      async () => { if (this.folder) await rm(this.folder, { recursive: true, force: true }); },
    ];
    let failure;
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure && !failed) throw failure;
  }
}
