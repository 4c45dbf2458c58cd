/** Failures of plugins, as the page, its events and its log show them. */

import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claim, claimInFirefox, TESTS, until } from './harness.js';

const page = (head, body = '') =>
  `<!doctype html>\n<html><head><meta charset="utf-8"><link rel="icon" href="data:,">${head}</head><body>${body}</body></html>\n`;
const module = (src) => `<script type="module" src="${src}"></script>`;

/** A daemon with a plugin, and a function that saves files atomically. */
async function start(world, plugin, files, { args = ['--inject', 'always'], options } = {}) {
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args });
  await world.plugin(daemon, plugin, options);
  const save = async (name, text) => {
    const draft = path.join(site, `${name}~`);
    await writeFile(draft, text);
    await rename(draft, path.join(site, name));
  };
  return { site, daemon, save };
}

/** The text of the overlay, also that in frames, by which only the browser's debugger can reach it; undefined if there is none. */
async function overlay(tab) {
  const session = await tab.page.context().newCDPSession(tab.page);
  const { root } = await session.send('DOM.getDocument', { depth: -1, pierce: true });
  await session.detach();
  const found = [];
  const visit = (node, isInside) => {
    const isLayer = isInside || node.nodeName === 'PAGEWIRE-OVERLAY';
    if (isLayer && node.nodeName === '#text') found.push(node.nodeValue);
    const inside = [node.contentDocument, ...node.shadowRoots ?? [], ...node.children ?? []];
    for (const child of inside.filter(Boolean)) visit(child, isLayer);
  };
  visit(root, false);
  return found.length > 0 ? found.join('\n') : undefined;
}

/** Waits until the page has an overlay, or has none. */
const hasOverlay = (tab, expected = true) => until(expected ? 'an overlay' : 'a page without overlay',
  tab.page.waitForFunction((is) => (document.querySelector('pagewire-overlay') !== null) === is, expected));

const NESTED = {
  'index.html': page(module('/app.ts'), 'the page'),
  'app.ts': 'import "./middle.ts";\n',
  'middle.ts': 'import { a } from "./part.ts";\nconsole.log(a);\n',
  'part.ts': '// é\nexport const a: string = ;\n',
};

claim('a nested module that a plugin failed to make is shown in the page, with plugin, place and frame', async (world) => {
  const { site, daemon } = await start(world, 'typescript', NESTED);
  const tab = await world.page(daemon);
  await hasOverlay(tab);
  const text = await overlay(tab);
  for (const part of ['plugin typescript: transform of /part.ts (500)', 'Unexpected token', `${path.join(site, 'part.ts')}:2:26`, 'export const a: string = ;']) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.equal(await tab.evaluate(() => document.querySelector('pagewire-overlay').shadowRoot), null);
});

claim('the page error of a nested module names the plugin that failed; so does that of a dynamic import', async (world) => {
  const { site, daemon } = await start(world, 'typescript', {
    ...NESTED, 'dynamic.html': page('<script type="module">import("/app.ts");</script>'),
  });
  const bystander = await world.page(daemon, '/index.html?bystander');
  const log = world.follow(daemon, 'page_error');
  await log.unlessItExits('the page was in report mode', bystander.reportMode({ console: false, errors: true }));
  for (const [location, kind] of [['/', 'resource'], ['/dynamic.html', 'unhandled_rejection']]) {
    const { socketId } = await (await world.page(daemon, location)).hello();
    const { page_error: error } = await log.first(`the page error of ${location}`,
      ({ page_error: found }) => found?.socket_id === socketId);
    assert.equal(error.kind, kind);
    const { message, location: { frame, ...place }, ...failed } = error.failed_resource;
    assert.deepEqual(failed, { plugin_name: 'typescript', hook: 'transform', url: '/part.ts', status: 500 });
    assert.match(message, /Unexpected token/);
    assert.deepEqual(place, { file: path.join(site, 'part.ts'), line: 2, column: 26 });
    assert.match(frame, /export const a: string = ;/);
  }
});

