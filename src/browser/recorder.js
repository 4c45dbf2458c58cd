/**
 * Pagewire's recorder: reports a page's console and errors to the daemon, and describes JavaScript
 * values as JSON, for these reports and for the results of awaited imports.
 *
 * A classic script without exports, used in two ways. Injected as the first script of a page whose
 * reports have subscribers, it records from the start, even an error of the first inline script.
 * Imported by the socket client (`client.js`) to describe values, it records nothing until
 * `setReportMode` is called. The socket client sends what was recorded. The frames and the kinds
 * of values are described in `src/message`.
 *
 * The page must not notice: the browser's own console method runs first, nothing here throws into
 * the page, and entries beyond the limits cost next to nothing.
 */
(() => {
  'use strict';

  const KEY = Symbol.for('pagewire.recorder');
  if (window[KEY]) return;

  const LEVELS = ['debug', 'error', 'info', 'log', 'warn'];
  /** Rate limits, for lines and errors separately. Entries beyond them are only counted. */
  const PERIOD_MS = 1_000;
  const PERIOD_ENTRIES = 200;
  const PERIOD_CHARS = 1024 * 1024;
  /** Queue limits while disconnected. Newer entries are dropped: the first error explains the others. */
  const QUEUE_ENTRIES = 1_000;
  const QUEUE_CHARS = 4 * 1024 * 1024;
  const FRAME_ENTRIES = 100;
  const FRAME_CHARS = 64 * 1024;
  const MAX_ARGS = 50;
  const VALUE_BYTES = 10_000;
  const LINE_BYTES = 64 * 1024;
  /** Limit of JSON in a frame. The daemon closes the socket on a frame above 1 MiB, other fields included. */
  const JSON_BYTES = 1024 * 1024 - 4096;
  /** Limit of other text, which becomes a JSON string with up to six bytes per character. */
  const TEXT_BYTES = Math.floor(JSON_BYTES / 6);
  const EXCEPTION_BYTES = 32_000;
  /** Rows of the stack of a console line, about six of which are this script's own. Others are left out. */
  const STACK_ROWS = 16;
  /** Longest row of a stack in which a location is searched; a longer one has none. */
  const ROW_CHARS = 2048;
  /** Most URLs in one error that may be its cause. */
  const MAX_FAILED_URLS = 10;

  /** A copy without a prototype: page code may have added properties to `Object.prototype`. */
  const ownProperties = (object) => ({ __proto__: null, ...object });

  // Page code may replace these later, for example with fake timers in a test.
  const now = performance.now.bind(performance);
  const later = window.setTimeout.bind(window);
  const entriesOf = performance.getEntriesByType.bind(performance);
  const { apply } = Reflect;
  /** The browser's `Error`. The page may have replaced it before this script was imported. */
  const NativeError = Object.getPrototypeOf(TypeError);

  // --- Recording -------------------------------------------------------------------------------

  const reports = {
    console: reportState((dropped) => `{"type":"pagewire:console","level":"warn","args":[{"json":`
      + `"[pagewire] ${dropped} console lines were not reported"}],"dropped":${dropped}}`),
    errors: reportState((dropped) => `{"type":"pagewire:error","kind":"","exception":{"message":`
      + `"[pagewire] ${dropped} page errors were not reported"},"dropped":${dropped}}`),
  };

  /** State of one kind of report: whether it is on, and the budget left in the current period. */
  function reportState(dropNotice) {
    return { dropNotice, isOn: false, dropped: 0, periodEnd: 0, entries: 0, chars: 0 };
  }

  /** Entries `{report, text, event}`. One is discarded if page code calls the event's `preventDefault`. */
  let queue = [];
  let queuedChars = 0;
  /** Sends a frame; null while disconnected. */
  let send = null;
  let channel;
  let isFlushing = false;
  /** Set while the daemon prints, or while page code (a getter) runs to describe a value. */
  let isMuted = false;
  let isInstalled = false;

  const queueHasRoom = () => queue.length < QUEUE_ENTRIES && queuedChars < QUEUE_CHARS;

  /** Whether another entry of this kind may be recorded. Counts it as dropped if not. */
  function mayRecord(report) {
    if (!report.isOn || isMuted) return false;
    startPeriod(report);
    if (report.entries > 0 && report.chars > 0 && queueHasRoom()) return true;
    report.dropped += 1;
    if (report.dropped === 1) startPeriodLater(report);
    return false;
  }

  /** Reports the dropped entries even if no other follows. Slightly late, since clocks are coarse. */
  const startPeriodLater = (report) => later(() => {
    try {
      startPeriod(report);
    } catch {
      // As in `record`.
    }
  }, PERIOD_MS * 1.1);

  /** Starts a new period if the last one is over, and reports the entries dropped in it. */
  function startPeriod(report) {
    const time = now();
    if (time < report.periodEnd) return;
    Object.assign(report, { periodEnd: time + PERIOD_MS, entries: PERIOD_ENTRIES, chars: PERIOD_CHARS });
    if (report.dropped === 0 || !queueHasRoom()) return;
    enqueue(report, report.dropNotice(report.dropped));
    report.dropped = 0;
  }

  function enqueue(report, text, event) {
    report.entries -= 1;
    report.chars -= text.length;
    queuedChars += text.length;
    queue.push({ report, text, event });
    if (!send || isFlushing) return;
    isFlushing = true; // Once, after all entries of this task. A message arrives sooner than a timer fires.
    channel.port2.postMessage(null);
  }

  /** Sends the queue, several entries per frame. */
  function flush() {
    isFlushing = false;
    if (!send || queue.length === 0) return;
    const entries = queue;
    queue = [];
    queuedChars = 0;
    try {
      sendEntries(entries);
    } catch {
      // As in `record`. Reported with a later entry: a notice of its own would fail like these, again and again.
      for (let index = 0; index < entries.length; index += 1) entries[index].report.dropped += 1;
    }
  }

  function sendEntries(entries) {
    const texts = [];
    for (const { report, text, event } of entries) {
      if (report.isOn && !event?.defaultPrevented) texts.push(text);
    }
    for (let begin = 0, end; begin < texts.length; begin = end) {
      let chars = texts[begin].length;
      for (end = begin + 1; end < texts.length && end - begin < FRAME_ENTRIES; end += 1) {
        chars += texts[end].length;
        if (chars > FRAME_CHARS) break;
      }
      send(end - begin === 1 ? texts[begin]
        : `{"type":"pagewire:events","events":[${texts.slice(begin, end).join(',')}]}`);
    }
  }

  /** Sets how frames are sent; null when the connection is lost. */
  function setSender(sender) {
    send = sender;
    if (!send) return;
    flush();
    // A full queue had no room for the notice of dropped entries either.
    for (const report of Object.values(reports)) if (report.dropped > 0) startPeriodLater(report);
  }

  /** Sets which reports are recorded from now on: `{console, errors}`. */
  function setReportMode(mode) {
    for (const [name, report] of Object.entries(reports)) {
      const isOn = mode[name] === true;
      if (isOn !== report.isOn) Object.assign(report, { isOn, dropped: 0 });
      if (isOn) install();
    }
  }

  /** Calls a function whose console output is not recorded. */
  function muted(print) {
    const before = isMuted;
    isMuted = true;
    try {
      return print();
    } finally {
      isMuted = before;
    }
  }

  /** Records an entry within the limits. `describe` returns its text, and is called only then. */
  function record(report, describe, event) {
    try {
      if (mayRecord(report)) enqueue(report, muted(describe), event);
    } catch {
      // Happens only in a page that replaces JavaScript built-ins; the page must not see the error.
    }
  }

  function install() {
    if (isInstalled) return;
    isInstalled = true;
    channel = new MessageChannel();
    channel.port1.onmessage = flush;
    for (const level of LEVELS) wrap(level);
    window.addEventListener('error', recordError, true); // Capturing also sees errors of elements.
    window.addEventListener('unhandledrejection', recordRejection, true);
    document.addEventListener('securitypolicyviolation', recordViolation, true);
  }

  /** Replaces a console method with one of the same name that calls it first. */
  function wrap(level) {
    const original = console[level];
    console[level] = {
      [level](...args) {
        apply(original, this, args);
        if (reports.console.isOn) record(reports.console, () => lineText(level, args));
      },
    }[level];
  }

  function lineText(level, args) {
    let left = LINE_BYTES;
    const values = args.slice(0, MAX_ARGS).map((arg) => {
      const text = argText(arg, Math.min(VALUE_BYTES, left));
      left = Math.max(0, left - text.length);
      return text;
    });
    if (args.length > MAX_ARGS) {
      values.push(`{"description":"[pagewire] and ${args.length - MAX_ARGS} more","truncated":true}`);
    }
    const rows = callerRows();
    const stack = level === 'error' || level === 'warn' ? truncate(rows.join('\n'), VALUE_BYTES) : '';
    const place = JSON.stringify(ownProperties({ stack, ...firstLocation(rows) })).slice(1);
    return `{"type":"pagewire:console","level":"${level}","args":[${values.join(',')}],${place.slice(0, -1)},`
      + `"time":${Date.now()}}`;
  }

  function argText(arg, maxBytes) {
    try {
      return describeValue(arg, maxBytes);
    } catch {
      return '{"description":"[a value that throws when it is inspected]"}';
    }
  }

  /** Returns the rows of the stack outside Pagewire's scripts; none if page code that formats it throws. */
  function callerRows() {
    const limit = Object.getOwnPropertyDescriptor(NativeError, 'stackTraceLimit');
    try {
      if (limit?.writable) NativeError.stackTraceLimit = STACK_ROWS;
      return String(new NativeError().stack ?? '').split('\n')
        .filter((row) => /^\s*at |@/.test(row) && !OWN_SCRIPT.test(row));
    } catch {
      return [];
    } finally {
      if (limit?.writable) NativeError.stackTraceLimit = limit.value;
    }
  }

  function recordError(event) {
    const { target, error, message, filename, lineno, colno, isTrusted } = event;
    if (!isTrusted) return; // Dispatched by page code; nothing failed.
    if (target !== window) {
      record(reports.errors, () => {
        const url = [target.currentSrc, target.src, target.href?.baseVal, target.href, target.data]
          .find((found) => typeof found === 'string' && found) ?? '';
        const exception = { message: truncate(`${target.localName} did not load: ${url}`), url: truncate(url) };
        return errorText('resource', exception, url ? failedUrls([url], fetchersOf(target))
          : failedUrls(importsOf(target), ANY_FETCHER));
      });
      return;
    }
    record(reports.errors, () => errorText('uncaught', {
      // For scripts of another origin, the browser reveals only "Script error."
      ...(error === null || error === undefined ? { message: truncate(message) } : exceptionOf(error)),
      ...(filename && { url: truncate(filename), line: lineno, column: colno }),
    }), event);
  }

  function recordRejection(event) {
    record(reports.errors, () => {
      const exception = exceptionOf(event.reason);
      const module = isError(event.reason) && MODULE_ERROR.exec(exception.message);
      return errorText('unhandled_rejection', exception, module ? failedUrls([module[1]], ANY_FETCHER) : []);
    }, event);
  }

  /** What browsers say of an `import()` whose module, or one that it imports, was not loaded. */
  const MODULE_ERROR = /dynamically imported module: (\S+)/;
  /** The URLs that an inline module imports. */
  const IMPORTS = /\b(?:from|import)\s*["']((?:\.{0,2}\/|https?:)[^"'\n]+)["']/g;
  const ANY_FETCHER = /^/;

  /** Returns by which type of initiator an element fetches what it needs beside its own URL; undefined if nothing. */
  function fetchersOf({ localName, type, relList }) {
    if (localName === 'script' && /^module$/i.test(type)) return ANY_FETCHER;
    return localName === 'link' && relList.contains('stylesheet') ? /^css$/ : undefined;
  }

  function importsOf({ localName, text }) {
    if (localName !== 'script') return [];
    return Array.from(text.matchAll(IMPORTS), ([, path]) => new URL(path, document.baseURI).href);
  }

  /**
   * Returns which URLs may be the cause of a resource that did not load: its own (those of an inline module are what
   * it imports) if it failed itself, else those that failed since it was fetched, the newest first. Browsers do not
   * say which of the modules that a module imports is missing.
   */
  function failedUrls(urls, fetchers) {
    // The browser's list is short, the socket client's is not.
    const { fetches = [], failed = [] } = window[Symbol.for('pagewire')]?.fetched() ?? {};
    const entries = [...fetches, ...entriesOf('resource')].sort((a, b) => a.startTime - b.startTime);
    const own = urls.map((url) => entries.findLast(({ name }) => name === url.split('#', 1)[0])).filter(Boolean);
    let found = own.filter(({ responseStatus }) => responseStatus >= 400);
    if (found.length === 0 && fetchers) {
      const start = Math.min(...own.map(({ startTime }) => startTime)); // Infinity if unknown.
      found = [...Array.from(failed, ([name, startTime]) => ({ name, startTime })),
        ...entries.filter(({ responseStatus, initiatorType }) => responseStatus >= 400 && fetchers.test(initiatorType))]
        .filter(({ startTime }) => startTime >= start)
        .sort((a, b) => b.startTime - a.startTime);
    }
    return [...new Set(found.map(({ name }) => truncate(name)))].slice(0, MAX_FAILED_URLS);
  }

  function recordViolation({ disposition, effectiveDirective, blockedURI, sourceFile, lineNumber, columnNumber }) {
    if (disposition === 'report') return; // Nothing was blocked.
    record(reports.errors, () => errorText('csp', {
      message: truncate(`${effectiveDirective} blocks ${blockedURI}`),
      url: truncate(sourceFile),
      line: lineNumber,
      column: columnNumber,
    }));
  }

  const errorText = (kind, exception, urls = []) => `{"type":"pagewire:error","kind":"${kind}",`
    + `"exception":${exceptionText(exception)},${urls.length > 0 ? `"failed_urls":${JSON.stringify(urls)},` : ''}`
    + `"time":${Date.now()}}`;

  // --- Describing values -----------------------------------------------------------------------

  /** Returns a value as a `PageValue` in JSON. Rethrows errors of its `toJSON` and getters. */
  function describeValue(value, maxBytes) {
    const { json, ...described } = ownProperties(classify(value, maxBytes));
    return json === undefined ? JSON.stringify(described) : `{"json":${json}}`;
  }

  /** Returns a thrown value as a `PageException` in JSON. Never throws. */
  function describeException(error, phase, url) {
    const { url: location, ...described } = exceptionOf(error, EXCEPTION_BYTES);
    return exceptionText({ phase, ...described, url: location || truncate(url) });
  }

  function exceptionText(exception) {
    const { thrown, ...described } = ownProperties(exception);
    const text = JSON.stringify(described);
    return thrown === undefined ? text : `${text.slice(0, -1)},"thrown":${thrown}}`;
  }

  function exceptionOf(error, maxBytes = VALUE_BYTES) {
    const exception = { name: '', message: '', stack: '', url: '', line: 0, column: 0 };
    try {
      if (isError(error)) {
        exception.name = truncate(error.name, 1_000);
        exception.message = truncate(error.message, maxBytes);
        exception.stack = truncate(error.stack, maxBytes);
        return { ...exception, ...locationOf(error) };
      }
      const { json, unserializable, description } = ownProperties(classify(error, maxBytes));
      exception.thrown = json;
      exception.message = truncate(typeof error === 'string' ? error
        : json ?? unserializable ?? description ?? 'undefined', maxBytes);
    } catch {
      exception.message ||= 'the thrown value cannot be described';
    }
    return exception;
  }

  const isError = (value) =>
    value instanceof NativeError || /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(value));

  /** A line of a stack trace, in Chromium's or Firefox's format. */
  const FRAME = /(?:^\s*at (?:.*? \(|async )?|@)([a-z][\w+.-]*:\S*?):(\d+):(\d+)\)?$/i;
  /** Marks code of `eval` and `new Function`: its position is not one in a file. A row below is that of the caller. */
  const EVALUATED = /\(eval at | > (?:eval|Function)\b/;
  /** The socket client and this script, but not code that plugins have pages import. */
  const OWN_SCRIPT = /\/(__pagewire__\/(client|recorder)|__web-dev-server__web-socket)\.js\b/;

  /** Returns the first location in an error's stack outside Pagewire's scripts. */
  function locationOf(error) {
    const { stack, fileName, lineNumber, columnNumber } = error;
    // Firefox has the location of a syntax error only here; its stack is that of the importer.
    if (fileName && Object.hasOwn(error, 'fileName') && !OWN_SCRIPT.test(fileName) && !EVALUATED.test(fileName)) {
      return { url: truncate(fileName), line: lineNumber || 0, column: columnNumber || 0 };
    }
    return firstLocation(String(stack ?? '').split('\n'))
      ?? (error instanceof SyntaxError ? reportedLocation(error) : {});
  }

  /** Returns the first location in the rows of a stack outside Pagewire's scripts, if there is one. */
  function firstLocation(rows) {
    for (const row of rows) {
      if (row.length > ROW_CHARS || EVALUATED.test(row)) continue;
      const [, url, line, column] = FRAME.exec(row) ?? [];
      if (url && !OWN_SCRIPT.test(url)) return { url: truncate(url), line: Number(line), column: Number(column) };
    }
    return undefined;
  }

  /**
   * Chromium reveals the location of a syntax error only in the error event of a window. That is
   * the window of a temporary frame, so that the page does not see the event.
   */
  function reportedLocation(error) {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    document.documentElement.append(frame);
    const location = {};
    try {
      frame.contentWindow.onerror = (message, url, line, column) => {
        Object.assign(location, { url: truncate(url), line, column });
        return true; // Keeps the browser from printing it.
      };
      frame.contentWindow.reportError(error);
    } finally {
      frame.remove();
    }
    return location;
  }

  /** Returns the fields of a `PageValue`: which kind of value it is, and its text. */
  function classify(value, maxBytes) {
    if (value === undefined) return { undefined: true };
    if (typeof value === 'bigint') return bounded('unserializable', `${value}n`, maxBytes);
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
      return { unserializable: Object.is(value, -0) ? '-0' : String(value) };
    }
    if (isError(value)) return bounded('description', withStack(value), maxBytes);
    const described = describeNonJson(value);
    if (described !== undefined) return bounded('description', described, maxBytes);
    const { json, lost, isTruncated } = toJson(value, Math.min(maxBytes, JSON_BYTES));
    if (lost) {
      const text = `${nameOf(value)} that JSON cannot represent (${lost}): ${json}`;
      return bounded('description', text, Math.min(maxBytes, VALUE_BYTES), isTruncated);
    }
    return json === undefined ? { undefined: true } : bounded('json', json, maxBytes, isTruncated);
  }

  /** Limits a text. JSON is sent as a whole; if it is too long, its beginning becomes a description. */
  function bounded(kind, text, maxBytes, isTruncated = false) {
    const fits = truncate(text, Math.min(maxBytes, kind === 'json' ? JSON_BYTES : TEXT_BYTES));
    if (!isTruncated && fits.length === text.length) return { [kind]: text };
    return { description: truncate(fits, TEXT_BYTES), truncated: true };
  }

  /** Returns the longest beginning of a text that fits into `maxBytes` of UTF-8. */
  function truncate(text, maxBytes = VALUE_BYTES) {
    const whole = String(text ?? '');
    if (whole.length * 3 <= maxBytes) return whole;
    const bytes = new Uint8Array(Math.min(maxBytes, whole.length * 3));
    return whole.slice(0, new TextEncoder().encodeInto(whole, bytes).read);
  }

  /**
   * Like `JSON.stringify`, but a value that it would reject or silently drop is replaced by a
   * description, and `lost` names the first one. Content beyond `maxChars` is left out, and sets
   * `isTruncated`: a large object costs no more than the part that is sent.
   */
  function toJson(value, maxChars) {
    let lost;
    let isTruncated = false;
    let left = maxChars;
    /** The objects around the current value: as serialized, and the originals. */
    const path = [];
    const json = JSON.stringify(value, function (key, inner) {
      while (path.length > 0 && path.at(-1).written !== this) path.pop();
      if (inner === undefined) return undefined;
      const isObject = typeof inner === 'object' && inner !== null;
      const description = !isObject ? (typeof inner === 'bigint' ? `${inner}n` : undefined)
        : path.some(({ object }) => object === inner) ? '[cycle]' : describeNonJson(inner);
      if (description !== undefined) lost ??= `${JSON.stringify(key)}: ${description}`;
      if (!Array.isArray(this)) left -= key.length;
      if (description !== undefined || typeof inner === 'string') {
        const text = (description ?? inner).slice(0, Math.max(0, left));
        left -= text.length;
        isTruncated ||= text.length < (description ?? inner).length;
        return text;
      }
      if (!isObject) return inner;
      const part = firstEntries(inner, Math.max(0, left >> 1)); // An entry takes two characters at least.
      left -= 2 * part.count;
      isTruncated ||= part.isTruncated;
      path.push({ written: part.object, object: inner });
      return part.object;
    });
    return { json, lost, isTruncated };
  }

  /** Returns a copy of an object with its first `limit` entries; the object itself if that is all. */
  function firstEntries(object, limit) {
    const isList = Array.isArray(object) || ArrayBuffer.isView(object);
    const keys = isList ? undefined : Object.keys(object);
    const count = (isList ? object.length : keys.length) ?? 0;
    if (count <= limit) return { object, count, isTruncated: false };
    const first = isList ? object.slice(0, limit)
      : Object.fromEntries(keys.slice(0, limit).map((key) => [key, object[key]]));
    return { object: first, count: limit, isTruncated: true };
  }

  const nameOf = (value) => {
    const name = value.constructor?.name;
    return typeof name === 'string' && name ? name : 'Object';
  };

  /** Describes a value that JSON would reject or turn into `{}`. Returns undefined for all others. */
  function describeNonJson(value) {
    if (typeof value === 'symbol') return String(value);
    if (typeof value === 'function') return `[Function: ${value.name || 'anonymous'}]`;
    if (typeof value !== 'object' || value === null || typeof value.toJSON === 'function') return undefined;
    if (typeof value.nodeType === 'number' && typeof value.nodeName === 'string') return nodeText(value);
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    if (tag === 'Map' || tag === 'Set') return `${tag}(${value.size})`;
    if (tag === 'Error') return `${value}`;
    const prototype = Object.getPrototypeOf(value);
    const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
    if (isPlain || Array.isArray(value) || ArrayBuffer.isView(value)) return undefined;
    if (['Boolean', 'Number', 'String'].includes(tag) || Object.keys(value).length > 0) return undefined;
    const text = typeof value.toString === 'function' ? `${value.toString()}` : '';
    return /^(\[object .*\])?$/.test(text) ? `[object ${nameOf(value)}]` : `${nameOf(value)} ${text}`;
  }

  /** Returns an element's start tag, or another node's name and text. (Serializing a clone would run constructors.) */
  function nodeText(node) {
    if (node.nodeType !== Node.ELEMENT_NODE) {
      return node.nodeValue === null ? node.nodeName : `${node.nodeName} ${JSON.stringify(node.nodeValue)}`;
    }
    const attributes = Array.from(node.attributes, ({ name, value }) =>
      ` ${name}="${value.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`);
    return `<${node.localName}${attributes.join('')}>`;
  }

  /** Returns the stack with the error's name and message, which Firefox does not include. */
  function withStack(error) {
    const [text, stack] = [`${error}`, String(error.stack ?? '')];
    return stack.startsWith(text) ? stack : `${text}\n${stack}`.trimEnd();
  }

  // --- Start -----------------------------------------------------------------------------------

  Object.defineProperty(window, KEY, {
    __proto__: null,
    value: { setReportMode, setSender, flush, muted, describeValue, describeException },
  });
  // Null when the socket client imported this script as a module.
  if (document.currentScript) setReportMode({ console: true, errors: true });
})();
