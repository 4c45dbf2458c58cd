/**
 * Pagewire's socket client: the script that the daemon injects into pages.
 *
 * It connects its document to the daemon by one WebSocket, runs the daemon's commands (import a
 * module, print, reload, swap stylesheets) and lets page code talk to plugins. Served as it is,
 * with no build step, as `/__pagewire__/client.js` and, with the exports of `@web/dev-server`, as
 * `/__web-dev-server__web-socket.js`; the frames are described in `src/message`. Four companions are
 * loaded when needed: `recorder.js` reports the console and errors and describes values,
 * `changes.js` acts on changed files, `backend.js` waits for a backend that has to notice them, and
 * `overlay.js` shows why scripts and stylesheets did not load.
 *
 * Text from the socket is never evaluated: code arrives only by `import()` of a URL, to which the
 * page's Content-Security-Policy applies as to any other script.
 */

const VERSION = 1;
const FEATURES = ['import.await', 'import.fresh', 'log', 'console', 'errors',
  'command.reload', 'command.navigate', 'command.styles', 'command.changed'];
const LEVELS = ['debug', 'error', 'info', 'log', 'warn'];

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
const HIDDEN_RETRY_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const PROBE_AFTER_SILENCE_MS = 10_000;
const PROBE_TIMEOUT_MS = 3_000;
const RESPONSE_TIMEOUT_MS = 20_000;
/** Largest message, in bytes: the daemon would close the connection for a larger one (`MAX_PAGE_FRAME_BYTES`). */
const MAX_MESSAGE_BYTES = 1_048_576;
const STATE_INTERVAL_MS = 100;
const TAB_CLAIM_MS = 100;
const TOP_PAGE_MS = 500;
/** Longest time for which the first use of storage waits for the page to load. */
const LOAD_WAIT_MS = 100;
/** Messages sent this shortly before a connection breaks may be lost. */
const IN_FLIGHT_MS = 1_000;
/** Most fetched files that are known. Beyond, any file may have been fetched. */
const MAX_FETCHES = 10_000;
/** Capacity of the browser's own list of fetches, which has those before this script. */
const BROWSER_FETCHES = 250;
/** Most failed fetches of this document that are known, the oldest are forgotten first; and most in one message. */
const MAX_FAILED_FETCHES = 100;
const MAX_FAILED_URLS = 10;
/** Initiator types of fetches whose failures page code handles, or which are no scripts and stylesheets. */
const OTHER_FETCHES = ['fetch', 'xmlhttprequest', 'beacon', 'img', 'image', 'input', 'video', 'audio', 'track', 'iframe', 'frame', 'embed', 'object'];
/** Most URLs of this document that are known; the oldest are forgotten first. */
const MAX_PAGE_URLS = 1_000;

/**
 * The script may be loaded under both of its names. The first instance stores its exports under
 * this key of `window`, and the second re-exports them, so that they share one connection.
 */
const KEY = Symbol.for('pagewire');

const isAlias = !/\/__pagewire__\/[^/]*$/.test(new URL(import.meta.url).pathname);
/** The daemon's root: not `/` behind a proxy that adds a base path. */
const daemonRoot = new URL(isAlias ? './' : '../', import.meta.url);

