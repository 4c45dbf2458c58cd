/** One entry of the manifest: its files, and what happens when its page is loaded and its files are edited. */

import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TIMEOUT_MS, until } from '../wait.js';

/** The largest packages have thousands of modules, and the machine may be busy. */
export const LOAD_MS = 300_000;

const page = ({ name, head = '', body = '', stylesheet = 'style.css', main = 'main.js', isClassic = false }) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${name}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${stylesheet}">
${head}
</head>
<body>
${body}
<script ${isClassic ? '' : 'type="module" '}src="${main}"></script>
</body>
</html>
`;

/** The stylesheet and the script of an entry, which are edited. */
const edited = ({ stylesheet = 'style.css', main = 'main.js' }) => ({ stylesheet, main });

/** What a stylesheet and a script of each edition end with. */
const styleEdition = (edition) => `\n:root { --edition: ${edition}; }\n`;
const scriptEdition = (edition) => `\nglobalThis.edition = ${edition};\n`;

/**
 * Writes the site of an entry to a folder below `root`, which has `node_modules`: the copied package, if any, then
 * the entry's own files.
 */
export async function write(entry, root) {
  const folder = path.join(root, entry.name);
  const { stylesheet, main } = edited(entry);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  if (entry.copy) await cp(path.join(root, 'node_modules', entry.copy), folder, { recursive: true });
  const existing = (name) => readFile(path.join(folder, name), 'utf8').catch(() => '');
  const files = {
    ...(entry.copy ? {} : { 'index.html': page(entry) }),
    [stylesheet]: entry.style ?? await existing(stylesheet),
    [main]: entry.script ?? await existing(main),
    ...entry.files,
  };
  files[stylesheet] += styleEdition(1);
  files[main] += scriptEdition(1);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

/** Replaces the end of a file of an entry as editors do: atomically. */
async function edit(root, entry, name, editionOf) {
  const file = path.join(root, entry.name, name);
  const text = await readFile(file, 'utf8');
  await writeFile(`${file}~`, text.slice(0, -editionOf(1).length) + editionOf(2));
  await rename(`${file}~`, file);
}

/** Resolves once an expression is true in the page; while it cannot be evaluated, it is not. */
export async function becomesTrue(page, expression, ms) {
  const guarded = `(() => { try { return Boolean(${expression}); } catch { return false; } })()`;
  try {
    await until(expression, page.waitForFunction(guarded, undefined, { timeout: 0 }), ms);
  } catch (error) {
    throw new Error(`${expression} does not hold: ${error.message.split(',')[0]}`);
  }
}

/** Waits for the page's hello, whose client is loaded after the page's own modules. */
const hello = (tab, from) => tab.hellos.first('the hello of the page', ({ top_level: isTop }) => isTop, from, LOAD_MS);

/** Rejects with the first error in the console that is not noise; never resolves. */
function firstError(page, noise) {
  return new Promise((_, reject) => {
    const report = (text, url) => {
      const error = url ? `${text} (${new URL(url).pathname})` : text;
      // Browsers request the icon by themselves.
      if (!noise.some((pattern) => pattern.test(error)) && !error.endsWith('(/favicon.ico)')) reject(new Error(error));
    };
    page.on('pageerror', (error) => report(String(error)));
    page.on('console', (message) => { if (message.type() === 'error') report(message.text(), message.location().url); });
  });
}

/**
 * Loads the page of an entry, then edits its stylesheet, which must be swapped, and its script, which must reload the
 * page once. Rejects at the first thing that does not happen, and at any error in the console that is not one of
 * `entry.noise`.
 */
export async function checkEntry(world, daemon, root, entry) {
  const logged = daemon.stderr.entries.length;
  const tab = await world.page(daemon, null);
  let requests = 0;
  tab.page.on('request', () => { requests += 1; });
  const failed = firstError(tab.page, entry.noise ?? []);
  const orError = (promise) => Promise.race([promise, failed]);
  const { stylesheet, main } = edited(entry);
  try {
    await tab.page.goto(`${daemon.origin}/${entry.name}/`, { waitUntil: 'commit', timeout: LOAD_MS });
    await orError(hello(tab, 0));
    await orError(becomesTrue(tab.page, entry.holds, LOAD_MS));
    await orError(becomesTrue(tab.page, 'document.readyState === "complete" && globalThis.edition === 1', LOAD_MS));
    const loaded = requests;

    await tab.evaluate(() => { globalThis.isSameDocument = true; });
    const hellos = tab.hellos.entries.length;
    await edit(root, entry, stylesheet, styleEdition);
    const style = 'getComputedStyle(document.documentElement).getPropertyValue("--edition")';
    await orError(becomesTrue(tab.page, `${style} === "2"`, TIMEOUT_MS));
    if (!await tab.evaluate(() => globalThis.isSameDocument)) throw new Error(`saving ${stylesheet} reloaded the page`);

    await edit(root, entry, main, scriptEdition);
    await orError(hello(tab, hellos));
    await orError(becomesTrue(tab.page, `globalThis.edition === 2 && (${entry.holds})`, LOAD_MS));
    await tab.settled();
    const reloads = tab.hellos.entries.length - hellos;
    if (reloads !== 1) throw new Error(`saving ${main} reloaded the page ${reloads} times`);
    return { requests: loaded };
  } catch (error) {
    const log = daemon.stderr.entries.slice(logged).filter((line) => /WARN|ERROR/.test(line)).slice(0, 5);
    throw Object.assign(new Error([error.message, ...log].join('\n')), { requests });
  } finally {
    await tab.page.close();
  }
}