claim('a resource that is missing is not blamed on a plugin that failed for another one', async (world) => {
  const { daemon } = await start(world, 'typescript', {
    ...NESTED,
    'index.html': page('<script src="/bad.ts"></script>'),
    'bad.ts': 'let b: = 1;\n',
    'outer.js': 'import "./gone-nested.js";\n',
    'bystander.html': page(''),
  });
  const bystander = await world.page(daemon, '/bystander.html');
  const log = world.follow(daemon, 'page_error');
  await log.unlessItExits('the page was in report mode', bystander.reportMode({ console: false, errors: true }));
  const tab = await world.page(daemon);
  await hasOverlay(tab);
  const causeOf = async (what, matches, failing, argument) => {
    await tab.evaluate(failing, argument);
    const { page_error: error } = await log.first(`the page error of ${what}`,
      ({ page_error: found }) => found && matches(found));
    return error.failed_resource?.url;
  };
  const add = ([name, properties]) => {
    document.head.append(Object.assign(document.createElement(name), properties));
  };
  const names = (text) => ({ exception }) => exception.message.includes(text);
  const cases = [
    ['a classic script', names('gone.js'), add, ['script', { src: '/gone.js' }]],
    ['a stylesheet', names('gone.css'), add, ['link', { rel: 'stylesheet', href: '/gone.css' }]],
    ['a module', names('gone-module.js'), add, ['script', { type: 'module', src: '/gone-module.js' }]],
    ['a module with a missing import', names('outer.js'), add, ['script', { type: 'module', src: '/outer.js' }]],
    ['a dynamic import', names('gone-dynamic.js'), () => { import('/gone-dynamic.js'); }],
    ['an inline module', ({ exception }) => exception.url === '', add, ['script', { type: 'module', text: 'import "/gone-inline.js";' }]],
  ];
  for (const [what, matches, failing, argument] of cases) {
    assert.equal(await causeOf(what, matches, failing, argument), undefined, what);
  }
  assert.equal(await causeOf('a failed dynamic import', names('app.ts'), () => { import('/app.ts'); }), '/part.ts');
});

claim('the page error of an inline module names the plugin that failed for what it imports', async (world) => {
  const { daemon } = await start(world, 'typescript', { ...NESTED, 'inline.html': page('<script type="module">import "/app.ts";</script>') });
  const bystander = await world.page(daemon, '/index.html?bystander');
  const log = world.follow(daemon, 'page_error');
  await log.unlessItExits('the page was in report mode', bystander.reportMode({ console: false, errors: true }));
  const { socketId } = await (await world.page(daemon, '/inline.html')).hello();
  const { page_error: error } = await log.first('the page error', ({ page_error: found }) => found?.socket_id === socketId);
  assert.equal(error.failed_resource?.url, '/part.ts');
});

claim('the page error of a stylesheet names the plugin that failed for what it imports', async (world) => {
  const { daemon } = await start(world, 'sass', {
    'index.html': page('<link rel="stylesheet" href="/outer.css">'),
    'bystander.html': page(''),
    'outer.css': '@import "/style.scss";\n',
    'style.scss': 'h1 { color: $none }\n',
  }, { options: { args: [TESTS] } });
  const bystander = await world.page(daemon, '/bystander.html');
  const log = world.follow(daemon, 'page_error');
  await log.unlessItExits('the page was in report mode', bystander.reportMode({ console: false, errors: true }));
  await world.page(daemon);
  const { page_error: error } = await log.first('the page error', ({ page_error: found }) => /outer\.css/.test(found?.exception.message));
  assert.equal(error.failed_resource?.url, '/style.scss');
});

/** Imports a module in the page, and waits until observers know of it. */
const load = (tab, url) => tab.evaluate((path) => new Promise((resolve) => {
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(({ name }) => name.endsWith(path))) resolve();
  });
  observer.observe({ type: 'resource' });
  import(path).catch(() => {});
}), url);

claim('the overlay stays while a file whose URL ends like that of the failed one is loaded', async (world) => {
  const { daemon, save } = await start(world, 'typescript', { ...NESTED, 'lib/part.ts': 'export {};\n' });
  const tab = await world.page(daemon);
  await hasOverlay(tab);
  await load(tab, '/lib/part.ts');
  assert.match(await overlay(tab), /\/part\.ts/);
  await save('part.ts', 'export const a: string = "fixed";\n');
  await load(tab, '/part.ts');
  await hasOverlay(tab, false);
});

