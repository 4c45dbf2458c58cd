/**
 * Pagewire's recorder: what a page prints and what fails in it, told to the daemon; and, for that
 * and for the results of awaited imports, JavaScript values in words that JSON can carry.
 *
 * A classic script without exports, in two roles. Injected as the first script of a page that
 * somebody watches, it records from there on, so that the first inline script's error is seen.
 * Imported by the socket client (`client.js`) for what it can describe, it records nothing until
 * told to `watch`. The socket client is the one who sends what was recorded. The frames and the
 * kinds of values are described in `message.rs`.
 *
 * The page must not notice: the browser's own console method comes first, nothing here throws
 * into the page, and beyond the limits there is next to no work.
 */
(() => {
  'use strict';

  const KEY = Symbol.for('pagewire.recorder');
  if (window[KEY]) return;

  const LEVELS = ['debug', 'error', 'info', 'log', 'warn'];
  /** What a page may say in a second, lines and errors apart; what is more is counted. */
  const SECOND_MS = 1_000;
  const SECOND_ENTRIES = 200;
  const SECOND_CHARS = 1024 * 1024;
  /** What is kept while there is no connection: the oldest, for the first error explains the rest. */
  const QUEUE_ENTRIES = 1_000;
  const QUEUE_CHARS = 4 * 1024 * 1024;
  const FRAME_ENTRIES = 100;
  const FRAME_CHARS = 64 * 1024;
  const MAX_ARGS = 50;
  const VALUE_BYTES = 10_000;
  const LINE_BYTES = 64 * 1024;
  /** The daemon closes the socket on a frame above 1 MiB; some room for what is around the text. */
  const JSON_BYTES = 1024 * 1024 - 4096;
  /** Text that is no JSON is in the frame as a JSON string: six bytes a character at most. */
  const TEXT_BYTES = Math.floor(JSON_BYTES / 6);
  const EXCEPTION_BYTES = 32_000;

  // Page code may put fake ones in their place, in a test say.
  const now = performance.now.bind(performance);
  const later = window.setTimeout.bind(window);

  // --- Recording -------------------------------------------------------------------------------

  const sorts = {
    console: sort((dropped) => `{"type":"pagewire:console","level":"warn","args":[{"json":`
      + `"[pagewire] ${dropped} console lines were not forwarded"}],"dropped":${dropped}}`),
    errors: sort((dropped) => `{"type":"pagewire:error","kind":"","exception":{"message":`
      + `"[pagewire] ${dropped} page errors were not forwarded"},"dropped":${dropped}}`),
  };

  /** One of what can be watched, and what may still be said of it in the second of the moment. */
  function sort(notice) {
    return { notice, isOn: false, dropped: 0, secondEnds: 0, entries: 0, chars: 0 };
  }

  /** `{sort, text, event}`: the text of a frame, and what makes it void when the page handles it. */
  let queue = [];
  let queuedChars = 0;
  /** Sends a frame, null while there is no connection. */
  let send = null;
  let channel;
  let isFlushing = false;
  /** The daemon itself prints, or a getter of the page does while its value is being described. */
  let isMuted = false;
  let isInstalled = false;

  const queueHasRoom = () => queue.length < QUEUE_ENTRIES && queuedChars < QUEUE_CHARS;

  /** Whether there may be another entry of this sort. Counts it if not. */
  function mayRecord(sort) {
    if (!sort.isOn || isMuted) return false;
    beginSecond(sort);
    if (sort.entries > 0 && sort.chars > 0 && queueHasRoom()) return true;
    sort.dropped += 1;
    if (sort.dropped === 1) noticeLater(sort);
    return false;
  }

  /** In case that no other entry follows. A little late, for clocks are coarse. */
  const noticeLater = (sort) => later(beginSecond, SECOND_MS * 1.1, sort);

  /** If the last second is over: says what was not forwarded in it, and begins another. */
  function beginSecond(sort) {
    const time = now();
    if (time < sort.secondEnds) return;
    Object.assign(sort, { secondEnds: time + SECOND_MS, entries: SECOND_ENTRIES, chars: SECOND_CHARS });
    if (sort.dropped === 0 || !queueHasRoom()) return;
    add(sort, sort.notice(sort.dropped));
    sort.dropped = 0;
  }

  function add(sort, text, event) {
    sort.entries -= 1;
    sort.chars -= text.length;
    queuedChars += text.length;
    queue.push({ sort, text, event });
    if (!send || isFlushing) return;
    isFlushing = true; // With all else that this task of the page says. No timer is as prompt.
    channel.port2.postMessage(null);
  }

  /** Sends what is queued, several entries in a frame. */
  function flush() {
    isFlushing = false;
    if (!send || queue.length === 0) return;
    const texts = queue.filter(({ sort, event }) => sort.isOn && !event?.defaultPrevented)
      .map(({ text }) => text);
    queue = [];
    queuedChars = 0;
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

  /** The socket client has a connection, or (null) has lost it. */
  function sendBy(sender) {
    send = sender;
    if (!send) return;
    flush();
    // What found no room in the queue is counted in a notice, which had no room either.
    for (const sort of Object.values(sorts)) if (sort.dropped > 0) noticeLater(sort);
  }

  /** What is wanted from now on. */
  function watch(wanted) {
    for (const [name, sort] of Object.entries(sorts)) {
      const isOn = wanted[name] === true;
      if (isOn !== sort.isOn) Object.assign(sort, { isOn, dropped: 0 });
      if (isOn) install();
    }
  }

  /** Calls what prints to the console and is not to be recorded. */
  function muted(print) {
    const before = isMuted;
    isMuted = true;
    try {
      return print();
    } finally {
      isMuted = before;
    }
  }

  /** Records an entry if it may be. `describe` gives its text, and is not called if not. */
  function record(sort, describe, event) {
    if (!mayRecord(sort)) return;
    try {
      add(sort, muted(describe), event);
    } catch {
      // Only a page that replaces what JavaScript itself provides comes here: it hears nothing.
    }
  }

  function install() {
    if (isInstalled) return;
    isInstalled = true;
    channel = new MessageChannel();
    channel.port1.onmessage = flush;
    for (const level of LEVELS) wrap(level);
    window.addEventListener('error', recordError, true); // The capture phase has those of elements.
    window.addEventListener('unhandledrejection', recordRejection, true);
    document.addEventListener('securitypolicyviolation', recordViolation, true);
  }

  /** A method in place of the console's, with its name, that calls it first. */
  function wrap(level) {
    const original = console[level];
    console[level] = {
      [level](...args) {
        Reflect.apply(original, this, args);
        if (sorts.console.isOn) record(sorts.console, () => lineText(level, args));
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
    const stack = level === 'error' || level === 'warn' ? callersStack() : '';
    return `{"type":"pagewire:console","level":"${level}","args":[${values.join(',')}],`
      + `"stack":${JSON.stringify(stack)},"time":${Date.now()}}`;
  }

  function argText(arg, maxBytes) {
    try {
      return describeValue(arg, maxBytes);
    } catch {
      return '{"description":"[a value that throws when it is looked at]"}';
    }
  }

  const callersStack = () => cut(String(new Error().stack ?? '').split('\n')
    .filter((row) => /^\s*at |@/.test(row) && !OURS.test(row)).join('\n'), VALUE_BYTES);

  function recordError(event) {
    const { target, error, message, filename, lineno, colno, isTrusted } = event;
    if (!isTrusted) return; // Page code made it, nothing failed.
    if (target !== window) {
      record(sorts.errors, () => {
        const url = [target.currentSrc, target.src, target.href?.baseVal, target.href, target.data]
          .find((found) => typeof found === 'string' && found) ?? '';
        return errorText('resource', { message: cut(`${target.localName} did not load: ${url}`), url: cut(url) });
      });
      return;
    }
    record(sorts.errors, () => errorText('uncaught', {
      // Of another origin's scripts the browser tells no more than "Script error."
      ...(error === null || error === undefined ? { message: cut(message) } : exceptionOf(error)),
      ...(filename && { url: cut(filename), line: lineno, column: colno }),
    }), event);
  }

  function recordRejection(event) {
    record(sorts.errors, () => errorText('unhandled_rejection', exceptionOf(event.reason)), event);
  }

  function recordViolation({ disposition, effectiveDirective, blockedURI, sourceFile, lineNumber, columnNumber }) {
    if (disposition === 'report') return; // Nothing was blocked.
    record(sorts.errors, () => errorText('csp', {
      message: cut(`${effectiveDirective} blocks ${blockedURI}`),
      url: cut(sourceFile),
      line: lineNumber,
      column: columnNumber,
    }));
  }

  const errorText = (kind, exception) => `{"type":"pagewire:error","kind":"${kind}",`
    + `"exception":${exceptionText(exception)},"time":${Date.now()}}`;

  // --- Describing ------------------------------------------------------------------------------

  /** A value as a `PageValue`, JSON text. Throws what a `toJSON` or a getter throws. */
  function describeValue(value, maxBytes) {
    const { json, ...described } = kindOf(value, maxBytes);
    return json === undefined ? JSON.stringify(described) : `{"json":${json}}`;
  }

  /** A thrown value as a `PageException`, JSON text. Does not throw, whatever was thrown. */
  function describeException(error, phase, url) {
    const { url: place, ...described } = exceptionOf(error, EXCEPTION_BYTES);
    return exceptionText({ phase, ...described, url: place || cut(url) });
  }

  function exceptionText({ thrown, ...described }) {
    const text = JSON.stringify(described);
    return thrown === undefined ? text : `${text.slice(0, -1)},"thrown":${thrown}}`;
  }

  function exceptionOf(error, maxBytes = VALUE_BYTES) {
    const is = { name: '', message: '', stack: '', url: '', line: 0, column: 0 };
    try {
      if (isError(error)) {
        is.name = cut(error.name, 1_000);
        is.message = cut(error.message, maxBytes);
        is.stack = cut(error.stack, maxBytes);
        return { ...is, ...placeOf(error) };
      }
      const { json, unserializable, description } = kindOf(error, maxBytes);
      is.thrown = json;
      is.message = cut(typeof error === 'string' ? error
        : json ?? unserializable ?? description ?? 'undefined', maxBytes);
    } catch {
      is.message ||= 'something was thrown that cannot be described';
    }
    return is;
  }

  const isError = (value) =>
    value instanceof Error || /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(value));

  /** A row of a stack, in Chromium's format or Firefox's. */
  const FRAME = /(?:^\s*at (?:.*? \()?|@)([a-z][\w+.-]*:.*?):(\d+):(\d+)\)?$/i;
  /** Our own scripts; what we serve for others to import is not ours. */
  const OURS = /\/(__pagewire__\/(client|recorder)|__web-dev-server__web-socket)\.js\b/;

  /** The first place in an error's stack that is not in our scripts. */
  function placeOf(error) {
    const { stack, fileName, lineNumber, columnNumber } = error;
    // Firefox keeps the place of a syntax error only here; the stack says who imported.
    if (fileName && !OURS.test(fileName)) {
      return { url: cut(fileName), line: lineNumber || 0, column: columnNumber || 0 };
    }
    for (const row of String(stack ?? '').split('\n')) {
      const [, url, line, column] = FRAME.exec(row) ?? [];
      if (url && !OURS.test(url)) return { url: cut(url), line: Number(line), column: Number(column) };
    }
    return error instanceof SyntaxError ? reportedPlace(error) : {};
  }

  /**
   * Chromium tells the place of a syntax error only in the event of the window to which it is
   * reported. That is a window of our own: to the page nothing is reported.
   */
  function reportedPlace(error) {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    document.documentElement.append(frame);
    const place = {};
    try {
      frame.contentWindow.onerror = (message, url, line, column) => {
        Object.assign(place, { url: cut(url), line, column });
        return true; // Nor is it printed.
      };
      frame.contentWindow.reportError(error);
    } finally {
      frame.remove();
    }
    return place;
  }

  /** The kind of a value, and as text what it is. */
  function kindOf(value, maxBytes) {
    if (value === undefined) return { undefined: true };
    if (typeof value === 'bigint') return fitting('unserializable', `${value}n`, maxBytes);
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))) {
      return { unserializable: Object.is(value, -0) ? '-0' : String(value) };
    }
    if (isError(value)) return fitting('description', withStack(value), maxBytes);
    const own = beyondJson(value);
    if (own !== undefined) return fitting('description', own, maxBytes);
    const { json, lost, isCut } = toJson(value, Math.min(maxBytes, JSON_BYTES));
    if (lost) {
      const text = `${nameOf(value)} that JSON cannot hold (${lost}): ${json}`;
      return fitting('description', text, Math.min(maxBytes, VALUE_BYTES), isCut);
    }
    return json === undefined ? { undefined: true } : fitting('json', json, maxBytes, isCut);
  }

  /** JSON is sent whole or not at all; what is too long becomes a description: its beginning. */
  function fitting(kind, text, maxBytes, isCut = false) {
    const fits = cut(text, Math.min(maxBytes, kind === 'json' ? JSON_BYTES : TEXT_BYTES));
    if (!isCut && fits.length === text.length) return { [kind]: text };
    return { description: cut(fits, TEXT_BYTES), truncated: true };
  }

  /** The beginning of a text that fits, in UTF-8. */
  function cut(text, maxBytes = VALUE_BYTES) {
    const whole = String(text ?? '');
    if (whole.length * 3 <= maxBytes) return whole;
    const bytes = new Uint8Array(Math.min(maxBytes, whole.length * 3));
    return whole.slice(0, new TextEncoder().encodeInto(whole, bytes).read);
  }

  /**
   * `JSON.stringify`, but where it would fail on a value or lose one silently, there is a
   * description of it, and `lost` names the first; and what cannot fit is left out, and `isCut`
   * says so: a store of megabytes costs no more than what is sent of it.
   */
  function toJson(value, maxChars) {
    let lost;
    let isCut = false;
    let left = maxChars;
    /** The objects around the value of the moment: as written, and as they are. */
    const path = [];
    const json = JSON.stringify(value, function (key, inner) {
      while (path.length > 0 && path.at(-1).written !== this) path.pop();
      if (inner === undefined) return undefined;
      const isObject = typeof inner === 'object' && inner !== null;
      const alien = !isObject ? (typeof inner === 'bigint' ? `${inner}n` : undefined)
        : path.some(({ object }) => object === inner) ? '[cycle]' : beyondJson(inner);
      if (alien !== undefined) lost ??= `${JSON.stringify(key)}: ${alien}`;
      if (!Array.isArray(this)) left -= key.length;
      if (alien !== undefined || typeof inner === 'string') {
        const text = (alien ?? inner).slice(0, Math.max(0, left));
        left -= text.length;
        isCut ||= text.length < (alien ?? inner).length;
        return text;
      }
      if (!isObject) return inner;
      const written = beginningOf(inner, Math.max(0, left >> 1)); // A value and a comma: two at least.
      left -= 2 * written.width;
      isCut ||= written.isCut;
      path.push({ written: written.object, object: inner });
      return written.object;
    });
    return { json, lost, isCut };
  }

  /** An object with the first `room` of what it holds, itself if that is all. */
  function beginningOf(object, room) {
    const isList = Array.isArray(object) || ArrayBuffer.isView(object);
    const keys = isList ? undefined : Object.keys(object);
    const width = (isList ? object.length : keys.length) ?? 0;
    if (width <= room) return { object, width, isCut: false };
    const beginning = isList ? object.slice(0, room)
      : Object.fromEntries(keys.slice(0, room).map((key) => [key, object[key]]));
    return { object: beginning, width: room, isCut: true };
  }

  const nameOf = (value) => {
    const name = value.constructor?.name;
    return typeof name === 'string' && name ? name : 'Object';
  };

  /** In words, a value that JSON would refuse or make a silent `{}` of; undefined for all others. */
  function beyondJson(value) {
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

  /** An element's opening tag; other nodes by name and text. (Cloning would run constructors.) */
  function nodeText(node) {
    if (node.nodeType !== Node.ELEMENT_NODE) {
      return node.nodeValue === null ? node.nodeName : `${node.nodeName} ${JSON.stringify(node.nodeValue)}`;
    }
    const attributes = Array.from(node.attributes, ({ name, value }) =>
      ` ${name}="${value.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`);
    return `<${node.localName}${attributes.join('')}>`;
  }

  /** Chromium's stacks begin with the error's name and message, Firefox's do not. */
  function withStack(error) {
    const [text, stack] = [`${error}`, String(error.stack ?? '')];
    return stack.startsWith(text) ? stack : `${text}\n${stack}`.trimEnd();
  }

  // --- Start -----------------------------------------------------------------------------------

  Object.defineProperty(window, KEY, {
    value: { watch, sendBy, flush, muted, describeValue, describeException },
  });
  // As a module (the socket client imported it) it is nobody's current script.
  if (document.currentScript) watch({ console: true, errors: true });
})();
