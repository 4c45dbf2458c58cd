/**
 * The plugins of compare/peers/plugins.rs, for a server that runs them in its own process.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { handleMessage } from './messages.js';

const MANY_PLUGINS = 32;
const SLOW_DELAY_MS = 100;
const APPENDED_LINE = 'export const transformed = true;\n';
const CALLS_PATH = '/virtual/calls';

let calls = 0;
const serveCallCount = (context) => (context.path === CALLS_PATH ? { body: String(calls), type: 'text' } : undefined);

const servingPlugin = (module) => ({
  name: 'serving',
  serve(context) {
    if (context.path !== '/virtual/module.js') return serveCallCount(context);
    calls += 1;
    return { body: module, type: 'js' };
  },
});

const transformingPlugin = (matches, transformCache) => ({
  name: 'transforming',
  serve: serveCallCount,
  transform(context) {
    if (!matches(context.path)) return undefined;
    calls += 1;
    return { body: context.body + APPENDED_LINE, transformCache };
  },
});

function bystanderPlugin(index) {
  const prefix = `/bystander-${index}/`;
  const regex = new RegExp(`\\.bystander${index}$`);
  const handle = (context) => (context.path.startsWith(prefix) || regex.test(context.path) ? { body: 'mine' } : undefined);
  return { name: `bystander-${index}`, serve: handle, transform: handle };
}

const slowPlugin = (module) => ({
  name: 'slow',
  async serve(context) {
    if (context.path !== '/slow/module.js') return undefined;
    await wait(SLOW_DELAY_MS);
    return { body: module, type: 'js' };
  },
});

const messagesPlugin = {
  name: 'messages',
  serverStart({ webSockets }) {
    const send = (text) => webSockets.send(text);
    const pageCount = () => webSockets.webSocketServer.clients.size;
    webSockets.on('message', ({ webSocket, data }) => handleMessage({ webSocket, data, send, pageCount }));
  },
};

/** The plugins of the set with this name. */
export async function pluginSet(name, rootDir) {
  const module = await readFile(path.join(rootDir, 'module.js'), 'utf8');
  const isModule = (url) => url === '/module.js';
  const bystanders = (count) => Array.from({ length: count }, (_, index) => bystanderPlugin(index));
  switch (name) {
    case 'serve':
    case 'remember': return [servingPlugin(module)];
    case 'transform': return [transformingPlugin(isModule, false)];
    case 'cache': return [transformingPlugin(isModule, true)];
    case 'bystanders': return bystanders(MANY_PLUGINS);
    case 'many': return [...bystanders(MANY_PLUGINS - 1), transformingPlugin((url) => url.startsWith('/many/'), true)];
    case 'messages': return [messagesPlugin];
    case 'language': return [servingPlugin(module), messagesPlugin];
    case 'slow': return [slowPlugin(module), servingPlugin(module)];
    default: throw new Error(`unknown plugin set: ${name}`);
  }
}
