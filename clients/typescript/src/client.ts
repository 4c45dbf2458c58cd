import { Channel, type CallLimits } from './channel.js';
import {
  ARRAY,
  BOOLEAN,
  BYTES,
  COUNT,
  NUMBER,
  SIGNAL,
  TEXT,
  check,
  checkOptions,
  type Kind,
  type Shape,
} from './check.js';
import { CONNECT_OPTIONS, findEndpoint, type ConnectOptions, type Endpoint } from './endpoint.js';
import { PagewireError, rpcError } from './errors.js';
import { CONSOLE_LEVEL, fromLevel, type ConsoleLevel, type Message } from './event.js';
import type { DeliveryOptions } from './generated/pagewire/v1/common.js';
import type { SendRequest } from './generated/pagewire/v1/messages.js';
import type { SendCommandRequest } from './generated/pagewire/v1/sockets.js';
import {
  checkImport,
  fromImport,
  toImportReport,
  type Import,
  type ImportReport,
} from './import.js';
import { toPluginInfo, toServerInfo, type PluginInfo, type ServerInfo } from './info.js';
import { toBuffer } from './bytes.js';
import { jsonText } from './json.js';
import * as methods from './methods.js';
import { toPosition, type Position } from './position.js';
import { toReport, type Report } from './report.js';
import { SendStream } from './sendStream.js';
import { fromSocketFilter, toSocket, type Socket, type SocketFilter } from './socket.js';
import { fromStale, type Stale } from './stale.js';
import { subscribe, type SubscribeOptions, type Subscription } from './subscription.js';
import { fromTarget, replyTo, type OneOrMore, type Target, list } from './target.js';

/** Time limit for connecting. */
const CONNECT_MS = 5_000;
/** Default deadline of a call. */
const CALL_MS = 30_000;
/** Default time limit of pages in an awaited import. */
const IMPORT_MS = 10_000;
/** Added to the pages' time limit for the call's deadline, so that the daemon can report pages that did not respond. */
const IMPORT_MARGIN_MS = 5_000;
/** Page size of the list calls. */
const PAGE_SIZE = 1000;

/** Options of a call. */
export interface CallOptions {
  /** Deadline in ms from now; after it the call fails with `DEADLINE`. Default 30,000; imports: timeout plus 5,000. */
  readonly deadlineMs?: number;
  /** Cancels the call, which fails with the signal's reason. Its effect is then unknown. */
  readonly signal?: AbortSignal;
}

/** Confirmation and reporting of sends. */
export interface DeliveryChoices {
  /**
   * A socket counts as reached when its browser has confirmed the frame. Default: when the frame is in the socket's
   * queue.
   */
  readonly confirmReceipt?: boolean;
  /** Lists the reached sockets in reports instead of only counting them. Default false. */
  readonly listReached?: boolean;
}

/** Options of a send. */
export interface SendOptions extends CallOptions, DeliveryChoices {}

/** Options of a console line. */
export interface ConsoleLogOptions extends SendOptions {
  /** Printed as `[source] text`. Default: only the text. */
  readonly source?: string;
  /** Further arguments of the console method, each a JSON value. Makes the text a format string. */
  readonly args?: readonly unknown[];
}

/** The daemon to connect to, and defaults of sends. */
export interface ClientOptions extends ConnectOptions, DeliveryChoices {
  /** Cancels connecting. */
  readonly signal?: AbortSignal;
}

const DELIVERY: Shape<DeliveryChoices> = { confirmReceipt: BOOLEAN, listReached: BOOLEAN };
const CLIENT_OPTIONS: Shape<ClientOptions> = { ...CONNECT_OPTIONS, ...DELIVERY, signal: SIGNAL };
/** The options of all calls. */
const CALL_OPTIONS: Shape<ConsoleLogOptions> = {
  ...DELIVERY,
  deadlineMs: NUMBER,
  signal: SIGNAL,
  source: TEXT,
  args: ARRAY,
};

/** A snapshot of the connected sockets. */
export interface SocketList {
  /** In no particular order. */
  readonly sockets: readonly Socket[];
  /** The position of the snapshot: subscribe with it as `resumeAfter` to miss no later event. */
  readonly position: Position;
}

/**
 * Connects to a daemon and calls it once, so that a wrong address or token is noticed here. Takes at most 5 s.
 *
 * The endpoint is the first of: the options; `PAGEWIRE_ENDPOINT` with `PAGEWIRE_TOKEN`; of the running daemons of the
 * same user, the one with the innermost root that contains the current folder, otherwise one with a root inside the
 * current folder, otherwise the only one.
 */
