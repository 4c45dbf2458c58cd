/**
 * Loads pages in Chromium and measures each from the start of the navigation until it posts its report. Only the
 * DevTools protocol is used: Playwright's page object would observe every request, which costs as much as the load.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';
import { until } from '../../wait.js';

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** A page that takes longer is an error. */
const LOAD_MS = 180_000;

const EMPTY = '<!doctype html><script type="module">fetch("/", { method: "POST" });</script>';

export class Loader {
  #browser;
  #protocol;
  #listener;
  #onReport = () => {};

  static async launch(executablePath) {
    const loader = new Loader();
    loader.#listener = createServer(async (request, response) => {
      const report = await text(request);
      response.setHeader('content-type', 'text/html').end(EMPTY);
      if (request.method === 'POST') loader.#onReport(report);
    });
    loader.#listener.listen(0, '127.0.0.1');
    await once(loader.#listener, 'listening');
    loader.#browser = await chromium.launch({ executablePath, args: ARGUMENTS });
    loader.#protocol = await loader.#browser.newBrowserCDPSession();
    // The first page of a browser takes longer.
    const context = await loader.context();
    await context.leave();
    await context.close();
    return loader;
  }

  get browser() {
    return this.#browser;
  }

  get #port() {
    return this.#listener.address().port;
  }

  /** The URL with the port that the page reports to. */
  reporting(url) {
    return `${url}#${this.#port}`;
  }

  /** A browser profile of its own with one tab, whose process exists before the measurement. */
  async context() {
    const { browserContextId } = await this.#protocol.send('Target.createBrowserContext');
    const { targetId } = await this.#protocol.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.#protocol.send('Target.attachToTarget', { targetId, flatten: false });
    const navigate = (url) => this.#protocol.send('Target.sendMessageToTarget', {
      sessionId, message: JSON.stringify({ id: 1, method: 'Page.navigate', params: { url } }),
    });
    const load = async (url) => {
      const report = this.reported();
      const started = performance.now();
      await navigate(url);
      await report;
      return performance.now() - started;
    };
    /** Loads an empty page: a navigation that changes only the fragment would load nothing. */
    const leave = () => load(`http://127.0.0.1:${this.#port}/`);
    return {
      leave,
      /** Returns the milliseconds until the page has reported. */
      load: async (url) => {
        await leave();
        return load(this.reporting(url));
      },
      close: () => this.#protocol.send('Target.disposeBrowserContext', { browserContextId }),
    };
  }

  /** Resolves with the next report. */
  reported() {
    return until('the report of a page', new Promise((resolve) => { this.#onReport = resolve; }), LOAD_MS);
  }

  async close() {
    await this.#browser?.close();
    this.#listener.closeAllConnections();
    this.#listener.close();
  }
}
