/**
 * Acts on changed files: stylesheets and images are swapped in place, any other file that the page
 * has loaded reloads it, and files it never loaded are ignored. Loaded by the socket client when it
 * is first needed.
 *
 * What a page has loaded is known from its document's URL, the list of its fetches, and what its
 * document shows. The daemon knows the rest: it names the documents and scripts that requested a
 * file, which are the page itself, a frame without a socket client, a worker or a worklet. Since the
 * page may be older than the daemon's record, a page with workers also assumes that any unknown
 * script was loaded by one of them.
 */

/** Initiator types whose fetches can be repeated in place; all others need a reload. */
const SWAPPABLE = new Set(['link', 'css', 'img', 'image', 'input', 'video', 'icon']);
const FRAMES = new Set(['iframe', 'frame']);
const WORKER = /\.m?js$/;
/** Files that a worker may load. */
const WORKER_FILE = /\.(m?js|wasm|json)$/;
/** Most changes recorded for fetches that were in flight; the oldest are evicted first. */
const MAX_CHANGES = 4_096;
/** Interval of checking whether an imported stylesheet is loaded, and time limit before a reload. */
const IMPORT_POLL_MS = 5;
const IMPORT_TIMEOUT_MS = 5_000;

/** Attributes that show images. */
const IMAGES = {
  'img': ['src', 'srcset'],
  'picture source': ['srcset'],
  'input[type="image" i]': ['src'],
  'video': ['poster'],
  'svg image': ['href', 'xlink:href'],
  'link[rel~="icon" i]': ['href'],
};

/** The daemon's root. */
let base;
/** Whether the page has started a worker. */
let hasWorker = false;
/** When changes were announced, by `key`: a fetch that began earlier may have got the old file. */
const changeTimes = new Map();
let observer;

/** Acts on changed files: `paths` below the daemon's root, each with its `users`. Reloads if no paths are given. */
export function applyChanges({ paths, users }, { root, fetches, knowsAllFetches, urls }) {
  base = root;
  if (paths.length === 0) return reload();
  const now = performance.now();
  for (const name of paths.flatMap(keysOf)) {
    changeTimes.delete(name);
    changeTimes.set(name, now);
  }
  for (const name of changeTimes.keys()) {
    if (changeTimes.size <= MAX_CHANGES) break;
    changeTimes.delete(name);
  }
  observer ??= observeFetches();
  const known = [...fetches];
  hasWorker = Boolean(navigator.serviceWorker?.controller) || known.some(mayBeWorker());
  const own = new Set([...urls, documentUrl()].map(key));
  const isOwn = (user) => user === '' || own.has(keyOf(user)) || own.has(key(new URL(user, location.origin)));
  const served = new Set(paths.filter((path) => !knowsAllFetches || users[path]?.some(isOwn)).map(keyOf));
  updateUses(new Set(paths.flatMap(keysOf)), known, served);
}

/** Returns a filter of fetches that a worker may have begun with. Preloaded modules have the same initiator type. */
function mayBeWorker() {
  const links = [...document.querySelectorAll('link[rel~="modulepreload" i][href]')];
  const preloaded = new Set(links.map((link) => key(link.href)));
  return ({ name, initiatorType }) => initiatorType === 'other' && WORKER.test(key(name)) && !preloaded.has(key(name));
}

/** Handles fetches that end from now on, but began before their file changed. */
function observeFetches() {
  const fetches = new PerformanceObserver((list) => {
    const outdated = list.getEntries().filter(({ name, startTime }) => changeTimes.get(key(name)) > startTime);
    if (outdated.length > 0) updateUses(new Set(outdated.map(({ name }) => key(name))), outdated);
  });
  fetches.observe({ __proto__: null, type: 'resource' });
  return fetches;
}

/**
 * Swaps these files, given by `key`, wherever the page uses them, or reloads the page. Reloads it also
 * if it is unknown how it uses one that was `served` to it.
 */
