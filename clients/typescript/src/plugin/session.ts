/** A plugin's session: as long as its stream is held, the plugin is part of the daemon. */

import type { Channel } from '../channel.js';
import type { Client } from '../client.js';
import { deferred } from '../deferred.js';
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
import * as methods from '../methods.js';
import { toPosition } from '../position.js';
import { toSocket } from '../socket.js';
import type { HookPlace, OpenHook } from './hook.js';
import { openHooks } from './hooks.js';
import { Listening, listens } from './listen.js';
import type { Context, Plugin } from './plugin.js';

/** How long the session may take to say why a hook's stream ended before it did. */
const VERDICT_MS = 1_000;
/** For leaving, if the daemon does not say how long it waits. */
const GRACE_MS = 2_000;

/** How a session is run. */
export interface SessionOptions {
  /** Of a process that the daemon spawned; else empty. */
  readonly launchId: string;
  /** Ends the plugin in order. */
  readonly signal: AbortSignal;
  /** Told once the plugin is in force, with the folders that the daemon serves. */
  readonly onReady: (rootDirs: readonly string[]) => void;
}

/** Runs a plugin until its session ends: without an error if the daemon or the program ended it in order. */
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
  /** Resolves with the grace in ms when it is time to leave, fails when the session is lost. */
  readonly #leaving = deferred<number>();
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
  }

  async run(): Promise<void> {
    const { signal, launchId } = this.#options;
    const leave = () => this.#leaving.resolve(GRACE_MS);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) return;
    try {
      const stream = this.#channel.read(methods.serverStart, startRequest(this.#plugin, launchId), {
        onMessage: (message) => this.#told(message),
        onEnd: (error) => {
          if (error === undefined) this.#leaving.resolve(GRACE_MS);
          else this.#leaving.reject(error);
        },
      });
      this.#cancelSession = () => stream.cancel();
      await Promise.race([this.#open(), this.#leaving.promise]);
      const graceMs = await this.#leaving.promise;
      await within(graceMs, this.#leave());
    } finally {
      signal.removeEventListener('abort', leave);
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
    const place: HookPlace = {
      channel: this.#channel,
      client: this.#client,
      sessionId: started.sessionId,
      onEnd: (error) => this.#hookEnded(error),
    };
    this.#context = context;
    this.#hooks.push(...openHooks(this.#plugin, place));
    const opening = this.#hooks.map((hook) => hook.opened);
    if (listens(this.#plugin)) {
      this.#listening = new Listening(this.#plugin, place);
      opening.push(this.#listening.open(context));
    }
    // Why one does not open is told by its end.
    await Promise.all(opening).catch((error: unknown) => {
      this.#hookEnded(error);
      return this.#leaving.promise;
    });
    this.#startIfReady();
  }

  #told({ event }: ServerStartResponse): void {
    switch (event?.$case) {
      case 'started':
        this.#started.resolve(event.value);
        break;
      case 'ready':
        this.#isReady = true;
        this.#startIfReady();
        break;
      case 'stopping':
        this.#leaving.resolve(toDuration(event.value.grace) ?? GRACE_MS);
        break;
    }
  }

  /** Once the daemon says ready, which is also said to a plugin without hooks, before it has a context. */
  #startIfReady(): void {
    if (!this.#isReady || this.#context === undefined) return;
    this.#isReady = false;
    this.#hasBegun = true;
    const context = this.#context;
    this.#options.onReady(context.rootDirs);
    void this.#guarded('serverStart', () => this.#plugin.serverStart?.(context)).catch(
      (error: unknown) => this.#leaving.reject(error),
    );
  }

  /** The end of a session ends its hooks too, and the session knows why. */
  #hookEnded(error: unknown): void {
    const why = error ?? unexpected('a hook that ended by itself');
    const isVerdict = why instanceof PagewireError && why.code === 'INVALID_ARGUMENT';
    if (isVerdict) this.#leaving.reject(why);
    else setTimeout(() => this.#leaving.reject(why), VERDICT_MS).unref();
  }

  async #leave(): Promise<void> {
    // Hooks go on meanwhile: the stop handler may need what they serve.
    if (this.#hasBegun) {
      await this.#guarded('serverStop', () => this.#plugin.serverStop?.(this.#client));
    }
    await Promise.all([this.#listening?.finish(), ...this.#hooks.map((hook) => hook.finish())]);
    if (this.#options.signal.aborted) await this.#end();
  }

  /** Returns when nothing in the daemon waits for the plugin any more. */
  async #end(): Promise<void> {
    const { sessionId } = await this.#started.promise;
    const limits = { deadline: Date.now() + GRACE_MS };
    // What fails has ended it too: it is gone, or the connection is.
    await this.#channel.unary(methods.endSession, { sessionId }, limits).catch(() => undefined);
  }

  async #guarded(what: string, handler: () => unknown): Promise<void> {
    try {
      await handler();
    } catch (cause) {
      const text = `plugin \`${this.#plugin.name}\`: ${what} failed: ${errorText(cause)}`;
      throw new PagewireError('plugin', text, { cause });
    }
  }
}

function toContext(started: ServerStarted, client: Client): Context {
  return {
    client,
    pluginName: started.pluginName,
    sockets: started.sockets.map(toSocket),
    socketsTruncated: started.socketsTruncated,
    position: toPosition(started.position),
    server: toServerInfo(started.server ?? NO_INFO),
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

/** What is not done by then never will be: the daemon cuts the streams. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  try {
    await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
