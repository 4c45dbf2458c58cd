import type { HookFailure } from './generated/pagewire/v1/hooks.js';

/** Where in a source the cause is, and how to show it. */
export interface FailurePlace {
  /** The HTTP status for the page. Default 500. */
  readonly status?: number;
  /** The file, as its author would name it. */
  readonly file?: string;
  /** Line, from 1. */
  readonly line?: number;
  /** Column, from 1. */
  readonly column?: number;
  /** The lines around it, as they should be shown. */
  readonly frame?: string;
  /** Files, as absolute paths, whose change may mend it: the page asks again. */
  readonly dependsOn?: readonly string[];
  /** A stack trace, as it should be printed. Default none: the place says more than the plugin's own stack. */
  readonly trace?: string;
}

/**
 * Mine, but broken: a considered failure of a hook, a syntax error say. The developer sees it in the page, which
 * recovers by itself when the cause is fixed.
 *
 * ```js
 * throw new Failure('unexpected `}`', { file: '/src/a.vue', line: 3, column: 7 });
 * ```
 */
export class Failure extends Error {
  /** Tells it from other errors where classes do not. */
  override readonly name = 'Failure';
  /** Where the cause is. */
  readonly place: FailurePlace;

  /** A failure with this text, for people. */
  constructor(message: string, place: FailurePlace = {}) {
    super(message);
    this.place = place;
  }
}

/** What a handler threw, as the daemon takes it. */
export function fromThrown(thrown: unknown): HookFailure {
  if (thrown instanceof Failure) {
    const { place } = thrown;
    const { status = 0, trace = '', file, line = 0, column = 0, frame = '' } = place;
    const isPlaced = file !== undefined || line > 0 || frame !== '';
    const location = isPlaced ? { file: file ?? '', line, column, frame } : undefined;
    const dependsOnFiles = place.dependsOn === undefined ? [] : [...place.dependsOn];
    return { status, message: thrown.message, stack: trace, location, dependsOnFiles };
  }
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const message = errorText(thrown);
  return { status: 0, message, stack, location: undefined, dependsOnFiles: [] };
}

/** An error and its causes in a line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message || error.name;
  if (error.cause === undefined) return text;
  const cause = errorText(error.cause);
  return text.includes(cause) ? text : `${text}: ${cause}`;
}
