/**
 * The steps of cases. A step is an object whose first key is the verb; the other keys are its parameters.
 * README.md describes each verb.
 */

import { chmod } from 'node:fs/promises';
import { expect, mismatch } from './match.js';
import { request } from './http.js';
import { brief, until } from '../../wait.js';

/** Each verb: its parameters (`*` = any, passed on as fields of a command), and what it does. */
const VERBS = {
  // The library.
  do: ['*', (world, { do: command, ...fields }) => runCommand(world, command, fields)],
  plugin: ['*', (world, { plugin, ...fields }) => runCommand(world, 'plugin', { name: plugin, ...fields })],
  event: ['runner count within_ms', takeEvents],
  next_event: ['runner sequences', async (world, { next_event: expected, runner, sequences }) => {
    const same = ({ event, subscription, plugin }) => event === expected.event
      && subscription === (expected.subscription ?? subscription) && plugin === (expected.plugin ?? plugin);
    const [from, to] = sequences ?? [0, 0];
    for (let sequence = from; sequence <= to; sequence += 1) {
      const event = await world.runner(runner).events.take(`the event ${brief(expected)}`, same);
      expect('the next event', event, sequences ? { ...expected, sequence } : expected);
    }
  }],
  next_events: ['runner', async (world, { next_events: expected, runner }) => {
    for (const each of expected) {
      const event = await world.runner(runner).events.next(`the event ${brief(each)}`);
      expect('the next event', event, each);
    }
  }],
  no_event: ['runner', (world, { no_event: expected, runner }) => {
    const found = world.runner(runner).events.entries.find((event) => mismatch(event, expected) === undefined);
    if (found) throw new Error(`unexpected event: ${brief(found)}`);
  }],
  start_runner: ['env folder commands', (world, { start_runner: name, ...options }) =>
    world.startRunner(name, options)],
  kill_runner: ['', async (world, { kill_runner: name }) => {
    const runner = world.removeRunner(name);
    runner.kill();
    await runner.waitForExit('SIGKILL');
  }],
  signal_runner: ['signal', (world, { signal_runner: name, signal }) => world.runner(name).child.kill(signal)],
  pause_runner: ['', (world, { pause_runner: name }) => world.runner(name).kill('SIGSTOP')],
  continue_runner: ['', (world, { continue_runner: name }) => world.runner(name).kill('SIGCONT')],
  close_runner: ['', (world, { close_runner: name }) => world.removeRunner(name).close()],
  ended: ['', (world, { ended: name }) => until(`the exit of runner ${name}`, world.runner(name).exited)],

  // Pages.
  open: ['url hello daemon pong count', async (world, { open: name, url = '/', hello, daemon, pong, count }) => {
    if (count === undefined) return world.openPage(name, url, hello, daemon, pong);
    for (let n = 0; n < count; n += 1) await world.openPage(`${name}${n}`, url, hello, daemon, pong);
  }],
  say: ['page count', (world, { say: message, page, count = 1 }) => {
    for (const one of world.pages(page)) {
      for (let index = 0; index < count; index += 1) one.send(message);
    }
  }],
  say_text: ['page', (world, { say_text: text, page }) => world.page(page).sendText(text)],
  say_bytes: ['page', (world, { say_bytes: base64, page }) =>
    world.page(page).sendBytes(Buffer.from(base64, 'base64'))],
  ask: ['page count is later', ask],
  hear: ['page', async (world, { hear: expected, page }) => {
    for (const one of world.pages(page)) {
      const frame = await one.frames.next(`a message at page ${one.name}`);
      expect(`the message at page ${one.name}`, frame.message, expected);
    }
  }],
  hear_text: ['page', async (world, { hear_text: expected, page }) => {
    const frame = await world.page(page).frames.next('a text');
    expect('the text at the page', frame.text, expected);
  }],
  hear_bytes: ['page', async (world, { hear_bytes: expected, page }) => {
    const frame = await world.page(page).frames.next('a binary frame');
    expect('the bytes at the page', frame.bytes, expected);
  }],
  hear_sent: ['page', async (world, { hear_sent: count, page }) => {
    for (let n = 0; n < count; n += 1) {
      const frame = await world.page(page).frames.next(`message ${n} of send_many`);
      expect(`message ${n} of send_many`, frame.message, { type: 'n', n });
    }
  }],
  hear_nothing: ['page', async (world, { page }) => {
    for (const one of world.pages(page)) {
      await one.settle();
      const [frame] = [...one.frames.entries, ...one.imports.entries];
      if (frame) throw new Error(`unexpected at page ${one.name}: ${brief(frame)}`);
    }
  }],
  imports: ['page', async (world, { imports: expected, page }) => {
    const data = await world.page(page).imports.next('an import');
    expect('the import at the page', data, expected);
  }],
  close: ['', async (world, { close: name }) => {
    world.page(name).close();
    await until(`the close of page ${name}`, world.page(name).closed);
  }],
  hear_close: ['page', async (world, { hear_close: expected, page }) => {
    expect('the close frame', await until('the close of a page', world.page(page).closed), expected);
  }],

  // Browsers.
  get: ['headers count is later within_ms', (world, { get: path, ...rest }) =>
    sendRequests(world, { method: 'GET', path, ...rest })],
  request: ['headers body count is later', (world, { request: line, ...rest }) => {
    const [method, path] = line.split(' ');
    return sendRequests(world, { method, path, ...rest });
  }],
  keep_getting: ['count is later', keepGetting],
  abort: ['', (world, { abort: name }) => world.later.get(name).abort()],
  answer: ['ok error is', async (world, { answer: name, ...expected }) => {
    const pending = world.later.get(name);
    if (!pending) throw new Error(`no pending response is named ${name}`);
    world.later.delete(name);
    await pending.check(expected);
  }],

  // The daemon.
  daemon: ['name site root args', async (world, { daemon: action, name, ...options }) => {
    if (action !== 'start') await world.daemon(name)[action === 'restart' ? 'stop' : action]();
    if (action === 'start' || action === 'restart') await world.startDaemon(name ?? 'main', options);
  }],
  cut: ['', (world) => world.link.cut()],
  freeze: ['', (world) => world.link.freeze()],
  write: ['mode', (world, { write: files, mode = '644' }) =>
    world.write(files, 'main', Number.parseInt(mode, 8))],
  chmod: ['mode', (world, { chmod: file, mode }) => chmod(file, Number.parseInt(mode, 8))],
  logs: ['name runner', (world, { logs: words, name, runner }) =>
    (runner ? world.runner(runner) : world.daemon(name)).logs(words)],
  lists: ['name is', async (world, { lists: command, name, is }) => {
    expect(`pagewire ${command}`, await world.daemon(name).lists(command), is);
  }],
};

