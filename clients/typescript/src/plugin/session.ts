/** The session of a plugin: the plugin is connected for as long as its stream is open. */

import type { Channel } from '../channel.js';
import type { Client } from '../client.js';
import { deferred, within } from '../deferred.js';
import { toDuration } from '../duration.js';
import { PagewireError, unexpected } from '../errors.js';
import { errorText } from '../failure.js';
import type {
  GetServerInfoResponse,
  ServerStarted,
  ServerStartRequest,
  ServerStartResponse,
} from '../generated/pagewire/v1/control.js';
import { Hook as WireHook } from '../generated/pagewire/v1/hooks.js';
import { toServerInfo } from '../info.js';
import type { Logger } from '../logger.js';
import * as methods from '../methods.js';
import { toPosition } from '../position.js';
import { toSocket } from '../socket.js';
import type { HookSession, OpenHook } from './hook.js';
import { openHooks } from './hooks.js';
import { Listening, listens } from './listen.js';
import type { Context, Plugin } from './plugin.js';
import { Start } from './start.js';

/** How long to wait, after a hook's stream has ended, for the session's stream to report why the session ended. */
const REASON_TIMEOUT_MS = 1_000;
/** Grace period for stopping, if the daemon does not state one. */
const GRACE_MS = 2_000;

/** Options of a session. */
export interface SessionOptions {
  /** The launch id of a process that the daemon spawned; else empty. */
  readonly launchId: string;
  /** Stops the plugin gracefully. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Called once the plugin is ready, before `serverStart`. */
  readonly onReady: (context: Context) => void;
}

/** Runs a plugin until its session ends; resolves if the daemon or the program ended it gracefully. */
export async function runSession(
  plugin: Plugin,
  client: Client,
  options: SessionOptions,
): Promise<void> {
  const session = new Session(plugin, client, options);
  try {
    await session.run();
  } finally {
    session.cancel();
  }
}

class Session {
  readonly #plugin: Plugin;
  readonly #client: Client;
  readonly #channel: Channel;
  readonly #options: SessionOptions;
  readonly #started = deferred<ServerStarted>();
  readonly #start: Start;
  /** Resolves with the grace period in ms when the plugin should stop; rejects when the session is lost. */
  readonly #stopping = deferred<number>();
  readonly #hooks: OpenHook[] = [];
  #listening: Listening | undefined;
  #context: Context | undefined;
  #isReady = false;
  #hasBegun = false;
  #cancelSession = () => {};

  constructor(plugin: Plugin, client: Client, options: SessionOptions) {
    this.#plugin = plugin;
    this.#client = client;
    this.#channel = client.channel;
    this.#options = options;
    this.#start = new Start(plugin.name);
    if (plugin.serverStart === undefined) this.#start.end();
  }

