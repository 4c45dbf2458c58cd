/**
 * Starts @web/dev-server-core with an in-process plugin that requests injection of the socket client. With --watch,
 * starts @web/dev-server instead, because only that package watches files. Prints the port of the server.
 *
 *     node web-dev-server.js ROOT [--port PORT] [--watch | --plugins NAME]
 */

import { startDevServer } from '@web/dev-server';
import { DevServer } from '@web/dev-server-core';
import { parseArgs } from 'node:util';
import { pluginSet } from './plugins.js';

const { values, positionals: [rootDir] } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '0' }, watch: { type: 'boolean' }, plugins: { type: 'string' } },
});

const port = Number(values.port);

const silent = () => {};
const logger = {
  log: silent, debug: silent, error: console.error, warn: console.error, group: silent, groupEnd: silent,
  logSyntaxError: silent,
};

async function start() {
  if (values.watch) {
    const options = { readCliArgs: false, readFileConfig: false, autoExitProcess: false, logStartMessage: false };
    return startDevServer({ ...options, config: { rootDir, hostname: '127.0.0.1', port, watch: true, open: false } });
  }
  const plugins = [{ name: 'bench', injectWebSocket: true }];
  if (values.plugins) plugins.push(...await pluginSet(values.plugins, rootDir));
  const config = { rootDir, hostname: '127.0.0.1', port, basePath: '', injectWebSocket: true, plugins, middleware: [] };
  const server = new DevServer(config, logger);
  await server.start();
  return server;
}

const server = await start();
console.log(server.server.address().port);
