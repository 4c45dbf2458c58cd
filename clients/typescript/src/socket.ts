import type * as wire from './generated/pagewire/v1/sockets.js';
import type { SocketFilter as WireFilter } from './generated/pagewire/v1/common.js';

/** The page's `document.visibilityState`; `unspecified` = it has not said. */
export type Visibility = 'unspecified' | 'visible' | 'hidden';

/** The page's `document.readyState`; `unspecified` = it has not said. */
export type DocumentState = 'unspecified' | 'loading' | 'interactive' | 'complete';

/** One connection of one document. What the page says of itself is empty until it has said it. */
export interface Socket {
  /** Names this connection. Never reused; a reconnect has a new one. */
  readonly socketId: string;
  /** Names the document; the same across reconnects. */
  readonly pageId: string;
  /** Names the browser tab; the same across reloads. Frames have their top page's. */
  readonly tabId: string;
  /** The document's location. */
  readonly url: string;
  /** Its title. */
  readonly title: string;
  /** The browser's `User-Agent`. Empty = none. */
  readonly userAgent: string;
  /** Whether it can be seen. */
  readonly visibility: Visibility;
  /** It is its tab's top page, not a frame. */
  readonly topLevel: boolean;
  /** Where the connection came from, as `ip:port`. */
  readonly remoteAddress: string;
  /** When it connected, by the daemon's clock. */
  readonly connectTime: Date;
  /** The page has said what it is, or had one second for it. Others can be sent to all the same. */
  readonly ready: boolean;
  /** How far the document has loaded. */
  readonly documentState: DocumentState;
  /** What the page's client can do; empty for one that has not said. */
  readonly clientFeatures: readonly string[];
}

/** Matches ready sockets by what their pages say. All that is given must match. */
export interface SocketFilter {
  /** Searched for in `url`: RE2 syntax, unanchored. */
  readonly url?: string;
  /** Searched for in `userAgent`: RE2 syntax, unanchored. */
  readonly userAgent?: string;
  /** Only pages that are so visible. */
  readonly visibility?: 'visible' | 'hidden';
  /** Only top-level documents, no frames. Default false. */
  readonly topLevel?: boolean;
}

const VISIBILITIES: readonly Visibility[] = ['unspecified', 'visible', 'hidden'];
const STATES: readonly DocumentState[] = ['unspecified', 'loading', 'interactive', 'complete'];
const NEVER = new Date(0);

/** A socket as the daemon sent it. */
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

/** A filter as the daemon takes it. */
export function fromSocketFilter(filter: SocketFilter): WireFilter {
  return {
    urlRegex: filter.url ?? '',
    userAgentRegex: filter.userAgent ?? '',
    visibility: filter.visibility === undefined ? 0 : filter.visibility === 'visible' ? 1 : 2,
    topLevelOnly: filter.topLevel ?? false,
  };
}
