/** Modules of a page that import JSON, stylesheets, assets and files with a query, as bundlers let them. */

import assert from 'node:assert/strict';
import { claim, claimInFirefox, until } from './harness.js';
import { color, holds, isSame, open, page, square, start } from './harness/watch.js';

const main = (body = '') => page('assets', body, '<script type="module" src="main.js"></script>');

const failures = (tab) => tab.console.entries.filter(({ type }) => type === 'error' || type === 'pageerror');

const EVERYTHING = {
  'index.html': main('<p id="nested"></p>'),
  'main.js': `
    import data, { name, class as reserved } from './data.json';
    import list from 'shared/list.json';
    import same from './data.json?again';
    import attribute from './attribute.json' with { type: 'json' };
    import './first.css';
    import './second.css';
    import './first.css';
    import 'shared/style.css';
    import sheet from './sheet.css' with { type: 'css' };
    import raw from './code.js?raw';
    import code from './code.js';
    import url from './code.js?url';
    import logo from './img/logo.svg';
    import Counter from './counter.js?worker';
    const measured = getComputedStyle(document.querySelector('h1'));
    const worker = await new Promise((resolve) => {
      new Counter({ name: 'counter' }).onmessage = ({ data }) => resolve(data);
    });
    const fetched = await (await fetch('./data.json')).json();
    globalThis.found = {
      data, name, reserved, list, raw, code, url, logo, worker, fetched, attribute,
      same: same !== data && same.name === data.name,
      // Styles apply once the import has ended, in the order of the imports.
      color: measured.color, margin: measured.marginTop, width: measured.width,
      sheet: sheet instanceof CSSStyleSheet,
      relative: new URL('./img/logo.svg', import.meta.url).pathname,
      links: document.querySelectorAll('link[rel=stylesheet]').length,
      shown: (await (await fetch(logo)).text()).startsWith('<svg'),
      dynamic: (await import('./late.json')).default,
    };
  `,
  'data.json': '{ "name": "data", "class": 1, "b-c": 2 }',
  'late.json': '"late"',
  'attribute.json': '"attribute"',
  'first.css': '@import "imported.css"; h1 { color: rgb(1, 0, 0); margin-top: 1px } #nested { background: url(img/logo.svg) }',
  'imported.css': 'h1 { width: 7px }',
  'second.css': 'h1 { color: rgb(2, 0, 0) }',
  'sheet.css': 'h1 { margin-top: 9px }',
  'code.js': 'export default "code";',
  'img/logo.svg': square('red'),
  'counter.js': `
    import './first.css';
    import data from './data.json';
    import raw from './code.js?raw';
    postMessage([self.name, data.name, raw]);
  `,
  'node_modules/shared/package.json': '{ "name": "shared" }',
  'node_modules/shared/list.json': '[1, 2]',
  'node_modules/shared/style.css': 'h1 { margin-top: 3px }',
};

const expected = (base) => ({
  data: { name: 'data', class: 1, 'b-c': 2 },
  name: 'data',
  reserved: 1,
  list: [1, 2],
  raw: 'export default "code";',
  code: 'code',
  url: `${base}/code.js`,
  logo: `${base}/img/logo.svg`,
  worker: ['counter', 'data', 'export default "code";'],
  fetched: { name: 'data', class: 1, 'b-c': 2 },
  attribute: 'attribute',
  same: true,
  color: 'rgb(2, 0, 0)',
  margin: '3px',
  width: '7px',
  sheet: true,
  relative: `${base}/img/logo.svg`,
  links: 3,
  shown: true,
  dynamic: 'late',
});

/** Serves a page that imports everything. */
const everything = async (world, base) => {
  const site = await world.site(EVERYTHING);
  return world.daemon({ site, args: ['--node-resolve', '--inject', 'always', '--base-path', base || '/'] });
};

for (const base of ['', '/app']) {
  claim(`modules import JSON, stylesheets, assets and sources, ${base ? 'below a base path' : 'at the root'}`, async (world) => {
    const daemon = await everything(world, base);
    const tab = await world.page(daemon, `${base}/`);
    for (const visit of ['the first', 'the second']) {
      await holds(tab, 'the imports', 'globalThis.found');
      assert.deepEqual(await tab.evaluate(() => globalThis.found), expected(base), visit);
      await tab.after(() => tab.page.reload());
    }
    assert.deepEqual(failures(tab), []);
  });
}

