/**
 * Loads pages in Chromium and measures each from the start of the navigation until its last module has run.
 * Reads one URL per line. Each page gets this script's port as its URL fragment and posts its report there
 * as JSON, which is printed as one line.
 *
 * Each page has a browser context of its own, so that nothing is cached, and a tab that exists before the
 * measurement, so that no process is started during the measurement.
 *
 *     node loads.js
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { launch } from './chromium.js';

/** A page that takes longer is an error. */
const TIMEOUT_MS = 60_000;
/** Pause before a load: longer than Chromium is busy with a new tab. */
const PAUSE_MS = 150;

const PAGE = '<!doctype html><script type="module">fetch("/", { method: "POST" });</script>';

let onReport;
const listener = createServer(async (request, response) => {
  const report = await text(request);
  response.setHeader('content-type', 'text/html');
  response.end(PAGE);
  if (request.method === 'POST') onReport?.(report);
});
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const { port } = listener.address();

const { browser, protocol } = await launch();

/** Loads a page and returns its report. */
async function load(url) {
  const { browserContextId } = await protocol.send('Target.createBrowserContext');
  const { targetId } = await protocol.send('Target.createTarget', { url: 'about:blank', browserContextId });
  const { sessionId } = await protocol.send('Target.attachToTarget', { targetId, flatten: false });
  await wait(PAUSE_MS);
  let timer;
  const report = new Promise((resolve, reject) => {
    onReport = resolve;
    timer = setTimeout(() => reject(new Error(`no report from ${url} within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  await protocol.send('Target.sendMessageToTarget', {
    sessionId, message: JSON.stringify({ id: 1, method: 'Page.navigate', params: { url: `${url}#${port}` } }),
  });
  try {
    return await report;
  } finally {
    clearTimeout(timer);
    await protocol.send('Target.disposeBrowserContext', { browserContextId });
  }
}

try {
  // Warm-up: the first page of a browser takes longer.
  await load(`http://127.0.0.1:${port}/`);
  for await (const url of createInterface({ input: process.stdin })) console.log(await load(url));
} finally {
  await browser.close();
  listener.closeAllConnections();
  listener.close();
}
