/** Console lines and errors of pages, as a subscriber receives them. */

import assert from 'node:assert/strict';
import { claim, until } from './harness.js';

const page = (head, body = '') =>
  `<!doctype html>\n<html><head>${head}<title>page</title></head><body><h1>page</h1>${body}</body></html>\n`;

/** A daemon that injects the client, and a follower of console lines and page errors. */
async function startWithFollower(world, files) {
  const daemon = await startDaemon(world, files);
  const bystander = await world.page(daemon, '/bystander.html');
  const log = world.follow(daemon, 'console', 'page_error');
  await log.unlessItExits('the page was in report mode', bystander.reportMode({ console: true, errors: true }));
  return { daemon, log, bystander };
}

const startDaemon = async (world, files) => world.daemon({
  site: await world.site({ 'bystander.html': page(''), ...files }),
  args: ['--inject', 'always'],
});

/** The console line whose first argument is the string `text`. */
const line = (log, text) => log.first(`the console line ${JSON.stringify(text)}`,
  ({ console }) => console?.args[0]?.value === text).then(({ console }) => console);

/** The first page error whose message `matches`. */
const failure = (log, matches) => log.first(`a page error like ${matches}`,
  ({ page_error: error }) => matches.test(error?.exception.message)).then(({ page_error: error }) => error);

const isNative = () => ['log', 'debug', 'info', 'warn', 'error'].every((level) =>
  Function.prototype.toString.call(console[level]).includes('[native code]'));

claim('a console line and an error of the first inline script are reported', async (world) => {
  const first = '<script>\nconsole.info("first line");\nmissing();\n</script>';
  const { daemon, log } = await startWithFollower(world, { 'index.html': page(first) });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  const { socket_id: lineFrom, level } = await line(log, 'first line');
  const { socket_id: errorFrom, kind, exception } = await failure(log, /missing/);
  assert.deepEqual([lineFrom, errorFrom], [socketId, socketId]);
  assert.match(level, /info/i);
  assert.match(kind, /uncaught/i);
  assert.equal(exception.name, 'ReferenceError');
  assert.equal(exception.url, `${daemon.origin}/`);
  assert.equal(exception.line, 4, 'as in the file: the injection adds no line');
  assert.match(exception.stack, /missing is not defined/);
  const kinds = log.events.entries.map((event) => (event.console ? 'line' : event.page_error ? 'error' : ''));
  assert.ok(kinds.indexOf('line') < kinds.indexOf('error'), 'in the order in which they happened');
});

claim('console lines are reported with level and arguments, and still printed', async (world) => {
  const { daemon, log } = await startWithFollower(world, { 'index.html': page('') });
  const tab = await world.page(daemon);
  await tab.evaluate(() => {
    const cycle = { name: 'round' };
    cycle.self = cycle;
    console.log('kinds %s', undefined, null, NaN, -0, Infinity, 12n, { a: [1, 'x'] }, document.body,
      cycle, function named() {}, Symbol('mark'), new TypeError('bad'), 'x'.repeat(50_000),
      { toJSON() { throw new Error('mute'); } });
    for (const level of ['debug', 'info', 'log', 'warn', 'error']) console[level](`by ${level}`);
  });
  const { args } = await line(log, 'kinds %s');
  assert.deepEqual(args.slice(0, 8), [{ value: 'kinds %s' }, { undefined: true }, { value: null },
    { unserializable: 'NaN' }, { unserializable: '-0' }, { unserializable: 'Infinity' },
    { unserializable: '12n' }, { value: { a: [1, 'x'] } }]);
  const descriptions = [/^<body>$/, /cycle.*round/, /named/, /Symbol\(mark\)/, /TypeError: bad/];
  for (const [index, text] of descriptions.entries()) assert.match(args[8 + index].description, text);
  assert.match(args[13].truncated, /^"x{1000,9999}$/);
  assert.match(args[14].description, /throws/);
  for (const level of ['debug', 'info', 'log', 'warn', 'error']) {
    const reported = await line(log, `by ${level}`);
    assert.match(reported.level, new RegExp(`${level}$`, 'i'));
    const printed = await tab.prints(`by ${level}`);
    assert.equal(printed.type, level === 'warn' ? 'warning' : level);
  }
  assert.equal(await tab.evaluate(() => console.log.name), 'log');
});

claim('every console line is reported with the place of its call, warnings and errors with their stack', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page('<script src="/prints.js"></script>', '<script type="module">\nconsole.debug("inline");</script>'),
    'prints.js': 'function outer() {\n  console.warn("careful");\n}\nouter(); console.log("plain");\n[1].forEach(console.info);\n',
  });
  await world.page(daemon);
  const { stack, ...careful } = await line(log, 'careful');
  assert.match(stack, /^.*outer.*\/prints\.js:2:\d+/);
  assert.doesNotMatch(stack, /recorder/);
  const place = ({ url, line: row, column }) => [url, row, column];
  const script = `${daemon.origin}/prints.js`;
  assert.deepEqual(place(careful), [script, 2, 11]);
  const plain = await line(log, 'plain');
  assert.deepEqual(place(plain), [script, 4, 18]);
  assert.equal(plain.stack, '');
  assert.deepEqual(place(await line(log, 1)), [script, 5, 5], 'called by the browser for page code');
  const inline = await line(log, 'inline');
  assert.deepEqual([inline.url, inline.column], [`${daemon.origin}/`, 9]);
});

