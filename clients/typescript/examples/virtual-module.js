// Serves a module that is not a file, and makes pages import it when they become ready.

import { run } from 'pagewire';

const MODULE = "export default () => { document.body.append('Hello from a virtual module'); };";

await run({
  name: 'virtual-module',
  injectWebSocket: true,
  serve: { filter: '/virtual/hello.js', handler: () => MODULE },
  onSocketReady: ({ socketId }, client) =>
    client.sendImport({ socket: socketId }, { path: '/virtual/hello.js' }),
});
