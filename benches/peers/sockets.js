/**
 * The sockets of pages by `ws` alone, as a program would use it that needs nothing else. Prints the port
 * that it listens on.
 *
 *     node sockets.js
 */

import { WebSocket, WebSocketServer } from 'ws';
import { act } from './talk.js';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/wds' });

function send(text) {
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(text);
  }
}

server.on('connection', (webSocket) => {
  webSocket.on('error', () => {});
  webSocket.on('message', (message) => {
    act({ webSocket, data: JSON.parse(message), send, count: () => server.clients.size });
  });
});
server.on('listening', () => console.log(server.address().port));
