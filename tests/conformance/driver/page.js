/** A page without a browser: a raw socket that speaks the page protocol and runs imported modules. */

import { WebSocket } from 'ws';
import { Queue } from './queue.js';
import { brief, until } from '../../wait.js';

/** The features that this page supports; the daemon uses no others. */
const FEATURES = ['import.await', 'log', 'command.reload', 'command.navigate', 'command.styles'];
/** Messages of the page protocol itself, which no case expects. */
const PROTOCOL_MESSAGES = ['pagewire:hello', 'pagewire:watch'];

let moduleCount = 0;

export class Page {
  #socket;
  #origin;
  #requests = 0;
  /** Parsed text frames in order, `{text, message}`; binary ones as `{bytes}`. */
  frames;
  /** The `data` of import messages in order. */
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

  /** Connects and sends a hello with these fields, unless `fields` is false. `pong`: whether it answers pings. */
  async open(url, fields, pong = true) {
    this.#socket = new WebSocket(`${this.#origin.replace('http', 'ws')}/__pagewire__/socket`, {
      perMessageDeflate: false, autoPong: pong,
    });
    this.#socket.on('message', (data, isBinary) => this.#onFrame(data, isBinary));
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
    this.send({
      type: 'pagewire:hello', page_id: this.page, tab_id: this.tab, url: this.#origin + url,
      title: '', visibility: 'visible', document_state: 'complete', top_level: true,
      features: FEATURES, ...fields,
    });
    this.id = (await this.#hellos.next('the response to a hello')).socket_id;
  }

  send(message) {
    this.sendText(JSON.stringify(message));
  }

  sendText(text) {
    this.#socket.send(text);
  }

  sendBytes(bytes) {
    this.#socket.send(bytes);
  }

  /** Sends a request; returns its id. */
  request(message) {
    const id = ++this.#requests;
    this.send({ ...message, id, 'pagewire:request': true });
    return id;
  }

  /**
   * Resolves once the page has received everything that was sent to it before. No plugin answers requests of
   * this type, so the daemon replies with an error, immediately and in order.
   */
  async settle() {
    const id = this.request({ type: 'settled?' });
    await this.frames.take('the reply to the settling request', ({ message }) => message?.id === id);
  }

  close() {
    this.#socket.close(1001);
  }

  /** Disconnects, whatever its state. */
  terminate() {
    this.#socket?.terminate();
  }

  #onFrame(data, isBinary) {
    if (isBinary) return this.frames.add({ bytes: data.toString('base64') });
    const text = data.toString();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      // Raw text need not be JSON.
    }
    if (message?.type === 'pagewire:hello') this.#hellos.add(message);
    if (message?.type === 'import') this.#runImport(message.data);
    else if (!PROTOCOL_MESSAGES.includes(message?.type)) this.frames.add({ text, message });
  }

  async #runImport(data) {
    const { importPath, args, callId } = data;
    this.imports.add(data);
    let phase = 'load';
    let result;
    try {
      const response = await fetch(new URL(importPath, this.#origin));
      const source = await response.text();
      if (!response.ok) throw new Error(`${importPath}: ${response.status} ${brief(source)}`);
      const url = `data:text/javascript,${encodeURIComponent(source)}//${++moduleCount}`;
      const module = await import(url);
      phase = 'call';
      const value = await module.default?.(...args);
      result = { value: value === undefined ? { undefined: true } : { json: value } };
    } catch (error) {
      const { name = '', message = String(error), stack = '' } = error;
      result = { exception: { phase, name, message, stack, url: importPath } };
    }
    if (callId === undefined || this.#socket.readyState !== WebSocket.OPEN) return;
    this.send({ type: 'pagewire:result', callId, ok: 'value' in result, ...result });
  }
}
