/** The three hooks: conversion of their options, calls and results. */

import { toDuration } from '../duration.js';
import type {
  RequestContext,
  ResolveImportCall as WireResolveImport,
  ResolveImportOpen,
  ResolveImportResult,
  ServeCall as WireServe,
  ServeOpen,
  ServeResult,
  TransformCall as WireTransform,
  TransformOpen,
  TransformResult,
} from '../generated/pagewire/v1/hooks.js';
import * as methods from '../methods.js';
import { fromOptions, openHook, type Hook, type HookSession, type OpenHook } from './hook.js';
import type { Plugin, ResolveImport, Serve, Transform } from './plugin.js';
import { ResolveImportCall, ServeCall, TransformCall } from './request.js';
import {
  fromResolved,
  fromServed,
  fromTransformed,
  type Resolved,
  type Served,
  type Transformed,
} from './results.js';

/** Opens all hooks of a plugin. */
export function openHooks(plugin: Plugin, session: HookSession): OpenHook[] {
  const { serve, transform, resolveImport } = plugin;
  const hooks: OpenHook[] = [];
  if (serve) hooks.push(openHook(serveHook(serve), serve.filter, session));
  if (transform) hooks.push(openHook(transformHook(transform), transform.filter, session));
  if (resolveImport) {
    hooks.push(openHook(resolveImportHook(resolveImport), resolveImport.filter, session));
  }
  return hooks;
}

const NO_REQUEST: RequestContext = {
  method: '',
  path: '',
  query: '',
  headers: [],
  traceparent: '',
  rawTarget: '',
  host: '',
  filePath: '',
};

const PHASES = { first: 1, before_files: 2, after_files: 3 } as const;

function serveHook(serve: Serve): Hook<ServeOpen, WireServe, ServeResult, ServeCall, Served> {
  return {
    method: methods.serve,
    open: (filters) => ({
      filters,
      options: fromOptions(serve),
      phase: serve.phase === undefined ? 0 : PHASES[serve.phase],
      maxRequestBodyBytes: serve.maxRequestBodyBytes ?? 0,
    }),
    input: (call) =>
      new ServeCall(call, call.request ?? NO_REQUEST, serve.maxRequestBodyBytes ?? 0),
    result: (callId, served) => ({ callId, outcome: fromServed(served) }),
    failure: (callId, value) => ({ callId, outcome: { $case: 'failure', value } }),
    handler: (request, client) => serve.handler(request, client),
    name: 'serve',
    bodyLength: ({ outcome }) =>
      outcome?.$case === 'content' && outcome.value.body?.$case === 'inlineBody'
        ? outcome.value.body.value.length
        : 0,
    what: ({ path }) => `serve of ${path}`,
  };
}

function transformHook(
  transform: Transform,
): Hook<TransformOpen, WireTransform, TransformResult, TransformCall, Transformed> {
  return {
    method: methods.transform,
    open: (filters) => ({
      filters,
      options: fromOptions(transform),
      maxBodyBytes: transform.maxBodyBytes ?? 0,
    }),
    input: ({ request = NO_REQUEST, timeRemaining, contentType, responseHeaders, body }) =>
      new TransformCall(request, toDuration(timeRemaining), contentType, responseHeaders, body),
    result: (callId, transformed) => ({ callId, outcome: fromTransformed(transformed) }),
    failure: (callId, value) => ({ callId, outcome: { $case: 'failure', value } }),
    handler: (response, client) => transform.handler(response, client),
    name: 'transform',
    bodyLength: ({ outcome }) =>
      outcome?.$case === 'content' ? (outcome.value.body?.length ?? 0) : 0,
    what: ({ request }) => `transform of ${request.path}`,
  };
}

function resolveImportHook(
  resolve: ResolveImport,
): Hook<ResolveImportOpen, WireResolveImport, ResolveImportResult, ResolveImportCall, Resolved> {
  return {
    method: methods.resolveImport,
    open: (filters) => ({
      filters,
      options: fromOptions(resolve),
      specifierRegexes: [...(resolve.specifiers ?? [])],
    }),
    input: ({ importer = NO_REQUEST, timeRemaining, imports }) =>
      new ResolveImportCall(importer, toDuration(timeRemaining), imports),
    result: (callId, resolved, { imports }) => ({
      callId,
      outcome: { $case: 'resolved', value: fromResolved(resolved, imports.length) },
    }),
    failure: (callId, value) => ({ callId, outcome: { $case: 'failure', value } }),
    handler: (call, client) => resolve.handler(call, client),
    name: 'resolveImport',
    bodyLength: () => 0,
    what: ({ importer }) => `import resolution of ${importer.path}`,
  };
}
