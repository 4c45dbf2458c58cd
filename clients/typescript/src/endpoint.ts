import { readFile } from 'node:fs/promises';
import { parseAddress } from './address.js';
import { TEXT, type Shape } from './check.js';
import { discover, discoverAgain, knownTokenFile, numeric } from './discovery.js';
import { PagewireError } from './errors.js';

/** The daemon to connect to. Missing values are discovered; see `connect`. */
export interface ConnectOptions {
  /**
   * The control address: `127.0.0.1:8001`, `[::1]:8001`, `http://127.0.0.1:8001` or `unix:/path`.
   * Default: the daemon that `PAGEWIRE_ENDPOINT` names, else the one for the current folder.
   */
  readonly endpoint?: string | undefined;
  /** The daemon's token. Default: the content of `tokenFile`, else the token of the discovered daemon. */
  readonly token?: string | undefined;
  /** The file with the token. */
  readonly tokenFile?: string | undefined;
}

/** Checks of these options. */
export const CONNECT_OPTIONS: Shape<ConnectOptions> = {
  endpoint: TEXT,
  token: TEXT,
  tokenFile: TEXT,
};

/** A control address in the form that gRPC expects, and its token. */
export interface Endpoint {
  readonly address: string;
  readonly token: string | undefined;
}

/**
 * Finds the endpoint: from the options, else from the environment, else by discovery. With `rootDirs`, discovery finds
 * only a daemon that serves these folders: while a plugin's daemon restarts, the only running daemon may belong to
 * another project.
 */
export async function findEndpoint(
  options: ConnectOptions,
  rootDirs?: readonly string[],
): Promise<Endpoint> {
  const address = options.endpoint;
  if (address !== undefined) {
    return endpointAt(address, options);
  }
  const named = variable('PAGEWIRE_ENDPOINT');
  if (named !== undefined) {
    const token = options.token ?? variable('PAGEWIRE_TOKEN');
    return endpointAt(named, { token, tokenFile: options.tokenFile });
  }
  const daemon = await (rootDirs === undefined ? discover(process.cwd()) : discoverAgain(rootDirs));
  const tokenFile = options.tokenFile ?? daemon.tokenFile;
  return endpointAt(daemon.control, { token: options.token, tokenFile });
}

/** The endpoint with the given token, else with that of the running daemon at this address, if there is one. */
async function endpointAt(value: string, options: ConnectOptions): Promise<Endpoint> {
  const address = parseAddress(value);
  if (options.token !== undefined) return { address, token: options.token };
  if (options.tokenFile !== undefined) {
    return { address, token: await readToken(options.tokenFile) };
  }
  const known = address.startsWith('unix:') ? undefined : await knownTokenFile(address);
  // Without a token the daemon refuses the call: its error reports the missing token.
  const token = known === undefined ? undefined : await readToken(known).catch(() => undefined);
  // Another program may listen at another address of localhost.
  return { address: token === undefined ? address : numeric(address), token };
}

async function readToken(path: string): Promise<string> {
  const refuse = (problem: string) =>
    new PagewireError(
      'token_file',
      `cannot read the token from ${path}: ${problem} (pass the file that the daemon wrote)`,
    );
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const token = content.trim();
  if (token === '') throw refuse('it is empty');
  return token;
}

/** The value of a variable that is set and not empty. */
export function variable(name: string): string | undefined {
  return process.env[name]?.trim() || undefined;
}
