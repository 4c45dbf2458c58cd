import type * as wire from './generated/pagewire/v1/messages.js';
import { toPosition, type Position } from './position.js';
import { toSocket, type Socket } from './socket.js';
import { toException, toValue, type JsException, type JsValue } from './value.js';

/** A message that a page sent. */
export class Message {
  /** The socket it came from: `{ socket: message.socketId }` reaches the same page. */
  readonly socketId: string;
  /** The `type` of the message; empty for a binary one. */
  readonly type: string;
  /** The text as the page sent it, byte for byte. Undefined if binary or left out. */
  readonly text: string | undefined;
  /** The bytes of a binary message. Undefined if text or left out. */
  readonly binary: Uint8Array | undefined;
  /** Names the page's request, if it is one that can be answered with `client.reply`. */
  readonly requestId: string | undefined;
  /** Size of a message that was left out, being above `maxEventBytes`. 0 = it is here. */
  readonly omittedBytes: number;

  /** @internal */
  constructor({ socketId, type, frame, requestId, omittedBytes }: wire.BrowserMessage) {
    this.socketId = socketId;
    this.type = type;
    this.text = frame?.$case === 'text' ? frame.value : undefined;
    this.binary = frame?.$case === 'binary' ? frame.value : undefined;
    this.requestId = requestId || undefined;
    this.omittedBytes = omittedBytes;
  }

  /** The message, parsed as `JSON.parse` does: numbers beyond 2^53 lose digits, `text` has them. */
  // As JSON.parse: what a page sends is known to who wrote the page.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json<T = any>(): T {
    if (this.text === undefined) {
      const what = this.omittedBytes === 0 ? 'is binary' : `of ${this.omittedBytes} B was left out`;
      throw new TypeError(`no JSON: the message ${what} (see its binary and omittedBytes)`);
    }
    return JSON.parse(this.text) as T;
  }
}

/** A console method. */
export type ConsoleLevel = 'log' | 'debug' | 'info' | 'warn' | 'error';

/** What a page wrote to its console. */
export interface ConsoleEntry {
  /** The page's socket. */
  readonly socketId: string;
  /** The console method. */
  readonly level: ConsoleLevel;
  /** The arguments, a format string unexpanded. */
  readonly args: readonly JsValue[];
  /** Where it was called, in the browser's own format. Empty = not known. */
  readonly stack: string;
}

/** Something failed in a page and no code of the page took it. */
export interface PageError {
  /** The page's socket. */
  readonly socketId: string;
  /** What failed. */
  readonly exception: JsException;
  /** How. */
  readonly reason: 'unspecified' | 'uncaught' | 'unhandled_rejection' | 'resource' | 'csp';
}

/** A socket that was closed. */
export interface SocketClosed {
  /** The socket; never used again. */
  readonly socketId: string;
  /** WebSocket close code; 1006 if there was no close frame. */
  readonly closeCode: number;
  /** Text of the close frame. Empty = none. */
  readonly closeReason: string;
  /** What led to it, as the daemon knows it. */
  readonly cause:
    | 'unspecified'
    | 'page_unloaded'
    | 'connection_lost'
    | 'no_pong'
    | 'slow'
    | 'closed_by_api'
    | 'server_stopping'
    | 'protocol_error';
}

/** A watched file that changed. */
export interface FileChanged {
  /** The file, absolute, on the daemon's machine. */
  readonly filePath: string;
  /** The URL path it is served under, percent-encoded. Empty = none. */
  readonly urlPath: string;
  /** What happened; `buffer` = an editor's unsaved text. */
  readonly change: 'unspecified' | 'created' | 'modified' | 'removed' | 'buffer';
}

/** Events between two are lost to this subscriber; the bounds are exact and not themselves lost. */
export interface Gap {
  /** Sequence of the last event before the gap. */
  readonly after: number;
  /** Sequence of the first event after it. */
  readonly before: number;
  /** Why they are lost. */
  readonly reason: 'unspecified' | 'evicted' | 'epoch_changed' | 'subscriber_slow';
}

