/**
 * What compare/talk.rs describes, for a server that does it in its own process.
 */

import { setTimeout as wait } from 'node:timers/promises';

const IMPORT = { importPath: '/module.js', args: [] };
const GUARD_MS = 10_000;

/** The imports that are awaited, by their call ids. */
const calls = new Map();
let lastCall = 0;

/**
 * Acts on a message. `send` sends a text to all pages, `count` says how many there are.
 */
export async function act({ webSocket, data, send, count }) {
  switch (data.type) {
    case 'ask':
      webSocket.send(JSON.stringify({ type: 'answer', page: data.page, next: data.number + 1 }));
      break;
    case 'burst':
      for (let sent = 0; sent < data.count; sent += 1) send(data.text);
      break;
    case 'import': {
      const began = performance.now();
      const values = await importEverywhere(send, count());
      webSocket.send(JSON.stringify({ type: 'imported', us: (performance.now() - began) * 1000, values }));
      break;
    }
    case 'pagewire:result':
      calls.get(data.callId)?.(data.value.json);
      break;
  }
}

/** As small as it can be: no page is told from another, none may leave. */
async function importEverywhere(send, pages) {
  lastCall += 1;
  const callId = `call-${lastCall}`;
  const values = [];
  const guard = new AbortController();
  const answered = new Promise((resolve) => {
    calls.set(callId, (value) => {
      values.push(value);
      if (values.length === pages) resolve();
    });
  });
  send(JSON.stringify({ type: 'import', data: { ...IMPORT, callId } }));
  await Promise.race([answered, wait(GUARD_MS, undefined, { signal: guard.signal }).catch(() => {})]);
  guard.abort();
  calls.delete(callId);
  return values;
}
