/**
 * The vocabulary of the browser tests: a real daemon, real plugin processes, the real command line, and real
 * headless browsers (Chromium, and Firefox where a test says so). Nothing sleeps or polls: a test waits for a named
 * event, with a time limit.
 *
 *     claim('a page prints the message', async (world) => {
 *       const daemon = await world.daemon();
 *       const page = await world.page(daemon, '/');
 *       await daemon.cli('log', '--all', 'hello');
 *       await page.prints('hello');
 *     });
 */

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  missingBackend, missingChromium, missingFirefox, missingPython, missingTool, PYTHON_PACKAGES,
} from './harness/environment.js';
import { World } from './harness/world.js';

export { EXAMPLES, EXAMPLE_SITE, TESTS } from './harness/environment.js';
export { Record } from './harness/record.js';
export { until } from '../wait.js';

/** A test in Chromium with a world of its own, which is torn down however the test ends. */
export function claim(name, run) {
  claimUnless(missingChromium(), name, run);
}

/** The same in Firefox: its tabs are opened by `world.firefoxTab()`. */
export function claimInFirefox(name, run) {
  claimUnless(missingFirefox(), `Firefox: ${name}`, run);
}

/** The same in Chromium with a backend, which is started by `world.backend(backend)`. */
export function claimBehind(backend, name, run) {
  claimUnless(missingBackend(backend) ?? missingChromium(), `${backend}: ${name}`, run);
}

/** The same in Chromium with a Python package of the tests: `run` also gets the folder of the packages. */
export function claimWithPython(name, title, run) {
  claimUnless(missingPython(name) ?? missingChromium(), title, (world) => run(world, PYTHON_PACKAGES));
}

/** The same in Chromium with programs on PATH. */
export function claimWithTools(tools, name, run) {
  claimUnless(missingTool(tools) ?? missingChromium(), name, run);
}

/** Skips the test when something is missing on this machine; with CI=true that is a failure. */
function claimUnless(missing, name, run) {
  const skip = missing && process.env.CI !== 'true' ? missing : false;
  test(name, { skip }, async () => {
    if (missing) throw new Error(missing);
    const world = new World();
    let failure;
    try {
      world.directory = await mkdtemp(path.join(tmpdir(), 'pagewire-browser-'));
      await run(world);
    } catch (error) {
      failure = error;
      world.report();
    }
    await world.tearDown().catch((error) => { failure ??= error; });
    if (failure) throw failure;
  });
}