claim('a URL that fails again after it was loaded is shown again', async (world) => {
  const bad = 'let b: = 1;\n';
  const { daemon, save } = await start(world, 'typescript', { 'index.html': page(''), 'part.ts': bad });
  const tab = await world.page(daemon);
  const add = () => tab.evaluate(() => {
    document.head.append(Object.assign(document.createElement('script'), { src: '/part.ts' }));
  });
  await add();
  await hasOverlay(tab);
  await save('part.ts', 'console.log("fixed");\n');
  await add();
  await hasOverlay(tab, false);
  await save('part.ts', bad);
  await add();
  await hasOverlay(tab);
});

claim('a failure is shown after page code has replaced the content of the document', async (world) => {
  const { daemon } = await start(world, 'typescript', { ...NESTED, 'other.ts': 'let b: = 1;\n' });
  const tab = await world.page(daemon);
  await hasOverlay(tab);
  await tab.evaluate(() => { document.documentElement.innerHTML = '<body>replaced</body>'; });
  await hasOverlay(tab, false);
  await tab.evaluate(() => import('/other.ts').catch(() => {}));
  await hasOverlay(tab);
  assert.match(await overlay(tab), /\/other\.ts/);
});

claim('a failure is shown in a frame whose document is in an attribute', async (world) => {
  const document = `${module('/bad.ts')}${module('/__pagewire__/client.js')}`.replaceAll('"', '&quot;');
  const { daemon } = await start(world, 'typescript', {
    'bad.ts': 'let b: = 1;\n',
    'index.html': page('', `<iframe style="width: 600px; height: 400px" srcdoc="${document}"></iframe>`),
  });
  const tab = await world.page(daemon);
  await until('the page to load', tab.page.waitForLoadState('load'));
  const [, frame] = tab.page.frames();
  await until('an overlay', frame.waitForFunction(() => document.querySelector('pagewire-overlay') !== null));
  assert.match(await overlay(tab), /\/bad\.ts/);
});

