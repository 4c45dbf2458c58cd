import { setTimeout as sleep } from 'node:timers/promises';
import { BOOLEAN, SIGNAL, checkOptions, type Shape } from '../check.js';
import { connectTo } from '../client.js';
import { CONNECT_OPTIONS, findEndpoint, variable, type ConnectOptions } from '../endpoint.js';
import { PagewireError } from '../errors.js';
import { LOGGER, toLogger, type Logger } from '../logger.js';
import { checkPlugin } from './declaration.js';
import type { Context, Plugin } from './plugin.js';
import { runSession, type SessionOptions } from './session.js';

/** Delays before reconnect attempts; the last one applies to all further attempts. */
const RECONNECT_DELAYS_MS = [200, 500, 1_000, 2_000, 5_000];

/** Options of running a plugin. */
export interface RunOptions extends ConnectOptions {
  /** Stops the plugin gracefully: running handlers may finish, `serverStop` is called, all within 2 s. */
  readonly signal?: AbortSignal;
  /**
   * Stops the plugin in the same way on SIGINT and SIGTERM; a second signal ends the program at once. Default: true,
   * unless `signal` is given, because such a program may handle signals itself.
   */
  readonly signals?: boolean;
  /**
   * Receives the log: connections at info, a lost one as a warning, failures of handlers as errors. Default: standard
   * error; `false` = silent.
   */
  readonly logger?: Logger | false;
}

const RUN_OPTIONS: Shape<RunOptions> = {
  ...CONNECT_OPTIONS,
  signal: SIGNAL,
  signals: BOOLEAN,
  logger: LOGGER,
};

/**
 * Runs a plugin with the daemon that spawned it, else with the one that `options` name, else with a discovered one as in
 * `connect`.
 *
 * The plugin reconnects without limit when the connection is lost or the daemon stops, and logs that; if it discovered
 * its daemon, it reconnects only to one that serves the same folders. `serverStart` is called again. `run` returns when
 * SIGINT, SIGTERM or `signal` stops the plugin: then the daemon no longer waits for the plugin, and its name is free. A
 * plugin that the daemon spawned does not reconnect: it returns when the daemon stops, or at the end of its standard
 * input, so the rest of the program must not read standard input.
 *
 * Rejects when the daemon refuses the plugin permanently (because of a filter, a missing feature, a name that is taken,
 * or a token that was given and not discovered), when another plugin replaces it, when the first attempt finds no
 * daemon, or when `serverStart` or `serverStop` fails.
 */
export function run(plugin: Plugin, options: RunOptions = {}): Promise<void> {
  return runUntilStopped(plugin, options, keepRunning);
}

/** Like `run`, but without reconnecting: returns when the daemon stops, and rejects when the connection is lost. */
export function runOnce(plugin: Plugin, options: RunOptions = {}): Promise<void> {
  return runUntilStopped(plugin, options, (running) => runSessionOf(running));
}

/** A plugin that runs. */
interface Running {
  readonly plugin: Plugin;
  readonly options: RunOptions;
  readonly launchId: string;
  readonly logger: Logger;
  /** Stops the plugin, for whatever reason. */
  readonly signal: AbortSignal;
}

/** Runs a plugin, and a spawned one only once, until it ends or is stopped. */
async function runUntilStopped(
  plugin: Plugin,
  options: RunOptions,
  runIt: (running: Running) => Promise<void>,
): Promise<void> {
  checkPlugin(plugin);
  checkOptions('run', options, RUN_OPTIONS);
  const launchId = options.endpoint === undefined ? (variable('PAGEWIRE_LAUNCH_ID') ?? '') : '';
  const controller = new AbortController();
  const { signal } = controller;
  const stop = () => controller.abort();
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener('abort', stop);
  if (options.signals ?? options.signal === undefined) stopOnSignals(stop, signal);
  if (launchId !== '') stopAtEndOfInput(stop, signal);
  const running = { plugin, options, launchId, logger: toLogger(options.logger), signal };
  try {
    await (launchId === '' ? runIt(running) : runSessionOf(running));
  } catch (error) {
    if (!isStopped(signal, error)) throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    // Removes what else can stop it.
    stop();
  }
}

