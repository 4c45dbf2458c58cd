/** Scripts in the documentation that need a page, and the types of the page API. `tests/docs.rs` covers the others. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { claim, claimWithPython, TESTS } from './harness.js';

const GUIDE = fileURLToPath(new URL('../../docs/command-line.md', import.meta.url));
const RAW_GRPC = fileURLToPath(new URL('../../docs/raw-grpc.md', import.meta.url));
const PAGE_TYPES = fileURLToPath(new URL('../../clients/typescript/page.d.ts', import.meta.url));

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

claimWithPython('grpc_tools', 'the plugin without a library serves a page and greets it', async (world, packages) => {
  const guide = await readFile(RAW_GRPC, 'utf8');
  const [, generate] = /^(python3 -m grpc_tools\.protoc .*)$/m.exec(guide);
  const [, plugin] = /```python\n(.*?)```/s.exec(guide);
  const daemon = await world.daemon();
  const folder = await world.site({
    'plugin.py': plugin,
    'script.sh': `set -eu\nexport PYTHONPATH=${packages} CLONE=${path.dirname(TESTS)}\n${generate}\nexec python3 plugin.py\n`,
  });
  const script = world.script(path.join(folder, 'script.sh'), folder);
  const [, location] = /^serving (.*)$/.exec(await script.line('the address'));
  assert.equal(location, `${daemon.origin}/hello`);
  const tab = await world.page(daemon, '/hello');
  await tab.page.waitForFunction(() => document.title === 'Hello page');
});

claim('the types of the page API name what the client exports', async (world) => {
  const types = await readFile(PAGE_TYPES, 'utf8');
  const [, declared] = /declare module '\*\/__pagewire__\/client\.js' \{(.*?)^\}/ms.exec(types);
  const values = [...declared.matchAll(/^ {2}export (?:function|const) (\w+)/gm)].map(([, name]) => name);
  const members = [...declared.matchAll(/^ {4}\| '(\w+)'$/gm)].map(([, name]) => name);
  const daemon = await world.daemon();
  const tab = await world.page(daemon);
  const [exported, missing] = await tab.evaluate(async (names) => {
    const { webSocket, ...others } = await import('/__pagewire__/client.js');
    return [['webSocket', ...Object.keys(others)], names.filter((name) => !(name in webSocket))];
  }, members);
  assert.deepEqual(values.sort(), exported.sort());
  assert.ok(members.length > 10, 'the members have been found');
  assert.deepEqual(missing, []);
});
