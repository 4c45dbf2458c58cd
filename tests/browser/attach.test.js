/** Pages of another server, attached by the line that `pagewire snippet` prints. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { claim, until } from './harness.js';

/** Runs `run` with the origin of a foreign server, which has one page and a module. */
async function withForeignServer(html, run) {
  const server = createServer(({ url }, response) => {
    const isModule = url.endsWith('.js');
    response.setHeader('Content-Type', isModule ? 'text/javascript' : 'text/html');
    response.end(isModule ? 'export default (argument) => `theirs ${argument}`;\n' : html());
  });
  await until('a free port', new Promise((resolve) => { server.listen(0, 'localhost', resolve); }));
  try {
    await run(`http://localhost:${server.address().port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

claim('the snippet attaches a page of an allowed origin', async (world) => {
  let snippet = '';
  await withForeignServer(() => `<!doctype html>\n<title>theirs</title>\n${snippet}`, async (origin) => {
    const site = await world.site({ 'ours.js': 'export default 1;\n' });
    const daemon = await world.daemon({ site, args: ['--allow-origin', origin] });
    snippet = await daemon.cli('snippet');
    assert.match(snippet, /^<script type="module" src="http:\/\/localhost:\d+\/__pagewire__\/client.js"><\/script>\n$/);

    const tab = await world.page(daemon, null);
    const { socketId } = await tab.open(`${origin}/theirs`);
    assert.equal((await daemon.socket(socketId)).url, `${origin}/theirs`);
    assert.equal(await daemon.cli('eval', 'document.title'), '"theirs"\n');

    // It may import modules of its own server; our files are closed to other origins.
    const [theirs] = await daemon.rows('import', `${origin}/module.js`, 'x');
    assert.equal(theirs.value, 'theirs x');
    const [ours] = await daemon.rows('import', '/ours.js');
    assert.equal(ours.exception.phase, 'load');

    const follower = world.follow(daemon, 'console', 'page-error');
    await tab.reportMode({ console: true, errors: true });
    await tab.evaluate(() => {
      console.log('from elsewhere');
      setTimeout(() => { throw new Error('thrown elsewhere'); });
    });
    await follower.first('its console line', (event) => JSON.stringify(event).includes('from elsewhere'));
    await follower.first('its error', (event) => JSON.stringify(event).includes('thrown elsewhere'));

    const again = await tab.after(() => daemon.cli('reload', '--wait'));
    assert.notEqual(again.page_id, (await tab.hello()).page_id);
  });
});

claim('a page of an origin that is not allowed never connects, and its console has the reason', async (world) => {
  let snippet = '';
  await withForeignServer(() => `<!doctype html>\n<title>theirs</title>\n${snippet}`, async (origin) => {
    const daemon = await world.daemon({ args: ['--allow-origin', 'http://friend.example'] });
    snippet = await daemon.cli('snippet');
    const tab = await world.page(daemon, null);
    await until('the page', tab.page.goto(origin));
    await tab.console.first('the CORS error', ({ type, text }) =>
      type === 'error' && text.includes('client.js') && text.includes('CORS policy'));
    // A client of its own making is refused too.
    const how = await tab.evaluate((url) => new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    }), `${daemon.origin.replace('http', 'ws')}/__pagewire__/socket`);
    assert.equal(how, 'refused');
    assert.deepEqual(await daemon.sockets(), []);
  });
});
