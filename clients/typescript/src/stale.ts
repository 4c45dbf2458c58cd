import { BOOLEAN, ONE_OR_MORE, checkOptions, type Shape } from './check.js';
import type { InvalidateRequest } from './generated/pagewire/v1/hooks.js';
import { list, type OneOrMore } from './target.js';

/** The stale cached results of hooks: the union of these selections. */
export interface Stale {
  /** Everything, of every plugin. */
  readonly all?: boolean;
  /** Results for these URL paths, whatever their query. Each begins with `/`. */
  readonly path?: OneOrMore;
  /** Results for URL paths with one of these prefixes. Each begins with `/`. */
  readonly prefix?: OneOrMore;
  /** Results that depend on these files: absolute paths. */
  readonly file?: OneOrMore;
  /** Also refreshes the pages that use any of these results: they swap stylesheets or reload. Default false. */
  readonly refreshPages?: boolean;
}

const STALE: Shape<Stale> = {
  all: BOOLEAN,
  path: ONE_OR_MORE,
  prefix: ONE_OR_MORE,
  file: ONE_OR_MORE,
  refreshPages: BOOLEAN,
};

/** Converts a selection for the wire. */
export function fromStale(stale: Stale): InvalidateRequest {
  checkOptions('invalidate', stale, STALE);
  return {
    all: stale.all ?? false,
    exactPaths: list(stale.path ?? []),
    pathPrefixes: list(stale.prefix ?? []),
    filePaths: list(stale.file ?? []),
    refreshPages: stale.refreshPages ?? false,
  };
}
