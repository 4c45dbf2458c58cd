/** How a real page acts on changed files. */

import assert from 'node:assert/strict';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { claim, until } from './harness.js';
import { color, holds, isSame, mark, open, page, square, start } from './harness/watch.js';

claim('a stylesheet is swapped: the page keeps its form input and is never unstyled', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('style', '<input id="name">', '<link rel="stylesheet" href="/a.css"><link rel="stylesheet" href="b.css?v=1">'),
    'a.css': '@import "inner.css"; h1 { color: rgb(1, 0, 0) }',
    'b.css': 'input { color: rgb(2, 0, 0) }',
    'inner.css': 'body { color: rgb(3, 0, 0) }',
  });
  const tab = await open(world, daemon);
  await tab.page.fill('#name', 'typed');
  // Records the colors in every animation frame.
  await tab.evaluate(() => {
    globalThis.shown = new Set();
    const note = () => {
      for (const name of ['h1', 'body']) shown.add(`${name} ${getComputedStyle(document.querySelector(name)).color}`);
      requestAnimationFrame(note);
    };
    note();
  });
  await save('a.css', '@import "inner.css"; h1 { color: rgb(9, 0, 0) }');
  await holds(tab, 'the new color', color('h1', 'rgb(9, 0, 0)'));
  await save('b.css', 'input { color: rgb(8, 0, 0) }');
  await holds(tab, 'the new color of the second', color('input', 'rgb(8, 0, 0)'));
  await save('inner.css', 'body { color: rgb(7, 0, 0) }');
  await holds(tab, 'the new color of the imported', color('body', 'rgb(7, 0, 0)'));
  // A stylesheet that is fetched again imports the latest version of its imports.
  await save('a.css', '@import "inner.css"; h1 { color: rgb(9, 0, 0); margin: 7px }');
  await holds(tab, 'the new margin', "getComputedStyle(document.querySelector('h1')).marginTop === '7px'");
  await holds(tab, 'the color of the imported', color('body', 'rgb(7, 0, 0)'));
  await save('inner.css', 'body { color: rgb(6, 0, 0) }');
  await holds(tab, 'the newest color of the imported', color('body', 'rgb(6, 0, 0)'));
  await holds(tab, 'the old ones to be gone', "document.querySelectorAll('link[rel=stylesheet]').length === 2");
  const { shown, typed } = await tab.evaluate(() => ({
    shown: [...globalThis.shown],
    typed: document.querySelector('#name').value,
  }));
  assert.deepEqual(shown.sort(), ['body rgb(3, 0, 0)', 'body rgb(6, 0, 0)', 'body rgb(7, 0, 0)',
    'h1 rgb(1, 0, 0)', 'h1 rgb(9, 0, 0)']);
  assert.equal(typed, 'typed');
  assert.ok(await isSame(tab));
});

claim('images are swapped wherever they appear', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('images', '<input id="name"><img id="plain" src="plain.svg">'
      + '<img id="set" srcset="set.svg 1x, other.svg 2x"><picture><source srcset="source.svg"><img id="picture"></picture>'
      + '<p id="back">text</p><p id="inline" style="background-image: url(inline.svg)">text</p>',
    '<link rel="stylesheet" href="css/a.css">'),
    'css/a.css': '@media screen { #back { background: url("../back.svg") } }',
    ...Object.fromEntries(['plain', 'set', 'other', 'source', 'back', 'inline']
      .map((name) => [`${name}.svg`, square('red')])),
  });
  const tab = await open(world, daemon);
  await tab.page.fill('#name', 'typed');
  for (const [file, id] of [['plain', 'plain'], ['set', 'set'], ['source', 'picture']]) {
    await save(`${file}.svg`, square('blue', 20));
    await holds(tab, `the new ${file}.svg`, `document.querySelector('#${id}').naturalWidth === 20`);
  }
  const background = (id) => `getComputedStyle(document.querySelector('#${id}')).backgroundImage`;
  for (const id of ['back', 'inline']) {
    for (const side of [20, 30]) {
      const before = await tab.evaluate(background(id));
      await save(`${id}.svg`, square('blue', side));
      await holds(tab, `the new ${id}.svg`, `${background(id)} !== '${before}'`);
      const shown = await tab.evaluate(background(id));
      const width = await tab.evaluate(async (url) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        return image.naturalWidth;
      }, shown.slice(5, -2));
      assert.equal(width, side);
    }
  }
  // A stylesheet that is swapped later uses the new image.
  const newest = await tab.evaluate(background('back'));
  await save('css/a.css', '#back { background: url("../back.svg"); color: rgb(1, 2, 3) }');
  await holds(tab, 'the new stylesheet', color('#back', 'rgb(1, 2, 3)'));
  await holds(tab, 'the new image in it', `${background('back')} === '${newest}'`);
  assert.equal(await tab.page.inputValue('#name'), 'typed');
  assert.ok(await isSame(tab));
});

