/** All packages and sites, with their kind. */

import { COMMONJS } from './commonjs.js';
import { MODULES } from './modules.js';
import { SITES } from './sites.js';
import { WIDGETS } from './widgets.js';

const of = (kind) => (entry) => ({ kind, ...entry });

/**
 * An entry has a `name`, the `packages` that are installed for it (versions are in the lock files), `body`, `head`,
 * `style`, `script` and `files` of its page, and `holds`, an expression that becomes true in the page. `dozen`: it is
 * checked by `.ci/run`. `copy`: a package whose files are the site. `noise`: errors in the console that are no fault.
 * `gap`: why it is known to fail.
 */
export const ENTRIES = [
  ...MODULES.map(of('esm')), ...WIDGETS.map(of('esm')), ...COMMONJS.map(of('commonjs')), ...SITES.map(of('site')),
];
