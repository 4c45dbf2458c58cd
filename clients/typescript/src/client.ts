import { Channel, type CallLimits } from './channel.js';
import { findEndpoint, type ConnectOptions, type Endpoint } from './endpoint.js';
import { PagewireError, rpcError } from './errors.js';
import { fromLevel, type ConsoleLevel, type Message } from './event.js';
import type { DeliveryOptions } from './generated/pagewire/v1/common.js';
import type { SendRequest } from './generated/pagewire/v1/messages.js';
import type { SendCommandRequest } from './generated/pagewire/v1/sockets.js';
import { fromImport, toImportReport, type Import, type ImportReport } from './import.js';
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

/** How long connecting may take. */
const CONNECT_MS = 5_000;
/** How long a call may take unless it is told. */
const CALL_MS = 30_000;
/** How long pages may take to answer an import, unless it says so. */
const IMPORT_MS = 10_000;
/** What the daemon has beyond that to report who did not answer. */
const IMPORT_MARGIN_MS = 5_000;
/** Sockets or plugins asked for at a time. */
const PAGE_SIZE = 1000;

/** How a call is made. */
export interface CallOptions {
  /** When it is given up, in ms from now: `DEADLINE`. Default 30,000; of imports their own timeout and 5,000. */
  readonly deadlineMs?: number;
  /** Gives the call up: it fails with the signal's reason. Its effect is then unknown. */
  readonly signal?: AbortSignal;
}

/** How sends are confirmed and reported. */
export interface DeliveryChoices {
  /** A socket counts as reached when its browser has confirmed the frame. Default: when it is in its queue. */
  readonly confirmReceipt?: boolean;
  /** Reports name the sockets that were reached, not only their number. Default false. */
  readonly listReached?: boolean;
}

/** How a send is made. */
export interface SendOptions extends CallOptions, DeliveryChoices {}

/** How a console line is made. */
export interface ConsoleLogOptions extends SendOptions {
  /** Printed as `[source] text`. Default: the text alone. */
  readonly source?: string;
  /** Further arguments of the console method, each a JSON value. Makes the text a format string. */
  readonly args?: readonly unknown[];
}

/** Which daemon, and how its pages are sent to. */
export interface ClientOptions extends ConnectOptions, DeliveryChoices {
  /** Gives connecting up. */
  readonly signal?: AbortSignal;
}

/** The sockets of one instant. */
export interface SocketList {
  /** In no particular order. */
  readonly sockets: readonly Socket[];
  /** The instant: subscribe with `resumeAfter` it to miss nothing later. */
  readonly position: Position;
}

/**
 * Connects to a daemon, and asks it who it is: a wrong address or token is noticed here. Takes 5 s at most.
 *
 * The first of these that is there counts: what is passed; `PAGEWIRE_ENDPOINT` with `PAGEWIRE_TOKEN`; of the
 * daemons of the same user that run, the one whose root is nearest around the current folder, else one whose
 * root is below it, else the only one.
 */
export async function connect(options: ClientOptions = {}): Promise<Client> {
  return connectTo(await findEndpoint(options), options);
}

/** As `connect`, with what was found. */
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

/** Who is not reached, or answers without a reason, is no daemon of ours. */
function connectError(endpoint: string, error: PagewireError): PagewireError {
  const silent = error.reason === 'DEADLINE';
  if (error.kind !== 'disconnected' && error.reason !== undefined && !silent) return error;
  const problem = silent ? `no answer within ${CONNECT_MS / 1000} s` : error.message;
  const remedy = 'start `pagewire`, or pass the control endpoint that its ready line names';
  const text = `cannot connect to the daemon at ${endpoint}: ${problem} (${remedy})`;
  return new PagewireError('connect', text, { cause: error });
}

/**
 * A connection to a daemon.
 *
 * Everything may be called at the same time, and from inside a plugin's handlers. Nothing retries by itself.
 * A connection that was lost is made again by the next call; subscriptions and plugins end with it.
 *
 * A page that cannot be reached is a row of the report, never an error; so is nobody being connected. A target or
 * a value that makes no sense is an error (`FIELD_INVALID`).
 *
 * The process can end by itself about a second after the last call, and as soon as `close` is called.
 */
