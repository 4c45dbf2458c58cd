/** The verbs of the command line with a real page. The values of imports are tested in client.test.js. */

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claim, until } from './harness.js';

const page = (title, body = '') => `<!doctype html>\n<title>${title}</title><h1>${title}</h1>${body}\n`;

/** A daemon that injects the client, and one page. */
async function opened(world, files = {}) {
  const site = await world.site({ 'index.html': page('first'), ...files });
  const daemon = await world.daemon({ site, args: ['--inject', 'always'] });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  return { daemon, tab, site, socketId };
}

claim('eval prints each kind of value distinguishably', async (world) => {
  const { daemon } = await opened(world);
  const kinds = {
    'document.title': '"first"',
    '({ b: [1, "x"], a: null })': '{"b":[1,"x"],"a":null}',
    'await Promise.resolve(7)': '7',
    'null': 'null',
    'undefined': 'undefined',
    '-0': '-0',
    '12n': '12n',
    'document.querySelector("h1")': '<h1>',
    '1 // a comment at the end': '1',
  };
  for (const [expression, printed] of Object.entries(kinds)) {
    assert.equal(await daemon.cli('eval', '--', expression), `${printed}\n`, expression);
  }
  assert.equal(await daemon.cli('eval', '--raw', '"a\\nb"'), 'a\nb\n');
  const [row] = await daemon.rows('eval', 'NaN');
  assert.equal(row.unserializable, 'NaN');
});

claim('eval reports what is wrong with its code, and which page threw', async (world) => {
  const { daemon, socketId } = await opened(world);
  assert.match(await daemon.refuses(1, 'eval', '1 +\n2 +'), /SyntaxError: .*:3:1\)$/m, 'the place where the expression is incomplete');
  assert.match(await daemon.refuses(1, 'eval', 'missing()'), /ReferenceError: missing is not defined/);
  const [{ socket_id: thrower, exception }] = await daemon.rows('eval', '(() => { throw new RangeError("no"); })()');
  assert.deepEqual([thrower, exception.phase, exception.name, exception.message], [socketId, 'call', 'RangeError', 'no']);
});

claim('eval reports the positions of the expression, or of the file that it is from', async (world) => {
  const { daemon } = await opened(world);
  const place = async (expression, ...options) => {
    const [{ exception }] = await daemon.rows('eval', ...options, expression);
    const { url, line, column, stack } = exception;
    assert.ok(stack.includes(`${url}:${line}:${column}`), stack);
    assert.ok(!stack.includes('__pagewire__/code'), stack);
    return [url, line, column];
  };
  assert.deepEqual(await place('missing()'), ['expression', 1, 1]);
  const throwing = '(() => { throw new RangeError("no"); })()';
  assert.deepEqual(await place(`[\n  1,\n  ${throwing},\n]`), ['expression', 3, 18]);
  assert.deepEqual(await place(`[1,\n${throwing}]`, '--source-url', 'src/a.js', '--line', '41'), ['src/a.js', 42, 16]);
});

claim('wait --until goes on after an exception, and shows the last one when its time is over', async (world) => {
  const { daemon, tab } = await opened(world);
  const expression = 'document.querySelector("p").textContent === "ready"';
  const missing = await daemon.refuses(3, 'wait', '--timeout', '0.5', '--until', expression);
  assert.match(missing, /it last threw TypeError: .*null/);
  assert.match(await daemon.refuses(3, 'wait', '--timeout', '0.5', '--until', 'document.title.length - 5'), /the last value was 0$/m);
  assert.match(await daemon.refuses(1, 'wait', '--until', '1 +'), /SyntaxError/);
  const waiting = daemon.cli('wait', '--until', expression);
  await tab.evaluate(() => { document.body.innerHTML = '<p>ready</p>'; });
  await waiting;
});

claim('eval --module calls the default export of a file and reports the line of an error', async (world) => {
  const { daemon, tab, site } = await opened(world, { 'lib.js': 'export const seven = 7;\n' });
  const file = path.join(site, '..', 'check.js');
  await writeFile(file, 'const { seven } = await import("/lib.js");\nexport default () => seven * 6;\n');
  assert.equal(await daemon.cli('eval', '--module', file), '42\n');
  await writeFile(file, 'document.title = "renamed";\n');
  assert.equal(await daemon.cli('eval', '--module', file), 'undefined\n');
  assert.equal(await tab.evaluate(() => document.title), 'renamed');
  await writeFile(file, 'export default 1;\nlet x = ;\n');
  assert.match(await daemon.refuses(1, 'eval', '--module', file), /SyntaxError: .*\.js:2:9\)$/m);
});

claim('a module that cannot be parsed or linked reports its location and raises no error in the page', async (world) => {
  const { daemon, tab } = await opened(world, {
    'index.html': page('first', '<script>var seen = [];\n'
      + 'addEventListener("error", (event) => seen.push(event.message), true);</script>'),
    'parse.js': 'export default 1;\nlet x = ;\n',
    'outer.js': 'import "./parse.js";\nglobalThis.hasRun = true;\n',
    'link.js': '\nimport { none } from "./empty.js";\nglobalThis.hasRun = true;\n',
    'empty.js': '',
  });
  const log = world.follow(daemon, 'console', 'page_error');
  await log.unlessItExits('the report mode', tab.reportMode({ console: true, errors: true }));
  for (const [name, place] of [['parse', '/parse.js:2:9'], ['outer', '/parse.js:2:9'], ['link', '/link.js:2:10']]) {
    for (const again of [[], ['--fresh']]) {
      const [{ exception }] = await daemon.rows('import', `/${name}.js`, ...again);
      const { pathname } = new URL(exception.url);
      assert.equal(`${pathname}:${exception.line}:${exception.column}`, place, exception.message);
      assert.deepEqual([exception.phase, exception.name], ['load', 'SyntaxError']);
    }
  }
  assert.deepEqual(await tab.evaluate(() => [seen, globalThis.hasRun, frames.length]), [[], undefined, 0]);
  await tab.evaluate(() => console.info('the end'));
  const first = await log.first('a line or an error', () => true);
  assert.deepEqual(first.console?.args, [{ value: 'the end' }]);
});

