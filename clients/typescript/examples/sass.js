// Compiles Sass: `<link rel="stylesheet" href="/theme.scss">`. Needs the npm package `sass`.
//
// With `pagewire serve --watch` a page swaps the style when the stylesheet or one that it uses is saved.

import { fileURLToPath, pathToFileURL } from 'node:url';
import { Failure, run } from 'pagewire';
import { Exception, compileStringAsync } from 'sass';

/** @type {import('pagewire').Plugin} */
export const plugin = {
  name: 'sass',
  transform: { filter: { regex: '\\.scss$' }, handler: compile },
};

/** @param {import('pagewire').TransformCall} response */
export async function compile(response) {
  const { filePath } = response.request;
  if (filePath === undefined) throw new Failure('only files can be compiled: none has this path');
  try {
    // The response, which may be an editor's unsaved text, and not the file's content.
    const url = pathToFileURL(filePath);
    const { css, loadedUrls } = await compileStringAsync(response.text(), { url });
    const dependsOn = loadedUrls.map((url) => fileURLToPath(url));
    return { body: css, contentType: 'text/css', dependsOn };
  } catch (error) {
    throw error instanceof Exception ? failure(error, filePath) : error;
  }
}

/**
 * @param {Exception} error
 * @param {string} filePath
 */
function failure({ sassMessage, sassStack, span }, filePath) {
  const file = span.url === undefined ? filePath : fileURLToPath(span.url);
  const { line, column } = span.start;
  const more = { frame: span.context ?? '', stack: sassStack, dependsOn: [file] };
  return new Failure(sassMessage, more).at(file, line + 1, column + 1);
}

// Not when a test imports this file.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run(plugin);
