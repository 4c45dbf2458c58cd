"""Errors of handlers, in the log and in pages."""

import asyncio
import sys
import traceback
from concurrent import futures
from pathlib import Path
from types import TracebackType

from pagewire._content import Failure
from pagewire._log import log
from pagewire._proto import hooks_pb2
from pagewire._values import encoded
from pagewire.errors import PagewireError, text_of

# Folders of the code that calls handlers.
_CALLER_FOLDERS = tuple(
    str(Path(module).parent) for module in (__file__, asyncio.__file__, futures.__file__)
)


def log_failure(event: str, error: BaseException) -> None:
    """Log the error of a handler: with its stack trace, or as a `Failure` with its location."""
    if isinstance(error, Failure):
        log.error("%s failed: %s", event, error._with_location())
    else:
        log.error("%s failed: %s", event, text_of(error), exc_info=_from_handler(error))


def failure_of(error: BaseException) -> hooks_pb2.HookFailure:
    """Convert the error of a hook's handler into a failure, which the page shows."""
    if isinstance(error, Failure):
        return error._proto
    stack = "".join(traceback.format_exception(_from_handler(error)))
    return hooks_pb2.HookFailure(message=text_of(error), stack=encoded(stack).decode())


def print_error(error: PagewireError) -> None:
    """Print an error to standard error, after the traceback of the handler that caused it."""
    if error.__cause__ is not None:
        traceback.print_exception(_from_handler(error.__cause__))
    print(f"error: {error}", file=sys.stderr)


def _from_handler(error: BaseException) -> BaseException:
    """Remove the frames of the library above the handler from an error's stack trace."""
    return error.with_traceback(_handler_frames(error.__traceback__))


def _handler_frames(trace: TracebackType | None) -> TracebackType | None:
    start = trace
    while start is not None and start.tb_frame.f_code.co_filename.startswith(_CALLER_FOLDERS):
        start = start.tb_next
    return start or trace
