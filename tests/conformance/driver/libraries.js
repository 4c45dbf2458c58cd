/** The client libraries, and whether they can be tried on this machine. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const CLIENTS = fileURLToPath(new URL('../../../clients', import.meta.url));

/** The folder of each, and the program without which it cannot run. */
const LIBRARIES = { rust: 'cargo', typescript: 'node', python: 'python3', go: 'go', java: 'java' };

/**
 * The libraries of these names, or all; prepared. One that cannot be tried has `absent`, the reason;
 * with CI=true that is a `fault`, as is a library that could not be prepared.
 */
export async function findLibraries(names, say) {
  const unknown = names.find((name) => !(name in LIBRARIES));
  if (unknown) throw new Error(`no library ${unknown} (there are ${Object.keys(LIBRARIES).join(', ')})`);
  const wanted = names.length > 0 ? names : Object.keys(LIBRARIES);
  const libraries = [];
  // One after the other: they want all of the machine.
  for (const name of wanted) {
    const library = { name, runner: path.join(CLIENTS, name, 'runner') };
    const absent = await why(name, LIBRARIES[name], library.runner);
    if (absent && process.env.CI === 'true') library.fault = absent;
    else if (absent) library.absent = absent;
    else library.fault = await prepare(name, say);
    if (library.absent) say(`skipped ${name}: ${library.absent}`);
    if (library.fault) say(`FAIL ${name}: ${library.fault}`);
    libraries.push(library);
  }
  return libraries;
}

async function why(name, tool, runner) {
  if (!existsSync(runner)) return `clients/${name}/runner is not there`;
  const { code } = await run('/bin/sh', ['-c', `command -v ${tool}`]);
  return code === 0 ? undefined : `${tool} is not installed`;
}

async function prepare(name, say) {
  const began = performance.now();
  const script = path.join(CLIENTS, name, 'prepare');
  if (!existsSync(script)) return undefined;
  const { code, output } = await run(script, []);
  if (code !== 0) return `clients/${name}/prepare ended with ${code}:\n${output.slice(-2000)}`;
  say(`prepared ${name} in ${Math.round(performance.now() - began)} ms`);
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
