import { oneOf } from './check.js';
import type * as wire from './generated/pagewire/v1/messages.js';
import { toHookName, type HookName } from './info.js';
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
  /** The call stack of errors and warnings, in the browser's own format. Empty = unknown. */
  readonly stack: string;
  /** The script that called the console. Empty = unknown. */
  readonly url: string;
  /** Line of the call, from 1. 0 = unknown. */
  readonly line: number;
  /** Column of the call, from 1. 0 = unknown. */
  readonly column: number;
}

/** How an error in a page came about; `resource` = it did not load, `csp` = a content security policy blocked something. */
export type PageErrorKind = 'unspecified' | 'uncaught' | 'unhandled_rejection' | 'resource' | 'csp';

/** An error in a page that its code did not handle. */
export interface PageError {
  /** The page's socket. */
  readonly socketId: string;
  /** The exception. */
  readonly exception: JsException;
  /** The kind of error. */
  readonly kind: PageErrorKind;
  /** @deprecated Renamed to `kind`. */
  readonly reason: PageErrorKind;
  /** The failure of a plugin because of which a resource did not load. Undefined = none is known. */
  readonly failedResource: FailedResource | undefined;
}

/** A response that a plugin's failure replaced: the resource that did not load, or a module that it imports. */
export interface FailedResource {
  /** The plugin that failed. */
  readonly pluginName: string;
  /** The hook that failed. */
  readonly hook: HookName;
  /** The path and query of the response, as requested. */
  readonly url: string;
  /** The HTTP status of the response. */
  readonly status: number;
  /** The plugin's message, or the daemon's for a missed deadline or a lost plugin. */
  readonly message: string;
  /** The location of the cause in the source. Undefined = unknown. */
  readonly location: SourceLocation | undefined;
}

/** A location in a plugin's source file. */
export interface SourceLocation {
  /** The file, as its author would name it. */
  readonly file: string;
  /** Line, from 1. 0 = unknown. */
  readonly line: number;
  /** Column, from 1. 0 = unknown. */
  readonly column: number;
  /** The source lines around it. Empty = none. */
  readonly frame: string;
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

/** How a file changed; `buffer` = an editor's unsaved text. */
export type FileChangedKind = 'unspecified' | 'created' | 'modified' | 'removed' | 'buffer';

/** A watched file that changed. */
export interface FileChanged {
  /** The file, absolute, on the daemon's machine. */
  readonly filePath: string;
  /** The file's URL path, percent-encoded. Empty = none. */
  readonly urlPath: string;
  /** What happened to it. */
  readonly kind: FileChangedKind;
  /** @deprecated Renamed to `kind`. */
  readonly change: FileChangedKind;
}

/** Events were lost to this subscriber. The bounds are exact; the events at the bounds are not lost. */
export interface Gap {
  /** Sequence of the last event before the gap. */
  readonly afterSequence: number;
  /** Sequence of the first event after it. */
  readonly beforeSequence: number;
  /** @deprecated Renamed to `afterSequence`. */
  readonly after: number;
  /** @deprecated Renamed to `beforeSequence`. */
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
    case 'pageError':
      return { ...at, kind: 'page_error', error: toPageError(event.value) };
    case 'fileChanged':
      return { ...at, kind: 'file', file: toFileChanged(event.value) };
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

function toGap({ afterSequence, beforeSequence, reason }: wire.Gap): Gap {
  return {
    afterSequence,
    beforeSequence,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- for users of the old name
    after: afterSequence,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- for users of the old name
    before: beforeSequence,
    reason: GAPS[reason] ?? 'unspecified',
  };
}

function toEntry({ level, args, ...rest }: wire.ConsoleEntry): ConsoleEntry {
  return { ...rest, level: LEVELS[level] ?? 'log', args: args.map(toValue) };
}

function toPageError({ socketId, exception, failedResource, ...error }: wire.PageError): PageError {
  const kind = PAGE_ERROR_KINDS[error.kind] ?? 'unspecified';
  return {
    socketId,
    exception: toException(exception),
    kind,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- for users of the old name
    reason: kind,
    failedResource: failedResource && { ...failedResource, hook: toHookName(failedResource.hook) },
  };
}

function toFileChanged({ filePath, urlPath, ...changed }: wire.FileChanged): FileChanged {
  const kind = FILE_CHANGED_KINDS[changed.kind] ?? 'unspecified';
  return {
    filePath,
    urlPath,
    kind,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- for users of the old name
    change: kind,
  };
}

/** Checks a level. */
export const CONSOLE_LEVEL = oneOf('log', 'debug', 'info', 'warn', 'error');

/** Converts a level for the wire. */
export function fromLevel(level: ConsoleLevel): 1 | 2 | 3 | 4 | 5 {
  return LEVEL_NUMBERS[level];
}

const LEVEL_NUMBERS = { log: 1, debug: 2, info: 3, warn: 4, error: 5 } as const;
const LEVELS: readonly ConsoleLevel[] = ['log', 'log', 'debug', 'info', 'warn', 'error'];
const PAGE_ERROR_KINDS: readonly PageErrorKind[] = [
  'unspecified',
  'uncaught',
  'unhandled_rejection',
  'resource',
  'csp',
];
const FILE_CHANGED_KINDS: readonly FileChangedKind[] = [
  'unspecified',
  'created',
  'modified',
  'removed',
  'buffer',
];
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
