// Writes the programs of README.md to build/readme; `check` compiles them and runs the first one.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const folder = new URL('../build/readme/', import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const programs = [...readme.matchAll(/^```ts\n(.*?)^```/gms)];
for (const [number, program] of programs.entries()) {
  writeFileSync(new URL(`program-${number}.ts`, folder), program[1] ?? '');
}
console.log(`${programs.length} programs`);
