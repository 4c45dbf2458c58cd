/**
 * The messages that compare/peers/messages.rs describes, handled in the process of a server.
 */

import { setTimeout as wait } from 'node:timers/promises';

const IMPORT = { importPath: '/module.js', args: [] };
const TIMEOUT_MS = 10_000;

/** Pending imports by call id. */
const calls = new Map();
let lastCall = 0;

/** Handles a message of a page. `send` sends a text to all pages, `pageCount` returns their number. */
export async function handleMessage({ webSocket, data, send, pageCount }) {
  switch (data.type) {
    case 'ask':
      webSocket.send(JSON.stringify({ type: 'answer', page: data.page, next: data.number + 1 }));
      break;
    case 'burst':
      for (let sent = 0; sent < data.count; sent += 1) send(data.text);
      break;
    case 'import': {
      const start = performance.now();
      const values = await importInAllPages(send, pageCount());
      webSocket.send(JSON.stringify({ type: 'imported', us: (performance.now() - start) * 1000, values }));
      break;
    }
    case 'pagewire:result':
      calls.get(data.callId)?.(data.value.json);
      break;
  }
}

/** Minimal: it does not distinguish pages and expects all of them to stay connected. */
async function importInAllPages(send, pages) {
  lastCall += 1;
  const callId = `call-${lastCall}`;
  const values = [];
  const timeout = new AbortController();
  const results = new Promise((resolve) => {
    calls.set(callId, (value) => {
      values.push(value);
      if (values.length === pages) resolve();
    });
  });
  send(JSON.stringify({ type: 'import', data: { ...IMPORT, callId } }));
  await Promise.race([results, wait(TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
  calls.delete(callId);
  return values;
}
