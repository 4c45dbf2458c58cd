/**
 * The one way in which the JavaScript tests wait: for a named event, with a time limit. Nothing sleeps or polls.
 */

/** Default time limit of a wait. */
export const TIMEOUT_MS = 15_000;

/** Resolves as `promise` does, or rejects after `ms` with an error that names what was awaited. */
export async function until(what, promise, ms = TIMEOUT_MS) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out after ${ms} ms, waiting for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** A value in one short line, for error messages. */
export function brief(value) {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)) ?? 'undefined';
  return text.length > 300 ? `${text.slice(0, 300)}... (${text.length} characters)` : text;
}
