/**
 * Packages that are missing, broken, or contradictory: the page and the log say what is wrong and where, and
 * everything else works.
 */

import assert from 'node:assert/strict';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claim, until } from '../browser/harness.js';

const page = (script) =>
  `<!doctype html><html><head><title>site</title><link rel="icon" href="data:,"></head><body><script type="module">${script}</script></body></html>\n`;

/** The files of a package: its `package.json` and its modules. */
const pack = (folder, manifest, files) => ({
  [`${folder}/package.json`]: JSON.stringify({ name: path.basename(folder), version: '1.0.0', ...manifest }),
  ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text])),
});

/** A daemon that resolves packages, and a tab of its page. */
async function open(world, files, ...args) {
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args: ['--node-resolve', '--inject', 'always', ...args] });
  return { site, daemon, tab: await world.page(daemon, '/') };
}

/** The value of an expression once it is truthy. */
const value = async (tab, expression) => (await until(expression, tab.page.waitForFunction(expression))).jsonValue();

/** The first log line that contains all of these texts. */
const logs = (daemon, ...texts) => daemon.unlessItExits(`the log line about ${texts.join(', ')}`,
  daemon.stderr.first(`a log line with ${texts.join(', ')}`, (line) => texts.every((text) => line.includes(text))));

/** Resolves once the page's layer, which is in a closed shadow root, or its console contains all of these texts. */
async function shows(tab, ...texts) {
  const protocol = await tab.page.context().newCDPSession(tab.page);
  await protocol.send('DOM.enable');
  const has = (text) => texts.every((each) => text.includes(each));
  const inConsole = tab.console.first(`an error with ${texts.join(', ')}`, ({ type, text }) => type !== 'log' && has(text));
  inConsole.catch(() => {});
  const inPage = async () => {
    const { nodes } = await protocol.send('DOM.getFlattenedDocument', { depth: -1, pierce: true });
    if (has(nodes.map(({ nodeValue }) => nodeValue).join(' '))) return;
    await tab.page.waitForFunction(() => new Promise((resolve) => { requestAnimationFrame(() => resolve(true)); }));
    await inPage();
  };
  await until(`the page to show ${texts.join(', ')}`, Promise.race([inConsole, inPage()]));
}

claim('a package that is not installed is named with the place of its import, in the log and in the page', async (world) => {
  const { daemon, tab } = await open(world, {
    'index.html': page('import "./main.js";'),
    'main.js': 'const first = 1;\nimport { h } from "not-installed/part";\n',
  });
  await logs(daemon, 'main.js:2:20', 'not-installed/part', 'npm install not-installed');
  await shows(tab, 'not-installed/part');
});

claim('a dependency of a package that is not installed is reported at the package', async (world) => {
  const { daemon } = await open(world, {
    'index.html': page('import "outer";'),
    ...pack('node_modules/outer', { type: 'module', main: 'index.js' }, { 'index.js': 'import "inner";' }),
  });
  await logs(daemon, 'node_modules/outer/index.js:1:9', 'inner', 'npm install inner');
});

claim('a part that a package does not export is reported with the package', async (world) => {
  const { daemon } = await open(world, {
    'index.html': page('import "closed/inner.js";'),
    ...pack('node_modules/closed', { type: 'module', exports: { '.': './index.js' } }, { 'index.js': '', 'inner.js': '' }),
  });
  await logs(daemon, 'index.html', 'closed/inner.js', 'exports');
});

for (const [kind, type, version, dependent] of [
  ['ES modules', 'module', (n) => `export const version = ${n}; globalThis.instances = (globalThis.instances ?? 0) + 1;`,
    'export { version } from "shared";'],
  ['CommonJS modules', 'commonjs', (n) => `exports.version = ${n}; globalThis.instances = (globalThis.instances ?? 0) + 1;`,
    'exports.version = require("shared").version;'],
]) {
  claim(`two versions of a package of ${kind} are two modules, and each importer gets its own`, async (world) => {
    const { tab } = await open(world, {
      'index.html': page('import { version } from "shared"; import { version as a } from "a"; import { version as b } from "b"; globalThis.versions = [version, a, b].join();'),
      ...pack('node_modules/shared', { type }, { 'index.js': version(1) }),
      ...pack('node_modules/a', { type }, { 'index.js': dependent }),
      ...pack('node_modules/b', { type }, { 'index.js': dependent }),
      ...pack('node_modules/b/node_modules/shared', { type, version: '2.0.0' }, { 'index.js': version(2) }),
    });
    assert.equal(await value(tab, 'globalThis.versions'), '1,1,2');
    assert.equal(await tab.evaluate(() => globalThis.instances), 2);
  });
}