claimInFirefox('modules import JSON, stylesheets and sources', async (world) => {
  const site = await world.site({
    'index.html': main(),
    'main.js': `
      import data, { name } from './data.json';
      import './first.css';
      import raw from './code.js?raw';
      import logo from './img/logo.svg';
      globalThis.found = [data.class, name, raw, logo, getComputedStyle(document.querySelector('h1')).width];
    `,
    ...Object.fromEntries(['data.json', 'first.css', 'imported.css', 'code.js', 'img/logo.svg'].map((name) => [name, EVERYTHING[name]])),
  });
  const daemon = await world.daemon({ site, args: ['--inject', 'always'] });
  const tab = await world.firefoxTab(daemon);
  await until('the imports', tab.waitForFunction('globalThis.found'));
  assert.deepEqual(await tab.evaluate(() => globalThis.found),
    [1, 'data', 'export default "code";', '/img/logo.svg', '7px']);
});

claim('a stylesheet is applied where the policy allows those of the site, and in a document without head', async (world) => {
  const site = await world.site({
    'policy.html': '<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src \'self\'"><h1>policy</h1><script type="module" src="main.js"></script>',
    'headless.html': '<!doctype html><h1>headless</h1><script>document.head.remove()</script><script type="module" src="main.js"></script>',
    'main.js': 'import "./a.css"; globalThis.shown = getComputedStyle(document.querySelector("h1")).color;',
    'a.css': 'h1 { color: rgb(1, 2, 3) }',
  });
  const daemon = await world.daemon({ site });
  const { page: tab } = await world.page(daemon, null);
  for (const file of ['policy.html', 'headless.html']) {
    await until(file, tab.goto(`${daemon.origin}/${file}`));
    const shown = await until('the style', tab.waitForFunction('globalThis.shown'));
    assert.equal(await shown.jsonValue(), 'rgb(1, 2, 3)', file);
  }
});

const STYLES = {
  'index.html': main('<p></p>'),
  'main.js': 'import "./a.css"; import "./b.css"; globalThis.loaded = true;',
  'a.css': 'h1 { color: rgb(1, 0, 0) } p { background: url(i.svg) }',
  'b.css': '@import "inner.css"; h1 { margin: 1px }',
  'inner.css': 'h1 { width: 1px }',
  'i.svg': square('red'),
};

async function swapsStyles(save, holdsIn) {
  await holdsIn('the imports', 'globalThis.loaded && (globalThis.isSameDocument = true)');
  for (const shade of [2, 3]) {
    await save('a.css', `h1 { color: rgb(${shade}, 0, 0) } p { background: url(i.svg) }`);
    await holdsIn('the new color', color('h1', `rgb(${shade}, 0, 0)`));
  }
  await save('inner.css', 'h1 { width: 2px }');
  await holdsIn('the new width', "getComputedStyle(document.querySelector('h1')).width === '2px'");
  await save('i.svg', square('green'));
  await holdsIn('the new image', "getComputedStyle(document.querySelector('p')).backgroundImage.includes('fresh')");
  await holdsIn('one link for each stylesheet', "globalThis.isSameDocument && document.querySelectorAll('link[rel=stylesheet]').length === 2");
  // A module that no longer imports it reloads the page, which then has no such style.
  await save('main.js', 'import "./b.css"; globalThis.loaded = true;');
  await holdsIn('the page without the style', "globalThis.loaded && !globalThis.isSameDocument && document.querySelectorAll('link[rel=stylesheet]').length === 1");
}

claim('a saved stylesheet that a module imports is swapped without a reload', async (world) => {
  const { daemon, save } = await start(world, STYLES);
  const tab = await world.page(daemon, '/');
  await swapsStyles(save, (what, expression) => holds(tab, what, expression));
});

claimInFirefox('a saved stylesheet that a module imports is swapped without a reload', async (world) => {
  const { daemon, save } = await start(world, STYLES);
  const tab = await world.firefoxTab(daemon);
  await daemon.cli('wait', '--sockets', '1');
  await swapsStyles(save, (what, expression) => until(what, tab.waitForFunction(expression)));
});

