/** Pages of applications that change while they are developed behind Pagewire, with their own development servers. */

import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Record, claimBehind, until } from './harness.js';
import { isSame, mark } from './harness/watch.js';

/** An application with a watching daemon in front of it. */
async function start(world, framework, ...args) {
  const folder = await world.sourcesOf(framework);
  const backend = await world.backend(framework, 0, folder);
  const daemon = await world.daemon({
    site: folder, args: ['--no-files', '--watch', '--proxy', backend.origin, ...args],
  });
  /** Saves the second version of a source file, atomically. */
  const edit = async (name) => {
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8');
    await writeFile(`${file}~`, text.replace('first version', 'second version'));
    await rename(`${file}~`, file);
  };
  return { folder, backend, daemon, edit };
}

/** A marked page with records of its navigations and of its comparisons of the backend's answers. */
async function open(world, daemon, location = '/') {
  const tab = await world.page(daemon, null);
  tab.navigations = new Record();
  tab.comparisons = new Record();
  tab.page.on('response', (response) => {
    const request = response.request();
    const text = `${request.method()} ${response.status()}`;
    if (request.isNavigationRequest()) tab.navigations.add(text);
    else if (request.resourceType() === 'fetch' && request.url() === tab.page.url()) tab.comparisons.add(text);
  });
  await tab.open(daemon.origin + location);
  await mark(tab);
  return tab;
}

/**
 * Waits until the page has requested so many answers: two say which lines always differ, the others are compared
 * with them. After four, a `watch_delay` of 100 ms is over.
 */
async function compares(tab, answers = 4) {
  const from = tab.comparisons.entries.length;
  let count = 0;
  await tab.comparisons.first(`${answers} answers`, () => ++count === answers, from);
}

for (const framework of ['django', 'flask']) {
  const files = {
    django: { template: 'templates/notes.html', view: 'notes/views.py' },
    flask: { template: 'templates/page.html', view: 'app.py' },
  }[framework];

  claimBehind(framework, 'a template and a view are up to date after one save, without an error page', async (world) => {
    // A busy machine needs more than the default second to notice a change, and the page would be reloaded while the
    // server restarts.
    const { daemon, edit } = await start(world, framework, '--watch-delay', '10000');
    const tab = await open(world, daemon);
    await edit(files.template);
    await tab.shows('second version of the template');
    await edit(files.view);
    await tab.shows('second version of the view');
    assert.deepEqual([...new Set(tab.navigations.entries)], ['GET 200']);
  });
}

claimBehind('django', 'a form that writes the database shows its message, and the page stays', async (world) => {
  const { daemon } = await start(world, 'django', '--watch-delay', '100');
  const tab = await open(world, daemon);
  await tab.page.fill('[name=text]', 'a note');
  await tab.after(() => tab.page.click('#save'));
  await tab.shows('saved a note');
  await mark(tab);
  await compares(tab);
  assert.ok(await isSame(tab));
  await tab.shows('saved a note');
  assert.deepEqual(tab.navigations.entries, ['GET 200', 'POST 302', 'GET 200']);
});

claimBehind('django', 'a change waits for the form that is being sent, and for the answer to change', async (world) => {
  // Only the answer tells the page of an ignored file.
  const { backend, daemon, edit, folder } = await start(world, 'django', '--watch-delay', '0', '--watch-ignore', 'templates');
  const changes = world.follow(daemon, 'file');
  const tab = await open(world, daemon);
  const release = path.join(world.directory, 'release');
  await tab.page.fill('[name=text]', 'a note');
  await tab.page.fill('[name=release]', release);
  await tab.page.click('#save', { noWaitAfter: true });
  await backend.line('the form to arrive', (line) => line === `waiting for ${release}`);
  await writeFile(path.join(folder, 'unused.txt'), '');
  await changes.first('the change', ({ file_changed: file }) => file.url_path === '/unused.txt');
  assert.deepEqual(tab.navigations.entries, ['GET 200']);
  await writeFile(release, '');
  await tab.shows('saved a note');
  await compares(tab, 2);
  await edit('templates/notes.html');
  await tab.shows('second version of the template');
  assert.deepEqual(tab.navigations.entries, ['GET 200', 'POST 302', 'GET 200', 'GET 200']);
});

claimBehind('django', 'a change waits for a request of a script', async (world) => {
  const { backend, daemon, edit, folder } = await start(world, 'django', '--watch-ignore', 'templates');
  const tab = await open(world, daemon);
  const release = path.join(world.directory, 'release');
  await tab.evaluate((file) => {
    const body = new FormData(document.querySelector('form'));
    body.set('release', file);
    fetch('/slow', { method: 'POST', body })
      .then(async (response) => { sessionStorage.setItem('slow', await response.text()); });
  }, release);
  await backend.line('the request to arrive', (line) => line === `waiting for ${release}`);
  await writeFile(path.join(folder, 'unused.txt'), '');
  await compares(tab);
  const asked = tab.page.waitForRequest(/may-reload/, { timeout: 0 });
  // Only the answer tells the page of an ignored file.
  await edit('templates/notes.html');
  await until('the page to want to reload', asked);
  assert.ok(await isSame(tab));
  await writeFile(release, '');
  await tab.shows('second version of the template');
  assert.equal(await tab.evaluate(() => sessionStorage.getItem('slow')), 'done');
});

claimBehind('django', 'a change without effect reloads a page once, although some of its lines always differ', async (world) => {
  const { daemon, folder } = await start(world, 'django', '--watch-delay', '100');
  const tab = await open(world, daemon);
  await tab.after(() => writeFile(path.join(folder, 'unused.txt'), ''));
  await mark(tab);
  await compares(tab);
  assert.ok(await isSame(tab));
});

claimBehind('django', 'a change without effect does not reload a page before watch_delay, one with effect does', async (world) => {
  const { daemon, edit, folder } = await start(world, 'django', '--watch-delay', '60000');
  const tab = await open(world, daemon);
  await writeFile(path.join(folder, 'unused.txt'), '');
  await compares(tab);
  assert.ok(await isSame(tab));
  await edit('templates/notes.html');
  await tab.shows('second version of the template');
});

claimBehind('jupyterlab', 'a notebook runs and is saved, and its page stays', async (world) => {
  const { daemon } = await start(world, 'jupyterlab', '--watch-delay', '100');
  const tab = await open(world, daemon, '/lab/tree/notes.ipynb');
  const editor = tab.page.locator('.jp-Cell .cm-content').first();
  await until('the notebook', editor.waitFor({ timeout: 0 }), 60_000);
  await until('a ready kernel', tab.page.getByText('(ipykernel) | Idle').waitFor({ timeout: 0 }), 60_000);
  await editor.click();
  await tab.page.keyboard.press('Shift+Enter');
  await until('the output', tab.page.locator('.jp-OutputArea-output', { hasText: '42' }).waitFor({ timeout: 0 }));
  const saved = tab.page.waitForResponse((response) => response.request().method() === 'PUT'
    && response.url().includes('/api/contents/notes.ipynb'), { timeout: 0 });
  await tab.page.keyboard.press('Control+s');
  assert.equal((await until('the notebook to be saved', saved)).status(), 200);
  await compares(tab);
  assert.ok(await isSame(tab));
});
