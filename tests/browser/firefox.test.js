/** Behaviour that differs between browsers, in Firefox: the client's socket, results, and the recorder. */

import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claimInFirefox, until } from './harness.js';

const page = (head, body = '') =>
  `<!doctype html>\n<html><head>${head}<title>page</title></head><body><h1>page</h1>${body}</body></html>\n`;

async function started(world, files, port) {
  const site = await world.site(files);
  return world.daemon({ site, port, args: ['--inject', 'always'] });
}

/** A daemon, a follower of all reports of pages, and a page that is in this report mode. */
async function watched(world, files) {
  const daemon = await started(world, { 'bystander.html': page(''), ...files });
  const log = world.follow(daemon, 'console', 'page_error');
  const bystander = await world.firefoxTab(daemon, '/bystander.html');
  await daemon.cli('wait', '--sockets', '1');
  const [{ socket_id: socketId }] = await daemon.sockets();
  await bystander.waitForFunction(() => !Function.prototype.toString.call(console.log).includes('[native code]'));
  return { daemon, log, bystander, socketId };
}

const line = (log, text) => log.first(`the console line ${text}`,
  ({ console }) => console?.args[0]?.value === text).then(({ console }) => console);

const failure = (log, kind, matches) => log.first(`an error of kind ${kind} like ${matches}`,
  ({ page_error: error }) => error?.kind === kind && matches.test(error.exception.message))
  .then(({ page_error: error }) => error.exception);

claimInFirefox('a page identifies itself, runs code and returns its value', async (world) => {
  const daemon = await started(world, { 'index.html': page('') });
  const tab = await world.firefoxTab(daemon, '/?a=1#b');
  await daemon.cli('wait', '--sockets', '1');
  const [socket] = await daemon.sockets();
  assert.equal(socket.url, `${daemon.origin}/?a=1#b`);
  assert.equal(socket.title, 'page');
  assert.match(socket.page_id, /^[0-9a-f]{32}$/);
  assert.deepEqual([socket.top_level, socket.ready], [true, true]);
  const kinds = {
    'document.title': '"page"', 'await Promise.resolve({ a: [1] })': '{"a":[1]}',
    'undefined': 'undefined', '-0': '-0', '12n': '12n', 'document.body': '<body>',
  };
  for (const [expression, printed] of Object.entries(kinds)) {
    assert.equal(await daemon.cli('eval', '--', expression), `${printed}\n`, expression);
  }
  const [{ exception }] = await daemon.rows('eval', 'missing()');
  assert.deepEqual([exception.phase, exception.name], ['call', 'ReferenceError']);
  assert.match(await daemon.refuses(1, 'eval', 'missing()'), /^ReferenceError: missing is not defined\n/);
  assert.match(await daemon.refuses(1, 'eval', '1 +\n2 +'), /SyntaxError: .*:3:1\)$/m, 'the place where the expression is incomplete');
  const [{ exception: none }] = await daemon.rows('import', '/none.js');
  assert.equal(none.phase, 'load');
  assert.equal(await tab.evaluate(() => sessionStorage.getItem('pagewire.tab_id')), socket.tab_id);
});

claimInFirefox('reload and navigate wait for the new page and keep the tab', async (world) => {
  const daemon = await started(world, { 'index.html': page(''), 'next.html': page('') });
  await world.firefoxTab(daemon);
  await daemon.cli('wait', '--sockets', '1');
  const [before] = await daemon.sockets();
  await daemon.cli('reload', '--wait');
  const [reloaded] = await daemon.sockets();
  await daemon.cli('navigate', '--wait', '/next.html');
  assert.equal(await daemon.cli('eval', 'location.pathname'), '"/next.html"\n');
  const [navigated] = await daemon.sockets();
  assert.deepEqual([reloaded.tab_id, navigated.tab_id], [before.tab_id, before.tab_id]);
  assert.equal(new Set([before, reloaded, navigated].map((socket) => socket.page_id)).size, 3);
});

claimInFirefox('console lines are reported with level and arguments', async (world) => {
  const { log, bystander, socketId } = await watched(world);
  await bystander.evaluate(() => {
    const cycle = { name: 'round' };
    cycle.self = cycle;
    console.log('kinds %s', undefined, null, NaN, -0, 12n, { a: [1, 'x'] }, document.body, cycle,
      Symbol('mark'), new TypeError('bad'));
    for (const level of ['debug', 'info', 'log', 'warn', 'error']) console[level](`by ${level}`);
  });
  const { args, socket_id: printer } = await line(log, 'kinds %s');
  assert.equal(printer, socketId);
  assert.deepEqual(args.slice(0, 7), [{ value: 'kinds %s' }, { undefined: true }, { value: null },
    { unserializable: 'NaN' }, { unserializable: '-0' }, { unserializable: '12n' }, { value: { a: [1, 'x'] } }]);
  const descriptions = [/^<body>$/, /cycle.*round/, /Symbol\(mark\)/, /TypeError: bad/];
  for (const [index, text] of descriptions.entries()) assert.match(args[7 + index].description, text);
  for (const level of ['debug', 'info', 'log', 'warn', 'error']) {
    assert.equal((await line(log, `by ${level}`)).level, level);
  }
});

