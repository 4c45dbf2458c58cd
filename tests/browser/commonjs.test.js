/** CommonJS packages in a real page: they run as in Node.js and are imported as in bundlers. */

import assert from 'node:assert/strict';
import { claim, until } from './harness.js';

const page = (script) => `<!doctype html><link rel="icon" href="data:,"><script type="module">${script}</script>\n`;

/** Files of a package, with its package.json. */
const packed = (name, files, json = {}) => Object.fromEntries([
  [`node_modules/${name}/package.json`, JSON.stringify({ name, ...json })],
  ...Object.entries(files).map(([file, text]) => [`node_modules/${name}/${file}`, text]),
]);

/** Opens a page that puts its result into `found`. Returns it, the tab and the daemon. */
async function load(world, script, files, args = []) {
  const site = await world.site({ 'index.html': page(`${script}\nglobalThis.found = found;`), ...files });
  const daemon = await world.daemon({ site, args: ['--node-resolve', '--inject', 'always', ...args] });
  const tab = await world.page(daemon, '/');
  return { site, daemon, tab };
}

/** The result of such a page, which must have logged nothing. */
async function result(world, script, files, args) {
  const { tab, daemon } = await load(world, script, files, args);
  const failed = tab.console.first('a failure', ({ type }) => type === 'pageerror').catch(() => undefined);
  const found = until('the result', tab.page.waitForFunction(() => globalThis.found)).then((handle) => handle.jsonValue());
  const first = await Promise.race([found, failed]);
  assert.ok(first?.type !== 'pageerror', JSON.stringify(first));
  assert.deepEqual(daemon.stderr.entries.filter((line) => line.includes('WARN')), []);
  return found;
}

claim('the exports of a CommonJS module are imported as default, by name and as a namespace', async (world) => {
  const found = await result(world, `
    import object, { a, b as renamed } from 'object';
    import * as namespace from 'object';
    import call, { helper } from 'call';
    import compiled, { named } from 'compiled';
    import * as inner from 'inner';
    import { hidden } from 'hidden';
    const later = await import('object');
    const found = {
      object, a, renamed, names: Object.keys(namespace), call: call(1), helper, compiled, named,
      inner: inner.one + inner.two, hidden, same: later.default === object,
    };`, {
    ...packed('object', { 'index.js': 'exports.a = 1; exports.b = { c: 2 };' }),
    ...packed('call', { 'main.js': 'module.exports = (n) => n + 1; module.exports.helper = "helps";' }, { main: 'main.js' }),
    ...packed('compiled', { 'index.js': 'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = "default"; exports.named = "named";' }),
    ...packed('inner', { 'index.js': 'module.exports = require("./lib");', 'lib/index.js': 'module.exports = { ...require("./two"), one: 1 }', 'lib/two.js': 'module.exports = { two: 2 }'  }),
    ...packed('hidden', { 'index.js': '!function (e) { e["hid" + "den"] = "found" }(exports)' }),
  });
  assert.deepEqual(found, {
    object: { a: 1, b: { c: 2 } }, a: 1, renamed: { c: 2 }, names: ['a', 'b', 'default'], call: 2, helper: 'helps',
    compiled: 'default', named: 'named', inner: 3, hidden: 'found', same: true,
  });
});

claim('modules run once, in the order of their requires, with circles and conditions as in Node.js', async (world) => {
  const found = await result(world, `
    import first from 'order';
    import second from 'order/index.js';
    import { early } from 'order/b.js';
    const found = { log: globalThis.log, same: first === second, early };`, {
    ...packed('order', {
      'index.js': `
        globalThis.log = ['index'];
        require('./polyfill');
        if (process.env.NODE_ENV === 'production') require('./production');
        if (log.length > 9) require('./never');
        module.exports = require('./a');
        log.push('end');`,
      'polyfill.js': 'log.push("polyfill")',
      'production.js': 'log.push("production")',
      'never.js': 'log.push("never")',
      'a.js': 'exports.name = "a"; const b = require("./b"); log.push("a sees " + b.name); exports.late = true;',
      'b.js': 'const a = require("./a"); exports.early = JSON.stringify(a); exports.name = "b"; log.push("b")',
    }),
  });
  assert.deepEqual(found, {
    log: ['index', 'polyfill', 'b', 'a sees b', 'end'], same: true, early: '{"name":"a"}',
  });
});