/** One event of the daemon's log, told apart by `kind`. Later versions may tell more kinds. */
export type Event = {
  /** Its place in the log. */
  readonly position: Position;
  /** When the daemon logged it, by the daemon's clock. */
  readonly time: Date;
} & (
  | {
      /** A page sent a message. */
      readonly kind: 'message';
      /** The message. */
      readonly message: Message;
    }
  | {
      /** A socket was connected. Comes before all its events. */
      readonly kind: 'socket_opened';
      /** The socket; its page may not have said what it is. */
      readonly socket: Socket;
      /** The socket that the same document had before. Undefined = none. */
      readonly previousSocketId: string | undefined;
    }
  | {
      /** A socket became ready, or what is known of it changed. */
      readonly kind: 'socket_updated';
      /** The whole socket, after the change. */
      readonly socket: Socket;
    }
  | {
      /** A socket was closed; nothing of it follows. */
      readonly kind: 'socket_closed';
      /** Which, and why. */
      readonly closed: SocketClosed;
    }
  | {
      /** A page wrote to its console. */
      readonly kind: 'console';
      /** What it wrote. */
      readonly entry: ConsoleEntry;
    }
  | {
      /** Something failed in a page. */
      readonly kind: 'page_error';
      /** What failed. */
      readonly error: PageError;
    }
  | {
      /** A watched file changed. */
      readonly kind: 'file';
      /** Which, and how. */
      readonly file: FileChanged;
    }
  | {
      /** Events are lost to this subscriber. */
      readonly kind: 'gap';
      /** Which, and why. */
      readonly gap: Gap;
    }
);

/** An event as the daemon sent it; undefined for one that this version does not know. */
export function toEvent(response: wire.SubscribeMessagesResponse): Event | undefined {
  const { event } = response;
  const at = { position: toPosition(response.position), time: response.time ?? new Date(0) };
  switch (event?.$case) {
    case 'message':
      return { ...at, kind: 'message', message: new Message(event.value) };
    case 'socketOpened': {
      const { socket, previousSocketId } = event.value;
      if (socket === undefined) return undefined;
      return {
        ...at,
        kind: 'socket_opened',
        socket: toSocket(socket),
        previousSocketId: previousSocketId || undefined,
      };
    }
    case 'socketUpdated': {
      const { socket } = event.value;
      return socket && { ...at, kind: 'socket_updated', socket: toSocket(socket) };
    }
    case 'socketClosed':
      return { ...at, kind: 'socket_closed', closed: toClosed(event.value) };
    case 'console':
      return { ...at, kind: 'console', entry: toEntry(event.value) };
    case 'pageError': {
      const { socketId, exception, kind } = event.value;
      const reason = FAULTS[kind] ?? 'unspecified';
      return {
        ...at,
        kind: 'page_error',
        error: { socketId, exception: toException(exception), reason },
      };
    }
    case 'fileChanged': {
      const { filePath, urlPath, kind } = event.value;
      const change = CHANGES[kind] ?? 'unspecified';
      return { ...at, kind: 'file', file: { filePath, urlPath, change } };
    }
    case 'gap':
      return { ...at, kind: 'gap', gap: toGap(event.value) };
    default:
      return undefined;
  }
}

/** A closed socket as the daemon sent it. */
export function toClosed(closed: wire.SocketClosed): SocketClosed {
  const { socketId, closeCode, closeReason, cause } = closed;
  return { socketId, closeCode, closeReason, cause: CAUSES[cause] ?? 'unspecified' };
}

/** A gap as the daemon sent it. */
export function toGap({ afterSequence, beforeSequence, reason }: wire.Gap): Gap {
  return { after: afterSequence, before: beforeSequence, reason: GAPS[reason] ?? 'unspecified' };
}

function toEntry({ socketId, level, args, stack }: wire.ConsoleEntry): ConsoleEntry {
  return { socketId, level: LEVELS[level] ?? 'log', args: args.map(toValue), stack };
}

/** A level as the daemon takes it. */
export function fromLevel(level: ConsoleLevel): 1 | 2 | 3 | 4 | 5 {
  return LEVEL_NUMBERS[level];
}

const LEVEL_NUMBERS = { log: 1, debug: 2, info: 3, warn: 4, error: 5 } as const;
const LEVELS: readonly ConsoleLevel[] = ['log', 'log', 'debug', 'info', 'warn', 'error'];
const FAULTS = ['unspecified', 'uncaught', 'unhandled_rejection', 'resource', 'csp'] as const;
const CHANGES = ['unspecified', 'created', 'modified', 'removed', 'buffer'] as const;
const GAPS = ['unspecified', 'evicted', 'epoch_changed', 'subscriber_slow'] as const;
const CAUSES = [
  'unspecified',
  'page_unloaded',
  'connection_lost',
  'no_pong',
  'slow',
  'closed_by_api',
  'server_stopping',
  'protocol_error',
] as const;