/** crypto.randomUUID needs a secure context, which a phone on the LAN does not have. */
const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
  (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * A copy without a prototype: page code may have added properties to `Object.prototype`. Options of
 * the browser's own functions are written with `__proto__: null` for the same reason.
 */
const ownProperties = (object) => ({ __proto__: null, ...object });

const pageId = randomId();
let tabId = '';

/** Whether the document is the response to a POST request, by an element that the daemon inserts. */
const isPostResponse = document.querySelector('meta[name="pagewire-post"]') !== null;

// --- The connection ----------------------------------------------------------------------------

/** The current socket, null between two attempts. */
let socket = null;
/** Whether `socket` is open and has sent its hello, which must be the first frame. */
let isReady = false;
/**
 * Whether there will be no connection: it was closed for good by the daemon (close codes 4500-4999) or by
 * page code, or the document has no origin, as in a sandboxed frame, and the daemon would refuse it.
 */
let isClosed = window.origin === 'null';
/** Whether the document is in the back/forward cache or prerendered: the tab shows another one. */
let isInactive = false;
let attempts = 0;
let retryTimer;
/** Drops an attempt that hangs, or a connection whose probe is unanswered. */
let responseTimer;
let connectingSince = 0;
let receivedAt = 0;
/** The daemon's id for the latest connection; '' until it answers a hello. */
let socketId = '';
let daemonAnswersHello = false;

/**
 * The `webSocket` export. It behaves like a WebSocket, but outlives connections: listeners stay
 * registered, 'open' and 'close' fire for each underlying connection, and `readyState` is
 * CONNECTING while reconnecting (`send` throws then, as a WebSocket's does; `sendMessage` waits).
 * `close()` is final.
 */
class PageSocket extends EventTarget {
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;

  constructor() {
    super();
    for (const type of ['open', 'message', 'error', 'close']) {
      this.addEventListener(type, (event) => this[`on${type}`]?.call(this, event));
    }
  }

  get readyState() {
    return isClosed ? this.CLOSED : isReady ? this.OPEN : this.CONNECTING;
  }

  get url() {
    return socketUrl();
  }

  get bufferedAmount() {
    return socket?.bufferedAmount ?? 0;
  }

  send(data) {
    if (isClosed) return;
    if (!isReady) throw new DOMException('the web socket is not connected', 'InvalidStateError');
    checkSize(data);
    transmit(data);
  }

  close(code = 1000, reason = '') {
    if (isClosed) return;
    // First, so that an invalid code throws without changing anything.
    socket?.close(code, reason);
    isClosed = true;
    disconnected(socket, new CloseEvent('close', { __proto__: null, code, reason, wasClean: true }));
  }
}

const READY_STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
Object.assign(PageSocket, READY_STATES);
Object.assign(PageSocket.prototype, READY_STATES);

const pageSocket = new PageSocket();
const firstOpen = deferred();
/** Resolves when the connection is ready; replaced when it is lost. */
let opening = deferred();

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  parts.promise.catch(() => {}); // Not an unhandled rejection if nothing waits.
  return parts;
}

