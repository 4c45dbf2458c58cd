/**
 * How long it takes from the end of a write to a file until a page in Chromium has acted on it. What a
 * page has acted on shows by itself: each version of a file makes the page fetch another URL of ours.
 * Prints one line of JSON: the medians in milliseconds.
 *
 *     node saves.js ORIGIN FOLDER SAVES
 */

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { launch } from './chromium.js';

const [origin, folder, saves] = process.argv.slice(2);
/** How long one save may take to show. */
const GUARD_MS = 10_000;
/** Between two saves: longer than any of the watchers gathers changes for. */
const PAUSE_MS = 300;

const arrived = new Map();
const listener = createServer((request, response) => {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('cache-control', 'no-store');
  response.end();
  arrived.get(request.url)?.();
});
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const beacon = `http://127.0.0.1:${listener.address().port}`;

const files = {
  'watched.css': (version) => `body { background-image: url(${beacon}/css/${version}) }\n`,
  'watched.js': (version) => `fetch('${beacon}/js/${version}');\n`,
};

/** Waits until the page has acted on a version of a file. */
async function acted(name, version) {
  const url = `/${path.extname(name).slice(1)}/${version}`;
  let guard;
  try {
    await new Promise((resolve, reject) => {
      arrived.set(url, resolve);
      guard = setTimeout(() => reject(new Error(`waited ${GUARD_MS} ms in vain for ${url}`)), GUARD_MS);
    });
  } finally {
    clearTimeout(guard);
  }
}

/** Writes a version of a file; gives the milliseconds until the page has acted on it. */
async function save(name, version) {
  const seen = acted(name, version);
  await writeFile(path.join(folder, name), files[name](version));
  const written = performance.now();
  await seen;
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
  const first = Object.keys(files).map((name) => acted(name, 'first'));
  await protocol.send('Target.createTarget', { url: `${origin}/watched.html` });
  await Promise.all(first);
  const found = {};
  for (const name of Object.keys(files)) {
    const times = [];
    for (let version = 0; version < Number(saves); version += 1) {
      await pause();
      times.push(await save(name, version));
    }
    found[name] = median(times);
  }
  console.log(JSON.stringify(found));
} finally {
  await browser.close();
  listener.closeAllConnections();
  listener.close();
}
