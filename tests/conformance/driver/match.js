/** Expectations: what of a value must be so, and what stands for what in a case. */

import { brief } from './wait.js';

/**
 * Fills a case's value: `${name}` in a string is what `lookup` gives for the name, and
 * `{"$repeat": TEXT, "times": N}` is a long string.
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
  $not: (value, wanted) => mismatch(value, wanted) !== undefined,
  $length: (value, wanted) => value?.length === wanted,
  $contains: (value, wanted) =>
    [wanted].flat().every((part) => value?.includes?.(part)),
  $matches: (value, wanted) => typeof value === 'string' && new RegExp(wanted).test(value),
  $unordered: (value, wanted) => Array.isArray(value) && value.length === wanted.length
    && isPermutation(value, wanted),
};

function isPermutation(values, wanted) {
  const left = [...values];
  return wanted.every((item) => {
    const index = left.findIndex((value) => mismatch(value, item) === undefined);
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  });
}

/**
 * Why a value is not as wanted; nothing when it is. Of an object only the wanted keys count; an
 * array is wanted as a whole; `{"$contains": TEXT}` and its like are above.
 */
export function mismatch(value, wanted, place = '') {
  if (wanted !== null && typeof wanted === 'object' && !Array.isArray(wanted)) {
    const operators = Object.keys(wanted).filter((key) => key in OPERATORS);
    for (const name of operators) {
      if (!OPERATORS[name](value, wanted[name])) return differ(value, wanted, place);
    }
    if (operators.length > 0) return undefined;
    if (value === null || typeof value !== 'object') return differ(value, wanted, place);
    for (const [key, item] of Object.entries(wanted)) {
      const fault = mismatch(value[key], item, `${place}.${key}`);
      if (fault) return fault;
    }
    return undefined;
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return differ(value, wanted, place);
    for (const [index, item] of wanted.entries()) {
      const fault = mismatch(value[index], item, `${place}[${index}]`);
      if (fault) return fault;
    }
    return undefined;
  }
  return Object.is(value, wanted) ? undefined : differ(value, wanted, place);
}

function differ(value, wanted, place) {
  return `${place || 'it'} is ${brief(value)}, not ${brief(wanted)}`;
}

/** Throws unless the value is as wanted. */
export function expect(what, value, wanted) {
  const fault = mismatch(value, wanted);
  if (fault) throw new Error(`${what}: ${fault}${fault.startsWith('it is') ? '' : `\n    in ${brief(value)}`}`);
}