claim('unhandled rejections are reported; errors that the page handles are not', async (world) => {
  const { daemon, log } = await startWithFollower(world, { 'index.html': page('') });
  const tab = await world.page(daemon);
  await tab.evaluate(() => {
    for (const type of ['error', 'unhandledrejection']) {
      addEventListener(type, (event) => {
        if (String(event.message ?? event.reason).includes('handled by the page')) event.preventDefault();
      });
    }
    setTimeout(() => { throw new Error('handled by the page'); });
    Promise.reject(new Error('handled by the page'));
    Promise.reject(new RangeError('unhandled reason'));
    setTimeout(() => { Promise.reject({ code: 7 }); });
  });
  const { kind, exception } = await failure(log, /unhandled reason/);
  assert.match(kind, /unhandled_rejection/i);
  assert.equal(exception.name, 'RangeError');
  const bare = await failure(log, /code/);
  assert.equal(bare.exception.message, '{"code":7}');
  assert.ok(!log.events.entries.some(({ page_error: error }) => /handled by/.test(error?.exception.message)));
});

claim('scripts, stylesheets and images that fail to load are reported with their URLs', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page('<script src="/none.js"></script><link rel="stylesheet" href="none.css">', '<img src="/none.png">'),
  });
  await world.page(daemon);
  for (const [tag, name] of [['script', 'none.js'], ['link', 'none.css'], ['img', 'none.png']]) {
    const { kind, exception } = await failure(log, new RegExp(name));
    assert.match(kind, /resource/i);
    assert.equal(exception.url, `${daemon.origin}/${name}`);
    assert.match(exception.message, new RegExp(`^${tag} `));
  }
});

claim('violations of the page\'s policy are reported, and the recorder complies with it', async (world) => {
  const policy = '<meta http-equiv="Content-Security-Policy" '
    + 'content="default-src \'none\'; script-src \'self\'; connect-src \'self\'">';
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page(policy, '<script>blocked()</script><script src="/prints.js"></script>'),
    'prints.js': 'console.log("allowed");\n',
  });
  await world.page(daemon);
  const { kind, exception } = await failure(log, /inline/);
  assert.match(kind, /csp/i);
  assert.match(exception.message, /script-src/);
  assert.equal(exception.url, `${daemon.origin}/`);
  await line(log, 'allowed');
});

