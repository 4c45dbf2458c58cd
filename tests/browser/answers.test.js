/** Pages of backends whose answers vary, which write files themselves, or which are slow. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { Record, claim } from './harness.js';
import { holds, mark } from './harness/watch.js';

/** A backend whose page is made by `render(number of the request)`, a watching daemon in front, and a page. */
async function start(world, files, render, ...options) {
  const folder = await world.site(files);
  const file = (name) => path.join(folder, name);
  const requests = new Record();
  const server = createServer(async ({ url }, response) => {
    if (url !== '/') return response.end(await readFile(file(url.slice(1)), 'utf8').catch(() => ''));
    requests.add(url);
    response.setHeader('content-type', 'text/html');
    response.end(await render(requests.entries.length, file));
  });
  // The process of the tests may exit while it listens.
  server.on('connection', (socket) => socket.unref()).listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const daemon = await world.daemon({
    site: folder, args: ['--no-files', '--watch', '--proxy', `http://127.0.0.1:${server.address().port}`, ...options],
  });
  const tab = await world.page(daemon, null);
  const loads = new Record();
  tab.page.on('response', (response) => { if (response.request().isNavigationRequest()) loads.add('load'); });
  await tab.open(daemon.origin);
  await mark(tab);
  /** Waits for so many requests of the page. */
  const requested = (count) => requests.first(`request ${count} of the page`, () => requests.entries.length >= count);
  return { daemon, tab, file, loads, requested };
}

const html = (body) => `<!doctype html><html><head><link rel="icon" href="data:,"></head><body>${body}</body></html>`;

claim('a file that is saved while a page checks its answers is shown', async (world) => {
  let save = () => {};
  const backend = await start(world, { 'a.txt': 'first' }, async (_, file) => {
    await save();
    return html(`<link rel="stylesheet" href="/a.css"><h1>${await readFile(file('a.txt'), 'utf8')}</h1>`);
  });
  const { tab, file, loads } = backend;
  // During the first check after the reload. The answers do not contain the stylesheet.
  let isSaved = false;
  save = async () => {
    if (isSaved || loads.entries.length < 2) return;
    isSaved = true;
    await writeFile(file('a.css'), 'h1 { width: 7px }');
  };
  await writeFile(file('a.txt'), 'second');
  await tab.shows('second');
  await holds(tab, 'the new width', "getComputedStyle(document.querySelector('h1')).width === '7px'");
});

for (const later of [1, 2, 3, 4, 5, 6]) {
  claim(`a change that a backend notices ${later} answers later is shown in a page whose answers vary`, async (world) => {
    let noticed = 'first';
    let changedAt = Infinity;
    const { tab, file } = await start(world, { 'a.txt': 'first' }, async (number, inFolder) => {
      const saved = await readFile(inFolder('a.txt'), 'utf8');
      if (saved !== noticed) changedAt = Math.min(changedAt, number);
      if (number >= changedAt + later) noticed = saved;
      return html(`<h1>${noticed}</h1><p>token ${number}</p>`);
    }, '--watch-delay', '0');
    await writeFile(file('a.txt'), 'second');
    await tab.shows('second');
  });
}

claim('a change is shown in a page that becomes longer with each answer', async (world) => {
  const list = [];
  let noticed = 'first';
  let changedAt = Infinity;
  const { tab, file, loads } = await start(world, { 'a.txt': 'first' }, async (number, inFolder) => {
    const saved = await readFile(inFolder('a.txt'), 'utf8');
    if (saved !== noticed) changedAt = Math.min(changedAt, number);
    // The backend notices the change six answers later.
    if (number >= changedAt + 6) noticed = saved;
    list.push(`<li>request ${number}</li>`);
    return html(`<h1>${noticed}</h1><ul>${list.join('')}</ul>`);
  });
  await writeFile(file('a.txt'), 'second');
  await tab.shows('second');
  assert.ok(loads.entries.length <= 4, `${loads.entries.length} loads`);
});

claim('a backend that logs each request, and shows its log, does not reload its page for ever', async (world) => {
  const list = [];
  const { loads, requested } = await start(world, { 'access.txt': '' }, async (number, file) => {
    await appendFile(file('access.txt'), `request ${number}\n`);
    list.push(`<li>request ${number}</li>`);
    return html(`<ul>${list.join('')}</ul>`);
  });
  // A page that reloads because of its own requests makes fewer than four for each load.
  await requested(18);
  assert.ok(loads.entries.length <= 4, `${loads.entries.length} loads`);
});

claim('a page reloads after watch_delay although its backend has not answered yet', async (world) => {
  let answer = Promise.resolve();
  let release;
  const { tab, file, loads } = await start(world, { 'a.txt': 'first' }, async (number, inFolder) => {
    const text = await readFile(inFolder('a.txt'), 'utf8');
    // Only checks wait: the second request is one.
    if (number === 2) await answer;
    return html(`<h1>${text}</h1>`);
  });
  answer = new Promise((resolve) => { release = resolve; });
  await writeFile(file('a.txt'), 'second');
  await tab.shows('second');
  assert.equal(loads.entries.length, 2);
  release();
});
