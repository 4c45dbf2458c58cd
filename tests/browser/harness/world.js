/** The world of one browser test: folders, daemons, plugins, browsers. */

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import {
  BACKENDS, CHROMIUM, EXAMPLES, EXAMPLE_SITE, FIREFOX, PAGEWIRE, cleanEnvironment,
} from './environment.js';
import { Page } from './page.js';
import { Backend, Daemon, Follower, Program, Script } from './programs.js';
import { TIMEOUT_MS, until } from '../../wait.js';

const CHROMIUM_ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const FIREFOX_START_MS = 60_000;

/** Everything that one test starts. */
export class World {
  #programs = [];
  #browser;
  #firefox;
  #context;
  directory;

  /** Creates a folder with these files: `{ 'a/b.js': 'text' }`. */
  async site(files) {
    const root = await mkdtemp(path.join(this.directory, 'site-'));
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(root, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return root;
  }

  /** Starts a daemon. By default it injects the client only while a plugin requests it. */
  async daemon({ site = EXAMPLE_SITE, port = 0, args = [] } = {}) {
    const daemon = new Daemon('the daemon', PAGEWIRE,
      ['serve', site, '--port', String(port), '--control', '127.0.0.1:0', ...args], cleanEnvironment(this.directory));
    this.#programs.push(daemon);
    return daemon.ready(cleanEnvironment(this.directory));
  }

  /** Copies the sources of a site of `tests/backends`; returns the folder. */
  async sourcesOf(name) {
    const root = await this.site({});
    await cp(BACKENDS[name].sources, root, { recursive: true });
    return root;
  }

  /** Starts a site of `tests/backends`, if `folder` is given then in this copy of its sources. */
  async backend(name, port = 0, folder = undefined) {
    const { program: [file, ...args], packages } = BACKENDS[name];
    const backend = new Backend(name, file, [...args, String(port)], { ...cleanEnvironment(this.directory), PYTHONPATH: packages }, folder);
    this.#programs.push(backend);
    return backend.ready();
  }

  /** Starts an example of this repository as a plugin and waits until it is connected. */
  async plugin(daemon, name, { args = [], env = {} } = {}) {
    const plugin = new Program(`the plugin ${name}`, path.join(EXAMPLES, name), args, { ...daemon.env, ...env });
    this.#programs.push(plugin);
    await plugin.unlessItExits('it was connected', daemon.stderr.first(`the daemon's log line about plugin ${name}`,
      (line) => line.includes('plugin connected') && line.includes(name)));
    return plugin;
  }

  /** Runs a shell script in a folder. */
  script(file, folder) {
    const script = new Script(file, folder, cleanEnvironment(this.directory));
    this.#programs.push(script);
    return script;
  }

  /** Follows the event log of a daemon from now on. */
  follow(daemon, ...kinds) {
    const follower = new Follower(daemon, kinds);
    this.#programs.push(follower);
    return follower;
  }

  /** Opens a tab, at `location` of the daemon unless that is null. */
  async page(daemon, location = '/') {
    await this.#launch();
    const page = new Page(await until('a new tab', this.#context.newPage()));
    if (location !== null) await page.open(daemon.origin + location);
    return page;
  }

  /** Opens a tab of Firefox at `location` of the daemon; returns the page object of puppeteer. */
  async firefoxTab(daemon, location = '/') {
    // Starting Firefox is slow on a busy machine; puppeteer gives up after `timeout`.
    this.#firefox ??= await puppeteer.launch({
      browser: 'firefox', executablePath: FIREFOX, headless: true, timeout: FIREFOX_START_MS,
    });
    const tab = await until('a new tab', this.#firefox.newPage());
    await until(`the page ${location}`, tab.goto(daemon.origin + location));
    return tab;
  }

  /** The tab that a page opens when `action` runs. */
  async popup(action) {
    const opened = this.#context.waitForEvent('page', { timeout: TIMEOUT_MS });
    const [page] = await Promise.all([opened, action()]);
    return page;
  }

  async #launch() {
    if (this.#browser) return;
    // Playwright uses a new profile for each launch and removes it.
    this.#browser = await until('the start of Chromium',
      chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS }));
    // This browser does not trust the daemon's certificate.
    this.#context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
  }

  /** Prints the standard error of all programs. */
  report() {
    for (const { name, stderr } of this.#programs) {
      console.error(`--- standard error of ${name} ---\n${stderr.entries.join('\n')}`);
    }
  }

  /** Stops everything, the newest first; throws the first failure. */
  async tearDown() {
    const stops = [
      async () => { if (this.#browser) await until('the exit of Chromium', this.#browser.close()); },
      async () => { if (this.#firefox) await until('the exit of Firefox', this.#firefox.close()); },
      ...this.#programs.reverse().map((program) => () => program.stop()),
      async () => { if (this.directory) await rm(this.directory, { recursive: true, force: true }); },
    ];
    let failure;
    for (const stop of stops) await stop().catch((error) => { failure ??= error; });
    if (failure) throw failure;
  }
}