claim('10,000 console lines a second leave a page responsive, and dropped lines are counted', async (world) => {
  const { daemon, log } = await startWithFollower(world, { 'index.html': page('', '<button>press</button>') });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  await tab.evaluate(() => {
    globalThis.seen = { frames: 0, clicks: 0, lines: 0 };
    document.querySelector('button').addEventListener('click', () => { seen.clicks += 1; });
    const frame = () => {
      seen.frames += 1;
      requestAnimationFrame(frame);
    };
    frame();
    globalThis.storm = new Promise((resolve) => {
      const timer = setInterval(() => {
        for (let count = 0; count < 100; count += 1) console.log('line', seen.lines += 1);
        if (seen.lines < 15_000 || seen.clicks === 0) return; // Until the click was handled.
        clearInterval(timer);
        resolve();
      }, 10);
    });
  });
  // Through the daemon, because Playwright is busy with the console lines.
  const [{ value }] = await daemon.rows('import', '--socket', socketId,
    'data:text/javascript,export default () => document.querySelector("button").click() ?? seen.clicks');
  assert.equal(value, 1);
  const { frames, lines } = await tab.evaluate(() => storm.then(() => ({ ...seen })));
  assert.ok(frames > 10, `${frames} frames were drawn at the same time`);
  const counted = () => log.events.entries.reduce((sum, { console }) => {
    if (console?.socket_id !== socketId) return sum;
    const [, dropped] = /^\[pagewire\] (\d+) console lines/.exec(console.args[0].value) ?? [];
    return sum + Number(dropped ?? 1);
  }, 0);
  await log.first('the last line or the notice that counts it', () => counted() >= lines);
  assert.equal(counted(), lines);
  const forwarded = log.events.entries.filter(({ console }) => console?.args[0].value === 'line').length;
  assert.ok(forwarded >= 200 && forwarded < lines / 2, `${forwarded} lines were forwarded`);
});

claim('without a subscriber nothing is reported and the console is not wrapped', async (world) => {
  const daemon = await startDaemon(world);
  const tab = await world.page(daemon, '/bystander.html');
  const { socketId } = await tab.hello();
  assert.equal(await tab.evaluate(isNative), true);
  // Awaited results use the recorder's code to describe values, without recording.
  const [row] = await daemon.rows('import', '--socket', socketId, 'data:text/javascript,export default () => 3n');
  assert.equal(row.unserializable, '3n');
  assert.equal(await tab.evaluate(isNative), true);
  await tab.evaluate(() => { console.error('unheard'); });
  await tab.settled();
  const sent = tab.frames.entries.filter(({ direction }) => direction === 'sent').map(({ message }) => message.type);
  assert.ok(!sent.some((type) => /^pagewire:(console|error|events)$/.test(type)), sent.join());
});

claim('a page that connected earlier reports while there is a subscriber', async (world) => {
  const { daemon, log, bystander: tab } = await startWithFollower(world);
  await until('the recorder in the page', tab.page.waitForFunction(() =>
    !Function.prototype.toString.call(console.log).includes('[native code]')));
  await tab.evaluate(() => console.log('recorded'));
  await line(log, 'recorded');
  // Text printed for a program is not reported back to programs.
  await daemon.cli('log', '--all', 'from a program');
  await tab.prints('from a program');
  await tab.evaluate(() => console.log('recorded as well'));
  await line(log, 'recorded as well');
  assert.ok(!log.events.entries.some(({ console }) => console?.args[0].value === 'from a program'));
  await log.stop('SIGKILL');
  await tab.reportMode({ console: false, errors: false });
  const sent = () => tab.frames.entries.filter(({ direction }) => direction === 'sent').length;
  await tab.settled();
  const before = sent();
  await tab.evaluate(() => console.log('unheard'));
  await tab.settled();
  assert.equal(sent(), before + 1, 'only the request of settled()');
  assert.equal(await tab.evaluate(() => console.log.name), 'log');
});

claim('console lines right before a navigation are reported, and those of a frame under its own socket', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page('', '<iframe src="/inner.html"></iframe>'),
    'inner.html': page('<script>console.log("from the frame")</script>'),
  });
  const tab = await world.page(daemon);
  const { socketId } = await tab.hello();
  const inner = await tab.hellos.first('the hello of the frame', (hello) => !hello.top_level);
  assert.equal((await line(log, 'from the frame')).socket_id, inner.socketId);
  await tab.evaluate(() => {
    console.log('last words');
    location.href = '/bystander.html';
  });
  assert.equal((await line(log, 'last words')).socket_id, socketId);
});

