import type { Duration } from './generated/google/protobuf/duration.js';

/** Converts milliseconds for the wire; undefined = the default of the daemon. */
export function fromDuration(ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.trunc(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** Converts a duration from the wire to milliseconds. */
export function toDuration(duration: Duration | undefined): number | undefined {
  return duration && duration.seconds * 1000 + duration.nanos / 1e6;
}
