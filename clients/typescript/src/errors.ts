import { status, type Metadata, type StatusObject } from '@grpc/grpc-js';
import type { Daemon } from './daemon.js';
import { BadRequest, ErrorInfo, Status } from './generated/google/rpc/status.js';
import type { FiltersUpdated } from './generated/pagewire/v1/hooks.js';

/** The domain of the reasons in the daemon's errors. */
const REASON_DOMAIN = 'pagewire.v1';

/** The trailer that holds an error's details. */
const DETAILS_TRAILER = 'grpc-status-details-bin';

/** The name of a gRPC status code, such as `INVALID_ARGUMENT`. */
export type Code = Exclude<keyof typeof status, 'OK'>;

/**
 * The kind of an error:
 *
 * - `rpc`: the daemon refused or ended a call: see `code`, `reason` and `violations`
 * - `endpoint`, `token_file`: the endpoint, or its token file, is invalid
 * - `no_daemon`, `several_daemons`: no daemon was named, and none is running or several match
 * - `connect`: no daemon responds at the endpoint
 * - `disconnected`: the connection was lost; whether the call took effect is unknown
 * - `plugin`: a plugin is declared wrongly, or its `serverStart` or `serverStop` failed (`cause`)
 */
export type ErrorKind =
  | 'rpc'
  | 'endpoint'
  | 'token_file'
  | 'no_daemon'
  | 'several_daemons'
  | 'connect'
  | 'disconnected'
  | 'plugin';

/** A field of a request that the daemon refused. */
export interface FieldViolation {
  /** Path of the field in the request, such as `target.ids.socket_ids`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/** Why an operation failed. A problem at a single page is never an error, but a row of the operation's report. */
export class PagewireError extends Error {
  /** Identifies it where `instanceof` does not work. */
  override readonly name = 'PagewireError';
  /** The kind of the error. */
  readonly kind: ErrorKind;
  /** The gRPC status code of an `rpc` error. Only `UNAVAILABLE` is worth a retry. */
  readonly code: Code | undefined;
  /**
   * The daemon's machine-readable reason of an `rpc` error, such as `PLUGIN_NAME_TAKEN`. Undefined when the error
   * comes from the gRPC library (an oversized message).
   */
  readonly reason: string | undefined;
  /** The invalid fields, with `FIELD_INVALID`. Else empty. */
  readonly violations: readonly FieldViolation[];
  /** The candidates of `several_daemons`. Else empty. */
  readonly daemons: readonly Daemon[];

  /** @internal What happened, without the remedy: for a text that has a remedy of its own. */
  readonly problem: string;

  /** @internal */
  constructor(
    kind: ErrorKind,
    message: string,
    more: {
      problem?: string;
      code?: Code;
      reason?: string | undefined;
      violations?: readonly FieldViolation[];
      daemons?: readonly Daemon[];
      cause?: unknown;
    } = {},
  ) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined);
    this.kind = kind;
    this.problem = more.problem ?? message;
    this.code = more.code;
    this.reason = more.reason;
    this.violations = more.violations ?? [];
    this.daemons = more.daemons ?? [];
    // A printed error shows enumerable fields after its text. The text contains the violations and daemons.
    hideFields(this, ['problem', 'violations', 'daemons']);
  }
}

/** Makes these fields of an error, and all undefined ones, not enumerable, so that a printed error does not show them. */
export function hideFields(error: Error, names: readonly string[] = []): void {
  for (const [name, value] of Object.entries(error)) {
    if (value === undefined || names.includes(name)) {
      Object.defineProperty(error, name, { enumerable: false });
    }
  }
}

/** The same error of the daemon with a text that begins with its context, such as the hook. */
export function inContext(context: string, error: PagewireError): PagewireError {
  const { kind, message, code, reason, violations, daemons } = error;
  return new PagewireError(kind, `${context}: ${message}`, {
    ...(code && { code }),
    reason,
    violations,
    daemons,
  });
}

/** An error of the daemon from the parts of its status. */
export function rpcError(
  code: Code,
  reason: string | undefined,
  message: string,
  violations: readonly FieldViolation[] = [],
): PagewireError {
  let text = message || code;
  for (const { field, description } of violations) {
    if (!text.includes(description)) text += `; ${field}: ${description}`;
  }
  text += reason ? ` (${code}/${reason})` : ` (${code})`;
  return new PagewireError('rpc', text, { code, reason: reason || undefined, violations });
}

/** The name of a status code. */
export function codeName(code: number): Code {
  const name = status[code];
  return name === undefined || name === 'OK' ? 'UNKNOWN' : (name as Code);
}

/** The frame of gRPC around the reason why it could not connect. */
const NO_CONNECTION =
  /^No connection established\. Last error: (?:Error: )?(.*)\. Resolution note:.*$/;

/** Converts the status of a call. */
export function statusError({ code, details, metadata }: StatusObject): PagewireError {
  const name = codeName(code);
  const { reason, violations } = readDetails(metadata);
  if (reason === undefined && isTransport(name, details)) {
    const problem = details.replace(NO_CONNECTION, '$1');
    return new PagewireError(
      'disconnected',
      `lost the connection to the daemon: ${problem} (see its log; connect again once it is running)`,
      { problem },
    );
  }
  if (reason === undefined && name === 'DEADLINE_EXCEEDED') return deadlineError();
  return rpcError(name, reason, details, violations);
}

/** Converts the answer to an update of filters: the error if it was refused. */
export function toRefusal({ error }: FiltersUpdated): PagewireError | undefined {
  return (
    error && rpcError(codeName(error.code), error.reason, error.message, error.fieldViolations)
  );
}

/** The error of a deadline that passed on this side. */
export function deadlineError(): PagewireError {
  const message = 'the deadline passed before the daemon responded';
  return rpcError('DEADLINE_EXCEEDED', 'DEADLINE', message);
}

/** The error of a stream that violates the contract. */
export function unexpected(what: string): PagewireError {
  const remedy = "check that the daemon's version matches this library's";
  const problem = `unexpected response of the daemon: ${what}`;
  return new PagewireError('disconnected', `${problem} (${remedy})`, { problem });
}

/** Whether a status without a reason was created by this side of the connection instead of the daemon. */
function isTransport(code: Code, details: string): boolean {
  switch (code) {
    case 'UNAVAILABLE':
    case 'CANCELLED':
      return true;
    case 'INTERNAL':
    case 'UNKNOWN':
      return /RST_STREAM|internal client error|GOAWAY|closed/i.test(details);
    default:
      return false;
  }
}

function readDetails(metadata: Metadata): { reason?: string; violations: FieldViolation[] } {
  const [bytes] = metadata.get(DETAILS_TRAILER);
  const found: { reason?: string; violations: FieldViolation[] } = { violations: [] };
  if (!Buffer.isBuffer(bytes)) return found;
  try {
    for (const { typeUrl, value } of Status.decode(bytes).details) {
      if (typeUrl.endsWith('/google.rpc.ErrorInfo')) {
        const info = ErrorInfo.decode(value);
        if (info.domain === REASON_DOMAIN) found.reason = info.reason;
      } else if (typeUrl.endsWith('/google.rpc.BadRequest')) {
        found.violations = BadRequest.decode(value).fieldViolations;
      }
    }
  } catch {
    // Invalid details are ignored: code and text remain.
  }
  return found;
}
