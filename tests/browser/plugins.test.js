/** The examples that process files, each run as a plugin of `serve --watch`, in a real browser. */

import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { claim, EXAMPLES, TESTS, until } from './harness.js';

const page = (head, body = '') =>
  `<!doctype html>\n<html><head><meta charset="utf-8"><link rel="icon" href="data:,">${head}</head><body>${body}</body></html>\n`;
const style = (href) => `<link rel="stylesheet" href="${href}">`;
const script = (src) => `<script type="module" src="${src}"></script>`;

/** A watching daemon, a plugin, and a function that saves files atomically, so that none is read half-written. */
async function start(world, plugin, files, options) {
  const site = await world.site(files);
  const daemon = await world.daemon({ site, args: ['--watch'] });
  const process = await world.plugin(daemon, plugin, options);
  const save = async (name, text) => {
    const draft = path.join(site, `${name}~`);
    await writeFile(draft, text);
    await rename(draft, path.join(site, name));
  };
  return { site, daemon, process, save };
}

/** Waits until an element has this color. */
const hasColor = (tab, selector, color) => until(`the color ${color} of ${selector}`, tab.page.waitForFunction(
  ([of, expected]) => document.querySelector(of) && getComputedStyle(document.querySelector(of)).color === expected,
  [selector, color]));

/** Types into the page's field, so that a reload becomes visible. */
async function typeName(tab) {
  await until('the page to load', tab.page.waitForLoadState('load'));
  await tab.page.fill('#name', 'typed');
}

const typedName = (tab) => tab.page.inputValue('#name');

/** The browser's console message that a resource failed to load. */
const failsToLoad = (tab, file, from = 0) => tab.console.first(`an error about ${file}`,
  ({ type, text, url }) => type === 'error' && text.includes('500') && new URL(url).pathname === file, from);

claim('markdown: a page combines text and layout, and reloads when either is saved', async (world) => {
  const { daemon, save } = await start(world, 'markdown', {
    'layout.html': page('', '<nav>first layout</nav><main>{{content}}</main>'),
    'notes.md': '# Notes\n\nfirst *text*\n',
  });
  const tab = await world.page(daemon, '/notes.md');
  await tab.shows('first layout');
  const main = () => tab.evaluate(() => document.querySelector('main').innerHTML);
  assert.equal(await main(), '<h1>Notes</h1>\n<p>first <em>text</em></p>\n');
  await tab.after(() => save('notes.md', '| a | b |\n|---|---|\n| second | text |\n'));
  await tab.shows('second');
  assert.match(await main(), /<td>second<\/td>/);
  await tab.after(() => save('layout.html', page('', '<main>second layout {{content}}</main>')));
  await tab.shows('second layout');
  assert.match(await main(), /<td>second<\/td>/);
});

claim('markdown: the layout may be added later; a layout without a place for the text is an error', async (world) => {
  const { daemon, save } = await start(world, 'markdown', { 'notes.md': 'the text' });
  const tab = await world.page(daemon, '/notes.md');
  await tab.shows('the text');
  await tab.after(() => save('layout.html', page('', 'a layout')));
  await tab.shows('the layout has no {{content}}');
  await tab.after(() => save('layout.html', page('', 'a whole layout: {{content}}')));
  await tab.shows('a whole layout: the text');
});

