import type {
  DeliveryReport,
  DeliveryStatus as WireStatus,
} from './generated/pagewire/v1/common.js';
import { toPosition, type Position } from './position.js';

/**
 * Why a page was not reached or did not answer:
 *
 * - `not_found`: no connected socket has this id
 * - `gone`: it closed meanwhile
 * - `dropped_slow`: its queue was full; nothing was enqueued
 * - `timed_out`: the confirmation, or the answer, did not come in time
 * - `unsupported`: its client cannot do this
 */
export type DeliveryStatus =
  'unspecified' | 'not_found' | 'gone' | 'dropped_slow' | 'timed_out' | 'unsupported';

/** What became of a send. `reached` and the rows together are exactly what was selected. */
export interface Report {
  /** How many sockets were reached. 0 without rows: nobody was selected. */
  readonly reached: number;
  /** A row for each selected socket that was not, in no particular order. */
  readonly unreached: readonly Unreached[];
  /** Who was reached, if the call or the client asks for it (`listReached`). Else empty. */
  readonly reachedSocketIds: readonly string[];
  /** Place in the event log at selection: what the send causes comes after it. */
  readonly position: Position;
}

/** A socket that was selected and not reached. */
export interface Unreached {
  /** The socket, or the id that was given when there is none. */
  readonly socketId: string;
  /** Why. */
  readonly status: DeliveryStatus;
  /** Why, for people. */
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
  unspecified: 'the daemon does not say why',
  not_found: 'no connected socket has this id',
  gone: 'the socket closed meanwhile',
  dropped_slow: 'the queue of the socket is full',
  timed_out: 'no answer in time',
  unsupported: 'the client in the page cannot do this',
};

const NOBODY: readonly [] = [];

/** A status by its name. */
export function toStatus(status: WireStatus): DeliveryStatus {
  return STATUSES[status] ?? 'unspecified';
}

/** A status for people. */
export function statusText(status: DeliveryStatus): string {
  return TEXTS[status];
}

/** A report as the daemon sent it. */
export function toReport(report: DeliveryReport | undefined): Report {
  if (report === undefined) return { ...EMPTY };
  const { reached, unreached, reachedSocketIds, position } = report;
  return {
    reached,
    unreached: unreached.length === 0 ? NOBODY : unreached.map(toUnreached),
    reachedSocketIds,
    position: toPosition(position),
  };
}

const EMPTY: Report = {
  reached: 0,
  unreached: NOBODY,
  reachedSocketIds: NOBODY,
  position: toPosition(undefined),
};

function toUnreached({ socketId, status }: { socketId: string; status: WireStatus }): Unreached {
  const name = toStatus(status);
  return { socketId, status: name, text: TEXTS[name] };
}