export class Client {
  readonly #channel: Channel;
  readonly #sends: SendStream;
  readonly #delivery: DeliveryChoices;

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
    return toServerInfo(await this.#channel.unary(methods.getServerInfo, {}, limits(options)));
  }

  /** The ready sockets that match; without a filter all that are connected. */
  async sockets(filter?: SocketFilter, options?: CallOptions): Promise<readonly Socket[]> {
    return (await this.listSockets(filter, options)).sockets;
  }

  /** As `sockets`, with the instant they were listed. */
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

  /** Configured plugins and live sessions, in the order in which their hooks are asked. */
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

  /** Sends a JSON value as one message. Page code expects an object with a `type`. 16 MiB at most by default. */
  async send(target: Target, value: unknown, options?: SendOptions): Promise<Report> {
    return this.#send(fromTarget(target), { $case: 'json', value: jsonText(value) }, options);
  }

  /** Sends JSON text as it is: numbers, key order and spaces survive. The daemon refuses what does not parse. */
  async sendJson(target: Target, json: string, options?: SendOptions): Promise<Report> {
    return this.#send(fromTarget(target), { $case: 'json', value: json }, options);
  }

  /** Sends a text frame, verbatim and unchecked. */
  async sendText(target: Target, text: string, options?: SendOptions): Promise<Report> {
    return this.#send(fromTarget(target), { $case: 'text', value: text }, options);
  }

  /** Sends a binary frame, verbatim. */
  async sendBinary(target: Target, bytes: Uint8Array, options?: SendOptions): Promise<Report> {
    return this.#send(fromTarget(target), { $case: 'binary', value: toBuffer(bytes) }, options);
  }

  /**
   * Answers a page's request. The first answer wins; later ones fail with `ALREADY_ANSWERED`, after 20 s with
   * `REQUEST_EXPIRED`.
   */
  async reply(message: Message, value: unknown, options?: CallOptions): Promise<Report> {
    return this.#send(toRequester(message), { $case: 'json', value: jsonText(value) }, options);
  }

  /** As `reply`, with JSON text that reaches the page as it is. */
  async replyJson(message: Message, json: string, options?: CallOptions): Promise<Report> {
    return this.#send(toRequester(message), { $case: 'json', value: json }, options);
  }

  /** Tells a page that its request failed, and why. Otherwise as `reply`. */
  async replyError(message: Message, text: string, options?: CallOptions): Promise<Report> {
    return this.#send(toRequester(message), { $case: 'error', value: text }, options);
  }

  /** Has pages import a module and call its default export. Returns as soon as they are told. */
  async sendImport(target: Target, given: Import, options?: CallOptions): Promise<Report> {
    const request = fromImport(target, given, false);
    const response = await this.#channel.unary(methods.sendImport, request, limits(options));
    return toReport(response.report);
  }

