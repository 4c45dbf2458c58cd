import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { response, resultOf, startDaemon } from 'pagewire/testing';
import { compile, plugin } from './typescript.js';

test('the handler removes types and names the place of an error', async () => {
  const request = { path: '/a.ts' };
  const result = await resultOf(
    compile(response({ request, body: 'export const n: number = 1;' })),
  );
  assert.match(result.body ?? '', /^export const n = 1;\n\/\/# sourceMappingURL=data:/);
  assert.equal(result.contentType, 'text/javascript');
  assert.throws(() => compile(response({ request, body: 'const a = 1;\nconst = 2;' })), {
    message: 'Variable declaration expected.',
    place: { file: '/a.ts', line: 2, column: 7 },
  });
});

test('a page gets JavaScript', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'typescript-'));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'a.ts'), 'export const n: number = 1;');
  const daemon = await startDaemon({ root, t });
  await daemon.run(plugin);
  const script = await fetch(`${daemon.url}/a.ts`);
  assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/);
  assert.match(await script.text(), /^export const n = 1;/);
});