  async run(): Promise<void> {
    const { signal, launchId } = this.#options;
    const stop = () => this.#stopping.resolve(GRACE_MS);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) return;
    try {
      const stream = this.#channel.read(methods.serverStart, startRequest(this.#plugin, launchId), {
        onMessage: (message) => this.#onEvent(message),
        onEnd: (error) => {
          if (error === undefined) this.#stopping.resolve(GRACE_MS);
          else this.#stopping.reject(error);
        },
      });
      this.#cancelSession = () => stream.cancel();
      await Promise.race([this.#open(), this.#stopping.promise]);
      const graceMs = await this.#stopping.promise;
      // After the grace period the daemon closes the streams.
      await within(graceMs, this.#shutDown());
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  cancel(): void {
    for (const hook of this.#hooks) hook.cancel();
    this.#listening?.cancel();
    this.#cancelSession();
  }

  async #open(): Promise<void> {
    const started = await this.#started.promise;
    const context = toContext(started, this.#client);
    const hookSession: HookSession = {
      pluginName: this.#plugin.name,
      channel: this.#channel,
      client: this.#client,
      logger: this.#options.logger,
      sessionId: started.sessionId,
      start: this.#start,
      onEnd: (error) => this.#hookEnded(error),
    };
    this.#context = context;
    this.#hooks.push(...openHooks(this.#plugin, hookSession));
    const opening = this.#hooks.map((hook) => hook.opened);
    if (listens(this.#plugin)) {
      this.#listening = new Listening(this.#plugin, hookSession);
      opening.push(this.#listening.open(context));
    }
    // The session's stream ends with the reason why a hook did not open.
    await Promise.all(opening).catch((error: unknown) => {
      this.#hookEnded(error);
      return this.#stopping.promise;
    });
    this.#startIfReady();
  }

  #onEvent({ event }: ServerStartResponse): void {
    switch (event?.$case) {
      case 'started':
        this.#started.resolve(event.value);
        break;
      case 'ready':
        this.#isReady = true;
        this.#startIfReady();
        break;
      case 'stopping':
        this.#stopping.resolve(toDuration(event.value.grace) ?? GRACE_MS);
        break;
    }
  }

  /** Starts the plugin once the daemon is ready and the context exists; without hooks, ready may arrive first. */
  #startIfReady(): void {
    if (!this.#isReady || this.#context === undefined) return;
    this.#isReady = false;
    this.#hasBegun = true;
    const context = this.#context;
    this.#options.onReady(context);
    this.#runHandler('serverStart', () => this.#plugin.serverStart?.(context)).then(
      () => this.#start.end(),
      (error: unknown) => this.#stopping.reject(error),
    );
  }

  /** The end of a session ends its hooks too, and the session's stream has the reason. */
  #hookEnded(error: unknown): void {
    const reason = error ?? unexpected('the hook ended unexpectedly');
    const isFinal = reason instanceof PagewireError && reason.code === 'INVALID_ARGUMENT';
    if (isFinal) this.#stopping.reject(reason);
    else setTimeout(() => this.#stopping.reject(reason), REASON_TIMEOUT_MS).unref();
  }

  async #shutDown(): Promise<void> {
    // Hooks continue meanwhile: the stop handler may need what they serve.
    if (this.#hasBegun) {
      await this.#runHandler('serverStop', () => this.#plugin.serverStop?.(this.#client));
    }
    await Promise.all([this.#listening?.finish(), ...this.#hooks.map((hook) => hook.finish())]);
    if (this.#options.signal.aborted) await this.#end();
  }

  /** Ends the session; resolves once the daemon no longer waits for the plugin. */
  async #end(): Promise<void> {
    const { sessionId } = await this.#started.promise;
    const limits = { deadline: Date.now() + GRACE_MS };
    // An error means that the session or the connection has ended anyway.
    await this.#channel.unary(methods.endSession, { sessionId }, limits).catch(() => undefined);
  }

  async #runHandler(what: string, handler: () => unknown): Promise<void> {
    try {
      await handler();
    } catch (cause) {
      const text = `plugin \`${this.#plugin.name}\`: ${what} failed: ${errorText(cause)}`;
      throw new PagewireError('plugin', text, { cause });
    }
  }
}

function toContext(started: ServerStarted, client: Client): Context {
  const serverInfo = toServerInfo(started.server ?? NO_INFO);
  return {
    client,
    pluginName: started.pluginName,
    sockets: started.sockets.map(toSocket),
    socketsTruncated: started.socketsTruncated,
    position: toPosition(started.position),
    serverInfo,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- for users of the old name
    server: serverInfo,
    rootDirs: started.rootDirs,
    scratchDir: started.scratchDir,
    config: started.configJson === '' ? undefined : (JSON.parse(started.configJson) as unknown),
  };
}

const NO_INFO: GetServerInfoResponse = {
  serverVersion: '',
  features: [],
  baseUrls: [],
  epoch: '',
  startTime: undefined,
  limits: undefined,
  refusedFrames: 0,
  injectsClient: false,
  pagesWithClient: 0,
  pagesWithoutClient: 0,
  allowedOrigins: [],
  withoutClientReasons: [],
};

function startRequest(plugin: Plugin, launchId: string): ServerStartRequest {
  const hooks: WireHook[] = [];
  if (plugin.serve) hooks.push(WireHook.SERVE);
  if (plugin.transform) hooks.push(WireHook.TRANSFORM);
  if (plugin.resolveImport) hooks.push(WireHook.RESOLVE_IMPORT);
  if (listens(plugin)) hooks.push(WireHook.SUBSCRIBE_MESSAGES);
  return {
    pluginName: plugin.name,
    pluginVersion: plugin.version ?? '',
    requiredFeatures: [...(plugin.requiredFeatures ?? [])],
    hooks,
    replaceExisting: plugin.replaceExisting ?? false,
    injectWebSocket: plugin.injectWebSocket ?? false,
    launchId,
  };
}
