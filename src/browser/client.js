/**
 * Pagewire's socket client: the script that the daemon injects into pages.
 *
 * It joins its document to the daemon by one WebSocket, does what the daemon says (import a
 * module, print, reload, swap stylesheets) and lets page code talk to plugins. Served as it is,
 * with no build step, as `/__pagewire__/client.js` and, with the ancestor's exports, as
 * `/__web-dev-server__web-socket.js`; the frames are described in `message.rs`. What the page
 * prints, its errors and the description of values are `recorder.js`'s, what it does when files
 * change is `changes.js`'s; both are fetched when needed.
 *
 * Nothing here runs text from the socket: code arrives only by `import()` of a URL, which the
 * page's Content-Security-Policy judges as it judges any other script.
 */

const VERSION = 1;
const FEATURES = ['import.await', 'import.fresh', 'log', 'console', 'errors',
  'command.reload', 'command.navigate', 'command.styles', 'command.changed'];
const LEVELS = ['debug', 'error', 'info', 'log', 'warn'];

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
const HIDDEN_RETRY_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const PROBE_AFTER_SILENCE_MS = 10_000;
const PROBE_TIMEOUT_MS = 3_000;
const RESPONSE_TIMEOUT_MS = 20_000;
const STATE_INTERVAL_MS = 100;
const TAB_QUESTION_MS = 100;
const TOP_PAGE_MS = 500;
/** What was on its way when a connection broke may not have arrived. */
const LOST_ON_THE_WAY_MS = 1_000;
/** Fetches that the browser remembers for us: when there are more, we cannot know what we use. */
const RESOURCE_ENTRIES = 10_000;
const DEFAULT_RESOURCE_ENTRIES = 250;

/**
 * The script may be in one document under both of its names: the first one keeps what it exports
 * under this key of `window`, the second exports the same again, so there is one connection.
 */
const KEY = Symbol.for('pagewire');

const isAlias = !/\/__pagewire__\/[^/]*$/.test(new URL(import.meta.url).pathname);
/** Where the daemon's own root is: not `/` behind a proxy that adds a base path. */
const daemonRoot = new URL(isAlias ? './' : '../', import.meta.url);

/** crypto.randomUUID exists in secure contexts only, and a phone on the LAN has none. */
const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
  (byte) => byte.toString(16).padStart(2, '0')).join('');

const pageId = randomId();
let tabId = '';

// --- The connection ----------------------------------------------------------------------------

/** The socket of the moment, null between two attempts. */
let socket = null;
/** `socket` is open and has said hello: only then may others send. */
let isReady = false;
/** No attempt follows: the server (close codes 4500-4999) or the page's code said so. */
let isOver = false;
/** The document is cached (back/forward) or prerendered: the tab belongs to another one. */
let isAway = false;
let attempts = 0;
let retryTimer;
/** Ends an attempt that hangs, or a probe without an answer. */
let patienceTimer;
let connectingSince = 0;
let heardAt = 0;
/** The daemon's name for the latest connection; '' until it answers a hello. */
let socketId = '';
let daemonAnswersHello = false;

/**
 * What page code gets as `webSocket`. It behaves like a WebSocket, but outlives connections:
 * listeners stay, 'open' and 'close' come for each connection below, and `readyState` is
 * CONNECTING while the next one is sought (`send` throws then, as a WebSocket's does; use
 * `sendMessage` to wait). `close()` is for good.
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
    return isOver ? this.CLOSED : isReady ? this.OPEN : this.CONNECTING;
  }

  get url() {
    return socketUrl();
  }

  get bufferedAmount() {
    return socket?.bufferedAmount ?? 0;
  }

  send(data) {
    if (isOver) return;
    if (!isReady) throw new DOMException('the web socket is not connected', 'InvalidStateError');
    transmit(data);
  }

  close(code = 1000, reason = '') {
    if (isOver) return;
    // First, so that a bad code throws and changes nothing.
    socket?.close(code, reason);
    isOver = true;
    lose(socket, new CloseEvent('close', { code, reason, wasClean: true }));
  }
}

const READY_STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
Object.assign(PageSocket, READY_STATES);
Object.assign(PageSocket.prototype, READY_STATES);

const facade = new PageSocket();
const firstOpen = deferred();
/** Resolves when the connection is ready, and is renewed when it is lost. */
let opening = deferred();

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  parts.promise.catch(() => {}); // Whoever waits hears of it; nobody waiting is no fault.
  return parts;
}

