import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { FUNCTION, TEXT, TEXTS, check, checkOptions, type Kind, type Shape } from '../check.js';
import { connect, type Client } from '../client.js';
import { deferred } from '../deferred.js';
import { variable } from '../endpoint.js';
import { checkPlugin } from '../plugin/declaration.js';
import type { Context, Plugin } from '../plugin/plugin.js';
import { runOnce, type RunOptions } from '../plugin/run.js';

/** How long a daemon may take to start. */
const START_MS = 20_000;
/** How long a daemon may take to stop; then it is killed. */
const STOP_MS = 10_000;
/** Longest log that is kept, in characters; of a longer one the end. */
const MAX_LOG_CHARS = 1_000_000;

/** The daemon of a test. */
export interface DaemonOptions {
  /** The folder to serve. Its `pagewire.toml`, if there is one, applies. */
  readonly root: string;
  /** Further arguments of `pagewire serve`, such as `--watch`. */
  readonly args?: readonly string[];
  /** Stops the daemon after this test. */
  readonly t?: RunningTest;
}

/** What a daemon needs of the test that it runs for; the context of a test of `node:test` has it. */
export interface RunningTest {
  /** Calls `stop` after the test. */
  after(stop: () => Promise<void>): void;
}

const CONTEXT: Kind = {
  name: 'an object with `after`',
  test: (value) => FUNCTION.test((value as { after?: unknown } | null)?.after),
};
const OPTIONS: Shape<DaemonOptions> = { root: TEXT, args: TEXTS, t: CONTEXT };

/**
 * Starts a daemon for a test, and returns once it accepts requests: `PAGEWIRE_BIN`, else `pagewire` on `PATH`. It uses free
 * ports, and no other program discovers it. Settings in variables (`PAGEWIRE_...`) do not apply to it.
 *
 * ```js
 * const daemon = await startDaemon({ root: 'site', t });
 * await daemon.run(plugin);
 * const page = await fetch(`${daemon.url}/notes.md`);
 * ```
 *
 * A daemon that does not start is an error with its log.
 */
