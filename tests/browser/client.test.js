/** The socket client in a real page, against the real daemon. */

import assert from 'node:assert/strict';
import { claim, EXAMPLE_SITE, until } from './harness.js';

const page = (title, body = '', head = '') =>
  `<!doctype html>\n<html><head><meta charset="utf-8"><title>${title}</title>${head}</head>`
  + `<body><h1>${title}</h1>${body}</body></html>\n`;

/** A daemon without plugins that injects the client into its pages. */
const start = (world, files, port) => world.site(files ?? {}).then((site) =>
  world.daemon({ site: files ? site : EXAMPLE_SITE, port, args: ['--inject', 'always'] }));

/** Imports `url` in one page and returns its outcome: `{value}`, `{exception}`, and so on. */
async function awaitImport(daemon, socketId, url, ...options) {
  const [row] = await daemon.rows('import', '--socket', socketId, ...options, url);
  assert.equal(row.socket_id, socketId);
  return row;
}

const module = (text) => `data:text/javascript,${encodeURIComponent(text)}`;

claim('sockets lists what a page reports in its hello', async (world) => {
  const daemon = await start(world, { 'index.html': page('first title') });
  const tab = await world.page(daemon, '/?a=1#b');
  const hello = await tab.hello();
  const listed = await daemon.socket(hello.socketId);
  assert.match(hello.page_id, /^[0-9a-f]{32}$/);
  assert.equal(listed.page_id, hello.page_id);
  assert.equal(listed.tab_id, hello.tab_id);
  assert.equal(listed.url, `${daemon.origin}/?a=1#b`);
  assert.equal(listed.title, 'first title');
  assert.match(listed.visibility, /visible/i);
  assert.equal(listed.top_level, true);
  assert.equal(listed.ready, true);
});

claim('sockets lists the current title and URL of a page', async (world) => {
  const daemon = await start(world, { 'index.html': page('before') });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  await tab.evaluate(() => {
    history.pushState({}, '', '/pushed');
    document.title = 'after';
  });
  await tab.frames.first('a state frame with the new title and URL', ({ direction, message }) =>
    direction === 'sent' && message.type === 'pagewire:state'
      && message.title === 'after' && message.url === `${daemon.origin}/pushed`);
  await tab.settled();
  const listed = await daemon.socket(socketId);
  assert.equal(listed.title, 'after');
  assert.equal(listed.url, `${daemon.origin}/pushed`);
});

claim('each page has one socket, one page_id and its own tab_id', async (world) => {
  const daemon = await start(world);
  const first = await world.page(daemon);
  const second = await world.page(daemon);
  const ids = [(await first.hello()).socketId, (await second.hello()).socketId];
  assert.deepEqual((await daemon.sockets()).map((socket) => socket.socket_id).sort(), ids.sort());
  const [tabs, pages] = ['tab_id', 'page_id'].map((name) =>
    new Set([...first.hellos.entries, ...second.hellos.entries].map((hello) => hello[name])));
  assert.equal(tabs.size, 2);
  assert.equal(pages.size, 2);
});

claim('page_id survives a reconnect, socket_id does not', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const before = await tab.hello();
  await tab.evaluate(() => { globalThis.isSameDocument = true; });
  const { port } = new URL(daemon.origin);
  let again;
  const after = await tab.after(async () => {
    await daemon.stop();
    again = await start(world, undefined, port);
  });
  assert.equal(after.page_id, before.page_id);
  assert.equal(after.tab_id, before.tab_id);
  assert.notEqual(after.socketId, before.socketId);
  assert.equal(new URL(after.connection.url()).searchParams.get('previous'), before.socketId);
  assert.equal(await tab.evaluate(() => globalThis.isSameDocument), true, 'no reload was forced');
  assert.equal((await again.socket(after.socketId)).page_id, before.page_id);
});

claim('a message that is too large is refused with its size, and the connection stays', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  const messages = world.follow(daemon, 'message');
  const limit = 1024 * 1024;
  const refused = await tab.evaluate(async (most) => {
    const { sendMessage, sendMessageWaitForResponse, webSocket } = await import('/__pagewire__/client.js');
    // A message with an `é` for every second byte, which are two bytes each.
    const sized = (size, extra = '') => ({ type: 'sized', text: `${'é'.repeat((size - 26) / 2)}${extra}` });
    await sendMessage(sized(most));
    const large = sized(most, 'a');
    return Promise.all([
      () => sendMessage(large),
      () => sendMessageWaitForResponse(large),
      async () => webSocket.send(JSON.stringify(large)),
      async () => webSocket.send(new Uint8Array(most + 1)),
      async () => webSocket.send(new Blob(['a'.repeat(most + 1)])),
    ].map((attempt) => attempt().catch((error) => `${error.name}: ${error.message}`)));
  }, limit);
  const sizes = refused.map((text) => Number(/^RangeError: the message has (\d+) bytes, but a page may send at most 1048576$/.exec(text)?.[1]));
  assert.deepEqual(sizes.filter((size) => size === limit + 1).length, 4, refused.join('\n'));
  assert.ok(sizes[1] > limit, 'a request has an id, too');
  await messages.first('the largest message', ({ message }) => message.data.type === 'sized');
  assert.equal((await daemon.socket(socketId)).socket_id, socketId);
});

