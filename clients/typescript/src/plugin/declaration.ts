/** Checks the declaration of a plugin before it connects, for programs without types. */

import {
  BOOLEAN,
  COUNT,
  FUNCTION,
  NUMBER,
  OBJECT,
  TEXT,
  TEXTS,
  check,
  checkOptions,
  oneOf,
  type Kind,
  type Shape,
} from '../check.js';
import { PagewireError } from '../errors.js';
import { fromFilters } from '../filter.js';
import { LiveFilters } from '../liveFilters.js';
import type { HookOptions, Plugin, ResolveImport, Serve, Transform } from './plugin.js';

const PLUGIN: Shape<Plugin> = {
  name: TEXT,
  version: TEXT,
  requiredFeatures: TEXTS,
  injectWebSocket: BOOLEAN,
  replaceExisting: BOOLEAN,
  serverStart: FUNCTION,
  serverStop: FUNCTION,
  serve: OBJECT,
  transform: OBJECT,
  resolveImport: OBJECT,
  onMessage: OBJECT,
  onRequest: OBJECT,
  onSocketOpened: FUNCTION,
  onSocketReady: FUNCTION,
  onSocketClosed: FUNCTION,
};

const HOOK: Shape<HookOptions & { handler: unknown }> = {
  // `fromFilters` checks it.
  filter: { name: 'a filter', test: () => true },
  handler: FUNCTION,
  callTimeoutMs: NUMBER,
  maxConcurrentCalls: COUNT,
  failureMode: oneOf('fail', 'skip'),
  forwardRequestHeaders: TEXTS,
};

const SERVE: Shape<Serve> = {
  ...HOOK,
  phase: oneOf('first', 'before_files', 'after_files'),
  maxRequestBodyBytes: COUNT,
};
const TRANSFORM: Shape<Transform> = { ...HOOK, maxBodyBytes: COUNT };
const RESOLVE_IMPORT: Shape<ResolveImport> = { ...HOOK, specifiers: TEXTS };

/** Fails with an error of the kind `plugin` that names the invalid option. */
export function checkPlugin(plugin: Plugin): void {
  try {
    checkOptions('the plugin', plugin, PLUGIN);
    check('`name` of the plugin', plugin.name, TEXT);
    checkHook('serve', plugin.serve, SERVE);
    checkHook('transform', plugin.transform, TRANSFORM);
    checkHook('resolveImport', plugin.resolveImport, RESOLVE_IMPORT);
    checkMessages(plugin);
  } catch (error) {
    const name = typeof plugin?.name === 'string' ? `plugin \`${plugin.name}\`: ` : '';
    throw new PagewireError('plugin', name + (error as Error).message);
  }
}

function checkHook(
  name: string,
  hook: Serve | Transform | ResolveImport | undefined,
  shape: Readonly<Record<string, Kind>>,
): void {
  if (hook === undefined) return;
  checkOptions(name, hook, shape);
  if (hook.filter === undefined) {
    throw new TypeError(`${name} has no filter (use { all: true } to match everything)`);
  }
  if (!(hook.filter instanceof LiveFilters)) {
    const filters = fromFilters(hook.filter, `\`filter\` of ${name}`);
    if (filters.length === 0) {
      const remedy = 'use { all: true } to match everything, or LiveFilters to add filters later';
      throw new TypeError(
        `\`filter\` of ${name} is empty, so it would never be called (${remedy})`,
      );
    }
  }
  check(`\`handler\` of ${name}`, (hook as { handler: unknown }).handler, FUNCTION);
}

function checkMessages({ onMessage = {}, onRequest = {} }: Plugin): void {
  for (const [name, handlers] of Object.entries({ onMessage, onRequest })) {
    for (const [type, handler] of Object.entries(handlers)) {
      check(`\`${type}\` of ${name}`, handler, FUNCTION);
    }
  }
  for (const type of Object.keys(onRequest)) {
    if (Object.hasOwn(onMessage, type)) {
      throw new TypeError(`message \`${type}\` has two handlers (keep onMessage or onRequest)`);
    }
  }
}