/** Relative to the script, so that a base path or a proxy needs no setting. */
function socketUrl() {
  const url = new URL(isAlias ? './wds' : './socket', import.meta.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (socketId) url.searchParams.set('previous', socketId);
  return url.href;
}

function connect() {
  clearTimeout(retryTimer);
  if (socket || isClosed || isInactive) return;
  const self = socket = new WebSocket(socketUrl());
  connectingSince = receivedAt = Date.now();
  daemonAnswersHello = false;
  startTimeout(CONNECT_TIMEOUT_MS);
  self.addEventListener('open', async (event) => {
    await tab; // Hello is the first frame, and contains the tab's id.
    if (self !== socket || self.readyState !== WebSocket.OPEN) return;
    clearTimeout(responseTimer);
    sendHello();
    isReady = true;
    recorder()?.setSender(sendRecorded); // Flushes what was recorded before all else.
    firstOpen.resolve();
    opening.resolve();
    askAboutFailures();
    pageSocket.dispatchEvent(new Event(event.type));
  });
  self.addEventListener('message', ({ data, origin }) => {
    if (self !== socket) return;
    clearTimeout(responseTimer);
    receivedAt = Date.now();
    attempts = 0;
    changesKnownAt = documentAge();
    if (receive(data)) return;
    pageSocket.dispatchEvent(new MessageEvent('message', { __proto__: null, data, origin }));
  });
  self.addEventListener('error', () => {
    if (self === socket) pageSocket.dispatchEvent(new Event('error'));
  });
  self.addEventListener('close', ({ code, reason, wasClean }) =>
    disconnected(self, new CloseEvent('close', { __proto__: null, code, reason, wasClean })));
}

/** Handles a connection that was lost or given up: rejects waiters and schedules a reconnect. */
function disconnected(lost, closeEvent) {
  if (lost !== socket) return;
  socket = null;
  if (isReady) opening = deferred();
  isReady = false;
  recorder()?.setSender(null);
  clearTimeout(responseTimer);
  clearTimeout(retryTimer);
  isClosed ||= closeEvent.code >= 4500 && closeEvent.code <= 4999;
  for (const request of requests.values()) {
    if (request.isSent || isClosed) request.fail(new Error(
      `The connection to the server was lost before it answered the message with type ${request.type}`));
  }
  if (isClosed) opening.reject(new Error(`The web socket is closed (code ${closeEvent.code})`));
  else if (!isInactive) retryTimer = setTimeout(connect, retryDelay());
  pageSocket.dispatchEvent(closeEvent);
}

/** Throws if a message is too large to be sent. */
function checkSize(data) {
  const size = typeof data === 'string' ? byteLength(data) : data.byteLength ?? data.size;
  if (size > MAX_MESSAGE_BYTES) {
    throw new RangeError(`the message has ${size} bytes, but a page may send at most ${MAX_MESSAGE_BYTES}`);
  }
}

/** The length in UTF-8, in which a character of a string takes at most three bytes. */
const byteLength = (text) =>
  (text.length * 3 <= MAX_MESSAGE_BYTES ? text.length : new TextEncoder().encode(text).length);

/** Sends a frame, after what the page printed before. */
function transmit(data) {
  recorder()?.flush();
  socket.send(data);
}

function retryDelay() {
  const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts++, 10));
  const isHidden = document.visibilityState === 'hidden';
  // Jitter: a hundred pages must not reconnect to a restarted daemon in step.
  return (isHidden ? Math.min(HIDDEN_RETRY_MS, delay * 6) : delay) * (0.75 + Math.random() / 2);
}

/** Gives up the connection: on a dead line a `close` event may take minutes. */
function drop(reason, code = 1006) {
  const dropped = socket;
  disconnected(dropped, new CloseEvent('close', { __proto__: null, code, reason, wasClean: code === 1000 }));
  dropped.close(1000, reason);
}

function startTimeout(ms) {
  clearTimeout(responseTimer);
  responseTimer = setTimeout(() => {
    drop('no response');
    connect();
  }, ms);
}

/**
 * Called whenever the page may have been suspended. A phone may kill a background page's connection
 * without a `close` event, and pings are invisible to scripts: another hello probes a connection
 * that has been silent.
 */
function checkConnection() {
  if (isInactive || isClosed) return;
  if (socket && !isReady && Date.now() - connectingSince > PROBE_TIMEOUT_MS) drop('connecting hangs');
  if (!socket) return connect();
  if (isReady && daemonAnswersHello && Date.now() - receivedAt > PROBE_AFTER_SILENCE_MS) {
    receivedAt = Date.now(); // One probe, however many events fire at once.
    sendHello();
    startTimeout(PROBE_TIMEOUT_MS);
  }
}

// --- The page's state --------------------------------------------------------------------------

/**
 * Milliseconds since the document was requested, by the clock that advanced further: one of them
 * may stop while the machine sleeps.
 */
const documentAge = () => Math.max(performance.now() - fetchStart, Date.now() - documentStart);
/** Of the last request, if there were redirects: a form's answer that redirects is older than its page. */
const { fetchStart = 0 } = performance.getEntriesByType('navigation')[0] ?? {};
const documentStart = Date.now() - performance.now() + fetchStart;
/** Age of the document at the last message. All file changes before that are known. */
let changesKnownAt = 0;

/** The last description sent, as JSON. */
let lastSent = '';
let stateTimer;
let stateSentAt = 0;

