import { toBuffer } from '../bytes.js';
import type { Header, ImportSpecifier, RequestContext } from '../generated/pagewire/v1/hooks.js';

/** An HTTP header field: its name in lower case, its value byte for byte as in Latin-1. */
export type HeaderField = readonly [name: string, value: string];

/** A page's request. */
export interface PageRequest {
  /** The HTTP method, upper-case. */
  readonly method: string;
  /** The URL path: percent-decoded once, without dot segments, beginning with `/`. */
  readonly path: string;
  /** The query as received, without `?`. Empty = none. */
  readonly query: string;
  /** The request target as received, neither decoded nor normalised. */
  readonly rawTarget: string;
  /** The host it was asked of, port included. */
  readonly host: string;
  /** The headers that `forwardRequestHeaders` asks for, in the order received. */
  readonly headers: readonly HeaderField[];
  /** The W3C trace context. Empty = none. */
  readonly traceparent: string;
  /** The file that would answer it, absolute, on the daemon's machine. Undefined = there is none. */
  readonly filePath: string | undefined;
}

/** One call of a hook. */
abstract class Call {
  /** Time that was left when the call arrived, in ms; later answers are ignored. Undefined = unlimited. */
  readonly timeRemainingMs: number | undefined;
  #given: AbortController | undefined;
  #reason: unknown;
  #over = false;

  constructor(timeRemainingMs: number | undefined) {
    this.timeRemainingMs = timeRemainingMs;
  }

  /** Aborts when nobody waits for the answer any more, which is then thrown away. */
  get signal(): AbortSignal {
    // Made for who asks: most handlers are done before anybody gives them up.
    this.#given ??= new AbortController();
    if (this.#over) this.#given.abort(this.#reason);
    return this.#given.signal;
  }

  /** @internal */
  cancel(reason: unknown): void {
    this.#over = true;
    this.#reason = reason;
    this.#given?.abort(reason);
  }
}

/** What a serve handler gets: the request to answer. */
export class ServeCall extends Call implements PageRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly rawTarget: string;
  readonly host: string;
  readonly traceparent: string;
  readonly filePath: string | undefined;
  /** The body, if `maxRequestBodyBytes` asks for bodies. Empty = none, or left out. `text()` reads it. */
  readonly body: Uint8Array;
  /** It had a body that is larger than the plugin asks for. */
  readonly bodyOmitted: boolean;
  readonly #headers: readonly Header[];

  /** @internal */
  constructor(
    request: RequestContext,
    timeRemainingMs: number | undefined,
    body: Buffer,
    bodyOmitted: boolean,
  ) {
    super(timeRemainingMs);
    this.method = request.method;
    this.path = request.path;
    this.query = request.query;
    this.rawTarget = request.rawTarget;
    this.host = request.host;
    this.traceparent = request.traceparent;
    this.filePath = request.filePath || undefined;
    this.#headers = request.headers;
    this.body = body;
    this.bodyOmitted = bodyOmitted;
  }

  get headers(): readonly HeaderField[] {
    return this.#headers.map(toField);
  }

  /** The body as text, from UTF-8. */
  text(): string {
    return text(this.body);
  }

  /** The first header of this name, in lower case; of those that `forwardRequestHeaders` asks for. */
  header(name: string): string | undefined {
    return this.#headers.find((header) => header.name === name)?.value.toString('latin1');
  }
}

/** What a transform handler gets: the response to change. */
export class TransformCall extends Call {
  /** The request that it is for. */
  readonly request: PageRequest;
  /** Its MIME type, parameters included. */
  readonly contentType: string;
  /** Its body, whole and uncompressed. `text()` reads it. */
  readonly body: Uint8Array;
  readonly #headers: readonly Header[];

  /** @internal */
  constructor(
    request: RequestContext,
    timeRemainingMs: number | undefined,
    contentType: string,
    headers: readonly Header[],
    body: Buffer,
  ) {
    super(timeRemainingMs);
    this.request = toPageRequest(request);
    this.contentType = contentType;
    this.#headers = headers;
    this.body = body;
  }

  /** Its headers, content-type included and content-length not. */
  get headers(): readonly HeaderField[] {
    return this.#headers.map(toField);
  }

  /** The first header of this name, in lower case. */
  header(name: string): string | undefined {
    return this.#headers.find((header) => header.name === name)?.value.toString('latin1');
  }

  /** The body as text, from UTF-8. */
  text(): string {
    return text(this.body);
  }
}

/** What a resolveImport handler gets: the imports of one module. */
export class ResolveImportCall extends Call {
  /** The request for the importing module, or for the HTML page of an inline one. */
  readonly importer: PageRequest;
  /** Those that match and nobody resolved before, in source order. At least one. */
  readonly imports: readonly ImportedSpecifier[];

  /** @internal */
  constructor(
    importer: RequestContext,
    timeRemainingMs: number | undefined,
    imports: readonly ImportSpecifier[],
  ) {
    super(timeRemainingMs);
    this.importer = toPageRequest(importer);
    this.imports = imports;
  }
}

/** One import in a module's source. */
export interface ImportedSpecifier {
  /** The specifier as the source means it, without quotes and escapes. */
  readonly specifier: string;
  /** An `import()` expression, not a static import or re-export. */
  readonly dynamic: boolean;
  /** Its line, from 1. */
  readonly line: number;
  /** Its column behind the quote, from 1, in UTF-16 code units. */
  readonly column: number;
}

function toPageRequest(request: RequestContext): PageRequest {
  const { headers, filePath, ...rest } = request;
  return { ...rest, headers: headers.map(toField), filePath: filePath || undefined };
}

function text(bytes: Uint8Array): string {
  return toBuffer(bytes).toString();
}

function toField({ name, value }: Header): HeaderField {
  return [name, value.toString('latin1')];
}