/** Beside the script, so that a base path or a proxy needs no setting. */
function socketUrl() {
  const url = new URL(isAlias ? './wds' : './socket', import.meta.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (socketId) url.searchParams.set('previous', socketId);
  return url.href;
}

function connect() {
  clearTimeout(retryTimer);
  if (socket || isOver || isAway) return;
  const self = socket = new WebSocket(socketUrl());
  connectingSince = heardAt = Date.now();
  daemonAnswersHello = false;
  losePatienceIn(CONNECT_TIMEOUT_MS);
  self.addEventListener('open', async (event) => {
    await tab; // Hello is the first frame, and names the tab.
    if (self !== socket || self.readyState !== WebSocket.OPEN) return;
    clearTimeout(patienceTimer);
    sayHello();
    isReady = true;
    recorder()?.sendBy(sendRecorded); // What was recorded so far goes before all else.
    firstOpen.resolve();
    opening.resolve();
    facade.dispatchEvent(new Event(event.type));
  });
  self.addEventListener('message', ({ data, origin }) => {
    if (self !== socket) return;
    clearTimeout(patienceTimer);
    heardAt = Date.now();
    attempts = 0;
    awareAt = documentAge();
    receive(data);
    facade.dispatchEvent(new MessageEvent('message', { data, origin }));
  });
  self.addEventListener('error', () => {
    if (self === socket) facade.dispatchEvent(new Event('error'));
  });
  self.addEventListener('close', ({ code, reason, wasClean }) =>
    lose(self, new CloseEvent('close', { code, reason, wasClean })));
}

/** The connection is gone, or given up: says so to all who wait, and plans the next one. */
function lose(lost, closeEvent) {
  if (lost !== socket) return;
  socket = null;
  if (isReady) opening = deferred();
  isReady = false;
  recorder()?.sendBy(null);
  clearTimeout(patienceTimer);
  clearTimeout(retryTimer);
  isOver ||= closeEvent.code >= 4500 && closeEvent.code <= 4999;
  for (const request of requests.values()) {
    if (request.isSent || isOver) request.fail(new Error(
      `The connection to the server was lost before it answered the message with type ${request.type}`));
  }
  if (isOver) opening.reject(new Error(`The web socket is closed (code ${closeEvent.code})`));
  else if (!isAway) retryTimer = setTimeout(connect, retryDelay());
  facade.dispatchEvent(closeEvent);
}

/** Sends a frame, behind what the page printed before. */
function transmit(data) {
  recorder()?.flush();
  socket.send(data);
}

function retryDelay() {
  const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts++, 10));
  const isHidden = document.visibilityState === 'hidden';
  // Jitter: a hundred pages must not come back to a restarted daemon in step.
  return (isHidden ? Math.min(HIDDEN_RETRY_MS, delay * 6) : delay) * (0.75 + Math.random() / 2);
}

/** Gives the connection up: on a dead line a `close` event may take minutes. */
function drop(reason, code = 1006) {
  const dropped = socket;
  lose(dropped, new CloseEvent('close', { code, reason, wasClean: code === 1000 }));
  dropped.close(1000, reason);
}

function losePatienceIn(ms) {
  clearTimeout(patienceTimer);
  patienceTimer = setTimeout(() => {
    drop('no sign of life');
    connect();
  }, ms);
}

/**
 * Called whenever the page may have slept. A phone kills a background page's connection and may
 * never say so, and pings are invisible to scripts: so after silence ask with a second hello.
 */
function wake() {
  if (isAway || isOver) return;
  if (socket && !isReady && Date.now() - connectingSince > PROBE_TIMEOUT_MS) drop('connecting hangs');
  if (!socket) return connect();
  if (isReady && daemonAnswersHello && Date.now() - heardAt > PROBE_AFTER_SILENCE_MS) {
    heardAt = Date.now(); // One probe, however many events come at once.
    sayHello();
    losePatienceIn(PROBE_TIMEOUT_MS);
  }
}

