/** What handlers get besides their argument, made by hand: a context, and a client without a daemon. */

import { ARRAY, BOOLEAN, OBJECT, TEXT, TEXTS, checkOptions, type Shape } from '../check.js';
import { Client } from '../client.js';
import type { ServerInfo } from '../info.js';
import type { Context } from '../plugin/plugin.js';

/** The parts of a context that a test names. */
export type ContextFields = Partial<Omit<Context, 'server'>>;

const CONTEXT: Shape<ContextFields> = {
  client: OBJECT,
  pluginName: TEXT,
  sockets: ARRAY,
  socketsTruncated: BOOLEAN,
  position: OBJECT,
  serverInfo: OBJECT,
  rootDirs: TEXTS,
  scratchDir: TEXT,
  config: { name: 'any value', test: () => true },
};

const SERVER_INFO: ServerInfo = {
  serverVersion: '0.0.0',
  features: [],
  baseUrls: ['http://localhost:8000'],
  epoch: 'epoch',
  startTime: new Date(0),
  limits: {
    maxMessageBytes: 16 * 1024 * 1024,
    maxBodyBytes: 16 * 1024 * 1024,
    maxCallTimeoutMs: 60_000,
    maxSocketQueueBytes: 1024 * 1024,
    eventLogEntries: 0,
    eventLogBytes: 64 * 1024 * 1024,
  },
  refusedFrames: 0,
  injectsClient: true,
  pagesWithClient: 0,
  pagesWithoutClient: 0,
  allowedOrigins: [],
  withoutClientReasons: [],
};

/** Makes a client without a daemon, for handlers that get one and do not use it: its calls fail. */
export function client(): Client {
  const fail = (name: PropertyKey) => () =>
    Promise.reject(
      new Error(`client.${String(name)}: this client has no daemon (start one with startDaemon)`),
    );
  return new Proxy(Object.create(Client.prototype) as Client, {
    get: (target, name) => {
      const own: unknown = Reflect.get(Client.prototype, name);
      return typeof own === 'function' && name !== 'constructor'
        ? fail(name)
        : (Reflect.get(target, name) as unknown);
    },
  });
}

/** Makes the argument of `serverStart`. */
export function context(fields: ContextFields = {}): Context {
  checkOptions('the context', fields, CONTEXT);
  const serverInfo = fields.serverInfo ?? SERVER_INFO;
  return {
    client: client(),
    pluginName: 'plugin',
    sockets: [],
    socketsTruncated: false,
    position: { epoch: serverInfo.epoch, sequence: 0 },
    rootDirs: [],
    scratchDir: '',
    config: undefined,
    ...fields,
    serverInfo,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- handlers may read the old name
    server: serverInfo,
  };
}