/** Stops a plugin on the first signal. The next one has its default effect: the program ends. */
function stopOnSignals(stop: () => void, stopped: AbortSignal): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, stop);
    stopped.addEventListener('abort', () => process.off(name, stop));
  }
}

/** Stops a spawned plugin at the end of its standard input: only that shows that the daemon was killed. */
function stopAtEndOfInput(stop: () => void, stopped: AbortSignal): void {
  const { stdin } = process;
  stdin.once('end', stop).once('close', stop).once('error', stop);
  stdin.resume();
  const release = () => {
    stdin.off('end', stop).off('close', stop).off('error', stop);
    // An open standard input would keep the process alive.
    stdin.destroy();
  };
  stopped.addEventListener('abort', release);
}

/** Runs sessions until the plugin is stopped. */
async function keepRunning(running: Running): Promise<void> {
  const { options, logger, signal } = running;
  /** The folders of the previous daemon. */
  let rootDirs: readonly string[] | undefined;
  let attempts = 0;
  while (!signal.aborted) {
    let reason = 'it stopped';
    try {
      await runSessionOf(running, rootDirs, (context) => {
        rootDirs = context.rootDirs;
        attempts = 0;
      });
    } catch (error) {
      if (rootDirs === undefined || isPermanent(error, options)) throw error;
      reason = (error as PagewireError).problem;
    }
    const delayMs = RECONNECT_DELAYS_MS[Math.min(attempts, RECONNECT_DELAYS_MS.length - 1)] ?? 0;
    if (attempts === 0 && !signal.aborted) {
      logger.warn(`lost the daemon: ${reason}; connecting again in ${delayMs / 1000} s`);
    }
    attempts += 1;
    // The signal ends the delay too.
    await sleep(delayMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Runs one session. `rootDirs` are the folders of the daemon to which it reconnects. */
async function runSessionOf(
  { plugin, options, launchId, logger, signal }: Running,
  rootDirs?: readonly string[],
  onReady: SessionOptions['onReady'] = () => undefined,
): Promise<void> {
  const client = await connectTo(await findEndpoint(options, rootDirs), { ...options, signal });
  const again = rootDirs === undefined ? '' : ' again';
  const onReadyLogged = (context: Context) => {
    const url = context.serverInfo.baseUrls[0]?.replace(/\/$/, '') ?? client.endpoint;
    logger.info(`connected to ${url}${again} as "${context.pluginName}"`);
    onReady(context);
  };
  try {
    await runSession(plugin, client, { launchId, signal, logger, onReady: onReadyLogged });
  } finally {
    client.close();
  }
}

/** Whether an error is only a consequence of stopping the plugin. A failed handler is an error of its own. */
function isStopped(signal: AbortSignal, error: unknown): boolean {
  return signal.aborted && !(error instanceof PagewireError && error.kind === 'plugin');
}

/** Whether a retry would fail too. A name that is taken may be our own, from a lost connection. */
function isPermanent(error: unknown, options: ConnectOptions): boolean {
  if (!(error instanceof PagewireError)) return true;
  const { kind, code, reason } = error;
  if (kind === 'plugin' || kind === 'endpoint') return true;
  if (kind !== 'rpc') return false;
  // The session was lost while its hooks were being opened.
  if (reason === 'SESSION_GONE') return false;
  if (code === 'UNAUTHENTICATED') return namesToken(options);
  return code === 'INVALID_ARGUMENT' || code === 'FAILED_PRECONDITION' || reason === 'REPLACED';
}

/** Whether the token was named. A discovered one may belong to the previous daemon, and is discovered again. */
function namesToken({ endpoint, token, tokenFile }: ConnectOptions): boolean {
  if (token !== undefined || tokenFile !== undefined) return true;
  const named = endpoint === undefined && variable('PAGEWIRE_ENDPOINT') !== undefined;
  return named && variable('PAGEWIRE_TOKEN') !== undefined;
}
