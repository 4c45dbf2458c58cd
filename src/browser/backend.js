/**
 * Reloads a page of a backend (`--no-files --watch`) once the backend has noticed a changed file. Loaded by the
 * socket client when it is first needed.
 *
 * Which files a backend uses is unknown, and so is when it notices a change. So the page requests its own URL
 * again and compares each answer with the one before, piece by piece (tags and lines). Some pieces always
 * change, such as tokens and times, or are added, such as lines of a log. A change of the page is a difference
 * in another number of pieces than so far. A page whose number varies by itself, such as one with random
 * entries, shows no change in this way; it reloads when its time is over.
 */

/** Session storage: the state of the comparison, for the document after the reload. */
const RECHECK = 'pagewire.recheck';
/** Most reloads because of other answers. Such a page varies by itself, and reloads when its time is over. */
const MAX_EARLY_RELOADS = 2;
/** How long answers are compared after a reload, or a change by the backend itself. */
const RECHECK_MS = 5_000;
/** Time that the first answers have before a reload, even if pages do not wait longer for the backend. */
const FIRST_ANSWERS_MS = 1_000;
/** Pauses between two requests to the backend, each twice the one before. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;
/** Longest wait for a backend that restarts, or for a navigation that has begun. */
const RESTART_MS = 60_000;
const NAVIGATION_MS = 10_000;
/** Most pieces of an answer that are compared. */
const MAX_PIECES = 50_000;

/** When the wait for another answer ends, and whether the page reloads then. Undefined while it does not wait. */
let end;
let isReloadDue = false;
/** When the last answer arrived. */
let answeredAt = 0;
/** A navigation has begun: until then it is neither cancelled by a reload, nor are its cookies used. */
let leavingUntil = 0;
let leaving = new AbortController();

window.addEventListener('beforeunload', () => {
  leavingUntil = Date.now() + NAVIGATION_MS;
  leaving.abort();
  leaving = new AbortController();
});

/**
 * Reloads the page once the backend has noticed a change: its answer differs, or it has restarted. After
 * `delay` the page reloads in any case, and its next document goes on comparing. What the backend probably
 * wrote itself reloads only if the answer differs.
 */
export async function reloadWithBackend(delay, byBackend) {
  const now = Date.now();
  const isWaiting = end !== undefined;
  if (byBackend) {
    // A backend may write a log file for each request, also for those of this page.
    if (isWaiting || now < answeredAt + MAX_PAUSE_MS) return;
    end = now + RECHECK_MS;
  } else {
    end = now + delay;
    isReloadDue = true;
    if (isWaiting) return;
  }
  const known = { pairs: 0, isRegular: true };
  const hasChanged = await isChanged(known, () => (known.pairs > 0 ? end : Math.max(end, now + FIRST_ANSWERS_MS)));
  const state = { known, due: isReloadDue ? end : 0, until: Date.now() + RECHECK_MS, earlyReloads: hasChanged ? 1 : 0 };
  const reloads = hasChanged || isReloadDue;
  end = undefined;
  isReloadDue = false;
  if (reloads) await reloadAndRecheck(state);
}

/**
 * Reloads the page once more if its answer changes shortly after a reload: the backend has noticed another
 * change, or what was taken for the first one was an answer that varies by itself.
 */
export async function recheck() {
  const { url, ...state } = JSON.parse(sessionStorage.getItem(RECHECK));
  sessionStorage.removeItem(RECHECK);
  if (url !== location.href) return;
  const { known, due, until, earlyReloads } = state;
  if (earlyReloads < MAX_EARLY_RELOADS) {
    if (await isChanged(known, () => until)) await reloadAndRecheck({ ...state, earlyReloads: earlyReloads + 1 });
  } else if (due > Date.now()) {
    await pause(due - Date.now());
    await reloadWhenIdle();
  }
}

async function reloadAndRecheck(state) {
  try {
    sessionStorage.setItem(RECHECK, JSON.stringify({ url: location.href, ...state }));
  } catch {
    // Storage is blocked or full: the page is not reloaded once more.
  }
  await reloadWhenIdle();
}

