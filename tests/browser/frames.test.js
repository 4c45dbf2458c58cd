/** Frames with a sandbox, whose documents have no origin. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claim } from './harness.js';

const frame = (text) => `<!doctype html><title>frame</title><link rel="stylesheet" href="/frame.css">
<script src="/frame.js"></script><body><p>${text}</p></body>`;

const files = {
  'index.html': '<!doctype html><title>page</title><body><iframe sandbox="allow-scripts" src="/frame.html"></iframe></body>',
  'frame.html': frame('first'),
  'frame.css': 'p { color: rgb(1, 0, 0) }',
  'frame.js': `addEventListener('load', () => console.log('color', getComputedStyle(document.querySelector('p')).color));`,
};

claim('a sandboxed frame reports no error because of the client, and shows its page as saved', async (world) => {
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args: ['--watch'] });
  const tab = await world.page(daemon, '/');
  await tab.hello();
  const inner = tab.page.frameLocator('iframe');
  await inner.getByText('first').waitFor();
  assert.deepEqual(tab.console.entries.filter(({ type, text }) => type === 'error' && text.includes('__pagewire__')), []);
  await writeFile(path.join(site, 'frame.html'), frame('second'));
  await inner.getByText('second').waitFor();
});

claim('with --allow-embedding a sandboxed frame has its stylesheet and script, and shows their changes', async (world) => {
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args: ['--watch', '--allow-embedding'] });
  const tab = await world.page(daemon, '/');
  await tab.hello();
  await tab.prints('color rgb(1, 0, 0)');
  await writeFile(path.join(site, 'frame.css'), 'p { color: rgb(2, 0, 0) }');
  await tab.prints('color rgb(2, 0, 0)');
});
