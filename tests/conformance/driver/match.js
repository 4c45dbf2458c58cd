/** Placeholders in the values of a case, and matching of observed values against expected ones. */

import { brief } from '../../wait.js';

/**
 * Expands placeholders: `${name}` in a string is replaced by `lookup(name)`, and
 * `{"$repeat": TEXT, "times": N}` becomes a long string.
 */
export function fill(value, lookup) {
  if (typeof value === 'string') return value.replace(/\$\{([\w.]+)\}/g, (_, name) => lookup(name));
  if (Array.isArray(value)) return value.map((item) => fill(item, lookup));
  if (value === null || typeof value !== 'object') return value;
  if ('$repeat' in value) return value.$repeat.repeat(value.times);
  return Object.fromEntries(Object.entries(value)
    .map(([key, item]) => [fill(key, lookup), fill(item, lookup)]));
}

const OPERATORS = {
  $any: () => true,
  $absent: (value) => value === undefined,
  $not: (value, expected) => mismatch(value, expected) !== undefined,
  $length: (value, expected) => value?.length === expected,
  $contains: (value, expected) =>
    [expected].flat().every((part) => value?.includes?.(part)),
  $matches: (value, expected) => typeof value === 'string' && new RegExp(expected).test(value),
  $unordered: (value, expected) => Array.isArray(value) && value.length === expected.length
    && isPermutation(value, expected),
};

function isPermutation(values, expected) {
  const left = [...values];
  return expected.every((item) => {
    const index = left.findIndex((value) => mismatch(value, item) === undefined);
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
}

/**
 * Describes how a value differs from the expected one; `undefined` when it matches. Objects are compared by the
 * expected keys only, arrays as a whole. `{"$contains": TEXT}` and the like are operators: see `OPERATORS`.
 */
export function mismatch(value, expected, place = '') {
  if (expected !== null && typeof expected === 'object' && !Array.isArray(expected)) {
    const operators = Object.keys(expected).filter((key) => key in OPERATORS);
    for (const name of operators) {
      if (!OPERATORS[name](value, expected[name])) return differ(value, expected, place);
    }
    if (operators.length > 0) return undefined;
    if (value === null || typeof value !== 'object') return differ(value, expected, place);
    for (const [key, item] of Object.entries(expected)) {
      const difference = mismatch(value[key], item, `${place}.${key}`);
      if (difference) return difference;
    }
    return undefined;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(value) || value.length !== expected.length) return differ(value, expected, place);
    for (const [index, item] of expected.entries()) {
      const difference = mismatch(value[index], item, `${place}[${index}]`);
      if (difference) return difference;
    }
    return undefined;
  }
  return Object.is(value, expected) ? undefined : differ(value, expected, place);
}

function differ(value, expected, place) {
  return `${place || 'it'} is ${brief(value)}, not ${brief(expected)}`;
}

/** Throws unless the value matches. */
export function expect(what, value, expected) {
  const difference = mismatch(value, expected);
  if (difference) throw new Error(`${what}: ${difference}${difference.startsWith('it is') ? '' : `\n    in ${brief(value)}`}`);
}
