/** HTTP requests, each on a connection of its own. */

import http from 'node:http';

/** Sends a request; returns `{response, abort}`. The response is a promise of `{status, headers, body}`. */
export function request(origin, { method, path, headers = {}, body }) {
  const outgoing = http.request(origin + path, {
    method, headers: { ...headers, connection: 'close' }, agent: false,
  });
  const received = new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({
        status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString(),
      }));
    });
  });
  received.catch(() => {}); // The caller may await it later.
  outgoing.end(body);
  return { response: received, abort: () => outgoing.destroy() };
}
