/// <reference types="pagewire/page" />
// Page code, compiled by `check` as in a user's project. It runs nowhere: `tests/browser/docs.test.js` compares the
// names with those of the client.

import {
  sendMessage,
  sendMessageWaitForResponse,
  stable,
  webSocket,
  webSocketOpened,
} from '/__pagewire__/client.js';
import { webSocket as same } from '/__web-dev-server__web-socket.js';

interface Ping {
  type: 'ping';
  n: number;
}

await webSocketOpened;
const ping: Ping = { type: 'ping', n: 1 };
await sendMessage(ping);
await sendMessage({ type: 'ping', text: stable({ b: 1, a: [2] }) });
const sum = await sendMessageWaitForResponse<number>({ type: 'add', a: 1, b: 2 });
await sendMessageWaitForResponse(ping);
webSocket.addEventListener('message', ({ data }) => console.log(String(data), sum.toFixed()));
same.onclose = ({ code }) => console.log(code, same.readyState === same.CONNECTING);

// @ts-expect-error A message has a type.
await sendMessage({ n: 1 });
// @ts-expect-error A reply is unknown until the caller names its type.
(await sendMessageWaitForResponse({ type: 'add' })).toFixed();
// @ts-expect-error A request has a type.
await sendMessageWaitForResponse({ n: 1 });
