import type { RequestFilter } from './generated/pagewire/v1/hooks.js';
import { list, type OneOrMore } from './target.js';

/**
 * Which requests a hook is asked about. Evaluated in the daemon: what no filter matches never leaves it. A text
 * is one path.
 *
 * Paths are URL paths, percent-decoded, beginning with `/`. Regular expressions are RE2 syntax, unanchored. What
 * is given must all match; of several in a list any may. The daemon refuses what makes no sense (`FIELD_INVALID`).
 *
 * ```js
 * '/virtual/hello.js'
 * { prefix: '/virtual/', except: '\\.css$' }
 * { all: true }
 * ```
 */
export type Filter =
  | string
  // One without a condition is refused: everything has to be said.
  | (FilterConditions &
      {
        [Name in 'path' | 'prefix' | 'regex' | 'file' | 'mime' | 'all']: Required<
          Pick<FilterConditions, Name>
        >;
      }['path' | 'prefix' | 'regex' | 'file' | 'mime' | 'all']);

/** What a filter says. */
export interface FilterConditions {
  /** This path, or any of these. */
  readonly path?: OneOrMore;
  /** Paths that begin with this: `/virtual/` say. */
  readonly prefix?: OneOrMore;
  /** Paths that this is found in: `\\.vue$` say. */
  readonly regex?: OneOrMore;
  /** Requests that the file system would answer with this file, whatever their URL: an absolute path. */
  readonly file?: OneOrMore;
  /** Responses of this MIME type, without parameters: `text/css`, `text/*`. For `transform` only. */
  readonly mime?: OneOrMore;
  /** Every request. The slow path: each one then waits for this plugin. */
  readonly all?: true;
  /** Not the paths that this is found in. */
  readonly except?: OneOrMore;
  /** HTTP methods, upper-case. Default GET and HEAD. */
  readonly methods?: OneOrMore;
}

/** One filter, or several of which any may match. */
export type Filters = Filter | readonly Filter[];

/** Filters as the daemon takes them. */
export function fromFilters(filters: Filters): RequestFilter[] {
  const several = Array.isArray(filters) ? (filters as readonly Filter[]) : [filters as Filter];
  return several.map(fromFilter);
}

function fromFilter(filter: Filter): RequestFilter {
  const given: FilterConditions = typeof filter === 'string' ? { path: filter } : filter;
  return {
    matchAll: given.all ?? false,
    exactPaths: list(given.path ?? []),
    pathPrefixes: list(given.prefix ?? []),
    pathRegexes: list(given.regex ?? []),
    excludePathRegexes: list(given.except ?? []),
    methods: list(given.methods ?? []),
    mimeTypes: list(given.mime ?? []),
    filePaths: list(given.file ?? []),
  };
}
