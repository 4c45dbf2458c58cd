/** A stylesheet that is swapped keeps the state that the page gave it. */

import assert from 'node:assert/strict';
import { claim, claimInFirefox, until } from './harness.js';
import { holds, isSame, open, page, square, start } from './harness/watch.js';

/** Each stylesheet sets one property of the heading, so that the page shows which of them apply. */
const NAMES = ['plain', 'attribute', 'object', 'alternate', 'chosen', 'media', 'list'];
const rule = (name, value) => `h1 { --${name}: ${value} }`;
const FILES = {
  'index.html': page('states', '', NAMES.map((name) => {
    const kind = ['alternate', 'chosen'].includes(name) ? `alternate stylesheet" title="${name}` : 'stylesheet';
    return `<link id="${name}" rel="${kind}" href="/${name}.css">`;
  }).join('')),
  ...Object.fromEntries(NAMES.map((name) => [`${name}.css`, rule(name, 'first')])),
};

/** Gives the stylesheets their states. */
function setStates() {
  const link = (id) => document.getElementById(id);
  link('attribute').disabled = true;
  link('object').sheet.disabled = true;
  // Enables an alternate stylesheet in every browser.
  link('chosen').disabled = true;
  link('chosen').disabled = false;
  link('media').media = 'print';
  link('list').sheet.media.mediaText = 'print';
}

/** Returns what applies, as `name=value`. */
const applied = (names) => names.flatMap((name) => {
  const value = getComputedStyle(document.querySelector('h1')).getPropertyValue(`--${name}`).trim();
  return value ? [`${name}=${value}`] : [];
});

async function keepsStates({ tab, save }) {
  await until('the stylesheets', tab.waitForFunction(() => document.readyState === 'complete'));
  await tab.evaluate(setStates);
  await until('the chosen stylesheet', tab.waitForFunction(
    "getComputedStyle(document.querySelector('h1')).getPropertyValue('--chosen') !== ''"));
  assert.deepEqual(await tab.evaluate(applied, NAMES), ['plain=first', 'chosen=first']);
  await tab.evaluate(() => {
    globalThis.isSameDocument = true;
    // What applies is observed in every animation frame.
    globalThis.wrong = [];
    const look = () => {
      for (const name of ['attribute', 'object', 'alternate', 'media', 'list']) {
        if (getComputedStyle(document.querySelector('h1')).getPropertyValue(`--${name}`)) wrong.push(name);
      }
      requestAnimationFrame(look);
    };
    look();
  });
  for (const name of NAMES) await save(`${name}.css`, rule(name, 'second'));
  const isSwapped = (names) => names.every((name) => {
    const links = [...document.querySelectorAll(`link#${name}`)];
    return links.length === 1 && links[0].href.includes('pagewire-fresh');
  });
  await until('the swaps', tab.waitForFunction(isSwapped, NAMES));
  assert.deepEqual(await tab.evaluate(applied, NAMES), ['plain=second', 'chosen=second']);
  assert.deepEqual(await tab.evaluate(() => globalThis.wrong), []);
  // The states can be changed as before.
  await tab.evaluate(() => {
    const link = (id) => document.getElementById(id);
    link('attribute').disabled = false;
    link('object').sheet.disabled = false;
    link('media').media = 'all';
    link('list').sheet.media.mediaText = 'all';
  });
  const all = NAMES.filter((name) => name !== 'alternate').map((name) => `${name}=second`);
  await until('all stylesheets to apply', tab.waitForFunction((count) => {
    const style = getComputedStyle(document.querySelector('h1'));
    return ['plain', 'attribute', 'object', 'chosen', 'media', 'list']
      .filter((name) => style.getPropertyValue(`--${name}`).trim() === 'second').length === count;
  }, all.length));
  assert.ok(await tab.evaluate(() => globalThis.isSameDocument === true));
}

const TWICE = {
  'index.html': page('twice', '', '<link rel="stylesheet" href="/a.css">'),
  'a.css': '@import "inner.css" print; @import "inner.css?screen" screen; @import "inner.css" all and (min-width: 1px); h1 { margin: 1px }',
  'inner.css': 'h1 { color: rgb(1, 0, 0) }',
};
const imports = () => [...document.styleSheets[0].cssRules].filter((found) => found instanceof CSSImportRule)
  .map((found) => found.media.mediaText);

