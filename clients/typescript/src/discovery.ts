/** Discovery of running daemons through the files that they write. */

import type { Stats } from 'node:fs';
import { lstat, readFile, readdir, realpath } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAddress } from './address.js';
import type { Daemon } from './daemon.js';
import { PagewireError } from './errors.js';
import { ownsPort } from './listener.js';

/** Files larger than this are ignored. */
const MAX_FILE_BYTES = 64 * 1024;

/** A daemon that does not accept a connection within this time counts as busy. */
const ACCEPT_TIMEOUT_MS = 1000;

/** Finds the daemon for a folder. */
export async function discover(folder: string): Promise<Daemon> {
  const daemons = await listDaemons();
  // Roots are canonical paths, so the folder is made canonical too. One that does not exist is compared as given.
  const real = await realpath(folder).catch(() => folder);
  return chooseDaemon(real, daemons);
}

/** Finds the daemon that serves exactly these folders. Used to reconnect after the daemon was restarted. */
export async function discoverAgain(rootDirs: readonly string[]): Promise<Daemon> {
  const daemons = await listDaemons();
  const same = (daemon: Daemon) => isDeepStrictEqual(daemon.rootDirs, rootDirs);
  return chooseDaemon(rootDirs.join(', '), daemons.filter(same));
}

async function listDaemons(): Promise<Daemon[]> {
  try {
    return await runningDaemons();
  } catch (error) {
    if (error instanceof PagewireError) throw error;
    const remedy = 'make the folder readable, or set XDG_RUNTIME_DIR or PAGEWIRE_ENDPOINT';
    throw noDaemon(`cannot look for daemons: ${(error as Error).message}`, remedy);
  }
}

/** The token file of the running daemon with this control address, if there is one. */
export async function knownTokenFile(address: string): Promise<string | undefined> {
  const daemons = await runningDaemons().catch(() => []);
  const same = (control: string) => numeric(control) === numeric(address);
  return daemons.find((daemon) => daemon.controls.some(same))?.tokenFile;
}

/**
 * Chooses the daemon for a folder: the one with the innermost root that contains the folder; otherwise one with a root
 * inside the folder; otherwise the only one.
 */
export function chooseDaemon(folder: string, daemons: readonly Daemon[]): Daemon {
  const nearest = Math.max(...daemons.map((daemon) => nearness(daemon, folder)));
  const candidates = daemons.filter((daemon) => nearness(daemon, folder) === nearest);
  const [only, ...others] = candidates;
  if (only === undefined) throw noDaemon();
  if (others.length === 0) return only;
  const remedy = 'pass the control address of one, or set PAGEWIRE_ENDPOINT to it';
  const lines = [
    `${candidates.length} daemons match ${folder} (${remedy})`,
    ...candidates.map(
      ({ rootDirs, http, control, pid }) =>
        `${rootDirs.join(', ')}  ${http}  control ${control}  pid ${pid}`,
    ),
  ];
  throw new PagewireError('several_daemons', lines.join('\n  '), { daemons: candidates });
}

