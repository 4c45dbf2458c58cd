"""Modules for pages to import, and their results."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pagewire import _values
from pagewire._js import JsException, JsPhase, JsValue
from pagewire._proto import common_pb2, messages_pb2
from pagewire._report import DeliveryStatus, Report
from pagewire.errors import PagewireError

DEFAULT_TIMEOUT_SECONDS = 10.0
"""How long an awaited import waits for each page; a page that exceeds it gets a row with
TIMEOUT."""


@dataclass(frozen=True, slots=True)
class Import:
    """A module for pages to `import()`, with the arguments of its default export."""

    _path: str | None
    _code: str | None
    _args_json: tuple[str, ...]
    _fresh: bool
    _timeout: float | None
    _max_result_bytes: int

    @classmethod
    def path(
        cls,
        import_path: str,
        *args: Any,
        fresh: bool = False,
        timeout: float | None = None,
        max_result_bytes: int = 0,
    ) -> "Import":
        """A module's URL, such as `/x.js` or `https://...`; its default export gets `args`.

        `fresh` evaluates the module again in pages that have already imported it. `timeout` is the
        time limit of the pages in seconds, by default 10. A result larger than `max_result_bytes`
        (by default 1 MiB) is truncated; all rows together have at most 3 MiB.
        """
        json = tuple(map(_values.to_json, args))
        path = _values.string(import_path, "an import path")
        return cls(path, None, json, fresh, timeout, max_result_bytes)

    @classmethod
    def code(
        cls,
        source: str,
        *args: Any,
        timeout: float | None = None,
        max_result_bytes: int = 0,
    ) -> "Import":
        """The source of a module; otherwise like `path`.

        The daemon serves it from the pages' own origin, so it passes a strict content security
        policy, has real stack traces, and is evaluated each time.
        """
        json = tuple(map(_values.to_json, args))
        source = _values.string(source, "code")
        return cls(None, source, json, False, timeout, max_result_bytes)

    def _to_proto(
        self, target: common_pb2.Target, await_result: bool
    ) -> messages_pb2.SendImportRequest:
        request = messages_pb2.SendImportRequest(
            target=target,
            import_path=self._path,
            code=self._code,
            args_json=self._args_json,
            mode=messages_pb2.IMPORT_MODE_FRESH if self._fresh else messages_pb2.IMPORT_MODE_REUSE,
            await_result=await_result,
            max_result_bytes=self._max_result_bytes,
        )
        if self._timeout is not None:
            request.timeout.CopyFrom(_values.duration(self._timeout))
        return request


class ImportErrorKind(StrEnum):
    """Why a page returned no value."""

    THROWN = "thrown"
    """The default export threw, or its value could not be serialized."""
    LOAD = "load"
    """The module could not be loaded."""
    TIMEOUT = "timeout"
    """The page did not respond in time."""
    PAGE_GONE = "page_gone"
    """There is no such socket, or it closed in the meantime."""
    UNSUPPORTED = "unsupported"
    """The page's script is too old, or never sent its hello."""
    DROPPED_SLOW = "dropped_slow"
    """The page's queue was full; the import was not sent."""


_KINDS_BY_STATUS = {
    DeliveryStatus.TIMED_OUT: ImportErrorKind.TIMEOUT,
    DeliveryStatus.UNSUPPORTED: ImportErrorKind.UNSUPPORTED,
    DeliveryStatus.DROPPED_SLOW: ImportErrorKind.DROPPED_SLOW,
}


class PageImportError(PagewireError):
    """Why one page returned no value for an import. Raised only by `ImportRow.json`."""

    def __init__(self, kind: ImportErrorKind, cause: JsException | DeliveryStatus) -> None:
        if isinstance(cause, JsException):
            super().__init__(str(cause))
        else:
            super().__init__(f"the page did not respond: {cause.text}")
        self.kind = kind
        """The kind of error."""
        self.exception = cause if isinstance(cause, JsException) else None
        """The exception, if one was thrown."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """The result of an awaited import in one page: a value or an error."""

    socket_id: str
    """The page's socket."""
    value: JsValue | None
    """What the default export returned, or its promise resolved to; None if `error` is set."""
    error: PageImportError | None
    """Why there is no value; None if there is one."""
    elapsed: float
    """Seconds from selection to the result or the timeout, by the daemon's clock."""

    def json(self) -> Any:
        """The value as a Python value. Raises the error, or NotJsonError."""
        if self.error is not None:
            raise self.error
        return None if self.value is None else self.value.json()

    @classmethod
    def _from_proto(cls, row: messages_pb2.ImportResult) -> "ImportRow":
        value, error = None, None
        match row.WhichOneof("outcome"):
            case "value":
                value = JsValue._from_proto(row.value)
            case "exception":
                thrown = JsException._from_proto(row.exception)
                loading = thrown.phase is JsPhase.LOAD
                kind = ImportErrorKind.LOAD if loading else ImportErrorKind.THROWN
                error = PageImportError(kind, thrown)
            case _:
                status = DeliveryStatus._from_proto(row.unanswered)
                kind = _KINDS_BY_STATUS.get(status, ImportErrorKind.PAGE_GONE)
                error = PageImportError(kind, status)
        return cls(row.socket_id, value, error, _values.seconds(row.elapsed))


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an awaited import."""

    report: Report
    """The delivery report."""
    rows: tuple[ImportRow, ...]
    """Exactly one row for each selected socket. Empty = no socket was selected."""

    @classmethod
    def _from_proto(cls, response: messages_pb2.SendImportResponse) -> "ImportReport":
        report = Report._from_proto(response.report)
        return cls(report, tuple(map(ImportRow._from_proto, response.results)))
