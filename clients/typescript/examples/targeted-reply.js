// Replies only to the page that sent a message.
//
// In a page: import { sendMessage } from '/__pagewire__/client.js', then
// sendMessage({ type: 'ping', n: 1 }).

import { run } from 'pagewire';

await run({
  name: 'targeted-reply',
  injectWebSocket: true,
  onMessage: {
    ping: (message, client) =>
      client.send({ socket: message.socketId }, { type: 'pong', n: message.json().n }),
  },
});
