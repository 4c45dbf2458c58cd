/** Pages in a real browser: error pages that recover, and the client in unusual pages. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claim } from './harness.js';

const page = (title, body = '') => `<!doctype html>\n<title>${title}</title><body><h1>${title}</h1>${body}</body>\n`;

claim('the error page of a missing page is replaced once the page exists', async (world) => {
  const site = await world.site({});
  const daemon = await world.daemon({ site, args: ['--inject', 'always'] });
  const tab = await world.page(daemon, '/later.html');
  await tab.shows('nothing is served at /later.html');
  await writeFile(path.join(site, 'later.html'), page('here at last'));
  await tab.shows('here at last');
});

claim('an error page is a page: it is listed and can be navigated', async (world) => {
  const daemon = await world.daemon({ site: await world.site({ 'index.html': page('home') }), args: ['--inject', 'always'] });
  const tab = await world.page(daemon, '/missing');
  const { socketId } = await tab.hello();
  assert.match((await daemon.socket(socketId)).title, /404/);
  await daemon.cli('navigate', '--wait', '/');
  await tab.shows('home');
});

claim('the client runs in framesets, with a foreign base, in unclosed elements and in streamed pages', async (world) => {
  const shapes = {
    'frames.html': '<html><frameset cols="50%,50%"><frame src="frame.html"><frame src="about:blank"></frameset></html>',
    'frame.html': page('frame'),
    'base.html': '<!doctype html><html><head><base href="https://cdn.example/"><title>base</title></head><body>b</body></html>',
    'unclosed.html': '<!doctype html><title>never closed',
    'script.html': page('script', '<script>document.title = "</body>";</script>'),
    'large.html': page('large', `<!-- ${'filler '.repeat(2_500_000)} -->`),
  };
  const daemon = await world.daemon({ site: await world.site(shapes), args: ['--inject', 'always'] });
  for (const name of Object.keys(shapes)) {
    const tab = await world.page(daemon, `/${name}`);
    const { socketId } = await tab.hello();
    assert.equal((await daemon.socket(socketId)).url, `${daemon.origin}/${name}`);
    await tab.page.close();
  }
});

claim('with a base path the client finds its socket and an application its routes', async (world) => {
  const site = await world.site({ 'index.html': page('app') });
  const daemon = await world.daemon({ site, args: ['--inject', 'always', '--base-path', '/app', '--app-index', 'index.html'] });
  const tab = await world.page(daemon, '/app/users/7');
  await tab.shows('app');
  const { socketId } = await tab.hello();
  assert.equal((await daemon.socket(socketId)).url, `${daemon.origin}/app/users/7`);
  assert.equal(await daemon.cli('eval', 'document.title'), '"app"\n');
});
