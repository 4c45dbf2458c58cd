import type { Duration } from './generated/google/protobuf/duration.js';

/** Milliseconds as the daemon takes them; undefined = its default. */
export function fromDuration(ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.trunc(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** A duration as the daemon sent it, in ms. */
export function toDuration(duration: Duration | undefined): number | undefined {
  return duration && duration.seconds * 1000 + duration.nanos / 1e6;
}