const describePage = () => ({
  page_id: pageId,
  tab_id: tabId,
  url: location.href,
  title: document.title,
  visibility: document.visibilityState,
  document_state: document.readyState,
  top_level: window.parent === window,
  features: FEATURES,
  version: VERSION,
});

function sendHello() {
  const page = describePage();
  lastSent = JSON.stringify(page);
  const age = documentAge();
  const unaware = Math.min(age, age - changesKnownAt + IN_FLIGHT_MS);
  socket.send(JSON.stringify({ type: 'pagewire:hello', ...page, unaware_ms: unaware }));
}

/** Sends the page's state if it has changed, at most once per interval. */
function sendState() {
  notePageUrl();
  if (stateTimer || !isReady) return;
  const wait = stateSentAt + STATE_INTERVAL_MS - Date.now();
  if (wait > 0) {
    stateTimer = setTimeout(() => { stateTimer = undefined; sendState(); }, wait);
    return;
  }
  const page = describePage();
  if (JSON.stringify(page) === lastSent) return;
  lastSent = JSON.stringify(page);
  stateSentAt = Date.now();
  transmit(JSON.stringify({ type: 'pagewire:state', ...page }));
}

function observePage() {
  for (const type of ['readystatechange', 'visibilitychange']) document.addEventListener(type, sendState);
  for (const type of ['hashchange', 'popstate', 'load']) window.addEventListener(type, sendState);
  if (window.navigation) {
    window.navigation.addEventListener('currententrychange', sendState);
  } else {
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name];
      history[name] = function (...args) {
        original.apply(this, args);
        sendState();
      };
    }
  }
  // The title is in the head; the body, where most changes happen, is not observed.
  if (document.head) {
    new MutationObserver(sendState)
      .observe(document.head, { __proto__: null, childList: true, subtree: true, characterData: true });
  }
}

// --- The tab -----------------------------------------------------------------------------------

let tabChannel;
/** Resolved when page code sends a message, which shall not wait for the page to load. */
const messageWaits = deferred();

/**
 * Resolves when the storage may be used. The first use blocks the document until the browser has loaded the
 * storage, for 5 to 50 ms, which would delay the page's `load` event.
 */
function mayUseStorage() {
  if (document.readyState === 'complete') return undefined;
  return new Promise((resolve) => {
    // Not before the other listeners.
    window.addEventListener('load', () => setTimeout(resolve), { __proto__: null, once: true });
    setTimeout(resolve, LOAD_WAIT_MS);
    messageWaits.promise.then(resolve);
  });
}

/** The `tab_id`, which identifies the tab across reloads. Always resolves. */
async function claimTab() {
  if (window.top !== window) {
    const topId = await topTab();
    if (topId) return topId;
  }
  try {
    const stored = sessionStorage.getItem('pagewire.tab_id');
    // Duplicating a tab copies its storage. A reload does not, so it needs no check.
    const isReload = performance.getEntriesByType('navigation')[0]?.type === 'reload';
    const mayBeCopy = window.top === window && !isReload;
    if (stored && !(mayBeCopy && await isHeldElsewhere(stored))) return stored;
    const fresh = randomId();
    sessionStorage.setItem('pagewire.tab_id', fresh);
    return fresh;
  } catch {
    return randomId(); // Storage is blocked or sandboxed: the id lives as long as the page.
  }
}

/** The tab_id of this frame's top page, if it is accessible and has this script. */
async function topTab() {
  try {
    const { top } = window;
    if (!top[KEY] && top.document.readyState !== 'complete') {
      // A frame may be loaded before the scripts of the page around it have run.
      await new Promise((resolve) => {
        top.document.addEventListener('DOMContentLoaded', resolve, { __proto__: null, once: true });
        top.addEventListener('load', resolve, { __proto__: null, once: true });
        setTimeout(resolve, TOP_PAGE_MS);
      });
    }
    return await top[KEY]?.tab;
  } catch {
    return undefined; // Another origin.
  }
}

