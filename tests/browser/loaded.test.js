/** What a page has loaded is known, whatever loaded it and whatever the page does to the browser's lists. */

import assert from 'node:assert/strict';
import { claim, claimInFirefox, until } from './harness.js';
import { color, holds, isSame, open, page, start } from './harness/watch.js';

const addText = 'document.body.append(data)';

/** Scripts that load `dep.js` in a way of which the browser's list says nothing, and show what it exports. */
const LOADERS = {
  'an audio worklet': 'const context = new OfflineAudioContext(1, 128, 44100); await context.audioWorklet.addModule("/worklet.js");'
    + `const node = new AudioWorkletNode(context, "processor"); node.port.onmessage = ({ data }) => ${addText};`
    + 'node.connect(context.destination); await context.startRendering();',
  'a shared worker': `const worker = new SharedWorker("/shared.js", { type: "module" }); worker.port.onmessage = ({ data }) => ${addText};`,
  'a module worker': `const worker = new Worker("/module.js", { type: "module" }); worker.onmessage = ({ data }) => ${addText};`,
  'a worker made of text': 'const text = `importScripts("${location.origin}/classic.js"); postMessage(globalThis.text)`;'
    + `const worker = new Worker(URL.createObjectURL(new Blob([text]))); worker.onmessage = ({ data }) => ${addText};`,
};
const LOADED = {
  'dep.js': 'export const text = "first";',
  'classic.js': 'globalThis.text = "first";',
  'worklet.js': 'import { text } from "./dep.js"; class Processor extends AudioWorkletProcessor {'
    + ' constructor(options) { super(options); this.port.postMessage(text); } process() { return false; } }'
    + ' registerProcessor("processor", Processor);',
  'shared.js': 'import { text } from "./dep.js"; onconnect = ({ ports: [port] }) => port.postMessage(text);',
  'module.js': 'import { text } from "./dep.js"; postMessage(text);',
};

for (const [name, script] of Object.entries(LOADERS)) {
  const file = name === 'a worker made of text' ? 'classic.js' : 'dep.js';
  claim(`a file that ${name} loaded reloads the page`, async (world) => {
    const user = page('user', `<script type="module">${script}</script>`);
    const { daemon, save } = await start(world, { ...LOADED, 'user.html': user, 'later.html': user });
    const other = await open(world, daemon);
    const tab = await open(world, daemon, '/user.html');
    await tab.shows('first');
    // The URL of a page may change after it started a worker.
    await tab.evaluate(() => history.pushState({}, '', '/later.html'));
    await tab.settled();
    await tab.after(() => save(file, LOADED[file].replace('first', 'second')));
    await tab.shows('second');
    if (file === 'dep.js') assert.ok(await isSame(other));
  });
}

claim('a service worker that was changed reloads the page that registered it', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('user', '<script>navigator.serviceWorker.register("/sw.js", { scope: "/none/" }).then(() => document.body.append("registered"))</script>'),
    'sw.js': 'importScripts("/part.js"); self.version = 1;', 'part.js': 'self.part = 1;',
  });
  const tab = await open(world, daemon);
  await tab.shows('registered');
  await tab.after(() => save('part.js', 'self.part = 2;'));
  await tab.shows('registered');
  await tab.after(() => save('sw.js', 'importScripts("/part.js"); self.version = 2;'));
});

const inner = '<!doctype html><link rel=stylesheet href=/a.css><p>x</p>';
const FRAMES = {
  'srcdoc.html': page('srcdoc', `<iframe srcdoc="${inner}"></iframe>`),
  'written.html': page('written', '<iframe></iframe><script>const made = document.querySelector("iframe").contentDocument;'
    + `made.open(); made.write(${JSON.stringify(inner)}); made.close();</script>`),
};
const frameColor = (value) => `(() => { const made = document.querySelector('iframe').contentDocument;
  const text = made?.querySelector('p'); return text && made.defaultView.getComputedStyle(text).color === '${value}'; })()`;