claim('reload --wait and navigate --wait return when the new page is complete', async (world) => {
  const { daemon, tab } = await opened(world, {
    'below/next.html': page('next', '<img src="/slow.svg" onload="document.title = \'complete\'">'),
    'slow.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>',
  });
  const before = await daemon.cli('eval', 'performance.timeOrigin');
  assert.equal(await daemon.cli('reload', '--wait'), 'reached 1 page\n');
  const after = await daemon.cli('eval', 'performance.timeOrigin');
  assert.ok(Number(after) > Number(before), `${after} is later than ${before}`);
  await daemon.cli('navigate', '--wait', '/below/next.html');
  assert.equal(await daemon.cli('eval', '[document.title, location.pathname, document.readyState]'),
    '["complete","/below/next.html","complete"]\n');
  await daemon.cli('navigate', '--wait', '../index.html?a=1#b');
  assert.equal(await daemon.cli('eval', '--raw', 'location.href'), `${daemon.origin}/index.html?a=1#b\n`);
  assert.equal(await tab.evaluate(() => document.title), 'first');
});

claim('wait --until returns once the expression is true in the page, even after a reload', async (world) => {
  const { daemon, tab } = await opened(world);
  const waiting = daemon.cli('wait', '--until', 'globalThis.isThere', '--timeout', '10');
  await daemon.cli('reload', '--wait');
  await tab.evaluate(() => { globalThis.isThere = true; });
  assert.equal(await waiting, '');
});

claim('import uses the module that the page has loaded, --fresh the current file', async (world) => {
  const { daemon, site } = await opened(world, { 'greet.js': 'export default (name) => `hello ${name}`;\n' });
  assert.equal(await daemon.cli('import', '/greet.js', 'Ada'), '"hello Ada"\n');
  await writeFile(path.join(site, 'greet.js'), 'export default (name) => `welcome ${name}`;\n');
  assert.equal(await daemon.cli('import', '/greet.js', 'Ada'), '"hello Ada"\n');
  assert.equal(await daemon.cli('import', '--fresh', '/greet.js', 'Ada'), '"welcome Ada"\n');
  assert.equal(await daemon.cli('import', '--raw', '--fresh', '/greet.js', '--args-json', '[7]'), 'welcome 7\n');
});

claim('a module that is missing fails at load, with its URL', async (world) => {
  const { daemon } = await opened(world);
  const stderr = await daemon.refuses(1, 'import', '/none.js');
  assert.ok(stderr.includes('/none.js'), stderr);
  const [{ exception }] = await daemon.rows('import', '/none.js');
  assert.equal(exception.phase, 'load');
  assert.equal(exception.name, 'TypeError');
  assert.ok(exception.message.includes('/none.js'), exception.message);
});

claim('log prints exactly its text, at its level', async (world) => {
  const { daemon, tab } = await opened(world);
  const texts = { log: '100 % %s # 1', info: 'one\n\ttwo  ', debug: '%c', warn: '%o%d%', error: '</script># %%' };
  for (const [level, text] of Object.entries(texts)) {
    await daemon.cli('log', '--level', level, '--', text);
    const { type } = await tab.prints(text);
    assert.equal(type, level === 'warn' ? 'warning' : level);
  }
});

claim('messages shows console lines and errors of a page', async (world) => {
  const { daemon, tab, socketId } = await opened(world);
  const log = world.follow(daemon, 'console', 'page_error');
  await log.unlessItExits('the report mode', tab.reportMode({ console: true, errors: true }));
  // A page that is open already fetches the recorder first.
  await until('the recorder', tab.page.waitForFunction(() =>
    !Function.prototype.toString.call(console.log).includes('[native code]')));
  await tab.evaluate(() => {
    console.warn('careful', 7, undefined);
    queueMicrotask(() => missing());
  });
  const { position, console: line } = await log.first('the console line', (event) => event.console);
  assert.ok(position.sequence > 0);
  assert.deepEqual([line.socket_id, line.level, line.args],
    [socketId, 'warn', [{ value: 'careful' }, { value: 7 }, { undefined: true }]]);
  const { page_error: error } = await log.first('the error', (event) => event.page_error);
  assert.deepEqual([error.socket_id, error.kind, error.exception.name], [socketId, 'uncaught', 'ReferenceError']);
});

claim('messages --until exits at the matching message', async (world) => {
  const { daemon, tab, socketId } = await opened(world);
  await tab.send({ type: 'result', ok: false });
  await tab.send({ type: 'result', ok: true, failures: [] });
  const rows = await daemon.rows('messages', '--since', '0', '--types', 'result',
    '--until', '$[?@ == true]', '--timeout', '10');
  assert.deepEqual(rows.map(({ message }) => message.data.ok), [false, true]);
  assert.equal(rows[0].message.socket_id, socketId);
});
