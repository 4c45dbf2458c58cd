/** Cross-origin isolation in Chromium. */

import assert from 'node:assert/strict';
import { claim } from './harness.js';

const files = {
  'index.html': `<!doctype html><title>threads</title>
<iframe src="/frame.html"></iframe><iframe src="/missing.html"></iframe>
<script type="module">
  const numbers = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker('/worker.js', { type: 'module' });
  worker.postMessage(numbers);
  worker.onmessage = ({ data }) => console.log('worker', data, Atomics.load(numbers, 0), crossOriginIsolated);
</script>`,
  'worker.js': `import { seven } from './seven.js';
onmessage = ({ data }) => {
  Atomics.store(data, 0, seven);
  postMessage(crossOriginIsolated);
};`,
  'seven.js': 'export const seven = 7;\n',
  'frame.html': '<!doctype html><title>frame</title><script>console.log("frame", crossOriginIsolated)</script><body>framed</body>',
};

claim('with --cross-origin-isolated a page shares memory with a worker, and stays connected', async (world) => {
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args: ['--cross-origin-isolated', '--inject', 'always', '--console'] });
  const tab = await world.page(daemon);
  await tab.prints('worker true 7 true');
  await tab.prints('frame true');
  for (const name of ['frame', 'missing']) {
    await tab.hellos.first(`the hello of ${name}.html`, ({ url }) => url.endsWith(`/${name}.html`));
  }
  // An error page is a document of the site, and could not be shown in the frame without the headers.
  const lines = await daemon.cli('eval', '[document.title, crossOriginIsolated]');
  const values = lines.trim().split('\n').map((line) => line.replace(/^\w+: /, ''));
  assert.deepEqual(values.sort(), ['["404 Not Found",true]', '["frame",true]', '["threads",true]']);
  // The place of a syntax error is found with a frame.
  assert.match(await daemon.refuses(1, 'eval', '1 +\n2 +'), /SyntaxError: .*:3:1\)$/m);
});

claim('without it a page has no shared memory', async (world) => {
  const daemon = await world.daemon({ site: await world.site(files), args: ['--inject', 'always'] });
  const tab = await world.page(daemon);
  assert.equal(await tab.evaluate(() => `${crossOriginIsolated} ${typeof SharedArrayBuffer}`), 'false undefined');
});