claim('a module reloads the pages that loaded it and no other', async (world) => {
  const { daemon, save } = await start(world, {
    'user.html': page('user', '<script type="module" src="/app.js"></script>'),
    'app.js': 'import { text } from "./lib/part.js"; document.querySelector("h1").textContent = text;',
    'lib/part.js': 'export const text = "first";',
  });
  const user = await open(world, daemon, '/user.html');
  const other = await open(world, daemon);
  await user.shows('first');
  await user.after(() => save('lib/part.js', 'export const text = "second";'));
  await user.shows('second');
  assert.ok(await isSame(other));
  await other.after(() => save('index.html', page('renewed')));
  await other.shows('renewed');
});

claim('a file that a page does not use has no effect on it', async (world) => {
  const { daemon, save } = await start(world, { 'unused.js': '1', 'unused.css': 'a {}', 'other.html': page('other') });
  const tab = await open(world, daemon);
  for (const name of ['unused.js', 'unused.css', 'other.html', 'notes.txt']) {
    const from = tab.frames.entries.length;
    await save(name, 'changed');
    await tab.frames.first(`the change of ${name}`, ({ message }) => message.paths?.includes(`/${name}`), from);
  }
  await tab.settled();
  assert.ok(await isSame(tab));
});

claim('a page whose modules are preloaded does not use other scripts', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('modules', '<script type="module" src="/main.js"></script>', '<link rel="modulepreload" href="/own.js">'),
    'main.js': 'import "./deep.js"; import "./own.js";', 'deep.js': '', 'own.js': '', 'package.json': '{}', 'test.js': '',
  });
  // The daemon preloads the modules that it knows from the first time.
  const tab = await open(world, daemon);
  await tab.after(() => tab.page.reload());
  await mark(tab);
  const from = tab.frames.entries.length;
  for (const name of ['package.json', 'test.js']) {
    await save(name, '{ }');
    await tab.frames.first('the announced change', ({ message }) => message.paths?.includes(`/${name}`), from);
  }
  await tab.settled();
  assert.ok(await isSame(tab));
  await tab.after(() => save('deep.js', '// changed'));
});

claim('a file that was missing reloads the page that requested it', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('missing', '<script>fetch("data.json").then((r) => r.text().then((t) => document.body.append(r.ok ? t : "none")));</script>'),
  });
  const tab = await open(world, daemon);
  await tab.shows('none');
  await tab.after(() => save('data.json', '"found"'));
  await tab.shows('found');
});

claim('a frame reloads itself', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('top', '<iframe src="/inner.html"></iframe>'),
    'inner.html': page('inner', 'first'),
  });
  const tab = await open(world, daemon);
  await tab.hellos.first('the hello of the frame', (hello) => !hello.top_level);
  const from = tab.hellos.entries.length;
  await save('inner.html', page('inner', 'second'));
  await tab.hellos.first('the new hello of the frame', (hello) => !hello.top_level, from);
  await until('the new frame', tab.page.frameLocator('iframe').getByText('second').waitFor());
  assert.ok(await isSame(tab));
});

claim('the URL a page was loaded from counts, not its current URL', async (world) => {
  const { daemon, save } = await start(world, { 'app.html': page('app') });
  const tab = await open(world, daemon);
  await tab.evaluate(() => history.pushState({}, '', '/app.html'));
  const from = tab.frames.entries.length;
  await save('app.html', page('app', 'again'));
  await tab.frames.first('the announced change', ({ message }) => message.paths?.includes('/app.html'), from);
  await tab.settled();
  assert.ok(await isSame(tab));
  await tab.after(() => save('index.html', page('renewed')));
});

claim('a change during a fetch of the file reloads the page', async (world) => {
  const { daemon, save } = await start(world, { 'data.txt': 'first' });
  const tab = await open(world, daemon);
  let arrive;
  const mayArrive = new Promise((resolve) => { arrive = resolve; });
  const read = new Promise((resolve) => {
    tab.page.route('**/data.txt', async (route) => {
      const response = await route.fetch();
      resolve();
      await mayArrive;
      await route.fulfill({ response });
    }, { times: 1 });
  });
  // Without a referrer, only the page knows that it loads the file.
  await tab.evaluate(() => { fetch('data.txt', { referrerPolicy: 'no-referrer' }).then((response) => response.text()); });
  await until('the first text to be read', read);
  const from = tab.frames.entries.length;
  await save('data.txt', 'second');
  await tab.frames.first('the announced change', ({ message }) => message.paths?.includes('/data.txt'), from);
  await tab.settled();
  assert.ok(await isSame(tab));
  await tab.after(() => arrive());
});

