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
 * A plugin: its name and its handlers. `run` runs it.
 *
 * Handlers may return promises and use the client freely. Hook calls run concurrently; events of one socket are
 * handled sequentially, those of different sockets concurrently, at most 256 in total. At the limit no event is read until
 * a handler has finished.
 *
 * A handler that fails never ends the plugin: its error is logged, and errors of hooks (`serve`, `transform`,
 * `resolveImport`) are also shown in the page, those of `onRequest` are also sent to the page. The exceptions are
 * `serverStart` and `serverStop`, whose errors end `run`.
 */
export interface Plugin {
  /** `[a-z][a-z0-9-]{0,62}`, unique among the connected plugins. */
  readonly name: string;
  /** Version of the plugin, shown in plugin lists and logs. */
  readonly version?: string;
  /** Features that the plugin needs; `run` fails with `FEATURE_UNSUPPORTED` if the daemon lacks one of them. */
  readonly requiredFeatures?: readonly string[];
  /** Requests the injection of the socket client into HTML pages, so that they connect. Default false. */
  readonly injectWebSocket?: boolean;
  /** Replaces a connected plugin of the same name. Default: a name that is taken is an error (`PLUGIN_NAME_TAKEN`). */
  readonly replaceExisting?: boolean;

  /**
   * Called once all hooks are open, and again after each reconnect. Calls and events wait until it has returned; a call
   * waits at most 10 s, and until 0.5 s before its deadline, and then the page gets 503.
   */
  serverStart?(context: Context): unknown;
  /**
   * Called when the daemon or the program stops the plugin. It has the daemon's grace period, or 2 s when the program
   * stops the plugin.
   */
  serverStop?(client: Client): unknown;

  /** Serves requests. */
  readonly serve?: Serve;
  /** Transforms responses, whatever their source. Results are cached. */
  readonly transform?: Transform;
  /** Resolves the imports of modules. Results are cached until the module or a file they depend on changes. */
  readonly resolveImport?: ResolveImport;

  /** Handlers by message `type`, called for every such message of a page. */
  readonly onMessage?: Readonly<Record<string, (message: Message, client: Client) => unknown>>;
  /**
   * Handlers by message `type`. The returned JSON value, or the error, is the response to a request that a page sends
   * with `sendMessageWaitForResponse`; the page waits up to 20 s. The handler is also called for a plain message (one
   * that expects no reply); its result is discarded.
   */
  readonly onRequest?: Readonly<Record<string, (message: Message, client: Client) => unknown>>;
  /** Called for every socket that opens; its page may not have sent its hello yet. */
  onSocketOpened?(socket: Socket, client: Client): unknown;
  /** Called once for every socket that becomes ready. Those already ready are in `context.sockets`. */
  onSocketReady?(socket: Socket, client: Client): unknown;
  /** Called for every socket that closes, after its messages. */
  onSocketClosed?(closed: SocketClosed, client: Client): unknown;
}

/** Options of a hook. */
export interface HookOptions {
  /** The requests for which it is called. There is no default: `{ all: true }` matches all. */
  readonly filter: Filters | LiveFilters;
  /** Time limit of one call in ms, including queueing; after it the page gets 504. Default 5,000. */
  readonly callTimeoutMs?: number;
  /** Limit of concurrent calls; up to 1,024 more wait in the daemon. Default 32. */
  readonly maxConcurrentCalls?: number;
  /** Whether to show an error or skip this plugin when it is too slow, overloaded or disconnected. Default `fail`. */
  readonly failureMode?: 'fail' | 'skip';
  /** Request headers to receive, lower-case; `*` = all. They are part of the cache key. Default none. */
  readonly forwardRequestHeaders?: readonly string[];
}

/** The serve hook. */
export interface Serve extends HookOptions {
  /** When it is called: before all plugins, before files, or when no file matches. Default `before_files`. */
  readonly phase?: 'first' | 'before_files' | 'after_files';
  /** Largest request body to receive, in bytes; a larger one is omitted. Default 0: none. */
  readonly maxRequestBodyBytes?: number;
  /** Returns the content, or skips the request: the next plugin or the file system serves it. */
  handler(request: ServeCall, client: Client): Awaitable<Served>;
}

/** The transform hook. */
export interface Transform extends HookOptions {
  /** Largest body to transform, in bytes; a larger response is passed on unchanged. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Returns the changes, if any. */
  handler(response: TransformCall, client: Client): Awaitable<Transformed>;
}

/** The resolveImport hook. Its filter is on the request for the importing module. */
export interface ResolveImport extends HookOptions {
  /** Limits the hook to specifiers that match any of these (RE2, unanchored); `^[^./]` = bare ones. Default all. */
  readonly specifiers?: readonly string[];
  /** Returns the resolved imports; called once per module, with all its imports. */
  handler(call: ResolveImportCall, client: Client): Awaitable<Resolved>;
}

/** A running plugin's view of its daemon, at the start of the session. */
export interface Context {
  /** The plugin's client. */
  readonly client: Client;
  /** The plugin's name, as the daemon knows it. */
  readonly pluginName: string;
  /** The connected sockets, at most 1,000. */
  readonly sockets: readonly Socket[];
  /** Whether more sockets were connected; `client.sockets()` lists all of them. */
  readonly socketsTruncated: boolean;
  /** The position in the event log at which `sockets` was taken; a subscription that resumes there misses nothing. */
  readonly position: Position;
  /** Version, features and limits of the daemon. */
  readonly serverInfo: ServerInfo;
  /** @deprecated Renamed to `serverInfo`. */
  readonly server: ServerInfo;
  /** The served folders, absolute, on the daemon's machine. */
  readonly rootDirs: readonly string[];
  /** A folder for this session, absolute, removed when it ends. Served content may be a file in it. */
  readonly scratchDir: string;
  /** The plugin's section of the daemon's configuration; undefined if it has none. */
  // The author of the plugin knows the type of its configuration.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly config: any;
}
