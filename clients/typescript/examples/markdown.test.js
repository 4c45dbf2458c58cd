import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { response, resultOf, startDaemon } from 'pagewire/testing';
import { page, plugin } from './markdown.js';

test('the handler renders Markdown', async () => {
  const result = await resultOf(page(response({ body: '# Notes' }), '/no/layout.html'));
  assert.match(result.body ?? '', /<h1>Notes<\/h1>/);
  assert.equal(result.contentType, 'text/html');
  assert.deepEqual(result.dependsOn, ['/no/layout.html']);
});

test('a page shows Markdown in the layout, and an error of the layout', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'markdown-'));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'notes.md'), '# Notes');
  const layout = join(root, 'layout.html');
  await writeFile(layout, '<main>{{content}}</main>');

  const daemon = await startDaemon({ root, t });
  await daemon.run(plugin);

  const shown = await fetch(`${daemon.url}/notes.md`);
  assert.match(await shown.text(), /<main><h1>Notes<\/h1>\s*<\/main>/);

  await writeFile(layout, '<main></main>');
  const failed = await fetch(`${daemon.url}/notes.md`);
  assert.equal(failed.status, 500);
  assert.match(await failed.text(), /the layout has no {{content}}/);
});