// --- What the page says of itself --------------------------------------------------------------

/**
 * How long ago the document was asked for, in milliseconds. Of two clocks the one that went
 * further: one stands still while the machine sleeps.
 */
const documentAge = () => Math.max(performance.now(), Date.now() - documentBegan);
const documentBegan = Date.now() - performance.now();
/** The age at which we knew of every change of a file. */
let awareAt = 0;

let lastSaid = '';
let stateTimer;
let stateAt = 0;

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

function sayHello() {
  const page = describePage();
  lastSaid = JSON.stringify(page);
  const age = documentAge();
  const unaware = Math.min(age, age - awareAt + LOST_ON_THE_WAY_MS);
  socket.send(JSON.stringify({ type: 'pagewire:hello', ...page, unaware_ms: unaware }));
}

/** Something may have changed: says it at once, or with what else changes in the interval. */
function sayState() {
  if (stateTimer || !isReady) return;
  const wait = stateAt + STATE_INTERVAL_MS - Date.now();
  if (wait > 0) {
    stateTimer = setTimeout(() => { stateTimer = undefined; sayState(); }, wait);
    return;
  }
  const page = describePage();
  if (JSON.stringify(page) === lastSaid) return;
  lastSaid = JSON.stringify(page);
  stateAt = Date.now();
  transmit(JSON.stringify({ type: 'pagewire:state', ...page }));
}

function watchPage() {
  for (const type of ['readystatechange', 'visibilitychange']) document.addEventListener(type, sayState);
  for (const type of ['hashchange', 'popstate', 'load']) window.addEventListener(type, sayState);
  if (window.navigation) {
    window.navigation.addEventListener('currententrychange', sayState);
  } else {
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name];
      history[name] = function (...args) {
        original.apply(this, args);
        sayState();
      };
    }
  }
  // The title lives in the head; the body, where most changes happen, is not watched.
  if (document.head) {
    new MutationObserver(sayState)
      .observe(document.head, { childList: true, subtree: true, characterData: true });
  }
}

// --- The tab -----------------------------------------------------------------------------------

let tabChannel;

/** The `tab_id`: one tab, across reloads. Always resolves, and at once if it is nobody else's. */
async function claimTab() {
  if (window.top !== window) {
    const ofTop = await topTab();
    if (ofTop) return ofTop;
  }
  try {
    const stored = sessionStorage.getItem('pagewire.tab_id');
    // Duplicating a tab copies its storage; a reload does not, and need not ask.
    const isReload = performance.getEntriesByType('navigation')[0]?.type === 'reload';
    const mayBeCopy = window.top === window && !isReload;
    if (stored && !(mayBeCopy && await isHeldElsewhere(stored))) return stored;
    const fresh = randomId();
    sessionStorage.setItem('pagewire.tab_id', fresh);
    return fresh;
  } catch {
    return randomId(); // Storage is blocked or sandboxed away: the id lives as long as the page.
  }
}

/** What the top page of this frame calls its tab, if we may look and it has this script. */
async function topTab() {
  try {
    const { top } = window;
    if (!top[KEY] && top.document.readyState !== 'complete') {
      // A frame may be done before the scripts of the page around it have run.
      await new Promise((resolve) => {
        top.document.addEventListener('DOMContentLoaded', resolve, { once: true });
        top.addEventListener('load', resolve, { once: true });
        setTimeout(resolve, TOP_PAGE_MS);
      });
    }
    return await top[KEY]?.tab;
  } catch {
    return undefined; // Another origin.
  }
}

/** Whether another live document has this tab_id. One that navigated away or is cached is silent. */
function isHeldElsewhere(id) {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel('pagewire');
    const end = (isHeld) => {
      clearTimeout(timer);
      channel.close();
      resolve(isHeld);
    };
    const timer = setTimeout(end, TAB_QUESTION_MS, false);
    channel.onmessage = ({ data }) => {
      if (data?.held === id) end(true);
    };
    channel.postMessage({ asked: id });
  });
}

