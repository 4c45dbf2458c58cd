"""A hook's stream: calls come down, results go up, matched by call id."""

import asyncio
import traceback
from collections import deque
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc

from pagewire._channel import next_message
from pagewire._content import Failure
from pagewire._context import Context
from pagewire._handlers import Caller, Handler, cancelled_by_us
from pagewire._live_filters import LiveFilters
from pagewire._proto import hooks_pb2
from pagewire.errors import DisconnectedError, PagewireError, UnexpectedError, text_of

# Where the code lies that calls handlers.
_CALLERS = tuple(
    str(Path(module).parent) for module in (__file__, asyncio.__file__, futures.__file__)
)


@dataclass(frozen=True, slots=True)
class HookKind:
    """What is particular to a hook: its stream, and what its handler makes of what."""

    name: str
    declared: hooks_pb2.Hook
    stream: str
    """The RPC."""
    message: Any
    """A message to the daemon."""
    result: Any
    """The message that answers a call."""
    input: Callable[[Any, Context], Any]
    """Makes what the handler gets of a call."""
    outcome: Callable[[Any, Any], dict[str, Any]]
    """Makes the outcome's field of what the handler got and returned."""


@dataclass(frozen=True, slots=True)
class DeclaredHook:
    """A hook that a plugin has, before it runs."""

    kind: HookKind
    open: Any
    """The options as the daemon is told them, still without filters."""
    filters: LiveFilters
    handler: Handler


class OpenHook:
    """A hook in force."""

    def __init__(self, declared: DeclaredHook, context: Context, caller: Caller) -> None:
        """Use `open_hook`."""
        self._kind = declared.kind
        self._handler = declared.handler
        self._filters = declared.filters
        self._context = context
        self._caller = caller
        connection = context.client._connection
        metadata = connection.metadata + context._session
        opening = getattr(connection.stub, self._kind.stream)
        self._stream = connection.hold(opening(metadata=metadata))
        # Holds at most the calls outstanding, and updates of filters. None = the end.
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())
        self._running: dict[int, tuple[asyncio.Task[None], Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._updates: deque[asyncio.Future[None]] = deque()
        self._finishing = False
        self._ended = asyncio.Event()

    async def open(self, open_: Any) -> None:
        """Have the daemon put it in force, with the filters of the moment."""
        message = type(open_)()
        message.CopyFrom(open_)
        message.filters.extend(self._filters._to_proto())
        # Filters that are set from now on are updates.
        self._filters._hooks.add(self)
        self._put(open=message)
        first = await next_message(self._stream)
        if first is None or first.WhichOneof("message") != "opened":
            raise UnexpectedError("a hook that does not begin with `opened`")

    async def run(self) -> None:
        """Answer calls until the stream ends; an error unless we ended it."""
        problem: PagewireError = DisconnectedError("the daemon ended a hook")
        try:
            while (message := await next_message(self._stream)) is not None:
                self._receive(message)
            if not self._finishing:
                raise UnexpectedError("a hook that ended by itself")
        except PagewireError as error:
            problem = error
            raise
        finally:
            self._give_up(problem)
            self._ended.set()

    def _receive(self, message: Any) -> None:
        match message.WhichOneof("message"):
            case "call":
                call = message.call
                given = self._kind.input(call, self._context)
                task = asyncio.create_task(self._answer(call.call_id, given))
                self._running[call.call_id] = (task, given)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case "cancel":
                self._cancel(message.cancel.call_id)
            case "filters_updated" if self._updates:
                update = self._updates.popleft()
                if not update.done():
                    update.set_result(None)

    async def _answer(self, call_id: int, given: Any) -> None:
        try:
            made = await self._caller.call(self._handler, given)
            outcome = self._kind.outcome(given, made)
        except asyncio.CancelledError as error:
            if cancelled_by_us():
                raise
            outcome = {"failure": failure_of(error)}
        except Exception as error:
            outcome = {"failure": failure_of(error)}
        # One that was cancelled has gone from here, whatever its handler made of that.
        if self._running.pop(call_id, None):
            self._put(result=self._kind.result(call_id=call_id, **outcome))

    def _cancel(self, call_id: int) -> None:
        task, given = self._running.pop(call_id, (None, None))
        if task is not None:
            request_of(given).cancelled = True
            task.cancel()

    def update_filters(self, filters: list[hooks_pb2.RequestFilter]) -> "asyncio.Future[None]":
        """Replace the filters; done once they are in force."""
        update: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._updates.append(update)
        self._put(update_filters=hooks_pb2.UpdateFilters(filters=filters))
        return update

    async def finish(self, *, withdraw: bool) -> None:
        """Let the handlers that run finish, and end the stream.

        `withdraw`: the daemon goes on, and must be kept from calling in vain first.
        """
        self._finishing = True
        self._filters._hooks.discard(self)
        if withdraw and not self._writing.done():
            await asyncio.wait([self.update_filters([])])
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._queue.put_nowait(None)
        # Results are on the wire once the daemon has answered the end of our side.
        await self._ended.wait()

    async def close(self) -> None:
        """Withdraw the hook at once; handlers that run are cancelled."""
        self._finishing = True
        self._stream.cancel()
        tasks = [self._writing, *self._tasks]
        self._give_up(DisconnectedError("the plugin ended"))
        await asyncio.wait(tasks)

    def _give_up(self, problem: PagewireError) -> None:
        self._filters._hooks.discard(self)
        self._writing.cancel()
        for call_id in list(self._running):
            self._cancel(call_id)
        while self._updates:
            update = self._updates.popleft()
            if not update.done():
                update.set_exception(problem)
                update.exception()  # told to whom waits; nobody need wait

    def _put(self, **field: Any) -> None:
        self._queue.put_nowait(self._kind.message(**field))

    async def _write(self) -> None:
        # A task of its own: to cancel a write is to cancel the stream.
        try:
            while (message := await self._queue.get()) is not None:
                await self._stream.write(message)
            await self._stream.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            pass  # the reader knows why


def failure_of(error: BaseException) -> hooks_pb2.HookFailure:
    """Make what the page is shown of a handler's error."""
    if isinstance(error, Failure):
        return error._proto
    stack = "".join(traceback.format_exception(error.with_traceback(_foreign(error.__traceback__))))
    return hooks_pb2.HookFailure(message=text_of(error), stack=stack)


def _foreign(trace: TracebackType | None) -> TracebackType | None:
    """Leave out how the library came to call the handler."""
    begin = trace
    while begin is not None and begin.tb_frame.f_code.co_filename.startswith(_CALLERS):
        begin = begin.tb_next
    return begin or trace


def request_of(given: Any) -> Any:
    """Find the request that a hook's handler was called for."""
    return getattr(given, "importer", None) or getattr(given, "request", None) or given
