// Compiles TypeScript on request: `<script type="module" src="/clock.ts">`. Needs the npm package `typescript`.
//
// Types are removed and not checked; use an editor or `tsc` for that. JSX becomes imports of `react/jsx-runtime`.

import { pathToFileURL } from 'node:url';
import { Failure, run } from 'pagewire';
import ts from 'typescript';

/** @type {import('pagewire').Plugin} */
export const plugin = {
  name: 'typescript',
  transform: { filter: { regex: '\\.(ts|mts|tsx)$' }, handler: compile },
};

/** @type {import('typescript').CompilerOptions} */
const OPTIONS = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  jsx: ts.JsxEmit.ReactJSX,
  inlineSourceMap: true,
  inlineSources: true,
};

/** @param {import('pagewire').TransformCall} response */
export function compile(response) {
  const { filePath, path } = response.request;
  const file = filePath ?? path;
  const { outputText, diagnostics = [] } = ts.transpileModule(response.text(), {
    fileName: file,
    compilerOptions: OPTIONS,
    reportDiagnostics: true,
  });
  const [error] = diagnostics;
  if (error !== undefined) throw failure(error, file);
  return { body: outputText, contentType: 'text/javascript' };
}

/**
 * @param {import('typescript').Diagnostic} error
 * @param {string} file
 */
function failure({ messageText, file: source, start = 0 }, file) {
  const found = new Failure(ts.flattenDiagnosticMessageText(messageText, '\n'));
  if (source === undefined) return found.at(file);
  const { line, character } = source.getLineAndCharacterOfPosition(start);
  return found.at(file, line + 1, character + 1);
}

// Not when a test imports this file.
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run(plugin);
