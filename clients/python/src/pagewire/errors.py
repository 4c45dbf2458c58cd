"""What can go wrong between a program and its daemon.

What happened at one page is never an error: it is a row of the operation's report.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

if TYPE_CHECKING:
    from pagewire.discovery import Daemon

__all__ = [
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
    """The text is no endpoint, or its token cannot be sent."""

    def __init__(self, value: str, problem: str) -> None:
        super().__init__(f"endpoint `{value}` {problem}")
        self.value = value
        """The text."""


class TokenFileError(PagewireError):
    """The file that should hold the token is of no use."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"cannot read the token from {path}: {problem} (pass the file that the daemon wrote)"
        )
        self.path = path
        """The file."""


class NoDaemonError(PagewireError):
    """Nothing names a daemon, and none runs."""

    def __init__(self, problem: str = "") -> None:
        why = f": {problem}" if problem else ""
        super().__init__(
            f"no daemon runs here{why} (start one with `pagewire serve`, or set PAGEWIRE_ENDPOINT "
            "to the control address that its ready line names)"
        )


class SeveralDaemonsError(PagewireError):
    """Nothing names a daemon, and several could be meant."""

    def __init__(self, folder: str, daemons: Sequence["Daemon"]) -> None:
        lines = "".join(f"\n  {daemon}" for daemon in daemons)
        super().__init__(
            f"several daemons could be meant in {folder} "
            f"(set PAGEWIRE_ENDPOINT to the control address of one):{lines}"
        )
        self.daemons = tuple(daemons)
        """Those that could be meant."""


class ConnectError(PagewireError):
    """Nothing that speaks the contract answers at the endpoint."""

    def __init__(self, endpoint: str, problem: str) -> None:
        super().__init__(
            f"cannot connect to the daemon at {endpoint}: {problem} (start `pagewire serve`, or "
            "pass the control address that its ready line names)"
        )
        self.endpoint = endpoint
        """The endpoint, without its token."""


class DisconnectedError(PagewireError):
    """The connection broke during a call, whose effect is therefore unknown."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"lost the connection to the daemon: {problem} "
            "(see its log; connect again once it runs)"
        )
        self.problem = problem
        """The cause."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of a request that the daemon refused."""

    field: str
    """Path of the field in the request, `target.ids.socket_ids` say."""
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
        """The daemon's word for the fault, `TOKEN_MISSING` say; the contract has all of them.
        Empty when the fault is the gRPC library's own (an oversized message)."""
        self.message = message
        """What is wrong, for people."""
        self.violations = tuple(violations)
        """The fields at fault, with `FIELD_INVALID`."""


class NotJsonError(PagewireError):
    """What a page answered or sent is not JSON: `NaN`, a bigint, a DOM node, a binary frame."""

    def __init__(self, text: str) -> None:
        super().__init__(f"not a json value: {text}")


class PluginError(PagewireError):
    """A plugin was put together wrongly, or its start or stop handler failed."""

    def __init__(self, plugin: str, problem: str) -> None:
        super().__init__(f"plugin `{plugin}`: {problem}")
        self.plugin = plugin
        """The plugin's name."""


class UnexpectedError(PagewireError):
    """The daemon said something that the contract does not allow here."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"unexpected answer of the daemon: {what} (do its version and this library's fit?)"
        )


def text_of(error: BaseException) -> str:
    """Say an error in its own words, or in its class's where it has none to stand alone."""
    text = str(error)
    if not text or isinstance(error, KeyError):
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text


def from_status(error: grpc.aio.AioRpcError) -> RpcError | DisconnectedError:
    """Translate what an RPC ended with."""
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
        # Every status that the daemon itself makes has a reason: this one is our transport's.
        return DisconnectedError(message)
    if not reason and code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return deadline_passed()
    return RpcError(code, reason, message, violations)


def deadline_passed() -> RpcError:
    """Make the error of a call that its deadline ended on this side."""
    return RpcError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE",
        "the deadline passed before the daemon answered",
    )


@contextmanager
def translated() -> Iterator[None]:
    """Have errors of the gRPC library be ours."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_status(error) from None
    except (grpc.aio.UsageError, asyncio.InvalidStateError) as error:
        raise DisconnectedError(f"the client was closed ({error})") from None
    except asyncio.CancelledError:
        # The library says so also when it is the call that was cancelled, not the task.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise DisconnectedError("the call was cancelled, or the client was closed") from None
