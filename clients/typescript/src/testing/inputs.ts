/** What handlers get, made by hand. Everything that a test does not name has a default. */

import { bodyBytes } from '../bytes.js';
import {
  ARRAY,
  BODY,
  BOOLEAN,
  COUNT,
  NUMBER,
  OBJECT,
  PLAIN_OBJECT,
  TEXT,
  TEXTS,
  check,
  checkOptions,
  oneOf,
  type Shape,
} from '../check.js';
import { fromDuration } from '../duration.js';
import { Message } from '../event.js';
import { jsonText } from '../json.js';
import type { Header, RequestContext } from '../generated/pagewire/v1/hooks.js';
import {
  ResolveImportCall,
  ServeCall,
  TransformCall,
  type ImportedSpecifier,
} from '../plugin/request.js';
import { fromHeaders, type Headers } from '../plugin/results.js';
import type { Socket } from '../socket.js';

/** The parts of a request that a test names. */
export interface RequestFields {
  /** The HTTP method. Default `GET`. */
  readonly method?: string;
  /** The URL path, decoded. Default `/`. */
  readonly path?: string;
  /** The query, without `?`. Default none. */
  readonly query?: string;
  /** The headers that the hook requests with `forwardRequestHeaders`. Default none. */
  readonly headers?: Headers;
  /** The body; text as UTF-8. Default none. */
  readonly body?: string | Uint8Array;
  /** The size limit of the hook: a larger body is omitted. Default: no limit. */
  readonly maxRequestBodyBytes?: number;
  /** The file for this request, as an absolute path. Default none. */
  readonly filePath?: string;
  /** The requested host. Default `localhost:8000`. */
  readonly host?: string;
  /** The request target as received. Default: path and query. */
  readonly rawTarget?: string;
  /** The W3C trace context. Default none. */
  readonly traceparent?: string;
  /** Remaining time of the call, in ms. Default: unlimited. */
  readonly timeRemainingMs?: number;
}

/** The parts of a response that a test names. */
export interface ResponseFields {
  /** The body; text as UTF-8. Default empty. */
  readonly body?: string | Uint8Array;
  /** The MIME type with parameters. Default `text/plain; charset=utf-8`. */
  readonly contentType?: string;
  /** Headers besides `content-type`. Default none. */
  readonly headers?: Headers;
  /** The request that the response answers. */
  readonly request?: RequestFields;
  /** Remaining time of the call, in ms. Default: unlimited. */
  readonly timeRemainingMs?: number;
}

/** An import; only the specifier is required. By default it is static and at column 1 of a line of its own. */
export type ImportFields = Pick<ImportedSpecifier, 'specifier'> & Partial<ImportedSpecifier>;

/** The parts of a message, besides its content, that a test names. */
export interface MessageFields {
  /** The socket that sent it. Default `socket`. */
  readonly socketId?: string;
  /** The id of a request. Default: it is not a request. */
  readonly requestId?: string;
}

const REQUEST: Shape<RequestFields> = {
  method: TEXT,
  path: TEXT,
  query: TEXT,
  headers: PLAIN_OBJECT,
  body: BODY,
  maxRequestBodyBytes: COUNT,
  filePath: TEXT,
  host: TEXT,
  rawTarget: TEXT,
  traceparent: TEXT,
  timeRemainingMs: NUMBER,
};
const RESPONSE: Shape<ResponseFields> = {
  body: BODY,
  contentType: TEXT,
  headers: PLAIN_OBJECT,
  request: OBJECT,
  timeRemainingMs: NUMBER,
};
const IMPORTED: Shape<ImportFields> = {
  specifier: TEXT,
  dynamic: BOOLEAN,
  line: COUNT,
  column: COUNT,
};
const MESSAGE: Shape<MessageFields> = { socketId: TEXT, requestId: TEXT };
const SOCKET: Shape<Socket> = {
  socketId: TEXT,
  pageId: TEXT,
  tabId: TEXT,
  url: TEXT,
  title: TEXT,
  userAgent: TEXT,
  visibility: oneOf('unspecified', 'visible', 'hidden'),
  topLevel: BOOLEAN,
  remoteAddress: TEXT,
  connectTime: { name: 'a Date', test: (value) => value instanceof Date },
  ready: BOOLEAN,
  documentState: oneOf('unspecified', 'loading', 'interactive', 'complete'),
  clientFeatures: TEXTS,
};