export async function startDaemon(options: DaemonOptions): Promise<TestDaemon> {
  checkOptions('startDaemon', options, OPTIONS);
  check('`root` of startDaemon', options.root, TEXT);
  const process = await DaemonProcess.start(options);
  try {
    const { http, control, token_file: tokenFile } = await process.ready();
    const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim();
    const client = await connect({ endpoint: control, token });
    const daemon = new TestDaemon(process, http.replace(/\/$/, ''), client, token, tokenFile);
    options.t?.after(() => daemon.stop());
    return daemon;
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** A daemon that runs for a test. Leaving the scope of an `await using` variable stops it. */
export class TestDaemon implements AsyncDisposable {
  /** The URL of its pages, without a slash at the end. */
  readonly url: string;
  /** A connected client. */
  readonly client: Client;
  /** The token of its endpoint. Undefined = none is needed. */
  readonly token: string | undefined;
  /** The file with the token. Undefined = none is needed. */
  readonly tokenFile: string | undefined;
  readonly #process: DaemonProcess;
  readonly #plugins: TestPlugin[] = [];
  #stopped: Promise<void> | undefined;

  /** @internal */
  constructor(
    process: DaemonProcess,
    url: string,
    client: Client,
    token: string | undefined,
    tokenFile: string | undefined,
  ) {
    this.#process = process;
    this.url = url;
    this.client = client;
    this.token = token;
    this.tokenFile = tokenFile;
  }

  /** Its control address. */
  get endpoint(): string {
    return this.client.endpoint;
  }

  /** Its log so far. */
  get log(): string {
    return this.#process.log;
  }

  /**
   * Runs a plugin until the daemon stops. Returns once the plugin is connected and its `serverStart` has returned; fails as
   * `run` does.
   */
  async run(plugin: Plugin, options: Pick<RunOptions, 'logger'> = {}): Promise<TestPlugin> {
    const { endpoint, token } = this;
    const running = await TestPlugin.start(plugin, { ...options, endpoint, token });
    this.#plugins.push(running);
    return running;
  }

  /** Stops its plugins, then the daemon. Fails if one of the plugins did. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    try {
      await Promise.all(this.#plugins.map((plugin) => plugin.stop()));
    } finally {
      this.client.close();
      await this.#process.stop();
    }
  }

  /** Stops the daemon. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** A plugin that runs for a test. Leaving the scope of an `await using` variable stops it. */
export class TestPlugin implements AsyncDisposable {
  /** What its `serverStart` got. */
  readonly context: Context;
  readonly #ending: AbortController;
  readonly #ended: Promise<void>;

  private constructor(context: Context, ending: AbortController, ended: Promise<void>) {
    this.context = context;
    this.#ending = ending;
    this.#ended = ended;
  }

  /** @internal */
  static async start(plugin: Plugin, options: RunOptions): Promise<TestPlugin> {
    checkPlugin(plugin);
    const ending = new AbortController();
    const started = deferred<Context>();
    // Not a copy, which would lack the methods of a class.
    const observed = Object.create(plugin, {
      serverStart: {
        value: async (context: Context) => {
          await plugin.serverStart?.(context);
          started.resolve(context);
        },
      },
    }) as Plugin;
    const ended = runOnce(observed, { ...options, signal: ending.signal });
    ended.catch(() => undefined);
    const early = () =>
      Promise.reject(new Error(`plugin \`${plugin.name}\` ended before its start`));
    const context = await Promise.race([started.promise, ended.then(early)]);
    return new TestPlugin(context, ending, ended);
  }

  /** Stops the plugin as a signal would. Fails if it has failed before. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#ended;
  }

  /** Stops the plugin. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** The line that a daemon prints when it is ready. */
interface ReadyLine {
  readonly http: string;
  readonly control: string;
  readonly token_file?: string;
}

/** The process of a daemon and its discovery folder. */
class DaemonProcess {
  log = '';
  readonly #binary: string;
  readonly #runtime: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #line = deferred<string>();
  readonly #closed = deferred<void>();

  static async start(options: DaemonOptions): Promise<DaemonProcess> {
    return new DaemonProcess(options, await mkdtemp(join(tmpdir(), 'pagewire-testing-')));
  }

  private constructor({ root, args = [] }: DaemonOptions, runtime: string) {
    this.#binary = variable('PAGEWIRE_BIN') ?? 'pagewire';
    this.#runtime = runtime;
    const ports = args.includes('--port') ? [] : ['--port', '0'];
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PAGEWIRE_'));
    // The end of its standard input stops it if this process dies.
    const child = spawn(this.#binary, ['serve', root, '--exit-with-stdin', ...ports, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...Object.fromEntries(inherited), XDG_RUNTIME_DIR: runtime },
    });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', this.#line.resolve);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log = (this.log + text).slice(-MAX_LOG_CHARS);
    });
    child.on('error', ({ message }) => {
      const remedy = 'set PAGEWIRE_BIN to the daemon, or install pagewire on PATH';
      this.#line.reject(new Error(`cannot start the daemon: ${message} (${remedy})`));
      this.#closed.resolve();
    });
    child.on('close', () => {
      this.#line.reject(new Error(`the daemon ended before it was ready:\n${this.log}`));
      this.#closed.resolve();
    });
  }

  /** Waits for the ready line. */
  async ready(): Promise<ReadyLine> {
    const late = () => {
      const text = `the daemon was not ready within ${START_MS / 1000} s:\n${this.log}`;
      this.#line.reject(new Error(text));
    };
    const timer = setTimeout(late, START_MS);
    try {
      return JSON.parse(await this.#line.promise) as ReadyLine;
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    this.#child.kill();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#closed.promise;
    clearTimeout(timer);
    await rm(this.#runtime, { recursive: true, force: true });
  }
}
