// Renders Markdown as pages: open `/notes.md`. Needs the npm package `marked`.
//
// The text replaces `{{content}}` in the root's `layout.html`. With `pagewire serve --watch` a page reloads when its
// text or the layout is saved.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { marked } from 'marked';
import { Failure, run } from 'pagewire';

const PLACEHOLDER = '{{content}}';
/** Used while there is no `layout.html`. */
const DEFAULT_LAYOUT = '<!doctype html>\n<meta charset="utf-8">\n{{content}}';

let root = '.';

/** @type {import('pagewire').Plugin} */
export const plugin = {
  name: 'markdown',
  serverStart: ({ rootDirs }) => (root = rootDirs[0] ?? root),
  transform: {
    filter: { regex: '\\.md$' },
    handler: (response) => page(response, join(root, 'layout.html')),
  },
};

/**
 * @param {import('pagewire').TransformCall} response
 * @param {string} layoutFile
 */
export async function page(response, layoutFile) {
  const layout = await readLayout(layoutFile);
  if (!layout.includes(PLACEHOLDER)) {
    const text = `the layout has no ${PLACEHOLDER} (put it where the text belongs)`;
    throw new Failure(text, { dependsOn: [layoutFile] }).at(layoutFile);
  }
  const content = await marked(response.text());
  return {
    // A function, because `$` has a meaning in a text.
    body: layout.replace(PLACEHOLDER, () => content),
    contentType: 'text/html',
    // A layout that does not exist yet counts too: the page reloads once it is created.
    dependsOn: [layoutFile],
  };
}

/** @param {string} file */
async function readLayout(file) {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return DEFAULT_LAYOUT;
    throw error;
  }
}

// Not when a test imports this file.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run(plugin);