async function keepsImports({ tab, save }) {
  const shows = (what, value) => until(what, tab.waitForFunction(
    `getComputedStyle(document.querySelector('h1')).color === '${value}' && document.querySelectorAll('link[rel=stylesheet]').length === 1`));
  await shows('the first color', 'rgb(1, 0, 0)');
  const before = await tab.evaluate(imports);
  assert.equal(before.length, 3);
  for (const color of ['rgb(2, 0, 0)', 'rgb(3, 0, 0)']) {
    await save('inner.css', `h1 { color: ${color} }`);
    await shows('the new color', color);
    assert.deepEqual(await tab.evaluate(imports), before);
  }
  await save('a.css', `${TWICE['a.css']} h2 { margin: 2px }`);
  await until('the new rule', tab.waitForFunction('document.styleSheets[0].cssRules.length === 5'));
  assert.deepEqual(await tab.evaluate(imports), before);
}

for (const [claimed, files, run] of [
  ['a stylesheet that is swapped keeps its state: disabled, alternate or for other media', FILES, keepsStates],
  ['a stylesheet that imports a file several times imports it as often after a swap', TWICE, keepsImports],
]) {
  claim(claimed, async (world) => {
    const { daemon, save } = await start(world, files);
    const { page: tab } = await world.page(daemon);
    await run({
      save,
      tab: {
        evaluate: (...args) => tab.evaluate(...args),
        waitForFunction: (script, argument) => tab.waitForFunction(script, argument),
      },
    });
  });
  claimInFirefox(claimed, async (world) => {
    const { daemon, save } = await start(world, files);
    const tab = await world.firefoxTab(daemon);
    await daemon.cli('wait', '--sockets', '1');
    await run({
      save,
      tab: {
        evaluate: (...args) => tab.evaluate(...args),
        waitForFunction: (script, argument) => tab.waitForFunction(script, {}, argument),
      },
    });
  });
}

claim('a file is swapped in elements and in stylesheets, and keeps the query and fragment of each use', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('uses', '<img src="/i.svg?a=1"><img id="set" srcset="/other.svg 1x,/i.svg 2x">'
      + '<p id="one"></p><p id="two"></p><p id="three" style="background: url(/i.svg?a=1)"></p>',
    '<link rel="stylesheet" href="/a.css">'),
    'a.css': '#one { background: url(i.svg#one) } #two { background: url(i.svg?b=2#two) }',
    'i.svg': square('red'),
    'other.svg': square('blue'),
  });
  const tab = await open(world, daemon);
  await save('i.svg', square('green'));
  await holds(tab, 'the swaps', `[...document.querySelectorAll('p')].every((p) => getComputedStyle(p).backgroundImage.includes('fresh'))
    && document.querySelector('img').src.includes('fresh') && document.querySelector('#set').srcset.includes('fresh')`);
  const urls = await tab.evaluate(() => [...document.querySelectorAll('p')].map((p) => getComputedStyle(p).backgroundImage));
  const rest = urls.map((url) => new URL(url.slice(5, -2))).map(({ searchParams, hash }) =>
    [...searchParams].filter(([name]) => name !== 'pagewire-fresh').join() + hash);
  assert.deepEqual(rest, ['#one', 'b,2#two', 'a,1']);
  assert.match(await tab.evaluate(() => document.querySelector('#set').srcset), /^\/other\.svg 1x,.*\/i\.svg\?pagewire-fresh=\S+ 2x$/);
  assert.ok(await isSame(tab));
});

claim('a file is swapped in the document and in shadow roots', async (world) => {
  const content = '<link rel="stylesheet" href="/a.css"><h1>heading</h1><img src="/i.svg"><p></p>';
  const { daemon, save } = await start(world, {
    'index.html': page('roots', `${content}<x-outer><template shadowrootmode="open"><x-inner><template shadowrootmode="open">${content}</template></x-inner></template></x-outer>`),
    'a.css': 'h1 { width: 10px } p { background: url(i.svg) }',
    'i.svg': square('red'),
  });
  const tab = await open(world, daemon);
  const inBoth = (expression) => `[document, document.querySelector('x-outer').shadowRoot.querySelector('x-inner').shadowRoot]
    .every((root) => { const find = (selector) => root.querySelector(selector); return ${expression}; })`;
  await save('i.svg', square('green', 20));
  await holds(tab, 'the new images', inBoth(`find('img').naturalWidth === 20
    && getComputedStyle(find('p')).backgroundImage.includes('fresh')`));
  await save('a.css', 'h1 { width: 20px } p { background: url(i.svg) }');
  await holds(tab, 'the new styles', inBoth("getComputedStyle(find('h1')).width === '20px'"));
  assert.ok(await isSame(tab));
});

claim('an icon is swapped', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': '<!doctype html><link rel="icon" href="/icon.svg"><h1>icon</h1>', 'icon.svg': square('red'),
  });
  const tab = await open(world, daemon);
  await save('icon.svg', square('green'));
  await holds(tab, 'the new icon', "document.querySelector('link').href.includes('/icon.svg?pagewire-fresh')");
  assert.ok(await isSame(tab));
});