claim('a page that sends too much by a connection of its own is disconnected, which the daemon logs', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const code = await tab.evaluate(() => new Promise((resolve) => {
    const socket = new WebSocket(new URL('/__pagewire__/socket', location.href.replace(/^http/, 'ws')));
    socket.onopen = () => socket.send('a'.repeat(1024 * 1024 + 1));
    socket.onclose = ({ code }) => resolve(code);
  }));
  assert.equal(code, 1009);
  await daemon.stderr.first('the log line', (line) => line.includes('disconnected for what it sent') && line.includes('1048577 bytes'));
});

claim('the message event shows messages of programs, and none of the daemon', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  await tab.evaluate(async () => {
    const { webSocket, sendMessageWaitForResponse } = await import('/__pagewire__/client.js');
    webSocket.addEventListener('message', ({ data }) => console.log(`listener ${data}`));
    await sendMessageWaitForResponse({ type: 'nobody replies' }).catch(() => {});
  });
  await daemon.cli('log', '--all', 'a line');
  await tab.prints('a line');
  await awaitImport(daemon, socketId, module('export default () => 1'));
  await daemon.cli('send', '--all', '{"type":"last"}');
  await tab.prints('listener {"type":"last"}');
  const shown = tab.console.entries.filter(({ text }) => text.startsWith('listener '));
  assert.equal(shown.length, 1, JSON.stringify(shown));
});

claim('listeners of page code survive a reconnect', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  await tab.evaluate(async () => {
    const { webSocket } = await import('/__pagewire__/client.js');
    webSocket.addEventListener('message', ({ data }) => console.log(`listener ${data}`));
  });
  const { port } = new URL(daemon.origin);
  let again;
  await tab.after(async () => {
    await daemon.stop();
    again = await start(world, undefined, port);
  });
  await again.cli('send', '--all', '{"type":"greeting"}');
  await tab.prints('listener {"type":"greeting"}');
});

claim('a pending request fails as soon as the connection is lost', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  // A stopped process neither answers nor refuses.
  await daemon.pause();
  const failing = tab.evaluate(async () => {
    const { sendMessageWaitForResponse } = await import('/__pagewire__/client.js');
    return sendMessageWaitForResponse({ type: 'question' }).catch((error) => error.message);
  });
  await tab.frames.first('the question', ({ message }) => message.type === 'question');
  daemon.child.kill('SIGKILL');
  assert.match(await failing, /connection to the server was lost .* question$/);
});

claim('tab_id survives a reload and a navigation, page_id does not', async (world) => {
  const daemon = await start(world, { 'index.html': page('one'), 'two.html': page('two') });
  const tab = await world.page(daemon);
  const first = await tab.hello();
  const reloaded = await tab.after(() => tab.page.reload());
  const navigated = await tab.after(() => tab.page.goto(`${daemon.origin}/two.html`));
  for (const later of [reloaded, navigated]) assert.equal(later.tab_id, first.tab_id);
  assert.equal(new Set([first, reloaded, navigated].map((hello) => hello.page_id)).size, 3);
});

claim('the client uses storage, which blocks a page, only once the page is parsed', async (world) => {
  const observe = `<script>
    const { getItem } = Storage.prototype;
    window.usedWhile = [];
    Storage.prototype.getItem = function (...args) {
      window.usedWhile.push(window.isParsed ? 'parsed' : 'loading');
      return getItem.apply(this, args);
    };
    document.addEventListener('DOMContentLoaded', () => { window.isParsed = true; });
  </script>`;
  const daemon = await start(world, { 'index.html': page('one', '', observe) });
  const tab = await world.page(daemon);
  await tab.hello();
  const usedWhile = await tab.evaluate(() => window.usedWhile);
  assert.deepEqual([...new Set(usedWhile)], ['parsed']);
});

claim('a duplicated tab gets a tab_id of its own', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const original = await tab.hello();
  // A tab opened by a page starts with a copy of its session storage, as a duplicated tab does.
  const copy = await world.popup(() => tab.evaluate(() => { window.open(location.href); }));
  const stored = await until('the hello of the copy', copy.evaluate(async () => {
    const { webSocketOpened } = await import('/__pagewire__/client.js');
    await webSocketOpened;
    return sessionStorage.getItem('pagewire.tab_id');
  }));
  assert.notEqual(stored, original.tab_id);
  const reloaded = await tab.after(() => tab.page.reload());
  assert.equal(reloaded.tab_id, original.tab_id);
});

