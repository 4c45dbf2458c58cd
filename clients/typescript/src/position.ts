/** A place in the daemon's event log. */
export interface Position {
  /** Names one run of the daemon. Compare for equality only. */
  readonly epoch: string;
  /** Number of the last event at this place, 0 before the first. Below 2^53. */
  readonly sequence: number;
}

const START: Position = { epoch: '', sequence: 0 };

/** A position as the daemon sent it. */
export function toPosition(position: Position | undefined): Position {
  return position ?? START;
}
