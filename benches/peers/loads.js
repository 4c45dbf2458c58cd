/**
 * How long pages in Chromium take from the start of the navigation until the last of their modules has
 * run. Reads URLs, a line each; a page gets a port of ours as its fragment and posts there, as JSON,
 * what it has to say, which is printed as a line.
 *
 * Each page has a context of its own, so nothing of it is in a cache, and a tab that is there before:
 * neither a browser nor its processes are started in what is measured.
 *
 *     node loads.js
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { launch } from './chromium.js';

/** How long one page may take. */
const GUARD_MS = 60_000;
/** Before a page is loaded: longer than Chromium is busy with a new tab. */
const PAUSE_MS = 150;

const PAGE = '<!doctype html><script type="module">fetch("/", { method: "POST" });</script>';

let arrived;
const listener = createServer(async (request, response) => {
  const said = await text(request);
  response.setHeader('content-type', 'text/html');
  response.end(PAGE);
  if (request.method === 'POST') arrived?.(said);
});
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const { port } = listener.address();

const { browser, protocol } = await launch();

/** Loads a page; gives what it says. */
async function load(url) {
  const { browserContextId } = await protocol.send('Target.createBrowserContext');
  const { targetId } = await protocol.send('Target.createTarget', { url: 'about:blank', browserContextId });
  const { sessionId } = await protocol.send('Target.attachToTarget', { targetId, flatten: false });
  await wait(PAUSE_MS);
  let guard;
  const said = new Promise((resolve, reject) => {
    arrived = resolve;
    guard = setTimeout(() => reject(new Error(`waited ${GUARD_MS} ms in vain for ${url}`)), GUARD_MS);
  });
  await protocol.send('Target.sendMessageToTarget', {
    sessionId, message: JSON.stringify({ id: 1, method: 'Page.navigate', params: { url: `${url}#${port}` } }),
  });
  try {
    return await said;
  } finally {
    clearTimeout(guard);
    await protocol.send('Target.disposeBrowserContext', { browserContextId });
  }
}

try {
  // The first page that a browser loads takes longer.
  await load(`http://127.0.0.1:${port}/`);
  for await (const url of createInterface({ input: process.stdin })) console.log(await load(url));
} finally {
  await browser.close();
  listener.closeAllConnections();
  listener.close();
}
