// The benchmark plugin in Node: serves the given file and answers messages from pages.

import { readFile } from 'node:fs/promises';
import { run } from 'pagewire';

const module = await readFile(process.argv[2], 'utf8');
let calls = 0;

await run({
  name: 'language',
  serve: {
    filter: { path: ['/virtual/module.js', '/virtual/calls'] },
    handler({ path }) {
      if (path === '/virtual/calls') return { body: String(calls), type: 'text' };
      calls += 1;
      return { body: module, type: 'js' };
    },
  },
  onMessage: {
    ask(message, client) {
      const { page, number } = message.json();
      return client.send({ socket: message.socketId }, { type: 'answer', page, next: number + 1 });
    },
  },
  serverStart: () => console.log('ready'),
});
