// Writes the programs of README.md to build/readme; `check` compiles them and runs the first one. Fails if a program
// that is also an example differs from its file, which `check` compiles and runs.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const folder = new URL('../build/readme/', import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const programs = [...readme.matchAll(/^```ts\n(.*?)^```/gms)];
for (const [number, program] of programs.entries()) {
  writeFileSync(new URL(`program-${number}.ts`, folder), program[1] ?? '');
}
const examples = [...readme.matchAll(/^<!-- file: (\S+) -->\n\n```js\n(.*?)^```/gms)];
assert.ok(examples.length > 0, 'README.md shows no example');
for (const [, path, program] of examples) {
  const file = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  assert.equal(program, file, `README.md differs from ${path}`);
}
console.log(`programs: ${programs.length}, examples: ${examples.length}`);