/** Reloads the page once no request is pending that this would disturb. */
async function reloadWhenIdle() {
  await fetch(new URL('may-reload', import.meta.url), { __proto__: null, cache: 'no-store' }).catch(() => {});
  await stayed();
  window[Symbol.for('pagewire')].reload();
}

/** Waits until no navigation has begun. */
async function stayed() {
  while (Date.now() < leavingUntil) await pause(leavingUntil - Date.now());
}

// --- Answers ------------------------------------------------------------------------------------

const LATE = Symbol('late');

/** Compares answers until one shows a change, which returns true, but not past `until()`. */
async function isChanged(known, until) {
  for (let wait = FIRST_PAUSE_MS; ;) {
    const pieces = await beforeEnd(answer(), until);
    if (pieces === LATE) return false;
    if (pieces === undefined) {
      await restarted();
      return true;
    }
    if (showsChange(known, pieces)) return true;
    if (known.pairs === 0) continue;
    await beforeEnd(pause(wait), until);
    wait = Math.min(2 * wait, MAX_PAUSE_MS);
  }
}

/**
 * Adds an answer to what is `known`: the `pieces` of the last one, how many pieces are `added` and `removed`
 * from one to the next, both together the `first` time, the number of `pairs` that were compared, and whether
 * they were alike (`isRegular`).
 * Returns whether the answer shows a change of the page.
 */
function showsChange(known, pieces) {
  const last = known.pieces;
  known.pieces = pieces;
  if (last === undefined) return false;
  const [added, removed] = [countMissing(pieces, last), countMissing(last, pieces)];
  const isUsual = known.pairs === 0 || (added === known.added && removed === known.removed);
  // Two equal answers are enough. If they always differ, a second pair shows whether they do so alike.
  const isSure = known.isRegular && (known.pairs > 1 || known.added + known.removed === 0);
  if (!isUsual && isSure) return true;
  // The third pair shows which of the first two had the change: the other one is like it, and both are smaller.
  if (known.pairs === 2) {
    const pieces = added + removed;
    const isSecond = pieces === known.first && pieces < known.added + known.removed;
    if (isSecond || (isUsual && pieces < known.first)) {
      // What follows is like this pair.
      Object.assign(known, { added, removed, first: pieces, isRegular: true });
      return true;
    }
  }
  known.isRegular &&= isUsual;
  known.first ??= added + removed;
  Object.assign(known, { added, removed, pairs: known.pairs + 1 });
  return false;
}

/** The number of `pieces` that `others` lack. */
function countMissing(pieces, others) {
  const found = new Set(others);
  return pieces.filter((piece) => !found.has(piece)).length;
}

/** Resolves as `event` does, or with LATE at `until()`, which may be moved meanwhile. */
async function beforeEnd(event, until) {
  for (;;) {
    const rest = until() - Date.now();
    if (rest <= 0) return LATE;
    const first = await Promise.race([event, pause(rest).then(() => LATE)]);
    if (first !== LATE) return first;
  }
}

/** Waits until the backend answers again. */
async function restarted() {
  const until = Date.now() + RESTART_MS;
  let wait = FIRST_PAUSE_MS;
  while (await answer() === undefined && Date.now() < until) {
    await pause(wait);
    wait = Math.min(2 * wait, MAX_PAUSE_MS);
  }
}

/**
 * Returns hashes of the different pieces of the page, tags and lines, as the backend answers now; undefined
 * while it is away.
 */
async function answer() {
  const [url] = location.href.split('#');
  for (;;) {
    await stayed();
    const { signal } = leaving;
    const options = { __proto__: null, cache: 'no-store', signal, headers: { __proto__: null, accept: 'text/html' } };
    const read = async (response) => [response.status, await response.text()];
    const [status, text] = await fetch(url, options).then(read).catch(() => []);
    answeredAt = Date.now();
    if (signal.aborted) continue;
    if (status === undefined || [502, 503, 504].includes(status)) return undefined;
    const pieces = text.split(/\n|(?=<)/, MAX_PIECES);
    return [...new Set([status, ...pieces.map(hash)])];
  }
}

function hash(text) {
  let value = 0;
  for (let index = 0; index < text.length; index++) value = (Math.imul(31, value) + text.charCodeAt(index)) | 0;
  return value;
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
