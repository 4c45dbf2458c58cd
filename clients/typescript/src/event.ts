import type * as wire from './generated/pagewire/v1/messages.js';
import { toPosition, type Position } from './position.js';
import { toSocket, type Socket } from './socket.js';
import { toException, toValue, type JsException, type JsValue } from './value.js';

/** A message of a page. */
export class Message {
  /** The socket that sent it: `{ socket: message.socketId }` reaches the same page. */
  readonly socketId: string;
  /** The `type` of the message; empty for a binary one. */
  readonly type: string;
  /** The text as the page sent it, byte for byte. Undefined if binary or omitted. */
  readonly text: string | undefined;
  /** The bytes of a binary message. Undefined if text or omitted. */
  readonly binary: Uint8Array | undefined;
  /** The id for `client.reply`, if the message is a request. */
  readonly requestId: string | undefined;
  /** Size of a message whose content was omitted because it exceeds `maxEventBytes`. 0 = it is present. */
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

  /** The message, parsed as `JSON.parse` does: numbers beyond 2^53 lose digits; `text` keeps them. */
  // As with JSON.parse, the caller knows the type of the value.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json<T = any>(): T {
    if (this.text === undefined) {
      const what = this.omittedBytes === 0 ? 'is binary' : `of ${this.omittedBytes} B was omitted`;
      throw new TypeError(`not JSON: the message ${what} (see its binary and omittedBytes)`);
    }
    return JSON.parse(this.text) as T;
  }
}

/** A console method. */
export type ConsoleLevel = 'log' | 'debug' | 'info' | 'warn' | 'error';

/** A console call of a page. */
export interface ConsoleEntry {
  /** The page's socket. */
  readonly socketId: string;
  /** The console method. */
  readonly level: ConsoleLevel;
  /** The arguments; a format string is not expanded. */
  readonly args: readonly JsValue[];
  /** The call stack in the browser's own format. Empty = unknown. */
  readonly stack: string;
}

/** An error in a page that its code did not handle. */
export interface PageError {
  /** The page's socket. */
  readonly socketId: string;
  /** The exception. */
  readonly exception: JsException;
  /** The kind of error. */
  readonly reason: 'unspecified' | 'uncaught' | 'unhandled_rejection' | 'resource' | 'csp';
}

/** A socket that was closed. */
export interface SocketClosed {
  /** The socket id, which is never reused. */
  readonly socketId: string;
  /** WebSocket close code; 1006 if there was no close frame. */
  readonly closeCode: number;
  /** Text of the close frame. Empty = none. */
  readonly closeReason: string;
  /** The cause, as the daemon knows it. */
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
  /** The file's URL path, percent-encoded. Empty = none. */
  readonly urlPath: string;
  /** What happened; `buffer` = an editor's unsaved text. */
  readonly change: 'unspecified' | 'created' | 'modified' | 'removed' | 'buffer';
}

/** Events were lost to this subscriber. The bounds are exact; the events at the bounds are not lost. */
export interface Gap {
  /** Sequence of the last event before the gap. */
  readonly after: number;
  /** Sequence of the first event after it. */
  readonly before: number;
  /** The reason. */
  readonly reason: 'unspecified' | 'evicted' | 'epoch_changed' | 'subscriber_slow';
}

/** One event of the daemon's log, distinguished by `kind`. Later versions may add kinds. */
export type Event = {
  /** The event's position in the log. */
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
      /** A socket was connected. Precedes all its events. */
      readonly kind: 'socket_opened';
      /** The socket; its page may not have sent its hello yet. */
      readonly socket: Socket;
      /** The previous socket of the same document. Undefined = none. */
      readonly previousSocketId: string | undefined;
    }
  | {
      /** A socket became ready, or its description changed. */
      readonly kind: 'socket_updated';
      /** The complete socket after the change. */
      readonly socket: Socket;
    }
  | {
      /** A socket was closed; no events of it follow. */
      readonly kind: 'socket_closed';
      /** The closed socket and the cause. */
      readonly closed: SocketClosed;
    }
  | {
      /** A page called its console. */
      readonly kind: 'console';
      /** The console call. */
      readonly entry: ConsoleEntry;
    }
  | {
      /** An unhandled error in a page. */
      readonly kind: 'page_error';
      /** The error. */
      readonly error: PageError;
    }
  | {
      /** A watched file changed. */
      readonly kind: 'file';
      /** The change. */
      readonly file: FileChanged;
    }
  | {
      /** Events were lost to this subscriber. */
      readonly kind: 'gap';
      /** The bounds and the reason. */
      readonly gap: Gap;
    }
);

/** Converts an event from the wire; undefined for a kind that this version does not know. */
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
      const reason = PAGE_ERROR_REASONS[kind] ?? 'unspecified';
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

/** Converts a closed socket from the wire. */
export function toClosed(closed: wire.SocketClosed): SocketClosed {
  const { socketId, closeCode, closeReason, cause } = closed;
  return { socketId, closeCode, closeReason, cause: CAUSES[cause] ?? 'unspecified' };
}

/** Converts a gap from the wire. */
export function toGap({ afterSequence, beforeSequence, reason }: wire.Gap): Gap {
  return { after: afterSequence, before: beforeSequence, reason: GAPS[reason] ?? 'unspecified' };
}

function toEntry({ socketId, level, args, stack }: wire.ConsoleEntry): ConsoleEntry {
  return { socketId, level: LEVELS[level] ?? 'log', args: args.map(toValue), stack };
}

/** Converts a level for the wire. */
export function fromLevel(level: ConsoleLevel): 1 | 2 | 3 | 4 | 5 {
  return LEVEL_NUMBERS[level];
}

const LEVEL_NUMBERS = { log: 1, debug: 2, info: 3, warn: 4, error: 5 } as const;
const LEVELS: readonly ConsoleLevel[] = ['log', 'log', 'debug', 'info', 'warn', 'error'];
const PAGE_ERROR_REASONS = [
  'unspecified',
  'uncaught',
  'unhandled_rejection',
  'resource',
  'csp',
] as const;
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
