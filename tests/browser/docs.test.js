/** Scripts in the documentation that need a page. `tests/docs.rs` covers the others. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { claim } from './harness.js';

const GUIDE = fileURLToPath(new URL('../../docs/command-line.md', import.meta.url));

claim('the script that checks a page runs as the guide has it', async (world) => {
  const guide = await readFile(GUIDE, 'utf8');
  const [, block] = /## Check a page in a script\n+```sh\n(.*?)```/s.exec(guide);
  const folder = await world.site({
    'my-site/index.html': '<!doctype html>\n<title>a site</title>\n',
    'my-site/checks.js': "export default () => document.title === 'a site';\n",
    // The tab below stands for the browser.
    'script.sh': `set -eu\n${block.replace(/^my-browser .*$/m, '')}`,
  });
  const script = world.script(path.join(folder, 'script.sh'), folder);
  const { http } = JSON.parse(await script.line('the ready line'));
  await world.page({ origin: http });
  const [, ...printed] = await script.lines();
  assert.deepEqual(printed, ['true', 'reached 1 page', 'true']);
});
