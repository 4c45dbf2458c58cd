/** Serializes a value as JSON. Throws a `TypeError` for values that JSON lacks (undefined, a function). */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) {
    throw new TypeError(`not a JSON value: ${typeof value} (pass an object, a text, a number...)`);
  }
  return text;
}