claim('typescript: modules run as JavaScript with source maps', async (world) => {
  const app = `import { type Named, Color } from './part.ts';
import type { Nothing } from './not-there.ts';
const named: Named = { name: Color[Color.Green]! };
document.body.append(\`runs \${named.name satisfies string}\`);
export type { Nothing };
`;
  const { daemon } = await start(world, 'typescript', {
    'index.html': page(script('/app.ts')),
    'app.ts': app,
    'part.ts': 'export interface Named { name: string }\nexport enum Color { Red, Green }\n',
    'element.tsx': '/** @jsxRuntime classic @jsx element */\n'
      + 'const element = (name: string, _: unknown, text: string) => `${name} of ${text}`;\n'
      + 'export default <h1>JSX</h1>;\n',
  });
  const tab = await world.page(daemon);
  await tab.shows('runs Green');
  assert.equal(await tab.evaluate(async () => (await import('/element.tsx')).default), 'h1 of JSX');
  const { type, text } = await tab.evaluate(async () => {
    const response = await fetch('/app.ts');
    return { type: response.headers.get('content-type'), text: await response.text() };
  });
  assert.equal(type, 'text/javascript; charset=utf-8');
  const [, encoded] = /\n\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,(\S+)\n$/.exec(text);
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString());
  assert.deepEqual(map.sources, ['app.ts']);
  assert.deepEqual(map.sourcesContent, [app]);
});

claim('typescript: a syntax error is shown with its location, and pages recover by themselves', async (world) => {
  const { site, daemon, save } = await start(world, 'typescript', {
    'index.html': page(script('/app.ts')),
    'app.ts': 'import { text } from "./part.ts";\ndocument.body.append(text as string);\n',
    'part.ts': 'export const text: string = "before";\n',
  });
  const tab = await world.page(daemon);
  await tab.shows('before');
  const from = tab.console.entries.length;
  await tab.after(() => save('part.ts', '// é\nexport const text: string = ;\n'));
  await failsToLoad(tab, '/part.ts', from);
  // The URL that the console links to explains the error.
  const explained = await world.page(daemon, '/part.ts');
  await explained.shows('plugin typescript failed: Unexpected token');
  await explained.shows(`${path.join(site, 'part.ts')}:2:29`);
  await explained.shows('export const text: string = ;');
  await tab.after(() => save('part.ts', 'export const text: string = "after";\n'));
  await tab.shows('after');
  await explained.shows('sourceMappingURL');
});

claim('typescript: a page that starts with a syntax error recovers too', async (world) => {
  const { daemon, save } = await start(world, 'typescript', {
    'index.html': page(script('/app.ts')),
    'app.ts': 'import "./part.ts";\n',
    'part.ts': 'let a: = 1;\n',
  });
  const tab = await world.page(daemon);
  await failsToLoad(tab, '/part.ts');
  await tab.after(() => save('part.ts', 'document.body.append("mended" as string);\n'));
  await tab.shows('mended');
});

claim('env: only public variables are exports of the module', async (world) => {
  const odd = '</script>"\\\n`${1}`\u2028é';
  const { daemon, process } = await start(world, 'env', {
    'index.html': page('<script type="module">import { MODE } from "/env.js"; document.body.append(`mode ${MODE}`);</script>'),
  }, { env: { PUBLIC_MODE: 'test', PUBLIC_ODD: odd, PUBLIC_class: 'reserved', 'PUBLIC_NO-NAME': 'x', PUBLIC_1: 'x', SECRET: 'x' } });
  const tab = await world.page(daemon);
  await tab.shows('mode test');
  const variables = await tab.evaluate(async () => ({ ...await import('/env.js') }));
  assert.deepEqual(variables, { MODE: 'test', ODD: odd, class: 'reserved' });
  for (const name of ['PUBLIC_NO-NAME', 'PUBLIC_1']) {
    await process.stderr.first(`the warning that ${name} is left out`, (line) => line.startsWith(`${name} is left out`));
  }
  // It was called once, although several modules import it.
  const other = await world.page(daemon);
  await other.shows('mode test');
  const [plugin] = await daemon.rows('plugins');
  assert.equal(plugin.plugin_name, 'env');
  assert.equal(plugin.calls, 1);
});

/** The npm package sass is installed with the tests. */
const SASS = { args: [TESTS] };

