/**
 * The plugins of a case, as compare/plugins.rs has them, for a server that runs them in its own process.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { act } from './talk.js';

const COUNT = 32;
const SLOW_MS = 100;
const LINE = 'export const transformed = true;\n';
const CALLS_PATH = '/virtual/calls';

let calls = 0;
const counted = (context) => (context.path === CALLS_PATH ? { body: String(calls), type: 'text' } : undefined);

const serving = (module) => ({
  name: 'serving',
  serve(context) {
    if (context.path !== '/virtual/module.js') return counted(context);
    calls += 1;
    return { body: module, type: 'js' };
  },
});

const transforming = (isWanted, transformCache) => ({
  name: 'transforming',
  serve: counted,
  transform(context) {
    if (!isWanted(context.path)) return undefined;
    calls += 1;
    return { body: context.body + LINE, transformCache };
  },
});

function bystander(index) {
  const prefix = `/bystander-${index}/`;
  const regex = new RegExp(`\\.bystander${index}$`);
  const look = (context) => (context.path.startsWith(prefix) || regex.test(context.path) ? { body: 'mine' } : undefined);
  return { name: `bystander-${index}`, serve: look, transform: look };
}

const slow = (module) => ({
  name: 'slow',
  async serve(context) {
    if (context.path !== '/slow/module.js') return undefined;
    await wait(SLOW_MS);
    return { body: module, type: 'js' };
  },
});

const talk = {
  name: 'talk',
  serverStart({ webSockets }) {
    const send = (text) => webSockets.send(text);
    const count = () => webSockets.webSocketServer.clients.size;
    webSockets.on('message', ({ webSocket, data }) => act({ webSocket, data, send, count }));
  },
};

/** The plugins of this name. */
export async function pluginsOf(name, rootDir) {
  const module = await readFile(path.join(rootDir, 'module.js'), 'utf8');
  const isModule = (url) => url === '/module.js';
  const bystanders = (count) => Array.from({ length: count }, (_, index) => bystander(index));
  switch (name) {
    case 'serve':
    case 'remember': return [serving(module)];
    case 'transform': return [transforming(isModule, false)];
    case 'cache': return [transforming(isModule, true)];
    case 'bystanders': return bystanders(COUNT);
    case 'many': return [...bystanders(COUNT - 1), transforming((url) => url.startsWith('/many/'), true)];
    case 'talk': return [talk];
    case 'language': return [serving(module), talk];
    case 'slow': return [slow(module), serving(module)];
    default: throw new Error(`no plugins are called ${name}`);
  }
}