/** Whether another live document has this tab_id. Closed and cached documents do not answer. */
function isHeldElsewhere(id) {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel('pagewire');
    const end = (isHeld) => {
      clearTimeout(timer);
      channel.close();
      resolve(isHeld);
    };
    const timer = setTimeout(end, TAB_CLAIM_MS, false);
    channel.onmessage = ({ data }) => {
      if (data?.held === id) end(true);
    };
    channel.postMessage({ asked: id });
  });
}

/** Answers other documents that check whether this tab_id is in use. */
function answerClaims() {
  if (window.top !== window || isInactive) return;
  try {
    tabChannel = new BroadcastChannel('pagewire');
    tabChannel.onmessage = ({ data }) => {
      if (data?.asked === tabId) tabChannel.postMessage({ held: tabId });
    };
  } catch {
    // Without channels, no document can claim an id.
  }
}

// --- Messages from the daemon ------------------------------------------------------------------

/** Handles a message of the daemon. Returns false for one of a program, which is for the page's listeners. */
function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return false; // Binary or not JSON.
  }
  const handle = Object.hasOwn(Object(message), 'type') ? handlers.get(message.type) : undefined;
  handle?.(ownProperties(message));
  return handle !== undefined;
}

/** What to do with a message, by its type. Messages with other types are the page's own. */
const handlers = new Map([
  ['import', ({ data }) => runImport(ownProperties(data), socket)],
  ['message-response', (message) => requests.get(message.id)?.settle(message)],
  ['pagewire:hello', (message) => {
    socketId = message.socket_id;
    daemonAnswersHello = true;
  }],
  ['pagewire:log', print],
  ['pagewire:command', runCommand],
  ['pagewire:watch', setReportMode],
  ['pagewire:failed', ({ failures }) => showFailures(failures)],
  ['pagewire:fault', ({ error }) => print({ level: 'warn', source: 'pagewire', text: error })],
]);

/** Prints an entry of the daemon, which the recorder must not report back. */
function print(entry) {
  if (recorder()) recorder().muted(() => printAs(entry));
  else printAs(entry);
}

function printAs(entry) {
  const { level, source, text, args = [] } = ownProperties(entry);
  const print = console[LEVELS.includes(level) ? level : 'log'];
  const line = source ? `[${source}] ${text}` : text;
  // A string followed by arguments is a format string if it contains a %.
  if (args.length > 0 && line.includes('%')) print('%s', line, ...args);
  else print(line, ...args);
}

function runCommand({ command, url, paths, users, backend_delay_ms: backendDelay, by_backend: byBackend }) {
  if (command === 'reload') reload();
  if (command === 'styles') withScript('changes.js', ({ swapStyles }) => swapStyles(paths ?? []));
  if (command === 'changed') {
    if (backendDelay !== undefined && !paths?.length) {
      withScript('backend.js', ({ reloadWithBackend }) => reloadWithBackend(backendDelay, byBackend));
    } else {
      withScript('changes.js', ({ applyChanges }) => applyChanges(
        { paths: paths ?? [], users: ownProperties(users) },
        { root: daemonRoot, fetches: knownFetches(), knowsAllFetches, urls: pageUrls }));
    }
  }
  if (command === 'navigate') {
    const target = new URL(url, location.href);
    if (/^https?:$/.test(target.protocol)) location.assign(target);
    else console.warn(`[pagewire] cannot navigate to ${url}: only http and https are allowed`);
  }
}

/** Runs an action of a companion for changed files. If that fails, the page is reloaded instead. */
async function withScript(name, action) {
  try {
    action(await import(new URL(`__pagewire__/${name}`, daemonRoot).href));
  } catch (error) {
    console.warn(`[pagewire] ${name} failed, reloading the page instead`, error);
    reload();
  }
}

/** Whether the page was reloaded before its backend had noticed a change: see `backend.js`. */
function mustRecheck() {
  try {
    return sessionStorage.getItem('pagewire.recheck') !== null;
  } catch {
    return false; // Storage is blocked.
  }
}