claim('a page of another origin that may open a socket does not get the text of failures', async (world) => {
  const other = await world.daemon({ site: await world.site({ 'index.html': page('') }) });
  const { daemon } = await start(world, 'typescript', { ...NESTED, 'index.html': page('<script src="/part.ts"></script>') },
    { args: ['--inject', 'always', '--allow-origin', other.origin] });
  const own = await world.page(daemon);
  await hasOverlay(own);
  const foreign = await world.page(null, null);
  await until('the page of another origin', foreign.page.goto(other.origin));
  const answers = (tab) => tab.evaluate((origin) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/__pagewire__/socket`);
    const types = [];
    socket.onerror = () => reject(new Error('no connection'));
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'pagewire:failed', urls: [`${origin}/part.ts`] }));
      socket.send(JSON.stringify({ type: 'pagewire:unknown' })); // Answered after that.
    };
    socket.onmessage = ({ data }) => {
      const { type } = JSON.parse(data);
      types.push(type);
      if (type === 'pagewire:fault') resolve(types);
    };
  }), daemon.origin);
  assert.ok((await answers(own)).includes('pagewire:failed'));
  assert.ok(!(await answers(foreign)).includes('pagewire:failed'));
});

claim('the overlay goes away when the module is fixed, with --watch by itself and else when the page is reloaded', async (world) => {
  for (const args of [['--watch'], ['--inject', 'always']]) {
    const { daemon, save } = await start(world, 'typescript', NESTED, { args });
    const tab = await world.page(daemon);
    await hasOverlay(tab);
    const fixed = () => save('part.ts', 'export const a: string = "fixed";\n');
    await tab.after(async () => {
      await fixed();
      if (!args.includes('--watch')) await tab.page.reload();
    });
    await tab.prints('fixed');
    assert.equal(await overlay(tab), undefined);
  }
});

claim('the overlay of a stylesheet goes away when the style is swapped, without a reload', async (world) => {
  const { daemon, save } = await start(world, 'sass', {
    'index.html': page('<link rel="stylesheet" href="/style.scss">', '<h1>title</h1><input id="name">'),
    'style.scss': 'h1 { color: rgb(1, 0, 0) }\n',
  }, { args: ['--watch'], options: { args: [TESTS] } });
  const tab = await world.page(daemon);
  await until('the page to load', tab.page.waitForLoadState('load'));
  await tab.page.fill('#name', 'typed');
  assert.equal(await overlay(tab), undefined);
  await save('style.scss', 'h1 { color: $none }\n');
  await hasOverlay(tab);
  assert.match(await overlay(tab), /plugin sass: \w+ of \/style\.scss.*\n.*Undefined variable/);
  await save('style.scss', 'h1 { color: rgb(2, 0, 0) }\n');
  await hasOverlay(tab, false);
  assert.equal(await tab.page.inputValue('#name'), 'typed');
});

claim('the overlay can be closed with Escape and with its button, and other failures open it again', async (world) => {
  const { daemon } = await start(world, 'typescript', { ...NESTED, 'other.ts': 'let b: = 1;\n', 'third.ts': 'let c: = 1;\n' });
  const tab = await world.page(daemon);
  await hasOverlay(tab);
  await tab.page.keyboard.press('Escape');
  await hasOverlay(tab, false);
  await tab.evaluate(() => import('/other.ts').catch(() => {}));
  await hasOverlay(tab);
  const text = await overlay(tab);
  assert.match(text, /\/other\.ts/);
  assert.doesNotMatch(text, /\/part\.ts/);
  // The button is the only element that can get the focus.
  await tab.page.keyboard.press('Tab');
  await tab.page.keyboard.press('Enter');
  await hasOverlay(tab, false);
});

claim('page code sees neither messages of the overlay nor its content', async (world) => {
  const { daemon } = await start(world, 'typescript', {
    ...NESTED,
    'index.html': page(`<script type="module">
      import { webSocket } from '/__pagewire__/client.js';
      window.seen = [];
      webSocket.addEventListener('message', ({ data }) => seen.push(data));
    </script>${module('/app.ts')}`),
  });
  const tab = await world.page(daemon);
  await hasOverlay(tab);
  const [seen, text] = await tab.evaluate(() => [window.seen, document.documentElement.textContent]);
  assert.deepEqual(seen, []);
  assert.doesNotMatch(text, /plugin typescript/);
});

claim('there is no overlay for errors of scripts, missing files, failed fetches, images and frames without size', async (world) => {
  const { daemon } = await start(world, 'typescript', {
    'bad.ts': 'let b: = 1;\n',
    'inner.html': page(module('/bad.ts')),
    'syntax.js': 'let = ;\n',
    'index.html': page(`<script src="/syntax.js"></script><script src="/missing.js"></script>
      <script>addEventListener('error', () => { window.errors = (window.errors ?? 0) + 1; }, true);
        fetch('/bad.ts').then(({ status }) => console.log('fetched', status));</script>
      <script>throw new Error('thrown');</script>
      <script type="module">await import('/__pagewire__/client.js'); console.log('client ready');</script>`,
    '<img src="/bad.ts"><iframe hidden src="/inner.html"></iframe>'),
  });
  const tab = await world.page(daemon);
  await until('the page to load', tab.page.waitForLoadState('load'));
  await tab.prints('fetched 500');
  await tab.prints('client ready');
  // The frame has asked the daemon, and has got its answer.
  await tab.frames.first('the failure in the frame', ({ direction, message }) =>
    direction === 'received' && message.type === 'pagewire:failed');
  await tab.settled();
  assert.equal(await overlay(tab), undefined);
});

claimInFirefox('a nested module that a plugin failed to make is shown in the page', async (world) => {
  const { daemon, save } = await start(world, 'typescript', NESTED, { args: ['--watch'] });
  const tab = await world.firefoxTab(daemon);
  await until('an overlay', tab.waitForSelector('pagewire-overlay'));
  await save('part.ts', 'export const a: string = "fixed";\n');
  await until('a page without overlay', tab.waitForFunction(() => !document.querySelector('pagewire-overlay')));
});
