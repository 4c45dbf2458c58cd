// Tells every page how many pages there are, in a message of our own, whenever one comes.

import { run } from 'pagewire';

await run({
  name: 'custom-message',
  injectWebSocket: true,
  async onSocketReady(_socket, client) {
    const pages = (await client.sockets()).length;
    await client.send({ all: true }, { type: 'custom-message', data: { pages } });
  },
});