/**
 * Reloads the page. The browser would repeat the POST request that a page is the response to, and place
 * a second order. Such a page is replaced by the response to GET of its URL; if that is an error, it stays.
 */
async function reload() {
  if (!isPostResponse) return location.reload();
  const [url] = location.href.split('#'); // With a fragment, `replace` would only scroll.
  const response = await fetch(url, { __proto__: null, headers: { accept: 'text/html' } }).catch(() => undefined);
  response?.body?.cancel();
  if (response?.ok) return location.replace(url);
  console.warn('[pagewire] the page was not reloaded: it is the response to a POST request, which would be repeated, '
    + `and GET ${url} fails (status ${response?.status ?? 'unknown'})`);
}

/**
 * What the page has fetched: an entry for each file and type of initiator. Collected from the start,
 * because page code may clear the browser's list, which is short, too.
 */
const fetches = new Map();
let knowsAllFetches = true;
let fetchObserver;

function observeFetches() {
  knowsAllFetches = performance.getEntriesByType('resource').length < BROWSER_FETCHES;
  fetchObserver = new PerformanceObserver((list) => addFetches(list.getEntries()));
  fetchObserver.observe({ __proto__: null, type: 'resource', buffered: true });
}

function addFetches(entries) {
  for (const { name, initiatorType, responseStatus, startTime } of entries) {
    if (responseStatus >= 400) addFailure(name, initiatorType, startTime);
    else if (responseStatus >= 200) failedFetches.delete(name);
    const file = `${initiatorType} ${name.split(/[?#]/, 1)[0]}`;
    if (fetches.size < MAX_FETCHES || fetches.has(file)) fetches.set(file, { name, initiatorType, responseStatus, startTime });
    else knowsAllFetches = false;
  }
}

function knownFetches() {
  addFetches(fetchObserver.takeRecords());
  return fetches.values();
}

/** Scripts, stylesheets and the like that the page did not get: when their last fetch began, by URL. */
const failedFetches = new Map();
/** Those that the daemon was not asked about yet: a plugin may have failed. */
let unexplained = [];

function addFailure(url, initiatorType, startTime) {
  if (OTHER_FETCHES.includes(initiatorType)) return;
  const isKnown = failedFetches.delete(url);
  failedFetches.set(url, startTime);
  if (isKnown) return; // The layer that shows it may have been closed.
  if (failedFetches.size > MAX_FAILED_FETCHES) failedFetches.delete(failedFetches.keys().next().value);
  unexplained.push(url);
  if (unexplained.length > MAX_FAILED_FETCHES) unexplained.shift();
  askAboutFailures();
}

function askAboutFailures() {
  while (isReady && unexplained.length > 0) {
    const urls = unexplained.splice(0, MAX_FAILED_URLS);
    transmit(JSON.stringify({ type: 'pagewire:failed', urls }));
  }
}

async function showFailures(failures) {
  try {
    (await import(new URL('__pagewire__/overlay.js', daemonRoot).href)).showFailures(failures);
  } catch (error) {
    console.warn('[pagewire] cannot show why resources of this page failed', error);
  }
}

/** The URLs of this document: what it fetches is recorded by the daemon under the current one. */
const pageUrls = new Set();

function notePageUrl() {
  pageUrls.add(location.origin + location.pathname);
  if (pageUrls.size > MAX_PAGE_URLS) pageUrls.delete(pageUrls.values().next().value);
}

let uniqueCount = 0;
/** Unique across page loads, so that the browser has no cached response for it. */
const nextUnique = () => `${Date.now().toString(36)}-${++uniqueCount}`;

// --- The recorder ------------------------------------------------------------------------------

/** Returns the interface of `recorder.js`; undefined until it was injected or loaded. */
const recorder = () => window[Symbol.for('pagewire.recorder')];
let recorderLoading;
let recorderFailures = 0;

