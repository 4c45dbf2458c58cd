/** Pages over https in Chromium. */

import assert from 'node:assert/strict';
import { claim } from './harness.js';

claim('Chromium loads an https page over HTTP/2 and its client connects over wss', async (world) => {
  const site = await world.site({
    'index.html': '<!doctype html>\n<title>secure</title><script type="module" src="./app.js"></script>\n',
    'app.js': 'document.title += ` ${isSecureContext}`;\n',
  });
  const daemon = await world.daemon({ site, args: ['--tls', '--inject', 'always'] });
  assert.match(daemon.origin, /^https:/);
  const tab = await world.page(daemon);
  const { connection } = await tab.hello();
  assert.match(connection.url(), /^wss:/);
  assert.equal(await daemon.cli('eval', 'document.title'), '"secure true"\n');
  const protocols = await tab.evaluate(() => performance.getEntries()
    .filter(({ entryType, name }) => entryType === 'navigation' || name.endsWith('.js'))
    .map(({ nextHopProtocol }) => nextHopProtocol));
  assert.ok(protocols.length >= 3, `page, app and client: ${protocols}`);
  assert.deepEqual([...new Set(protocols)], ['h2']);
});

claim('plain http redirects to the same page over https', async (world) => {
  const site = await world.site({ 'index.html': '<!doctype html>\n<title>secure</title>\n' });
  const daemon = await world.daemon({ site, args: ['--tls', '--inject', 'always'] });
  const tab = await world.page(daemon, null);
  const { url } = await tab.open(`${daemon.origin.replace('https:', 'http:')}/?x=1`);
  assert.equal(url, `${daemon.origin}/?x=1`);
});
