import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { response, resultOf, startDaemon } from 'pagewire/testing';
import { compile, plugin } from './sass.js';

test('the handler compiles a stylesheet and names the place of an error', async () => {
  const request = { path: '/a.scss', filePath: '/site/a.scss' };
  const result = await resultOf(compile(response({ request, body: 'a { b { c: d } }' })));
  assert.equal(result.body, 'a b {\n  c: d;\n}');
  assert.equal(result.contentType, 'text/css');
  assert.deepEqual(result.dependsOn, ['/site/a.scss']);
  const failing = compile(response({ request, body: 'a {\n  b: $none;\n}' }));
  await assert.rejects(failing, ({ message, place }) => {
    assert.equal(message, 'Undefined variable.');
    const { file, line, column } = place;
    assert.deepEqual([file, line, column], ['/site/a.scss', 2, 6]);
    return true;
  });
});

test('a stylesheet is compiled again when one that it uses has changed', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'sass-'));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, '_colors.scss'), '$accent: crimson;');
  await writeFile(join(root, 'a.scss'), "@use 'colors'; a { color: colors.$accent }");
  const daemon = await startDaemon({ root, t });
  await daemon.run(plugin);
  const get = async () => (await fetch(`${daemon.url}/a.scss`)).text();
  assert.match(await get(), /color: crimson/);
  await writeFile(join(root, '_colors.scss'), '$accent: navy;');
  assert.match(await get(), /color: navy/);
});
