import { setTimeout as sleep } from 'node:timers/promises';
import { connectTo } from '../client.js';
import { findEndpoint, variable, type ConnectOptions } from '../endpoint.js';
import { PagewireError } from '../errors.js';
import { listens } from './listen.js';
import type { Plugin } from './plugin.js';
import { runSession, type SessionOptions } from './session.js';

/** How long to wait before connecting again; the last one again and again. */
const COME_BACK_AFTER_MS = [200, 500, 1_000, 2_000, 5_000];

/** How a plugin is run. */
export interface RunOptions extends ConnectOptions {
  /** Ends the plugin in order: handlers that run may finish, `serverStop` is called, all within 2 s. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a plugin: with the daemon that spawned it, or that `options` name, or that is found as `connect` does.
 *
 * It comes back, for ever, when the connection is lost or the daemon stops, and says so on standard error; a daemon that
 * was found is then one that serves the same folders; `serverStart` is called again. It returns when `signal` ends it:
 * then nothing in the daemon waits for the plugin any more, and its name is free. A plugin that the daemon spawned does not come back: it returns when the daemon
 * stops, or when its standard input ends, which nothing else may read.
 *
 * Fails with what the daemon refuses for good: a token that was named, a filter, a missing feature, a name that is taken, being
 * replaced; when there is no daemon to begin with; or with what `serverStart` or `serverStop` threw.
 */
export async function run(plugin: Plugin, options: RunOptions = {}): Promise<void> {
  check(plugin);
  const launchId = options.endpoint === undefined ? (variable('PAGEWIRE_LAUNCH_ID') ?? '') : '';
  if (launchId !== '') return runSpawned(plugin, options, launchId);
  /** The folders that its daemon served last. */
  let home: readonly string[] | undefined;
  let tries = 0;
  while (!options.signal?.aborted) {
    let why = 'the daemon has stopped';
    try {
      await runHere(plugin, options, '', home, (rootDirs) => {
        home = rootDirs;
        tries = 0;
      });
    } catch (error) {
      if (isLeft(options.signal, error)) return;
      if (home === undefined || isForGood(error, options)) throw error;
      why = (error as Error).message;
    }
    if (options.signal?.aborted) return;
    if (tries === 0) {
      console.error(`plugin \`${plugin.name}\`: ${why}; it comes back when its daemon does`);
    }
    const wait = COME_BACK_AFTER_MS[Math.min(tries++, COME_BACK_AFTER_MS.length - 1)];
    // Who ends the plugin does not wait.
    await sleep(wait, undefined, options.signal && { signal: options.signal }).catch(
      () => undefined,
    );
  }
}

/** As `run`, but does not come back: returns when the daemon stops, and fails when the connection is lost. */
export async function runOnce(plugin: Plugin, options: RunOptions = {}): Promise<void> {
  check(plugin);
  const launchId = options.endpoint === undefined ? (variable('PAGEWIRE_LAUNCH_ID') ?? '') : '';
  if (launchId !== '') return runSpawned(plugin, options, launchId);
  try {
    await runHere(plugin, options, '');
  } catch (error) {
    if (!isLeft(options.signal, error)) throw error;
  }
}

/** The end of standard input is all that a plugin hears when the daemon was killed. */
async function runSpawned(plugin: Plugin, options: RunOptions, launchId: string): Promise<void> {
  const { stdin } = process;
  const ending = new AbortController();
  const leave = () => ending.abort();
  stdin.once('end', leave).once('close', leave).once('error', leave);
  options.signal?.addEventListener('abort', leave, { once: true });
  stdin.resume();
  try {
    await runHere(plugin, { ...options, signal: ending.signal }, launchId);
  } catch (error) {
    if (!isLeft(ending.signal, error)) throw error;
  } finally {
    stdin.off('end', leave).off('close', leave).off('error', leave);
    options.signal?.removeEventListener('abort', leave);
    // Else it would keep the process alive.
    stdin.destroy();
  }
}

async function runHere(
  plugin: Plugin,
  options: RunOptions,
  launchId: string,
  home?: readonly string[],
  onReady: SessionOptions['onReady'] = () => undefined,
): Promise<void> {
  const signal = options.signal ?? new AbortController().signal;
  const client = await connectTo(await findEndpoint(options, home), options);
  try {
    await runSession(plugin, client, { launchId, signal, onReady });
  } finally {
    client.close();
  }
}

/** Whether the program ended the plugin, whatever that broke off. That a handler failed is another thing. */
function isLeft(signal: AbortSignal | undefined, error: unknown): boolean {
  return signal?.aborted === true && !(error instanceof PagewireError && error.kind === 'plugin');
}

/** What the daemon would refuse again. A name that is taken may be our own, of a connection that was lost. */
function isForGood(error: unknown, options: ConnectOptions): boolean {
  if (!(error instanceof PagewireError)) return true;
  const { kind, code, reason } = error;
  if (kind === 'plugin' || kind === 'endpoint') return true;
  if (kind !== 'rpc') return false;
  // A session that was lost while its hooks opened.
  if (reason === 'SESSION_GONE') return false;
  if (code === 'UNAUTHENTICATED') return namesToken(options);
  return code === 'INVALID_ARGUMENT' || code === 'FAILED_PRECONDITION' || reason === 'REPLACED';
}

/** One that was found may be of the daemon before, and is found anew. */
function namesToken({ endpoint, token, tokenFile }: ConnectOptions): boolean {
  if (token !== undefined || tokenFile !== undefined) return true;
  const named = endpoint === undefined && variable('PAGEWIRE_ENDPOINT') !== undefined;
  return named && variable('PAGEWIRE_TOKEN') !== undefined;
}

/** What types say too, for programs without them. */
function check(plugin: Plugin): void {
  const refuse = (problem: string) =>
    new PagewireError('plugin', `plugin \`${plugin.name}\`: ${problem}`);
  for (const hook of ['serve', 'transform', 'resolveImport'] as const) {
    const given = plugin[hook] as { filter?: unknown } | undefined;
    if (given !== undefined && given.filter === undefined) {
      throw refuse(`${hook} has no filter (everything is { all: true })`);
    }
  }
  if (!listens(plugin)) return;
  for (const type of Object.keys(plugin.onRequest ?? {})) {
    if (plugin.onMessage && Object.hasOwn(plugin.onMessage, type)) {
      throw refuse(`message \`${type}\` has two handlers (keep onMessage or onRequest)`);
    }
  }
}
