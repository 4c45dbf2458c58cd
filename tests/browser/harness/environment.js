/** Paths of the programs under test and of what they need, and the environment in which they run. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const PAGEWIRE = path.resolve(process.env.PAGEWIRE_BIN ?? path.join(ROOT, 'target/debug/pagewire'));
/** The folder of the compiled examples. */
export const EXAMPLES = path.join(path.dirname(PAGEWIRE), 'examples');
export const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
export const FIREFOX = process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr';

/** The folder with the npm packages of the tests. */
export const TESTS = path.join(ROOT, 'tests');
/** The site that comes with the examples. */
export const EXAMPLE_SITE = path.join(ROOT, 'examples/site');

const backendFile = (name) => path.join(ROOT, 'tests/backends', name);
const python = (file) => ['/usr/bin/env', 'python3', file];
/** The folder of the Python packages of the tests, which `tests/run` installs. */
export const PYTHON_PACKAGES = path.join(ROOT, 'target/backends');

/**
 * The sites of `tests/backends`: how they are started, the folder of the packages they need, and the folder of
 * their sources if they run in a copy of it.
 */
export const BACKENDS = {
  django: { program: python('manage.py'), packages: PYTHON_PACKAGES, sources: backendFile('django_site') },
  flask: { program: python('app.py'), packages: PYTHON_PACKAGES, sources: backendFile('flask_site') },
  jupyterlab: {
    program: python(backendFile('jupyterlab_site.py')),
    packages: PYTHON_PACKAGES,
    sources: backendFile('jupyterlab_site'),
  },
  aiohttp: {
    program: python(backendFile('aiohttp_site.py')),
    packages: PYTHON_PACKAGES,
  },
  express: {
    program: [process.execPath, backendFile('express_site.js')],
    packages: path.join(ROOT, 'tests/node_modules'),
  },
};

const missingBrowser = (name, file, variable) =>
  (existsSync(file) ? undefined : `no ${name} at ${file} (set ${variable})`);

/** Why Chromium is not available; `undefined` when it is. */
export const missingChromium = () => missingBrowser('Chromium', CHROMIUM, 'CHROMIUM_BIN');

/** Why Firefox is not available; `undefined` when it is. */
export const missingFirefox = () => missingBrowser('Firefox', FIREFOX, 'FIREFOX_BIN');

/** Why a package in a folder is not available; `undefined` when it is. */
function missingPackage(folder, name) {
  const installed = path.join(folder, name);
  return existsSync(installed) ? undefined : `no ${name} at ${installed} (tests/run installs it)`;
}

/** Why a backend is not available; `undefined` when it is. */
export const missingBackend = (name) => missingPackage(BACKENDS[name].packages, name);

/** Why a Python package is not available; `undefined` when it is. */
export const missingPython = (name) => missingPackage(PYTHON_PACKAGES, name);

/** Why one of these programs is not available; `undefined` when all are on PATH. */
export function missingTool(names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const missing = names.find((name) => !folders.some((folder) => existsSync(path.join(folder, name))));
  return missing && `${missing} is not installed`;
}

/** The environment of a test's programs, without settings of the person at this machine. */
export function cleanEnvironment(folder) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PAGEWIRE_'));
  return { ...Object.fromEntries(inherited), XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder };
}
