/** What handlers of hooks return, and how the daemon takes it. */

import { bodyBytes } from '../bytes.js';
import type {
  Header,
  ResolvedImports,
  ServeResult,
  TransformResult,
} from '../generated/pagewire/v1/hooks.js';

/** Header fields to send. A name that is there twice has a list. Values are Latin-1, else UTF-8. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** A response made by a plugin. */
export type Content = {
  /** A MIME type, or a file extension: `js`. Default: derived from the path. */
  readonly type?: string;
  /** The HTTP status. Default 200. */
  readonly status?: number;
  /** Further headers. Hop-by-hop headers and `content-length` make the answer a failure. */
  readonly headers?: Headers;
  /**
   * The daemon may answer the same request itself from now on: until invalidated, a file it depends on changes,
   * or the plugin leaves. Default false.
   */
  readonly remember?: boolean;
  /** The page gets it as it is: no transform, no socket client put into it. Default false. */
  readonly verbatim?: boolean;
  /** Further files, as absolute paths, whose change makes a remembered answer stale. */
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

/** Not mine: the next plugin is asked, or the file system. */
export interface Skip {
  /** Says so. */
  readonly skip: true;
  /** Do not ask again for the same request until invalidated. Default false. */
  readonly remember?: boolean;
}

/** What a serve handler makes of a request. A text or bytes are a body; nothing skips. */
export type Served = string | Uint8Array | Content | Skip | null | undefined | void;

/** Changes to a response. What it does not mention stays. */
export interface Change {
  /** The new body; text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
  /** The new MIME type, or a file extension. */
  readonly type?: string;
  /** Headers to set, each replacing those of its name. */
  readonly headers?: Headers;
  /** Names of headers to remove before. */
  readonly removeHeaders?: readonly string[];
  /** Do not keep this result: ask again the next time. Default false. */
  readonly noCache?: boolean;
  /** Further files, as absolute paths, whose change makes a kept result stale. */
  readonly dependsOn?: readonly string[];
}

/** What a transform handler makes of a response. A text or bytes are the new body; nothing leaves it. */
export type Transformed = string | Uint8Array | Change | null | undefined | void;

/** What to import instead, in the order of the imports; nothing leaves one to the next plugin. */
export type Specifiers = readonly (string | null | undefined)[];

/** Specifiers, and how long they hold. */
export interface Resolution {
  /** One for each import, in the same order. */
  readonly specifiers: Specifiers;
  /** Do not keep this result: ask again the next time. Default false. */
  readonly noCache?: boolean;
  /** Further files, as absolute paths, whose change or appearance makes a kept result stale. */
  readonly dependsOn?: readonly string[];
}

/** What a resolveImport handler makes of a module's imports. Nothing leaves them all. */
export type Resolved = Specifiers | Resolution | null | undefined | void;

/** What was served, as the daemon takes it. */
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

/** What was transformed, as the daemon takes it. */
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

/** What was resolved of so many imports, as the daemon takes it. */
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
      // As Node and browsers write them, unless that would lose something.
      const encoding = /^[\0-\xff]*$/.test(value) ? 'latin1' : 'utf8';
      fields.push({ name, value: Buffer.from(value, encoding) });
    }
  }
  return fields;
}
