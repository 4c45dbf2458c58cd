/** A plugin's subscription: every event goes to its handler, and each socket's handlers run in turn. */

import type { OpenStream } from '../channel.js';
import type { Client } from '../client.js';
import { unexpected, type PagewireError } from '../errors.js';
import { Message, toClosed, toGap } from '../event.js';
import { errorText } from '../failure.js';
import type { SubscribeMessagesResponse } from '../generated/pagewire/v1/messages.js';
import type { Socket as WireSocket } from '../generated/pagewire/v1/sockets.js';
import * as methods from '../methods.js';
import { toSocket } from '../socket.js';
import { toRequest } from '../subscription.js';
import { isPromise, type HookPlace } from './hook.js';
import type { Context, Plugin } from './plugin.js';

/** Handlers that run, or wait for their turn at their socket. Beyond it no event is read. */
const MAX_HANDLERS = 256;

/** Why an answer was for nobody: another plugin was faster, or the page waits no more. */
const ANSWERED = ['ALREADY_ANSWERED', 'REQUEST_EXPIRED', 'REQUEST_NOT_FOUND'];

/** An event and its handler. */
interface Work {
  readonly what: string;
  readonly call: () => unknown;
  /** The request to answer with the result. */
  readonly request: Message | undefined;
}

/** Whether a plugin hears anything. */
export function listens(plugin: Plugin): boolean {
  return hearsSockets(plugin) || typesOf(plugin).length > 0;
}

function hearsSockets(plugin: Plugin): boolean {
  const names = ['onSocketOpened', 'onSocketReady', 'onSocketClosed'] as const;
  return names.some((name) => plugin[name] !== undefined);
}

function typesOf({ onMessage, onRequest }: Plugin): string[] {
  return [...Object.keys(onMessage ?? {}), ...Object.keys(onRequest ?? {})];
}

/** The subscription of a plugin that listens, and where its handlers stand. */
export class Listening {
  readonly #plugin: Plugin;
  readonly #client: Client;
  readonly #place: HookPlace;
  #stream: OpenStream | undefined;
  /** Sockets that were told to be ready. */
  readonly #ready = new Set<string>();
  /** By socket whose handler runs: those that wait for their turn. */
  readonly #turns = new Map<string, Work[]>();
  #handlers = 0;
  #stopped = false;
  #idle: (() => void) | undefined;

  constructor(plugin: Plugin, place: HookPlace) {
    this.#plugin = plugin;
    this.#client = place.client;
    this.#place = place;
  }

