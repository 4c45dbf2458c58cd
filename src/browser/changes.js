/**
 * What a page does when files have changed: stylesheets and images are swapped where they are,
 * anything else that the page has loaded reloads it, and what it has not loaded is nothing to it.
 * Loaded by the socket client when it is first needed.
 *
 * What a page has loaded is known from its document's URL and the browser's list of its fetches.
 * That list has a worker's first script and none of what the worker loads itself, so a page with
 * workers takes any script that it does not know for one of theirs.
 */

/** Fetches by these can be renewed without the page; all others need a reload. */
const SWAPPED = new Set(['link', 'css', 'img', 'image', 'input', 'video']);
const FRAMES = new Set(['iframe', 'frame']);
const WORKER = /\.m?js$/;
/** What workers load. */
const SCRIPT = /\.(m?js|wasm|json)$/;
/** Changes that are remembered for fetches that were on their way; the oldest are forgotten first. */
const MAX_REMEMBERED = 4_096;
/** How often we look whether an imported stylesheet has arrived, and when the page is reloaded instead. */
const IMPORT_POLL_MS = 5;
const IMPORT_PATIENCE_MS = 5_000;

/** Attributes that show images. */
const IMAGES = {
  'img': ['src', 'srcset'],
  'picture source': ['srcset'],
  'input[type="image" i]': ['src'],
  'video': ['poster'],
  'svg image': ['href', 'xlink:href'],
  'link[rel~="icon" i]': ['href'],
};

/** Where the daemon's root is. */
let base;
/** Changed files, by `key`, and when we were told: a fetch that began before may have missed it. */
const remembered = new Map();
let observer;

/** Acts on changed files: URL paths below `root`. None at all, or `knows` nothing: reloads. */
export function changed(paths, root, knows) {
  base = root;
  if (paths.length === 0 || !knows) return reload();
  const now = performance.now();
  for (const name of paths.flatMap(namesOf)) {
    remembered.delete(name);
    remembered.set(name, now);
  }
  for (const name of remembered.keys()) {
    if (remembered.size <= MAX_REMEMBERED) break;
    remembered.delete(name);
  }
  observer ??= observeFetches();
  act(new Set(paths.flatMap(namesOf)), performance.getEntriesByType('resource'));
}

/** Fetches that end now but began before their file changed. */
function observeFetches() {
  const fetches = new PerformanceObserver((list) => {
    const late = list.getEntries().filter(({ name, startTime }) => remembered.get(key(name)) > startTime);
    if (late.length > 0) act(new Set(late.map(({ name }) => key(name))), late);
  });
  fetches.observe({ type: 'resource' });
  return fetches;
}

/** Swaps or reloads what the page uses of these files, given by `key`. */
function act(files, fetches) {
  if (isDocument(files)) return reload();
  const uses = new Map();
  for (const { name, initiatorType } of fetches) {
    const file = key(name);
    if (!files.has(file) || FRAMES.has(initiatorType) || isQuestion(name, initiatorType)) continue;
    if (!uses.has(file)) uses.set(file, { url: name, by: new Set() });
    uses.get(file).by.add(initiatorType);
  }
  if (hasWorker() && [...files].some((file) => !uses.has(file) && SCRIPT.test(file))) return reload();
  const links = new Set();
  for (const [file, { url, by }] of uses) {
    if (![...by].every((kind) => SWAPPED.has(kind))) return reload();
    const owners = [...stylesheets().filter((link) => key(link.href) === file), ...swapImports(file, url)];
    if (!owners.every((owner) => owner.localName === 'link')) return reload();
    for (const owner of owners) links.add(owner);
    const isSwapped = [owners.length > 0, swapImages(file), by.has('css') && swapInStyles(file, url)];
    if (!isSwapped.includes(true)) return reload();
  }
  for (const link of links) swapStyle(link, keepIfBroken);
  reloadFrames(files);
}

const reload = () => location.reload();

// --- Which file is which -----------------------------------------------------------------------

/** The same for two URLs of one file: no query, no difference in escapes. */
function key(url) {
  try {
    const { origin, pathname } = new URL(url, document.baseURI);
    return origin + decodeURIComponent(pathname);
  } catch {
    return url; // Not one of ours.
  }
}

