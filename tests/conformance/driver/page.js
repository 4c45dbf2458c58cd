/** A page without a browser: a raw socket that speaks the page protocol and really runs modules. */

import { WebSocket } from 'ws';
import { Queue, brief, until } from './wait.js';

/** What a page of ours can do; the daemon asks nothing else of it. */
const FEATURES = ['import.await', 'log', 'command.reload', 'command.navigate', 'command.styles'];
/** Frames that are the daemon's own business with a page. */
const SILENT = ['pagewire:hello', 'pagewire:watch'];

let modules = 0;

export class Page {
  #socket;
  #origin;
  #requests = 0;
  /** Parsed text frames in order, `{text, message}`; binary ones as `{bytes}`. */
  frames;
  /** The `data` of imports in order, played already. */
  imports;
  #hellos = new Queue('the hello of a page');
  closed;

  constructor(name, origin) {
    this.name = name;
    this.#origin = origin;
    this.frames = new Queue(`page ${name}`);
    this.imports = new Queue(`imports of page ${name}`);
    this.page = `page-${name}`;
    this.tab = `tab-${name}`;
  }

  /** Connects, and says hello with these fields unless they are `false`; `pong`: whether it answers pings. */
  async open(url, fields, pong = true) {
    this.#socket = new WebSocket(`${this.#origin.replace('http', 'ws')}/__pagewire__/socket`, {
      perMessageDeflate: false, autoPong: pong,
    });
    this.#socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.frames.end(`page ${this.name} was closed with ${code} ${reason}`);
      });
    });
    await until(`the upgrade of page ${this.name}`, new Promise((resolve, reject) => {
      this.#socket.once('open', resolve);
      this.#socket.once('error', reject);
    }));
    if (fields === false) return;
    this.say({
      type: 'pagewire:hello', page_id: this.page, tab_id: this.tab, url: this.#origin + url,
      title: '', visibility: 'visible', document_state: 'complete', top_level: true,
      features: FEATURES, ...fields,
    });
    this.id = (await this.#hellos.next('the answer to a hello')).socket_id;
  }

  say(message) {
    this.sayText(JSON.stringify(message));
  }

  sayText(text) {
    this.#socket.send(text);
  }

  sayBytes(bytes) {
    this.#socket.send(bytes);
  }

  /** Makes a request that awaits an answer; gives its id. */
  ask(message) {
    const id = ++this.#requests;
    this.say({ ...message, id, 'pagewire:request': true });
    return id;
  }

  /**
   * Returns when the page has got all that was sent to it before: nobody answers requests of this
   * type, so the daemon itself does, at once and in order.
   */
  async settle() {
    const id = this.ask({ type: 'settled?' });
    await this.frames.take('the end of what was sent before', ({ message }) => message?.id === id);
  }

  close() {
    this.#socket.close(1001);
  }

  /** Whatever state it is in, it is gone then. */
  end() {
    this.#socket?.terminate();
  }

  #received(data, isBinary) {
    if (isBinary) return this.frames.add({ bytes: data.toString('base64') });
    const text = data.toString();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      // Verbatim text may be anything.
    }
    if (message?.type === 'pagewire:hello') this.#hellos.add(message);
    if (message?.type === 'import') this.#play(message.data);
    else if (!SILENT.includes(message?.type)) this.frames.add({ text, message });
  }

  async #play(data) {
    const { importPath, args, callId } = data;
    this.imports.add(data);
    let phase = 'load';
    let result;
    try {
      const response = await fetch(new URL(importPath, this.#origin));
      const source = await response.text();
      if (!response.ok) throw new Error(`${importPath}: ${response.status} ${brief(source)}`);
      const url = `data:text/javascript,${encodeURIComponent(source)}//${++modules}`;
      const module = await import(url);
      phase = 'call';
      const value = await module.default?.(...args);
      result = { value: value === undefined ? { undefined: true } : { json: value } };
    } catch (error) {
      const { name = '', message = String(error), stack = '' } = error;
      result = { exception: { phase, name, message, stack, url: importPath } };
    }
    if (callId === undefined || this.#socket.readyState !== WebSocket.OPEN) return;
    this.say({ type: 'pagewire:result', callId, ok: 'value' in result, ...result });
  }
}
