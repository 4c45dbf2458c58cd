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
import { chromium } from 'playwright-core';

const [origin, folder, saves] = process.argv.slice(2);
const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
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

/** Writes a version of a file; gives the milliseconds until the page has acted on it. */
async function save(name, version) {
  const url = `/${path.extname(name).slice(1)}/${version}`;
  let guard;
  const acted = new Promise((resolve, reject) => {
    arrived.set(url, resolve);
    guard = setTimeout(() => reject(new Error(`waited ${GUARD_MS} ms in vain for ${url}`)), GUARD_MS);
  });
  await writeFile(path.join(folder, name), files[name](version));
  const written = performance.now();
  await acted;
  clearTimeout(guard);
  return performance.now() - written;
}

const pause = () => new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

await writeFile(path.join(folder, 'watched.html'), '<!doctype html>\n<html lang="en">\n<head>\n<title>Watched</title>\n'
  + '<link rel="stylesheet" href="/watched.css">\n<script type="module" src="/watched.js"></script>\n</head>\n<body>\n</body>\n</html>\n');
for (const name of Object.keys(files)) await writeFile(path.join(folder, name), files[name]('first'));
await pause();

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
try {
  const page = await browser.newPage();
  await page.goto(`${origin}/watched.html`);
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
