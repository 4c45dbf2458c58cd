/** Checks of what programs in JavaScript pass: an error names the option, and the one that was probably meant. */

import { inspect } from 'node:util';

/** What a value must be. */
export interface Kind {
  readonly name: string;
  readonly test: (value: unknown) => boolean;
  /** The new name of an option with a deprecated name. */
  readonly renamedTo?: string;
}

const isText = (value: unknown) => typeof value === 'string';
const isObject = (value: unknown) => typeof value === 'object' && value !== null;
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);
const isPlain = (value: unknown) =>
  isObject(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object);

export const TEXT: Kind = { name: 'a string', test: isText };
export const NUMBER: Kind = { name: 'a number', test: Number.isFinite };
/** A number of the contract's type `uint32`. */
export const COUNT: Kind = {
  name: 'a whole number from 0 to 4294967295',
  test: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32,
};
export const BOOLEAN: Kind = { name: 'a boolean', test: (value) => typeof value === 'boolean' };
export const FUNCTION: Kind = { name: 'a function', test: (value) => typeof value === 'function' };
export const OBJECT: Kind = { name: 'an object', test: isObject };
export const ARRAY: Kind = { name: 'an array', test: Array.isArray };
/** An object without a class, such as `{ ... }`. */
export const PLAIN_OBJECT: Kind = { name: 'a plain object', test: isPlain };
export const TEXTS: Kind = { name: 'an array of strings', test: isTexts };
export const ONE_OR_MORE: Kind = {
  name: 'a string or an array of strings',
  test: (value) => isText(value) || isTexts(value),
};
export const BODY: Kind = {
  name: 'a string or a Uint8Array',
  test: (value) => isText(value) || value instanceof Uint8Array,
};
export const BYTES: Kind = {
  name: 'a Uint8Array',
  test: (value) => value instanceof Uint8Array,
};
export const SIGNAL: Kind = {
  name: 'an AbortSignal',
  test: (value) => isObject(value) && 'aborted' in value,
};

/** One of these strings. */
export function oneOf(...values: readonly string[]): Kind {
  const name = values.map((value) => `"${value}"`).join(' or ');
  return { name, test: (value) => values.includes(value as string) };
}

/** The deprecated name of an option. */
export function renamed(kind: Kind, renamedTo: string): Kind {
  return { ...kind, renamedTo };
}

type NameOf<Options> = Options extends unknown ? keyof Options : never;

/** The options of a type, each with what it must be. */
export type Shape<Options> = Readonly<Record<NameOf<Options>, Kind>>;

/**
 * Fails with a `TypeError` unless `given` is an object with these options. `what` names it in the error. An instance of a
 * class may have fields of its own.
 */
export function checkOptions(
  what: string,
  given: unknown,
  shape: Readonly<Record<string, Kind>>,
): void {
  if (!isObject(given) || Array.isArray(given)) {
    throw new TypeError(`${what} must be an object, not ${describe(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (kind === undefined) {
      if (isPlain(given)) throw unknownOption(what, name, currentNames(shape));
    } else if (value !== undefined) {
      check(`\`${name}\` of ${what}`, value, kind);
      refuseBoth(what, name, kind.renamedTo, given);
    }
  }
}

function currentNames(shape: Readonly<Record<string, Kind>>): string[] {
  return Object.keys(shape).filter((name) => shape[name]?.renamedTo === undefined);
}

/** Fails if an option is given under its deprecated name and also under its new one. */
function refuseBoth(what: string, name: string, renamedTo: string | undefined, given: object) {
  if (renamedTo === undefined) return;
  if ((given as Record<string, unknown>)[renamedTo] === undefined) return;
  throw new TypeError(
    `${what} has \`${renamedTo}\` and its old name \`${name}\` (remove \`${name}\`)`,
  );
}

/** Fails with a `TypeError` unless the value is of this kind. */
export function check(what: string, value: unknown, { name, test }: Kind): void {
  if (!test(value)) throw new TypeError(`${what} must be ${name}, not ${describe(value)}`);
}

/** The kind of a value, for an error. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return value.length > MAX_SHOWN ? 'a string' : `"${value}"`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return inspect(value);
  const type = (value.constructor as { name: string } | undefined)?.name ?? 'Object';
  if (type === 'Object') return 'an object';
  return /^[AEIOU]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** Longest string that an error shows. */
const MAX_SHOWN = 40;

function unknownOption(what: string, name: string, known: readonly string[]): TypeError {
  const plain = (text: string) => text.replaceAll(/[^a-z]/gi, '').toLowerCase();
  const distances = known.map((each) => distance(plain(name), plain(each)));
  const nearest = Math.min(...distances);
  const meant = nearest <= MAX_DISTANCE ? known[distances.indexOf(nearest)] : undefined;
  const remedy =
    meant === undefined ? `its options are ${known.join(', ')}` : `did you mean \`${meant}\`?`;
  return new TypeError(`${what} has an unknown option \`${name}\` (${remedy})`);
}

/** Most edits between a name and the one that was probably meant. */
const MAX_DISTANCE = 2;

/** The Levenshtein distance: insertions, deletions and replacements of characters. */
function distance(one: string, other: string): number {
  let row = [...Array(other.length + 1).keys()];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
