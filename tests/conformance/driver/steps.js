/**
 * The words that cases are written in. A step is an object; its first key is the verb, the others
 * are what the verb takes. README.md says what each means.
 */

import { chmod } from 'node:fs/promises';
import { expect, mismatch } from './match.js';
import { request } from './http.js';
import { brief, until } from './wait.js';

/** Each verb: the other keys that it takes (`*` = any, they are a command's), and what it does. */
const VERBS = {
  // The library.
  do: ['*', (world, { do: command, ...fields }) => tell(world, command, fields)],
  plugin: ['*', (world, { plugin, ...fields }) => tell(world, 'plugin', { name: plugin, ...fields })],
  event: ['runner count within_ms', takeEvents],
  next_event: ['runner sequences', async (world, { next_event: wanted, runner, sequences }) => {
    const same = ({ event, subscription, plugin }) => event === wanted.event
      && subscription === (wanted.subscription ?? subscription) && plugin === (wanted.plugin ?? plugin);
    const [from, to] = sequences ?? [0, 0];
    for (let sequence = from; sequence <= to; sequence += 1) {
      const event = await world.runner(runner).events.take(`the event ${brief(wanted)}`, same);
      expect('the next event', event, sequences ? { ...wanted, sequence } : wanted);
    }
  }],
  no_event: ['runner', (world, { no_event: wanted, runner }) => {
    const found = world.runner(runner).events.entries.find((event) => mismatch(event, wanted) === undefined);
    if (found) throw new Error(`there is the event ${brief(found)}`);
  }],
  start_runner: ['env folder commands', (world, { start_runner: name, ...options }) =>
    world.startRunner(name, options)],
  kill_runner: ['', async (world, { kill_runner: name }) => {
    const runner = world.drop(name);
    runner.kill();
    await runner.leaves('SIGKILL');
  }],
  pause_runner: ['', (world, { pause_runner: name }) => world.runner(name).kill('SIGSTOP')],
  continue_runner: ['', (world, { continue_runner: name }) => world.runner(name).kill('SIGCONT')],
  close_runner: ['', (world, { close_runner: name }) => world.drop(name).close()],
  ended: ['', (world, { ended: name }) => until(`the end of runner ${name}`, world.runner(name).ended)],

  // Pages.
  open: ['url hello daemon pong count', async (world, { open: name, url = '/', hello, daemon, pong, count }) => {
    if (count === undefined) return world.openPage(name, url, hello, daemon, pong);
    for (let n = 0; n < count; n += 1) await world.openPage(`${name}${n}`, url, hello, daemon, pong);
  }],
  say: ['page count', (world, { say: message, page, count = 1 }) => {
    for (const one of world.pages(page)) {
      for (let index = 0; index < count; index += 1) one.say(message);
    }
  }],
  say_text: ['page', (world, { say_text: text, page }) => world.page(page).sayText(text)],
  say_bytes: ['page', (world, { say_bytes: base64, page }) =>
    world.page(page).sayBytes(Buffer.from(base64, 'base64'))],
  ask: ['page count is later', ask],
  hear: ['page', async (world, { hear: wanted, page }) => {
    for (const one of world.pages(page)) {
      const frame = await one.frames.next(`a message at page ${one.name}`);
      expect(`what page ${one.name} hears`, frame.message, wanted);
    }
  }],
  hear_text: ['page', async (world, { hear_text: wanted, page }) => {
    const frame = await world.page(page).frames.next('a text');
    expect('the text that the page hears', frame.text, wanted);
  }],
  hear_bytes: ['page', async (world, { hear_bytes: wanted, page }) => {
    const frame = await world.page(page).frames.next('a binary frame');
    expect('the bytes that the page hears', frame.bytes, wanted);
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
      if (frame) throw new Error(`page ${one.name} hears ${brief(frame)}`);
    }
  }],
  imports: ['page', async (world, { imports: wanted, page }) => {
    const data = await world.page(page).imports.next('an import');
    expect('what the page imports', data, wanted);
  }],
  close: ['', async (world, { close: name }) => {
    world.page(name).close();
    await until(`the end of page ${name}`, world.page(name).closed);
  }],
  hear_close: ['page', async (world, { hear_close: wanted, page }) => {
    expect('how the page was closed', await until('the close of a page', world.page(page).closed), wanted);
  }],

  // Browsers.
  get: ['headers count is later within_ms', (world, { get: path, ...rest }) =>
    browse(world, { method: 'GET', path, ...rest })],
  request: ['headers body count is later', (world, { request: line, ...rest }) => {
    const [method, path] = line.split(' ');
    return browse(world, { method, path, ...rest });
  }],
  abort: ['', (world, { abort: name }) => world.later.get(name).abort()],
  answer: ['ok error is', async (world, { answer: name, ...wanted }) => {
    const awaited = world.later.get(name);
    if (!awaited) throw new Error(`nothing is under way by the name ${name}`);
    world.later.delete(name);
    await awaited.check(wanted);
  }],

  // The daemon.
  daemon: ['name site root args', async (world, { daemon: act, name, ...options }) => {
    if (act !== 'start') await world.daemon(name)[act === 'restart' ? 'stop' : act]();
    if (act === 'start' || act === 'restart') await world.startDaemon(name ?? 'main', options);
  }],
  cut: ['', (world) => world.link.cut()],
  freeze: ['', (world) => world.link.freeze()],
  write: ['mode', (world, { write: files, mode = '644' }) =>
    world.write(files, 'main', Number.parseInt(mode, 8))],
  chmod: ['mode', (world, { chmod: file, mode }) => chmod(file, Number.parseInt(mode, 8))],
  logs: ['name', (world, { logs: words, name }) => world.daemon(name).logs(words)],
  lists: ['name is', async (world, { lists: command, name, is }) => {
    expect(`pagewire ${command}`, await world.daemon(name).lists(command), is);
  }],
};

