/** Real parts for tests: a daemon, and pages as raw sockets that speak the page protocol. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

/** Time limit of every wait. */
const WITHIN_MS = 20_000;

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** The binary of the daemon. */
export const BIN = resolve(
  process.env['PAGEWIRE_BIN'] ?? join(PACKAGE, '../../target/debug/pagewire'),
);

/** Waits with the time limit; the error names what was awaited. */
export async function within<Value>(what: string, value: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), WITHIN_MS);
  });
  return Promise.race([value, late]).finally(() => clearTimeout(timer));
}

/** Polls until the condition holds. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WITHIN_MS;
  while (!(await isSo())) if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
}

/** A temporary folder that is removed after the test. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'pagewire-test-'));

  write(name: string, content: string): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A daemon with its own site and runtime folder. */
export class Daemon {
  readonly site: Folder;
  readonly runtime: Folder;
  readonly http: string;
  readonly control: string;
  readonly tokenFile: string;
  readonly #process: ChildProcess;

  private constructor(
    site: Folder,
    runtime: Folder,
    process: ChildProcess,
    ready: Record<string, string>,
  ) {
    this.site = site;
    this.runtime = runtime;
    this.#process = process;
    this.http = ready['http']!;
    this.control = ready['control']!;
    this.tokenFile = ready['token_file']!;
  }

  /** Starts a daemon, which is the only one that discovery finds. */
  static async start(flags: string[] = [], folders?: { site: Folder; runtime: Folder }) {
    const { site, runtime } = folders ?? { site: new Folder(), runtime: new Folder() };
    process.env['XDG_RUNTIME_DIR'] = runtime.path;
    const ports = flags.includes('--port') ? [] : ['--port', '0'];
    const child = spawn(BIN, ['serve', site.path, '--exit-with-stdin', ...ports, ...flags], {
      stdio: ['pipe', 'pipe', process.env['SHOW_LOG'] ? 'inherit' : 'ignore'],
    });
    const lines = createInterface({ input: child.stdout });
    const [line] = (await within('the ready line', once(lines, 'line'))) as [string];
    return new Daemon(site, runtime, child, JSON.parse(line) as Record<string, string>);
  }

  /** Starts another daemon at the same addresses. */
  restart(): Promise<Daemon> {
    const port = new URL(this.http).port;
    return Daemon.start(['--port', port, '--control', this.control], this);
  }

  get(path: string, init?: RequestInit): Promise<Response> {
    return within(`GET ${path}`, fetch(this.http + path, init));
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await within('the end of the daemon', ended);
  }

  removeFolders(): void {
    this.site[Symbol.dispose]();
    this.runtime[Symbol.dispose]();
  }
}

/** Stands in for a browser page: a raw WebSocket that speaks the page protocol. */
export class Page {
  readonly #socket: WebSocket;
  readonly #texts: string[] = [];
  readonly #waiting: ((text: string) => void)[] = [];
  id = '';

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#texts.push(text);
      else waiting(text);
    });
  }

  static async open({ http }: { http: string }, fields: object = {}): Promise<Page> {
    const socket = new WebSocket(`${http.replace('http', 'ws')}/__pagewire__/socket`);
    const page = new Page(socket);
    await within('a web socket', once(socket, 'open'));
    page.say({
      type: 'pagewire:hello',
      page_id: 'p',
      tab_id: 't',
      url: 'http://localhost/',
      title: '',
      visibility: 'visible',
      document_state: 'complete',
      top_level: true,
      features: ['import.await', 'log', 'command.reload'],
      ...fields,
    });
    const hello = await page.hear();
    page.id = hello['socket_id'] as string;
    return page;
  }

  say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The next text frame. */
  hearText(): Promise<string> {
    const text = this.#texts.shift();
    if (text !== undefined) return Promise.resolve(text);
    return within('a message to the page', new Promise((heard) => this.#waiting.push(heard)));
  }

  async hear(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.hearText()) as Record<string, unknown>;
  }

  close(): void {
    this.#socket.close();
  }
}

/** An event that can be awaited and may happen several times. */
export class Events<Value> {
  readonly #values: Value[] = [];
  readonly #waiting: ((value: Value) => void)[] = [];

  tell = (value: Value): void => {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#values.push(value);
    else waiting(value);
  };

  next(what: string): Promise<Value> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift() as Value);
    return within(what, new Promise((resolve) => this.#waiting.push(resolve)));
  }
}
