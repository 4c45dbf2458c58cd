/**
 * Checks the packages and sites of `manifest/` with one daemon, and prints a line for each. Started by `run`, which
 * installs them.
 */

import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { World } from '../browser/harness/world.js';
import { checkEntry, write } from './entry.js';
import { refusedFiles } from './files.js';
import { ENTRIES } from './manifest/index.js';
import { Reference } from './reference.js';

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    reference: { type: 'boolean', default: false },
    files: { type: 'boolean', default: false },
    installed: { type: 'string' },
    'is-dozen': { type: 'boolean', default: false },
  },
});

const unknown = names.filter((name) => !ENTRIES.some((entry) => entry.name === name));
if (unknown.length > 0) {
  console.error(`no such entry: ${unknown.join(', ')}; there are ${ENTRIES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const entries = ENTRIES.filter(({ name, dozen }) => (names.length > 0 ? names.includes(name) : options.full || dozen));
if (options['is-dozen']) process.exit(entries.every(({ dozen }) => dozen) ? 0 : 1);

const root = path.resolve(options.installed);
const withReference = options.full || options.reference;
const counts = { passed: 0, failed: 0, gaps: 0 };

/** Prints the result of one check and counts it. */
function report(name, details, failures, gap) {
  const failed = failures.length > 0;
  if (gap && !failed) failures.push('the known gap is closed: remove it from the manifest');
  const result = gap && failed ? 'gaps' : failures.length > 0 ? 'failed' : 'passed';
  counts[result] += 1;
  console.log(`${{ passed: 'ok  ', failed: 'FAIL', gaps: 'gap ' }[result]} ${name.padEnd(26)} ${details}`);
  if (result === 'gaps') console.log(`       known: ${gap}`);
  for (const failure of failures) console.log(`       ${failure.replaceAll('\n', '\n       ')}`);
}

/** `lit 3.3.3, rxjs 7.8.2`. */
async function versions({ packages }) {
  const all = packages.map(async (name) => {
    const text = await readFile(path.join(root, 'node_modules', name, 'package.json'), 'utf8');
    return `${name} ${JSON.parse(text).version}`;
  });
  return (await Promise.all(all)).join(', ');
}

async function memory({ child }) {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

const world = new World();
world.directory = await mkdtemp(path.join(tmpdir(), 'pagewire-packages-'));
const reference = new Reference(root);
try {
  for (const entry of entries) await write(entry, root);
  const daemon = await world.daemon({ site: root, args: ['--node-resolve', '--watch'] });
  for (const entry of entries) {
    const failures = [];
    const started = performance.now();
    const { requests } = await checkEntry(world, daemon, root, entry).catch((error) => {
      failures.push(error.message);
      return { requests: error.requests };
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (withReference) {
      await write(entry, root);
      await reference.check(world, entry).catch((error) => failures.push(`reference server: ${error.message}`));
    }
    report(entry.name, `${seconds} s, ${requests ?? '?'} requests (${await versions(entry)})`, failures, entry.gap);
  }
  console.log(`The daemon holds ${await memory(daemon)} MiB after ${entries.length} packages and sites.`);
  if (options.full || options.files || names.length === 0) {
    const { requested, faults, large } = await refusedFiles(world, root);
    report('every installed file', `${requested} files requested`, faults);
    if (large.length > 0) {
      report('large bundles', `${large.length} warnings`, large, 'the parser may need more stack than it gets, so they load as they are');
    }
  }
} finally {
  await reference.close();
  await world.tearDown();
}
const gaps = counts.gaps > 0 ? ` (${counts.gaps} known gaps)` : '';
console.log(`${counts.passed} passed, ${counts.failed} failed${gaps}`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
