import { toDuration } from './duration.js';
import type * as wire from './generated/pagewire/v1/control.js';
import type { Hook } from './generated/pagewire/v1/hooks.js';

/** Version, features and state of a daemon. */
export interface ServerInfo {
  /** The daemon's version. */
  readonly serverVersion: string;
  /** The daemon's features, such as `import.await`. */
  readonly features: readonly string[];
  /** URLs of its pages, including the base path. */
  readonly baseUrls: readonly string[];
  /** Identifies this run of the daemon. */
  readonly epoch: string;
  /** Start time of this run, by the daemon's clock. */
  readonly startTime: Date;
  /** The current limits. */
  readonly limits: Limits;
  /** Text frames that were refused, because they were not a JSON object with a type. */
  readonly refusedFrames: number;
  /** Whether the socket client is currently injected into HTML pages. */
  readonly injectsClient: boolean;
  /** HTML pages served with the client. */
  readonly pagesWithClient: number;
  /** HTML pages served without it. */
  readonly pagesWithoutClient: number;
  /** Further origins whose pages may connect. */
  readonly allowedOrigins: readonly string[];
  /** Why pages were served without the client: a sentence for each reason. */
  readonly withoutClientReasons: readonly string[];
}

/** Limits of a daemon. */
export interface Limits {
  /** Largest message to a page, in bytes. */
  readonly maxMessageBytes: number;
  /** Largest body of a hook's call or result, in bytes. */
  readonly maxBodyBytes: number;
  /** Longest `callTimeoutMs`. Undefined = none (`--debug`). */
  readonly maxCallTimeoutMs: number | undefined;
  /** Bytes that may wait for one socket. */
  readonly maxSocketQueueBytes: number;
  /** Limit of events in the log. 0 = limited only by `eventLogBytes`. */
  readonly eventLogEntries: number;
  /** Limit of bytes in the log. */
  readonly eventLogBytes: number;
}

/** The name of a hook. */
export type HookName =
  'unspecified' | 'serve' | 'transform' | 'resolve_import' | 'subscribe_messages';

/** A configured plugin, or a live session, or both. */
export interface PluginInfo {
  /** The plugin's name. */
  readonly pluginName: string;
  /** The plugin's version. Empty = unknown. */
  readonly pluginVersion: string;
  /** The plugin's state. */
  readonly state: 'unspecified' | 'waiting' | 'starting' | 'ready' | 'failed';
  /** The hooks that it declared. */
  readonly hooks: readonly HookName[];
  /** Index in the order of serve hooks, from 0. */
  readonly serveOrderIndex: number;
  /** The plugin's process id, if the daemon spawned it; else 0. */
  readonly pid: number;
  /** How often the daemon restarted it. */
  readonly restarts: number;
  /** Calls made to it. */
  readonly calls: number;
  /** Calls that it skipped. */
  readonly passes: number;
  /** Calls that failed. */
  readonly failures: number;
  /** Calls that timed out. */
  readonly timeouts: number;
  /** Results that came too late. */
  readonly lateResults: number;
  /** 99th percentile of the call latency in ms, including the time in the queue. Undefined = no calls yet. */
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

/** The name of a hook. */
export function toHookName(hook: Hook): HookName {
  return HOOKS[hook] ?? 'unspecified';
}

/** Converts server info from the wire. */
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

/** Converts a plugin from the wire. */
export function toPluginInfo(plugin: wire.Plugin): PluginInfo {
  const { state, hooks, callLatencyP99, ...rest } = plugin;
  return {
    ...rest,
    state: STATES[state] ?? 'unspecified',
    hooks: hooks.map(toHookName),
    callLatencyP99Ms: toDuration(callLatencyP99),
  };
}
