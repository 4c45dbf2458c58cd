/** Results of hooks, and their conversion for the wire. */

import { bodyBytes } from '../bytes.js';
import {
  ARRAY,
  BODY,
  BOOLEAN,
  COUNT,
  OBJECT,
  ONE_OR_MORE,
  PLAIN_OBJECT,
  TEXT,
  TEXTS,
  check,
  checkOptions,
  renamed,
  type Kind,
  type Shape,
} from '../check.js';
import type {
  Header,
  ResolvedImports,
  ServeResult,
  TransformResult,
} from '../generated/pagewire/v1/hooks.js';

/** Header fields to send. A repeated name has a list. Values are encoded as Latin-1 if possible, else as UTF-8. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** A response made by a plugin. */
export type Content = {
  /** A MIME type, or a file extension: `js`. Default: that of the path; text at a path without extension is `text/plain`. */
  readonly contentType?: string;
  /** @deprecated Renamed to `contentType`. */
  readonly type?: string;
  /** The HTTP status. Default 200. */
  readonly status?: number;
  /** Further headers. Hop-by-hop headers and `content-length` are refused: the page gets an error. */
  readonly headers?: Headers;
  /**
   * Lets the daemon cache the content for identical requests: until it is invalidated, a file it depends on changes, or
   * the plugin disconnects. Default false.
   */
  readonly remember?: boolean;
  /** Sends the content unchanged: without transforms and without injecting the client. Default false. */
  readonly verbatim?: boolean;
  /** Further files, as absolute paths, whose change makes the cached content stale. */
  readonly dependsOn?: readonly string[];
} & (
  | {
      /** The body; text is sent as UTF-8. */
      readonly body: string | Uint8Array;
    }
  | {
      /** A file that the daemon reads: an absolute path, inside a served root or the scratch folder. */
      readonly file: string;
    }
);

/** The plugin does not serve this request: the next plugin is called, or the file system. */
export interface Skip {
  /** Marks a skip. */
  readonly skip: true;
  /** Lets the daemon cache the skip for identical requests until it is invalidated. Default false. */
  readonly remember?: boolean;
}

/** The result of a serve handler. A string or bytes are a body; `undefined` and `null` skip. */
export type Served = string | Uint8Array | Content | Skip | null | undefined | void;

/** Changes to a response. Everything else of the response stays. */
export interface Change {
  /** The new body; text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
  /** The new MIME type, or a file extension. */
  readonly contentType?: string;
  /** @deprecated Renamed to `contentType`. */
  readonly type?: string;
  /** Headers to set, each replacing all of its name. */
  readonly headers?: Headers;
  /** Names of headers to remove first. */
  readonly removeHeaders?: readonly string[];
  /** Prevents caching: the plugin is called again for the next request. Default false. */
  readonly noCache?: boolean;
  /** Further files, as absolute paths, whose change makes the cached result stale. */
  readonly dependsOn?: readonly string[];
}

/** The result of a transform handler. A string or bytes are the new body; `undefined` and `null` change nothing. */
export type Transformed = string | Uint8Array | Change | null | undefined | void;

/** Resolved specifiers in the order of the imports; `undefined` and `null` leave an import to the next plugin. */
export type Specifiers = readonly (string | null | undefined)[];

/** Resolved specifiers with caching options. */
export interface Resolution {
  /** One per import, in the same order. */
  readonly specifiers: Specifiers;
  /** Prevents caching: the plugin is called again for the next request. Default false. */
  readonly noCache?: boolean;
  /** Further files, as absolute paths, whose change or appearance makes the cached result stale. */
  readonly dependsOn?: readonly string[];
}

/** The result of a resolveImport handler; `undefined` and `null` leave all imports to the next plugin. */
export type Resolved = Specifiers | Resolution | null | undefined | void;

const SERVED = 'the result of the serve handler';
const TRANSFORMED = 'the result of the transform handler';
/** Classes whose instances programs return by mistake, and that have no options of a result. */
const NO_RESULTS = [globalThis.Response, Blob, ArrayBuffer, ReadableStream];
const RESULT: Kind = {
  name: 'a string, a Uint8Array, an object or nothing',
  test: (value) => OBJECT.test(value) && !NO_RESULTS.some((type) => value instanceof type),
};
const RESULT_OF_IMPORTS: Kind = {
  name: 'an array, an object or nothing',
  test: OBJECT.test,
};
export const CONTENT: Shape<Content> = {
  body: BODY,
  file: TEXT,
  contentType: TEXT,
  type: renamed(TEXT, 'contentType'),
  status: COUNT,
  headers: PLAIN_OBJECT,
  remember: BOOLEAN,
  verbatim: BOOLEAN,
  dependsOn: TEXTS,
};
export const SKIPPED: Shape<Skip> = {
  skip: { name: 'true', test: (value) => value === true },
  remember: BOOLEAN,
};
export const CHANGE: Shape<Change> = {
  body: BODY,
  contentType: TEXT,
  type: renamed(TEXT, 'contentType'),
  headers: PLAIN_OBJECT,
  removeHeaders: TEXTS,
  noCache: BOOLEAN,
  dependsOn: TEXTS,
};
export const RESOLUTION: Shape<Resolution> = {
  specifiers: ARRAY,
  noCache: BOOLEAN,
  dependsOn: TEXTS,
};
const SPECIFIER: Kind = {
  name: 'a string, null or undefined',
  test: (value) => TEXT.test(value) || value === undefined || value === null,
};

