/** Errors of programs in JavaScript, whose values are not what the types require. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LiveFilters, connect, run, type Client, type Plugin } from 'pagewire';
import { Daemon, Events, within } from './support.js';

const handler = () => undefined;
const filter = '/x';

test('an invalid declaration is refused with the name of the option, and the one that was meant', async () => {
  const declarations: [object, string][] = [
    [
      { name: 'p', onMesage: {} },
      'plugin `p`: the plugin has an unknown option `onMesage` (did you mean `onMessage`?)',
    ],
    [
      { name: 'p', server_start: handler },
      'plugin `p`: the plugin has an unknown option `server_start` (did you mean `serverStart`?)',
    ],
    [{ name: 7 }, '`name` of the plugin must be a string, not 7'],
    [{}, '`name` of the plugin must be a string, not undefined'],
    [
      { name: 'p', serve: handler },
      'plugin `p`: `serve` of the plugin must be an object, not a function',
    ],
    [
      { name: 'p', serve: { filtr: '/', handler } },
      'plugin `p`: serve has an unknown option `filtr` (did you mean `filter`?)',
    ],
    [
      { name: 'p', serve: { handler } },
      'plugin `p`: serve has no filter (use { all: true } to match everything)',
    ],
    [
      { name: 'p', serve: { filter } },
      'plugin `p`: `handler` of serve must be a function, not undefined',
    ],
    [
      { name: 'p', serve: { filter, handler: 42 } },
      'plugin `p`: `handler` of serve must be a function, not 42',
    ],
    [
      { name: 'p', serve: { filter, handler, phase: 'last' } },
      'plugin `p`: `phase` of serve must be "first" or "before_files" or "after_files", not "last"',
    ],
    [
      { name: 'p', serve: { filter: { regex: /x/ }, handler } },
      'plugin `p`: `regex` of `filter` of serve must be a string or an array of strings, not a RegExp',
    ],
    [
      { name: 'p', serve: { filter: /a\/.*\.css$/i, handler } },
      "plugin `p`: `filter` of serve is a RegExp (use { regex: '(?i)a/.*\\\\.css$' }, in RE2 syntax)",
    ],
    [
      { name: 'p', serve: { filter: [], handler } },
      'plugin `p`: `filter` of serve is empty, so it would never be called (use { all: true } to match everything, or LiveFilters to add filters later)',
    ],
    [
      { name: 'p', serve: { filter: ['/x?v=1'], handler } },
      'plugin `p`: `path` of `filter` of serve has a query, which no path has: "/x?v=1" (use "/x", and the handler\'s `query`)',
    ],
    [
      { name: 'p', transform: { filter: [{ mimes: 'text/css' }], handler } },
      'plugin `p`: `filter` of transform has an unknown option `mimes` (did you mean `mime`?)',
    ],
    [
      { name: 'p', resolveImport: { filter, handler, callTimeoutMs: '5s' } },
      'plugin `p`: `callTimeoutMs` of resolveImport must be a number, not "5s"',
    ],
    [
      { name: 'p', onMessage: { say: 'hi' } },
      'plugin `p`: `say` of onMessage must be a function, not "hi"',
    ],
    [
      { name: 'p', onMessage: { a: handler }, onRequest: { a: handler } },
      'plugin `p`: message `a` has two handlers (keep onMessage or onRequest)',
    ],
  ];
  for (const [declaration, message] of declarations) {
    await assert.rejects(run(declaration as Plugin), { kind: 'plugin', message });
  }
});

test('an instance of a class may have fields of its own', async () => {
  class Mine {
    readonly name = 'Not valid';
    readonly cache = new Map();
    serverStart() {
      this.cache.clear();
    }
  }
  // The first error is that of the connection.
  await assert.rejects(run(new Mine(), { endpoint: '127.0.0.1:1' }), { kind: 'connect' });
});

test('an unknown or invalid option of any other call is refused by name', async () => {
  const calls: [() => unknown, RegExp][] = [
    [
      () => run({ name: 'p' }, { singal: 1 } as never),
      /^run has an unknown option `singal` \(did you mean `signal`\?\)$/,
    ],
    [
      () => run({ name: 'p' }, { logger: true } as never),
      /^`logger` of run must be false or an object with .*, not true$/,
    ],
    [
      () => connect({ port: 8001 } as never),
      /^connect has an unknown option `port` \(its options are endpoint, token, /,
    ],
    [
      () => new LiveFilters().set({ prefx: '/x' } as never),
      /^the filter has an unknown option `prefx` \(did you mean `prefix`/,
    ],
  ];
  for (const [call, message] of calls) {
    await assert.rejects(async () => await call(), { name: 'TypeError', message });
  }
});

describe('with a daemon', () => {
  let daemon: Daemon;
  let client: Client;
  before(async () => {
    daemon = await Daemon.start();
    client = await connect({ endpoint: daemon.control });
  });
  after(async () => {
    client.close();
    await daemon.stop();
    daemon.removeFolders();
  });

  test('an invalid argument of a client is refused by name', async () => {
    const all = { all: true } as const;
    const calls: [() => unknown, RegExp][] = [
      // A whole socket would select all pages whose URL its own matches.
      [
        () => client.send({ socketId: 's', url: 'http://x/' } as never, {}),
        /^the target has an unknown option `socketId`/,
      ],
      [
        () => client.send(all, {}, { deadline: 5 } as never),
        /^the call .* `deadline` \(did you mean `deadlineMs`\?\)$/,
      ],
      [
        () => client.sendImport(all, '/x.js' as never),
        /^the import must be an object \{ path \} or \{ code \}, not "\/x.js"$/,
      ],
      [
        () => client.importValue(all, '/x.js' as never),
        /^the import must be an object \{ path \} or \{ code \}, not "\/x.js"$/,
      ],
      [() => client.importValue(all, {} as never), /^the import has no `path` and no `code`/],
      [
        () => client.consoleLog(all, 'warning' as never, 'x'),
        /^`level` of the call must be "log" or "debug" or "info" or "warn" or "error", not "warning"$/,
      ],
      [
        () => client.consoleLog(all, 'warn', undefined as never),
        /^`text` of the call must be a string, not undefined$/,
      ],
      [() => client.sendText(all, 7 as never), /^`text` of the call must be a string, not 7$/],
      [
        () => client.sendBinary(all, 'x' as never),
        /^`bytes` of the call must be a Uint8Array, not "x"$/,
      ],
      [() => client.navigate(all, undefined as never), /^`url` of the call must be a string/],
      [
        () => client.closeSockets(all, -1),
        /^`closeCode` of the call must be a whole number from 0 to 4294967295, not -1$/,
      ],
      [
        () => client.subscribe({ maxQueue: 0.5 }),
        /^`maxQueue` of subscribe must be a whole number .*, not 0.5$/,
      ],
      [
        () => client.invalidate({ files: '/x' } as never),
        /^invalidate .* `files` \(did you mean `file`\?\)$/,
      ],
      [
        () => client.subscribe({ message: true } as never),
        /^subscribe .* `message` \(did you mean `messages`\?\)$/,
      ],
      [
        () => client.sockets({ userAgent: 1 } as never),
        /^`userAgent` of the filter of sockets must be a string, not 1$/,
      ],
    ];
    for (const [call, message] of calls) {
      await assert.rejects(async () => await call(), { name: 'TypeError', message });
    }
  });

  test('an invalid result is a failure that names the handler and the option', async () => {
    daemon.site.write('a.css', '');
    daemon.site.write('a.js', 'import "a";');
    let result: unknown;
    const handler = () => result as undefined;
    const log = new Events<string>();
    const logger = { info: log.tell, warn: log.tell, error: log.tell };
    const ending = new AbortController();
    const plugin: Plugin = {
      name: 'wrong',
      serve: { filter: '/x', handler },
      transform: { filter: '/a.css', handler },
      resolveImport: { filter: '/a.js', handler },
    };
    const running = run(plugin, { endpoint: daemon.control, signal: ending.signal, logger });
    await log.next('the connection');
    const results: [string, unknown, string][] = [
      [
        '/x',
        42,
        'the result of the serve handler must be a string, a Uint8Array, an object or nothing, not 42',
      ],
      [
        '/x',
        new Response('hi'),
        'the result of the serve handler must be a string, a Uint8Array, an object or nothing, not a Response (return its parts, as in { body: await response.text() })',
      ],
      [
        '/a.css',
        new ArrayBuffer(1),
        'the result of the transform handler must be a string, a Uint8Array, an object or nothing, not an ArrayBuffer',
      ],
      [
        '/x',
        { body: Buffer.alloc(40 * 1024 * 1024) },
        'the result has a body of 41943040 bytes, and the limit is 16777216 (return a `file`)',
      ],
      [
        '/x',
        { body: '', status: -1 },
        '`status` of the result of the serve handler must be a whole number from 0 to 4294967295, not -1',
      ],
      [
        '/x',
        { bdy: 'x' },
        'the result of the serve handler has an unknown option `bdy` (did you mean `body`?)',
      ],
      [
        '/x',
        { body: new ArrayBuffer(1) },
        '`body` of the result of the serve handler must be a string or a Uint8Array, not an ArrayBuffer',
      ],
      [
        '/x',
        { contentType: 'html' },
        'the result of the serve handler has no `body` and no `file` (add one, or return nothing to skip the request)',
      ],
      [
        '/x',
        { body: '', type: 'html', contentType: 'html' },
        'the result of the serve handler has `contentType` and its old name `type` (remove `type`)',
      ],
      [
        '/x',
        { body: '', typ: 'html' },
        'the result of the serve handler has an unknown option `typ` (its options are body, file, contentType, status, headers, remember, verbatim, dependsOn)',
      ],
      [
        '/a.css',
        { type: 'css', contentType: 'css' },
        'the result of the transform handler has `contentType` and its old name `type` (remove `type`)',
      ],
      ['/x', { skip: false }, '`skip` of the result of the serve handler must be true, not false'],
      [
        '/x',
        { body: '', headers: { age: 1 } },
        'header `age` in the result of the serve handler must be a string or an array of strings, not 1',
      ],
      [
        '/x',
        { body: '', headers: new Headers() },
        '`headers` of the result of the serve handler must be a plain object, not a Headers',
      ],
      [
        '/a.css',
        true,
        'the result of the transform handler must be a string, a Uint8Array, an object or nothing, not true',
      ],
      [
        '/a.css',
        { dependsOn: '/x' },
        '`dependsOn` of the result of the transform handler must be an array of strings, not "/x"',
      ],
      [
        '/a.js',
        42,
        'the result of the resolveImport handler must be an array, an object or nothing, not 42',
      ],
      [
        '/a.js',
        [1],
        'a specifier in the result of the resolveImport handler must be a string, null or undefined, not 1',
      ],
      [
        '/a.js',
        [],
        'the result of the resolveImport handler has 0 specifiers for 1 imports (return one for each, undefined for those left to the next plugin)',
      ],
    ];
    const whats: Record<string, string> = {
      '/x': 'serve',
      '/a.css': 'transform',
      '/a.js': 'import resolution',
    };
    for (const [path, returned, message] of results) {
      result = returned;
      assert.equal((await daemon.get(path)).status, 500);
      assert.equal(await log.next('the failure'), `${whats[path]} of ${path} failed: ${message}`);
    }
    ending.abort();
    await within('the end of run', running);
  });
});