claim('a frame has a socket of its own and the tab_id of its top-level page', async (world) => {
  const daemon = await start(world, {
      'index.html': page('top', '<iframe src="/inner.html"></iframe>'),
      'inner.html': page('inner'),
    });
  const tab = await world.page(daemon);
  const top = await tab.hello();
  const inner = await tab.hellos.first('the hello of the frame', (hello) => !hello.top_level);
  assert.notEqual(inner.socketId, top.socketId);
  assert.notEqual(inner.page_id, top.page_id);
  assert.equal(inner.tab_id, top.tab_id);
  const listed = await daemon.socket(inner.socketId);
  assert.equal(listed.top_level, false);
  assert.equal(listed.url, `${daemon.origin}/inner.html`);
});

claim('the client under both of its URLs opens one connection', async (world) => {
  const scripts = ['/__web-dev-server__web-socket.js', '/__pagewire__/client.js']
    .map((url) => `<script type="module" src="${url}"></script>`).join('');
  const daemon = await start(world, { 'index.html': page('both', scripts) });
  const tab = await world.page(daemon);
  const isSame = await tab.evaluate(async () => {
    const [ours, theirs] = await Promise.all([
      import('/__pagewire__/client.js'), import('/__web-dev-server__web-socket.js')]);
    return Object.keys(theirs).every((name) => ours[name] === theirs[name])
      && Object.keys(theirs).join() === 'sendMessage,sendMessageWaitForResponse,stable,webSocket,webSocketOpened';
  });
  assert.ok(isSame);
  assert.equal((await daemon.sockets()).length, 1);
});

claim('the client works under a content security policy that allows only the page\'s own origin', async (world) => {
  const policy = '<meta http-equiv="Content-Security-Policy" '
    + 'content="default-src \'none\'; script-src \'self\'; connect-src \'self\'">';
  const daemon = await start(world, {
      'index.html': page('strict', '', `${policy}<link rel="icon" href="data:,">`),
      'answer.js': 'export default (a, b) => a + b;\n',
    });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  await daemon.cli('log', '--all', 'printed under a policy');
  await tab.prints('printed under a policy');
  const { value } = await awaitImport(daemon, socketId, '/answer.js', '--args-json', '[40, 2]');
  assert.equal(value, 42);
  const complaints = tab.console.entries.filter(({ text }) => /script|connect/i.test(text) && /polic/i.test(text)
    && text !== 'printed under a policy');
  assert.deepEqual(complaints, []);
});

claim('log prints each text exactly, even one that it has just printed', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const from = tab.console.entries.length;
  const texts = ['100 % %s %d %c %%', '# a # b', '</script><!--', 'one\ntwo', '\u{1F600} \u00e9', 'twice', 'twice'];
  for (const text of texts) await daemon.cli('log', '--all', '--', text);
  await daemon.cli('log', '--all', 'the end');
  await tab.prints('the end', from);
  const printed = tab.console.entries.slice(from).filter(({ type }) => type === 'log');
  assert.deepEqual(printed.map(({ text }) => text), [...texts, 'the end']);
});

claim('an awaited import distinguishes the kinds of values', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  const of = (expression) => awaitImport(daemon, socketId, module(`export default () => ${expression}`));
  const values = {
    '({b: [1, "x"], a: null})': { b: [1, 'x'], a: null },
    'Promise.resolve(7)': 7,
    '"text"': 'text',
    'null': null,
  };
  for (const [expression, value] of Object.entries(values)) {
    assert.deepEqual((await of(expression)).value, value, expression);
  }
  assert.equal((await of('undefined')).undefined, true);
  assert.equal((await awaitImport(daemon, socketId, module('export const x = 1'))).undefined, true);
  for (const text of ['NaN', 'Infinity', '-Infinity', '-0', '123n']) {
    assert.equal((await of(text)).unserializable, text);
  }
  const descriptions = {
    'Object.assign(document.createElement("div"), {id: "x"})': /^<div id="x">$/,
    'Symbol("mark")': /Symbol\(mark\)/,
    'function named() {}': /named/,
    'new Map([[1, 2]])': /Map\(1\)/,
    '(() => { const o = {}; o.self = {o}; return o; })()': /cycle/,
  };
  for (const [expression, text] of Object.entries(descriptions)) {
    assert.match((await of(expression)).description, text, expression);
  }
});

claim('a result over the size limit is truncated and marked; the page stays connected', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  const of = (expression) => awaitImport(daemon, socketId, module(`export default () => ${expression}`));
  for (const expression of ['"x".repeat(5_000_000)', 'Array(5_000_000).fill(7)', 'Symbol("\\0".repeat(1_000_000))']) {
    const { truncated } = await of(expression);
    assert.ok(truncated.length > 1000, expression);
  }
  // Escaping doubles the quotes once; the frame is still within the limit.
  assert.equal((await of('\'"\'.repeat(400_000)')).value, '"'.repeat(400_000));
  assert.equal((await daemon.socket(socketId)).socket_id, socketId);
});