/** What a changed file may have been asked for as. */
function namesOf(path) {
  const file = key(new URL(path.replace(/^\//, './'), base));
  const folder = /^(.*)\/index\.html$/.exec(file)?.[1];
  return folder === undefined ? [file] : [file, `${folder}/`, folder];
}

/** Whether the document is made of one of these files, or may be. */
function isDocument(files) {
  const loaded = performance.getEntriesByType('navigation')[0]?.name ?? location.href;
  const page = key(loaded);
  // Where no file has this name, a plugin or a fallback made the page of some HTML file.
  const isMade = /\/[^/.]+$/.test(page);
  return files.has(page) || (isMade && [...files].some((file) => /\.html?$/.test(file)));
}

const hasWorker = () => performance.getEntriesByType('resource')
  .some(({ name, initiatorType }) => initiatorType === 'other' && WORKER.test(key(name)));

/** Reloads frames whose document changed, unless they have a socket client and do it themselves. */
function reloadFrames(files) {
  for (const frame of document.querySelectorAll('iframe[src], frame[src]')) {
    if (!files.has(key(frame.src))) continue;
    try {
      if (!frame.contentWindow[Symbol.for('pagewire')]) frame.contentWindow.location.reload();
    } catch {
      // Of another origin.
    }
  }
}

// --- Stylesheets -------------------------------------------------------------------------------

/** Stylesheets that are being fetched again, and their replacements. */
const swaps = new Map();

/** Fetches the stylesheets with these URL paths again; all of the page's own origin if there are none. */
export function swapStyles(paths) {
  for (const link of stylesheets()) {
    const { origin, pathname } = new URL(link.href);
    const isMeant = paths.length === 0 || paths.includes(pathname);
    if (origin === location.origin && isMeant) swapStyle(link);
  }
}

/** Links to stylesheets, without those that are arriving. */
function stylesheets() {
  const arriving = new Set(swaps.values());
  const links = document.querySelectorAll('link[rel~="stylesheet" i][href]');
  return [...links].filter((link) => !arriving.has(link));
}

/** A plugin that cannot make a stylesheet says why, and the page keeps the old one; what is gone reloads it. */
async function keepIfBroken(url) {
  try {
    const answer = await fetch(url, { cache: 'no-store' });
    if (answer.ok || answer.headers.has('pagewire-plugin')) {
      if (!answer.ok) console.error(await answer.text());
      return;
    }
  } catch {
    // The daemon is away.
  }
  reload();
}

/** A fetch of ours that asked why, and not one of the page. */
const isQuestion = (url, by) => by === 'fetch' && new URL(url).searchParams.has('pagewire-fresh');

/** Fetches a stylesheet again. The old one goes when the new one is there, so nothing flashes. */
function swapStyle(link, fail = () => {}) {
  swaps.get(link)?.remove(); // Changed again before it arrived.
  const next = link.cloneNode();
  const settle = (gone) => {
    if (swaps.get(link) === next) swaps.delete(link);
    gone.remove();
  };
  next.addEventListener('load', async () => {
    await renewImports([next.sheet]);
    renewStyles(stylesOf(next.sheet));
    if (swaps.get(link) === next) settle(link);
  }, { once: true });
  next.addEventListener('error', () => {
    const isCurrent = swaps.get(link) === next;
    settle(next);
    if (isCurrent) fail(next.href);
  }, { once: true });
  next.href = renewed(link.href);
  swaps.set(link, next);
  link.after(next);
}

// --- Inside stylesheets ------------------------------------------------------------------------

/**
 * Files that stylesheets mention and that have changed, by `key`, and the newest URL of each. A
 * stylesheet that is fetched again mentions the first one, which the browser may remember.
 */
const renewals = new Map();

/** The elements whose stylesheets import a file, which are to be fetched again and import it anew. */
function swapImports(file, url) {
  const importing = [...document.styleSheets].filter((sheet) => !importersOf(file, [sheet]).next().done);
  if (importing.length > 0) renewals.set(file, renewed(url));
  const arriving = new Set(swaps.values());
  return importing.map((sheet) => sheet.ownerNode).filter((owner) => !arriving.has(owner));
}

/** Has stylesheets and style attributes show an image anew; says whether any shows it. */
function swapInStyles(file, url) {
  const fresh = renewed(url);
  const isShown = [...stylesOfDocument()].some((style) => renewedText(style, file, fresh) !== undefined);
  if (!isShown) return false;
  renewals.set(file, fresh);
  // It is fetched before the old one goes.
  const image = new Image();
  image.src = fresh;
  image.decode().catch(() => {}).then(() => renewStyles(stylesOfDocument()));
  return true;
}

/** Has stylesheets that are not in force yet import the newest. */
async function renewImports(sheets) {
  const importing = [...renewals].flatMap(([file, fresh]) =>
    [...importersOf(file, sheets)].map((sheet) => renewImport(sheet, file, fresh)));
  await Promise.all(importing);
}

/** Has styles show the newest. */
function renewStyles(styles) {
  for (const found of styles) {
    for (const [file, fresh] of renewals) {
      const text = renewedText(found, file, fresh);
      if (text !== undefined) found.style.cssText = text;
    }
  }
}

const baseOf = (sheet) => sheet.href ?? document.baseURI;

function rulesOf(sheet) {
  try {
    return [...sheet?.cssRules ?? []];
  } catch {
    return []; // Of another origin, or not there yet.
  }
}

const isImportOf = (file, sheet) => (rule) =>
  rule instanceof CSSImportRule && key(new URL(rule.href, baseOf(sheet))) === file;

/** The stylesheets, of these and those that they import, that import a file themselves. */
function* importersOf(file, sheets) {
  for (const sheet of sheets) {
    const rules = rulesOf(sheet);
    if (rules.some(isImportOf(file, sheet))) yield sheet;
    yield* importersOf(file, rules.map(({ styleSheet }) => styleSheet).filter(Boolean));
  }
}

/**
 * Has a stylesheet import a file by another URL, and waits for it: nobody tells when it is there, and
 * some browsers take the whole sheet out of force until then. Rules are looked up each time, because
 * writing a sheet may make new objects for them.
 */
async function renewImport(sheet, file, fresh) {
  const isImport = isImportOf(file, sheet);
  const find = (matches) => rulesOf(sheet).findIndex(matches);
  const arriving = () => rulesOf(sheet).find(({ href }) => href === fresh);
  if (arriving()) return;
  const place = find(isImport);
  sheet.insertRule(sheet.cssRules[place].cssText.replace(/url\("[^"]*"\)/, `url("${fresh}")`), place);
  for (let waited = 0; !hasArrived(arriving()); waited += IMPORT_POLL_MS) {
    if (waited > IMPORT_PATIENCE_MS) return reload();
    await new Promise((resolve) => { setTimeout(resolve, IMPORT_POLL_MS); });
    // Changed again, or replaced with all it imports.
    if (renewals.get(file) !== fresh || !isInDocument(sheet)) return;
  }
  const isOld = (rule) => isImport(rule) && rule.href !== fresh;
  while (find(isOld) >= 0) sheet.deleteRule(find(isOld));
  await renewImports([arriving().styleSheet]);
}

function hasArrived(rule) {
  try {
    return Boolean(rule?.styleSheet?.cssRules);
  } catch {
    return false;
  }
}

/** `document.styleSheets` does not say: some browsers leave out what waits for an import. */
const isInDocument = ({ parentStyleSheet, ownerNode }) =>
  (parentStyleSheet ? isInDocument(parentStyleSheet) : ownerNode?.isConnected === true);

/** Every style, and what URLs in it are relative to. Those of fonts cannot be written. */
function* stylesOfDocument() {
  for (const sheet of document.styleSheets) yield* stylesOf(sheet);
  for (const { style } of document.querySelectorAll('[style*="url("]')) yield { style, base: document.baseURI };
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

/** The text of a style with another URL for a file; undefined when it does not mention the file. */
function renewedText({ style, base: from }, file, fresh) {
  let isMentioned = false;
  const text = style.cssText.replace(/url\("([^"\\]*)"\)/g, (whole, url) => {
    if (!URL.canParse(url, from) || key(new URL(url, from)) !== file) return whole;
    isMentioned = true;
    return `url("${fresh}")`;
  });
  return isMentioned ? text : undefined;
}

// --- Images ------------------------------------------------------------------------------------

/** Has all elements that show a file show it anew; says whether there are any. */
function swapImages(file) {
  let isShown = false;
  const renew = (url) => {
    if (key(url) !== file) return url;
    isShown = true;
    return renewed(url);
  };
  for (const [selector, names] of Object.entries(IMAGES)) {
    for (const element of document.querySelectorAll(selector)) {
      for (const name of names) {
        const before = element.getAttribute(name);
        if (before === null) continue;
        const after = name === 'srcset' ? before.split(/(,?\s+)/).map(renew).join('') : renew(before);
        if (after !== before) element.setAttribute(name, after);
      }
    }
  }
  return isShown;
}

let uniques = 0;
/** The same file by another URL, which no cache knows, those of earlier pages included. */
function renewed(url) {
  const fresh = new URL(url, document.baseURI);
  fresh.searchParams.set('pagewire-fresh', `${Date.now().toString(36)}-${++uniques}`);
  return fresh.href;
}
