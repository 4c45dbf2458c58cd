/** The module for tests of plugins. */

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { BodyTooLarge, connect, type Plugin, type ServeCall, type TransformCall } from 'pagewire';
import {
  client,
  context,
  imports,
  message,
  request,
  response,
  resultOf,
  socket,
  startDaemon,
} from 'pagewire/testing';
import { BIN, Events, Folder, Page } from './support.js';

process.env['PAGEWIRE_BIN'] = BIN;

/** A folder to serve until the end of the test. */
function folder(t: TestContext): Folder {
  const root = new Folder();
  t.after(() => root[Symbol.dispose]());
  return root;
}

describe('what handlers get', () => {
  test('has what a test names, and defaults', () => {
    const made = request({ method: 'POST', path: '/a b', query: 'q=1', body: 'ä' });
    assert.deepEqual([made.method, made.path, made.rawTarget], ['POST', '/a b', '/a%20b?q=1']);
    assert.equal(made.text(), 'ä');
    assert.equal(made.filePath, undefined);
    assert.ok(!made.signal.aborted);

    const sheet = response({ body: 'a {}', contentType: 'text/css', request: { path: '/a.css' } });
    assert.equal(sheet.header('content-type'), 'text/css');
    assert.deepEqual([sheet.text(), sheet.request.path], ['a {}', '/a.css']);

    const call = imports(['lit', { specifier: './a.js', dynamic: true }], { path: '/main.js' });
    assert.deepEqual(call.imports, [
      { specifier: 'lit', dynamic: false, line: 1, column: 1 },
      { specifier: './a.js', dynamic: true, line: 2, column: 1 },
    ]);
    assert.equal(call.importer.path, '/main.js');

    assert.deepEqual(message({ type: 'ping', n: 1 }).json(), { type: 'ping', n: 1 });
    assert.equal(message('{"type":"ping"}', { requestId: 'r' }).type, 'ping');
    assert.deepEqual(message(Buffer.from([7])).binary, Buffer.from([7]));
    assert.equal(socket({ url: 'http://x/' }).url, 'http://x/');
  });

  test('has a context, and a client whose calls fail', async () => {
    const made = context({ rootDirs: ['/srv/site'], config: { title: 'Notes' } });
    assert.deepEqual([made.rootDirs, made.config], [['/srv/site'], { title: 'Notes' }]);
    assert.equal(made.serverInfo.limits.maxBodyBytes, 16 * 1024 * 1024);
    const failing = /^Error: client\.send: this client has no daemon/;
    await assert.rejects(made.client.send({ all: true }, { type: 'x' }), failing);
    await assert.rejects(client().info(), /client\.info/);
    assert.throws(() => context({ rootDir: [] } as never), /did you mean `rootDirs`/);
  });

  test('is refused if a field is unknown or invalid', () => {
    const calls: [() => unknown, RegExp][] = [
      [() => request('/a' as never), /^the request must be an object, not "\/a"$/],
      [() => request({ pat: '/a' } as never), /^the request .* \(did you mean `path`\?\)$/],
      [() => response({ text: 'x' } as never), /^the response has an unknown option `text`/],
      [
        () => response({ request: { pth: '/' } as never }),
        /^the request of the response .* `path`\?\)$/,
      ],
      [
        () => imports({ specifiers: ['a'] } as never),
        /^the imports must be an array, not an object$/,
      ],
      [() => imports([{ dynamic: true } as never]), /^`specifier` of an import must be a string/],
      [() => message({ a: 1 }), /^`type` of the message must be a string, not undefined$/],
      [() => message('hello'), /^the message is not JSON: /],
      [
        () => message({ type: 'a' }, { requestid: '1' } as never),
        /^the fields of the message .* `requestId`\?\)$/,
      ],
      [() => socket({ uri: '/' } as never), /^the socket .* \(did you mean `url`\?\)$/],
    ];
    for (const [call, message] of calls) assert.throws(call, { name: 'TypeError', message });
  });

  test('omits a body over the limit, as the daemon does', () => {
    const made = request({ method: 'POST', body: 'abc', maxRequestBodyBytes: 2 });
    assert.ok(made.bodyOmitted);
    assert.throws(
      () => made.text(),
      (error: unknown) => {
        assert.ok(error instanceof BodyTooLarge);
        assert.deepEqual([error.size, error.limit], [3, 2]);
        return true;
      },
    );
    assert.equal(request({ body: 'ab', maxRequestBodyBytes: 2 }).text(), 'ab');
  });

  test('is what the daemon sends', async (t) => {
    const root = folder(t);
    const file = root.write('a.css', 'a {}');
    const daemon = await startDaemon({ root: root.path, t });
    const served = new Events<ServeCall>();
    const changed = new Events<TransformCall>();
    const hook = { forwardRequestHeaders: ['x-a'] };
    await daemon.run({
      name: 'p',
      serve: { filter: '/a.css', ...hook, handler: served.tell },
      transform: { filter: '/a.css', ...hook, handler: changed.tell },
    });
    const sent = await fetch(`${daemon.url}/a.css?q=1`, { headers: { 'X-A': 'b' } });
    assert.equal(await sent.text(), 'a {}');
    const fields = {
      path: '/a.css',
      query: 'q=1',
      headers: { 'X-A': 'b' },
      filePath: file,
      host: new URL(daemon.url).host,
    };
    const shown = ({ method, path, query, rawTarget, host, headers, filePath }: ServeCall) => {
      return { method, path, query, rawTarget, host, headers, filePath };
    };
    assert.deepEqual(shown(request(fields)), shown(await served.next('the request')));
    const { contentType, body, request: answered } = await changed.next('the response');
    const made = response({ contentType, body: 'a {}', request: fields });
    assert.deepEqual(made.request, { ...answered, traceparent: '' });
    assert.deepEqual([...made.body], [...body]);
  });
});

