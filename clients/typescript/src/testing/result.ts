import { bodyBytes } from '../bytes.js';
import { checkOptions } from '../check.js';
import type { Awaitable } from '../plugin/plugin.js';
import {
  CHANGE,
  CONTENT,
  RESOLUTION,
  SKIPPED,
  checkResult,
  contentTypeOf,
  fromHeaders,
  isBody,
  type Change,
  type Content,
  type Resolution,
  type Resolved,
  type Served,
  type Skip,
  type Specifiers,
  type Transformed,
} from '../plugin/results.js';

/** What a handler returned, in one form for all hooks. Undefined = it did not return this part. */
export interface Result {
  /** Whether it returned nothing, or a skip. */
  readonly skipped: boolean;
  /** The body as text. */
  readonly body: string | undefined;
  /** The body as bytes. */
  readonly bytes: Uint8Array | undefined;
  /** The file that the daemon sends as the body. */
  readonly file: string | undefined;
  /** The MIME type, or the file extension. */
  readonly contentType: string | undefined;
  /** The HTTP status. Undefined = 200, and unchanged by a transform. */
  readonly status: number | undefined;
  /** The headers, with names in lower case; several values of a name are joined by commas. Empty = none. */
  readonly headers: Readonly<Record<string, string>>;
  /** The names of headers to remove. Empty = none. */
  readonly removeHeaders: readonly string[];
  /** Whether the daemon may cache content or a skip. */
  readonly remember: boolean;
  /** Whether content is sent unchanged. */
  readonly verbatim: boolean;
  /** Whether the daemon may not cache a change or resolved imports. */
  readonly noCache: boolean;
  /** The files on which the result depends. Empty = none. */
  readonly dependsOn: readonly string[];
  /** The resolved imports; undefined = left to the next plugin. Empty = none. */
  readonly specifiers: readonly (string | undefined)[];
}

/**
 * Waits for what a handler returned, and shows it in one form. An invalid option is a `TypeError`, as with the daemon.
 *
 * ```js
 * const page = await resultOf(handler(request({ path: '/notes.md' })));
 * assert.equal(page.contentType, 'text/html');
 * ```
 */
export async function resultOf(
  returned: Awaitable<Served | Transformed | Resolved>,
): Promise<Result> {
  const given = toFields(await returned);
  checkResult('the result of the handler', given);
  checkOptions('the result of the handler', given, SHAPE);
  const { body, status, file, removeHeaders = [], dependsOn = [], specifiers = [] } = given;
  const bytes = body === undefined ? undefined : bodyBytes(body);
  return {
    skipped: given.skip ?? false,
    body: bytes?.toString(),
    bytes,
    file,
    contentType: contentTypeOf(given),
    status,
    headers: toHeaders(given),
    removeHeaders: removeHeaders.map((name) => name.toLowerCase()),
    remember: given.remember ?? false,
    verbatim: given.verbatim ?? false,
    noCache: given.noCache ?? false,
    dependsOn,
    specifiers: specifiers.map((specifier) => specifier ?? undefined),
  };
}

const SHAPE = { ...CONTENT, ...SKIPPED, ...CHANGE, ...RESOLUTION };

type Fields = Partial<Content & Change & Resolution & Skip> & { file?: string };

function toFields(returned: Served | Transformed | Resolved): Fields {
  if (returned === undefined || returned === null) return { skip: true };
  if (isBody(returned)) return { body: returned };
  if (Array.isArray(returned)) return { specifiers: returned as Specifiers };
  return returned as Fields;
}

function toHeaders({ headers = {} }: Fields): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, value } of fromHeaders(headers, 'the result of the handler')) {
    const text = value.toString('latin1');
    found[name] = name in found ? `${found[name]}, ${text}` : text;
  }
  return found;
}