async function loadRecorder() {
  if (!recorder()) await (recorderLoading ??= importRecorder());
  return recorder();
}

async function importRecorder() {
  const url = new URL('__pagewire__/recorder.js', daemonRoot).href;
  try {
    // A browser may cache a failed import for as long as the page lives.
    await import(recorderFailures > 0 ? unique(url) : url);
  } catch (error) {
    recorderFailures += 1;
    recorderLoading = undefined;
    throw error;
  }
  if (isReady) recorder().setSender(sendRecorded);
}

const sendRecorded = (text) => socket.send(text);

/** Which reports the daemon requested last: `{console, errors}`. */
let reportMode = ownProperties();

async function setReportMode(mode) {
  reportMode = mode;
  if (!recorder() && !mode.console && !mode.errors) return;
  try {
    (await loadRecorder()).setReportMode(reportMode);
  } catch {
    console.warn('[pagewire] cannot load recorder.js: the console and errors of this page are not reported');
  }
}

// --- Imports and their results -----------------------------------------------------------------

async function runImport({ importPath, args, callId, fresh, maxBytes = Infinity }, from) {
  const isAwaited = callId !== undefined;
  const describing = isAwaited ? loadRecorder() : undefined;
  describing?.catch(() => {}); // Handled where it is awaited.
  let phase = 'load';
  let url = importPath; // Location of a failed load, unless the error has a better one.
  let outcome;
  try {
    url = fresh ? unique(resolve(importPath)) : resolve(importPath);
    const module = await import(url);
    phase = 'call';
    url = '';
    const value = typeof module.default === 'function'
      ? await module.default(...(args ?? [])) : undefined;
    if (!isAwaited) return;
    phase = 'serialize';
    outcome = `"value":${(await describing).describeValue(value, maxBytes)}`;
  } catch (error) {
    if (!isAwaited) {
      console.error(`[pagewire] import of ${importPath} failed (${phase})`, error);
      return;
    }
    const exception = await describing.then(
      ({ describeException }) => describeException(error, phase, url),
      () => JSON.stringify({ phase, message: `${error} (without details: cannot load recorder.js)` }));
    outcome = `"exception":${exception}`;
  }
  await tab; // Hello must be sent first.
  // Only the socket that received the call may reply. The outcome is JSON already.
  if (from !== socket || !isReady) return;
  transmit(`{"type":"pagewire:result","callId":${JSON.stringify(callId)},${outcome}}`);
}

/**
 * Resolves a path as page code would, so that both get the same module: `/x.js` is relative to the
 * origin of this script (the page's own, unless another server serves the page), `./x.js` to the
 * page; URLs and bare names (import maps) are unchanged. Paths of the daemon get its base path.
 */
function resolve(path) {
  if (path.startsWith('/__pagewire__/')) return new URL(`.${path}`, daemonRoot).href;
  if (path.startsWith('/')) return new URL(path, import.meta.url).href;
  return /^\.\.?\//.test(path) ? new URL(path, document.baseURI).href : path;
}

