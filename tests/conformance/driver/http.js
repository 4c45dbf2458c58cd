/** What a browser does without a page: HTTP requests, each on a connection of its own. */

import http from 'node:http';

/** Begins a request; gives `{answer, abort}`. The answer is `{status, headers, body}`. */
export function request(origin, { method, path, headers = {}, body }) {
  const asked = http.request(origin + path, {
    method, headers: { ...headers, connection: 'close' }, agent: false,
  });
  const answer = new Promise((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({
        status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString(),
      }));
    });
  });
  answer.catch(() => {}); // Whoever awaits it is told.
  asked.end(body);
  return { answer, abort: () => asked.destroy() };
}