describe('what a handler returned', () => {
  test('is read in one form', async () => {
    const text = await resultOf('text');
    assert.deepEqual([text.body, text.status, text.skipped], ['text', undefined, false]);
    assert.deepEqual((await resultOf(new Uint8Array([1]))).bytes, Buffer.from([1]));
    assert.deepEqual(await resultOf(undefined), await resultOf({ skip: true }));
    assert.ok((await resultOf(Promise.resolve(null))).skipped);
    assert.ok((await resultOf({ skip: true, remember: true })).remember);

    const content = await resultOf({
      body: '{}',
      contentType: 'json',
      status: 201,
      headers: { 'X-A': ['b', 'ü'], age: '1' },
    });
    assert.deepEqual([content.body, content.contentType, content.status], ['{}', 'json', 201]);
    assert.deepEqual(content.headers, { 'x-a': 'b, ü', age: '1' });
    assert.equal((await resultOf({ file: '/a.css' })).file, '/a.css');

    const change = await resultOf({ removeHeaders: ['ETag'], noCache: true });
    assert.deepEqual(
      [change.body, change.removeHeaders, change.noCache],
      [undefined, ['etag'], true],
    );
    const resolution = { specifiers: ['/lit.js', null], dependsOn: ['/a'] };
    assert.deepEqual((await resultOf(resolution)).specifiers, ['/lit.js', undefined]);
    assert.deepEqual((await resultOf(['/lit.js'])).specifiers, ['/lit.js']);
  });

  test('is refused if an option is invalid', async () => {
    await assert.rejects(resultOf({ bdy: 'x' } as object), {
      name: 'TypeError',
      message: /unknown option `bdy` \(did you mean `body`\?\)$/,
    });
  });
});

describe('a daemon of a test', () => {
  test('serves its root, has a client and a log, and stops with the test', async (t) => {
    const root = folder(t);
    root.write('a.txt', 'a file');
    const stops: (() => Promise<void>)[] = [];
    // A setting for other daemons.
    process.env['PAGEWIRE_NO_FILES'] = 'true';
    t.after(() => delete process.env['PAGEWIRE_NO_FILES']);
    const test = { after: (stop: () => Promise<void>) => void stops.push(stop) };
    const daemon = await startDaemon({ root: root.path, args: ['--log', 'debug'], t: test });
    assert.equal(await (await fetch(`${daemon.url}/a.txt`)).text(), 'a file');
    const { endpoint, tokenFile } = daemon;
    const client = await connect({ endpoint, tokenFile });
    assert.deepEqual((await client.info()).epoch, (await daemon.client.info()).epoch);
    client.close();
    const plugin = await daemon.run({ name: 'p' }, { logger: false });
    assert.equal(plugin.context.pluginName, 'p');
    assert.match(daemon.log, /plugin connected plugin="p"/);
    await Promise.all(stops.map((stop) => stop()));
    await assert.rejects(fetch(daemon.url));
    await daemon.stop();
  });

  test('runs a plugin that has started, until it is stopped', async (t) => {
    const daemon = await startDaemon({ root: folder(t).path, t });
    class Counting implements Plugin {
      readonly name = 'counting';
      readonly injectWebSocket = true;
      starts = 0;
      readonly serve = { filter: '/n', handler: () => String(this.starts) };
      readonly onRequest = { starts: () => this.starts };
      serverStart() {
        this.starts += 1;
      }
    }
    const plugin = await daemon.run(new Counting(), { logger: false });
    const get = () => fetch(`${daemon.url}/n`);
    assert.equal(await (await get()).text(), '1');
    const page = await Page.open({ http: daemon.url });
    page.say({ type: 'starts', id: 1, 'pagewire:request': true });
    assert.equal((await page.hear())['response'], 1);
    page.close();
    await plugin.stop();
    assert.equal((await get()).status, 404);
  });

  test('reports why a plugin or a daemon does not start', async (t) => {
    const root = folder(t).path;
    const daemon = await startDaemon({ root, t });
    const logger = false;
    await assert.rejects(daemon.run({ name: 'Not valid' }, { logger }), {
      reason: 'FIELD_INVALID',
    });
    const serverStart = () => Promise.reject(new Error('no database'));
    await assert.rejects(daemon.run({ name: 'p', serverStart }, { logger }), /no database/);
    await assert.rejects(daemon.run({ nme: 'p' } as never), /did you mean `name`\?/);

    const args = ['--no-such-flag'];
    await assert.rejects(startDaemon({ root, args }), /before it was ready:\n.*'--no-such-flag'/);
    await assert.rejects(startDaemon({ rot: root } as never), /did you mean `root`\?/);
    process.env['PAGEWIRE_BIN'] = '/no/pagewire';
    t.after(() => (process.env['PAGEWIRE_BIN'] = BIN));
    await assert.rejects(startDaemon({ root }), /ENOENT \(set PAGEWIRE_BIN to the daemon, or /);
  });
});
