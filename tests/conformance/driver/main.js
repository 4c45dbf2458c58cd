/** Runs the cases with the libraries, several at a time, and prints the matrix. */

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PAGEWIRE } from './daemon.js';
import { findLibraries } from './libraries.js';
import { printMarkdown, printMatrix, summary } from './matrix.js';
import { perform } from './steps.js';
import { brief } from './wait.js';
import { World } from './world.js';

const CASES = fileURLToPath(new URL('../cases', import.meta.url));
/** Cases at a time: a case mostly waits for processes to start. Default 4. */
const AT_A_TIME = Number(process.env.CONFORMANCE_JOBS ?? 4);

async function loadCases(words) {
  const names = (await readdir(CASES)).filter((name) => name.endsWith('.json')).sort();
  const wanted = names.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  return Promise.all(wanted.map(async (file) => {
    const text = await readFile(path.join(CASES, file), 'utf8');
    try {
      return { name: file.replace('.json', ''), ...JSON.parse(text) };
    } catch (error) {
      throw new Error(`${file}: ${error.message}`);
    }
  }));
}

/** How a case ends with a library: `{ms}`, with a `fault` when it failed. */
async function play(library, testCase) {
  const began = performance.now();
  const world = new World(library);
  let place = 'the beginning';
  let fault;
  try {
    await world.begin(testCase);
    for (const [index, step] of testCase.steps.entries()) {
      place = `step ${index + 1}, ${brief(step)}`;
      await Promise.race([perform(world, step), world.broken]);
    }
    place = 'the end';
    await world.end(false);
  } catch (error) {
    fault = `${place}\n    ${error.message}${world.report()}`;
    await world.end(true);
  }
  return { ms: Math.round(performance.now() - began), fault };
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
  if (cases.length === 0) throw new Error(`no case is named like ${values.case.join(' or ')}`);
  const say = (text) => console.error(text);
  const libraries = await findLibraries(positionals, say);

  const results = new Map(libraries.map((library) => [library.name, new Map()]));
  const work = async (tasks) => {
    for (let task = tasks.shift(); task; task = tasks.shift()) {
      const { library, testCase } = task;
      const result = library.fault ? { ms: 0, fault: library.fault } : await play(library, testCase);
      results.get(library.name).set(testCase.name, result);
      if (result.fault && !library.fault) say(`FAIL ${library.name} ${testCase.name}: ${result.fault}`);
    }
  };
  // Case by case, so that libraries with slow starts do not come last together.
  const tasks = (those) => those.flatMap((testCase) =>
    libraries.filter((library) => !library.absent).map((library) => ({ library, testCase })));
  const together = tasks(cases.filter(({ alone }) => !alone));
  await Promise.all(Array.from({ length: AT_A_TIME }, () => work(together)));
  await work(tasks(cases.filter(({ alone }) => alone)));

  if (values.markdown) printMarkdown(cases, libraries, results);
  else printMatrix(cases, libraries, results, values.times);
  const { text, failed } = summary(cases, libraries, results);
  say(text);
  return failed ? 1 : 0;
}

main().then((code) => { process.exitCode = code; }, (error) => {
  console.error(error.message);
  process.exitCode = 2;
});
