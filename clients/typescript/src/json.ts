/** A value as JSON text. What JSON has no word for (undefined, a function) is a `TypeError`. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) {
    throw new TypeError(`not a JSON value: ${typeof value} (pass an object, a text, a number...)`);
  }
  return text;
}
