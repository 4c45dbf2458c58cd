/** The runner of `tests/conformance`: each command is one call of the library. */

import { createInterface } from 'node:readline';
import { createReadStream } from 'node:fs';
import {
  Failure,
  ImportError,
  LiveFilters,
  PagewireError,
  connect,
  run,
  runOnce,
  type Client,
  type ConnectOptions,
  type ConsoleLevel,
  type Context,
  type Filter,
  type Message,
  type Plugin,
  type Report,
  type Subscription,
  type Target,
} from 'pagewire';
import { eventFields } from './events.js';
import { resolved, served, transformed, type Rule, type Scene } from './results.js';

/** A command with its parameters. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Command = Record<string, any> & { id: number; do: string; wait?: boolean };

interface RunningPlugin {
  readonly ending: AbortController;
  readonly ended: Promise<void>;
  readonly filters: Readonly<Record<string, LiveFilters>>;
}

let endpoint: ConnectOptions = {};
let client: Promise<Client> | undefined;
const plugins = new Map<string, RunningPlugin>();
const subscriptions = new Map<string, { subscription: Subscription; on: Client }>();
const released = new Map<string, { promise: Promise<void>; release: () => void }>();

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function toError(error: unknown): object {
  if (!(error instanceof PagewireError)) return { kind: 'plugin', message: String(error) };
  const { kind, code, reason, message } = error;
  return { kind, code, reason, message };
}

/** The current client, discovered at first use. */
function connected(): Promise<Client> {
  client ??= connect(endpoint);
  // After a failure the next command connects again.
  client.catch(() => (client = undefined));
  return client;
}

