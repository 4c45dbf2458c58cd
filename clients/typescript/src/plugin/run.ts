import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../client.js';
import { variable, type ConnectOptions } from '../endpoint.js';
import { PagewireError } from '../errors.js';
import { listens } from './listen.js';
import type { Plugin } from './plugin.js';
import { runSession } from './session.js';

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
 * It comes back, for ever, when the connection is lost or the daemon stops; `serverStart` is then called again.
 * It returns when `signal` ends it. A plugin that the daemon spawned does not come back: it returns when the daemon
 * stops, or when its standard input ends, which nothing else may read.
 *
 * Fails with what the daemon refuses for good: the token, a filter, a missing feature, a name that is taken, being
 * replaced; when there is no daemon to begin with; or with what `serverStart` or `serverStop` threw.
 */
export async function run(plugin: Plugin, options: RunOptions = {}): Promise<void> {
  check(plugin);
  const launchId = options.endpoint === undefined ? (variable('PAGEWIRE_LAUNCH_ID') ?? '') : '';
  if (launchId !== '') return runSpawned(plugin, options, launchId);
  let began = false;
  let tries = 0;
  while (!options.signal?.aborted) {
    try {
      await runHere(plugin, options, '', () => {
        began = true;
        tries = 0;
      });
    } catch (error) {
      if (options.signal?.aborted) return;
      if (!began || isForGood(error)) throw error;
      if (tries === 0) console.error(`plugin \`${plugin.name}\`: ${(error as Error).message}`);
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
    await runHere(plugin, options, '', () => undefined);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
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
    await runHere(plugin, { ...options, signal: ending.signal }, launchId, () => undefined);
  } catch (error) {
    if (!ending.signal.aborted) throw error;
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
  onReady: () => void,
): Promise<void> {
  const signal = options.signal ?? new AbortController().signal;
  const client = await connect(options);
  try {
    await runSession(plugin, client, { launchId, signal, onReady });
  } finally {
    client.close();
  }
}

/** What the daemon would refuse again. A name that is taken may be our own, of a connection that was lost. */
function isForGood(error: unknown): boolean {
  if (!(error instanceof PagewireError)) return true;
  const { kind, code, reason } = error;
  if (kind === 'plugin' || kind === 'endpoint') return true;
  if (kind !== 'rpc') return false;
  // A session that was lost while its hooks opened; a daemon that has not written its token yet.
  if (reason === 'SESSION_GONE' || reason === 'TOKEN_MISSING') return false;
  return (
    code === 'UNAUTHENTICATED' ||
    code === 'INVALID_ARGUMENT' ||
    code === 'FAILED_PRECONDITION' ||
    reason === 'REPLACED'
  );
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
