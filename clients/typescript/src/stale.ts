import type { InvalidateRequest } from './generated/pagewire/v1/hooks.js';
import { list, type OneOrMore } from './target.js';

/** What of remembered and cached results is stale: what any of these names. */
export interface Stale {
  /** Everything, of every plugin. */
  readonly all?: boolean;
  /** Results for these URL paths, whatever their query. Each begins with `/`. */
  readonly path?: OneOrMore;
  /** Results for URL paths that begin with one of these. Each begins with `/`. */
  readonly prefix?: OneOrMore;
  /** Whatever was made from these files: absolute paths. */
  readonly file?: OneOrMore;
  /** The pages that use any of it swap their styles or reload. Default false. */
  readonly refreshPages?: boolean;
}

/** What is stale, as the daemon takes it. */
export function fromStale(stale: Stale): InvalidateRequest {
  return {
    all: stale.all ?? false,
    exactPaths: list(stale.path ?? []),
    pathPrefixes: list(stale.prefix ?? []),
    filePaths: list(stale.file ?? []),
    refreshPages: stale.refreshPages ?? false,
  };
}
