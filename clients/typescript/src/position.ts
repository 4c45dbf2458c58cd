/** A position in the daemon's event log. */
export interface Position {
  /** Identifies one run of the daemon. Compare for equality only. */
  readonly epoch: string;
  /** Number of the last event before this position, 0 before the first. Below 2^53. */
  readonly sequence: number;
}

const START: Position = { epoch: '', sequence: 0 };

/** Converts a position from the wire. */
export function toPosition(position: Position | undefined): Position {
  return position ?? START;
}