claim('what CommonJS modules find in Node.js they find in the page', async (world) => {
  const found = await result(world, `
    import found from 'finds';`, {
    ...packed('finds', {
      'index.js': `#!/usr/bin/env node
        exports.json = require('./data.json');
        exports.version = require('./package.json').version;
        exports.folder = require('./folder').name + require('./folder/');
        exports.this = this === exports && module.exports === exports;
        exports.path = __filename + ' ' + __dirname;
        exports.global = global === globalThis;
        exports.env = process.env.NODE_ENV;
        exports.process = typeof process;
        exports.extension = require('./x');
        require('./style.css');
        exports.color = getComputedStyle(document.body).color;
        exports.excluded = Object.keys(require('./node-only'));
        try { require('not-installed') } catch (error) { exports.missing = error.code }
        if (exports.json) return;
        exports.unreachable = true;`,
      'data.json': '{ "deep": [1, null, "\\u2028"] }',
      'folder/index.cjs': 'wrong',
      'folder/index.js': 'exports.name = "folder"; exports.toString = () => "!"',
      'style.css': 'body { color: rgb(1, 2, 3) }',
      'x.js': 'module.exports = "js"',
      'x.mjs': 'export default "mjs"',
      'node-only.js': 'module.exports = { fails: true }',
    }, { version: '1.2.3', browser: { './node-only.js': false } }),
  }, ['--node-env', 'test']);
  assert.deepEqual(found, {
    json: { deep: [1, null, '\u2028'] }, version: '1.2.3', folder: 'folder!', this: true,
    path: '/node_modules/finds/index.js /node_modules/finds', global: true, env: 'test', process: 'undefined',
    extension: 'js', color: 'rgb(1, 2, 3)', excluded: [], missing: 'MODULE_NOT_FOUND',
  });
});

claim('a package that is both kinds of module has one instance, also if CommonJS requires it', async (world) => {
  const dual = (name, module, common) => packed(name, {
    'index.mjs': `globalThis.loaded = [...(globalThis.loaded ?? []), '${name} module']; ${module}`,
    'index.cjs': `globalThis.loaded = [...(globalThis.loaded ?? []), '${name} common']; ${common}`,
  }, { exports: { import: './index.mjs', require: './index.cjs' } });
  const found = await result(world, `
    import { id } from 'named';
    import make from 'function';
    import compiled from 'compiled';
    import requires from 'requires';
    const found = {
      named: requires.named.id === id, function: requires.function === make,
      compiled: requires.compiled.default === compiled && requires.compiled.__esModule,
      differs: requires.differs.only, loaded: globalThis.loaded.toSorted(),
    };`, {
    ...dual('named', 'export const id = {};', 'exports.id = {};'),
    ...dual('function', 'export default () => {};', 'module.exports = () => {};'),
    ...dual('compiled', 'export default {}; export const a = 1;', 'exports.__esModule = true; exports.default = {}; exports.a = 1;'),
    ...dual('differs', 'export const other = 1;', 'exports.only = "common";'),
    ...packed('requires', {
      'index.js': 'for (const name of ["named"]) exports[name] = require("named"); exports.function = require("function"); exports.compiled = require("compiled"); exports.differs = require("differs");',
    }),
  });
  assert.deepEqual(found, {
    named: true, function: true, compiled: true, differs: 'common',
    loaded: ['compiled module', 'differs common', 'function module', 'named module'],
  });
});

claim('the value of NODE_ENV reaches packages and nothing else', async (world) => {
  const site = {
    'own.js': 'export const env = typeof process === "undefined" ? "none" : process.env.NODE_ENV;',
    ...packed('esm', {
      'index.js': 'export const env = process.env.NODE_ENV;\nexport const is = process.env.NODE_ENV !== "production" ? "dev" : "prod"; export const other = typeof process; export const place = new Error().stack.match(/index.js:(\\d+:\\d+)/)[1]; export const g = global.Math === Math;',
    }, { module: 'index.js' }),
  };
  const script = 'import * as esm from "esm"; import { env } from "./own.js"; const found = { ...esm, own: env };';
  const expected = { g: true, other: 'undefined', own: 'none' };
  const development = await result(world, script, site);
  assert.deepEqual(development, { ...expected, env: 'development', is: 'dev', place: development.place });
  const production = await result(world, script, site, ['--node-env', 'production']);
  assert.deepEqual(production, { ...expected, env: 'production', is: 'prod', place: development.place });
});

