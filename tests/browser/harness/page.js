/** The tests' view of a Chromium tab. */

import { Record } from './record.js';
import { until } from '../../wait.js';

/** A tab of Chromium, with its console messages and WebSocket frames. */
export class Page {
  /** `{type, text, url}` of each console message; page errors have the type `pageerror`. */
  console = new Record();
  /** `{socketId, connection, ...hello}` of each hello that the daemon has answered. */
  hellos = new Record();
  /** `{direction, message, connection}` of each JSON text frame. */
  frames = new Record();

  constructor(page) {
    this.page = page;
    page.on('console', (message) =>
      this.console.add({ type: message.type(), text: message.text(), url: message.location().url }));
    page.on('pageerror', (error) => this.console.add({ type: 'pageerror', text: String(error), url: '' }));
    page.on('websocket', (connection) => {
      let hello = {};
      const record = (direction, payload) => {
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
      connection.on('framesent', ({ payload }) => record('sent', payload));
      connection.on('framereceived', ({ payload }) => record('received', payload));
    });
  }

  /** Loads a page and waits until the daemon knows it; returns its hello with its `socketId`. */
  async open(url) {
    const from = this.hellos.entries.length;
    // Waiting for the load event would fail if a plugin reloads the page before it.
    await until(`the first bytes of ${url}`, this.page.goto(url, { waitUntil: 'commit' }));
    return this.hello(from);
  }

  /** Runs `action`, which loads or reconnects the top-level page; returns its new hello. */
  async after(action) {
    const from = this.hellos.entries.length;
    await action();
    return this.hello(from);
  }

  hello(from = 0) {
    return this.hellos.first('the hello of a top-level page and its response', (hello) => hello.top_level, from);
  }

  /** Waits for a console message with exactly this text. */
  prints(text, from = 0) {
    return this.console.first(`the console message ${JSON.stringify(text)}`,
      (message) => message.text === text, from);
  }

  /** Waits until the daemon has requested these reports of the page: `{console, errors}`. */
  reportMode(expected) {
    return this.frames.first(`the report mode ${JSON.stringify(expected)}`, ({ direction, message }) =>
      direction === 'received' && message.type === 'pagewire:watch'
        && message.console === expected.console && message.errors === expected.errors);
  }

  /** Waits until the page shows this text. */
  shows(text) {
    return until(`${JSON.stringify(text)} in the page`,
      this.page.waitForFunction((expected) => document.body?.textContent.includes(expected), text));
  }

  evaluate(...args) {
    return until('a script in the page', this.page.evaluate(...args));
  }

  /** Sends a message with the page's own socket client. */
  send(message) {
    return this.evaluate(async (value) => {
      const client = await import('/__pagewire__/client.js');
      await client.sendMessage(value);
    }, message);
  }

  /**
   * Resolves once the daemon has read everything that the page sent before. No plugin answers requests of this
   * type, so the daemon replies with an error, immediately and in order.
   */
  async settled() {
    await this.evaluate(async () => {
      const client = await import('/__pagewire__/client.js');
      await client.sendMessageWaitForResponse({ type: 'settled?' }).catch(() => {});
    });
  }
}