/** Sends a command to the library and checks its response, now or later. */
async function runCommand(world, command, { runner: name, ok, error, later, within_ms: ms, ...fields }) {
  const runner = world.runner(name);
  const id = runner.send({ do: command, ...fields });
  const check = async (expected) => {
    const response = await runner.response(id, command, ms);
    if (expected.error !== undefined) {
      if (!response.error) throw new Error(`${command} returned ${brief(response.ok)} instead of an error`);
      return expect(`the error of ${command}`, response.error, expected.error);
    }
    if (response.error) throw new Error(`${command} failed: ${brief(response.error)}`);
    if (expected.ok !== undefined) expect(`the result of ${command}`, response.ok, expected.ok);
  };
  if (later) world.later.set(later, { check });
  else await check({ ok, error });
}

async function takeEvents(world, { event: expected, runner, count = 1, within_ms: ms }) {
  for (let index = 0; index < count; index += 1) {
    await world.runner(runner).events.take(`event ${index + 1} of ${count}: ${brief(expected)}`,
      (event) => mismatch(event, expected) === undefined, ms);
  }
}

/** Sends requests of a page; their replies arrive in the same order. */
async function ask(world, { ask: message, page: name, count = 1, is = {}, later }) {
  const page = world.page(name);
  const ids = Array.from({ length: count }, () => page.request(message));
  const check = async (expected) => {
    for (const id of ids) {
      const frame = await page.frames.next(`the reply to request ${id}`);
      expect('the reply', frame.message, { type: 'message-response', id, ...expected.is });
    }
  };
  if (later) world.later.set(later, { check });
  else await check({ is });
}

/** Sends HTTP requests concurrently. */
async function sendRequests(world, { method, path, headers, body, count = 1, is = {}, later, within_ms: ms }) {
  const what = `${method} ${path}`;
  const origin = world.daemon().origin;
  const requests = Array.from({ length: count }, () => request(origin, { method, path, headers, body }));
  const check = async ({ is: { status = 200, json, ...expected } = {} }) => {
    for (const { response: pending } of requests) {
      const response = await until(`the response to ${what}`, pending, ms);
      expect(what, response, { status, ...expected });
      if (json !== undefined) expect(what, JSON.parse(response.body), json);
    }
  };
  const abort = () => requests.forEach((one) => one.abort());
  if (later) world.later.set(later, { check, abort });
  else await check({ is });
}

/** Sends requests one after the other in `count` concurrent loops, until the responses are checked. */
function keepGetting(world, { keep_getting: path, count, is: { status = 200, ...expected }, later }) {
  const origin = world.daemon().origin;
  let isChecked = false;
  const loop = async () => {
    while (!isChecked) {
      const response = await request(origin, { method: 'GET', path }).response;
      expect(`GET ${path}`, response, { status, ...expected });
    }
  };
  const loops = Promise.all(Array.from({ length: count }, loop));
  loops.catch(() => {}); // It is awaited later.
  const check = () => {
    isChecked = true;
    return until(`the last responses to GET ${path}`, loops);
  };
  world.later.set(later, { check });
}

/** Performs one step of a case. */
export async function perform(world, step) {
  const [verb, ...others] = Object.keys(step);
  const [parameters, action] = VERBS[verb] ?? [];
  if (!action) throw new Error(`unknown verb: ${JSON.stringify(verb)}`);
  const unknown = others.find((key) => parameters !== '*' && !parameters.split(' ').includes(key));
  if (unknown) throw new Error(`${JSON.stringify(verb)} has no parameter ${JSON.stringify(unknown)}`);
  await action(world, world.fill(step));
}
