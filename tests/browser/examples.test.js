/** The six examples, each a plugin process: what happened in the page is what counts. */

import assert from 'node:assert/strict';
import { claim } from './harness.js';

/** A page that keeps what the daemon sends it, ours aside, and prints it. */
const RECORDER = {
  'index.html': `<!doctype html>
<title>recorder</title>
<h1>recorder</h1>
<script type="module" src="/recorder.js"></script>
`,
  'recorder.js': `import { webSocket } from '/__pagewire__/client.js';
globalThis.received = [];
webSocket.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data);
  if (message.type.startsWith('pagewire:')) return;
  received.push(message);
  console.log('received ' + message.type);
});
`,
};

const received = (page) => page.evaluate(() => globalThis.received);

claim('console-log: each page is greeted once, in its console', async (world) => {
  const daemon = await world.daemon();
  // The example's site brings the client itself, so that a page can be there before the plugin.
  const before = await world.page(daemon);
  await world.plugin(daemon, 'console-log');
  const after = await world.page(daemon);
  for (const page of [before, after]) {
    const { type } = await page.prints('Hello from Pagewire');
    assert.equal(type, 'log');
  }
  await daemon.cli('log', '--all', 'the end');
  for (const page of [before, after]) {
    await page.prints('the end');
    const greetings = page.console.entries.filter(({ text }) => text.includes('Hello'));
    assert.equal(greetings.length, 1);
  }
});

claim('virtual-module: a module that is no file runs in the page', async (world) => {
  const daemon = await world.daemon();
  await world.plugin(daemon, 'virtual-module');
  const page = await world.page(daemon);
  await page.shows('Hello from a virtual module');
  const type = await page.evaluate(async () => (await fetch('/virtual/hello.js')).headers.get('content-type'));
  assert.match(type, /javascript/);
});

claim('virtual-module-parameters: the default export has the arguments, the plugin its value', async (world) => {
  const daemon = await world.daemon();
  const plugin = await world.plugin(daemon, 'virtual-module-parameters');
  const page = await world.page(daemon);
  await page.shows('Hello Pagewire! Hello Pagewire!');
  await plugin.line('the value of the default export', (line) => line === 'the page wrote 31 letters');
});

claim('reload-page: each page is loaded anew, in its tab', async (world) => {
  const daemon = await world.daemon();
  await world.plugin(daemon, 'reload-page');
  const pages = [await world.page(daemon), await world.page(daemon)];
  for (const page of pages) {
    const first = await page.hello();
    const second = await page.hello(1);
    assert.notEqual(second.page_id, first.page_id);
    assert.equal(second.tab_id, first.tab_id);
    const type = await page.evaluate(() => performance.getEntriesByType('navigation')[0].type);
    assert.equal(type, 'reload');
  }
});

claim('custom-message: every page receives it when one comes', async (world) => {
  const daemon = await world.daemon({ site: await world.site(RECORDER) });
  await world.plugin(daemon, 'custom-message');
  const first = await world.page(daemon);
  await first.prints('received custom-message');
  const second = await world.page(daemon);
  await second.prints('received custom-message');
  // Messages of completed sends arrive in order, so the markers stand behind all others.
  await daemon.cli('send', '--all', '{"type":"marker"}');
  for (const page of [first, second]) await page.prints('received marker');
  const message = (pages) => ({ type: 'custom-message', data: { pages } });
  assert.deepEqual(await received(first), [message(1), message(2), { type: 'marker' }]);
  assert.deepEqual(await received(second), [message(2), { type: 'marker' }]);
});

claim('targeted-reply: only the page that asked is answered', async (world) => {
  const daemon = await world.daemon({ site: await world.site(RECORDER) });
  await world.plugin(daemon, 'targeted-reply');
  const asking = await world.page(daemon);
  const other = await world.page(daemon);
  await asking.send({ type: 'ping', n: 7 });
  await asking.prints('received pong');

  // Frames of completed sends reach a page in their order: had the other page got anything before,
  // it would stand before this.
  await daemon.cli('send', '--all', '{"type":"marker"}');
  await other.prints('received marker');
  await asking.prints('received marker');
  assert.deepEqual(await received(other), [{ type: 'marker' }]);

  assert.deepEqual(await received(asking), [{ type: 'pong', n: 7 }, { type: 'marker' }]);

  // And the other way round, so that it is no matter of who came first.
  await other.send({ type: 'ping', n: 8 });
  await other.prints('received pong');
  await daemon.cli('send', '--all', '{"type":"second-marker"}');
  await asking.prints('received second-marker');
  await other.prints('received second-marker');
  assert.deepEqual(await received(asking),
    [{ type: 'pong', n: 7 }, { type: 'marker' }, { type: 'second-marker' }]);
  assert.deepEqual(await received(other),
    [{ type: 'marker' }, { type: 'pong', n: 8 }, { type: 'second-marker' }]);
});