claim('a broken package.json is named with the place of its error, other packages work, and so does it once it is mended', async (world) => {
  const { site, daemon, tab } = await open(world, {
    'index.html': page('import("broken").then(({ default: text }) => { globalThis.broken = text; }); import { whole } from "whole"; globalThis.whole = whole;'),
    'node_modules/broken/package.json': '{\n  "name": "broken",\n  "main": \n}\n',
    'node_modules/broken/index.js': 'export default "mended";',
    ...pack('node_modules/whole', { type: 'module' }, { 'index.js': 'export const whole = "whole";' }),
  });
  assert.equal(await value(tab, 'globalThis.whole'), 'whole');
  await logs(daemon, 'broken/package.json', '4');
  const manifest = path.join(site, 'node_modules/broken/package.json');
  await writeFile(`${manifest}~`, '{ "name": "broken", "type": "module", "main": "index.js" }');
  await rename(`${manifest}~`, manifest);
  await tab.page.reload();
  assert.equal(await value(tab, 'globalThis.broken'), 'mended');
});

claim('a package.json that is not an object breaks only its package', async (world) => {
  for (const text of ['', '[]', 'null', '"text"', '\0', '{ "name": 5, "exports": 7, "main": {}, "browser": [] }']) {
    const { tab } = await open(world, {
      'index.html': page('import("broken").catch(() => {}); import { whole } from "whole"; globalThis.whole = whole;'),
      'node_modules/broken/package.json': text,
      'node_modules/broken/index.js': '',
      ...pack('node_modules/whole', { type: 'module' }, { 'index.js': 'export const whole = "whole";' }),
    });
    assert.equal(await value(tab, 'globalThis.whole'), 'whole', text);
  }
});

claim('links in node_modules that form a circle do no harm', async (world) => {
  const site = await world.site({
    'index.html': page('import("endless").catch(() => {}); import("self/self/self/a").then(({ a }) => { globalThis.self = a; }); import { a } from "a"; globalThis.a = a;'),
    'style.css': '',
    // As pnpm links packages that depend on each other.
    ...pack('node_modules/.store/a', { type: 'module' }, { 'index.js': 'import { b } from "b"; globalThis.instances = (globalThis.instances ?? 0) + 1; export const a = "a" + b();' }),
    ...pack('node_modules/.store/b', { type: 'module' }, { 'index.js': 'import * as all from "a"; export const b = () => "b" + typeof all;' }),
  });
  const modules = path.join(site, 'node_modules');
  await mkdir(path.join(modules, '.store/a/node_modules'));
  await mkdir(path.join(modules, '.store/b/node_modules'));
  await symlink('../../b', path.join(modules, '.store/a/node_modules/b'));
  await symlink('../../a', path.join(modules, '.store/b/node_modules/a'));
  await symlink('.store/a', path.join(modules, 'a'));
  await symlink('endless', path.join(modules, 'endless'));
  await symlink('../node_modules', path.join(modules, 'self'));
  const daemon = await world.daemon({ site, args: ['--node-resolve', '--watch'] });
  const tab = await world.page(daemon, '/');
  assert.equal(await value(tab, 'globalThis.a'), 'abobject');
  assert.equal(await value(tab, 'globalThis.self'), 'abobject');
  assert.equal(await tab.evaluate(() => globalThis.instances), 1);
  await logs(daemon, 'endless');
});

