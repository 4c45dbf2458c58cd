// Prints to the console of every page, 1 s after the page or the plugin is ready.

import { setTimeout } from 'node:timers/promises';
import { run } from 'pagewire';

await run({
  name: 'console-log',
  injectWebSocket: true,
  // Pages that connect later are greeted once they are ready.
  async onSocketReady({ socketId }, client) {
    await setTimeout(1000);
    await client.consoleLog({ socket: socketId }, 'log', 'Hello from Pagewire');
  },
  async serverStart({ sockets, client }) {
    await setTimeout(1000);
    const ready = sockets.filter((socket) => socket.ready).map((socket) => socket.socketId);
    if (ready.length > 0) await client.consoleLog({ socket: ready }, 'log', 'Hello from Pagewire');
  },
});
