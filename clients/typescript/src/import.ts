import type * as wire from './generated/pagewire/v1/messages.js';
import { fromDuration, toDuration } from './duration.js';
import { jsonText } from './json.js';
import { statusText, toReport, toStatus, type DeliveryStatus, type Report } from './report.js';
import { fromTarget, type Target } from './target.js';
import { exceptionText, toException, toValue, type JsException, type JsValue } from './value.js';

/** A module for pages to `import()`, and what to call its default export with. */
export type Import = (
  | {
      /** A URL as a page would import it: `/x.js`, `https://...`. */
      readonly path: string;
    }
  | {
      /**
       * The source of a module. The daemon serves it from the pages' own origin, so that it passes a strict
       * content security policy, has real stack traces, and is evaluated each time.
       */
      readonly code: string;
    }
) & {
  /** Arguments of the default export, each a JSON value. Default none. */
  readonly args?: readonly unknown[];
  /** Evaluates the module again in pages that have it already. Default false. */
  readonly fresh?: boolean;
  /** How long pages may take, in ms; those that overrun are rows. Default 10,000. */
  readonly timeoutMs?: number;
  /** Largest result of one page, in bytes; all rows share 3 MiB. Default 1 MiB. */
  readonly maxResultBytes?: number;
};

/**
 * Why a page has no value to show:
 *
 * - `load`: the module could not be fetched, parsed, linked or evaluated
 * - `thrown`: the default export threw, or its value could not be sent
 * - `timeout`: the page did not answer in time
 * - `page_gone`: it is not there, or left meanwhile
 * - `unsupported`: its client cannot do this
 * - `unanswered`: anything else, a full queue say
 */
export type ImportErrorKind =
  'load' | 'thrown' | 'timeout' | 'page_gone' | 'unsupported' | 'unanswered';

/** Why a page has no value to show for an import. */
export class ImportError extends Error {
  /** Tells it from other errors where classes do not. */
  override readonly name = 'ImportError';
  /** What became of it. */
  readonly kind: ImportErrorKind;
  /** What was thrown in the page, of `load` and `thrown`. */
  readonly exception: JsException | undefined;
  /** Why the page did not answer, of the other kinds. */
  readonly status: DeliveryStatus | undefined;

  /** @internal */
  constructor(kind: ImportErrorKind, message: string, cause: JsException | DeliveryStatus) {
    super(message);
    this.kind = kind;
    this.exception = typeof cause === 'string' ? undefined : cause;
    this.status = typeof cause === 'string' ? cause : undefined;
  }
}

/** What an awaited import came to, page by page. */
export interface ImportReport {
  /** Whom the import reached. */
  readonly report: Report;
  /** Exactly one for each selected socket, whatever happened to it. */
  readonly rows: readonly ImportRow[];
}

/** What one page made of an awaited import: a value, or an error. */
export type ImportRow = {
  /** The page's socket. */
  readonly socketId: string;
  /** From selection to the answer, or to giving up, in ms. */
  readonly elapsedMs: number;
} & (
  | {
      /** What the default export returned, or its promise resolved to. */
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

/** An import as the daemon takes it. */
export function fromImport(
  target: Target,
  given: Import,
  awaitResult: boolean,
): wire.SendImportRequest {
  return {
    target: fromTarget(target),
    module:
      'code' in given
        ? { $case: 'code', value: given.code }
        : { $case: 'importPath', value: given.path },
    argsJson: given.args?.map(jsonText) ?? [],
    mode: given.fresh ? 2 : 1,
    awaitResult,
    timeout: fromDuration(given.timeoutMs),
    maxResultBytes: given.maxResultBytes ?? 0,
  };
}

/** An import's outcome as the daemon sent it. */
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
      const text = `the page did not answer: ${statusText(status)}`;
      return { ...row, error: new ImportError(UNANSWERED[status], text, status) };
    }
  }
}

const UNANSWERED: Record<DeliveryStatus, ImportErrorKind> = {
  unspecified: 'unanswered',
  not_found: 'page_gone',
  gone: 'page_gone',
  dropped_slow: 'unanswered',
  timed_out: 'timeout',
  unsupported: 'unsupported',
};
