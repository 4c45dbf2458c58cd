"""Errors of the library.

A problem at a single page is never an error, but a row of the operation's report.
"""

import asyncio
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from pagewire._content import Failure
from pagewire._daemon import Daemon
from pagewire._values import encoded

__all__ = [
    "BodyTooLargeError",
    "ConnectError",
    "DisconnectedError",
    "EndpointError",
    "FieldViolation",
    "NoDaemonError",
    "NotJsonError",
    "PagewireError",
    "PluginError",
    "RpcError",
    "SeveralDaemonsError",
    "TokenFileError",
    "UnexpectedError",
]

# The domain of the reasons in the daemon's errors.
_REASON_DOMAIN = "pagewire.v1"
_DETAILS_KEY = "grpc-status-details-bin"


class PagewireError(Exception):
    """Any error of this library."""


class EndpointError(PagewireError):
    """The text is not an endpoint, or the token of the endpoint cannot be sent."""

    def __init__(self, value: str, problem: str) -> None:
        super().__init__(f"endpoint `{value}` {problem}")
        self.value = value
        """The text."""


class TokenFileError(PagewireError):
    """The token file cannot be read or is empty."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"cannot read the token from {path}: {problem} (pass the file that the daemon wrote)"
        )
        self.path = path
        """The file."""


class NoDaemonError(PagewireError):
    """No daemon was named, and none is running."""

    def __init__(self, problem: str = "") -> None:
        cause = f": {problem}" if problem else ""
        super().__init__(
            f"no daemon is running{cause} (start one with `pagewire serve`, or set "
            "PAGEWIRE_ENDPOINT to the control address that it prints when it is ready)"
        )


class SeveralDaemonsError(PagewireError):
    """No daemon was named, and several are equally likely."""

    def __init__(self, folder: str, daemons: Sequence[Daemon]) -> None:
        lines = "".join(f"\n  {daemon}" for daemon in daemons)
        super().__init__(
            f"{len(daemons)} daemons match {folder} "
            f"(pass the control address of one, or set PAGEWIRE_ENDPOINT to it){lines}"
        )
        self.daemons = tuple(daemons)
        """The candidates."""


class ConnectError(PagewireError):
    """No daemon responds at the endpoint."""

    def __init__(self, endpoint: str, problem: str) -> None:
        super().__init__(
            f"cannot connect to the daemon at {endpoint}: {problem} (start `pagewire serve`, or "
            "pass the control address that it prints when it is ready)"
        )
        self.endpoint = endpoint
        """The endpoint, without its token."""


class DisconnectedError(PagewireError):
    """The connection was lost during a call, whose effect is therefore unknown."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"lost the connection to the daemon: {problem} "
            "(see its log; connect again once it is running)"
        )
        self.problem = problem
        """The cause."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of a request that the daemon refused."""

    field: str
    """Path of the field in the request, such as `target.ids.socket_ids`."""
    description: str
    """What is wrong with it."""


