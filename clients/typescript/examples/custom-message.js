// Sends the number of pages to every page in a custom message, whenever a page connects.

import { run } from 'pagewire';

await run({
  name: 'custom-message',
  injectWebSocket: true,
  async onSocketReady(_socket, client) {
    const pages = (await client.sockets()).length;
    await client.send({ all: true }, { type: 'custom-message', data: { pages } });
  },
});
