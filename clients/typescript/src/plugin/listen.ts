/** The subscription of a plugin: dispatches events to handlers; those of one socket run sequentially. */

import type { OpenStream } from '../channel.js';
import type { Client } from '../client.js';
import { unexpected, type PagewireError } from '../errors.js';
import { Message, toClosed } from '../event.js';
import { errorText, logText } from '../failure.js';
import type { SubscribeMessagesResponse } from '../generated/pagewire/v1/messages.js';
import type { Socket as WireSocket } from '../generated/pagewire/v1/sockets.js';
import * as methods from '../methods.js';
import { toSocket } from '../socket.js';
import { toRequest } from '../subscription.js';
import { isPromise, type HookSession } from './hook.js';
import type { Context, Plugin } from './plugin.js';

/** Limit of handlers that run or wait for earlier ones of their socket. At the limit no event is read. */
const MAX_HANDLERS = 256;

/** Expected errors of a reply: another plugin has replied first, or the page no longer waits. */
const IGNORED_REASONS = ['ALREADY_ANSWERED', 'REQUEST_EXPIRED', 'REQUEST_NOT_FOUND'];

/** An event and its handler. */
interface Work {
  /** What is handled, for the log. */
  readonly what: string;
  readonly call: () => unknown;
  /** The request to answer with the result. */
  readonly request: Message | undefined;
}

/** Whether a plugin has event handlers. */
export function listens(plugin: Plugin): boolean {
  return hasSocketHandlers(plugin) || messageTypesOf(plugin).length > 0;
}

function hasSocketHandlers(plugin: Plugin): boolean {
  const names = ['onSocketOpened', 'onSocketReady', 'onSocketClosed'] as const;
  return names.some((name) => plugin[name] !== undefined);
}

function messageTypesOf({ onMessage, onRequest }: Plugin): string[] {
  return [...Object.keys(onMessage ?? {}), ...Object.keys(onRequest ?? {})];
}

/** The subscription of a plugin and the state of its handlers. */
export class Listening {
  readonly #plugin: Plugin;
  readonly #client: Client;
  readonly #session: HookSession;
  #stream: OpenStream | undefined;
  /** Sockets known to be ready. */
  readonly #ready = new Set<string>();
  /** Waiting handlers by socket; an entry exists while a handler of the socket runs. */
  readonly #queues = new Map<string, Work[]>();
  #handlers = 0;
  #stopped = false;
  #idle: (() => void) | undefined;

  constructor(plugin: Plugin, session: HookSession) {
    this.#plugin = plugin;
    this.#client = session.client;
    this.#session = session;
  }

