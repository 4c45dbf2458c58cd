/** The client libraries, and whether they can be tested on this machine. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CLIENTS = fileURLToPath(new URL('../../../clients', import.meta.url));

/** The folder of each, and the program that it needs. */
const LIBRARIES = { rust: 'cargo', typescript: 'node', python: 'python3', go: 'go', java: 'java' };

/**
 * Prepares the libraries of these names, or all. One that cannot be tested has the reason as `skipped`, or, with
 * CI=true, as `failure`. A library whose preparation failed has a `failure` too.
 */
export async function prepareLibraries(names, log) {
  const unknown = names.find((name) => !(name in LIBRARIES));
  if (unknown) throw new Error(`unknown library: ${unknown} (known: ${Object.keys(LIBRARIES).join(', ')})`);
  const selected = names.length > 0 ? names : Object.keys(LIBRARIES);
  const libraries = [];
  // One after the other, because each build uses the whole machine.
  for (const name of selected) {
    const library = { name, runner: path.join(CLIENTS, name, 'runner') };
    const missing = await findMissing(name, LIBRARIES[name], library.runner);
    if (missing && process.env.CI === 'true') library.failure = missing;
    else if (missing) library.skipped = missing;
    else library.failure = await prepare(name, log);
    if (library.skipped) log(`skipped ${name}: ${library.skipped}`);
    if (library.failure) log(`FAIL ${name}: ${library.failure}`);
    libraries.push(library);
  }
  return libraries;
}

/** What this machine lacks for a library; `undefined` when it has everything. */
async function findMissing(name, tool, runner) {
  if (!existsSync(runner)) return `clients/${name}/runner does not exist`;
  const { code } = await run('/bin/sh', ['-c', `command -v ${tool}`]);
  return code === 0 ? undefined : `${tool} is not installed`;
}

/** Runs the script `prepare` of a library; returns why that failed, if it did. */
async function prepare(name, log) {
  const start = performance.now();
  const script = path.join(CLIENTS, name, 'prepare');
  if (!existsSync(script)) return undefined;
  const { code, output } = await run(script, []);
  if (code !== 0) return `clients/${name}/prepare exited with ${code}:\n${output.slice(-2000)}`;
  log(`prepared ${name} in ${Math.round(performance.now() - start)} ms`);
  return undefined;
}

function run(file, args) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { output += text; });
    child.on('error', (error) => resolve({ code: error.code, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
