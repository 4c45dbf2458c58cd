import { toDuration } from './duration.js';
import type * as wire from './generated/pagewire/v1/control.js';

/** What a daemon is and can do. */
export interface ServerInfo {
  /** Its version. */
  readonly serverVersion: string;
  /** What it can do, `import.await` say. */
  readonly features: readonly string[];
  /** URLs that pages are served at, base path included. */
  readonly baseUrls: readonly string[];
  /** Names this run of it. */
  readonly epoch: string;
  /** When this run began, by its clock. */
  readonly startTime: Date;
  /** The bounds in force. */
  readonly limits: Limits;
  /** Text frames of pages that were no JSON object with a type. */
  readonly refusedFrames: number;
  /** Whether HTML pages get the socket client at this moment. */
  readonly injectsClient: boolean;
  /** HTML pages served with the client. */
  readonly pagesWithClient: number;
  /** HTML pages served without it. */
  readonly pagesWithoutClient: number;
  /** Further origins whose pages may connect. */
  readonly allowedOrigins: readonly string[];
}

/** Bounds in force in a daemon. */
export interface Limits {
  /** Largest message to a page, in bytes. */
  readonly maxMessageBytes: number;
  /** Largest body of a hook's call or result, in bytes. */
  readonly maxBodyBytes: number;
  /** Longest `callTimeoutMs`. Undefined = none (`--debug`). */
  readonly maxCallTimeoutMs: number | undefined;
  /** Bytes that may wait for one socket. */
  readonly maxSocketQueueBytes: number;
  /** Events the log keeps at most. 0 = bounded by `eventLogBytes` alone. */
  readonly eventLogEntries: number;
  /** Bytes the log keeps at most. */
  readonly eventLogBytes: number;
}

/** A hook, by its name. */
export type HookName =
  'unspecified' | 'serve' | 'transform' | 'resolve_import' | 'subscribe_messages';

/** A configured plugin, or a live session, or both. */
export interface PluginInfo {
  /** Its name. */
  readonly pluginName: string;
  /** Its version. Empty = not said. */
  readonly pluginVersion: string;
  /** How far it is. */
  readonly state: 'unspecified' | 'waiting' | 'starting' | 'ready' | 'failed';
  /** The hooks that it declared. */
  readonly hooks: readonly HookName[];
  /** Place in the order of serving, from 0. */
  readonly serveOrderIndex: number;
  /** Its process, if the daemon spawned it; else 0. */
  readonly pid: number;
  /** How often the daemon started it again. */
  readonly restarts: number;
  /** Calls made to it. */
  readonly calls: number;
  /** Calls that it skipped. */
  readonly passes: number;
  /** Calls that failed. */
  readonly failures: number;
  /** Calls whose deadline passed. */
  readonly timeouts: number;
  /** Results that came too late. */
  readonly lateResults: number;
  /** 99th percentile of the time of a call, in ms. Undefined = no calls yet. */
  readonly callLatencyP99Ms: number | undefined;
}

const HOOKS: readonly HookName[] = [
  'unspecified',
  'serve',
  'transform',
  'resolve_import',
  'subscribe_messages',
];
const STATES = ['unspecified', 'waiting', 'starting', 'ready', 'failed'] as const;

/** Server info as the daemon sent it. */
export function toServerInfo(info: wire.GetServerInfoResponse): ServerInfo {
  const { limits, startTime, ...rest } = info;
  return {
    ...rest,
    startTime: startTime ?? new Date(0),
    limits: {
      maxMessageBytes: limits?.maxMessageBytes ?? 0,
      maxBodyBytes: limits?.maxBodyBytes ?? 0,
      maxCallTimeoutMs: toDuration(limits?.maxCallTimeout),
      maxSocketQueueBytes: limits?.maxSocketQueueBytes ?? 0,
      eventLogEntries: limits?.eventLogEntries ?? 0,
      eventLogBytes: limits?.eventLogBytes ?? 0,
    },
  };
}

/** A plugin as the daemon sent it. */
export function toPluginInfo(plugin: wire.Plugin): PluginInfo {
  const { state, hooks, callLatencyP99, ...rest } = plugin;
  return {
    ...rest,
    state: STATES[state] ?? 'unspecified',
    hooks: hooks.map((hook) => HOOKS[hook] ?? 'unspecified'),
    callLatencyP99Ms: toDuration(callLatencyP99),
  };
}