claim('console lines are reported though page code replaces or removes Error, or its formatting throws', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page(`<script>
      window.built = 0;
      Error.prepareStackTrace = () => { throw new TypeError('no stack'); };
      console.log('not formatted');
      delete Error.prepareStackTrace;
      window.Error = class extends Error { constructor() { super(); built += 1; } };
      console.log('replaced');
      delete window.Error;
      console.log('removed', new TypeError('still described'));
    </script>`),
  });
  const tab = await world.page(daemon);
  assert.equal((await line(log, 'not formatted')).url, '');
  assert.equal((await line(log, 'replaced')).line, 8);
  const { args, line: row } = await line(log, 'removed');
  assert.match(args[1].description, /still described/);
  assert.equal(row, 10);
  assert.equal(await tab.evaluate(() => window.built), 0);
});

claim('console lines have a place whatever the page\'s limit of stack traces, which is left as it is', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page(`<script>
      Error.stackTraceLimit = 0;
      console.log('none');
      window.limit = Error.stackTraceLimit;
      window.calls = 0;
      Object.defineProperty(Error, 'stackTraceLimit', { configurable: true, get: () => ++calls, set: () => { calls += 1; } });
      console.log('accessor');
      Object.defineProperty(Error, 'stackTraceLimit', { value: 10, writable: false });
      console.log('fixed');
      const name = 'x'.repeat(3_000);
      ({ [name]: () => { console.log('long row'); } })[name]();
    </script>`),
  });
  const tab = await world.page(daemon);
  assert.equal((await line(log, 'none')).line, 4);
  await line(log, 'accessor');
  assert.equal((await line(log, 'fixed')).line, 10);
  assert.equal((await line(log, 'long row')).url, `${daemon.origin}/`);
  assert.deepEqual(await tab.evaluate(() => [window.limit, window.calls]), [0, 0]);
});

claim('the place of evaluated code is that of its caller', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page('<script src="/eval.js"></script>'),
    'eval.js': 'eval("console.log(\'evaluated\')");\nfunction outer() {\n  new Function("console.log(\'made\')")();\n}\nouter();\n',
  });
  await world.page(daemon);
  for (const [text, row] of [['evaluated', 1], ['made', 3]]) {
    const { url, line: found } = await line(log, text);
    assert.deepEqual([url, found], [`${daemon.origin}/eval.js`, row]);
  }
});

claim('a page that breaks built-in methods of arrays gets no errors from the recorder, and lost lines are counted', async (world) => {
  const { daemon, log } = await startWithFollower(world, {
    'index.html': page('<script>Array.prototype.filter = () => { throw new Error("broken"); };\nconsole.log("unfiltered");</script>'),
  });
  const tab = await world.page(daemon);
  await line(log, 'unfiltered');
  const other = await world.page(daemon, '/bystander.html?other');
  await until('the recorder in the page', other.page.waitForFunction(() =>
    !Function.prototype.toString.call(console.log).includes('[native code]')));
  await other.evaluate(() => new Promise((resolve) => {
    const { join } = Array.prototype;
    console.log('lost');
    console.log('lost as well');
    Array.prototype.join = () => { throw new Error('broken'); };
    const channel = new MessageChannel(); // Its message arrives after the recorder's.
    channel.port1.onmessage = () => {
      Array.prototype.join = join;
      setInterval(() => console.log('kept'), 100); // The notice comes with one of them.
      resolve();
    };
    channel.port2.postMessage(null);
  }));
  await line(log, 'kept');
  await line(log, '[pagewire] 2 console lines were not reported');
  for (const { console: printed } of [tab, other]) {
    assert.deepEqual(printed.entries.filter(({ type }) => type === 'pageerror'), []);
  }
});