/** Higher is nearer: the depth of a root that contains the folder, 0 for a root inside the folder, -1 for neither. */
function nearness(daemon: Daemon, folder: string): number {
  return Math.max(
    -1,
    ...daemon.rootDirs.map((root) => {
      if (isWithin(folder, root)) return 1 + root.split(sep).filter(Boolean).length;
      return isWithin(root, folder) ? 0 : -1;
    }),
  );
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function runningDaemons(): Promise<Daemon[]> {
  const folder = runtimeFolder();
  let names: string[];
  try {
    await checkPrivate(folder);
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const files = names.filter((name) => /^\d+\.json$/.test(name));
  const found = await Promise.all(
    files.map(async (name) => {
      const daemon = await readDaemon(join(folder, name));
      if (daemon === undefined || `${daemon.pid}.json` !== name) return;
      return (await isAlive(daemon.pid)) && (await listens(daemon)) ? daemon : undefined;
    }),
  );
  return found.filter((daemon) => daemon !== undefined).sort((one, other) => one.pid - other.pid);
}

function runtimeFolder(): string {
  const given = process.env['XDG_RUNTIME_DIR'];
  if (given !== undefined && isAbsolute(given)) return join(given, 'pagewire');
  const uid = process.getuid?.();
  return join(tmpdir(), uid === undefined ? 'pagewire' : `pagewire-${uid}`);
}

/** Fails unless only the current user can open the folder: files in any other folder cannot be trusted. */
async function checkPrivate(folder: string): Promise<void> {
  const stats = await lstat(folder);
  if (stats.isDirectory() && isPrivate(stats)) return;
  const problem = `cannot look for daemons: ${folder} is not a folder that only you can open`;
  throw noDaemon(problem, 'remove it, or set XDG_RUNTIME_DIR');
}

/** On systems without owners and modes the folder belongs to the user. */
function isPrivate(stats: Stats): boolean {
  const uid = process.getuid?.();
  return uid === undefined || (stats.uid === uid && (stats.mode & 0o077) === 0);
}

/** Undefined unless it is a private file of the current user with valid content. */
async function readDaemon(path: string): Promise<Daemon | undefined> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile() || !isPrivate(stats) || stats.size > MAX_FILE_BYTES) return undefined;
    return parseDaemon(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function parseDaemon(value: unknown): Daemon | undefined {
  const said = value as Record<string, unknown>;
  const { pid, root_dirs: rootDirs, http, control, controls, token_file: tokenFile } = said;
  const isText = (item: unknown) => typeof item === 'string';
  const isTexts = (item: unknown): item is string[] => Array.isArray(item) && item.every(isText);
  if (typeof pid !== 'number' || typeof http !== 'string' || typeof control !== 'string') return;
  if (!isTexts(rootDirs) || !isTexts(controls)) return;
  const file = typeof tokenFile === 'string' ? tokenFile : undefined;
  return { pid, rootDirs, http, control, controls, tokenFile: file };
}

/**
 * Whether a process of the current user runs: the file of a killed daemon must not be taken for a daemon that uses its
 * address now.
 */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    // Not permitted: the process is another user's, which got the id after the daemon had exited.
    return false;
  }
  // A zombie does not run. The state follows the name, which is in parentheses.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/^ *Z/.test(stat.slice(stat.lastIndexOf(')') + 1));
}

async function listens(daemon: Daemon): Promise<boolean> {
  const controls = new Set([daemon.control, ...daemon.controls]);
  const results = await Promise.all([...controls].map((control) => accepts(daemon.pid, control)));
  return results.includes(true);
}

/**
 * Whether a process listens at an address. A connect timeout counts as listening: the daemon may be busy. After the
 * process id was reused, another program may listen there, even another user's. Node does not show who owns a socket
 * file.
 */
async function accepts(pid: number, control: string): Promise<boolean> {
  const parts = /^\[?(.*?)\]?:(\d+)$/.exec(control);
  const unix = control.startsWith('unix:');
  if (!unix && (parts === null || !(await ownsPort(pid, Number(parts[2]))))) return false;
  return new Promise((resolve) => {
    const socket = unix
      ? connect({ path: control.slice('unix:'.length) })
      : connect({ host: parts?.[1] ?? '', port: Number(parts?.[2]) });
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
    socket.setTimeout(ACCEPT_TIMEOUT_MS, () => done(true));
  });
}

/** The address with a number instead of `localhost`. */
export function numeric(control: string): string {
  try {
    return parseAddress(control).replace(/^localhost:/, '127.0.0.1:');
  } catch {
    return control;
  }
}

function noDaemon(
  problem = 'no daemon is running',
  remedy = 'start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address that it prints when it is ready',
): PagewireError {
  return new PagewireError('no_daemon', `${problem} (${remedy})`);
}
