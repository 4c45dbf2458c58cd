/** Modules in a real page: npm packages resolved as Node resolves them, and module preload hints. */

import assert from 'node:assert/strict';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { claim, until } from './harness.js';

const PACKAGES = fileURLToPath(new URL('../node_modules/', import.meta.url));

const page = (body) => `<!doctype html><html><head><link rel="icon" href="data:,"></head><body>${body}</body></html>\n`;

/** A site with real npm packages. */
async function install(site, ...names) {
  for (const name of names) {
    await cp(path.join(PACKAGES, name), path.join(site, 'node_modules', name), { recursive: true });
  }
}

/** The value of an expression in the page once it is truthy. */
const value = async (tab, what, expression) =>
  (await until(what, tab.page.waitForFunction(expression))).jsonValue();

const failures = (tab) => tab.console.entries.filter(({ type }) => type === 'error' || type === 'pageerror');

const LIT = ['lit', 'lit-html', 'lit-element', '@lit/reactive-element', '@lit-labs/ssr-dom-shim'];

claim('lit, three, preact and nanoid run as npm installed them', async (world) => {
  const site = await world.site({
    'index.html': page('<my-element></my-element><div id="preact"></div><script type="module" src="/src/main.js"></script>'),
    'src/main.js': `
      import { LitElement, html } from 'lit';
      import { customElement } from 'lit/decorators.js';
      import * as THREE from 'three';
      import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
      import { h, render } from 'preact';
      import { useState } from 'preact/hooks';
      import { nanoid } from 'nanoid';
      class MyElement extends LitElement {
        render() { return html\`<p>\${'lit'} \${new THREE.Vector3(3, 4, 0).length()}</p>\`; }
      }
      customElement('my-element')(MyElement);
      const App = () => { const [n] = useState(7); return h('b', null, 'preact ' + n); };
      render(h(App), document.querySelector('#preact'));
      const controls = new OrbitControls(new THREE.PerspectiveCamera(), document.body);
      // One instance of three, although several modules import it.
      globalThis.same = controls.object instanceof THREE.Object3D;
      globalThis.id = nanoid();
    `,
  });
  await install(site, ...LIT, 'three', 'preact', 'nanoid');
  const daemon = await world.daemon({ site, args: ['--node-resolve', '--inject', 'always'] });
  const tab = await world.page(daemon, '/');
  const id = await value(tab, 'the module to run', 'globalThis.id');
  assert.equal(id.length, 21);
  assert.equal(await tab.evaluate(() => globalThis.same), true);
  const text = await value(tab, 'lit', 'document.querySelector("my-element")?.shadowRoot?.textContent?.trim()');
  assert.equal(text, 'lit 5');
  assert.equal(await tab.evaluate(() => document.querySelector('#preact').textContent), 'preact 7');
  assert.deepEqual(failures(tab), []);
  assert.deepEqual(daemon.stderr.entries.filter((line) => line.includes('WARN')), []);
  const [plugin] = await daemon.rows('plugins');
  assert.equal(plugin.plugin_name, 'node-resolve');
});

