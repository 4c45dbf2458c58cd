import { inspect } from 'node:util';
import { BOOLEAN, ONE_OR_MORE, checkOptions, type Shape } from './check.js';
import type { RequestFilter } from './generated/pagewire/v1/hooks.js';
import { list, type OneOrMore } from './target.js';

/**
 * A filter of requests, evaluated in the daemon: a request that matches no filter is never sent to the plugin. A string is
 * one path.
 *
 * Paths are URL paths, percent-decoded, beginning with `/`. Regular expressions use RE2 syntax, unanchored. All given
 * conditions must hold; of a list, any item. The daemon refuses an invalid filter (`FIELD_INVALID`).
 *
 * ```js
 * '/virtual/hello.js'
 * { prefix: '/virtual/', except: '\\.css$' }
 * { all: true }
 * ```
 */
export type Filter =
  | string
  // A filter without a condition is refused: matching everything is explicit.
  | (FilterConditions &
      {
        [Name in 'path' | 'prefix' | 'regex' | 'file' | 'mime' | 'all']: Required<
          Pick<FilterConditions, Name>
        >;
      }['path' | 'prefix' | 'regex' | 'file' | 'mime' | 'all']);

/** The conditions of a filter. */
export interface FilterConditions {
  /** This path, or any of these. */
  readonly path?: OneOrMore;
  /** Paths with this prefix, such as `/virtual/`. */
  readonly prefix?: OneOrMore;
  /** Paths that match this regular expression, such as `\\.vue$`. */
  readonly regex?: OneOrMore;
  /** Requests for which the file system has this file, whatever their URL: an absolute path. */
  readonly file?: OneOrMore;
  /** Responses of this MIME type, without parameters: `text/css`, `text/*`. For `transform` only. */
  readonly mime?: OneOrMore;
  /** Every request. This is slow: each request waits for this plugin. */
  readonly all?: true;
  /** Excludes paths that match this regular expression. */
  readonly except?: OneOrMore;
  /** HTTP methods. Default GET and HEAD. */
  readonly methods?: OneOrMore;
}

/** One filter, or several, any of which may match. */
export type Filters = Filter | readonly Filter[];

const CONDITIONS: Shape<FilterConditions> = {
  path: ONE_OR_MORE,
  prefix: ONE_OR_MORE,
  regex: ONE_OR_MORE,
  file: ONE_OR_MORE,
  mime: ONE_OR_MORE,
  all: BOOLEAN,
  except: ONE_OR_MORE,
  methods: ONE_OR_MORE,
};

/** Converts filters for the wire. `what` names them in an error. */
export function fromFilters(filters: Filters, what = 'the filter'): RequestFilter[] {
  const several = Array.isArray(filters) ? (filters as readonly Filter[]) : [filters as Filter];
  return several.map((filter) => fromFilter(filter, what));
}

function fromFilter(filter: Filter, what: string): RequestFilter {
  if ((filter as unknown) instanceof RegExp) throw regExpError(what, filter as unknown as RegExp);
  if (typeof filter !== 'string') checkOptions(what, filter, CONDITIONS);
  const given: FilterConditions = typeof filter === 'string' ? { path: filter } : filter;
  refuseQuery(`\`path\` of ${what}`, given.path);
  refuseQuery(`\`prefix\` of ${what}`, given.prefix);
  return {
    matchAll: given.all ?? false,
    exactPaths: list(given.path ?? []),
    pathPrefixes: list(given.prefix ?? []),
    pathRegexes: list(given.regex ?? []),
    excludePathRegexes: list(given.except ?? []),
    methods: list(given.methods ?? []).map((name) => name.toUpperCase()),
    mimeTypes: list(given.mime ?? []),
    filePaths: list(given.file ?? []),
  };
}

function regExpError(what: string, { source, flags }: RegExp): TypeError {
  const text = source.replaceAll('\\/', '/');
  const inline = flags.includes('i') ? `(?i)${text}` : text;
  const shown = inspect(inline);
  return new TypeError(`${what} is a RegExp (use { regex: ${shown} }, in RE2 syntax)`);
}

/** Refuses a path with a query: paths are matched without it. A file's name may contain a question mark. */
function refuseQuery(what: string, paths: OneOrMore = []): void {
  for (const path of list(paths)) {
    const [, withoutQuery] = /^([^?]*)\?[\w.-]+=/.exec(path) ?? [];
    if (withoutQuery !== undefined) {
      const remedy = `use "${withoutQuery}", and the handler's \`query\``;
      throw new TypeError(`${what} has a query, which no path has: "${path}" (${remedy})`);
    }
  }
}