/** Gives a command to the library, and awaits what is expected of it, or leaves that for later. */
async function tell(world, command, { runner: name, ok, error, later, within_ms: ms, ...fields }) {
  const runner = world.runner(name);
  const id = runner.tell({ do: command, ...fields });
  const check = async (wanted) => {
    const answer = await runner.answer(id, command, ms);
    if (wanted.error !== undefined) {
      if (!answer.error) throw new Error(`${command} gives ${brief(answer.ok)}, no error`);
      return expect(`the error of ${command}`, answer.error, wanted.error);
    }
    if (answer.error) throw new Error(`${command} fails: ${brief(answer.error)}`);
    if (wanted.ok !== undefined) expect(`what ${command} gives`, answer.ok, wanted.ok);
  };
  if (later) world.later.set(later, { check });
  else await check({ ok, error });
}

async function takeEvents(world, { event: wanted, runner, count = 1, within_ms: ms }) {
  for (let index = 0; index < count; index += 1) {
    await world.runner(runner).events.take(`event ${index + 1} of ${count}: ${brief(wanted)}`,
      (event) => mismatch(event, wanted) === undefined, ms);
  }
}

/** Makes requests of a page; the answers come in the order of the requests. */
async function ask(world, { ask: message, page: name, count = 1, is = {}, later }) {
  const page = world.page(name);
  const ids = Array.from({ length: count }, () => page.ask(message));
  const check = async (wanted) => {
    for (const id of ids) {
      const frame = await page.frames.next(`the answer to request ${id}`);
      expect('the answer', frame.message, { type: 'message-response', id, ...wanted.is });
    }
  };
  if (later) world.later.set(later, { check });
  else await check({ is });
}

/** Makes HTTP requests at the same time. */
async function browse(world, { method, path, headers, body, count = 1, is = {}, later, within_ms: ms }) {
  const what = `${method} ${path}`;
  const origin = world.daemon().origin;
  const requests = Array.from({ length: count }, () => request(origin, { method, path, headers, body }));
  const check = async ({ is: { status = 200, json, ...wanted } = {} }) => {
    for (const { answer: coming } of requests) {
      const answer = await until(`the answer to ${what}`, coming, ms);
      expect(what, answer, { status, ...wanted });
      if (json !== undefined) expect(what, JSON.parse(answer.body), json);
    }
  };
  const abort = () => requests.forEach((one) => one.abort());
  if (later) world.later.set(later, { check, abort });
  else await check({ is });
}

/** Does one step of a case. */
export async function perform(world, step) {
  const [verb, ...others] = Object.keys(step);
  const [takes, act] = VERBS[verb] ?? [];
  if (!act) throw new Error(`no step begins with ${JSON.stringify(verb)}`);
  const unknown = others.find((key) => takes !== '*' && !takes.split(' ').includes(key));
  if (unknown) throw new Error(`${JSON.stringify(verb)} takes no ${JSON.stringify(unknown)}`);
  await act(world, world.fill(step));
}
