/** Pagewire as a proxy in front of real sites, in a real browser: they behave as they do without it. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { claimBehind, until } from './harness.js';

/** The download that the sites send. */
const PIECE = Buffer.alloc(251 * 4096, Buffer.from(Array.from({ length: 251 }, (_, byte) => byte)));
const PIECES = 102;

async function sha256(pieces) {
  const hash = createHash('sha256');
  let length = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    length += piece.length;
  }
  return { length, sha256: hash.digest('hex') };
}

const proxying = async (world, backend) => world.daemon({
  site: await world.site({}),
  args: ['--inject', 'always', '--proxy', backend.origin],
});

for (const framework of ['aiohttp', 'express']) {
  claimBehind(framework, 'page, form, login, web socket and download', async (world) => {
    const daemon = await proxying(world, await world.backend(framework));
    // Its hello proves that the client is in the page.
    const page = await world.page(daemon, '/');
    await page.shows(`${framework} welcomes guest`);

    await page.after(async () => {
      await page.page.fill('[name=text]', '<ü & i>');
      await page.page.click('#send');
    });
    await page.shows(`${framework} got <ü & i>`);

    await page.open(`${daemon.origin}/`);
    await page.after(async () => {
      await page.page.fill('[name=user]', 'ada');
      await page.page.click('#login');
    });
    await page.shows(`${framework} welcomes ada`);
    assert.equal(page.page.url(), `${daemon.origin}/`, 'the redirect stays on the proxy');
    await page.after(() => page.page.reload({ waitUntil: 'commit' }));
    await page.shows(`${framework} welcomes ada`);

    const echoes = await page.evaluate(async () => {
      const socket = new WebSocket(`ws://${location.host}/socket`);
      socket.binaryType = 'arraybuffer';
      await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
      const answer = (sent) => new Promise((resolve) => {
        socket.onmessage = ({ data }) => resolve(data);
        socket.send(sent);
      });
      const text = await answer('hello');
      const large = new Uint8Array(1024 * 1024).fill(1);
      large[0] = 2;
      const bytes = new Uint8Array(await answer(large));
      return { text, length: bytes.length, last: bytes.at(-1) };
    });
    assert.deepEqual(echoes, { text: `${framework} received hello`, length: 1024 * 1024, last: 2 });

    const begun = page.page.waitForEvent('download', { timeout: 0 });
    await page.page.click('#download');
    const download = await until('the download to begin', begun);
    const file = await until('the download to end', download.path());
    assert.deepEqual(await sha256(createReadStream(file)), await sha256(Array(PIECES).fill(PIECE)));
  });

  claimBehind(framework, 'a page of an unreachable backend loads by itself once the backend is back', async (world) => {
    const backend = await world.backend(framework);
    const daemon = await proxying(world, backend);
    const page = await world.page(daemon, '/');
    await page.shows(`${framework} welcomes guest`);
    await backend.stop();
    await page.page.reload();
    await page.shows(`cannot connect to ${backend.origin}`);
    await world.backend(framework, backend.port);
    await page.shows(`${framework} welcomes guest`);
  });
}
