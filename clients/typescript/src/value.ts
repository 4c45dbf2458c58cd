import type * as wire from './generated/pagewire/v1/common.js';

/** The phase of an import in which an exception was thrown; `unspecified` = not in an import. */
export type Phase = 'unspecified' | 'load' | 'call' | 'serialize';

/** An exception in a page. */
export interface JsException {
  /** The phase in which it was thrown. */
  readonly phase: Phase;
  /** The error's `name`, such as `TypeError`. Empty for a value that is not an `Error`. */
  readonly name: string;
  /** The error's `message`, or the thrown value as text. */
  readonly message: string;
  /** The error's `stack`, in the browser's own format. Empty = none. */
  readonly stack: string;
  /** The script that threw it. Empty = unknown. */
  readonly url: string;
  /** Line, from 1. 0 = unknown. */
  readonly line: number;
  /** Column, from 1. 0 = unknown. */
  readonly column: number;
  /** A thrown value that is not an `Error`, as JSON text. Empty = none. */
  readonly thrownJson: string;
}

/**
 * A JavaScript value of a page. `toString()` shows it as a console would; `text` is, by `kind`:
 *
 * - `json`: the result of `JSON.stringify`, verbatim and never truncated; `value()` parses it
 * - `undefined`: or a module without a default function
 * - `unserializable`: `NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`
 * - `description`: a description of anything else (DOM node, function, cycle)
 * - `truncated`: the start of the description of a value over the size limit
 */
export class JsValue {
  /** The kind of value. */
  readonly kind: 'json' | 'undefined' | 'unserializable' | 'description' | 'truncated';
  /** The JSON text, or what a console would show. */
  readonly text: string;

  /** @internal */
  constructor(kind: JsValue['kind'], text: string) {
    this.kind = kind;
    this.text = text;
  }

  /**
   * The value itself: parsed JSON, numbers that JSON lacks, bigints. Throws a `TypeError` for a value that cannot
   * leave its page.
   */
  // As with JSON.parse, the caller knows the type of the value.
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
          `not a value that can leave its page: ${this.text} (let the page return something that JSON.stringify supports)`,
        );
    }
  }

  /** Formats as a console does: a string without quotes. */
  toString(): string {
    if (this.kind === 'json' && this.text.startsWith('"')) return JSON.parse(this.text) as string;
    return this.kind === 'truncated' ? `${this.text}...` : this.text;
  }
}

const PHASES: readonly Phase[] = ['unspecified', 'load', 'call', 'serialize'];

/** Converts a value from the wire. */
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

/** Converts an exception from the wire. */
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

/** Formats an exception as `TypeError: message`, with the location if neither message nor stack contains it. */
export function exceptionText(thrown: JsException): string {
  const { phase, name, message, stack, url, line, column, thrownJson } = thrown;
  const prefixes = { load: 'could not be loaded: ', serialize: 'its value could not be sent: ' };
  const what = [name, message || thrownJson].filter(Boolean).join(': ');
  const place = line === 0 ? url : `${url}:${line}:${column}`;
  const isKnown = url === '' || message.includes(place) || stack.includes(place);
  const prefix = phase === 'load' || phase === 'serialize' ? prefixes[phase] : '';
  return `${prefix}${what}${isKnown ? '' : ` (${place})`}`;
}