claim('resolves a linked workspace, a package of the site itself and a path of tsconfig', async (world) => {
  const site = await world.site({
    'index.html': page('<script type="module">import { all } from "site/src/all.js"; globalThis.all = all;</script>'),
    'package.json': '{ "name": "site", "exports": { "./src/*": "./src/*" }, "imports": { "#inner": "./src/inner.js" } }',
    'tsconfig.json': '{ "compilerOptions": { "allowJs": true, "paths": { "@app/*": ["./src/*"] } } }',
    'src/all.js': 'import a from "#inner"; import b from "shared"; import c from "@app/other"; import d from "./folder"; export const all = [a, b, c, d].join(" ");',
    'src/inner.js': 'export default "imports";',
    'src/other.js': 'export default "paths";',
    'src/folder/index.js': 'export default "folder";',
    'packages/shared/package.json': '{ "name": "shared", "type": "module", "exports": { "browser": "./browser.js", "default": "./node.js" } }',
    'packages/shared/browser.js': 'import "./side.js"; export default "workspace";',
    'packages/shared/side.js': 'globalThis.sides = (globalThis.sides ?? 0) + 1;',
  });
  await mkdir(path.join(site, 'node_modules'));
  await symlink('../packages/shared', path.join(site, 'node_modules/shared'));
  const daemon = await world.daemon({ site, args: ['--node-resolve', '--inject', 'always'] });
  const tab = await world.page(daemon, '/');
  assert.equal(await value(tab, 'the modules to run', 'globalThis.all'), 'imports workspace paths folder');
  assert.equal(await tab.evaluate(() => globalThis.sides), 1);
  assert.deepEqual(failures(tab), []);
});

claim('a missing package is reported with its location, and found once it is installed', async (world) => {
  const site = await world.site({
    'index.html': page('<script type="module" src="/main.js"></script>'),
    'main.js': 'const first = 1;\nimport { h } from "preact";\nglobalThis.made = typeof h;',
  });
  const daemon = await world.daemon({ site, args: ['--node-resolve', '--inject', 'always'] });
  const tab = await world.page(daemon, '/');
  await daemon.unlessItExits('the report', daemon.stderr.first('the report', (line) => line.includes('main.js:2:20') && line.includes('preact')));
  await tab.console.first('the error of the browser', ({ text }) => text.includes('preact'));
  await install(site, 'preact');
  await tab.page.reload();
  assert.equal(await value(tab, 'the module to run', 'globalThis.made'), 'function');
  await rm(path.join(site, 'node_modules'), { recursive: true });
});

claim('a chain of imports is requested at once instead of level by level', async (world) => {
  const DEPTH = 40;
  const files = { 'index.html': page('<script type="module" src="/m0.js"></script>') };
  for (let at = 0; at < DEPTH; at += 1) {
    files[`m${at}.js`] = at + 1 < DEPTH ? `import './m${at + 1}.js';` : 'globalThis.last = true;';
  }
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args: ['--inject', 'always'] });
  // A page waits only briefly for its hints; hints found later are in the next response.
  const allHints = async () => {
    const text = await (await fetch(daemon.origin, { headers: { accept: 'text/html' } })).text();
    return text.split('modulepreload').length === DEPTH ? text : allHints();
  };
  await until('hints for all modules', allHints());
  const tab = await world.page(daemon, '/');
  await value(tab, 'the last module to run', 'globalThis.last');
  const { first, starts } = await tab.evaluate(() => {
    const fetches = performance.getEntriesByType('resource').filter(({ name }) => /\/m\d+\.js$/.test(name));
    return {
      first: Math.min(...fetches.map(({ responseEnd }) => responseEnd)),
      starts: fetches.map(({ startTime }) => startTime),
    };
  });
  assert.equal(starts.length, DEPTH, 'each module is fetched once');
  const early = starts.filter((start) => start <= first).length;
  assert.ok(early > DEPTH / 2, `${early} of ${DEPTH} were requested before the first response ended`);
  assert.deepEqual(failures(tab), []);
});

claim('a changed module reloads the page that has a preload hint for it', async (world) => {
  const site = await world.site({
    'index.html': page('<script type="module" src="/a.js"></script>'),
    'a.js': 'import { b } from "./b.js"; globalThis.b = b;',
    'b.js': 'export const b = 1;',
  });
  const daemon = await world.daemon({ site, args: ['--watch'] });
  const tab = await world.page(daemon, '/');
  assert.equal(await value(tab, 'the module', 'globalThis.b'), 1);
  await writeFile(path.join(site, 'b.js'), 'export const b = 2;');
  assert.equal(await value(tab, 'the new module', 'globalThis.b === 2 && 2'), 2);
});
