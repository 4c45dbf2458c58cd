/** Runs the examples in the current folder and checks the effect of each on a page. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { connect } from 'pagewire';
import { Daemon, Page, until, within } from './support.js';

const daemon = await Daemon.start();
const client = await connect({ endpoint: daemon.control });
after(async () => {
  client.close();
  await daemon.stop();
  daemon.removeFolders();
});

/** The first message that each example sends to a page after the page's ping. */
const HEARD = {
  'targeted-reply': /^{"type":"pong","n":7}$/,
  'console-log': /"Hello from Pagewire"/,
  'virtual-module': /"type":"import".*"\/virtual\/hello\.js"/,
  'virtual-module-parameters': /"type":"import".*"\/virtual\/greet\.js".*\["Pagewire",2\]/,
  'reload-page': /"type":"import".*window\.location\.reload\(\)/,
  'custom-message': /^{"type":"custom-message","data":{"pages":1}}$/,
};
const MODULES: Record<string, string> = {
  'virtual-module': '/virtual/hello.js',
  'virtual-module-parameters': '/virtual/greet.js',
};

for (const [name, heard] of Object.entries(HEARD)) {
  test(`${name} does what it says`, async () => {
    const example = spawn(process.execPath, [`examples/${name}.js`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(example, 'exit');
    const lines = createInterface({ input: example.stdout });
    try {
      const ready = until('it', async () => (await client.plugins())[0]?.state === 'ready');
      await Promise.race([ready, ended.then(() => assert.fail('it ended'))]);
      const page = await Page.open(daemon);
      page.say({ type: 'ping', n: 7 });
      const text = await page.hearText();
      assert.match(text, heard);
      const module = MODULES[name];
      if (module !== undefined) {
        assert.match(await (await daemon.get(module)).text(), /^export default /);
      }
      if (name === 'virtual-module-parameters') {
        const { data } = JSON.parse(text) as { data: { callId: string } };
        const line = once(lines, 'line');
        page.say({ type: 'pagewire:result', ...data, ok: true, value: { json: 31 } });
        assert.deepEqual(await within('a line', line), ['the page wrote 31 letters']);
      }
      page.close();
    } finally {
      example.kill();
      await ended;
    }
    // The next example must see only one page.
    await until('silence', async () => {
      return (await client.plugins()).length + (await client.sockets()).length === 0;
    });
  });
}