for (const [how, change] of [
  ['saved', async (tab, save) => save('slow.css', 'h1 { width: 7px }')],
  ['removed', async (tab) => tab.evaluate(() => { document.head.textContent = ''; })],
]) {
  claim(`a module whose stylesheet is ${how} before it has loaded goes on`, async (world) => {
    const { daemon, save } = await start(world, {
      'index.html': main(),
      'main.js': 'import "./slow.css"; globalThis.isRunning = true;',
      'slow.css': 'h1 { width: 5px }',
    });
    const tab = await world.page(daemon, null);
    let arrive;
    const mayArrive = new Promise((resolve) => { arrive = resolve; });
    const requested = new Promise((resolve) => {
      tab.page.route((url) => url.pathname === '/slow.css' && !url.search, async (route) => {
        if (route.request().resourceType() !== 'stylesheet') return route.continue();
        resolve();
        await mayArrive;
        return route.continue();
      });
    });
    await tab.page.goto(daemon.origin, { waitUntil: 'commit' });
    await until('the stylesheet to be requested', requested);
    assert.equal(await tab.evaluate(() => globalThis.isRunning), undefined);
    await change(tab, save);
    await holds(tab, 'the module to run', 'globalThis.isRunning === true');
    arrive();
  });
}

claim('a module service worker may import a stylesheet', async (world) => {
  const { daemon } = await start(world, {
    'index.html': page('service', ''),
    'service.js': 'import "./a.css"; import data from "./data.json"; globalThis.data = data;',
    'a.css': 'h1 { width: 5px }',
    'data.json': '1',
  });
  const tab = await world.page(daemon, '/');
  const scope = await tab.evaluate(async () => {
    const registration = await navigator.serviceWorker.register('/service.js', { type: 'module' });
    return registration.scope;
  });
  assert.equal(scope, `${daemon.origin}/`);
});

claim('a saved image whose URL a module imports is swapped without a reload', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': main('<img>'),
    'main.js': 'import logo from "./logo.svg"; document.querySelector("img").src = logo;',
    'logo.svg': square('red'),
  });
  const tab = await open(world, daemon);
  await holds(tab, 'the image', "document.querySelector('img').naturalWidth === 10");
  await save('logo.svg', square('green', 20));
  await holds(tab, 'the new image', "document.querySelector('img').naturalWidth === 20");
  assert.ok(await isSame(tab));
});

for (const [file, specifier, first, second] of [
  ['data.json', './data.json', '"first"', '"second"'],
  ['code.js', './code.js?raw', 'first', 'second'],
  ['sheet.css', './sheet.css?raw', 'first', 'second'],
]) {
  claim(`a saved file that a module imports as ${specifier} reloads the page`, async (world) => {
    const { daemon, save } = await start(world, {
      'index.html': main(),
      'main.js': `import value from ${JSON.stringify(specifier)}; globalThis.value = value;`,
      [file]: first,
    });
    const tab = await open(world, daemon);
    await holds(tab, 'the first value', 'globalThis.value === "first"');
    await save(file, second);
    await holds(tab, 'the second value', 'globalThis.value === "second"');
    assert.equal(await isSame(tab), false);
  });
}

claim('invalid JSON and what only bundlers make are errors of the page that name file and reason', async (world) => {
  const site = await world.site({
    'index.html': page('errors', '', '<script type="module">import "./bad.json";</script><script type="module">import styles from "./a.module.css";</script>'),
    'bad.json': '{\n  "a": x\n}',
    'a.module.css': 'h1 {}',
  });
  const daemon = await world.daemon({ site, args: ['--inject', 'always'] });
  const tab = await world.page(daemon, '/');
  const error = (what) => tab.console.first(what, ({ type, text }) => type === 'pageerror' && text.includes(what));
  await error('/bad.json:2:8: invalid JSON: expected value');
  await error('cannot import /a.module.css: it is a CSS module');
  await daemon.unlessItExits('the log', daemon.stderr.first('the log', (line) => line.includes('bad.json:2:8: invalid JSON')));
});
