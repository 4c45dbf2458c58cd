import { readFile } from 'node:fs/promises';
import { discover, discoverAgain, knownTokenFile } from './discovery.js';
import { PagewireError } from './errors.js';

/** Which daemon a program means. What is not said is found, see `connect`. */
export interface ConnectOptions {
  /**
   * The control address: `127.0.0.1:8001`, `[::1]:8001`, `http://127.0.0.1:8001` or `unix:/path`.
   * Default: the daemon that `PAGEWIRE_ENDPOINT` names, else the one that is meant in the current
   * folder.
   */
  readonly endpoint?: string | undefined;
  /** Its token. Default: the content of `tokenFile`, else that of the daemon that was found. */
  readonly token?: string | undefined;
  /** The file that holds the token. */
  readonly tokenFile?: string | undefined;
}

/** A control address, as gRPC takes it, and the token it wants. */
export interface Endpoint {
  readonly address: string;
  readonly token: string | undefined;
}

/**
 * Finds the endpoint that is meant: what the program passes, the environment, discovery. With `home`, discovery takes a
 * daemon that served these folders when it was found before: not another project's, which may be the only one for a
 * while.
 */
export async function findEndpoint(
  options: ConnectOptions,
  home?: readonly string[],
): Promise<Endpoint> {
  const address = options.endpoint;
  if (address !== undefined) {
    return { address: parseAddress(address), token: await tokenFor(address, options) };
  }
  const named = variable('PAGEWIRE_ENDPOINT');
  if (named !== undefined) {
    const token = options.token ?? variable('PAGEWIRE_TOKEN');
    const known = { token, tokenFile: options.tokenFile };
    return { address: parseAddress(named), token: await tokenFor(named, known) };
  }
  const daemon = await (home === undefined ? discover(process.cwd()) : discoverAgain(home));
  const tokenFile = options.tokenFile ?? daemon.tokenFile;
  return {
    address: parseAddress(daemon.control),
    token: await tokenFor(daemon.control, { token: options.token, tokenFile }),
  };
}

async function tokenFor(
  address: string,
  { token, tokenFile }: ConnectOptions,
): Promise<string | undefined> {
  if (token !== undefined) return token;
  if (tokenFile !== undefined) return readToken(tokenFile);
  if (address.startsWith('unix:')) return undefined;
  const known = await knownTokenFile(parseAddress(address));
  if (known === undefined) return undefined;
  // Without a token the daemon says what is missing.
  return readToken(known).catch(() => undefined);
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

/** Checks an endpoint, and returns it as gRPC takes it. */
export function parseAddress(value: string): string {
  const refuse = (problem: string) =>
    new PagewireError(
      'endpoint',
      `endpoint \`${value}\` ${problem} (pass 127.0.0.1:8001, [::1]:8001 or unix:/path)`,
    );
  if (value.startsWith('unix:')) {
    // gRPC's two spellings: unix:path and unix:///absolute_path.
    const path = value.slice('unix:'.length).replace(/^\/\//, '');
    if (path === '') throw refuse('is a unix socket without a path');
    return `unix:${path}`;
  }
  if (value.startsWith('https://')) {
    throw refuse('asks for TLS, which the control endpoint does not speak');
  }
  const authority = value.replace(/^http:\/\//, '').replace(/\/$/, '');
  if (/[/?#@\s]/.test(authority)) throw refuse('is more than a host and a port');
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^[\]:]+):(\d{1,5})$/.exec(authority);
  if (parts === null) throw refuse('is not a host and a port');
  const port = Number(parts[2]);
  if (port === 0 || port > 65535) throw refuse('has no port that there is');
  return authority;
}

/** A variable that is set and says something. */
export function variable(name: string): string | undefined {
  return process.env[name]?.trim() || undefined;
}
