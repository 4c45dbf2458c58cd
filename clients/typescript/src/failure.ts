import { inspect } from 'node:util';
import type { HookFailure } from './generated/pagewire/v1/hooks.js';

/** The location of the cause in the source, and how to show it. */
export interface FailurePlace {
  /** The HTTP status for the page. Default 500. */
  readonly status?: number;
  /** The file, as its author would name it. */
  readonly file?: string;
  /** Line, from 1. */
  readonly line?: number;
  /** Column, from 1. */
  readonly column?: number;
  /** The source lines around it, shown as given. */
  readonly frame?: string;
  /** Files, as absolute paths, whose change may fix the error: the page reloads then. */
  readonly dependsOn?: readonly string[];
  /** A stack trace, printed as given. Default none: the location is more useful than the plugin's own stack. */
  readonly stack?: string;
  /** @deprecated Renamed to `stack`. */
  readonly trace?: string;
}

/**
 * An error of the requested content, such as a syntax error in its source, thrown by a hook. The developer sees it in the
 * page, which recovers by itself when the cause is fixed.
 *
 * ```js
 * throw new Failure('unexpected `}`').at('/src/a.vue', 3, 7);
 * ```
 */
export class Failure extends Error {
  /** Identifies it where `instanceof` does not work. */
  override readonly name: string = 'Failure';
  #place: FailurePlace;

  /** A failure with a message for people. */
  constructor(message: string, place: FailurePlace = {}) {
    super(message);
    this.#place = place;
  }

  /** The location of the cause. */
  get place(): FailurePlace {
    return this.#place;
  }

  /** Sets the location, and returns this failure. Line and column start from 1. */
  at(file: string, line?: number, column?: number): this {
    this.#place = { ...this.#place, file, line, column };
    return this;
  }
}

/**
 * A request's body was omitted because it is larger than the hook accepts, and was read nevertheless. If the handler does
 * not catch it, the page gets status 413, or 500 if the hook accepts no bodies at all.
 */
export class BodyTooLarge extends Failure {
  /** Identifies it where `instanceof` does not work. */
  override readonly name = 'BodyTooLarge';
  /** The size of the body in bytes; undefined if the request does not announce it. */
  readonly size: number | undefined;
  /** The limit of the hook in bytes, `maxRequestBodyBytes`. */
  readonly limit: number;

  /** @internal */
  constructor(size: number | undefined, limit: number) {
    super(tooLargeText(size, limit), { status: limit === 0 ? 500 : 413 });
    this.size = size;
    this.limit = limit;
  }
}

function tooLargeText(size: number | undefined, limit: number): string {
  if (limit === 0) return 'this hook does not request bodies (set maxRequestBodyBytes)';
  const bytes = size === undefined ? `more than ${limit} bytes` : `${size} bytes`;
  return `the request's body has ${bytes}, but this hook accepts at most ${limit} bytes (maxRequestBodyBytes)`;
}

/** Converts what a handler threw for the wire. */
export function fromThrown(thrown: unknown): HookFailure {
  if (thrown instanceof Failure) {
    const { place } = thrown;
    const { status = 0, file, line = 0, column = 0, frame = '' } = place;
    const hasLocation = file !== undefined || line > 0 || frame !== '';
    const location = hasLocation ? { file: file ?? '', line, column, frame } : undefined;
    const dependsOnFiles = place.dependsOn === undefined ? [] : [...place.dependsOn];
    return { status, message: thrown.message, stack: stackOf(place), location, dependsOnFiles };
  }
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const message = errorText(thrown);
  return { status: 0, message, stack, location: undefined, dependsOnFiles: [] };
}

/** The stack trace under its current name or its old one. */
function stackOf({ stack, trace = '' }: { stack?: string; trace?: string }): string {
  return stack ?? trace;
}

/** The text of what a handler threw, for the log: with the stack trace, or the location of a `Failure`. */
export function logText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (!(thrown instanceof Failure)) return inspect(thrown);
  const { file, line, column } = thrown.place;
  const location = [file, line, column].filter(Boolean).join(':');
  return location === '' ? thrown.message : `${thrown.message} (${location})`;
}

/** An error with its causes in one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message || error.name;
  if (error.cause === undefined) return text;
  const cause = errorText(error.cause);
  return text.includes(cause) ? text : `${text}: ${cause}`;
}
