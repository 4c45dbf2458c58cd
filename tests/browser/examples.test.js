/** The examples, each run as a plugin; the verdict comes from what happens in the page. */

import assert from 'node:assert/strict';
import { claim } from './harness.js';

/** A page that records and prints the messages it receives, except those of the page protocol. */
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

claim('console-log: prints a greeting once in the console of each page', async (world) => {
  const daemon = await world.daemon();
  // The example's site loads the client itself, so that a page can be connected before the plugin.
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

claim('virtual-module: a module that is not a file runs in the page', async (world) => {
  const daemon = await world.daemon();
  await world.plugin(daemon, 'virtual-module');
  const page = await world.page(daemon);
  await page.shows('Hello from a virtual module');
  const type = await page.evaluate(async () => (await fetch('/virtual/hello.js')).headers.get('content-type'));
  assert.match(type, /javascript/);
});

claim('virtual-module-parameters: the default export gets the arguments, the plugin gets its value', async (world) => {
  const daemon = await world.daemon();
  const plugin = await world.plugin(daemon, 'virtual-module-parameters');
  const page = await world.page(daemon);
  await page.shows('Hello Pagewire! Hello Pagewire!');
  await plugin.line('the value of the default export', (line) => line === 'the page wrote 31 letters');
});

claim('reload-page: each page is reloaded once, in its tab', async (world) => {
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

claim('custom-message: every page receives it when a page connects', async (world) => {
  const daemon = await world.daemon({ site: await world.site(RECORDER) });
  await world.plugin(daemon, 'custom-message');
  const first = await world.page(daemon);
  await first.prints('received custom-message');
  const second = await world.page(daemon);
  await second.prints('received custom-message');
  // Messages of completed sends arrive in order, so the markers come after all others.
  await daemon.cli('send', '--all', '{"type":"marker"}');
  for (const page of [first, second]) await page.prints('received marker');
  const message = (pages) => ({ type: 'custom-message', data: { pages } });
  assert.deepEqual(await received(first), [message(1), message(2), { type: 'marker' }]);
  assert.deepEqual(await received(second), [message(2), { type: 'marker' }]);
});

claim('targeted-reply: only the page that sent the message gets the reply', async (world) => {
  const daemon = await world.daemon({ site: await world.site(RECORDER) });
  await world.plugin(daemon, 'targeted-reply');
  const sender = await world.page(daemon);
  const other = await world.page(daemon);
  await sender.send({ type: 'ping', n: 7 });
  await sender.prints('received pong');

  // Frames of completed sends arrive in order: anything sent to the other page earlier would precede this.
  await daemon.cli('send', '--all', '{"type":"marker"}');
  await other.prints('received marker');
  await sender.prints('received marker');
  assert.deepEqual(await received(other), [{ type: 'marker' }]);

  assert.deepEqual(await received(sender), [{ type: 'pong', n: 7 }, { type: 'marker' }]);

  // The same with the roles exchanged, so that the order of connecting does not matter.
  await other.send({ type: 'ping', n: 8 });
  await other.prints('received pong');
  await daemon.cli('send', '--all', '{"type":"second-marker"}');
  await sender.prints('received second-marker');
  await other.prints('received second-marker');
  assert.deepEqual(await received(sender),
    [{ type: 'pong', n: 7 }, { type: 'marker' }, { type: 'second-marker' }]);
  assert.deepEqual(await received(other),
    [{ type: 'marker' }, { type: 'pong', n: 8 }, { type: 'second-marker' }]);
});

claim('hello: a page that a plugin serves gets its reply', async (world) => {
  const daemon = await world.daemon();
  await world.plugin(daemon, 'hello');
  const page = await world.page(daemon, '/hello');
  await page.evaluate(() => document.querySelector('button').click());
  await page.shows('Hello from a plugin');
});