/** Makes the argument of a serve handler. */
export function request(fields: RequestFields = {}): ServeCall {
  checkOptions('the request', fields, REQUEST);
  const { maxRequestBodyBytes: limit = Infinity } = fields;
  const body = bodyBytes(fields.body ?? '');
  const bodyOmitted = body.length > limit;
  const call = {
    callId: 0,
    request: undefined,
    timeRemaining: fromDuration(fields.timeRemainingMs),
    body: bodyOmitted ? Buffer.alloc(0) : body,
    bodyOmitted,
    omittedBodyBytes: bodyOmitted ? body.length : 0,
  };
  return new ServeCall(call, toContext(fields), limit);
}

/** Makes the argument of a transform handler. */
export function response(fields: ResponseFields = {}): TransformCall {
  checkOptions('the response', fields, RESPONSE);
  if (fields.request !== undefined) {
    checkOptions('the request of the response', fields.request, REQUEST);
  }
  const { contentType = 'text/plain; charset=utf-8', body = '', timeRemainingMs } = fields;
  const headers = toHeaders({ ...fields.headers, 'content-type': contentType });
  const answered = toContext(fields.request);
  return new TransformCall(answered, timeRemainingMs, contentType, headers, bodyBytes(body));
}

/** Makes the argument of a resolveImport handler: these imports of a module, whose request is `importer`. */
export function imports(
  specifiers: readonly (string | ImportFields)[],
  importer: RequestFields = {},
): ResolveImportCall {
  check('the imports', specifiers, ARRAY);
  checkOptions('the importer', importer, REQUEST);
  const all = specifiers.map((given, index) => {
    if (typeof given !== 'string') {
      checkOptions('an import', given, IMPORTED);
      check('`specifier` of an import', given.specifier, TEXT);
    }
    const fields = typeof given === 'string' ? { specifier: given } : given;
    return { dynamic: false, line: index + 1, column: 1, ...fields };
  });
  return new ResolveImportCall(toContext(importer), importer.timeRemainingMs, all);
}

/** Makes a message of a page: a JSON value, a text as the page sent it, or bytes. */
export function message(
  content: object | string | Uint8Array,
  fields: MessageFields = {},
): Message {
  checkOptions('the fields of the message', fields, MESSAGE);
  const isBinary = content instanceof Uint8Array;
  const text = typeof content === 'string' ? content : jsonText(content);
  return new Message({
    socketId: fields.socketId ?? 'socket',
    requestId: fields.requestId ?? '',
    type: isBinary ? '' : typeOf(text),
    frame: isBinary
      ? { $case: 'binary', value: bodyBytes(content) }
      : { $case: 'text', value: text },
    omittedBytes: 0,
  });
}

/** The type of a message; pages send no message without one. */
function typeOf(text: string): string {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`the message is not JSON: ${(error as Error).message}`);
  }
  check('the message', content, OBJECT);
  const { type } = content as { type?: unknown };
  check('`type` of the message', type, TEXT);
  return type as string;
}

/** Makes a socket: by default that of a visible top-level page that has loaded. */
export function socket(fields: Partial<Socket> = {}): Socket {
  checkOptions('the socket', fields, SOCKET);
  return {
    socketId: 'socket',
    pageId: 'page',
    tabId: 'tab',
    url: 'http://localhost:8000/',
    title: '',
    userAgent: '',
    visibility: 'visible',
    topLevel: true,
    remoteAddress: '127.0.0.1:50000',
    connectTime: new Date(),
    ready: true,
    documentState: 'complete',
    clientFeatures: [],
    ...fields,
  };
}

function toContext(fields: RequestFields = {}): RequestContext {
  const { path = '/', query = '' } = fields;
  return {
    method: fields.method ?? 'GET',
    path,
    query,
    headers: toHeaders(fields.headers ?? {}),
    traceparent: fields.traceparent ?? '',
    rawTarget: fields.rawTarget ?? encodeURI(path) + (query === '' ? '' : `?${query}`),
    host: fields.host ?? 'localhost:8000',
    filePath: fields.filePath ?? '',
  };
}

function toHeaders(headers: Headers): Header[] {
  return fromHeaders(headers, 'the headers of the test');
}