claim('a save during a reload is not lost', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('race', '<script src="app.js"></script>'),
    'app.js': 'document.body.append("first");',
  });
  const files = world.follow(daemon, 'file');
  const tab = await open(world, daemon);
  // The new document has the second text and no socket yet, so it cannot be notified of the third.
  const connects = new Promise((resolve) => {
    tab.page.route('**/client.js', async (route) => {
      await thirdIsLogged;
      await route.continue();
      resolve();
    }, { times: 1 });
  });
  let resolveLogged;
  const thirdIsLogged = new Promise((resolve) => { resolveLogged = resolve; });
  await save('app.js', 'document.body.append("second");');
  await tab.shows('second');
  const from = files.events.entries.length;
  await save('app.js', 'document.body.append("the third");');
  await files.events.first('the third in the log', ({ file_changed: change }) => change?.url_path === '/app.js', from);
  resolveLogged();
  await connects;
  await tab.shows('the third');
});

claim('a page that reconnects is notified of changes it missed', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('away', '', '<link rel="stylesheet" href="/a.css">'),
    'a.css': 'h1 { color: rgb(1, 0, 0) }',
  });
  const files = world.follow(daemon, 'file', 'socket');
  const tab = await open(world, daemon);
  const gone = files.first('the end of its socket', (event) => event.socket_closed);
  await tab.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })); });
  await gone;
  await save('a.css', 'h1 { color: rgb(2, 0, 0) }');
  await files.first('the change in the log', (event) => event.file_changed);
  assert.ok(await tab.evaluate(color('h1', 'rgb(1, 0, 0)')));
  await tab.evaluate(() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); });
  await holds(tab, 'the new color', color('h1', 'rgb(2, 0, 0)'));
  assert.ok(await isSame(tab));
});

claim('a changed worker script reloads the page of the worker', async (world) => {
  const { daemon, save } = await start(world, {
    'index.html': page('worker', '<script>new Worker("worker.js").onmessage = ({ data }) => document.body.append(data);</script>'),
    'worker.js': 'importScripts("part.js"); postMessage(`${part} whole`);',
    'part.js': 'globalThis.part = "first";',
    'plain.html': page('plain'),
  });
  const tab = await open(world, daemon);
  const plain = await open(world, daemon, '/plain.html');
  await tab.shows('first whole');
  await tab.after(() => save('worker.js', 'importScripts("part.js"); postMessage(`${part} changed`);'));
  await tab.shows('first changed');
  await tab.after(() => save('part.js', 'globalThis.part = "second";'));
  await tab.shows('second changed');
  assert.ok(await isSame(plain));
});

claim('a changed font and a deleted stylesheet reload the page', async (world) => {
  const { site, daemon, save } = await start(world, {
    'index.html': page('font', 'text', '<link rel="stylesheet" href="a.css"><link rel="stylesheet" href="b.css">'),
    'a.css': '@font-face { font-family: f; src: url("f.woff2") } body { font-family: f }',
    'b.css': 'h1 { color: rgb(1, 0, 0) }',
    'f.woff2': 'no font',
  });
  const tab = await open(world, daemon);
  await tab.after(() => save('f.woff2', 'another'));
  await mark(tab);
  await tab.after(() => rm(path.join(site, 'b.css')));
  await mark(tab);
  // The link failed to load, but the page requested it.
  await save('b.css', 'h1 { color: rgb(2, 0, 0) }');
  await holds(tab, 'the new color', color('h1', 'rgb(2, 0, 0)'));
  assert.ok(await isSame(tab));
});

claim('files that arrive by renaming or in a new folder count as changed', async (world) => {
  const { site, daemon, save } = await start(world, {
    'index.html': page('saves', '', '<link rel="stylesheet" href="css/a.css">'),
    'css/a.css': 'h1 { color: rgb(1, 0, 0) }',
  });
  const tab = await open(world, daemon);
  await save('.a.css.tmp', 'h1 { color: rgb(2, 0, 0) }');
  await rename(path.join(site, '.a.css.tmp'), path.join(site, 'css/a.css'));
  await holds(tab, 'the new color', color('h1', 'rgb(2, 0, 0)'));
  await mkdir(path.join(site, 'next'));
  await save('next/a.css', 'h1 { color: rgb(3, 0, 0) }');
  await rename(path.join(site, 'css'), path.join(site, 'old'));
  await rename(path.join(site, 'next'), path.join(site, 'css'));
  await holds(tab, 'the color of the new folder', color('h1', 'rgb(3, 0, 0)'));
});