export async function connect(options: ClientOptions = {}): Promise<Client> {
  checkOptions('connect', options, CLIENT_OPTIONS);
  return connectTo(await findEndpoint(options), options);
}

/** Like `connect`, with a known endpoint. */
export async function connectTo(endpoint: Endpoint, options: ClientOptions): Promise<Client> {
  const client = new Client(new Channel(endpoint), options);
  try {
    await client.info({
      deadlineMs: CONNECT_MS,
      ...(options.signal && { signal: options.signal }),
    });
    return client;
  } catch (error) {
    client.close();
    throw error instanceof PagewireError ? connectError(client.endpoint, error) : error;
  }
}

/** Converts the error of the first call: a server that is unreachable, or responds without a reason, is not a daemon. */
function connectError(endpoint: string, error: PagewireError): PagewireError {
  const timedOut = error.reason === 'DEADLINE';
  if (error.kind !== 'disconnected' && error.reason !== undefined && !timedOut) return error;
  const problem = timedOut ? `no response within ${CONNECT_MS / 1000} s` : error.problem;
  const remedy = 'start `pagewire`, or pass the control endpoint that it prints when it is ready';
  const text = `cannot connect to the daemon at ${endpoint}: ${problem} (${remedy})`;
  return new PagewireError('connect', text);
}

/**
 * A connection to a daemon.
 *
 * All methods may be called concurrently, and from inside a plugin's handlers. Calls are never retried. A lost connection
 * is re-established by the next call; subscriptions and plugins end with it.
 *
 * A page that cannot be reached is a row of the report, never an error. An empty selection is not an error either, but
 * an invalid target or value is (`FIELD_INVALID`).
 *
 * The process can exit about a second after the last call, or as soon as `close` is called.
 */
export class Client {
  readonly #channel: Channel;
  readonly #sends: SendStream;
  readonly #delivery: DeliveryChoices;
  /** The daemon's limit of a message to a page, as of the last `info`. */
  #maxMessageBytes = Infinity;

  /** @internal */
  constructor(channel: Channel, delivery: DeliveryChoices) {
    this.#channel = channel;
    this.#sends = new SendStream(channel);
    this.#delivery = delivery;
  }

  /** The daemon's control address. */
  get endpoint(): string {
    return this.#channel.endpoint.address;
  }

  /** Version, features and limits of the daemon. */
  async info(options?: CallOptions): Promise<ServerInfo> {
    const info = toServerInfo(
      await this.#channel.unary(methods.getServerInfo, {}, limits(options)),
    );
    this.#maxMessageBytes = info.limits.maxMessageBytes || Infinity;
    return info;
  }

  /** The ready sockets that match the filter, or all connected sockets without one. */
  async sockets(filter?: SocketFilter, options?: CallOptions): Promise<readonly Socket[]> {
    return (await this.listSockets(filter, options)).sockets;
  }