  /** Subscribes to what the plugin hears, from the session's beginning on. Returns once that is in force. */
  async open(context: Context): Promise<void> {
    const { sockets, position } = context.socketsTruncated
      ? await this.#client.listSockets()
      : context;
    for (const { socketId, ready } of sockets) if (ready) this.#ready.add(socketId);

    const { channel, sessionId } = this.#place;
    const messageTypes = typesOf(this.#plugin);
    const request = toRequest({
      ...(messageTypes.length > 0 && { messageTypes }),
      answers: Object.keys(this.#plugin.onRequest ?? {}),
      sockets: hearsSockets(this.#plugin),
      resumeAfter: position,
    });
    await new Promise<void>((resolve, reject) => {
      const onMessage = (event: SubscribeMessagesResponse) => {
        resolve();
        this.#tell(event);
      };
      const onEnd = (error: PagewireError | undefined) => {
        reject(error ?? unexpected('a subscription that ended by itself'));
        if (!this.#stopped) this.#place.onEnd(error);
      };
      const reader = { onMessage, onEnd };
      this.#stream = channel.read(methods.subscribeMessages, request, reader, sessionId);
    });
  }

  /**
   * No further event is handled; resolves when the handlers that run are done. The subscription lasts until the session
   * ends: it holds the offer to answer what they are asked.
   */
  finish(): Promise<void> {
    this.#stopped = true;
    if (this.#handlers === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }

  /** No further event is handled, nor one answered. */
  cancel(): void {
    this.#stopped = true;
    this.#stream?.cancel();
  }

  #tell({ event }: SubscribeMessagesResponse): void {
    if (this.#stopped) return;
    const { onMessage, onRequest, name } = this.#plugin;
    switch (event?.$case) {
      case 'message': {
        const message = new Message(event.value);
        const { socketId, type } = message;
        const what = `message \`${type}\``;
        // Own properties alone: a page may send any type, `constructor` too.
        if (onMessage && Object.hasOwn(onMessage, type)) {
          const call = () => onMessage[type]?.(message, this.#client);
          this.#inTurn(socketId, { what, call, request: undefined });
        } else if (onRequest && Object.hasOwn(onRequest, type)) {
          const request = message.requestId === undefined ? undefined : message;
          const call = () => onRequest[type]?.(message, this.#client);
          this.#inTurn(socketId, { what, call, request });
        }
        break;
      }
      case 'socketOpened': {
        const { socket } = event.value;
        if (socket === undefined) break;
        if (this.#plugin.onSocketOpened !== undefined) {
          const call = () => this.#plugin.onSocketOpened?.(toSocket(socket), this.#client);
          this.#inTurn(socket.socketId, { what: 'an opened socket', call, request: undefined });
        }
        this.#tellIfReady(socket);
        break;
      }
      case 'socketUpdated':
        if (event.value.socket) this.#tellIfReady(event.value.socket);
        break;
      case 'socketClosed': {
        const closed = toClosed(event.value);
        this.#ready.delete(closed.socketId);
        if (this.#plugin.onSocketClosed !== undefined) {
          const call = () => this.#plugin.onSocketClosed?.(closed, this.#client);
          this.#inTurn(closed.socketId, { what: 'a closed socket', call, request: undefined });
        }
        break;
      }
      case 'gap': {
        const { after, before } = toGap(event.value);
        console.error(`plugin \`${name}\`: the events between ${after} and ${before} are lost`);
        break;
      }
    }
  }

  #tellIfReady(socket: WireSocket): void {
    const { socketId, ready } = socket;
    if (!ready || this.#ready.has(socketId)) return;
    this.#ready.add(socketId);
    if (!this.#plugin.onSocketReady) return;
    const call = () => this.#plugin.onSocketReady?.(toSocket(socket), this.#client);
    this.#inTurn(socketId, { what: 'a ready socket', call, request: undefined });
  }

  /** Runs a handler, after the one before it at the same socket. */
  #inTurn(socketId: string, work: Work): void {
    this.#handlers += 1;
    if (this.#handlers === MAX_HANDLERS) this.#stream?.pause();
    const waiting = this.#turns.get(socketId);
    if (waiting === undefined) this.#run(socketId, work);
    else waiting.push(work);
  }

  #run(socketId: string, first: Work): void {
    let waiting: Work[] | undefined;
    for (let work: Work | undefined = first; work !== undefined; work = waiting?.shift()) {
      const running = this.#call(work);
      if (running !== undefined) {
        waiting ??= this.#turns.get(socketId);
        if (waiting === undefined) this.#turns.set(socketId, []);
        void running.then(() => this.#next(socketId));
        return;
      }
      this.#done();
      waiting ??= this.#turns.get(socketId);
    }
    this.#turns.delete(socketId);
  }

  #next(socketId: string): void {
    this.#done();
    const work = this.#turns.get(socketId)?.shift();
    if (work === undefined) this.#turns.delete(socketId);
    else this.#run(socketId, work);
  }

  #done(): void {
    this.#handlers -= 1;
    if (this.#handlers === MAX_HANDLERS - 1) this.#stream?.resume();
    if (this.#handlers === 0) this.#idle?.();
  }

  /** A promise if there is something to wait for. It never fails. */
  #call(work: Work): Promise<void> | undefined {
    let result: unknown;
    try {
      result = work.call();
    } catch (error) {
      return this.#failed(work, error);
    }
    if (isPromise(result)) {
      return Promise.resolve(result).then(
        (value) => this.#succeeded(work, value),
        (error: unknown) => this.#failed(work, error),
      );
    }
    return this.#succeeded(work, result);
  }

  #succeeded(work: Work, value: unknown): Promise<void> | undefined {
    const { request } = work;
    if (request === undefined) return undefined;
    return this.#answer(work, this.#client.reply(request, value === undefined ? null : value));
  }

  #failed(work: Work, error: unknown): Promise<void> | undefined {
    const { request } = work;
    if (request !== undefined) {
      return this.#answer(work, this.#client.replyError(request, errorText(error)));
    }
    this.#complain(work, error);
    return undefined;
  }

  #answer(work: Work, sent: Promise<unknown>): Promise<void> {
    return sent.then(
      () => undefined,
      async (error: unknown) => {
        const { reason, kind } = error as Partial<PagewireError>;
        if (reason !== undefined && ANSWERED.includes(reason)) return;
        // A value that is no JSON is the handler's fault, which the page is told too.
        if (kind === undefined && work.request !== undefined) {
          await this.#client.replyError(work.request, errorText(error)).catch(() => undefined);
        }
        this.#complain(work, error);
      },
    );
  }

  #complain({ what }: Work, error: unknown): void {
    if (this.#stopped && (error as Partial<PagewireError>).kind === 'disconnected') return;
    console.error(`plugin \`${this.#plugin.name}\`: handler of ${what}:`, error);
  }
}
