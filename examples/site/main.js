// Page code can import the socket client by its path, whether or not it was injected.
import { webSocket, sendMessage } from '/__pagewire__/client.js';

const log = document.getElementById('log');
let n = 0;

webSocket.addEventListener('message', (event) => {
  // The socket client handles imports and Pagewire's own messages.
  const { type } = JSON.parse(event.data);
  if (type !== 'import' && !type.startsWith('pagewire:')) log.append(event.data, '\n');
});

document.getElementById('ping').addEventListener('click', () => {
  sendMessage({ type: 'ping', n: ++n });
});
