/**
 * Loads a React application with twenty dependencies from Pagewire, from Vite, and, with the modules as Pagewire
 * serves them, from nginx, and prints a table. Started by `tests/packages/run --compare`; needs nginx.
 *
 *     node main.js INSTALLED [ROUNDS [PAGE]]
 *
 * PAGE is `index.html`, or `icons.html` for the application with a package of some two thousand modules.
 *
 * A load is measured from the start of the navigation until the application has rendered and reported it. "first" has
 * empty caches in the server and in the browser, "again" is a reload in the same browser profile, "new browser" has
 * an empty browser cache, and so has "restarted", whose server was started again. "start" is the time until the
 * server is ready, at first and when it was restarted.
 */

import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHROMIUM } from '../../browser/harness/environment.js';
import { Loader } from './loads.js';
import { mirrorOf, NGINX, PAGEWIRE, VITE } from './servers.js';

const [installed, rounds = '3', page = 'index.html'] = process.argv.slice(2);
const root = path.resolve(installed);
const app = path.join(root, 'compare-app');
const scratch = await mkdtemp(path.join(tmpdir(), 'pagewire-compare-'));
// nginx that is started by root serves files as another user.
await chmod(scratch, 0o755);
const COLUMNS = ['start', 'first', 'again', 'new browser', 'start again', 'restarted'];

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** One round of one server: a figure for each column, or undefined where there is none. */
async function measure(loader, server, site) {
  await server.forget(site);
  const figures = [];
  for (const isFirst of [true, false]) {
    const started = performance.now();
    const running = await server.start(site);
    figures.push(performance.now() - started);
    const url = running.url + page;
    try {
      const context = await loader.context();
      figures.push(await context.load(url));
      if (isFirst) figures.push(await context.load(url));
      await context.close();
      if (isFirst) {
        const other = await loader.context();
        figures.push(await other.load(url));
        await other.close();
      }
    } finally {
      await running.stop();
    }
  }
  return figures;
}

await rm(app, { recursive: true, force: true });
await cp(fileURLToPath(new URL('app', import.meta.url)), app, { recursive: true });
const site = { root, app, page, scratch, mirror: path.join(scratch, 'mirror') };
const loader = await Loader.launch(CHROMIUM);
try {
  await mkdir(site.mirror);
  const mirrored = await mirrorOf(loader, site);
  for (const [name, body] of mirrored) {
    const file = path.join(site.mirror, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, body);
  }
  const servers = [PAGEWIRE, VITE, NGINX];
  const results = new Map(servers.map((server) => [server, []]));
  for (let round = 0; round < Number(rounds); round += 1) {
    for (const server of servers) results.get(server).push(await measure(loader, server, site));
  }
  console.log(`| ms (median of ${rounds}) | ${COLUMNS.join(' | ')} |\n| --- |${' ---: |'.repeat(COLUMNS.length)}`);
  for (const [server, figures] of results) {
    const cells = COLUMNS.map((_, column) => Math.round(median(figures.map((row) => row[column]))));
    console.log(`| ${server.name} | ${cells.join(' | ')} |`);
  }
  console.log(`${mirrored.size - 1} modules and stylesheets as Pagewire serves them.`);
} finally {
  await loader.close();
  await rm(scratch, { recursive: true, force: true });
  await rm(app, { recursive: true, force: true });
}
