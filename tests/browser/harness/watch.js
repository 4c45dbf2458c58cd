/** The vocabulary of tests in which files are changed. */

import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { until } from '../harness.js';

export const page = (title, body = '', head = '') =>
  `<!doctype html>\n<html><head><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,">${head}</head>`
  + `<body><h1>${title}</h1>${body}</body></html>\n`;
export const square = (color, side = 10) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="100%" height="100%" fill="${color}"/></svg>`;

/** A watching daemon, a function that saves its files, and a page in which a reload is visible. */
export async function start(world, files, ...args) {
  const site = await world.site({ 'index.html': page('start'), ...files });
  const daemon = await world.daemon({ site, args: ['--watch', ...args] });
  // Saves atomically, because pages may also be notified of a half-written file.
  const save = async (name, text) => {
    const draft = path.join(site, `${name}~`);
    await writeFile(draft, text);
    await rename(draft, path.join(site, name));
  };
  return { site, daemon, save };
}

/** A tab whose document is loaded and marked. */
export async function open(world, daemon, location = '/') {
  const tab = await world.page(daemon, location);
  await mark(tab);
  return tab;
}

export async function mark(tab) {
  await until('the page to load', tab.page.waitForLoadState('load'));
  await tab.evaluate(() => { globalThis.isSameDocument = true; });
}

export const isSame = (tab) => tab.evaluate(() => globalThis.isSameDocument === true);

/** Waits until an expression in the page is true. */
export const holds = (tab, what, expression) => until(what, tab.page.waitForFunction(expression));
export const color = (selector, value) =>
  `getComputedStyle(document.querySelector('${selector}')).color === '${value}'`;