/** Converts the result of a serve handler for the wire. */
export function fromServed(served: Served): ServeResult['outcome'] {
  if (served === undefined || served === null) return SKIP;
  if (isBody(served)) return content({ body: served });
  checkResult(SERVED, served);
  if ('skip' in served) {
    checkOptions(SERVED, served, SKIPPED);
    return { $case: 'skip', value: { remember: served.remember ?? false } };
  }
  checkOptions(SERVED, served, CONTENT);
  return content(served);
}

const SKIP = { $case: 'skip', value: { remember: false } } as const;

function content(given: Content): ServeResult['outcome'] {
  const { body, file } = given as { body?: string | Uint8Array; file?: string };
  if (body === undefined && file === undefined) {
    const remedy = 'add one, or return nothing to skip the request';
    throw new TypeError(
      `the result of the serve handler has no \`body\` and no \`file\` (${remedy})`,
    );
  }
  return {
    $case: 'content',
    value: {
      status: given.status ?? 0,
      contentType: contentTypeOf(given) ?? '',
      headers: given.headers === undefined ? [] : fromHeaders(given.headers, SERVED),
      body:
        body === undefined
          ? { $case: 'filePath', value: file ?? '' }
          : { $case: 'inlineBody', value: bodyBytes(body) },
      remember: given.remember ?? false,
      verbatim: given.verbatim ?? false,
      dependsOnFiles: given.dependsOn === undefined ? [] : [...given.dependsOn],
    },
  };
}

/** The content type under its current name or its old one. */
export function contentTypeOf(given: { contentType?: string; type?: string }): string | undefined {
  return given.contentType ?? given.type;
}

/** Fails with a `TypeError` unless the result of a handler is an object with options. */
export function checkResult(what: string, result: unknown): void {
  if (result instanceof globalThis.Response) {
    const remedy = 'return its parts, as in { body: await response.text() }';
    throw new TypeError(`${what} must be ${RESULT.name}, not a Response (${remedy})`);
  }
  check(what, result, RESULT);
}

/** Whether a result is a body by itself. */
export function isBody(result: unknown): result is string | Uint8Array {
  return BODY.test(result);
}

/** Converts the result of a transform handler for the wire. */
export function fromTransformed(transformed: Transformed): TransformResult['outcome'] {
  if (transformed === undefined || transformed === null) return SKIP;
  const change: Change = isBody(transformed) ? { body: transformed } : transformed;
  checkResult(TRANSFORMED, change);
  checkOptions(TRANSFORMED, change, CHANGE);
  return {
    $case: 'content',
    value: {
      body: change.body === undefined ? undefined : bodyBytes(change.body),
      contentType: contentTypeOf(change) ?? '',
      headers: change.headers === undefined ? [] : fromHeaders(change.headers, TRANSFORMED),
      removeHeaders: change.removeHeaders?.map((name) => name.toLowerCase()) ?? [],
      noCache: change.noCache ?? false,
      dependsOnFiles: change.dependsOn === undefined ? [] : [...change.dependsOn],
    },
  };
}

/** Converts the result of a resolveImport handler for `count` imports for the wire. */
export function fromResolved(resolved: Resolved, count: number): ResolvedImports {
  if (resolved === undefined || resolved === null) {
    return {
      specifiers: new Array<string>(count).fill(''),
      noCache: false,
      dependsOnFiles: [],
    };
  }
  const resolution: Resolution = ARRAY.test(resolved)
    ? { specifiers: resolved as Specifiers }
    : (resolved as Resolution);
  const what = 'the result of the resolveImport handler';
  check(what, resolution, RESULT_OF_IMPORTS);
  checkOptions(what, resolution, RESOLUTION);
  const { specifiers, noCache, dependsOn } = resolution;
  check(`\`specifiers\` of ${what}`, specifiers, ARRAY);
  for (const specifier of specifiers) check(`a specifier in ${what}`, specifier, SPECIFIER);
  if (specifiers.length !== count) {
    const remedy = 'return one for each, undefined for those left to the next plugin';
    throw new TypeError(
      `${what} has ${specifiers.length} specifiers for ${count} imports (${remedy})`,
    );
  }
  return {
    specifiers: Array.from(specifiers, (specifier) => specifier ?? ''),
    noCache: noCache ?? false,
    dependsOnFiles: dependsOn === undefined ? [] : [...dependsOn],
  };
}

/** Converts header fields for the wire. `what` names what has them in an error. */
export function fromHeaders(headers: Headers, what: string): Header[] {
  const fields: Header[] = [];
  for (const [given, values] of Object.entries(headers)) {
    const name = given.toLowerCase();
    check(`header \`${name}\` in ${what}`, values, ONE_OR_MORE);
    for (const value of typeof values === 'string' ? [values] : values) {
      // Latin-1 as in Node and browsers, unless characters would be lost.
      const encoding = /^[\0-\xff]*$/.test(value) ? 'latin1' : 'utf8';
      fields.push({ name, value: Buffer.from(value, encoding) });
    }
  }
  return fields;
}
