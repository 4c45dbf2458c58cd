import { BOOLEAN, OBJECT, ONE_OR_MORE, TEXT, checkOptions, type Shape } from './check.js';
import type { Target as WireTarget } from './generated/pagewire/v1/common.js';
import { fromSocketFilter, type SocketFilter } from './socket.js';

/** One, or several. */
export type OneOrMore = string | readonly string[];

/**
 * The sockets that a call selects. The selection is a snapshot. The daemon refuses an empty list, which is never a
 * broadcast; there is no default.
 *
 * ```js
 * { socket: message.socketId }
 * { url: '^http://localhost:8000/admin/', excluding: message.socketId }
 * { all: true }
 * ```
 */
export type Target = (
  | {
      /** These sockets. Unknown ones are rows of the report. */
      readonly socket: OneOrMore;
    }
  | {
      /** All sockets of these tabs, including those of frames. */
      readonly tab: OneOrMore;
    }
  | {
      /** The sockets of these documents. */
      readonly page: OneOrMore;
    }
  | {
      /** The ready sockets whose URL matches this regular expression: RE2 syntax, unanchored. */
      readonly url: string;
    }
  | {
      /** The ready sockets that match the filter. */
      readonly filter: SocketFilter;
    }
  | {
      /** All connected sockets, ready or not. */
      readonly all: true;
    }
) & {
  /** Sockets excluded from the selection. Unknown ones are ignored. */
  readonly excluding?: OneOrMore;
};

const TARGET: Shape<Target> = {
  socket: ONE_OR_MORE,
  tab: ONE_OR_MORE,
  page: ONE_OR_MORE,
  url: TEXT,
  filter: OBJECT,
  all: BOOLEAN,
  excluding: ONE_OR_MORE,
};

/** Converts a target for the wire. An empty selection is sent as such, and the daemon refuses it. */
export function fromTarget(target: Target): WireTarget {
  checkOptions('the target', target, TARGET);
  const excludeSocketIds = target.excluding === undefined ? [] : list(target.excluding);
  return { selector: selector(target), excludeSocketIds };
}

/** The socket that sent the request. */
export function replyTo(requestId: string): WireTarget {
  return { selector: { $case: 'replyTo', value: requestId }, excludeSocketIds: [] };
}

function selector(target: Target): WireTarget['selector'] {
  if ('socket' in target) return { $case: 'ids', value: { socketIds: list(target.socket) } };
  if ('tab' in target) return { $case: 'tabs', value: { tabIds: list(target.tab) } };
  if ('page' in target) return { $case: 'pages', value: { pageIds: list(target.page) } };
  if ('url' in target) {
    return { $case: 'filter', value: fromSocketFilter({ url: target.url }) };
  }
  if ('filter' in target) return { $case: 'filter', value: fromSocketFilter(target.filter) };
  // Programs without types may pass anything: `all: false` selects nothing.
  return (target.all as unknown) === true ? { $case: 'all', value: {} } : undefined;
}

/** A single item as a list. */
export function list(items: OneOrMore): string[] {
  if (typeof items === 'string') return [items];
  // Programs without types may pass undefined: an empty list is refused by the daemon.
  return Array.isArray(items) ? (items as string[]) : [];
}