class RpcError(PagewireError):
    """The daemon refused or ended a call."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str = "",
        message: str = "",
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        text = message or code.name.lower().replace("_", " ")
        for violation in violations:
            if violation.description not in text:
                text += f"; {violation.field}: {violation.description}"
        super().__init__(f"{text} ({code.name}/{reason})" if reason else f"{text} ({code.name})")
        self.code = code
        """The gRPC status. `UNAVAILABLE` is the only one worth a retry."""
        self.reason = reason
        """The daemon's machine-readable reason, such as `TOKEN_MISSING`; the contract lists all of
        them. Empty when the error comes from the gRPC library (an oversized message)."""
        self.message = message
        """The message for people."""
        self.violations = tuple(violations)
        """The invalid fields, with `FIELD_INVALID`."""


class NotJsonError(PagewireError):
    """The value of a page is not JSON: `NaN`, a bigint, a DOM node, a binary frame."""

    def __init__(self, text: str) -> None:
        super().__init__(f"not a json value: {text}")


class BodyTooLargeError(PagewireError, Failure):
    """A request's body was omitted because it is larger than the hook accepts.

    If the handler does not catch it, the page gets status 413, or 500 if the hook does not request
    bodies.
    """

    def __init__(self, size: int | None, limit: int) -> None:
        announced = f"{size} bytes" if size is not None else f"more than {limit} bytes"
        text = (
            f"the request's body has {announced}, but this hook accepts at most {limit} bytes "
            "(max_request_body_bytes)"
        )
        if limit == 0:
            text = "this hook does not request bodies (set max_request_body_bytes)"
        Failure.__init__(self, text, status=413 if limit else 500)
        self.size = size
        """The size of the body in bytes; None if it was not announced."""
        self.limit = limit
        """The largest body that the hook accepts, in bytes. 0 = it does not request bodies."""


class PluginError(PagewireError):
    """A plugin is declared wrongly, or its start or stop handler failed."""

    def __init__(self, plugin_name: str, problem: str) -> None:
        super().__init__(f"plugin `{plugin_name}`: {problem}")
        self.plugin_name = plugin_name
        """The plugin's name."""

    @property
    def plugin(self) -> str:
        """The former name of `plugin_name`. Deprecated."""
        warnings.warn("use PluginError.plugin_name", DeprecationWarning, stacklevel=2)
        return self.plugin_name


class UnexpectedError(PagewireError):
    """The daemon violated the contract."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"unexpected response of the daemon: {problem} "
            "(check that the daemon's version matches this library's)"
        )


def text_of(error: BaseException) -> str:
    """The text of an error, with its type if the text alone is not clear."""
    text = encoded(str(error)).decode()
    if not text or isinstance(error, KeyError):
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text


def from_status(error: grpc.aio.AioRpcError) -> RpcError | DisconnectedError:
    """Convert the error of an RPC."""
    reason = ""
    violations: list[FieldViolation] = []
    for key, value in error.trailing_metadata() or ():
        if key != _DETAILS_KEY or not isinstance(value, bytes):
            continue
        for detail in Status.FromString(value).details:
            info, bad_request = ErrorInfo(), BadRequest()
            if detail.Unpack(info) and info.domain == _REASON_DOMAIN:
                reason = info.reason
            elif detail.Unpack(bad_request):
                violations += (
                    FieldViolation(violation.field, violation.description)
                    for violation in bad_request.field_violations
                )
    code, message = error.code(), error.details() or ""
    if not reason and code is grpc.StatusCode.UNAVAILABLE:
        # All errors of the daemon have a reason, so this one comes from the local transport.
        return DisconnectedError(message)
    if not reason and (code, message) == (grpc.StatusCode.INTERNAL, "Internal error from Core"):
        # The gRPC library reports so a read of a stream whose connection was lost meanwhile.
        return DisconnectedError(message)
    if not reason and code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return deadline_error()
    return RpcError(code, reason, message, violations)


def from_fields(
    code: int, reason: str, message: str, violations: Sequence[FieldViolation] = ()
) -> RpcError:
    """Convert an error that is part of a message; `code` is the number of the gRPC status."""
    codes = {each.value[0]: each for each in grpc.StatusCode}
    return RpcError(codes.get(code, grpc.StatusCode.UNKNOWN), reason, message, violations)


def deadline_error() -> RpcError:
    """The error of an exceeded deadline."""
    return RpcError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE",
        "the deadline passed before the daemon responded",
    )


@contextmanager
def translated() -> Iterator[None]:
    """Convert errors of the gRPC library."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_status(error) from None
    except (grpc.aio.UsageError, asyncio.InvalidStateError) as error:
        raise DisconnectedError(f"the client was closed ({error})") from None
    except asyncio.CancelledError:
        # The gRPC library also raises it when the call, not the task, was cancelled.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise DisconnectedError("the call was cancelled, or the client was closed") from None