function defendTab() {
  if (window.top !== window || isAway) return;
  try {
    tabChannel = new BroadcastChannel('pagewire');
    tabChannel.onmessage = ({ data }) => {
      if (data?.asked === tabId) tabChannel.postMessage({ held: tabId });
    };
  } catch {
    // Without channels nobody can ask.
  }
}

// --- What the daemon says ----------------------------------------------------------------------

function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return; // Binary or foreign: the page's own listeners may know it.
  }
  switch (message?.type) {
    case 'import':
      runImport(message.data ?? {}, socket);
      break;
    case 'message-response':
      requests.get(message.id)?.settle(message);
      break;
    case 'pagewire:hello':
      socketId = message.socket_id;
      daemonAnswersHello = true;
      break;
    case 'pagewire:log':
      print(message);
      break;
    case 'pagewire:command':
      obey(message);
      break;
    case 'pagewire:watch':
      watch(message);
      break;
    case 'pagewire:fault':
      print({ level: 'warn', source: 'pagewire', text: message.error });
      break;
  }
}

/** Prints what is not the page's own, and is therefore not told to the daemon. */
function print(entry) {
  if (recorder()) recorder().muted(() => printAs(entry));
  else printAs(entry);
}

function printAs({ level, source, text, args = [] }) {
  const print = console[LEVELS.includes(level) ? level : 'log'];
  const line = source ? `[${source}] ${text}` : text;
  // A string alone is printed as it is; one with arguments behind it is a format where it has a %.
  if (args.length > 0 && line.includes('%')) print('%s', line, ...args);
  else print(line, ...args);
}

function obey({ command, url, paths }) {
  if (command === 'reload') location.reload();
  if (command === 'styles') withChanges(({ swapStyles }) => swapStyles(paths ?? []));
  if (command === 'changed') withChanges(({ changed }) => changed(paths ?? [], daemonRoot, knowsResources()));
  if (command === 'navigate') {
    const target = new URL(url, location.href);
    if (/^https?:$/.test(target.protocol)) location.assign(target);
    else console.warn(`[pagewire] only http and https can be navigated to: ${url}`);
  }
}

let changesLoading;

/** Does something with `changes.js`. A page that cannot load it can still load itself again. */
async function withChanges(act) {
  try {
    act(await (changesLoading ??= import(new URL('__pagewire__/changes.js', daemonRoot).href)));
  } catch (error) {
    console.warn('[pagewire] changes.js failed: the page is reloaded instead', error);
    location.reload();
  }
}

/** Whether the browser remembers every fetch of this page; it forgot some if there were many early. */
let forgetsResources = false;
const countResources = () => performance.getEntriesByType('resource').length;
const knowsResources = () => !forgetsResources && countResources() < RESOURCE_ENTRIES;

let uniques = 0;
/** Differs from all before it, those of earlier pages in the browser's cache too. */
const nextUnique = () => `${Date.now().toString(36)}-${++uniques}`;

// --- The recorder ------------------------------------------------------------------------------

/** What `recorder.js` gives us: there at once if it was injected, or once it was needed. */
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
    // A browser may remember that a URL failed, for as long as the page lives.
    await import(recorderFailures > 0 ? unique(url) : url);
  } catch (error) {
    recorderFailures += 1;
    recorderLoading = undefined;
    throw error;
  }
  if (isReady) recorder().sendBy(sendRecorded);
}

const sendRecorded = (text) => socket.send(text);

/** What the daemon wants to hear of, as it said last. */
let watched = {};

async function watch(wanted) {
  watched = wanted;
  if (!recorder() && !wanted.console && !wanted.errors) return;
  try {
    (await loadRecorder()).watch(watched);
  } catch {
    console.warn('[pagewire] recorder.js did not load: the console and the errors of this page are not forwarded');
  }
}

// --- Imports and their results -----------------------------------------------------------------

