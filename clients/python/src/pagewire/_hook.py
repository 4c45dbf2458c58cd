"""The stream of a hook: the daemon sends calls, the plugin returns results, matched by call id."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from pagewire._channel import next_message
from pagewire._content import Failure
from pagewire._context import Context, Imports, Request, Response
from pagewire._failures import failure_of, log_failure
from pagewire._handlers import Caller, Handler, described, task_is_cancelled
from pagewire._live_filters import LiveFilters
from pagewire._proto import hooks_pb2
from pagewire.errors import (
    DisconnectedError,
    FieldViolation,
    PagewireError,
    RpcError,
    UnexpectedError,
    from_fields,
)

# How long a call waits for `server_start` to return. After that it fails with status 503.
_MAX_START_WAIT_SECONDS = 10.0
# A waiting call fails this long before its deadline, so that its text arrives in time.
_START_WAIT_MARGIN_SECONDS = 0.5

# How long to wait, when a hook finishes, for the daemon to confirm that it makes no further calls.
# After that the stream is closed anyway.
_WITHDRAWAL_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class HookType:
    """A type of hook: its stream, and the argument and results of its handler."""

    name: str
    parameter: str
    """What its handler gets."""
    activity: str
    """What its handler does, for the log."""
    declared: hooks_pb2.Hook
    stream: str
    """The name of the RPC."""
    message: Any
    """The type of messages to the daemon."""
    result: Any
    """The type of results."""
    input: Callable[[Any, Context, Any], Any]
    """Converts a call into the handler's argument, given the options of the hook."""
    outcome: Callable[[Any, Any, str], dict[str, Any]]
    """Converts the handler's argument and return value into fields of a result. An error contains
    the third argument, the handler's name and place."""


@dataclass(frozen=True, slots=True)
class DeclaredHook:
    """A hook of a plugin; each session opens it."""

    type: HookType
    open: Any
    """The options on the wire, without filters."""
    filters: LiveFilters
    handler: Handler


