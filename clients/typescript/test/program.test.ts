/** Plugins in programs of their own: signals, and plugins that the daemon spawned. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { connect } from 'pagewire';
import { Daemon, Events, Folder, until, within } from './support.js';

const library = JSON.stringify(import.meta.resolve('pagewire'));

describe('a program', () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await Daemon.start();
  });
  after(async () => {
    await daemon.stop();
    daemon.removeFolders();
  });

  /** A program that runs a plugin until the first signal, with a `serverStop` in JavaScript. */
  async function program(serverStop: string) {
    const text = `import { run } from ${library};
      const serverStart = () => console.log('started');
      await run({ name: 'p', serverStart, serverStop: ${serverStop} }, { endpoint: '${daemon.control}' });
      console.log('returned');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    const lines = new Events<string>();
    createInterface({ input: child.stdout }).on('line', lines.tell);
    assert.equal(await lines.next('the start'), 'started');
    return { child, lines, exit };
  }

  test('goes on after run when a signal has stopped its plugin', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const { child, lines, exit } = await program("() => console.log('stopping')");
      child.kill(signal);
      assert.equal(await lines.next('the stop'), 'stopping');
      assert.equal(await lines.next('the return'), 'returned');
      assert.deepEqual(await within('the exit', exit), [0, null]);
    }
  });

  test('ends at once at a second signal', async () => {
    const hang = "() => (console.log('stopping'), new Promise(() => {}))";
    const { child, lines, exit } = await program(hang);
    child.kill('SIGINT');
    assert.equal(await lines.next('the stop'), 'stopping');
    child.kill('SIGTERM');
    assert.deepEqual(await within('the exit', exit), [null, 'SIGTERM']);
  });
});

describe('a plugin that the daemon spawned', () => {
  /** A daemon that spawns a plugin, and a connection that lasts as long as the plugin's process. */
  async function spawning() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const site = new Folder();
    const file = site.write(
      'plugin.mjs',
      `import { connect } from 'node:net';
      import { run } from ${library};
      connect(${(server.address() as AddressInfo).port}).on('error', () => {}).unref();
      await run({ name: 'child', serve: { filter: '/x', handler: () => 'mine' } });
      console.log('returned');`,
    );
    const connection = once(server, 'connection');
    const flags = ['--plugin', `'${process.execPath}' '${file}'`];
    const daemon = await Daemon.start(flags, { site, runtime: new Folder() });
    const [socket] = (await within('the process', connection)) as [Socket];
    const gone = once(socket, 'close');
    socket.on('error', () => undefined).resume();
    const client = await connect({ endpoint: daemon.control });
    // Polled, because no page waits for an optional plugin.
    await until('the plugin', async () => (await client.plugins())[0]?.state === 'ready');
    client.close();
    return { daemon, gone, server };
  }

  test('serves, and ends when its daemon stops or is killed', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const { daemon, gone, server } = await spawning();
      assert.equal(await (await daemon.get('/x')).text(), 'mine');
      await daemon.end(signal);
      await within('the end of the process', gone);
      server.close();
      daemon.removeFolders();
    }
  });
});