async function runImport({ importPath, args, callId, fresh, maxBytes = Infinity }, from) {
  const isAwaited = callId !== undefined;
  const describing = isAwaited ? loadRecorder() : undefined;
  describing?.catch(() => {}); // Heard of below.
  let phase = 'load';
  let url = importPath; // Where a failed load happened, if the error does not know better.
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
      console.error(`[pagewire] the import of ${importPath} failed (${phase})`, error);
      return;
    }
    const exception = await describing.then(
      ({ describeException }) => describeException(error, phase, url),
      () => JSON.stringify({ phase, message: `recorder.js did not load, to describe: ${error}` }));
    outcome = `"exception":${exception}`;
  }
  await tab; // Hello goes first.
  // Only the socket that the call came by may answer it. JSON is sent as it is, not as a string.
  if (from !== socket || !isReady) return;
  transmit(`{"type":"pagewire:result","callId":${JSON.stringify(callId)},${outcome}}`);
}

/**
 * The URL that page code would mean by this path, so that both get the same module: `/x.js` is
 * below the origin of this script (the page's own, unless the page is someone else's), `./x.js`
 * is relative to the page, URLs and bare names (import maps) stay. Our own paths have our base.
 */
function resolve(path) {
  if (path.startsWith('/__pagewire__/')) return new URL(`.${path}`, daemonRoot).href;
  if (path.startsWith('/')) return new URL(path, import.meta.url).href;
  return /^\.\.?\//.test(path) ? new URL(path, document.baseURI).href : path;
}

/** The same module under another URL. Only http has queries; elsewhere a fragment tells apart. */
function unique(url) {
  const [, start, fragment] = /^([^#]*)(.*)$/s.exec(url);
  if (!/^https?:/i.test(url)) return `${url}${fragment ? '-' : '#'}${nextUnique()}`;
  return `${start}${start.includes('?') ? '&' : '?'}pagewire-fresh=${nextUnique()}${fragment}`;
}

// --- What page code may use --------------------------------------------------------------------

/** Requests of this page that have no answer yet, by id. */
const requests = new Map();
let lastRequest = 0;

async function whenReady() {
  while (!isReady) await opening.promise;
}

/** Sends any object with a `type` to the plugins, once there is a connection. */
async function send(message) {
  if (!message.type) throw new Error('Missing message type');
  const text = sortedJson(message);
  await whenReady();
  transmit(text);
}

/** Sends a message and resolves with what a plugin answers to it. */
function request(message) {
  if (!message.type) return Promise.reject(new Error('Missing message type'));
  return new Promise((resolve, reject) => {
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
      await whenReady();
      if (!requests.has(id)) return; // Nobody waits any more.
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
  forgetsResources = countResources() >= DEFAULT_RESOURCE_ENTRIES;
  performance.setResourceTimingBufferSize(RESOURCE_ENTRIES);
  // A prerendered page is perhaps never shown: until it is, it neither connects nor has a tab.
  isAway = document.prerendering === true;
  const shown = isAway && new Promise((resolve) => {
    document.addEventListener('prerenderingchange', resolve, { once: true });
  });
  tab = (async () => {
    if (await shown) isAway = false;
    connect();
    tabId = await claimTab();
    defendTab();
    return tabId;
  })();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') wake();
  });
  for (const type of ['focus', 'online']) window.addEventListener(type, wake);
  window.addEventListener('pagehide', ({ persisted }) => {
    recorder()?.flush();
    // The next document of this tab asks for the id: whoever leaves no longer holds it.
    tabChannel?.close();
    if (!persisted) return; // The browser closes what is open.
    isAway = true;
    if (socket) drop('page is cached', 1000);
    clearTimeout(retryTimer);
  });
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) {
      isAway = false;
      attempts = 0;
      defendTab();
    }
    wake();
  });
  watchPage();
  const exported = {
    webSocket: facade,
    webSocketOpened: firstOpen.promise,
    sendMessage: send,
    sendMessageWaitForResponse: request,
    stable: sortedJson,
    tab,
  };
  Object.defineProperty(window, KEY, { value: exported });
  return exported;
}

export const {
  webSocket, webSocketOpened, sendMessage, sendMessageWaitForResponse, stable,
} = window[KEY] ?? start();
