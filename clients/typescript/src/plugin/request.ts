import { toBuffer } from '../bytes.js';
import { toDuration } from '../duration.js';
import { BodyTooLarge } from '../failure.js';
import type {
  Header,
  ImportSpecifier,
  RequestContext,
  ServeCall as WireServe,
} from '../generated/pagewire/v1/hooks.js';

/** An HTTP header field: its name in lower case, its value byte for byte as in Latin-1. */
export type HeaderField = readonly [name: string, value: string];

/** An HTTP request: the request to serve, the request that a response answers, or the request for a module. */
export interface PageRequest {
  /** The HTTP method, in upper case. */
  readonly method: string;
  /** The URL path: percent-decoded once, without dot segments, beginning with `/`. */
  readonly path: string;
  /** The query as received, without `?`. Empty = none. */
  readonly query: string;
  /** The request target as received, neither decoded nor normalised. */
  readonly rawTarget: string;
  /** The requested host, including the port. */
  readonly host: string;
  /** The headers requested with `forwardRequestHeaders`, in the order received. */
  readonly headers: readonly HeaderField[];
  /** The W3C trace context. Empty = none. */
  readonly traceparent: string;
  /** The file for this request, absolute, on the daemon's machine. Undefined = none. */
  readonly filePath: string | undefined;
}

/** One call of a hook. */
abstract class Call {
  /** Remaining time when the call arrived, in ms; later results are ignored. Undefined = unlimited. */
  readonly timeRemainingMs: number | undefined;
  #controller: AbortController | undefined;
  #reason: unknown;
  #isCancelled = false;

  constructor(timeRemainingMs: number | undefined) {
    this.timeRemainingMs = timeRemainingMs;
  }

  /** Aborts when the call is cancelled; its result is then discarded. */
  get signal(): AbortSignal {
    // Created on demand, because few calls are cancelled.
    this.#controller ??= new AbortController();
    if (this.#isCancelled) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** @internal */
  cancel(reason: unknown): void {
    this.#isCancelled = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** The argument of a serve handler: the request to serve. */
export class ServeCall extends Call implements PageRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly rawTarget: string;
  readonly host: string;
  readonly traceparent: string;
  readonly filePath: string | undefined;
  /** Whether the request has a body over the size limit of the hook. Reading it would be an error. */
  readonly bodyOmitted: boolean;
  readonly #call: WireServe;
  readonly #bodyLimit: number;
  readonly #headers: readonly Header[];

  /** @internal */
  constructor(call: WireServe, request: RequestContext, bodyLimit: number) {
    super(toDuration(call.timeRemaining));
    this.method = request.method;
    this.path = request.path;
    this.query = request.query;
    this.rawTarget = request.rawTarget;
    this.host = request.host;
    this.traceparent = request.traceparent;
    this.filePath = request.filePath || undefined;
    this.#headers = request.headers;
    this.bodyOmitted = call.bodyOmitted;
    this.#call = call;
    this.#bodyLimit = bodyLimit;
  }

  /**
   * The body. Empty = none. `text()` decodes it. Throws a `BodyTooLarge` if the request has a larger body than
   * `maxRequestBodyBytes` of the hook allows, so that the page gets status 413.
   */
  get body(): Uint8Array {
    const { body, bodyOmitted, omittedBodyBytes } = this.#call;
    if (bodyOmitted) throw new BodyTooLarge(omittedBodyBytes || undefined, this.#bodyLimit);
    return body;
  }

  get headers(): readonly HeaderField[] {
    return this.#headers.map(toField);
  }

  /** The body as text, from UTF-8. Throws as `body` does. */
  text(): string {
    return text(this.body);
  }

  /** The first header of this name (lower-case), of those requested with `forwardRequestHeaders`. */
  header(name: string): string | undefined {
    return this.#headers.find((header) => header.name === name)?.value.toString('latin1');
  }
}

/** The argument of a transform handler: the response. */
export class TransformCall extends Call {
  /** The request that the response answers. */
  readonly request: PageRequest;
  /** The response's MIME type with parameters. */
  readonly contentType: string;
  /** The response's complete uncompressed body. `text()` decodes it. */
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

  /** The response's headers, with content-type and without content-length. */
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

/** The argument of a resolveImport handler: the imports of one module. */
export class ResolveImportCall extends Call {
  /** The request for the importing module, or for the HTML page that contains it. */
  readonly importer: PageRequest;
  /**
   * The imports that match the hook's filters and that no earlier plugin has resolved, in source order. Never empty.
   */
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
  /** The specifier without quotes and escapes. */
  readonly specifier: string;
  /** Whether it is an `import()` expression instead of a static import or re-export. */
  readonly dynamic: boolean;
  /** The line of the specifier, from 1. */
  readonly line: number;
  /** The column of its first character (after the opening quote), from 1, in UTF-16 code units. */
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
