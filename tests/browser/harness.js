/**
 * What the browser tests are written in: the real daemon, real plugin processes, the real command
 * line and real headless browsers: Chromium, and Firefox where that is said. Nothing sleeps or polls: a test waits for an event, by name,
 * under one guard.
 *
 *     claim('a page learns of it', async (world) => {
 *       const daemon = await world.daemon();
 *       const page = await world.page(daemon, '/');
 *       await daemon.cli('log', '--all', 'hello');
 *       await page.prints('hello');
 *     });
 */

import { execFile, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGEWIRE = path.resolve(process.env.PAGEWIRE_BIN ?? path.join(ROOT, 'target/debug/pagewire'));
const EXAMPLES = path.join(path.dirname(PAGEWIRE), 'examples');
const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const FIREFOX = process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr';
const CHROMIUM_ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** How long anything may take before the test says what it was waiting for. */
const GUARD_MS = 15_000;
const STOP_MS = 5_000;
const FIREFOX_START_MS = 60_000;

/** The sites of `tests/backends`: how they are started, and what must be installed for them. */
const BACKENDS = {
  aiohttp: {
    program: ['/usr/bin/env', 'python3', path.join(ROOT, 'tests/backends/aiohttp_site.py')],
    packages: path.join(ROOT, 'target/backends'),
  },
  express: {
    program: [process.execPath, path.join(ROOT, 'tests/backends/express_site.js')],
    packages: path.join(ROOT, 'tests/node_modules'),
  },
};

/** Where the npm packages of the tests are. */
export const TESTS = path.join(ROOT, 'tests');
/** The site that comes with the examples. */
export const EXAMPLE_SITE = path.join(ROOT, 'examples/site');

/** Why a browser's tests cannot run on this machine; CI has everything, so there it is a failure. */
const missing = (name, file, variable) =>
  (existsSync(file) ? undefined : `no ${name} at ${file} (set ${variable})`);

/** A test in a world of its own, all of which is gone when it ends, however it ends. */
export function claim(name, run) {
  claimUnless(missing('Chromium', CHROMIUM, 'CHROMIUM_BIN'), name, run);
}

/** The same with Firefox: its tabs are of `world.firefoxTab()`. */
export function claimInFirefox(name, run) {
  claimUnless(missing('Firefox', FIREFOX, 'FIREFOX_BIN'), `Firefox: ${name}`, run);
}

/** The same with a backend, which is `world.backend(name)`. */
export function claimBehind(backend, name, run) {
  const chromium = missing('Chromium', CHROMIUM, 'CHROMIUM_BIN');
  const installed = path.join(BACKENDS[backend].packages, backend);
  const fault = existsSync(installed) ? chromium : `no ${backend} at ${installed} (tests/run installs it)`;
  claimUnless(fault, `${backend}: ${name}`, run);
}

function claimUnless(fault, name, run) {
  const skip = fault && process.env.CI !== 'true' ? fault : false;
  test(name, { skip }, async () => {
    if (fault) throw new Error(fault);
    const world = new World();
    let failure;
    try {
      world.directory = await mkdtemp(path.join(tmpdir(), 'pagewire-browser-'));
      await run(world);
    } catch (error) {
      failure = error;
      world.report();
    }
    await world.end().catch((error) => { failure ??= error; });
    if (failure) throw failure;
  });
}

/** The one guard: what `promise` gives, or an error that names what did not come. */
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

/** Things that happened, in order, and a way to wait for one that may have happened already. */
export class Record {
  entries = [];
  #changes = new EventEmitter().setMaxListeners(0);

  add(entry) {
    this.entries.push(entry);
    this.#changes.emit('entry', entry);
  }

  /** The first entry, at or after index `from`, that `matches`. */
  async first(what, matches, from = 0) {
    const found = this.entries.slice(from).find(matches);
    if (found !== undefined) return found;
    let listener;
    const coming = new Promise((resolve) => {
      listener = (entry) => { if (matches(entry)) resolve(entry); };
      this.#changes.on('entry', listener);
    });
    try {
      return await until(what, coming);
    } catch (error) {
      const seen = this.entries.slice(-20).map((entry) => `\n  ${summary(entry)}`).join('');
      throw new Error(`${error.message}; there were ${this.entries.length} entries, lately:${seen}`);
    } finally {
      this.#changes.off('entry', listener);
    }
  }
}

const summary = (entry) =>
  (typeof entry === 'string' ? entry : entry.text ?? JSON.stringify(entry)).slice(0, 300);

/** A process that we started, its lines, and its end. */
class Program {
  stdout = new Record();
  stderr = new Record();

  constructor(name, file, args, env, cwd) {
    if (!existsSync(file)) throw new Error(`no ${file} (build it: cargo build --bins --examples)`);
    this.name = name;
    // Standard input stays open: to some programs its end means "leave".
    this.child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    // 'close' comes when the streams have ended too; 'error' when there never was a process.
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(signal ?? code));
      this.child.once('error', (error) => resolve(error.message));
    });
    this.child.stdin.on('error', () => {}); // It left first.
    for (const stream of ['stdout', 'stderr']) {
      createInterface({ input: this.child[stream] }).on('line', (line) => this[stream].add(line));
    }
  }

  /** Writes a line to its standard input. */
  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** A line of standard output, or why there is none. */
  line(what, matches = () => true) {
    return this.unlessItEnds(what, this.stdout.first(what, matches));
  }

  unlessItEnds(what, promise) {
    const ended = this.ended.then((how) => {
      throw new Error(`${this.name} ended (${how}) before ${what}:\n${this.stderr.entries.join('\n')}`);
    });
    promise.catch(() => {}); // The end of the program may have been told already.
    return Promise.race([promise, ended]);
  }

  async stop(signal = 'SIGTERM') {
    this.child.stdin.end();
    this.child.kill(signal);
    try {
      return await until(`the end of ${this.name} after ${signal}`, this.ended, STOP_MS);
    } catch (error) {
      this.child.kill('SIGKILL');
      await this.ended;
      throw error;
    }
  }
}

