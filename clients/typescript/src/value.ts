import type * as wire from './generated/pagewire/v1/common.js';

/** How far an import had come when something was thrown; `unspecified` = it is of no import. */
export type Phase = 'unspecified' | 'load' | 'call' | 'serialize';

/** Something that was thrown in a page. */
export interface JsException {
  /** How far the work had come. */
  readonly phase: Phase;
  /** The error's `name`, `TypeError` say. Empty for what is no `Error`. */
  readonly name: string;
  /** The error's `message`, or what was thrown as text. */
  readonly message: string;
  /** The error's `stack`, in the browser's own format. Empty = none. */
  readonly stack: string;
  /** The script it was thrown in. Empty = unknown. */
  readonly url: string;
  /** Line, from 1. 0 = unknown. */
  readonly line: number;
  /** Column, from 1. 0 = unknown. */
  readonly column: number;
  /** What was thrown and is no `Error`, as JSON text. Empty = none. */
  readonly thrownJson: string;
}

/**
 * A value as it came out of a page. `text` shows it as a console would:
 *
 * - `json`: what `JSON.stringify` made of it, verbatim and never cut; `value()` parses it
 * - `undefined`: or a module without a default function
 * - `unserializable`: `NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`
 * - `description`: anything else (DOM node, function, cycle), described
 * - `truncated`: larger than the limit; the beginning of a description
 */
export class JsValue {
  /** Which sort of value it is. */
  readonly kind: 'json' | 'undefined' | 'unserializable' | 'description' | 'truncated';
  /** The JSON text, or what a console would show. */
  readonly text: string;

  /** @internal */
  constructor(kind: JsValue['kind'], text: string) {
    this.kind = kind;
    this.text = text;
  }

  /**
   * The value itself: JSON parsed, numbers that JSON lacks, bigints. Of what could not leave the page it
   * throws a `TypeError`.
   */
  // As JSON.parse: what a page returns is known to who wrote the page.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  value<T = any>(): T {
    switch (this.kind) {
      case 'json':
        return JSON.parse(this.text) as T;
      case 'undefined':
        return undefined as T;
      case 'unserializable':
        return (this.text.endsWith('n') ? BigInt(this.text.slice(0, -1)) : Number(this.text)) as T;
      default:
        throw new TypeError(
          `not a value that can leave its page: ${this.text} (have the page return something JSON.stringify keeps)`,
        );
    }
  }

  /** As a console would show it. */
  toString(): string {
    return this.kind === 'truncated' ? `${this.text}...` : this.text;
  }
}

const PHASES: readonly Phase[] = ['unspecified', 'load', 'call', 'serialize'];

/** A value as the daemon sent it. */
export function toValue({ kind, truncated }: wire.JsValue): JsValue {
  switch (kind?.$case) {
    case 'json':
    case 'unserializable':
      return new JsValue(kind.$case, kind.value);
    case 'description':
      return new JsValue(truncated ? 'truncated' : 'description', kind.value);
    default:
      return new JsValue('undefined', 'undefined');
  }
}

/** An exception as the daemon sent it. */
export function toException(thrown: wire.JsException | undefined): JsException {
  const { phase, ...rest } = thrown ?? NONE;
  return { phase: PHASES[phase] ?? 'unspecified', ...rest };
}

const NONE = {
  phase: 0,
  name: '',
  message: '',
  stack: '',
  url: '',
  line: 0,
  column: 0,
  thrownJson: '',
} as const;

/** An exception in a line: `TypeError: message`, and where it was thrown if nothing else says so. */
export function exceptionText(thrown: JsException): string {
  const { phase, name, message, stack, url, line, column, thrownJson } = thrown;
  const begin = { load: 'could not be loaded: ', serialize: 'its value could not be sent: ' };
  const what = [name, message || thrownJson].filter(Boolean).join(': ');
  const place = line === 0 ? url : `${url}:${line}:${column}`;
  const isSaid = url === '' || message.includes(place) || stack.includes(place);
  const before = phase === 'load' || phase === 'serialize' ? begin[phase] : '';
  return `${before}${what}${isSaid ? '' : ` (${place})`}`;
}