claim('a name that a package does not export is an error that names those it does', async (world) => {
  for (const text of ['exports.one = 1; exports.two = 2;', 'export * from "./two.js"; export const one = 1;']) {
    const { tab } = await load(world, 'import { one, four } from "numbers"; const found = 1;', packed('numbers', {
      'index.js': text,
      'two.js': 'export const two = 2;',
    }));
    const error = await tab.console.first('the error', ({ type }) => type === 'pageerror');
    assert.equal(error.text, 'SyntaxError: /node_modules/numbers/index.js does not provide an export named four; it exports one, two');
  }
});

claim('what cannot be loaded fails with the package, the place and a remedy', async (world) => {
  const { tab, daemon } = await load(world, 'import found from "fails";', packed('fails', {
    'index.js': `
      exports.errors = [];
      const attempt = (f) => { try { f() } catch (error) { exports.errors.push(error.message) } };
      attempt(() => { exports.fs = typeof require("fs").readFile });
      attempt(() => { const name = "./x" + 1; require(name) });
      attempt(() => missing());
      function missing() { require("absent") }`,
  }));
  const found = await (await until('the result', tab.page.waitForFunction(() => globalThis.found))).jsonValue();
  assert.equal(found.fs, 'undefined');
  const [dynamic, missing] = found.errors;
  assert.match(dynamic, /^cannot require "\.\/x1" in \/node_modules\/fails\/index\.js: only .* string literals/);
  assert.match(missing, /^\/node_modules\/fails\/index\.js:7:36: cannot require "absent": not found \(npm install absent\)$/);
  const { text } = await tab.console.first('the warning', ({ type }) => type === 'warning');
  assert.match(text, /^\/node_modules\/fails\/index\.js:4:51: node:fs is built into Node\.js .* so readFile is undefined/);
  await daemon.stderr.first('the log line', (line) => line.includes('fails/index.js:7:36: cannot resolve the import of "absent": not found (npm install absent)'));
});

claim('a file that is both kinds of module is an ES module, and the log says so', async (world) => {
  const { tab, daemon } = await load(world, 'import found from "both";', packed('both', {
    'index.js': 'export default 1;\nmodule.exports = 2;',
  }));
  await daemon.stderr.first('the log line', (line) => /both\/index\.js: assigns module\.exports although/.test(line));
  await tab.console.first('the error', ({ text }) => text === 'ReferenceError: module is not defined');
});

claim('a relative specifier with an empty segment names the same module as without', async (world) => {
  const found = await result(world, 'import found from "slashes";', packed('slashes', {
    'index.js': 'import a from ".//lib//a.js"; import b from "./lib/a.js"; export default { same: a === b };',
    'lib/a.js': 'import "../b.js"; export default {};',
    'b.js': '',
  }, { type: 'module' }));
  assert.deepEqual(found, { same: true });
});

claim('an entry for old browsers and scripts of packages run as they are meant', async (world) => {
  const found = await result(world, `
    import entry from 'typed';
    const load = (src) => new Promise((resolve, reject) => {
      document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: reject }));
    });
    await load('/node_modules/script/a.js');
    await load('/node_modules/script/a.js');
    const found = { entry: entry.name, script: globalThis.times };`, {
    ...packed('typed', {
      'umd.js': '(function (g, f) { typeof exports === "object" && typeof module !== "undefined" ? module.exports = f() : g.typed = f() })(this, function () { return { name: "umd" } })',
    }, { type: 'module', browser: 'umd.js' }),
    ...packed('script', { 'a.js': 'var root = typeof global !== "undefined" ? global : globalThis; root.times = (root.times ?? 0) + 1; function unused() { return global }' }),
  });
  assert.deepEqual(found, { entry: 'umd', script: 2 });
});
