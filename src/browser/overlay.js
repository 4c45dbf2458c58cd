/**
 * Shows why scripts, modules and stylesheets of the page did not load: failures of plugins, in a layer over the
 * page that looks like the error page of a document. Loaded by the socket client when the daemon names the first
 * failure.
 *
 * The layer is in a closed shadow root and contains text only. It can be closed, and goes away by itself once all of
 * the resources were loaded, or when the page is reloaded.
 */

/** Names of hooks, as people know them. */
const HOOKS = { serve: 'serve', transform: 'transform', resolve_import: 'import resolution' };

const STYLE = `
  :host { all: initial !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important;
    display: block !important; color-scheme: light dark; }
  main { box-sizing: border-box; height: 100%; overflow: auto; padding: 6vh 1.5rem; background: #0009; }
  section { box-sizing: border-box; max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem; border-top: .4rem solid #d33;
    border-radius: .4rem; background: Canvas; color: CanvasText; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
  h1 { margin: 0; font-size: 1.1rem; }
  h2 { margin: 1.2rem 0 0; font-size: 1rem; }
  p { margin: .4rem 0; white-space: pre-wrap; }
  pre { margin: .4rem 0; padding: 1rem; overflow: auto; border-radius: .4rem; background: #8882; font: 14px/1.4 monospace; }
  button { float: right; font: inherit; }
`;

/** The daemon's root: not `/` behind a proxy that adds a base path. */
const root = new URL('../', import.meta.url);

/** The failures that are shown, by `key`. */
const shown = new Map();
let layer;
let content;
/** Notices that a resource was loaded after all. Works only while something is shown. */
let observer;

/** Shows failures in addition to those that are shown already. Not in a frame without size, which shows nothing. */
export function showFailures(failures) {
  if (window.parent !== window && (window.innerWidth === 0 || window.innerHeight === 0)) return;
  for (const failure of failures) {
    const name = key(new URL(`.${failure.url}`, root)); // The daemon names paths without its base path.
    shown.delete(name);
    shown.set(name, { __proto__: null, ...failure });
  }
  if (shown.size === 0) return;
  if (!layer) open();
  // Page code may have replaced the content of the document.
  else if (!layer.isConnected) document.documentElement.append(layer);
  update();
}

/**
 * What the URLs of a resource have in common: a stylesheet that is loaded again has another `pagewire-fresh`, and the
 * daemon serves a file also without its base path.
 */
function key({ origin, pathname, searchParams }) {
  const path = pathname.startsWith(root.pathname) ? pathname.slice(root.pathname.length) : pathname.slice(1);
  searchParams.delete('pagewire-fresh');
  return `${origin}/${path}?${searchParams}`;
}

function open() {
  layer = document.createElement('pagewire-overlay');
  const shadow = layer.attachShadow({ __proto__: null, mode: 'closed' });
  const style = new CSSStyleSheet(); // A policy of the page may forbid style elements.
  style.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [style];
  content = element('section', '');
  const main = element('main', '');
  main.setAttribute('role', 'alert');
  main.append(content);
  shadow.append(main);
  document.documentElement.append(layer);
  window.addEventListener('keydown', closeByKey, true);
  observer = new PerformanceObserver((list) => removeLoaded(list.getEntries()));
  observer.observe({ __proto__: null, type: 'resource' });
}

function close() {
  shown.clear();
  observer.disconnect();
  window.removeEventListener('keydown', closeByKey, true);
  layer.remove();
  layer = undefined;
}

function closeByKey({ key: name }) {
  if (name === 'Escape') close();
}

/** Removes the failures of resources that were loaded meanwhile. */
function removeLoaded(entries) {
  const loaded = entries.filter(({ responseStatus }) => responseStatus >= 200 && responseStatus < 400);
  const fixed = loaded.filter(({ name }) => shown.delete(key(new URL(name))));
  if (fixed.length === 0) return;
  if (shown.size === 0) close();
  else update();
}

function update() {
  const button = element('button', 'Close (Esc)');
  button.type = 'button';
  button.addEventListener('click', close);
  const title = element('h1', shown.size === 1 ? 'A resource of this page failed' : `${shown.size} resources of this page failed`);
  content.replaceChildren(button, title, ...[...shown.values()].flatMap(describe));
}

/** Returns the elements that describe a failure. */
function describe({ plugin, hook, url, status, message, file, line, column, frame, stack }) {
  const what = hook ? `${HOOKS[hook] ?? hook} of ${url}` : url;
  const place = [file, line, column].filter(Boolean).join(':');
  const detail = [place, frame, stack].filter(Boolean).join('\n').trimEnd();
  const parts = [element('h2', `plugin ${plugin}: ${what} (${status})`), element('p', message)];
  if (detail) parts.push(element('pre', detail));
  return parts;
}

function element(name, text) {
  const created = document.createElement(name);
  created.textContent = text;
  return created;
}
