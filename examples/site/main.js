// Page code may import the socket client by its path, whoever had it injected.
import { webSocket, sendMessage } from '/__pagewire__/client.js';

const log = document.getElementById('log');
let n = 0;

webSocket.addEventListener('message', (event) => {
  const message = JSON.parse(event.data);
  if (!message.type.startsWith('pagewire:')) log.append(event.data, '\n');
});

document.getElementById('ping').addEventListener('click', () => {
  sendMessage({ type: 'ping', n: ++n });
});