  /** Subscribes to the events that have handlers, starting at the session's position. */
  async open(context: Context): Promise<void> {
    const { sockets, position } = context.socketsTruncated
      ? await this.#client.listSockets()
      : context;
    for (const { socketId, ready } of sockets) if (ready) this.#ready.add(socketId);

    const { channel, sessionId } = this.#session;
    const messageTypes = messageTypesOf(this.#plugin);
    const request = toRequest({
      ...(messageTypes.length > 0 && { messageTypes }),
      answers: Object.keys(this.#plugin.onRequest ?? {}),
      sockets: hasSocketHandlers(this.#plugin),
      resumeAfter: position,
    });
    await new Promise<void>((resolve, reject) => {
      const onMessage = (event: SubscribeMessagesResponse) => {
        resolve();
        this.#dispatch(event);
      };
      const onEnd = (error: PagewireError | undefined) => {
        reject(error ?? unexpected('the subscription ended unexpectedly'));
        if (!this.#stopped) this.#session.onEnd(error);
      };
      const reader = { onMessage, onEnd };
      this.#stream = channel.read(methods.subscribeMessages, request, reader, sessionId);
    });
  }

  /**
   * Stops handling events; resolves when the running handlers have finished. The subscription stays open until the
   * session ends, because it holds the offer to answer requests.
   */
  finish(): Promise<void> {
    this.#stopped = true;
    if (this.#handlers === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }

  /** Stops handling events and cancels the subscription. */
  cancel(): void {
    this.#stopped = true;
    this.#stream?.cancel();
  }

  #dispatch({ event }: SubscribeMessagesResponse): void {
    if (this.#stopped) return;
    const { onMessage, onRequest } = this.#plugin;
    switch (event?.$case) {
      case 'subscribed':
        this.#holdUntilStart();
        break;
      case 'message': {
        const message = new Message(event.value);
        const { socketId, type } = message;
        // Only own properties: a page may send any type, even `constructor`.
        if (onMessage && Object.hasOwn(onMessage, type)) {
          const call = () => onMessage[type]?.(message, this.#client);
          const what = `message "${type}"`;
          this.#enqueue(socketId, { what, call, request: undefined });
        } else if (onRequest && Object.hasOwn(onRequest, type)) {
          const request = message.requestId === undefined ? undefined : message;
          const call = () => onRequest[type]?.(message, this.#client);
          const what = `request "${type}"`;
          this.#enqueue(socketId, { what, call, request });
        }
        break;
      }
      case 'socketOpened': {
        const { socket } = event.value;
        if (socket === undefined) break;
        if (this.#plugin.onSocketOpened !== undefined) {
          const call = () => this.#plugin.onSocketOpened?.(toSocket(socket), this.#client);
          this.#enqueue(socket.socketId, { what: 'socket opened', call, request: undefined });
        }
        this.#dispatchIfReady(socket);
        break;
      }
      case 'socketUpdated':
        if (event.value.socket) this.#dispatchIfReady(event.value.socket);
        break;
      case 'socketClosed': {
        const closed = toClosed(event.value);
        this.#ready.delete(closed.socketId);
        if (this.#plugin.onSocketClosed !== undefined) {
          const call = () => this.#plugin.onSocketClosed?.(closed, this.#client);
          this.#enqueue(closed.socketId, { what: 'socket closed', call, request: undefined });
        }
        break;
      }
      case 'gap': {
        const { afterSequence, beforeSequence } = event.value;
        const bounds = `${afterSequence} and ${beforeSequence}`;
        this.#session.logger.warn(`events between ${bounds} were lost`);
        break;
      }
    }
  }

  /** Reads no event before `serverStart` has returned: the daemon queues them. */
  #holdUntilStart(): void {
    const { start } = this.#session;
    if (start.isOver) return;
    this.#stream?.pause();
    void start.over.then(() => this.#stream?.resume());
  }

  #dispatchIfReady(socket: WireSocket): void {
    const { socketId, ready } = socket;
    if (!ready || this.#ready.has(socketId)) return;
    this.#ready.add(socketId);
    if (!this.#plugin.onSocketReady) return;
    const call = () => this.#plugin.onSocketReady?.(toSocket(socket), this.#client);
    this.#enqueue(socketId, { what: 'socket ready', call, request: undefined });
  }

  /** Runs a handler after the previous ones of the same socket. */
  #enqueue(socketId: string, work: Work): void {
    this.#handlers += 1;
    if (this.#handlers === MAX_HANDLERS) this.#stream?.pause();
    const waiting = this.#queues.get(socketId);
    if (waiting === undefined) this.#run(socketId, work);
    else waiting.push(work);
  }

  #run(socketId: string, first: Work): void {
    let waiting: Work[] | undefined;
    for (let work: Work | undefined = first; work !== undefined; work = waiting?.shift()) {
      const running = this.#call(work);
      if (running !== undefined) {
        waiting ??= this.#queues.get(socketId);
        if (waiting === undefined) this.#queues.set(socketId, []);
        void running.then(() => this.#next(socketId));
        return;
      }
      this.#done();
      waiting ??= this.#queues.get(socketId);
    }
    this.#queues.delete(socketId);
  }

  #next(socketId: string): void {
    this.#done();
    const work = this.#queues.get(socketId)?.shift();
    if (work === undefined) this.#queues.delete(socketId);
    else this.#run(socketId, work);
  }

  #done(): void {
    this.#handlers -= 1;
    if (this.#handlers === MAX_HANDLERS - 1) this.#stream?.resume();
    if (this.#handlers === 0) this.#idle?.();
  }

  /** Calls a handler. Returns a promise if it is asynchronous; the promise never rejects. */
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
    return this.#awaitReply(work, this.#client.reply(request, value === undefined ? null : value));
  }

  #failed(work: Work, error: unknown): Promise<void> | undefined {
    this.#logError(work, error);
    const { request } = work;
    if (request === undefined) return undefined;
    return this.#awaitReply(work, this.#client.replyError(request, errorText(error)));
  }

  #awaitReply(work: Work, sent: Promise<unknown>): Promise<void> {
    return sent.then(
      () => undefined,
      async (error: unknown) => {
        const { reason, kind } = error as Partial<PagewireError>;
        if (reason !== undefined && IGNORED_REASONS.includes(reason)) return;
        // A value that is not JSON, or too large, is an error of the handler; it is sent to the page too.
        if (kind !== 'disconnected' && work.request !== undefined) {
          await this.#client.replyError(work.request, errorText(error)).catch(() => undefined);
        }
        this.#logError(work, error);
      },
    );
  }

  #logError({ what }: Work, error: unknown): void {
    if (this.#stopped && (error as Partial<PagewireError>).kind === 'disconnected') return;
    this.#session.logger.error(`${what} failed: ${logText(error)}`);
  }
}
