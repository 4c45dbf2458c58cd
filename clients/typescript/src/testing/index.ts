/**
 * Tests of plugins, with any test framework: what handlers get, made by hand; what they returned, in one form; and a daemon
 * for each test.
 *
 * @packageDocumentation
 */

export {
  startDaemon,
  type DaemonOptions,
  type RunningTest,
  type TestDaemon,
  type TestPlugin,
} from './daemon.js';
export {
  imports,
  message,
  request,
  response,
  socket,
  type ImportFields,
  type MessageFields,
  type RequestFields,
  type ResponseFields,
} from './inputs.js';
export { resultOf, type Result } from './result.js';
export { client, context, type ContextFields } from './session.js';
