/** The command line in a shell script: each command can rely on the effect of the previous one. */

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { claim } from './harness.js';

const SCRIPT = fileURLToPath(new URL('script.sh', import.meta.url));
const TIMES = process.env.PAGEWIRE_FULL === '1' ? 100 : 3;

const INDEX = `<!doctype html>
<title>a site</title>
<script>sessionStorage.loads = Number(sessionStorage.loads ?? 0) + 1;</script>
`;

claim(`start, wait, eval, reload --wait, eval, stop: ${TIMES} times without a race`, async (world) => {
  const site = await world.site({ 'index.html': INDEX });
  for (let time = 1; time <= TIMES; time += 1) {
    const script = world.script(SCRIPT, site);
    const { http } = JSON.parse(await script.line('the ready line'));
    const tab = await world.page({ origin: http });
    const [, ...printed] = await script.lines();
    assert.deepEqual(printed, ['"a site"', '"1"', 'reached 1 page', '"2"'], `run ${time}`);
    await assert.rejects(fetch(http), 'the daemon has exited');
    await tab.page.close();
  }
});