function updateUses(files, fetches, served = new Set()) {
  if (isDocument(files)) return reload();
  const icons = new Set(findAll('link[rel~="icon" i][href]').map((link) => key(link.href)));
  const uses = new Map();
  for (const { name, initiatorType } of fetches) {
    const file = key(name);
    if (!files.has(file) || FRAMES.has(initiatorType) || isDiagnosticFetch(name, initiatorType)) continue;
    if (isImportOfUrl(name, initiatorType)) continue;
    if (!uses.has(file)) uses.set(file, { url: name, initiators: new Set() });
    // Browsers list icons among other fetches.
    uses.get(file).initiators.add(initiatorType === 'other' && icons.has(file) ? 'icon' : initiatorType);
  }
  for (const file of files) {
    const initiators = uses.has(file) ? [] : usesInDocument(file);
    if (initiators.length > 0) uses.set(file, { url: urlOf(file), initiators: new Set(initiators) });
  }
  const isUnknown = (file) => served.has(file) || (hasWorker && WORKER_FILE.test(file));
  if ([...files].some((file) => !uses.has(file) && isUnknown(file))) return reload();
  const links = new Set();
  for (const [file, { url, initiators }] of uses) {
    if (![...initiators].every((type) => SWAPPABLE.has(type))) return reload();
    const owners = [...stylesheets().filter((link) => key(link.href) === file), ...swapImports(file, url)];
    if (!owners.every((owner) => owner.localName === 'link')) return reload();
    for (const owner of owners) links.add(owner);
    // An image that elements and stylesheets show was fetched once, by one of them.
    const isSwapped = [owners.length > 0, swapImages(file), swapInStyles(file, url)];
    if (!isSwapped.includes(true)) return reload();
  }
  for (const link of links) swapStyle(link, reportOrReload);
  reloadFrames(files);
}

/** The socket client's function: it does not repeat a POST request. */
const reload = () => window[Symbol.for('pagewire')].reload();

// --- Files and URLs ----------------------------------------------------------------------------

/** Returns the same key for all URLs of a file: without the query, and with escapes decoded. */
function key(url) {
  try {
    const { origin, pathname } = new URL(url, document.baseURI);
    return origin + decodeURIComponent(pathname);
  } catch {
    return url; // Invalid, so not the URL of a served file.
  }
}

