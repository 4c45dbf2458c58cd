/** How programs find a daemon that nobody named: the files that daemons leave, and which is meant. */

import type { Stats } from 'node:fs';
import { lstat, readFile, readdir, realpath } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAddress } from './endpoint.js';
import { PagewireError } from './errors.js';

/** Largest file that is read; a larger one is none of ours. Default 64 KiB. */
const MAX_FILE_BYTES = 64 * 1024;

/** How long a daemon may take to accept a connection before it counts as busy. Default 1 s. */
const ACCEPT_TIMEOUT_MS = 1000;

/** A daemon that runs, as it describes itself. */
export interface Daemon {
  /** Its process. */
  readonly pid: number;
  /** What it serves: absolute paths, without links. */
  readonly rootDirs: readonly string[];
  /** The first URL of its pages. */
  readonly http: string;
  /** Its first control address. */
  readonly control: string;
  /** All its control addresses. */
  readonly controls: readonly string[];
  /** The file that holds its token; undefined when no control address needs one. */
  readonly tokenFile: string | undefined;
}

/** The daemon that is meant in a folder. */
export async function discover(folder: string): Promise<Daemon> {
  const daemons = await findableDaemons();
  // Roots are real paths. A folder that does not exist is in no root.
  const real = await realpath(folder).catch(() => folder);
  return chooseDaemon(real, daemons);
}

/** The daemon that serves exactly these folders: another run of one that was found before. */
export async function discoverAgain(rootDirs: readonly string[]): Promise<Daemon> {
  const daemons = await findableDaemons();
  const same = (daemon: Daemon) => isDeepStrictEqual(daemon.rootDirs, rootDirs);
  return chooseDaemon(rootDirs.join(', '), daemons.filter(same));
}

async function findableDaemons(): Promise<Daemon[]> {
  try {
    return await runningDaemons();
  } catch (error) {
    throw noDaemon((error as Error).message);
  }
}

/** The token file of the daemon that has this control address, if it runs and has one. */
export async function knownTokenFile(address: string): Promise<string | undefined> {
  const daemons = await runningDaemons().catch(() => []);
  const same = (control: string) => numeric(control) === numeric(address);
  return daemons.find((daemon) => daemon.controls.some(same))?.tokenFile;
}

/**
 * The one whose root is nearest around the folder; else one whose root is below it; else the only one
 * there is.
 */
export function chooseDaemon(folder: string, daemons: readonly Daemon[]): Daemon {
  const nearest = Math.max(...daemons.map((daemon) => nearness(daemon, folder)));
  const meant = daemons.filter((daemon) => nearness(daemon, folder) === nearest);
  const [only, ...others] = meant;
  if (only === undefined) throw noDaemon();
  if (others.length === 0) return only;
  const remedy = 'name one: pass its control address, or set PAGEWIRE_ENDPOINT to it';
  const lines = [
    `${meant.length} daemons could be meant in ${folder} (${remedy})`,
    ...meant.map(
      ({ rootDirs, http, control, pid }) =>
        `${rootDirs.join(', ')}  ${http}  control ${control}  pid ${pid}`,
    ),
  ];
  throw new PagewireError('several_daemons', lines.join('\n  '), { daemons: meant });
}

/** Higher is nearer: the depth of the root around the folder, 0 for one below it, -1 for neither. */
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

/** Fails unless this is a folder that only we can open: in anybody else's, files prove nothing. */
async function checkPrivate(folder: string): Promise<void> {
  const stats = await lstat(folder);
  if (stats.isDirectory() && isPrivate(stats)) return;
  const remedy = 'remove it, or set XDG_RUNTIME_DIR';
  throw new Error(`${folder} is not a folder that only you can open (${remedy})`);
}

/** Where there are no owners and modes, the folder is the user's own. */
function isPrivate(stats: Stats): boolean {
  const uid = process.getuid?.();
  return uid === undefined || (stats.uid === uid && (stats.mode & 0o077) === 0);
}

/** Undefined unless it is a file of ours that nobody else could write, and makes sense. */
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

/** What a killed daemon left must not pass for the one that is at its address now. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // One that has ended and that its parent has not waited for. The state is behind the name in parentheses.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/^ *Z/.test(stat.slice(stat.lastIndexOf(')') + 1));
}

async function listens(daemon: Daemon): Promise<boolean> {
  const controls = new Set([daemon.control, ...daemon.controls]);
  const answers = await Promise.all([...controls].map(accepts));
  return answers.includes(true);
}

/** Whether anything listens there. Who is too busy to accept does. */
function accepts(control: string): Promise<boolean> {
  return new Promise((resolve) => {
    const parts = /^\[?(.*?)\]?:(\d+)$/.exec(control);
    const unix = control.startsWith('unix:');
    if (!unix && parts === null) {
      resolve(false);
      return;
    }
    const socket = unix
      ? connect({ path: control.slice('unix:'.length) })
      : connect({ host: parts?.[1] ?? '', port: Number(parts?.[2]) });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
    socket.setTimeout(ACCEPT_TIMEOUT_MS, () => done(true));
  });
}

function numeric(control: string): string {
  try {
    return parseAddress(control).replace(/^localhost:/, '127.0.0.1:');
  } catch {
    return control;
  }
}

function noDaemon(problem?: string): PagewireError {
  const remedy =
    'start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT to the control address that its ready line names';
  const why = problem === undefined ? '' : `: ${problem}`;
  return new PagewireError('no_daemon', `no daemon runs here${why} (${remedy})`);
}
