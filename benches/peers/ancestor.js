/**
 * The ancestor: @web/dev-server-core with a plugin in process that asks for its socket client, as
 * the smallest host of it would run it. Prints the port that it listens on.
 *
 *     node ancestor.js ROOT
 */

import { DevServer } from '@web/dev-server-core';

const [rootDir] = process.argv.slice(2);
const plugin = { name: 'bench', injectWebSocket: true };
const config = {
  rootDir, hostname: '127.0.0.1', port: 0, basePath: '', injectWebSocket: true, plugins: [plugin], middleware: [],
};
const silent = () => {};
const logger = {
  log: silent, debug: silent, error: console.error, warn: console.error, group: silent, groupEnd: silent,
  logSyntaxError: silent,
};

const server = new DevServer(config, logger);
await server.start();
console.log(server.server.address().port);