/** Returns a URL of the file with this key. */
const urlOf = (file) => encodeURI(file).replace(/[?#]/g, encodeURIComponent);

/** Returns the key of a path below the daemon's root. */
const keyOf = (path) => key(new URL(path.replace(/^\//, './'), base));

/** Returns the keys of all URLs under which a changed file may have been requested. */
function keysOf(path) {
  const file = keyOf(path);
  const folder = /^(.*)\/index\.html$/.exec(file)?.[1];
  return folder === undefined ? [file] : [file, `${folder}/`, folder];
}

/** Returns the URL that the document was loaded from, which page code may have replaced. */
const documentUrl = () => performance.getEntriesByType('navigation')[0]?.name ?? location.href;

/** Whether the document may have been made from one of these files. */
function isDocument(files) {
  const page = key(documentUrl());
  // A URL without an extension: the page was generated from some HTML file, or is the app index.
  const isGenerated = /\/[^/.]+$/.test(page);
  return files.has(page) || (isGenerated && [...files].some((file) => /\.html?$/.test(file)));
}

/**
 * Whether a module imported this URL, and got a script of the daemon that does not depend on the file: it applies
 * a stylesheet or exports the URL. What then loads the file is known by itself.
 */
const isImportOfUrl = (url, initiatorType) =>
  ['script', 'other'].includes(initiatorType) && Boolean(window[Symbol.for('pagewire.imports')]?.has(url));

/** Returns how the document itself uses a file: the initiator types of what it shows. */
function usesInDocument(file) {
  const isStyled = [...stylesOfDocument()].some((style) => updatedText(style, file, '') !== undefined);
  const uses = {
    link: stylesheets().some((link) => key(link.href) === file),
    img: swapImages(file, (url) => url),
    css: isStyled || !importersOf(file, styleSheets()).next().done,
  };
  return Object.keys(uses).filter((initiator) => uses[initiator]);
}

/** The document and the open shadow roots in it, until the current task ends. */
let knownRoots;

function roots() {
  if (knownRoots) return knownRoots;
  queueMicrotask(() => { knownRoots = undefined; });
  knownRoots = [document];
  for (const root of knownRoots) {
    for (const { shadowRoot } of root.querySelectorAll('*')) if (shadowRoot) knownRoots.push(shadowRoot);
  }
  return knownRoots;
}

const findAll = (selector) => roots().flatMap((root) => [...root.querySelectorAll(selector)]);
const styleSheets = () => roots().flatMap((root) => [...root.styleSheets]);

/** Reloads frames whose document changed, except those with a socket client of their own. */
function reloadFrames(files) {
  for (const frame of document.querySelectorAll('iframe[src], frame[src]')) {
    if (!files.has(key(frame.src))) continue;
    try {
      if (!frame.contentWindow[Symbol.for('pagewire')]) frame.contentWindow.location.reload();
    } catch {
      frame.src = frame.src; // It is sandboxed, and so of another origin.
    }
  }
}

// --- Stylesheets -------------------------------------------------------------------------------

/** Stylesheets that are being reloaded, with the links that will replace them. */
const swaps = new Map();

/** Reloads the stylesheets with these URL paths; all of the page's own origin if there are none. */
export function swapStyles(paths) {
  for (const link of stylesheets()) {
    const { origin, pathname } = new URL(link.href);
    const isSelected = paths.length === 0 || paths.includes(pathname);
    if (origin === location.origin && isSelected) swapStyle(link);
  }
}

/** Returns the links to stylesheets, without replacements that are still loading. */
function stylesheets() {
  const loading = new Set(swaps.values());
  return findAll('link[rel~="stylesheet" i][href]').filter((link) => !loading.has(link));
}

/**
 * Handles a stylesheet that does not load. If a plugin failed to generate it, prints the plugin's
 * error and keeps the old stylesheet; otherwise reloads the page.
 */
async function reportOrReload(url) {
  try {
    const response = await fetch(url, { __proto__: null, cache: 'no-store' });
    if (response.ok || response.headers.has('pagewire-plugin')) {
      if (!response.ok) console.error(await response.text());
      return;
    }
  } catch {
    // The daemon cannot be reached.
  }
  reload();
}

/** Whether a fetch was made by `reportOrReload`, and not by the page. */
const isDiagnosticFetch = (url, initiatorType) =>
  initiatorType === 'fetch' && new URL(url).searchParams.has('pagewire-fresh');

/** Media of a stylesheet that is to be loaded, but not applied. */
const NO_MEDIA = 'not all';

/** Reloads a stylesheet. The old one is removed once the new one is loaded, so that nothing flashes. */
function swapStyle(link, onError = () => {}) {
  swaps.get(link)?.remove(); // Changed again before it was loaded.
  if (link.hasAttribute('disabled')) {
    swaps.delete(link);
    link.href = freshUrl(link.href); // It is loaded once it is enabled.
    return;
  }
  const next = link.cloneNode();
  // Page code may have changed the stylesheet instead of the element; the new one must not apply even for a frame.
  const media = link.sheet?.disabled ? NO_MEDIA : link.sheet?.media.mediaText;
  if (media && media !== link.media) next.media = media;
  if (link.relList.contains('alternate') && isApplied(link.sheet)) {
    next.disabled = true;
    next.disabled = false; // Enables an alternate stylesheet explicitly.
  }
  const finish = (obsolete) => {
    if (swaps.get(link) === next) swaps.delete(link);
    obsolete.remove();
  };
  next.addEventListener('load', async () => {
    await updateImports([next.sheet]);
    updateStyles(stylesOf(next.sheet));
    if (swaps.get(link) !== next) return;
    copyState(link, next);
    finish(link);
  }, { __proto__: null, once: true });
  next.addEventListener('error', () => {
    const isCurrent = swaps.get(link) === next;
    finish(next);
    if (isCurrent) onError(next.href);
  }, { __proto__: null, once: true });
  next.href = freshUrl(link.href);
  swaps.set(link, next);
  link.after(next);
}

/** Whether a stylesheet applies. It is tried, because some browsers call each alternate one enabled. */
function isApplied(sheet) {
  try {
    const index = sheet.insertRule(':root { --pagewire-applied: yes }', sheet.cssRules.length);
    const isSet = getComputedStyle(document.documentElement).getPropertyValue('--pagewire-applied') !== '';
    sheet.deleteRule(index);
    return isSet;
  } catch {
    return false; // Not loaded.
  }
}

/** Gives a stylesheet the state of the one that it replaces: page code may have changed it meanwhile. */
function copyState(from, to) {
  for (const { name, value } of from.attributes) {
    if (name !== 'href' && to.getAttribute(name) !== value) to.setAttribute(name, value);
  }
  for (const { name } of [...to.attributes]) {
    if (!from.hasAttribute(name)) to.removeAttribute(name);
  }
  if (!from.sheet || !to.sheet) return; // Disabled, or not loaded.
  const { disabled, media: { mediaText } } = from.sheet;
  if (to.sheet.media.mediaText !== mediaText) to.sheet.media.mediaText = mediaText;
  if (to.sheet.disabled !== disabled) to.sheet.disabled = disabled;
}

// --- Inside stylesheets ------------------------------------------------------------------------

/**
 * The newest URL of each changed stylesheet that others import, and the mark of the newest URLs of each changed
 * image, by `key`. A reloaded stylesheet refers to the original URLs, which the browser may have cached.
 */
const freshImports = new Map();
const freshImages = new Map();

/** Returns the elements whose stylesheets import a file, so that they are reloaded. */
function swapImports(file, url) {
  const importing = styleSheets().filter((sheet) => !importersOf(file, [sheet]).next().done);
  if (importing.length > 0) freshImports.set(file, freshUrl(url));
  const loading = new Set(swaps.values());
  return importing.map((sheet) => sheet.ownerNode).filter((owner) => !loading.has(owner));
}

/** Swaps an image in stylesheets and style attributes. Returns whether any of them shows it. */
function swapInStyles(file, url) {
  const mark = newMark();
  const isShown = [...stylesOfDocument()].some((style) => updatedText(style, file, mark) !== undefined);
  if (!isShown) return false;
  freshImages.set(file, mark);
  // The new image is loaded before it replaces the old one.
  const image = new Image();
  image.src = freshUrl(url, mark);
  image.decode().catch(() => {}).then(() => updateStyles(stylesOfDocument()));
  return true;
}

/** Makes stylesheets that are not applied yet import the newest files. */
async function updateImports(sheets) {
  const importing = [...freshImports].flatMap(([file, fresh]) =>
    [...importersOf(file, sheets)].map((sheet) => updateImport(sheet, file, fresh)));
  await Promise.all(importing);
}

/** Makes styles show the newest images. */
function updateStyles(styles) {
  for (const found of styles) {
    for (const [file, mark] of freshImages) {
      const text = updatedText(found, file, mark);
      if (text !== undefined) found.style.cssText = text;
    }
  }
}

const baseOf = (sheet) => sheet.href ?? document.baseURI;

function rulesOf(sheet) {
  try {
    return [...sheet?.cssRules ?? []];
  } catch {
    return []; // Of another origin, or not loaded yet.
  }
}

const isImportOf = (file, sheet) => (rule) =>
  rule instanceof CSSImportRule && key(new URL(rule.href, baseOf(sheet))) === file;

/** Yields the stylesheets that import a file directly, among these and those that they import. */
function* importersOf(file, sheets) {
  for (const sheet of sheets) {
    const rules = rulesOf(sheet);
    if (rules.some(isImportOf(file, sheet))) yield sheet;
    yield* importersOf(file, rules.map(({ styleSheet }) => styleSheet).filter(Boolean));
  }
}

/**
 * Makes a stylesheet import a file by a fresh URL, and polls until it is loaded: there is no event
 * for that, and some browsers do not apply the whole sheet until then. Rules are looked up each
 * time, because modifying a sheet may replace their objects.
 */
async function updateImport(sheet, file, fresh) {
  const isImport = isImportOf(file, sheet);
  const isOld = (rule) => isImport(rule) && rule.href !== fresh;
  const freshRules = () => rulesOf(sheet).filter(({ href }) => href === fresh);
  if (freshRules().length > 0) return;
  // A file may be imported several times, for other media.
  const texts = rulesOf(sheet).map((rule) => isOld(rule) && rule.cssText.replace(/url\("[^"]*"\)/, `url("${fresh}")`));
  for (let index = texts.length - 1; index >= 0; index -= 1) {
    if (texts[index]) sheet.insertRule(texts[index], index);
  }
  for (let waited = 0; !freshRules().every(isLoaded); waited += IMPORT_POLL_MS) {
    if (waited > IMPORT_TIMEOUT_MS) return reload();
    await new Promise((resolve) => { setTimeout(resolve, IMPORT_POLL_MS); });
    // Stops if the file changed again, or the sheet was replaced.
    if (freshImports.get(file) !== fresh || !isInDocument(sheet)) return;
  }
  for (let index; (index = rulesOf(sheet).findIndex(isOld)) >= 0;) sheet.deleteRule(index);
  await updateImports(freshRules().map(({ styleSheet }) => styleSheet));
}

function isLoaded(rule) {
  try {
    return Boolean(rule?.styleSheet?.cssRules);
  } catch {
    return false;
  }
}

/** `document.styleSheets` is no substitute: some browsers omit sheets that wait for an import. */
const isInDocument = ({ parentStyleSheet, ownerNode }) =>
  (parentStyleSheet ? isInDocument(parentStyleSheet) : ownerNode?.isConnected === true);

/** Yields every style, with the base of its URLs. Styles of fonts are read-only and skipped. */
function* stylesOfDocument() {
  const adopted = roots().flatMap((root) => root.adoptedStyleSheets ?? []);
  for (const sheet of [...styleSheets(), ...adopted]) yield* stylesOf(sheet);
  for (const { style } of findAll('[style*="url("]')) yield { style, base: document.baseURI };
}

function* stylesOf(sheet) {
  const groups = [rulesOf(sheet)];
  while (groups.length > 0) {
    for (const rule of groups.pop()) {
      if (rule.styleSheet) yield* stylesOf(rule.styleSheet);
      if (rule.cssRules) groups.push(rule.cssRules);
      if (rule.style && !(rule instanceof CSSFontFaceRule)) yield { style: rule.style, base: baseOf(sheet) };
    }
  }
}

/** Returns the text of a style with fresh URLs for a file; undefined if it does not refer to it. */
function updatedText({ style, base: from }, file, mark) {
  let isReferenced = false;
  const text = style.cssText.replace(/url\("([^"\\]*)"\)/g, (whole, url) => {
    if (!URL.canParse(url, from) || key(new URL(url, from)) !== file) return whole;
    isReferenced = true;
    return `url("${freshUrl(new URL(url, from), mark)}")`;
  });
  return isReferenced ? text : undefined;
}

// --- Images ------------------------------------------------------------------------------------

/** What separates the URLs and descriptors of a `srcset`; a comma may also be part of a URL. */
const SRCSET_GAP = /(,?\s+|(?<=\s[\d.]+[wxh]),)/;

/** Swaps a file in all elements that show it. Returns whether there are any. */
function swapImages(file, replace = freshUrl) {
  let isShown = false;
  const update = (url) => {
    if (key(url) !== file) return url;
    isShown = true;
    return replace(url);
  };
  for (const [selector, names] of Object.entries(IMAGES)) {
    for (const element of findAll(selector)) {
      for (const name of names) {
        const before = element.getAttribute(name);
        if (before === null) continue;
        const after = name === 'srcset' ? before.split(SRCSET_GAP).map(update).join('') : update(before);
        if (after !== before) element.setAttribute(name, after);
      }
    }
  }
  return isShown;
}

let markCount = 0;
const newMark = () => `${Date.now().toString(36)}-${++markCount}`;

/** Returns a URL of the same file that is in no cache, not even from an earlier page load. */
function freshUrl(url, mark = newMark()) {
  const fresh = new URL(url, document.baseURI);
  fresh.searchParams.set('pagewire-fresh', mark);
  return fresh.href;
}
