/** Runs the cases with the libraries, several concurrently, and prints the matrix. */

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PAGEWIRE } from './daemon.js';
import { prepareLibraries } from './libraries.js';
import { printMarkdown, printMatrix, summary } from './matrix.js';
import { perform } from './steps.js';
import { World } from './world.js';
import { brief } from '../../wait.js';

const CASES = fileURLToPath(new URL('../cases', import.meta.url));
/** Cases that run concurrently: a case mostly waits for processes to start. Default 4. */
const CONCURRENT_CASES = Number(process.env.CONFORMANCE_JOBS ?? 4);

async function loadCases(filters) {
  const names = (await readdir(CASES)).filter((name) => name.endsWith('.json')).sort();
  const selected = names.filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
  return Promise.all(selected.map(async (file) => {
    const text = await readFile(path.join(CASES, file), 'utf8');
    try {
      return { name: file.replace('.json', ''), ...JSON.parse(text) };
    } catch (error) {
      throw new Error(`${file}: ${error.message}`);
    }
  }));
}

/** Runs a case with a library; returns `{ms}`, with a `failure` when it failed. */
async function runCase(library, testCase) {
  const start = performance.now();
  const world = new World(library);
  let place = 'the beginning';
  let failure;
  try {
    await world.setUp(testCase);
    for (const [index, step] of testCase.steps.entries()) {
      place = `step ${index + 1}, ${brief(step)}`;
      await Promise.race([perform(world, step), world.failed]);
    }
    place = 'the end';
    await world.tearDown(false);
  } catch (error) {
    failure = `${place}\n    ${error.message}${world.report()}`;
    await world.tearDown(true);
  }
  return { ms: Math.round(performance.now() - start), failure };
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      case: { type: 'string', multiple: true, default: [] },
      markdown: { type: 'boolean', default: false },
      times: { type: 'boolean', default: false },
    },
  });
  if (!existsSync(PAGEWIRE)) throw new Error(`no daemon at ${PAGEWIRE} (build it, or set PAGEWIRE_BIN)`);
  const cases = await loadCases(values.case);
  if (cases.length === 0) throw new Error(`no case has a name that contains ${values.case.join(' or ')}`);
  const log = (text) => console.error(text);
  const libraries = await prepareLibraries(positionals, log);

  const results = new Map(libraries.map((library) => [library.name, new Map()]));
  const work = async (tasks) => {
    for (let task = tasks.shift(); task; task = tasks.shift()) {
      const { library, testCase } = task;
      const result = library.failure ? { ms: 0, failure: library.failure } : await runCase(library, testCase);
      results.get(library.name).set(testCase.name, result);
      if (result.failure && !library.failure) {
        log(`FAIL ${library.name} ${testCase.name}: ${result.failure}`);
      }
    }
  };
  // Ordered by case, so that libraries that start slowly are spread over the run.
  const tasks = (selected) => selected.flatMap((testCase) =>
    libraries.filter((library) => !library.skipped).map((library) => ({ library, testCase })));
  const concurrent = tasks(cases.filter(({ alone }) => !alone));
  await Promise.all(Array.from({ length: CONCURRENT_CASES }, () => work(concurrent)));
  await work(tasks(cases.filter(({ alone }) => alone)));

  if (values.markdown) printMarkdown(cases, libraries, results);
  else printMatrix(cases, libraries, results, values.times);
  const { text, failed } = summary(cases, libraries, results);
  log(text);
  return failed ? 1 : 0;
}

main().then((code) => { process.exitCode = code; }, (error) => {
  console.error(error.message);
  process.exitCode = 2;
});