  /**
   * Has pages import a module and call its default export, and waits for what it returns (or its promise
   * resolves to). Takes as long as the slowest page, up to `timeoutMs`. Waiting in a hook for a page whose load
   * depends on that hook ends by deadline only.
   */
  async importValue(target: Target, given: Import, options?: CallOptions): Promise<ImportReport> {
    const timeoutMs =
      given.timeoutMs ?? (options?.deadlineMs === undefined ? IMPORT_MS : undefined);
    const request = fromImport(
      target,
      timeoutMs === undefined ? given : { ...given, timeoutMs },
      true,
    );
    const limit = limits(options, (timeoutMs ?? IMPORT_MS) + IMPORT_MARGIN_MS);
    return toImportReport(await this.#channel.unary(methods.sendImport, request, limit));
  }

  /** Prints to the console of pages, exactly: the text is no format string unless there are `args`. */
  async consoleLog(
    target: Target,
    level: ConsoleLevel,
    text: string,
    options?: ConsoleLogOptions,
  ): Promise<Report> {
    const request = {
      target: fromTarget(target),
      level: fromLevel(level),
      source: options?.source ?? '',
      text,
      argsJson: options?.args?.map(jsonText) ?? [],
      delivery: this.#deliver(options),
    };
    const response = await this.#channel.unary(methods.sendConsoleLog, request, limits(options));
    return toReport(response.report);
  }

  /** Reloads pages. Reports delivery, not that they have loaded again. */
  reload(target: Target, options?: SendOptions): Promise<Report> {
    return this.#command(target, { $case: 'reload', value: {} }, options);
  }

  /** Sends pages to another URL, resolved against each page's own. Reports delivery. */
  navigate(target: Target, url: string, options?: SendOptions): Promise<Report> {
    return this.#command(target, { $case: 'navigate', value: { url } }, options);
  }

  /**
   * Swaps stylesheets for their new content; the pages keep their state. URL paths, each beginning with `/`; an
   * empty list means every stylesheet of the pages' own origin.
   */
  swapStylesheets(target: Target, paths: OneOrMore, options?: SendOptions): Promise<Report> {
    const value = { paths: list(paths) };
    return this.#command(target, { $case: 'swapStylesheets', value }, options);
  }

  /**
   * Closes sockets with a WebSocket close code: 1000 (the default), 4000-4499 (the page connects again) or
   * 4500-4999 (it does not). The reason has 123 bytes at most.
   */
  async closeSockets(
    target: Target,
    closeCode = 1000,
    closeReason = '',
    options?: CallOptions,
  ): Promise<Report> {
    const request = { target: fromTarget(target), closeCode, closeReason };
    const response = await this.#channel.unary(methods.closeSockets, request, limits(options));
    return toReport(response.report);
  }

  /**
   * Has the daemon forget remembered and cached results of hooks; returns how many there were. Results of calls
   * that began before it returns are never remembered.
   */
  async invalidate(stale: Stale, options?: CallOptions): Promise<number> {
    const response = await this.#channel.unary(
      methods.invalidate,
      fromStale(stale),
      limits(options),
    );
    return response.entriesForgotten;
  }

  /** Subscribes, and returns once that is in force: nothing that happens later is missed. */
  subscribe(options: SubscribeOptions = {}, signal?: AbortSignal): Promise<Subscription> {
    return subscribe(this.#channel, options, signal);
  }

  /** Ends the connection. Calls that run fail, subscriptions end. */
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
    // The encoder would put another letter in place of half a surrogate pair.
    if (isText && !payload.value.isWellFormed()) {
      const problem = 'a text of the send is not Unicode (send it as bytes)';
      throw rpcError('INVALID_ARGUMENT', 'FIELD_INVALID', problem);
    }
    const delivery = this.#deliver(options);
    const request = { target, payload, delivery };
    const limit = limits(options);
    // Confirmation is not for the stream, where later sends would wait for it.
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
    const request = { target: fromTarget(target), command, delivery: this.#deliver(options) };
    const response = await this.#channel.unary(methods.sendCommand, request, limits(options));
    return toReport(response.report);
  }

  #deliver(options: DeliveryChoices | undefined): DeliveryOptions | undefined {
    const confirm = options?.confirmReceipt ?? this.#delivery.confirmReceipt ?? false;
    const listReached = options?.listReached ?? this.#delivery.listReached ?? false;
    if (!confirm && !listReached) return undefined;
    return { ackLevel: confirm ? 2 : 1, listReached };
  }
}

function toRequester({ requestId }: Message): SendRequest['target'] {
  if (requestId === undefined) {
    throw new TypeError('the message is no request (use send, with its socketId)');
  }
  return replyTo(requestId);
}

function limits(options: CallOptions | undefined, otherwiseMs = CALL_MS): CallLimits {
  const deadline = Date.now() + (options?.deadlineMs ?? otherwiseMs);
  return { deadline, signal: options?.signal };
}
