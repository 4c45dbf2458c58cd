/**
 * Write Pagewire plugins and tools for Node: programs that serve parts of a web page, send messages to open pages, and
 * receive messages from them.
 *
 * @packageDocumentation
 */

export {
  connect,
  type CallOptions,
  type Client,
  type ClientOptions,
  type ConsoleLogOptions,
  type DeliveryChoices,
  type SendOptions,
  type SocketList,
} from './client.js';
export type { Daemon } from './daemon.js';
export type { ConnectOptions } from './endpoint.js';
export { PagewireError, type Code, type ErrorKind, type FieldViolation } from './errors.js';
export type {
  ConsoleEntry,
  ConsoleLevel,
  Event,
  FailedResource,
  FileChanged,
  FileChangedKind,
  Gap,
  Message,
  PageError,
  PageErrorKind,
  SocketClosed,
  SourceLocation,
} from './event.js';
export { BodyTooLarge, Failure, type FailurePlace } from './failure.js';
export type { Filter, FilterConditions, Filters } from './filter.js';
export {
  ImportError,
  type Import,
  type ImportErrorKind,
  type ImportReport,
  type ImportRow,
} from './import.js';
export type { HookName, Limits, PluginInfo, ServerInfo } from './info.js';
export { LiveFilters } from './liveFilters.js';
export type { Logger } from './logger.js';
export type {
  Awaitable,
  Context,
  HookOptions,
  Plugin,
  ResolveImport,
  Serve,
  Transform,
} from './plugin/plugin.js';
export type {
  HeaderField,
  ImportedSpecifier,
  PageRequest,
  ResolveImportCall,
  ServeCall,
  TransformCall,
} from './plugin/request.js';
export type {
  Change,
  Content,
  Headers,
  Resolution,
  Resolved,
  Served,
  Skip,
  Specifiers,
  Transformed,
} from './plugin/results.js';
export { run, runOnce, type RunOptions } from './plugin/run.js';
export type { Position } from './position.js';
export type { DeliveryStatus, Report, Unreached } from './report.js';
export type { DocumentState, Socket, SocketFilter, Visibility } from './socket.js';
export type { Stale } from './stale.js';
export type { SubscribeOptions, Subscription } from './subscription.js';
export type { OneOrMore, Target } from './target.js';
export type { JsException, JsValue, Phase } from './value.js';