  /** Like `sockets`, with the position of the snapshot. */
  async listSockets(filter?: SocketFilter, options?: CallOptions): Promise<SocketList> {
    const calling = limits(options);
    const sockets: Socket[] = [];
    let pageToken = '';
    for (;;) {
      const page = await this.#channel.unary(
        methods.listSockets,
        { filter: filter && fromSocketFilter(filter), pageSize: PAGE_SIZE, pageToken },
        calling,
      );
      for (const socket of page.sockets) sockets.push(toSocket(socket));
      pageToken = page.nextPageToken;
      if (pageToken === '') return { sockets, position: toPosition(page.position) };
    }
  }

  /** Configured plugins and live sessions, in the order in which their hooks are called. */
  async plugins(options?: CallOptions): Promise<readonly PluginInfo[]> {
    const calling = limits(options);
    const plugins: PluginInfo[] = [];
    let pageToken = '';
    for (;;) {
      const request = { pageSize: PAGE_SIZE, pageToken };
      const page = await this.#channel.unary(methods.listPlugins, request, calling);
      for (const plugin of page.plugins) plugins.push(toPluginInfo(plugin));
      pageToken = page.nextPageToken;
      if (pageToken === '') return plugins;
    }
  }

  /** Sends a JSON value as one message. Page code expects an object with a `type`. At most 16 MiB by default. */
  async send(target: Target, value: unknown, options?: SendOptions): Promise<Report> {
    return this.#send(fromTarget(target), { $case: 'json', value: jsonText(value) }, options);
  }

  /** Sends JSON text unchanged: numbers, key order and spaces survive. The daemon refuses invalid JSON. */
  async sendJson(target: Target, json: string, options?: SendOptions): Promise<Report> {
    return this.#send(
      fromTarget(target),
      { $case: 'json', value: given('json', json, TEXT) },
      options,
    );
  }

  /** Sends a text frame, verbatim and unchecked. */
  async sendText(target: Target, text: string, options?: SendOptions): Promise<Report> {
    return this.#send(
      fromTarget(target),
      { $case: 'text', value: given('text', text, TEXT) },
      options,
    );
  }

  /** Sends a binary frame, verbatim. */
  async sendBinary(target: Target, bytes: Uint8Array, options?: SendOptions): Promise<Report> {
    const value = toBuffer(given('bytes', bytes, BYTES));
    return this.#send(fromTarget(target), { $case: 'binary', value }, options);
  }

  /**
   * Replies to a page's request. The first reply wins; later ones fail with `ALREADY_ANSWERED`, after 20 s with
   * `REQUEST_EXPIRED`.
   */
  async reply(message: Message, value: unknown, options?: CallOptions): Promise<Report> {
    return this.#send(replyTarget(message), { $case: 'json', value: jsonText(value) }, options);
  }

  /** Like `reply`, with JSON text that reaches the page unchanged. */
  async replyJson(message: Message, json: string, options?: CallOptions): Promise<Report> {
    const value = given('json', json, TEXT);
    return this.#send(replyTarget(message), { $case: 'json', value }, options);
  }

  /** Rejects a page's request with a message. Otherwise like `reply`. */
  async replyError(message: Message, text: string, options?: CallOptions): Promise<Report> {
    const value = given('text', text, TEXT);
    return this.#send(replyTarget(message), { $case: 'error', value }, options);
  }

  /** Lets pages import a module and call its default export, without waiting for the result. */
  async sendImport(target: Target, module: Import, options?: CallOptions): Promise<Report> {
    const request = fromImport(target, module, false);
    const response = await this.#channel.unary(methods.sendImport, request, limits(options));
    return toReport(response.report);
  }

  /**
   * Lets pages import a module and call its default export, and waits for the returned or resolved values. Takes as
   * long as the slowest page, up to `timeoutMs`. A hook must not wait for a page that cannot load without that hook: it
   * would wait until its deadline.
   */
  async importValue(target: Target, module: Import, options?: CallOptions): Promise<ImportReport> {
    checkImport(module);
    const timeoutMs =
      module.timeoutMs ?? (options?.deadlineMs === undefined ? IMPORT_MS : undefined);
    const request = fromImport(
      target,
      timeoutMs === undefined ? module : { ...module, timeoutMs },
      true,
    );
    const limit = limits(options, (timeoutMs ?? IMPORT_MS) + IMPORT_MARGIN_MS);
    return toImportReport(await this.#channel.unary(methods.sendImport, request, limit));
  }

  /** Prints to the console of pages. The text is printed exactly, unless `args` make it a format string. */
  async consoleLog(
    target: Target,
    level: ConsoleLevel,
    text: string,
    options?: ConsoleLogOptions,
  ): Promise<Report> {
    const request = {
      target: fromTarget(target),
      level: fromLevel(given('level', level, CONSOLE_LEVEL)),
      source: options?.source ?? '',
      text: given('text', text, TEXT),
      argsJson: options?.args?.map(jsonText) ?? [],
      delivery: this.#deliveryOptions(options),
    };
    const response = await this.#channel.unary(methods.sendConsoleLog, request, limits(options));
    return toReport(response.report);
  }

  /** Reloads pages. Reports the delivery, not the completed load. */
  reload(target: Target, options?: SendOptions): Promise<Report> {
    return this.#command(target, { $case: 'reload', value: {} }, options);
  }

  /** Navigates pages to a URL, resolved against each page's own. Reports the delivery. */
  async navigate(target: Target, url: string, options?: SendOptions): Promise<Report> {
    return this.#command(
      target,
      { $case: 'navigate', value: { url: given('url', url, TEXT) } },
      options,
    );
  }

  /**
   * Reloads stylesheets in place; the pages keep their state. Paths are URL paths, each beginning with `/`; with an
   * empty list, every stylesheet of the pages' own origin is reloaded.
   */
  swapStylesheets(target: Target, paths: OneOrMore, options?: SendOptions): Promise<Report> {
    const value = { paths: list(paths) };
    return this.#command(target, { $case: 'swapStylesheets', value }, options);
  }

  /**
   * Closes sockets with a WebSocket close code: 1000 (the default), 4000-4499 (the page reconnects) or
   * 4500-4999 (it does not). The reason has at most 123 bytes.
   */
  async closeSockets(
    target: Target,
    closeCode = 1000,
    closeReason = '',
    options?: CallOptions,
  ): Promise<Report> {
    given('closeCode', closeCode, COUNT);
    given('closeReason', closeReason, TEXT);
    const request = { target: fromTarget(target), closeCode, closeReason };
    const response = await this.#channel.unary(methods.closeSockets, request, limits(options));
    return toReport(response.report);
  }

  /**
   * Invalidates cached results of hooks; returns their number. Results of calls that started before it returns are not
   * cached.
   */
  async invalidate(stale: Stale, options?: CallOptions): Promise<number> {
    const response = await this.#channel.unary(
      methods.invalidate,
      fromStale(stale),
      limits(options),
    );
    return response.entriesForgotten;
  }

  /** Subscribes, and returns once the subscription is active: no later event is missed. */
  subscribe(options: SubscribeOptions = {}, signal?: AbortSignal): Promise<Subscription> {
    return subscribe(this.#channel, options, signal);
  }

  /** Closes the connection: running calls fail, and subscriptions end. */
  close(): void {
    this.#sends.close();
    this.#channel.close();
  }

  /** @internal */
  get channel(): Channel {
    return this.#channel;
  }

  #send(
    target: SendRequest['target'],
    payload: SendRequest['payload'],
    options: SendOptions | undefined,
  ): Promise<Report> {
    const isText = payload?.$case === 'json' || payload?.$case === 'text';
    // The encoder would replace half a surrogate pair.
    if (isText && !payload.value.isWellFormed()) {
      const problem = 'the text is not valid Unicode (send it as bytes)';
      throw rpcError('INVALID_ARGUMENT', 'FIELD_INVALID', problem);
    }
    // On the stream, a much larger message would fail all others.
    const bytes = payload === undefined ? 0 : byteLength(payload.value, this.#maxMessageBytes);
    if (bytes > this.#maxMessageBytes) {
      const problem = `the message has ${bytes} bytes, and the limit is ${this.#maxMessageBytes}`;
      throw rpcError('INVALID_ARGUMENT', 'FIELD_INVALID', problem);
    }
    const delivery = this.#deliveryOptions(options);
    const request = { target, payload, delivery };
    const limit = limits(options);
    // Sent as a call of its own: on the stream, later sends would wait for the confirmation.
    if (delivery?.ackLevel === 2) {
      const confirmed = this.#channel.unary(methods.send, request, limit);
      return confirmed.then(({ report }) => toReport(report));
    }
    return this.#sends.send(request, limit, options?.deadlineMs !== undefined);
  }

  async #command(
    target: Target,
    command: SendCommandRequest['command'],
    options: SendOptions | undefined,
  ): Promise<Report> {
    const request = {
      target: fromTarget(target),
      command,
      delivery: this.#deliveryOptions(options),
    };
    const response = await this.#channel.unary(methods.sendCommand, request, limits(options));
    return toReport(response.report);
  }

  #deliveryOptions(options: DeliveryChoices | undefined): DeliveryOptions | undefined {
    const confirm = options?.confirmReceipt ?? this.#delivery.confirmReceipt ?? false;
    const listReached = options?.listReached ?? this.#delivery.listReached ?? false;
    if (!confirm && !listReached) return undefined;
    return { ackLevel: confirm ? 2 : 1, listReached };
  }
}

/** The length of a payload in bytes; of text that is surely within the limit, a lower bound. */
function byteLength(payload: string | Uint8Array, limit: number): number {
  // Each unit of UTF-16 takes at most 3 bytes of UTF-8.
  if (payload.length * 3 <= limit) return payload.length;
  return Buffer.byteLength(payload);
}

/** An argument of a call, checked. */
function given<Value>(name: string, value: Value, kind: Kind): Value {
  check(`\`${name}\` of the call`, value, kind);
  return value;
}

function replyTarget({ requestId }: Message): SendRequest['target'] {
  if (requestId === undefined) {
    throw new TypeError('the message is not a request (use send with its socketId)');
  }
  return replyTo(requestId);
}

function limits(options: CallOptions | undefined, defaultMs = CALL_MS): CallLimits {
  if (options !== undefined) checkOptions('the call', options, CALL_OPTIONS);
  const deadline = Date.now() + (options?.deadlineMs ?? defaultMs);
  return { deadline, signal: options?.signal };
}
