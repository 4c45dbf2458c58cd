// Page code may import the socket client by its path, whoever had it injected.
import { webSocket, sendMessage } from '/__pagewire__/client.js';

const log = document.getElementById('log');
let n = 0;

webSocket.addEventListener('message', (event) => {
  // Imports and our own messages are the socket client's business.
  const { type } = JSON.parse(event.data);
  if (type !== 'import' && !type.startsWith('pagewire:')) log.append(event.data, '\n');
});

document.getElementById('ping').addEventListener('click', () => {
  sendMessage({ type: 'ping', n: ++n });
});
