/** The contract's methods: their paths, and how their messages are encoded and decoded. */

import * as control from './generated/pagewire/v1/control.js';
import * as hooks from './generated/pagewire/v1/hooks.js';
import * as messages from './generated/pagewire/v1/messages.js';
import * as sockets from './generated/pagewire/v1/sockets.js';

/** A method of the daemon's service. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  readonly decode: (bytes: Buffer) => Response;
}

interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

function method<Request, Response>(
  name: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Method<Request, Response> {
  return {
    path: `/pagewire.v1.ControlService/${name}`,
    encode: (message) => {
      const bytes = request.encode(message).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    decode: (bytes) => response.decode(bytes),
  };
}

export const serverStart = method(
  'ServerStart',
  control.ServerStartRequest,
  control.ServerStartResponse,
);
export const endSession = method(
  'EndSession',
  control.EndSessionRequest,
  control.EndSessionResponse,
);
export const serve = method('Serve', hooks.ServeRequest, hooks.ServeResponse);
export const transform = method('Transform', hooks.TransformRequest, hooks.TransformResponse);
export const resolveImport = method(
  'ResolveImport',
  hooks.ResolveImportRequest,
  hooks.ResolveImportResponse,
);
export const invalidate = method('Invalidate', hooks.InvalidateRequest, hooks.InvalidateResponse);
export const send = method('Send', messages.SendRequest, messages.SendResponse);
export const sendStream = method(
  'SendStream',
  messages.SendStreamRequest,
  messages.SendStreamResponse,
);
export const sendImport = method(
  'SendImport',
  messages.SendImportRequest,
  messages.SendImportResponse,
);
export const sendConsoleLog = method(
  'SendConsoleLog',
  messages.SendConsoleLogRequest,
  messages.SendConsoleLogResponse,
);
export const sendCommand = method(
  'SendCommand',
  sockets.SendCommandRequest,
  sockets.SendCommandResponse,
);
export const subscribeMessages = method(
  'SubscribeMessages',
  messages.SubscribeMessagesRequest,
  messages.SubscribeMessagesResponse,
);
export const listSockets = method(
  'ListSockets',
  sockets.ListSocketsRequest,
  sockets.ListSocketsResponse,
);
export const closeSockets = method(
  'CloseSockets',
  sockets.CloseSocketsRequest,
  sockets.CloseSocketsResponse,
);
export const getServerInfo = method(
  'GetServerInfo',
  control.GetServerInfoRequest,
  control.GetServerInfoResponse,
);
export const listPlugins = method(
  'ListPlugins',
  control.ListPluginsRequest,
  control.ListPluginsResponse,
);