/** A new URL for the same module. Only http has queries; other schemes get a fragment. */
function unique(url) {
  const [, start, fragment] = /^([^#]*)(.*)$/s.exec(url);
  if (!/^https?:/i.test(url)) return `${url}${fragment ? '-' : '#'}${nextUnique()}`;
  return `${start}${start.includes('?') ? '&' : '?'}pagewire-fresh=${nextUnique()}${fragment}`;
}

// --- Messages of page code ---------------------------------------------------------------------

/** Pending requests of this page, by id. */
const requests = new Map();
let lastRequest = 0;

async function whenReady() {
  messageWaits.resolve();
  while (!isReady) await opening.promise;
}

/** Only own properties are sent. */
function checkType(message) {
  if (!Object.hasOwn(message, 'type') || !message.type) throw new Error('Missing message type');
  if (String(message.type).startsWith('pagewire:')) {
    throw new Error(`The message type ${message.type} is reserved, as all that begin with "pagewire:"`);
  }
}

/** Sends an object with a `type` to the plugins, once connected. */
async function send(message) {
  checkType(message);
  const text = sortedJson(message);
  checkSize(text);
  await whenReady();
  transmit(text);
}

/** Sends a message and resolves with a plugin's response. */
function request(message) {
  return new Promise((resolve, reject) => {
    checkType(message);
    lastRequest = lastRequest >= Number.MAX_SAFE_INTEGER ? 1 : lastRequest + 1;
    const id = lastRequest;
    const end = (settle, outcome) => {
      clearTimeout(timer);
      requests.delete(id);
      settle(outcome);
    };
    const entry = {
      type: message.type,
      isSent: false,
      fail: (error) => end(reject, error),
      settle: ({ response, error }) =>
        (error == null ? end(resolve, response) : end(reject, new Error(error))),
    };
    const timer = setTimeout(() => entry.fail(new Error('Did not receive a server response for message '
      + `with type ${message.type} within ${RESPONSE_TIMEOUT_MS}ms`)), RESPONSE_TIMEOUT_MS);
    requests.set(id, entry);
    (async () => {
      const text = sortedJson({ ...message, id, 'pagewire:request': true });
      checkSize(text);
      await whenReady();
      if (!requests.has(id)) return; // Timed out before the connection was ready.
      entry.isSent = true;
      transmit(text);
    })().catch(entry.fail);
  });
}

/** JSON with sorted keys, of a structured clone; a cycle becomes "[Circular]". */
function sortedJson(value, replacer, spacer) {
  const path = [];
  const sort = (inner) => {
    if (typeof inner !== 'object' || inner === null || typeof inner.toJSON === 'function') return inner;
    if (path.includes(inner)) return '[Circular]';
    path.push(inner);
    const sorted = Array.isArray(inner) ? inner.map(sort)
      : Object.fromEntries(Object.keys(inner).sort().map((key) => [key, sort(inner[key])]));
    path.pop();
    return sorted;
  };
  return JSON.stringify(sort(structuredClone(value)), replacer, spacer);
}

// --- Start -------------------------------------------------------------------------------------

let tab;

function start() {
  observeFetches();
  notePageUrl();
  // A prerendered page may never be shown: until then, it neither connects nor claims the tab.
  isInactive = document.prerendering === true;
  const shown = isInactive && new Promise((resolve) => {
    document.addEventListener('prerenderingchange', resolve, { __proto__: null, once: true });
  });
  tab = (async () => {
    if (await shown) isInactive = false;
    connect();
    await mayUseStorage();
    if (mustRecheck()) withScript('backend.js', ({ recheck }) => recheck());
    tabId = await claimTab();
    answerClaims();
    return tabId;
  })();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') checkConnection();
  });
  for (const type of ['focus', 'online']) window.addEventListener(type, checkConnection);
  window.addEventListener('pagehide', ({ persisted }) => {
    recorder()?.flush();
    // The next document of this tab will claim its id.
    tabChannel?.close();
    if (!persisted) return; // The browser closes the socket.
    isInactive = true;
    if (socket) drop('page is cached', 1000);
    clearTimeout(retryTimer);
  });
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) {
      isInactive = false;
      attempts = 0;
      answerClaims();
    }
    checkConnection();
  });
  observePage();
  const exported = {
    webSocket: pageSocket,
    webSocketOpened: firstOpen.promise,
    sendMessage: send,
    sendMessageWaitForResponse: request,
    stable: sortedJson,
    tab,
    reload,
    fetched: () => ({ fetches: [...knownFetches()], failed: failedFetches }),
  };
  Object.defineProperty(window, KEY, { __proto__: null, value: exported });
  return exported;
}

export const {
  webSocket, webSocketOpened, sendMessage, sendMessageWaitForResponse, stable,
} = window[KEY] ?? start();
