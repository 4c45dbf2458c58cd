import { BOOLEAN, TEXT, checkOptions, oneOf, type Shape } from './check.js';
import type * as wire from './generated/pagewire/v1/sockets.js';
import type { SocketFilter as WireFilter } from './generated/pagewire/v1/common.js';

/** The page's `document.visibilityState`; `unspecified` = not reported. */
export type Visibility = 'unspecified' | 'visible' | 'hidden';

/** The page's `document.readyState`; `unspecified` = not reported. */
export type DocumentState = 'unspecified' | 'loading' | 'interactive' | 'complete';

/** One connection of one document. Values reported by the page are empty until its hello. */
export interface Socket {
  /** Identifies this connection. Never reused; a reconnect has a new one. */
  readonly socketId: string;
  /** Identifies the document, across reconnects. */
  readonly pageId: string;
  /** Identifies the browser tab, across reloads. Frames have the id of their top-level page. */
  readonly tabId: string;
  /** The URL of the document. */
  readonly url: string;
  /** The title of the document. */
  readonly title: string;
  /** The browser's `User-Agent`. Empty = none. */
  readonly userAgent: string;
  /** The visibility of the document. */
  readonly visibility: Visibility;
  /** Whether the document is the top-level page of its tab instead of a frame. */
  readonly topLevel: boolean;
  /** The remote address of the connection, as `ip:port`. */
  readonly remoteAddress: string;
  /** When the socket connected, by the daemon's clock. */
  readonly connectTime: Date;
  /** The page has sent its hello, or its time limit of 1 s has passed. Sends reach sockets that are not ready too. */
  readonly ready: boolean;
  /** The load state of the document. */
  readonly documentState: DocumentState;
  /** The features of the page's client; empty before its hello. */
  readonly clientFeatures: readonly string[];
}

/** Conditions on ready sockets, all of which must hold. */
export interface SocketFilter {
  /** Matches `url`: RE2 syntax, unanchored. */
  readonly url?: string;
  /** Matches `userAgent`: RE2 syntax, unanchored. */
  readonly userAgent?: string;
  /** Requires this visibility. */
  readonly visibility?: 'visible' | 'hidden';
  /** Requires a top-level document instead of a frame. Default false. */
  readonly topLevel?: boolean;
}

const VISIBILITIES: readonly Visibility[] = ['unspecified', 'visible', 'hidden'];
const STATES: readonly DocumentState[] = ['unspecified', 'loading', 'interactive', 'complete'];
const NEVER = new Date(0);

/** Converts a socket from the wire. */
export function toSocket(socket: wire.Socket): Socket {
  return {
    socketId: socket.socketId,
    pageId: socket.pageId,
    tabId: socket.tabId,
    url: socket.url,
    title: socket.title,
    userAgent: socket.userAgent,
    visibility: VISIBILITIES[socket.visibility] ?? 'unspecified',
    topLevel: socket.topLevel,
    remoteAddress: socket.remoteAddress,
    connectTime: socket.connectTime ?? NEVER,
    ready: socket.ready,
    documentState: STATES[socket.documentState] ?? 'unspecified',
    clientFeatures: socket.clientFeatures,
  };
}

const SOCKET_FILTER: Shape<SocketFilter> = {
  url: TEXT,
  userAgent: TEXT,
  visibility: oneOf('visible', 'hidden'),
  topLevel: BOOLEAN,
};

/** Converts a filter for the wire. */
export function fromSocketFilter(filter: SocketFilter): WireFilter {
  checkOptions('the filter of sockets', filter, SOCKET_FILTER);
  return {
    urlRegex: filter.url ?? '',
    userAgentRegex: filter.userAgent ?? '',
    visibility: filter.visibility === undefined ? 0 : filter.visibility === 'visible' ? 1 : 2,
    topLevelOnly: filter.topLevel ?? false,
  };
}