claim('an awaited import reports how it failed', async (world) => {
  const daemon = await start(world, {
      'index.html': page('failures'),
      'throws.js': 'export default function outer() {\n  inner();\n}\n\nfunction inner() {\n  throw new RangeError("no");\n}\n',
    });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  const of = async (url) => (await awaitImport(daemon, socketId, url)).exception;

  const thrown = await of('/throws.js');
  assert.match(thrown.phase, /call/i);
  assert.equal(thrown.name, 'RangeError');
  assert.equal(thrown.message, 'no');
  assert.equal(thrown.url, `${daemon.origin}/throws.js`);
  assert.deepEqual([thrown.line, thrown.column], [6, 9]);
  assert.match(thrown.stack, /outer/);

  for (const url of ['/missing.js', module('not a script'), module('throw new Error("at load")')]) {
    assert.match((await of(url)).phase, /load/i, url);
  }
  assert.match((await of(module('export default () => ({toJSON() { throw new Error("mute"); }})'))).phase, /serialize/i);
  const bare = await of(module('export default () => { throw {code: 3}; }'));
  assert.equal(bare.name ?? '', '');
  assert.equal(bare.message, '{"code":3}');
});

claim('an import shares the module instance of page code, unless it is requested as fresh', async (world) => {
  const daemon = await start(world, {
      'index.html': page('identity'),
      'count.js': 'globalThis.evaluations = (globalThis.evaluations ?? 0) + 1;\nexport default () => evaluations;\n',
    });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  await tab.evaluate(() => import('/count.js').then(() => {}));
  const of = async (...options) => (await awaitImport(daemon, socketId, '/count.js', ...options)).value;
  assert.equal(await of(), 1);
  assert.equal(await of('--fresh'), 2);
  assert.equal(await of('--fresh'), 3);
  assert.equal(await of(), 3);
});

claim('a page that closes its socket sees a clean close with its code and reason', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const closes = await tab.evaluate(() => Promise.all([[1000, 'done'], [4321, 'later'], []].map((close) =>
    new Promise((resolve) => {
      const socket = new WebSocket(new URL('/__pagewire__/socket', location.href.replace(/^http/, 'ws')));
      socket.onopen = () => socket.close(...close);
      socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
    }))));
  assert.deepEqual(closes, [[1000, 'done', true], [4321, 'later', true], [1005, '', true]]);
});

claim('a page sees a clean close when the daemon stops', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const closed = tab.evaluate(() => new Promise((resolve) => {
    const socket = new WebSocket(new URL('/__pagewire__/socket', location.href.replace(/^http/, 'ws')));
    socket.onopen = () => console.log('connected');
    socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
  }));
  await tab.prints('connected');
  await daemon.stop();
  assert.deepEqual(await closed, [1001, 'the daemon is stopping', true]);
});

claim('properties that a page adds to Object.prototype are not part of any message', async (world) => {
  const daemon = await start(world);
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  await tab.evaluate(async (importPath) => {
    const { webSocket } = await import('/__pagewire__/client.js');
    webSocket.addEventListener('message', ({ data }) => console.log(`received ${data}`));
    const added = {
      type: 'import', data: { importPath }, callId: 'x', args: ['x'], fresh: true, maxBytes: 1, id: 1, error: 'x',
      response: 'x', socket_id: 'x', level: 'error', text: 'x', command: 'reload', url: '/x', paths: ['/x'],
      console: true, errors: true, thrown: 'x', json: 'x', unserializable: 'x', description: 'x', fileName: 'x',
      ports: 'x', signal: 'x', lastEventId: 'x',
    };
    for (const [name, value] of Object.entries(added)) {
      Object.defineProperty(Object.prototype, name, { __proto__: null, value, writable: true });
    }
  }, module('console.log("imported by a message without a type")'));
  const typeless = '{"greeting":1}';
  for (const text of [typeless, '{"type":"greeting"}']) {
    await daemon.cli('send', '--all', text);
    await tab.prints(`received ${text}`);
  }
  const returned = await awaitImport(daemon, socketId, module('export default (...args) => [args.length]'));
  assert.deepEqual(returned.value, [0]);
  const thrown = await awaitImport(daemon, socketId, module('export default () => { throw new Error("e") }'));
  assert.equal(thrown.exception.message, 'e');
  assert.notEqual(thrown.exception.url, 'x');
  const printed = tab.console.entries.map(({ text }) => text);
  assert.ok(!printed.some((text) => text.includes('without a type')), printed.join());
});