/** `pagewire serve`, and the command line that speaks to it. */
class Daemon extends Program {
  /** Where its pages are, without a final slash. */
  origin;
  /** The environment in which a plugin or a command finds it. */
  env;

  async ready(env) {
    const ready = JSON.parse(await this.line('the ready line of the daemon'));
    this.origin = new URL(/^\w+:\/\//.test(ready.http) ? ready.http : `http://${ready.http}`).origin;
    const token = ready.token_file ? (await readFile(ready.token_file, 'utf8')).trim() : '';
    this.env = { ...env, PAGEWIRE_ENDPOINT: ready.control, PAGEWIRE_TOKEN: token };
    return this;
  }

  /** Runs `pagewire ...`, gives its standard output. */
  async cli(...args) {
    return (await this.#run(args, [0])).stdout;
  }

  /** Runs `pagewire ...`, which is to end with `code`; gives its standard error. */
  async refuses(code, ...args) {
    return (await this.#run(args, [code])).stderr;
  }

  async #run(args, allowedCodes) {
    const what = `pagewire ${args.join(' ')}`;
    let child;
    const done = new Promise((resolve, reject) => {
      child = execFile(PAGEWIRE, args, { env: this.env }, (error, stdout, stderr) => {
        const how = error ? error.code ?? error.signal : 0;
        if (allowedCodes.includes(how)) resolve({ stdout, stderr });
        else reject(new Error(`${what} ended with ${how}: ${stderr || stdout}`));
      });
    });
    try {
      return await until(`the end of ${what}`, done);
    } finally {
      child.kill('SIGKILL');
    }
  }

  /** The same for commands that print a JSON value a line, be it that a page failed or is missing. */
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
}

/** A shell script that finds our `pagewire` in its path, and the daemon that it may have detached. */
class Script extends Program {
  #options;

  constructor(file, folder, env) {
    const options = { cwd: folder, env: { ...env, PATH: `${path.dirname(PAGEWIRE)}:${env.PATH}` } };
    super(`the script ${path.basename(file)}`, '/bin/sh', [file], options.env, folder);
    this.#options = options;
  }

  /** Waits for its end, gives all lines that it printed. */
  async lines() {
    const how = await until(`the end of ${this.name}`, this.ended);
    if (how !== 0) throw new Error(`${this.name} ended (${how}):\n${this.stderr.entries.join('\n')}`);
    return this.stdout.entries;
  }

  async stop() {
    await super.stop();
    // A script that failed in the middle left its daemon behind; without one this fails.
    await new Promise((resolve) => { execFile(PAGEWIRE, ['stop'], this.#options, resolve); });
  }
}

/** `pagewire messages`, which follows the event log. */
class Follower extends Program {
  /** The events so far. */
  events = new Record();

  constructor(daemon, kinds) {
    super('pagewire messages', PAGEWIRE, ['messages', '--json', '--kinds', kinds.join(',')], daemon.env);
    createInterface({ input: this.child.stdout }).on('line', (line) => this.events.add(JSON.parse(line)));
  }

  /** The first event that `matches`, which may have happened already. */
  first(what, matches) {
    return this.unlessItEnds(what, this.events.first(what, matches));
  }
}

/** A site that is not ours. */
class Backend extends Program {
  port;
  origin;

  async ready() {
    this.port = Number(await this.line('its port'));
    this.origin = `http://127.0.0.1:${this.port}`;
    return this;
  }
}

/** A tab of the browser, with what its console printed and what its web sockets carried. */
class Page {
  /** `{type, text, url}` of each console message, page errors as type `pageerror`. */
  console = new Record();
  /** `{socketId, connection, ...hello}` of each document that said hello and was answered. */
  hellos = new Record();
  /** `{direction, message, connection}` of each text frame that is JSON. */
  frames = new Record();

  constructor(page) {
    this.page = page;
    page.on('console', (message) =>
      this.console.add({ type: message.type(), text: message.text(), url: message.location().url }));
    page.on('pageerror', (error) => this.console.add({ type: 'pageerror', text: String(error), url: '' }));
    page.on('websocket', (connection) => {
      let hello = {};
      const note = (direction, payload) => {
        let message;
        try {
          message = JSON.parse(payload);
        } catch {
          return;
        }
        if (direction === 'sent' && message.type === 'pagewire:hello') hello = message;
        this.frames.add({ direction, message, connection });
        if (direction === 'received' && message.type === 'pagewire:hello') {
          this.hellos.add({ ...hello, socketId: message.socket_id, connection });
        }
      };
      connection.on('framesent', ({ payload }) => note('sent', payload));
      connection.on('framereceived', ({ payload }) => note('received', payload));
    });
  }

  /** Loads a page and waits until the daemon knows it; gives its hello with its `socketId`. */
  async open(url) {
    const from = this.hellos.entries.length;
    // Not until it has loaded: a plugin may reload it before.
    await until(`the first bytes of ${url}`, this.page.goto(url, { waitUntil: 'commit' }));
    return this.hello(from);
  }

  /** Does something that loads or reconnects the top page, and gives its new hello. */
  async after(act) {
    const from = this.hellos.entries.length;
    await act();
    return this.hello(from);
  }

  hello(from = 0) {
    return this.hellos.first('the hello of a top page and its answer', (hello) => hello.top_level, from);
  }

  /** Waits for a console message with exactly this text. */
  prints(text, from = 0) {
    return this.console.first(`the console message ${JSON.stringify(text)}`,
      (message) => message.text === text, from);
  }

  /** Waits until the daemon has said what is wanted of the page: `{console, errors}`. */
  told(wanted) {
    return this.frames.first(`word that ${JSON.stringify(wanted)} is wanted`, ({ direction, message }) =>
      direction === 'received' && message.type === 'pagewire:watch'
        && message.console === wanted.console && message.errors === wanted.errors);
  }

  /** Waits until the page shows this text. */
  shows(text) {
    return until(`${JSON.stringify(text)} in the page`,
      this.page.waitForFunction((shown) => document.body?.textContent.includes(shown), text));
  }

  evaluate(...args) {
    return until('a script in the page', this.page.evaluate(...args));
  }

  /** `sendMessage` of the page's own socket client. */
  send(message) {
    return this.evaluate(async (sent) => {
      const client = await import('/__pagewire__/client.js');
      await client.sendMessage(sent);
    }, message);
  }

  /**
   * Returns when the daemon has read all that the page sent before: nobody answers requests of
   * this type, so the daemon itself does, at once and in order.
   */
  async settled() {
    await this.evaluate(async () => {
      const client = await import('/__pagewire__/client.js');
      await client.sendMessageWaitForResponse({ type: 'settled?' }).catch(() => {});
    });
  }
}

class World {
  #programs = [];
  #browser;
  #firefox;
  #context;
  directory;

  /** A folder with these files, `{ 'a/b.js': 'text' }`. */
  async site(files) {
    const root = await mkdtemp(path.join(this.directory, 'site-'));
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(root, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return root;
  }

  /** Starts a daemon; by itself it puts the socket client into pages while a plugin asks. */
  async daemon({ site = EXAMPLE_SITE, port = 0, args = [] } = {}) {
    const daemon = new Daemon('the daemon', PAGEWIRE,
      ['serve', site, '--port', String(port), '--control', '127.0.0.1:0', ...args], this.#env());
    this.#programs.push(daemon);
    return daemon.ready(this.#env());
  }

  /** Starts a site of `tests/backends`. */
  async backend(name, port = 0) {
    const { program: [file, ...args], packages } = BACKENDS[name];
    const backend = new Backend(name, file, [...args, String(port)], { ...this.#env(), PYTHONPATH: packages });
    this.#programs.push(backend);
    return backend.ready();
  }

  /** Runs an example of this repository as a plugin process, and waits until the daemon has it. */
  async plugin(daemon, name, { args = [], env = {} } = {}) {
    const plugin = new Program(`the plugin ${name}`, path.join(EXAMPLES, name), args, { ...daemon.env, ...env });
    this.#programs.push(plugin);
    await plugin.unlessItEnds(`the daemon has it`, daemon.stderr.first(`the plugin ${name} in the daemon's log`,
      (line) => line.includes('plugin connected') && line.includes(name)));
    return plugin;
  }

  /** Runs a shell script in a folder. */
  script(file, folder) {
    const script = new Script(file, folder, this.#env());
    this.#programs.push(script);
    return script;
  }

  /** Follows the event log of a daemon from now on. */
  follow(daemon, ...kinds) {
    const follower = new Follower(daemon, kinds);
    this.#programs.push(follower);
    return follower;
  }

  /** A new tab, at `location` of the daemon unless it is null. */
  async page(daemon, location = '/') {
    await this.#launch();
    const page = new Page(await until('a new tab', this.#context.newPage()));
    if (location !== null) await page.open(daemon.origin + location);
    return page;
  }

  /** A new tab of Firefox at `location` of the daemon, as puppeteer gives it. */
  async firefoxTab(daemon, location = '/') {
    // It takes long on a busy machine; one that takes longer is ended by puppeteer.
    this.#firefox ??= await puppeteer.launch({
      browser: 'firefox', executablePath: FIREFOX, headless: true, timeout: FIREFOX_START_MS,
    });
    const tab = await until('a new tab', this.#firefox.newPage());
    await until(`the page ${location}`, tab.goto(daemon.origin + location));
    return tab;
  }

  /** The tab that `act` makes a page open. */
  async popup(act) {
    const opened = this.#context.waitForEvent('page', { timeout: GUARD_MS });
    const [page] = await Promise.all([opened, act()]);
    return page;
  }

  async #launch() {
    if (this.#browser) return;
    // playwright gives each launch a new profile and removes it.
    this.#browser = await until('the start of Chromium',
      chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS }));
    // Nobody has told this browser to trust the daemon's certificate.
    this.#context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
  }

  /** Ours alone: what the person at this machine has set must not reach a test. */
  #env() {
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PAGEWIRE_'));
    return { ...Object.fromEntries(kept), XDG_RUNTIME_DIR: this.directory, XDG_DATA_HOME: this.directory };
  }

  report() {
    for (const { name, stderr } of this.#programs) {
      console.error(`--- standard error of ${name} ---\n${stderr.entries.join('\n')}`);
    }
  }

  /** Stops all that was started, the newest first, and gives the first thing that went wrong. */
  async end() {
    const stops = [
      async () => { if (this.#browser) await until('the end of Chromium', this.#browser.close()); },
      async () => { if (this.#firefox) await until('the end of Firefox', this.#firefox.close()); },
      ...this.#programs.reverse().map((program) => () => program.stop()),
      async () => { if (this.directory) await rm(this.directory, { recursive: true, force: true }); },
    ];
    let failure;
    for (const stop of stops) await stop().catch((error) => { failure ??= error; });
    if (failure) throw failure;
  }
}
