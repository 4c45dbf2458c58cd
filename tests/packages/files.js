/**
 * Requests every module of the installed packages as a browser would, and finds those that the daemon refuses to
 * parse although Node parses them.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, copyFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Requests at the same time: as many as a browser has connections. */
const CONCURRENT = 6;

/** As the header of requests for modules. */
const HEADERS = { 'sec-fetch-dest': 'script', 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' };

/** What the log says about a file that was not parsed, after its name. */
const REFUSAL = /(?<file>[^\s"]+?\.m?js)(?::\d+)*.*(?:nested too deeply|too large|not enough memory)/;

/** The parser's stack is enough for every file up to this size. Denser and larger ones load, but are not analysed. */
const LARGE_BYTES = 5_000_000;

/**
 * Returns the number of requested files, and a line for each that was refused for its depth or size: `large` are
 * those of more than LARGE_BYTES.
 */
export async function refusedFiles(world, root) {
  const daemon = await world.daemon({ site: root, args: ['--node-resolve'] });
  const files = await modulesOf(path.join(root, 'node_modules'));
  const faults = [];
  const large = [];
  let next = 0;
  const worker = async () => {
    while (next < files.length) {
      const file = files[next];
      next += 1;
      const url = path.relative(root, file).split(path.sep).map(encodeURIComponent).join('/');
      const response = await fetch(`${daemon.origin}/${url}`, { headers: HEADERS });
      await response.arrayBuffer();
      if (response.status !== 200) faults.push(`${url}: status ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  // Its log is complete then.
  await daemon.stop();
  const folder = await mkdtemp(path.join(world.directory, 'refused-'));
  for (const line of daemon.stderr.entries) {
    const file = REFUSAL.exec(line)?.groups.file;
    if (!file || !await parsesInNode(file, folder)) continue;
    const { size } = await stat(file);
    (size > LARGE_BYTES ? large : faults).push(line);
  }
  return { requested: files.length, faults, large };
}

async function modulesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && /\.m?js$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

async function parsesInNode(file, folder) {
  if (!await stat(file).catch(() => undefined)) return true;
  for (const name of ['copy.mjs', 'copy.cjs']) {
    const copy = path.join(folder, name);
    await copyFile(file, copy);
    const parsed = await promisify(execFile)(process.execPath, ['--check', copy]).then(() => true, () => false);
    if (parsed) return true;
  }
  return false;
}