claim('sass: the style is swapped when any of its source files is saved', async (world) => {
  const { daemon, save } = await start(world, 'sass', {
    'index.html': page(style('/style.scss'), '<h1>title</h1><input id="name">'),
    'style.scss': '@use "parts/colors";\nh1 { color: colors.$first; input + & { color: red } }\ninput { color: colors.mixed(10) }\n',
    // It contributes nothing to the result.
    'parts/_colors.scss': '@use "numbers";\n$first: rgb(1, 0, 0);\n@function mixed($red) { @return rgb($red, numbers.$green, 0) }\n',
    'parts/_numbers.scss': '$green: 1;\n',
  }, SASS);
  const tab = await world.page(daemon);
  await hasColor(tab, 'h1', 'rgb(1, 0, 0)');
  await hasColor(tab, 'input', 'rgb(10, 1, 0)');
  await typeName(tab);
  await save('parts/_numbers.scss', '$green: 2;\n');
  await hasColor(tab, 'input', 'rgb(10, 2, 0)');
  await save('parts/_colors.scss', '$first: rgb(3, 0, 0);\n@function mixed($red) { @return rgb($red, 3, 0) }\n');
  await hasColor(tab, 'h1', 'rgb(3, 0, 0)');
  await hasColor(tab, 'input', 'rgb(10, 3, 0)');
  await save('style.scss', '@use "parts/colors";\nh1 { color: colors.mixed(4) }\n');
  await hasColor(tab, 'h1', 'rgb(4, 3, 0)');
  assert.equal(await typedName(tab), 'typed');
});

claim('sass: an error message is shown, and the style returns once the error is fixed', async (world) => {
  const { daemon, save } = await start(world, 'sass', {
    'index.html': page(style('/style.scss'), '<h1>title</h1>'),
    'style.scss': '@use "part";\nh1 { color: part.$color }\n',
    '_part.scss': '$color: rgb(1, 0, 0);\n',
  }, SASS);
  const tab = await world.page(daemon);
  await hasColor(tab, 'h1', 'rgb(1, 0, 0)');
  await tab.evaluate(() => { globalThis.isSameDocument = true; });
  await save('_part.scss', '$color: rgb(2, 0, 0)\n$other: {;\n');
  // The page keeps its current style and prints the reason.
  await tab.console.first('the message of sass', ({ text }) => text.includes('expected ";".'));
  await hasColor(tab, 'h1', 'rgb(1, 0, 0)');
  const explained = await world.page(daemon, '/style.scss');
  await explained.shows('plugin sass failed: expected ";".');
  await explained.shows('_part.scss 2:7');
  await save('_part.scss', '$color: rgb(3, 0, 0);\n');
  await hasColor(tab, 'h1', 'rgb(3, 0, 0)');
  assert.equal(await tab.evaluate(() => globalThis.isSameDocument), true);
});

claim('sass: a missing command or package is named together with the remedy', async (world) => {
  const files = { 'style.scss': 'h1 { color: red }\n' };
  const { daemon } = await start(world, 'sass', files, { args: [world.directory] });
  const withoutPackage = await world.page(daemon, '/style.scss');
  await withoutPackage.shows('the npm package sass is not installed in');
  await withoutPackage.shows('(npm install --save-dev sass)');
  const other = await start(world, 'sass', files, { ...SASS, env: { PATH: world.directory } });
  const withoutNode = await world.page(other.daemon, '/style.scss');
  await withoutNode.shows('cannot run node');
  await withoutNode.shows('(install Node.js)');
});

/** The editor example with a typing user. */
async function startEditor(world, files) {
  const { site, process, ...others } = await start(world, 'editor', files);
  const type = (file, text) => process.writeLine(JSON.stringify({ file: path.join(site, file), text }));
  return { site, process, type, undo: (file) => type(file, null), ...others };
}