class OpenHook:
    """An open hook."""

    def __init__(
        self, declared: DeclaredHook, context: Context, caller: Caller, started: asyncio.Event
    ) -> None:
        """Start the stream. `open` opens the hook; calls wait until `started` is set."""
        self._type = declared.type
        self._options = declared.open
        self._handler = declared.handler
        self._filters = declared.filters
        self._context = context
        self._caller = caller
        self._started = started
        connection = context.client._connection
        metadata = connection.metadata + context._session
        opening = getattr(connection.stub, self._type.stream)
        self._stream = connection.hold(opening(metadata=metadata))
        # Results and filter updates to write; bounded by the outstanding calls. None = the end.
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())
        self._running: dict[int, tuple[asyncio.Task[None], Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._updates: deque[asyncio.Future[None]] = deque()
        self._finishing = False
        self._ended = asyncio.Event()

    async def open(self) -> None:
        """Open the hook with the current filters, and return once the daemon has confirmed it."""
        message = type(self._options)()
        message.CopyFrom(self._options)
        message.filters.extend(self._filters._to_proto())
        # Later filters are sent as updates.
        self._filters._hooks.add(self)
        self._put(open=message)
        try:
            first = await next_message(self._stream)
        except RpcError as error:
            if error.reason == "FIELD_INVALID":
                raise self._with_name(error) from None
            raise
        if first is None or first.WhichOneof("message") != "opened":
            raise UnexpectedError("a hook stream that does not start with `opened`")

    async def run(self) -> None:
        """Answer calls until the stream ends. Raises unless the plugin has ended it."""
        problem: PagewireError = DisconnectedError("the daemon ended a hook")
        try:
            while (message := await next_message(self._stream)) is not None:
                self._receive(message)
            if not self._finishing:
                raise UnexpectedError("the unrequested end of a hook stream")
        except PagewireError as error:
            problem = error
            raise
        finally:
            self._release(problem)
            self._ended.set()

    def _receive(self, message: Any) -> None:
        match message.WhichOneof("message"):
            case "call":
                call = message.call
                argument = self._type.input(call, self._context, self._options)
                task = asyncio.create_task(self._answer(call.call_id, argument))
                self._running[call.call_id] = (task, argument)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case "cancel":
                self._cancel(message.cancel.call_id)
            case "filters_updated" if self._updates:
                update = self._updates.popleft()
                updated = message.filters_updated
                if update.done():
                    return
                if updated.HasField("error"):
                    update.set_exception(self._with_name(_refusal(updated.error)))
                else:
                    update.set_result(None)

    async def _answer(self, call_id: int, argument: Any) -> None:
        try:
            await self._wait_for_start(request_of(argument))
            returned = await self._caller.call(self._handler, argument)
            outcome = self._type.outcome(argument, returned, described(self._handler))
        except asyncio.CancelledError as error:
            if task_is_cancelled():
                raise
            outcome = self._failed(argument, error)
        except Exception as error:
            outcome = self._failed(argument, error)
        # A cancelled call has been removed already, so the result of its handler is discarded.
        if self._running.pop(call_id, None):
            self._put(result=self._type.result(call_id=call_id, **outcome))

    def _failed(self, argument: Any, error: BaseException) -> dict[str, Any]:
        log_failure(f"{self._type.activity} of {request_of(argument).path}", error)
        return {"failure": failure_of(error)}

    async def _wait_for_start(self, request: Request) -> None:
        if self._started.is_set():
            return
        limit = _MAX_START_WAIT_SECONDS
        if request.time_remaining is not None:
            limit = min(limit, request.time_remaining - _START_WAIT_MARGIN_SECONDS)
        try:
            async with asyncio.timeout(limit):
                await self._started.wait()
        except TimeoutError:
            name = self._context.plugin_name
            raise Failure(
                f'plugin "{name}" is still starting: server_start has not returned', status=503
            ) from None

    def _cancel(self, call_id: int) -> None:
        if running := self._running.pop(call_id, None):
            task, argument = running
            request_of(argument).cancelled = True
            task.cancel()

    def update_filters(self, filters: list[hooks_pb2.RequestFilter]) -> "asyncio.Future[None]":
        """Replace the filters. The future is done once they are active or refused."""
        update: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._updates.append(update)
        self._put(update_filters=hooks_pb2.UpdateFilters(filters=filters, report_errors=True))
        return update

    async def finish(self) -> None:
        """Let the running handlers finish, and end the stream.

        First removes all filters, so that the daemon makes no further calls.
        """
        self._finishing = True
        self._filters._hooks.discard(self)
        if not self._ended.is_set():
            withdrawal = self.update_filters([])
            await asyncio.wait([withdrawal], timeout=_WITHDRAWAL_TIMEOUT_SECONDS)
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._queue.put_nowait(None)
        # All results have been received once the daemon ends its side in response.
        await self._ended.wait()

    async def close(self) -> None:
        """Close the hook immediately and cancel the running handlers."""
        self._finishing = True
        self._stream.cancel()
        tasks = [self._writing, *self._tasks]
        self._release(DisconnectedError("the plugin ended"))
        await asyncio.wait(tasks)

    def _release(self, problem: PagewireError) -> None:
        """Cancel the running calls and fail the pending filter updates."""
        self._filters._hooks.discard(self)
        self._writing.cancel()
        for call_id in list(self._running):
            self._cancel(call_id)
        while self._updates:
            update = self._updates.popleft()
            if not update.done():
                update.set_exception(problem)
                update.exception()  # marks it as retrieved, as there may be no waiter

    def _with_name(self, error: RpcError) -> RpcError:
        """Name the plugin and the hook in an error about the hook's options or filters."""
        message = f"plugin `{self._context.plugin_name}`, {self._type.name}: {error.message}"
        return RpcError(error.code, error.reason, message, error.violations)

    def _put(self, **field: Any) -> None:
        self._queue.put_nowait(self._type.message(**field))

    async def _write(self) -> None:
        # In a task of its own, because cancelling a write cancels the stream.
        try:
            while (message := await self._queue.get()) is not None:
                await self._stream.write(message)
            await self._stream.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            pass  # the reader gets the error


def _refusal(error: hooks_pb2.FiltersError) -> RpcError:
    violations = [FieldViolation(each.field, each.description) for each in error.field_violations]
    return from_fields(error.code, error.reason, error.message, violations)


def request_of(argument: Request | Response | Imports) -> Request:
    """The request of a handler's argument, which may be a request itself."""
    match argument:
        case Response():
            return argument.request
        case Imports():
            return argument.importer
    return argument