for (const name of Object.keys(FRAMES)) {
  const run = async ({ save, waitFor }) => {
    await waitFor('the first color', frameColor('rgb(1, 0, 0)'));
    await save('a.css', 'p { color: rgb(2, 0, 0) }');
    await waitFor('the new color', frameColor('rgb(2, 0, 0)'));
  };
  const files = { ...FRAMES, 'a.css': 'p { color: rgb(1, 0, 0) }' };
  claim(`a stylesheet of a frame without a document of its own is shown when it is saved (${name})`, async (world) => {
    const { daemon, save } = await start(world, files);
    const tab = await open(world, daemon, `/${name}`);
    await run({ save, waitFor: (what, expression) => holds(tab, what, expression) });
  });
  claimInFirefox(`a stylesheet of a frame without a document of its own is shown when it is saved (${name})`, async (world) => {
    const { daemon, save } = await start(world, files);
    const tab = await world.firefoxTab(daemon, `/${name}`);
    await daemon.cli('wait', '--sockets', '1');
    await run({ save, waitFor: (what, expression) => until(what, tab.waitForFunction(expression)) });
  });
}

claimInFirefox('a file that a shared worker loaded reloads the page', async (world) => {
  const { daemon, save } = await start(world, {
    ...LOADED, 'user.html': page('user', `<script type="module">${LOADERS['a shared worker']}</script>`),
  });
  const tab = await world.firefoxTab(daemon, '/user.html');
  await until('the first text', tab.waitForFunction(() => document.body.textContent.includes('first')));
  await daemon.cli('wait', '--sockets', '1');
  const reloaded = tab.waitForNavigation();
  await save('dep.js', LOADED['dep.js'].replace('first', 'second'));
  await until('the reload', reloaded);
});

claim('a page that clears the list of its fetches is updated as others are', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('cleared', '', '<link rel="stylesheet" href="/a.css"><script type="module" src="/app.js"></script>'
      + '<script>addEventListener("load", () => { performance.setResourceTimingBufferSize(0); performance.clearResourceTimings(); });</script>'),
    'a.css': 'h1 { color: rgb(1, 0, 0) }',
    'app.js': 'document.body.append("first");',
  });
  const tab = await open(world, daemon);
  await tab.shows('first');
  await tab.evaluate(() => performance.clearResourceTimings());
  await save('a.css', 'h1 { color: rgb(2, 0, 0) }');
  await holds(tab, 'the new color', color('h1', 'rgb(2, 0, 0)'));
  assert.ok(await isSame(tab));
  await tab.after(() => save('app.js', 'document.body.append("second");'));
  await tab.shows('second');
});

claim('a page with more fetches than the browser lists has its stylesheets swapped', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('many', '<p style="background-image: url(/b.svg)">text</p>', '<script>for (let i = 0; i < 260; i += 1) {'
      + ' const request = new XMLHttpRequest(); request.open("GET", `/data.txt?${i}`, false); request.send(); }</script>'
      + '<link rel="stylesheet" href="/a.css"><script src="/late.js"></script>'),
    'a.css': '@import "/inner.css"; h1 { color: rgb(1, 0, 0) }',
    'inner.css': 'p { color: rgb(1, 0, 0) }',
    'b.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>', 'data.txt': '', 'late.js': '',
  });
  const tab = await open(world, daemon);
  await holds(tab, 'the first color', color('h1', 'rgb(1, 0, 0)'));
  await save('a.css', '@import "/inner.css"; h1 { color: rgb(2, 0, 0) }');
  await holds(tab, 'the new color', color('h1', 'rgb(2, 0, 0)'));
  await save('inner.css', 'p { color: rgb(2, 0, 0) }');
  await holds(tab, 'the new color of the imported', color('p', 'rgb(2, 0, 0)'));
  await save('b.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="1"/>');
  await holds(tab, 'the new image', "document.querySelector('p').style.backgroundImage.includes('pagewire-fresh')");
  assert.ok(await isSame(tab));
  await tab.after(() => save('late.js', '1'));
});

claim('a route of an app is reloaded when the app index changes, whatever the form of the route', async (world) => {
  const { daemon, save } = await start(world, { 'app/index.html': page('first') }, '--app-index', 'app/index.html');
  const other = await open(world, daemon);
  const tabs = [];
  for (const route of ['/app/7', '/app/john.doe', '/app/users/', '/app/a.b/c%20d/']) tabs.push(await open(world, daemon, route));
  await tabs[1].evaluate(() => history.pushState({}, '', '/app/jane.doe'));
  await Promise.all([...tabs, other].map((tab) => tab.settled()));
  await save('app/index.html', page('second'));
  for (const tab of tabs) await tab.shows('second');
  assert.ok(await isSame(other));
});
