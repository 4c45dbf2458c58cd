/** What one case has around it: daemons, runners, pages, and what is still under way. */

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
  /** What runners get beside the usual environment, and the folder they run in, unless told. */
  #defaults;
  folder;
  /** Fails when a runner ends that nobody has told to: nothing that is waited for comes then. */
  broken;
  #break;
  #ending = false;
  /** Answers that are awaited later, by name: functions that take what is expected. */
  later = new Map();

  constructor(library) {
    this.#library = library;
    this.broken = new Promise((_, reject) => { this.#break = reject; });
    this.broken.catch(() => {}); // It may never be asked for.
  }

  /** Makes what a case says of itself. */
  async begin({ site = SITE, daemon = [], env = {}, folder = '${SITE}', link = false, spawned }) {
    this.folder = await mkdtemp(path.join(tmpdir(), 'pagewire-conformance-'));
    // What the person at this machine has set must not reach a case.
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PAGEWIRE_'));
    this.#env = { ...Object.fromEntries(kept), XDG_RUNTIME_DIR: this.folder, XDG_DATA_HOME: this.folder };
    this.#defaults = { env, folder };
    if (daemon === false) return;
    const args = [...daemon];
    if (spawned) args.push('--plugin', await this.#spawned(spawned));
    await this.startDaemon('main', { site, args });
    if (link) {
      this.#link = new Link();
      await this.#link.open(this.daemon().control);
    }
  }

  async #spawned(commands) {
    const [pipe, pidFile] = ['pipe', 'pid'].map((name) => path.join(this.folder, name));
    const file = await this.#commandFile('spawned', commands);
    const runner = new SpawnedRunner('spawned', pipe, pidFile, { env: this.#env, cwd: this.folder });
    this.#runners.set('spawned', runner);
    return SpawnedRunner.command(this.#library.runner, file, pipe, pidFile);
  }

  /** A case's value with its placeholders filled. */
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
    const known = { SITE: 'site', ORIGIN: 'origin', CONTROL: 'control', TOKEN: 'token', TOKEN_FILE: 'tokenFile' };
    const value = this.#daemons.get(daemon)?.[known[what]];
    if (value === undefined) throw new Error(`\${${name}} stands for nothing here`);
    return value;
  }

  /** Starts a daemon; one of this name that was there before comes back at its addresses. */
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
    if (!daemon) throw new Error(`there is no daemon ${name}`);
    return daemon;
  }

  /** Writes files into the folder of a daemon, or with absolute paths elsewhere; texts, or values as JSON. */
  async write(files, daemon = 'main', mode = 0o644) {
    for (const [name, text] of Object.entries(files)) {
      const file = path.resolve(this.daemon(daemon).site, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, typeof text === 'string' ? text : JSON.stringify(text), { mode });
    }
  }

  /** Starts a runner; with `commands` it has them from a file, and no use for its standard input. */
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
    runner.ended.then((how) => {
      if (this.#runners.get(name) === runner && !this.#ending) this.#break(new Error(`${runner.name} ended (${how})`));
    });
    return runner;
  }

  /** A runner, started when it is first named. */
  runner(name = 'one') {
    return this.#runners.get(name) ?? this.#start(name);
  }

  /** Forgets a runner that has ended: the next of this name is another process. */
  drop(name = 'one') {
    const runner = this.#runners.get(name);
    if (!runner) throw new Error(`there is no runner ${name}`);
    this.#runners.delete(name);
    return runner;
  }

  async openPage(name, url, hello, daemon, pong) {
    const page = new Page(name, this.daemon(daemon).origin);
    this.#pages.get(name)?.end();
    this.#pages.set(name, page);
    await page.open(url, hello, pong);
  }

  page(name = 'a') {
    const page = this.#pages.get(name);
    if (!page) throw new Error(`there is no page ${name}`);
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

  /** What all programs said last. */
  report() {
    return [...this.#runners.values(), ...this.#daemons.values()].map((one) => one.lastWords()).join('');
  }

  /** Ends everything. After a failure nobody is asked to leave in order. */
  async end(failed) {
    this.#ending = true;
    const ends = [
      ...[...this.#pages.values()].map((page) => () => page.end()),
      ...[...this.#runners.values()].map((runner) => async () => {
        if (failed) runner.kill();
        else await runner.close();
      }),
      () => this.#link?.close(),
      ...[...this.#daemons.values()].map((daemon) => () => daemon.end()),
      async () => { if (this.folder) await rm(this.folder, { recursive: true, force: true }); },
    ];
    let fault;
    for (const end of ends) {
      try {
        await end();
      } catch (error) {
        fault ??= error;
      }
    }
    if (fault && !failed) throw fault;
  }
}
