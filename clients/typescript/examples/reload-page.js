// Reloads every page once, with a module in a data URL.

import { run } from 'pagewire';

// A tab keeps its id across reloads, so each is reloaded once.
const reloaded = new Set();

await run({
  name: 'reload-page',
  injectWebSocket: true,
  async onSocketReady({ socketId, tabId }, client) {
    if (reloaded.has(tabId)) return;
    reloaded.add(tabId);
    const path = 'data:text/javascript,window.location.reload()';
    await client.sendImport({ socket: socketId }, { path });
  },
});
