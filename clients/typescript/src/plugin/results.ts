/** Results of hooks, and their conversion for the wire. */

import { bodyBytes } from '../bytes.js';
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
  /** A MIME type, or a file extension: `js`. Default: derived from the path. */
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

/** Converts the result of a serve handler for the wire. */
export function fromServed(served: Served): ServeResult['outcome'] {
  if (served === undefined || served === null) return SKIP;
  if (typeof served === 'string' || served instanceof Uint8Array) return content({ body: served });
  if ('skip' in served) {
    return { $case: 'skip', value: { remember: served.remember ?? false } };
  }
  return content(served);
}

const SKIP = { $case: 'skip', value: { remember: false } } as const;

function content(given: Content): ServeResult['outcome'] {
  return {
    $case: 'content',
    value: {
      status: given.status ?? 0,
      contentType: given.type ?? '',
      headers: given.headers === undefined ? [] : fromHeaders(given.headers),
      body:
        'file' in given
          ? { $case: 'filePath', value: given.file }
          : { $case: 'inlineBody', value: bodyBytes(given.body) },
      remember: given.remember ?? false,
      verbatim: given.verbatim ?? false,
      dependsOnFiles: given.dependsOn === undefined ? [] : [...given.dependsOn],
    },
  };
}

/** Converts the result of a transform handler for the wire. */
export function fromTransformed(transformed: Transformed): TransformResult['outcome'] {
  if (transformed === undefined || transformed === null) return SKIP;
  const isBody = typeof transformed === 'string' || transformed instanceof Uint8Array;
  const change: Change = isBody ? { body: transformed } : transformed;
  return {
    $case: 'content',
    value: {
      body: change.body === undefined ? undefined : bodyBytes(change.body),
      contentType: change.type ?? '',
      headers: change.headers === undefined ? [] : fromHeaders(change.headers),
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
  const { specifiers, noCache, dependsOn }: Resolution =
    'specifiers' in resolved ? resolved : { specifiers: resolved };
  return {
    specifiers: Array.from(specifiers, (specifier) => specifier ?? ''),
    noCache: noCache ?? false,
    dependsOnFiles: dependsOn === undefined ? [] : [...dependsOn],
  };
}

function fromHeaders(headers: Headers): Header[] {
  const fields: Header[] = [];
  for (const [given, values] of Object.entries(headers)) {
    const name = given.toLowerCase();
    for (const value of typeof values === 'string' ? [values] : values) {
      // Latin-1 as in Node and browsers, unless characters would be lost.
      const encoding = /^[\0-\xff]*$/.test(value) ? 'latin1' : 'utf8';
      fields.push({ name, value: Buffer.from(value, encoding) });
    }
  }
  return fields;
}
