import type { Client } from '../client.js';
import type { Message, SocketClosed } from '../event.js';
import type { Filters } from '../filter.js';
import type { ServerInfo } from '../info.js';
import type { LiveFilters } from '../liveFilters.js';
import type { Position } from '../position.js';
import type { Socket } from '../socket.js';
import type { ResolveImportCall, ServeCall, TransformCall } from './request.js';
import type { Resolved, Served, Transformed } from './results.js';

/** A value, or a promise of one. */
export type Awaitable<Value> = Value | PromiseLike<Value>;

/**
 * A plugin: its name, and what it does when something happens. `run` runs it.
 *
 * Handlers may return promises and use the client freely. Calls of hooks run at the same time; events of one
 * socket are handled one after the other, those of different sockets at the same time, 256 altogether. Beyond that
 * no event is read until one is done.
 *
 * A handler that fails never ends the plugin: the hooks (`serve`, `transform`, `resolveImport`) show the failure
 * in the page, `onRequest` tells it the page, all others write it to standard error. The exceptions are
 * `serverStart` and `serverStop`, whose errors end `run`.
 */
export interface Plugin {
  /** `[a-z][a-z0-9-]{0,62}`, which no other live plugin may have. */
  readonly name: string;
  /** Its version, for people. */
  readonly version?: string;
  /** Refuses to run (`FEATURE_UNSUPPORTED`) with a daemon that lacks any of these. */
  readonly requiredFeatures?: readonly string[];
  /** Has the socket client put into HTML pages, so that they connect. Default false. */
  readonly injectWebSocket?: boolean;
  /** Takes the name over from a live plugin. Default: its being taken is an error (`PLUGIN_NAME_TAKEN`). */
  readonly replaceExisting?: boolean;

  /** Called when all hooks are in force; again whenever the plugin has come back. Hooks may be called before. */
  serverStart?(context: Context): unknown;
  /** Called when the daemon stops or the program ends the plugin. It has 2 s, or what the daemon grants. */
  serverStop?(client: Client): unknown;

  /** Answers requests. */
  readonly serve?: Serve;
  /** Changes responses, wherever they come from. What comes of it is kept: the same is not asked again. */
  readonly transform?: Transform;
  /** Says what modules import. What comes of it is kept until the module or a file it depends on changes. */
  readonly resolveImport?: ResolveImport;

  /** By the `type` of a message: called for every one that a page sends. */
  readonly onMessage?: Readonly<Record<string, (message: Message, client: Client) => unknown>>;
  /**
   * By the `type` of a message: answers every request that a page makes with `sendMessageWaitForResponse`, with the
   * JSON value that is returned, or with the error. The page waits up to 20 s. A message that is no request has its
   * handler called, and no answer.
   */
  readonly onRequest?: Readonly<Record<string, (message: Message, client: Client) => unknown>>;
  /** Called for every socket that opens, at once: its page may not have said what it is. */
  onSocketOpened?(socket: Socket, client: Client): unknown;
  /** Called once for every socket that becomes ready. Those that were are in `context.sockets`. */
  onSocketReady?(socket: Socket, client: Client): unknown;
  /** Called for every socket that closes, after its messages. */
  onSocketClosed?(closed: SocketClosed, client: Client): unknown;
}

/** How the daemon calls a hook. */
export interface HookOptions {
  /** What it is asked about. There is no default: everything is `{ all: true }`. */
  readonly filter: Filters | LiveFilters;
  /** How long one call may take, in ms, queueing included; then the page gets 504. Default 5,000. */
  readonly callTimeoutMs?: number;
  /** Calls that may run at once; up to 1,024 more wait in the daemon. Default 32. */
  readonly maxConcurrentCalls?: number;
  /** What pages get when this plugin is too slow, overloaded or gone: are told, or it is skipped. Default `fail`. */
  readonly failureMode?: 'fail' | 'skip';
  /** Request headers to see, lower-case; `*` = all. Take part in the key of kept results. Default none. */
  readonly forwardRequestHeaders?: readonly string[];
}

/** The serve hook. */
export interface Serve extends HookOptions {
  /** When it is asked: ahead of every plugin, ahead of files, or when no file answers. Default `before_files`. */
  readonly phase?: 'first' | 'before_files' | 'after_files';
  /** Largest request body to see, in bytes; of a larger one `bodyOmitted` tells. Default 0: none. */
  readonly maxRequestBodyBytes?: number;
  /** Makes the response, or skips. */
  handler(request: ServeCall, client: Client): Awaitable<Served>;
}

/** The transform hook. */
export interface Transform extends HookOptions {
  /** Largest body to change, in bytes; a larger response passes by. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Says what becomes different, if anything. */
  handler(response: TransformCall, client: Client): Awaitable<Transformed>;
}

/** The resolveImport hook. Its filter is on the request for the importing module. */
export interface ResolveImport extends HookOptions {
  /** Only specifiers that any of these is found in (RE2, unanchored); `^[^./]` are the bare ones. Default all. */
  readonly specifiers?: readonly string[];
  /** Says what to import instead; called once for each module, with all its imports. */
  handler(call: ResolveImportCall, client: Client): Awaitable<Resolved>;
}

/** A running plugin's view of its daemon, as it was when the session began. */
export interface Context {
  /** The connection that the plugin runs on. */
  readonly client: Client;
  /** The plugin's name, as the daemon knows it. */
  readonly pluginName: string;
  /** The sockets that were connected, 1,000 at most. */
  readonly sockets: readonly Socket[];
  /** More sockets were connected: `client.sockets()` lists them. */
  readonly socketsTruncated: boolean;
  /** The instant of `sockets` in the event log. */
  readonly position: Position;
  /** Version, features and limits of the daemon. */
  readonly server: ServerInfo;
  /** The folders being served, absolute, on the daemon's machine. */
  readonly rootDirs: readonly string[];
  /** A folder of this session's own, absolute, removed with it: content may name files in it. */
  readonly scratchDir: string;
  /** The plugin's section of the daemon's configuration; undefined if it has none. */
  // Whoever writes the plugin knows its configuration.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly config: any;
}