claim('editor: pages act on unsaved text and on its removal', async (world) => {
  const { daemon, type, undo, process } = await startEditor(world, {
    'index.html': page(style('style.css') + script('app.js'), '<h1>saved title</h1><input id="name">'),
    'style.css': 'h1 { color: rgb(1, 0, 0) }',
    'app.js': 'import { text } from "./part.js"; document.body.append(text);',
    'part.js': 'export const text = "saved text";',
  });
  const tab = await world.page(daemon);
  await hasColor(tab, 'h1', 'rgb(1, 0, 0)');
  await tab.shows('saved text');
  await typeName(tab);
  for (const red of [2, 3]) {
    type('style.css', `h1 { color: rgb(${red}, 0, 0) }`);
    await hasColor(tab, 'h1', `rgb(${red}, 0, 0)`);
  }
  assert.equal(await typedName(tab), 'typed');
  await tab.after(() => type('part.js', 'export const text = "typed text";'));
  await tab.shows('typed text');
  await tab.after(() => type('index.html', page(style('style.css'), '<h1>typed title</h1><input id="name">')));
  await tab.shows('typed title');
  await hasColor(tab, 'h1', 'rgb(3, 0, 0)');
  await typeName(tab);
  undo('style.css');
  await hasColor(tab, 'h1', 'rgb(1, 0, 0)');
  assert.equal(await typedName(tab), 'typed');
  await tab.after(() => undo('index.html'));
  await tab.shows('typed text');
  await tab.shows('saved title');
  // The editor is closed with a buffer that was never saved.
  await tab.after(() => process.child.stdin.end());
  await tab.shows('saved text');
});

claim('editor: other plugins transform unsaved text as they transform files', async (world) => {
  const { daemon, type, undo } = await startEditor(world, {
    'index.html': page(style('/style.scss') + script('/app.ts'), '<h1>title</h1><input id="name">'),
    'style.scss': '@use "part";\nh1 { color: part.$color }\n',
    '_part.scss': '$color: rgb(1, 0, 0);\n',
    'app.ts': 'document.body.append("saved" as string);\n',
  });
  await world.plugin(daemon, 'typescript');
  await world.plugin(daemon, 'sass', SASS);
  const tab = await world.page(daemon);
  await tab.shows('saved');
  await hasColor(tab, 'h1', 'rgb(1, 0, 0)');
  await typeName(tab);
  type('style.scss', '@use "part";\nh1 { color: rgba(part.$color, 0.5) }\n');
  await hasColor(tab, 'h1', 'rgba(1, 0, 0, 0.5)');
  assert.equal(await typedName(tab), 'typed');
  const from = tab.console.entries.length;
  await tab.after(() => type('app.ts', 'let a: ;\n'));
  await failsToLoad(tab, '/app.ts', from);
  await tab.after(() => type('app.ts', 'document.body.append("typed" as string);\n'));
  await tab.shows('typed');
  await tab.after(() => undo('app.ts'));
  await tab.shows('saved');
});

claim('a saved plugin is restarted, and the page that uses it is refreshed and shows it', async (world) => {
  const script = (mode) => `PUBLIC_MODE=${mode} exec '${path.join(EXAMPLES, 'env')}'\n`;
  const site = await world.site({
    'index.html': page('<script type="module">import { MODE } from "/env.js"; document.body.append(`mode ${MODE}`);</script>'),
    'other.html': page('', '<p>another page</p><input id="name">'),
    'plugin.sh': script('one'),
    'pagewire.toml': "[[plugin]]\ncommand = 'sh plugin.sh'\nrequired = true\n",
  });
  const daemon = await world.daemon({ site, args: ['--watch'] });
  const save = (text) => writeFile(path.join(site, 'plugin.sh'), text);
  const tab = await world.page(daemon);
  await tab.shows('mode one');
  const other = await world.page(daemon, '/other.html');
  await typeName(other);
  await tab.after(() => save(script('two')));
  await tab.shows('mode two');
  // A plugin that does not start leaves its pages alone.
  await typeName(other);
  const failed = daemon.stderr.first('the error of the plugin', (line) => line.includes('not found') && line.includes('syntax-error'));
  await save('syntax-error\n');
  await failed;
  await tab.after(() => save(script('three')));
  await tab.shows('mode three');
  assert.equal(await typedName(other), 'typed', 'the page of a file was not reloaded');
});
