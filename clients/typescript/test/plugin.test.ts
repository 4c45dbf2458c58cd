import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  BodyTooLarge,
  Failure,
  LiveFilters,
  type PagewireError,
  connect,
  run,
  runOnce,
  type Context,
  type Logger,
  type Plugin,
  type RunOptions,
} from 'pagewire';
import { rmSync } from 'node:fs';
import { Daemon, Events, Page, until, within } from './support.js';

describe('a plugin', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await Daemon.start();
  });
  after(async () => {
    await daemon.stop();
    daemon.removeFolders();
  });

  /** Runs a plugin until the end of the test. */
  async function running(
    plugin: Plugin,
    options?: RunOptions,
  ): Promise<{ context: Context; end: () => Promise<void> }> {
    const ending = new AbortController();
    const started = new Events<Context>();
    const serverStart = (context: Context) => started.tell(context);
    const run = runOnce(
      { ...plugin, serverStart },
      { endpoint: daemon.control, signal: ending.signal, logger: false, ...options },
    );
    const context = await Promise.race([
      started.next('the start'),
      run.then(() => Promise.reject(new Error('it ended'))),
    ]);
    return { context, end: () => (ending.abort(), within('the end of run', run)) };
  }

  test('serves text, bytes, status and headers, and skips other paths', async () => {
    daemon.site.write('file.txt', 'a file');
    const { end } = await running({
      name: 'serving',
      serve: {
        filter: [{ prefix: '/made/' }, '/file.txt'],
        handler: ({ path }) => {
          if (path === '/made/text.js') return 'export default 1';
          if (path === '/made/bytes')
            return {
              body: new Uint8Array([1, 2, 3]),
              status: 201,
              headers: { 'X-Made': ['a', 'ü'] },
            };
          return undefined;
        },
      },
    });
    const text = await daemon.get('/made/text.js');
    assert.equal(await text.text(), 'export default 1');
    assert.match(text.headers.get('content-type')!, /^text\/javascript/);
    const bytes = await daemon.get('/made/bytes');
    assert.equal(bytes.status, 201);
    assert.equal(bytes.headers.get('x-made'), 'a, ü');
    assert.deepEqual(new Uint8Array(await bytes.arrayBuffer()), new Uint8Array([1, 2, 3]));
    assert.equal(await (await daemon.get('/file.txt')).text(), 'a file');
    await end();
    assert.equal((await daemon.get('/made/text.js')).status, 404);
  });

  test('serves text at a path without extension as text, unless a file has a type', async () => {
    const site = daemon.site.write('index.html', '');
    const { end } = await running({
      name: 'plain',
      serve: {
        filter: { path: ['/plain', '/v1.2', '/', '/bytes', '/data'] },
        handler({ path }) {
          if (path === '/bytes') return Buffer.of(0xff);
          return path === '/data' ? { body: '{}', contentType: 'json' } : 'text';
        },
      },
    });
    const typeOf = async (path: string) => (await daemon.get(path)).headers.get('content-type');
    assert.equal(await typeOf('/plain'), 'text/plain; charset=utf-8');
    assert.equal(await typeOf('/v1.2'), 'text/plain; charset=utf-8');
    assert.equal(await typeOf('/'), 'text/html; charset=utf-8');
    assert.equal(await typeOf('/bytes'), 'application/octet-stream');
    assert.equal(await typeOf('/data'), 'application/json; charset=utf-8');
    await end();
    rmSync(site);
  });

  test('receives bodies of 10 MiB and returns them', async () => {
    const size = 10 * 1024 * 1024;
    const { end } = await running({
      name: 'large',
      serve: {
        filter: { path: '/large', methods: 'POST' },
        maxRequestBodyBytes: size,
        handler: ({ body }) => ({ body, contentType: 'application/octet-stream' }),
      },
    });
    const body = Buffer.alloc(size, 'x');
    const response = await daemon.get('/large', { method: 'POST', body });
    assert.ok(body.equals(Buffer.from(await response.arrayBuffer())));
    await end();
  });

  test('throws when an omitted body is read, with its size if that is known', async () => {
    const thrown = new Events<BodyTooLarge>();
    const { end } = await running({
      name: 'small',
      serve: {
        filter: { path: '/small', methods: 'POST' },
        maxRequestBodyBytes: 2,
        handler(request) {
          try {
            return request.text();
          } catch (error) {
            assert.ok(request.bodyOmitted && error instanceof BodyTooLarge);
            thrown.tell(error);
            return 'too large';
          }
        },
      },
    });
    const post = async (body: string | ReadableStream) => {
      const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
      return (await daemon.get('/small', init)).text();
    };
    assert.equal(await post('ab'), 'ab');
    assert.equal(await post('abc'), 'too large');
    const sized = await thrown.next('the error');
    assert.deepEqual([sized.size, sized.limit, sized.place.status], [3, 2, 413]);
    // Chunked: without a size.
    assert.equal(await post(new Blob(['abc']).stream()), 'too large');
    const unsized = await thrown.next('the error');
    assert.equal(unsized.size, undefined);
    assert.match(unsized.message, /more than 2 bytes, but .* at most 2 bytes \(maxRequestBody/);
    await end();
  });

  test('aborts the signal of a cancelled call and discards its result', async () => {
    const aborted = new Events<string>();
    const { end } = await running({
      name: 'slow',
      serve: {
        filter: '/slow',
        callTimeoutMs: 50,
        handler: async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          aborted.tell((signal.reason as Error).message);
          return 'too late';
        },
      },
    });
    assert.equal((await daemon.get('/slow')).status, 504);
    assert.match(await aborted.next('the signal'), /its deadline passed/);
    await end();
  });

  test('handles messages and requests of one socket in order, and answers them', async () => {
    const heard: string[] = [];
    const { end } = await running({
      name: 'hearing',
      onMessage: {
        async note(message) {
          await new Promise((resolve) => setImmediate(resolve));
          heard.push(message.text!);
        },
      },
      onRequest: {
        heard: () => heard.length,
        fail: () => {
          throw new Error('no luck');
        },
        large: () => 'x'.repeat(17 * 1024 * 1024),
      },
    });
    const page = await Page.open(daemon);
    for (let n = 0; n < 20; n++) page.say({ type: 'note', n });
    page.say({ type: 'heard', id: 1, 'pagewire:request': true });
    assert.deepEqual(await page.hear(), { type: 'message-response', id: 1, response: 20 });
    assert.deepEqual(
      heard.map((text) => (JSON.parse(text) as { n: number }).n),
      [...Array(20).keys()],
    );
    page.say({ type: 'fail', id: 2, 'pagewire:request': true });
    assert.deepEqual(await page.hear(), { type: 'message-response', id: 2, error: 'no luck' });
    page.say({ type: 'large', id: 4, 'pagewire:request': true });
    assert.match((await page.hear())['error'] as string, /^the message has 17825794 bytes, and /);
    page.say({ type: 'constructor', id: 3, 'pagewire:request': true });
    assert.equal(typeof (await page.hear())['error'], 'string');
    page.close();
    await end();
  });

  test('logs its connection and the failures of its handlers', async () => {
    const log = new Events<string>();
    const logger: Logger = {
      info: (text) => log.tell(`info ${text}`),
      warn: (text) => log.tell(`warn ${text}`),
      error: (text) => log.tell(`error ${text}`),
    };
    const thrown = () => {
      throw new Error('no luck', { cause: new Error('no dice') });
    };
    const plugin: Plugin = {
      name: 'failing',
      serve: { filter: '/fails', handler: thrown },
      transform: {
        filter: '/a.css',
        handler: () => Promise.reject(new Failure('no colour', { file: 'a.css', line: 2 })),
      },
      onRequest: { ask: thrown, value: () => () => 0 },
      onSocketClosed: thrown,
    };
    daemon.site.write('a.css', '');
    const { end } = await running(plugin, { logger });
    assert.equal(await log.next('a line'), `info connected to ${daemon.http} as "failing"`);
    await daemon.get('/fails');
    // The stack trace names this file.
    assert.match(
      await log.next('a line'),
      /^error serve of \/fails failed: Error: no luck\n +at .*plugin\.test[^]*no dice/,
    );
    await daemon.get('/a.css');
    assert.equal(await log.next('a line'), 'error transform of /a.css failed: no colour (a.css:2)');
    const page = await Page.open(daemon);
    page.say({ type: 'ask', id: 1, 'pagewire:request': true });
    assert.match(await log.next('a line'), /^error request "ask" failed: Error: no luck\n/);
    page.say({ type: 'value', id: 2, 'pagewire:request': true });
    assert.match(await log.next('a line'), /^error request "value" failed: TypeError: not a JSON/);
    page.close();
    assert.match(await log.next('a line'), /^error socket closed failed: Error: no luck\n/);
    await end();
  });

  test('handles each event once when there are more than the handler limit', async () => {
    let running_ = 0;
    let most = 0;
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const counts = new Events<number>();
    let done = 0;
    const { end } = await running({
      name: 'busy',
      onMessage: {
        async work() {
          most = Math.max(most, ++running_);
          await gate;
          running_ -= 1;
          if (++done === 600) counts.tell(done);
        },
      },
    });
    const pages = await Promise.all(
      [...Array(300).keys()].map((n) => Page.open(daemon, { page_id: `p${n}` })),
    );
    for (const page of pages) page.say({ type: 'work' });
    for (const page of pages) page.say({ type: 'work' });
    // All 600 are in the log before the first handler finishes.
    const client = await connect({ endpoint: daemon.control });
    const asked = await client.subscribe({ messageTypes: ['end'] });
    pages[0]!.say({ type: 'end' });
    await within('the last message', asked.next());
    client.close();
    release();
    await counts.next('the handlers');
    assert.ok(most <= 257, `${most} at once`);
    for (const page of pages) page.close();
    await end();
  });

  test('answers the request of a running handler while it stops', async () => {
    const begun = new Events<void>();
    let release: (answer: string) => void = () => {};
    const { end } = await running({
      name: 'last',
      onRequest: {
        ask: () => (begun.tell(), new Promise<string>((resolve) => (release = resolve))),
      },
      serve: { filter: '/x', handler: () => 'mine' },
    });
    const page = await Page.open(daemon);
    page.say({ type: 'ask', id: 1, 'pagewire:request': true });
    await begun.next('the handler');
    const ended = end();
    // Its hooks accept no more calls while it finishes.
    await until('its end', async () => (await daemon.get('/x')).status === 404);
    release('answer');
    assert.equal((await page.hear())['response'], 'answer');
    await ended;
    page.close();
  });

  test('replaces its filters while it runs, and keeps the earlier ones when one is refused', async () => {
    const live = new LiveFilters('/one');
    const handler = () => 'mine';
    const plugin = { name: 'live', serve: { filter: live, handler } };
    const { end } = await running(plugin);
    const statusOf = async (path: string) => (await daemon.get(path)).status;
    assert.equal(await statusOf('/one'), 200);
    await live.set(['/two', { prefix: '/three/' }]);
    assert.equal(await statusOf('/one'), 404);
    assert.equal(await statusOf('/three/x'), 200);
    await assert.rejects(live.set([{ regex: '(' }, '/four']), (error: PagewireError) => {
      assert.deepEqual([error.code, error.reason], ['INVALID_ARGUMENT', 'FIELD_INVALID']);
      assert.deepEqual(
        error.violations.map(({ field }) => field),
        ['filters[0]'],
      );
      assert.match(error.message, /^plugin "live", serve: filters\[0\]/);
      return true;
    });
    assert.equal(await statusOf('/three/x'), 200);
    assert.equal(await statusOf('/four'), 404);
    // The next connection has them too, and concurrent calls take effect in order.
    await end();
    const again = await running(plugin);
    assert.equal(await statusOf('/three/x'), 200);
    const sets = [live.set('/five'), live.set({ regex: '(' }), live.set('/six')];
    const outcomes = await Promise.allSettled(sets);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.equal(await statusOf('/five'), 404);
    assert.equal(await statusOf('/six'), 200);
    await again.end();
  });

  test('ends when a hook does not open, with an error that names it', async () => {
    const serve = { filter: '/fine', handler: () => 'x' };
    const transform = { filter: { regex: '(' }, handler: () => 'x' };
    await assert.rejects(running({ name: 'refused', serve, transform }), {
      reason: 'FIELD_INVALID',
      message: /^plugin "refused", transform: .*does not compile/,
    });
  });

  test('accepts methods in lower case', async () => {
    const { end } = await running({
      name: 'methods',
      serve: { filter: { path: '/method', methods: ['post'] }, handler: ({ method }) => method },
    });
    assert.equal(await (await daemon.get('/method', { method: 'POST' })).text(), 'POST');
    assert.equal((await daemon.get('/method')).status, 404);
    await end();
  });

  test('keeps the filters of all its hooks when one hook refuses them', async () => {
    const live = new LiveFilters('/one');
    const { end } = await running({
      name: 'both',
      serve: { filter: live, handler: () => ({ body: 'x', contentType: 'html' }) },
      transform: { filter: live, handler: (response) => `${response.text()}!` },
    });
    // Only transforms have filters of MIME types.
    await assert.rejects(live.set({ mime: 'text/*' }), { reason: 'FIELD_INVALID' });
    assert.equal(await (await daemon.get('/one')).text(), 'x!');
    daemon.site.write('two.css', 'two');
    assert.equal(await (await daemon.get('/two.css')).text(), 'two');
    await end();
  });

  test('ends with the error of its start handler', async () => {
    const plugin: Plugin = {
      name: 'broken',
      serverStart: () => Promise.reject(new Error('no database')),
    };
    await assert.rejects(run(plugin, { endpoint: daemon.control, logger: false }), {
      kind: 'plugin',
      message: /serverStart failed: no database/,
    });
  });

  test('ends with the error of its stop handler, also when the program stops it', async () => {
    const { end } = await running({
      name: 'broken',
      serverStop: () => Promise.reject(new Error('no database')),
    });
    await assert.rejects(end(), { kind: 'plugin', message: /serverStop failed: no database/ });
  });
});

