/** What injection must not break in real browsers: import maps, and forms that were sent once. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { claim, claimInFirefox } from './harness.js';

const MAP = '<script type="importmap">{"imports":{"thing":"/thing.js"}}</script>';
const MODULE = '<script type="module">import { v } from "thing"; window.v = v;</script>';
const HEAD = '<!doctype html><html><head><meta charset="utf-8"><title>t</title>';
const PAGES = {
  '/head': [`${HEAD}${MAP}${MODULE}</head><body>`, '<p>x</p></body></html>'],
  '/body': [`${HEAD}</head><body>`, `${MAP}${MODULE}</body></html>`],
  '/no-body-tags': [`${HEAD}</head>`, `<p>x</p>${MAP}${MODULE}`],
};

/** Runs a test with a backend that answers with `respond`. */
async function behind(world, respond, run) {
  const backend = createServer(respond).listen(0, '127.0.0.1');
  try {
    await once(backend, 'listening');
    const origin = `http://127.0.0.1:${backend.address().port}`;
    for (const args of [[], ['--console']]) {
      const site = await world.site({ 'template.html': '1' });
      await run(await world.daemon({ site, args: ['--no-files', '--watch', '--proxy', origin, ...args] }));
    }
  } finally {
    backend.closeAllConnections();
    backend.close();
  }
}

const browsers = [
  [claim, async (world, daemon, path) => (await world.page(daemon, path)).page],
  [claimInFirefox, (world, daemon, path) => world.firefoxTab(daemon, path)],
];

for (const [claimIn, open] of browsers) {
  claimIn('import maps of streamed pages work, wherever they are', async (world) => {
    const respond = (request, response) => {
      if (request.url === '/thing.js') {
        response.setHeader('content-type', 'text/javascript');
        return response.end('export const v = 7;');
      }
      const [start, end] = PAGES[request.url] ?? ['', ''];
      response.setHeader('content-type', 'text/html');
      response.flushHeaders();
      response.write(start);
      return setImmediate(() => response.end(end));
    };
    await behind(world, respond, async (daemon) => {
      for (const path of Object.keys(PAGES)) {
        const tab = await open(world, daemon, path);
        await tab.waitForFunction(() => window.v === 7 && window[Symbol.for('pagewire')]);
      }
    });
  });

  claimIn('no reload repeats a POST request', async (world) => {
    let posts = 0;
    const respond = async (request, response) => {
      posts += request.method === 'POST' ? 1 : 0;
      await once(request.resume(), 'end');
      const isRefused = request.url === '/post-only' && request.method === 'GET';
      response.writeHead(isRefused ? 405 : 200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(`${HEAD}</head><body><p id="by">${request.method} ${request.url}</p>`
        + `<form method="post" action="${request.url === '/' ? '/order' : '/post-only'}"><button>go</button></form></body></html>`);
    };
    await behind(world, respond, async (daemon) => {
      const tab = await open(world, daemon, '/');
      /** Waits until the one connected page shows this text. */
      const shows = (text) => daemon.cli('wait', '--until', `document.querySelector('#by').textContent === '${text}'`);
      posts = 0;
      await shows('GET /');
      await tab.click('button');
      await shows('POST /order');
      await tab.evaluate(() => { window.location.hash = '#part'; });
      await daemon.cli('reload', '--wait');
      await shows('GET /order');
      assert.equal(posts, 1);
      // A URL without a response to GET: the page stays.
      await tab.evaluate(() => { document.querySelector('form').action = '/post-only'; });
      await tab.click('button');
      await shows('POST /post-only');
      const warning = tab.evaluate(() => new Promise((resolve) => {
        const warn = console.warn;
        console.warn = (text) => { console.warn = warn; resolve(text); };
      }));
      await daemon.cli('reload');
      assert.match(await warning, /response to a POST request.*status 405/);
      await shows('POST /post-only');
      assert.equal(posts, 2);
    });
  });
}
