import { status, type Metadata, type StatusObject } from '@grpc/grpc-js';
import type { Daemon } from './discovery.js';
import { BadRequest, ErrorInfo, Status } from './generated/google/rpc/status.js';

/** The domain of the reasons in the daemon's errors. */
const REASON_DOMAIN = 'pagewire.v1';

/** The trailer that holds an error's details. */
const DETAILS_TRAILER = 'grpc-status-details-bin';

/** A gRPC status code by its name, `INVALID_ARGUMENT` say. */
export type Code = Exclude<keyof typeof status, 'OK'>;

/**
 * What sort of thing went wrong:
 *
 * - `rpc`: the daemon refused or ended a call: see `code`, `reason` and `violations`
 * - `endpoint`, `token_file`: the endpoint, or the file that should hold its token, makes no sense
 * - `no_daemon`, `several_daemons`: none was named, and none runs or several could be meant
 * - `connect`: no daemon answers there
 * - `disconnected`: the connection broke; whether the call took effect is unknown
 * - `plugin`: a plugin is put together wrongly, or its `serverStart` or `serverStop` failed (`cause`)
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
  /** Path of the field in the request, `target.ids.socket_ids` say. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/**
 * Why an operation failed. What happened at one page is never an error: it is a row of the
 * operation's report.
 */
export class PagewireError extends Error {
  /** Tells it from other errors where classes do not. */
  override readonly name = 'PagewireError';
  /** What sort of thing went wrong. */
  readonly kind: ErrorKind;
  /** The gRPC status code of an `rpc`. `UNAVAILABLE` is the only one that is worth a retry. */
  readonly code: Code | undefined;
  /**
   * The daemon's word for the fault of an `rpc`, `PLUGIN_NAME_TAKEN` say. Undefined when the fault is
   * the gRPC library's own (an oversized message).
   */
  readonly reason: string | undefined;
  /** The fields at fault, with `FIELD_INVALID`. Else empty. */
  readonly violations: readonly FieldViolation[];
  /** Those that could be meant, of `several_daemons`. Else empty. */
  readonly daemons: readonly Daemon[];

  /** @internal */
  constructor(
    kind: ErrorKind,
    message: string,
    more: {
      code?: Code;
      reason?: string | undefined;
      violations?: readonly FieldViolation[];
      daemons?: readonly Daemon[];
      cause?: unknown;
    } = {},
  ) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined);
    this.kind = kind;
    this.code = more.code;
    this.reason = more.reason;
    this.violations = more.violations ?? [];
    this.daemons = more.daemons ?? [];
  }
}

/** An error of the daemon, by the parts of its status. */
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

/** The error that a call's status is. */
export function statusError({ code, details, metadata }: StatusObject): PagewireError {
  const name = codeName(code);
  const { reason, violations } = readDetails(metadata);
  if (reason === undefined && isTransport(name, details)) {
    return new PagewireError(
      'disconnected',
      `lost the connection to the daemon: ${details} (see its log; connect again once it runs)`,
    );
  }
  if (reason === undefined && name === 'DEADLINE_EXCEEDED') return deadlineError();
  return rpcError(name, reason, details, violations);
}

/** A deadline that passed here. */
export function deadlineError(): PagewireError {
  const message = 'the deadline passed before the daemon answered';
  return rpcError('DEADLINE_EXCEEDED', 'DEADLINE', message);
}

/** The stream went on as the contract does not allow. */
export function unexpected(what: string): PagewireError {
  const remedy = "do its version and this library's fit?";
  return new PagewireError('disconnected', `unexpected answer of the daemon: ${what} (${remedy})`);
}

/** A status without a reason that our side of the connection made, not the daemon. */
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
    // Details that do not parse are none of ours: code and text remain.
  }
  return found;
}
