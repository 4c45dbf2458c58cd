import type * as wire from './generated/pagewire/v1/messages.js';
import {
  ARRAY,
  BOOLEAN,
  COUNT,
  NUMBER,
  OBJECT,
  TEXT,
  check,
  checkOptions,
  type Kind,
  type Shape,
} from './check.js';
import { fromDuration, toDuration } from './duration.js';
import { hideFields } from './errors.js';
import { jsonText } from './json.js';
import { statusText, toReport, toStatus, type DeliveryStatus, type Report } from './report.js';
import { fromTarget, type Target } from './target.js';
import { exceptionText, toException, toValue, type JsException, type JsValue } from './value.js';

/** A module for pages to `import()`, and the arguments for its default export. */
export type Import = (
  | {
      /** A URL as a page would import it: `/x.js`, `https://...`. */
      readonly path: string;
    }
  | {
      /**
       * The source of a module. The daemon serves it from the origin of the pages, so it complies with a strict
       * content security policy, has real stack traces, and is evaluated each time.
       */
      readonly code: string;
    }
) & {
  /** Arguments of the default export, each a JSON value. Default none. */
  readonly args?: readonly unknown[];
  /** Evaluates the module again in pages that have loaded it. Default false. */
  readonly fresh?: boolean;
  /** How long to wait for each page, in ms; a page that exceeds it gets a row with `timeout`. Default 10,000. */
  readonly timeoutMs?: number;
  /** Limit of the result of one page, in bytes. Default 1 MiB. All rows together have at most 3 MiB. */
  readonly maxResultBytes?: number;
};

/**
 * Why a page has no value:
 *
 * - `load`: the module could not be fetched, parsed, linked or evaluated
 * - `thrown`: the default export threw, or its value could not be sent
 * - `timeout`: the page did not respond in time
 * - `page_gone`: it is not connected, or has disconnected meanwhile
 * - `slow`: the queue of its socket was full
 * - `unsupported`: its client does not support this
 * - `unanswered`: anything else
 */
export type ImportErrorKind =
  'load' | 'thrown' | 'timeout' | 'page_gone' | 'slow' | 'unsupported' | 'unanswered';

/** Why a page has no value. */
export class ImportError extends Error {
  /** Identifies it where `instanceof` does not work. */
  override readonly name = 'ImportError';
  /** The kind of the error. */
  readonly kind: ImportErrorKind;
  /** The exception in the page, with `load` and `thrown`. */
  readonly exception: JsException | undefined;
  /** Why the page did not respond, with the other kinds. */
  readonly status: DeliveryStatus | undefined;

  /** @internal */
  constructor(kind: ImportErrorKind, message: string, cause: JsException | DeliveryStatus) {
    super(message);
    this.kind = kind;
    this.exception = typeof cause === 'string' ? undefined : cause;
    this.status = typeof cause === 'string' ? cause : undefined;
    hideFields(this);
  }
}

/** The results of an awaited import. */
export interface ImportReport {
  /** The delivery report. */
  readonly report: Report;
  /** Exactly one row for each selected socket. */
  readonly rows: readonly ImportRow[];
}

/** The result of one page: a value, or an error. */
export type ImportRow = {
  /** The page's socket. */
  readonly socketId: string;
  /** Time from the selection to the result, or to the time limit, in ms. */
  readonly elapsedMs: number;
} & (
  | {
      /** The returned or resolved value of the default export. */
      readonly value: JsValue;
      /** None. */
      readonly error?: undefined;
    }
  | {
      /** None. */
      readonly value?: undefined;
      /** Why there is no value. */
      readonly error: ImportError;
    }
);

const IMPORT: Shape<Import> = {
  path: TEXT,
  code: TEXT,
  args: ARRAY,
  fresh: BOOLEAN,
  timeoutMs: NUMBER,
  maxResultBytes: COUNT,
};

/** Fails with a `TypeError` unless `given` is an import. */
export function checkImport(given: Import): void {
  check('the import', given, IMPORT_OBJECT);
  checkOptions('the import', given, IMPORT);
  const { path, code } = given as { path?: string; code?: string };
  if ((path === undefined) === (code === undefined)) {
    const has = path === undefined ? 'no `path` and no `code`' : '`path` and `code`';
    throw new TypeError(`the import has ${has} (pass one of them)`);
  }
}

const IMPORT_OBJECT: Kind = {
  name: 'an object { path } or { code }',
  test: (value) => OBJECT.test(value) && !Array.isArray(value),
};

/** Converts an import for the wire. */
export function fromImport(
  target: Target,
  given: Import,
  awaitResult: boolean,
): wire.SendImportRequest {
  checkImport(given);
  return {
    target: fromTarget(target),
    module:
      'code' in given && given.code !== undefined
        ? { $case: 'code', value: given.code }
        : { $case: 'importPath', value: (given as { path: string }).path },
    argsJson: given.args?.map(jsonText) ?? [],
    mode: given.fresh ? 2 : 1,
    awaitResult,
    timeout: fromDuration(given.timeoutMs),
    maxResultBytes: given.maxResultBytes ?? 0,
  };
}

/** Converts the results of an import from the wire. */
export function toImportReport({ report, results }: wire.SendImportResponse): ImportReport {
  return { report: toReport(report), rows: results.map(toRow) };
}

function toRow({ socketId, outcome, elapsed }: wire.ImportResult): ImportRow {
  const row = { socketId, elapsedMs: toDuration(elapsed) ?? 0 };
  switch (outcome?.$case) {
    case 'value':
      return { ...row, value: toValue(outcome.value) };
    case 'exception': {
      const exception = toException(outcome.value);
      const kind = exception.phase === 'load' ? 'load' : 'thrown';
      return { ...row, error: new ImportError(kind, exceptionText(exception), exception) };
    }
    default: {
      const status = toStatus(outcome?.value ?? 0);
      const text = `the page did not respond: ${statusText(status)}`;
      return { ...row, error: new ImportError(UNANSWERED[status], text, status) };
    }
  }
}

const UNANSWERED: Record<DeliveryStatus, ImportErrorKind> = {
  unspecified: 'unanswered',
  not_found: 'page_gone',
  gone: 'page_gone',
  dropped_slow: 'slow',
  timed_out: 'timeout',
  unsupported: 'unsupported',
};
