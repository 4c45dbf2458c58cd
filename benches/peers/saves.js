/**
 * Measures the time from the end of a write to a file until a page in Chromium has acted on it. Each version of
 * a file makes the page fetch another URL of this script's server, which shows that it acted. Prints one line
 * of JSON: the medians in milliseconds.
 *
 *     node saves.js ORIGIN FOLDER SAVES
 */

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { launch } from './chromium.js';

const [origin, folder, saves] = process.argv.slice(2);
/** A save that takes longer is an error. */
const TIMEOUT_MS = 10_000;
/** Pause between two saves: longer than the debounce interval of any watcher. */
const PAUSE_MS = 300;

const listeners = new Map();
const listener = createServer((request, response) => {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('cache-control', 'no-store');
  response.end();
  listeners.get(request.url)?.();
});
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const beacon = `http://127.0.0.1:${listener.address().port}`;

const files = {
  'watched.css': (version) => `body { background-image: url(${beacon}/css/${version}) }\n`,
  'watched.js': (version) => `fetch('${beacon}/js/${version}');\n`,
};

/** Waits until the page has acted on a version of a file. */
async function untilActed(name, version) {
  const url = `/${path.extname(name).slice(1)}/${version}`;
  let timer;
  try {
    await new Promise((resolve, reject) => {
      listeners.set(url, resolve);
      timer = setTimeout(() => reject(new Error(`no request for ${url} within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Writes a version of a file; returns the milliseconds until the page has acted on it. */
async function save(name, version) {
  const acted = untilActed(name, version);
  await writeFile(path.join(folder, name), files[name](version));
  const written = performance.now();
  await acted;
  return performance.now() - written;
}

const pause = () => new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

await writeFile(path.join(folder, 'watched.html'), '<!doctype html>\n<html lang="en">\n<head>\n<title>Watched</title>\n'
  + '<link rel="stylesheet" href="/watched.css">\n<script type="module" src="/watched.js"></script>\n</head>\n<body>\n</body>\n</html>\n');
for (const name of Object.keys(files)) await writeFile(path.join(folder, name), files[name]('first'));
await pause();

const { browser, protocol } = await launch();
try {
  const first = Object.keys(files).map((name) => untilActed(name, 'first'));
  await protocol.send('Target.createTarget', { url: `${origin}/watched.html` });
  await Promise.all(first);
  const medians = {};
  for (const name of Object.keys(files)) {
    const times = [];
    for (let version = 0; version < Number(saves); version += 1) {
      await pause();
      times.push(await save(name, version));
    }
    medians[name] = median(times);
  }
  console.log(JSON.stringify(medians));
} finally {
  await browser.close();
  listener.closeAllConnections();
  listener.close();
}
