import type {
  DeliveryReport,
  DeliveryStatus as WireStatus,
} from './generated/pagewire/v1/common.js';
import { toPosition, type Position } from './position.js';

/**
 * Why a page was not reached or did not respond:
 *
 * - `not_found`: no connected socket has this id
 * - `gone`: the socket was closed meanwhile
 * - `dropped_slow`: its queue was full; nothing was enqueued
 * - `timed_out`: the confirmation, or the response, did not arrive in time
 * - `unsupported`: its client does not support this
 */
export type DeliveryStatus =
  'unspecified' | 'not_found' | 'gone' | 'dropped_slow' | 'timed_out' | 'unsupported';

/** Delivery report of a send: the reached sockets and the rows together are exactly the selected sockets. */
export interface Report {
  /** The number of reached sockets. 0 without rows: no socket was selected. */
  readonly reached: number;
  /** A row for each selected socket that was not reached, in no particular order. */
  readonly unreached: readonly Unreached[];
  /** The reached sockets, with `listReached`. Else empty. */
  readonly reachedSocketIds: readonly string[];
  /** Position in the event log at the selection: events that the send causes come after it. */
  readonly position: Position;
}

/** A socket that was selected and not reached. */
export interface Unreached {
  /** The socket id, or the unknown id from the target. */
  readonly socketId: string;
  /** The reason. */
  readonly status: DeliveryStatus;
  /** The reason for people. */
  readonly text: string;
}

const STATUSES: readonly DeliveryStatus[] = [
  'unspecified',
  'not_found',
  'gone',
  'dropped_slow',
  'timed_out',
  'unsupported',
];

const TEXTS: Record<DeliveryStatus, string> = {
  unspecified: 'unknown reason',
  not_found: 'no connected socket has this id',
  gone: 'the socket was closed',
  dropped_slow: 'the queue of the socket is full',
  timed_out: 'no response in time',
  unsupported: 'the client in the page does not support this',
};

const NONE: readonly [] = [];

/** The name of a status. */
export function toStatus(status: WireStatus): DeliveryStatus {
  return STATUSES[status] ?? 'unspecified';
}

/** The text of a status for people. */
export function statusText(status: DeliveryStatus): string {
  return TEXTS[status];
}

/** Converts a report from the wire. */
export function toReport(report: DeliveryReport | undefined): Report {
  if (report === undefined) return { ...EMPTY };
  const { reached, unreached, reachedSocketIds, position } = report;
  return {
    reached,
    unreached: unreached.length === 0 ? NONE : unreached.map(toUnreached),
    reachedSocketIds,
    position: toPosition(position),
  };
}

const EMPTY: Report = {
  reached: 0,
  unreached: NONE,
  reachedSocketIds: NONE,
  position: toPosition(undefined),
};

function toUnreached({ socketId, status }: { socketId: string; status: WireStatus }): Unreached {
  const name = toStatus(status);
  return { socketId, status: name, text: TEXTS[name] };
}
