/**
 * WebSocket server for pages, built on the package `ws`: it serves no files. Prints the
 * port that it listens on.
 *
 *     node ws-server.js
 */

import { WebSocket, WebSocketServer } from 'ws';
import { handleMessage } from './messages.js';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/wds' });

function send(text) {
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(text);
  }
}

server.on('connection', (webSocket) => {
  webSocket.on('error', () => {});
  webSocket.on('message', (message) => {
    handleMessage({ webSocket, data: JSON.parse(message), send, pageCount: () => server.clients.size });
  });
});
server.on('listening', () => console.log(server.address().port));