claimInFirefox('a console line and an error of the first inline script, a rejection and a failed resource are reported', async (world) => {
  const { daemon, log } = await watched(world, {
    'index.html': page('<script>\nconsole.info("first line");\nmissing();\n</script>'
      + '<script>Promise.reject(new RangeError("unhandled reason"));</script>'
      + '<script src="/none.js"></script>', '<img src="/none.png">'),
  });
  await world.firefoxTab(daemon);
  const { level, url: script, line: row, column } = await line(log, 'first line');
  assert.deepEqual([level, script, row, column], ['info', `${daemon.origin}/`, 3, 9]);
  const uncaught = await failure(log, 'uncaught', /missing/);
  assert.deepEqual([uncaught.name, uncaught.url, uncaught.line], ['ReferenceError', `${daemon.origin}/`, 4]);
  const rejected = await failure(log, 'unhandled_rejection', /unhandled reason/);
  assert.equal(rejected.name, 'RangeError');
  for (const name of ['none.js', 'none.png']) {
    const { url } = await failure(log, 'resource', new RegExp(name));
    assert.equal(url, `${daemon.origin}/${name}`);
  }
});

claimInFirefox('violations of the page\'s policy are reported, and the recorder complies with it', async (world) => {
  const policy = '<meta http-equiv="Content-Security-Policy" '
    + 'content="default-src \'none\'; script-src \'self\'; connect-src \'self\'">';
  const { daemon, log } = await watched(world, {
    'index.html': page(policy, '<script>blocked()</script><script src="/prints.js"></script>'),
    'prints.js': 'console.log("allowed");\n',
  });
  await world.firefoxTab(daemon);
  const { message, url } = await failure(log, 'csp', /inline/);
  assert.match(message, /script-src/);
  assert.equal(url, `${daemon.origin}/`);
  await line(log, 'allowed');
});

claimInFirefox('a page reconnects after a restart of the daemon and keeps its page_id', async (world) => {
  const daemon = await started(world, { 'index.html': page('') });
  const tab = await world.firefoxTab(daemon);
  await daemon.cli('wait', '--sockets', '1');
  await tab.evaluate(() => { globalThis.isSameDocument = true; });
  const [before] = await daemon.sockets();
  await daemon.stop();
  const again = await started(world, { 'index.html': page('') }, new URL(daemon.origin).port);
  await again.cli('wait', '--sockets', '1');
  const [after] = await again.sockets();
  assert.deepEqual([after.page_id, after.tab_id], [before.page_id, before.tab_id]);
  assert.notEqual(after.socket_id, before.socket_id);
  assert.equal(await again.cli('eval', 'isSameDocument'), 'true\n');
});

claimInFirefox('a stylesheet and an image are swapped, a script reloads the page', async (world) => {
  const square = (side) => `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"></svg>`;
  const site = await world.site({
    'index.html': page('<link rel="stylesheet" href="a.css"><script src="app.js"></script>', '<img src="a.svg"><p>text</p>'),
    'a.css': '@import "inner.css"; h1 { color: rgb(1, 0, 0) }',
    'inner.css': 'body { color: rgb(2, 0, 0) }',
    'a.svg': square(10), 'app.js': 'globalThis.text = "first";',
  });
  const daemon = await world.daemon({ site, args: ['--watch'] });
  const tab = await world.firefoxTab(daemon);
  await daemon.cli('wait', '--sockets', '1');
  await tab.evaluate(() => { globalThis.isSameDocument = true; });
  const save = async (name, text) => {
    await writeFile(path.join(site, `${name}~`), text);
    await rename(path.join(site, `${name}~`), path.join(site, name));
  };
  const holds = (expression) => until(expression, tab.waitForFunction(expression));
  await save('a.css', '@import "inner.css"; h1 { color: rgb(3, 0, 0) }');
  await holds('getComputedStyle(document.querySelector("h1")).color === "rgb(3, 0, 0)"');
  await save('inner.css', 'body { color: rgb(4, 0, 0) }');
  await holds('getComputedStyle(document.body).color === "rgb(4, 0, 0)"');
  await save('a.css', '@import "inner.css"; h1 { color: rgb(5, 0, 0) }');
  await holds('getComputedStyle(document.querySelector("h1")).color === "rgb(5, 0, 0)"');
  await holds('getComputedStyle(document.body).color === "rgb(4, 0, 0)"');
  await save('a.svg', square(20));
  await holds('document.querySelector("img").naturalWidth === 20');
  assert.equal(await tab.evaluate(() => globalThis.isSameDocument), true);
  await save('app.js', 'globalThis.text = "second";');
  await holds('globalThis.text === "second" && !globalThis.isSameDocument');
});