claim('modules that require each other get what is exported so far', async (world) => {
  const { tab } = await open(world, {
    'index.html': page('import { b } from "circle"; globalThis.b = b;'),
    ...pack('node_modules/circle', {}, {
      'index.js': 'exports.early = "early"; exports.b = require("./b.js"); exports.late = "late";',
      'b.js': 'const index = require("./index.js"); module.exports = [index.early, typeof index.late, require("./c.json").c].join();',
      'c.json': '{ "c": 4 }',
    }),
  });
  assert.equal(await value(tab, 'globalThis.b'), 'early,undefined,4');
});

claim('a file with import or export is an ES module, although it also knows module.exports', async (world) => {
  const { tab } = await open(world, {
    'index.html': page('import both, { named } from "both"; globalThis.both = both + named;'),
    ...pack('node_modules/both', {}, {
      'index.js': 'const value = "value"; if (typeof module === "object") module.exports = "wrong"; export default value; export const named = 1;',
    }),
  });
  assert.equal(await value(tab, 'globalThis.both'), 'value1');
});

claim('a file that assigns module.exports and has exports of an ES module is named', async (world) => {
  const { daemon, tab } = await open(world, {
    'index.html': page('import { named } from "both"; globalThis.named = named;'),
    ...pack('node_modules/both', {}, { 'index.js': 'module.exports = { other: 1 };\nexport const named = 1;\n' }),
  });
  await tab.console.first('the error of the browser', ({ text }) => text.includes('module is not defined'));
  await logs(daemon, 'both/index.js', 'module.exports');
});

for (const [kind, type, text] of [
  ['an ES module', 'module', 'export const first = 1; export default 2; export { first as second };'],
  ['a CommonJS module', 'commonjs', 'exports.first = 1; exports.second = 2;'],
]) {
  claim(`an import of a name that ${kind} does not export is reported with the package, the file and the names that exist`, async (world) => {
    const { tab } = await open(world, {
      'index.html': page('import "./main.js";'),
      'main.js': 'import { nothing } from "real";\nglobalThis.nothing = nothing;\n',
      ...pack('node_modules/real', { type, main: 'lib/main.js' }, { 'lib/main.js': text }),
    });
    await shows(tab, 'nothing', 'real', 'lib/main.js', 'first', 'second');
  });
}

claim('a module that requires a module of Node, or by a computed name, is named with the place and the remedy', async (world) => {
  const { tab } = await open(world, {
    'index.html': page('import("uses-fs").then(({ default: read }) => read()); import("computed").then(({ default: load }) => load("x"));'),
    ...pack('node_modules/uses-fs', {}, { 'index.js': 'const fs = require("fs");\nmodule.exports = () => fs.readFileSync("a");\n' }),
    ...pack('node_modules/computed', {}, { 'index.js': 'module.exports = (name) => require("./" + name);\n' }),
  });
  await shows(tab, 'uses-fs/index.js', '"fs"');
  await shows(tab, 'computed/index.js', 'require');
});

claim('one instance of a package that has an ES module and a CommonJS module exists', async (world) => {
  const { tab } = await open(world, {
    'index.html': page('import { state } from "dual"; import { stateOfRequire } from "requires-dual"; globalThis.same = state === stateOfRequire ? "same" : "two";'),
    ...pack('node_modules/dual', { exports: { '.': { import: './index.mjs', require: './index.cjs' } } }, {
      'index.mjs': 'export const state = {};', 'index.cjs': 'exports.state = {};',
    }),
    ...pack('node_modules/requires-dual', {}, { 'index.js': 'exports.stateOfRequire = require("dual").state;' }),
  });
  assert.equal(await value(tab, 'globalThis.same'), 'same');
});

claim('nothing of the environment but NODE_ENV reaches a page, and only packages get that', async (world) => {
  const { tab } = await open(world, {
    'index.html': page('import mode from "reads"; import "./own.js"; globalThis.seen = mode + " " + globalThis.own;'),
    'own.js': 'globalThis.own = typeof process;',
    ...pack('node_modules/reads', {}, { 'index.js': 'const home = typeof process === "object" ? process.env.HOME : undefined;\nmodule.exports = process.env.NODE_ENV + " " + home;' }),
  });
  assert.equal(await value(tab, 'globalThis.seen'), 'development undefined undefined');
});