function gate(name: string): { promise: Promise<void>; release: () => void } {
  let found = released.get(name);
  if (found === undefined) {
    let release = () => {};
    const promise = new Promise<void>((resolve) => (release = resolve));
    released.set(name, (found = { promise, release }));
  }
  return found;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function toTarget(given: Record<string, any> | undefined): Target {
  const { all, sockets, tabs, pages, url, excluding } = given ?? {};
  const whom: object =
    sockets !== undefined
      ? { socket: sockets as string[] }
      : tabs !== undefined
        ? { tab: tabs as string[] }
        : pages !== undefined
          ? { page: pages as string[] }
          : url !== undefined
            ? { url: url as string }
            : { all: all as true };
  return {
    ...whom,
    ...(excluding !== undefined && { excluding: excluding as string[] }),
  } as Target;
}

function fromReport({ reached, unreached, reachedSocketIds }: Report, listed = false): object {
  return {
    reached,
    unreached: unreached.map(({ socketId, status }) => ({ socket_id: socketId, status })),
    ...(listed && { reached_socket_ids: reachedSocketIds }),
  };
}

function limitsOf({ deadline_ms: deadlineMs }: Command): { deadlineMs?: number } {
  return deadlineMs === undefined ? {} : { deadlineMs: deadlineMs as number };
}

async function send(command: Command): Promise<object> {
  const to = await connected();
  const target = toTarget(command['target']);
  const options = {
    ...limitsOf(command),
    confirmReceipt: Boolean(command['confirm']),
    listReached: Boolean(command['list_reached']),
  };
  const { json, raw, text, base64 } = command;
  const sent =
    raw !== undefined
      ? to.sendJson(target, raw as string, options)
      : text !== undefined
        ? to.sendText(target, text as string, options)
        : base64 !== undefined
          ? to.sendBinary(target, Buffer.from(base64 as string, 'base64'), options)
          : to.send(target, json, options);
  return fromReport(await sent, options.listReached);
}

async function sendMany({ target, count }: Command): Promise<object> {
  const to = await connected();
  const sending = Array.from({ length: count as number }, (_, n) =>
    to.send(toTarget(target), { type: 'n', n }),
  );
  const reports = await Promise.all(sending);
  const reached = reports.reduce((sum, report) => sum + report.reached, 0);
  const unreached = reports.flatMap((report) => report.unreached);
  return fromReport({ ...reports[0]!, reached, unreached });
}

function toImport(command: Command) {
  const { path, code, args, fresh, timeout_ms: timeoutMs } = command;
  const module = code === undefined ? { path: path as string } : { code: code as string };
  return {
    ...module,
    args: (args ?? []) as unknown[],
    fresh: Boolean(fresh),
    ...(timeoutMs !== undefined && { timeoutMs: timeoutMs as number }),
  };
}

async function importValue(command: Command): Promise<object> {
  const to = await connected();
  const target = toTarget(command['target']);
  const { rows } = await to.importValue(target, toImport(command), limitsOf(command));
  return {
    rows: rows.map(({ socketId: socket_id, value, error }) => {
      if (error instanceof ImportError) {
        return { socket_id, error: { kind: error.kind, message: error.message } };
      }
      const { kind, text } = value!;
      if (kind === 'json' || kind === 'undefined')
        return { socket_id, value: value!.value() ?? null };
      return { socket_id, value: text };
    }),
  };
}

async function follow(name: string, subscription: Subscription): Promise<void> {
  try {
    for await (const event of subscription)
      say({ event: 'event', subscription: name, ...eventFields(event) });
    say({ event: 'subscription_ended', subscription: name });
  } catch (error) {
    say({ event: 'subscription_ended', subscription: name, error: toError(error) });
  }
}

async function subscribe(command: Command): Promise<object> {
  const { name, kinds = [], types, resume, strict, max_queue: maxQueue, url } = command;
  const wanted = kinds as string[];
  const options = {
    messages: wanted.includes('messages'),
    sockets: wanted.includes('sockets'),
    console: wanted.includes('console'),
    pageErrors: wanted.includes('page_errors'),
    files: wanted.includes('files'),
    ...(types !== undefined && { messageTypes: types as string[] }),
    ...(strict !== undefined && { strict: strict as boolean }),
    ...(maxQueue !== undefined && { maxQueue: maxQueue as number }),
    ...(url !== undefined && { from: { url: url as string } }),
  };
  const to = await connected();
  const last = resume ? subscriptions.get(name as string) : undefined;
  const subscription =
    last === undefined
      ? await to.subscribe(options)
      : last.on === to
        ? await last.subscription.resume(options)
        : await to.subscribe({ ...options, resumeAfter: last.subscription.position });
  subscriptions.set(name as string, { subscription, on: to });
  void follow(name as string, subscription);
  return { resumed: subscription.resumed };
}

function toFilters(rules: Rule[]): Filter[] {
  return rules.map(({ filter }) => {
    const { paths, mime_types: mimeTypes, ...rest } = filter;
    return {
      ...rest,
      ...(paths !== undefined && { path: paths }),
      ...(mimeTypes !== undefined && { mime: mimeTypes }),
    } as Filter;
  });
}

function toOptions(given: Record<string, unknown> = {}, hook: string): object {
  const names = {
    phase: 'phase',
    call_timeout_ms: 'callTimeoutMs',
    max_concurrent_calls: 'maxConcurrentCalls',
    failure_mode: 'failureMode',
    forward_request_headers: 'forwardRequestHeaders',
    max_body_bytes: hook === 'serve' ? 'maxRequestBodyBytes' : 'maxBodyBytes',
  };
  const options = Object.entries(names).filter(([name]) => given[name] !== undefined);
  return Object.fromEntries(options.map(([name, ours]) => [ours, given[name]]));
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Action = Record<string, any>;

function listener(name: string, action: Action) {
  return async (message: Message, to: Client): Promise<unknown> => {
    const { socketId, type, text } = message;
    say({ event: 'message', plugin: name, socket_id: socketId, type, text });
    if (action['wait_for'] !== undefined) await gate(action['wait_for'] as string).promise;
    if (action['reply_to_sender'] !== undefined) {
      await to.send({ socket: socketId }, action['reply_to_sender']);
    } else if (action['broadcast'] !== undefined) {
      await to.send({ all: true, excluding: socketId }, action['broadcast']);
    } else if (action['answer'] !== undefined) {
      return action['answer'] as unknown;
    } else if (action['answer_text']) {
      return text;
    } else if (action['throw'] !== undefined) {
      throw new Error(action['throw'] as string);
    } else if (action['hang']) {
      await new Promise(() => undefined);
    }
    return undefined;
  };
}

function listeners(name: string, given: Record<string, Action> | undefined) {
  if (given === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(given).map(([type, action]) => [type, listener(name, action)]),
  );
}

function socketListeners(name: string): Partial<Plugin> {
  const tell = (what: string) => (socket: { readonly socketId: string }) =>
    say({ event: 'socket', plugin: name, what, socket_id: socket.socketId });
  return {
    onSocketOpened: tell('opened'),
    onSocketReady: tell('ready'),
    onSocketClosed: tell('closed'),
  };
}

function startPlugin(command: Command): Promise<object> {
  const name = command['name'] as string;
  const options = (command['options'] ?? {}) as Record<string, Record<string, unknown>>;
  const ending = new AbortController();
  const filters: Record<string, LiveFilters> = {};
  const scene: Scene = { plugin: name, say, gate: (gateName) => gate(gateName).promise };
  const hook = (hookName: string): object => {
    const rules = (command[hookName] ?? []) as Rule[];
    const filter = (filters[hookName] = new LiveFilters(toFilters(rules)));
    return { filter, ...toOptions(options[hookName], hookName) };
  };
  return new Promise((resolve, reject) => {
    const plugin = {
      name,
      version: command['version'] as string | undefined,
      injectWebSocket: Boolean(command['inject']),
      replaceExisting: Boolean(command['replace_existing']),
      requiredFeatures: (command['required_features'] ?? []) as string[],
      onMessage: listeners(name, command['on_message'] as Record<string, Action> | undefined),
      onRequest: listeners(name, command['on_request'] as Record<string, Action> | undefined),
      ...(command['on_socket'] && socketListeners(name)),
      ...(command['serve'] && {
        serve: { ...hook('serve'), handler: served(scene, command['serve'] as Rule[]) },
      }),
      ...(command['transform'] && {
        transform: {
          ...hook('transform'),
          handler: transformed(scene, command['transform'] as Rule[]),
        },
      }),
      ...(command['resolve_import'] && {
        resolveImport: {
          ...hook('resolve_import'),
          handler: resolved(scene, command['resolve_import'] as Rule[]),
        },
      }),
      serverStart: async ({ pluginName, sockets }: Context) => {
        const starting = command['server_start'] as { wait_for: string } | undefined;
        if (starting !== undefined) {
          say({ event: 'starting', plugin: name });
          await gate(starting.wait_for).promise;
        }
        const ids = sockets.map(({ socketId }) => socketId);
        say({ event: 'started', plugin: name, sockets: ids });
        resolve({ plugin_name: pluginName, sockets: ids });
      },
      serverStop: () => say({ event: 'stopping', plugin: name }),
    } as Plugin;
    const before = plugins.get(name);
    const running = (command['once'] ? runOnce : run)(plugin, {
      ...endpoint,
      signal: ending.signal,
      signals: Boolean(command['signals']),
    });
    const ended = running.then(
      () => {
        say({ event: 'ended', plugin: name });
        reject(new Failure('it ended before it began'));
      },
      (error: unknown) => {
        say({ event: 'ended', plugin: name, error: toError(error) });
        reject(error);
        // A plugin whose name was refused does not replace the running one.
        if (before !== undefined) plugins.set(name, before);
      },
    );
    plugins.set(name, { ending, ended, filters });
  });
}

async function stopPlugin(name: string): Promise<null> {
  const plugin = plugins.get(name);
  if (plugin === undefined) throw new Failure(`no plugin ${name} was started`);
  plugin.ending.abort();
  await plugin.ended;
  return null;
}

async function execute(command: Command): Promise<unknown> {
  const target = () => toTarget(command['target']);
  switch (command.do) {
    case 'connect': {
      const { endpoint: address, token, token_file: tokenFile } = command;
      endpoint = Object.fromEntries(
        Object.entries({ endpoint: address, token, tokenFile }).filter(
          ([, value]) => value !== undefined,
        ),
      );
      client = undefined;
      return { server_version: (await (await connected()).info()).serverVersion };
    }
    case 'plugin':
      return startPlugin(command);
    case 'stop':
      return stopPlugin(command['plugin'] as string);
    case 'release':
      gate(command['name'] as string).release();
      return null;
    case 'info': {
      const { serverVersion, features } = await (await connected()).info();
      return { server_version: serverVersion, features };
    }
    case 'sockets':
      return (await (await connected()).sockets()).map(({ socketId, url, ready }) => ({
        socket_id: socketId,
        url,
        ready,
      }));
    case 'plugins':
      return (await (await connected()).plugins()).map(({ pluginName }) => ({
        plugin_name: pluginName,
      }));
    case 'send':
      return send(command);
    case 'send_many':
      return sendMany(command);
    case 'send_import': {
      const report = (await connected()).sendImport(target(), toImport(command), limitsOf(command));
      return fromReport(await report);
    }
    case 'import_value':
      return importValue(command);
    case 'console_log': {
      const { level, text } = command;
      const to = await connected();
      return fromReport(await to.consoleLog(target(), level as ConsoleLevel, text as string));
    }
    case 'reload':
      return fromReport(await (await connected()).reload(target()));
    case 'navigate':
      return fromReport(await (await connected()).navigate(target(), command['url'] as string));
    case 'swap_stylesheets':
      return fromReport(
        await (await connected()).swapStylesheets(target(), (command['paths'] ?? []) as string[]),
      );
    case 'close_sockets': {
      const { code, reason } = command;
      const to = await connected();
      return fromReport(await to.closeSockets(target(), code as number, reason as string));
    }
    case 'invalidate': {
      const { all, paths, prefixes, files, refresh_pages: refreshPages } = command;
      const stale = {
        all: Boolean(all),
        path: (paths ?? []) as string[],
        prefix: (prefixes ?? []) as string[],
        file: (files ?? []) as string[],
        refreshPages: Boolean(refreshPages),
      };
      return (await connected()).invalidate(stale);
    }
    case 'subscribe':
      return subscribe(command);
    case 'unsubscribe':
      subscriptions.get(command['name'] as string)?.subscription.close();
      return null;
    case 'set_filters': {
      const { plugin, hook, filters } = command;
      const live = plugins.get(plugin as string)?.filters[hook as string];
      if (live === undefined) throw new Failure(`no hook ${hook} of a plugin ${plugin}`);
      await live.set(toFilters((filters as Rule['filter'][]).map((filter) => ({ filter }))));
      return null;
    }
    default:
      throw new Failure(`no command ${command.do}`);
  }
}

async function answer(command: Command): Promise<void> {
  const { id } = command;
  try {
    say({ id, ok: await execute(command) });
  } catch (error) {
    say({ id, error: toError(error) });
  }
}

const file = process.argv[2];
const commands = createInterface({
  input: file === undefined ? process.stdin : createReadStream(file),
});
const answers: Promise<void>[] = [];
for await (const line of commands) {
  if (line.trim() === '') continue;
  const command = JSON.parse(line) as Command;
  const answered = answer(command);
  answers.push(answered);
  if (command.wait) await answered;
}
if (file === undefined) for (const { ending } of plugins.values()) ending.abort();
await Promise.all([...answers, ...[...plugins.values()].map(({ ended }) => ended)]);
process.exit(0);