describe('a plugin whose daemon', () => {
  for (const [how, signal] of [
    ['stops', 'SIGTERM'],
    ['is killed', 'SIGKILL'],
  ] as const) {
    test(`${how} reconnects to the next one`, async () => {
      let daemon = await Daemon.start();
      const ending = new AbortController();
      const started = new Events<Context>();
      let stops = 0;
      const runs = run(
        {
          name: 'back',
          serve: { filter: '/x', handler: () => 'mine' },
          serverStart: (context) => started.tell(context),
          serverStop: () => (stops += 1),
        },
        { endpoint: daemon.control, signal: ending.signal, logger: false },
      );
      const first = await started.next('the start');
      await daemon.end(signal);
      assert.equal(stops, signal === 'SIGTERM' ? 1 : 0);
      daemon = await daemon.restart();
      const second = await started.next('the second start');
      assert.notEqual(second.position.epoch, first.position.epoch);
      assert.equal(await (await daemon.get('/x')).text(), 'mine');
      ending.abort();
      await within('the end of run', runs);
      await daemon.stop();
      daemon.removeFolders();
    });
  }

  test('stops or is killed ends with runOnce, with an error only when killed', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const daemon = await Daemon.start();
      const started = new Events<Context>();
      const plugin: Plugin = { name: 'once', serverStart: (context) => started.tell(context) };
      const runs = runOnce(plugin, { endpoint: daemon.control, logger: false });
      await started.next('the start');
      const ended = signal === 'SIGTERM' ? runs : assert.rejects(runs, { kind: 'disconnected' });
      await daemon.end(signal);
      await within('the end of run', ended);
      daemon.removeFolders();
    }
  });
});
