"""A plugin's subscription: every event goes to its handler, one after the other at each socket."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pagewire import _values
from pagewire._context import Context
from pagewire._events import Gap, Message, SocketClosed, SocketOpened, SocketUpdated, What
from pagewire._handlers import Caller, Handler, Listeners, cancelled_by_us, log
from pagewire._proto import messages_pb2
from pagewire._sockets import Socket
from pagewire._subscription import Subscription
from pagewire.errors import PagewireError, RpcError, UnexpectedError, text_of

# Handlers that run, or wait for their turn at their socket. Beyond it no event is read, so that the
# daemon's buffer fills and at last ends the subscription with SUBSCRIBER_SLOW. Default 256.
_MAX_HANDLERS = 256

_UNANSWERABLE = ("ALREADY_ANSWERED", "REQUEST_EXPIRED", "REQUEST_NOT_FOUND")

_Work: TypeAlias = Callable[[], Awaitable[None]]


class Listening:
    """The subscription of a plugin that listens, and where its handlers stand."""

    def __init__(self, listeners: Listeners, context: Context, caller: Caller) -> None:
        """Subscribe to nothing yet."""
        self._listeners = listeners
        self._context = context
        self._caller = caller
        self._events: Subscription | None = None
        # Sockets that were told to be ready.
        self._ready = {socket.socket_id for socket in context.sockets if socket.ready}
        self._permits = asyncio.Semaphore(_MAX_HANDLERS)
        self._turns: dict[str, deque[_Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._finishing = False

    async def open(self) -> None:
        """Subscribe, from the instant of the context's sockets on."""
        listeners, kinds = self._listeners, [messages_pb2.EVENT_KIND_MESSAGE]
        if listeners.wants_sockets:
            kinds.append(messages_pb2.EVENT_KIND_SOCKET)
        types = [*listeners.messages, *listeners.requests]
        request = messages_pb2.SubscribeMessagesRequest(
            kinds=kinds if types else kinds[1:],
            message_types=types,
            answer_types=listeners.requests,
            resume_after=self._context.position._to_proto(),
        )
        session = self._context._session
        self._events = await self._context.client._subscribe(request, session)

    async def run(self) -> None:
        """Call handlers until told to finish; an error when the subscription ends before."""
        if self._events is None:
            return
        self._reader = asyncio.create_task(self._follow(self._events))
        await asyncio.wait([self._reader])
        if not self._finishing:
            self._reader.result()
            raise UnexpectedError("a subscription that ended by itself")

    async def finish(self, *, withdraw: bool) -> None:
        """Read no more events, and let the handlers that run or wait finish."""
        self._finishing = True
        if self._reader is not None:
            self._reader.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Unsubscribe at once; handlers that run are cancelled."""
        self._finishing = True
        self._turns.clear()
        tasks = [*self._tasks, *([self._reader] if self._reader else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._events is not None:
            await self._events.close()

    async def _follow(self, events: Subscription) -> None:
        async for event in events:
            await self._tell(event.what)

    async def _tell(self, what: What) -> None:
        listeners = self._listeners
        match what:
            case Message() if what.type in listeners.requests:
                await self._in_turn(what.socket_id, lambda: self._reply(what))
            case Message() if what.type in listeners.messages:
                handler = listeners.messages[what.type]
                await self._call(handler, what, what.socket_id, f"message `{what.type}`")
            case SocketOpened(socket=socket):
                if listeners.socket_opened:
                    await self._call(
                        listeners.socket_opened, socket, socket.socket_id, "an opened socket"
                    )
                await self._tell_if_ready(socket)
            case SocketUpdated(socket=socket):
                await self._tell_if_ready(socket)
            case SocketClosed():
                self._ready.discard(what.socket_id)
                if listeners.socket_closed:
                    await self._call(
                        listeners.socket_closed, what, what.socket_id, "a closed socket"
                    )
            case Gap():
                log.warning(
                    "plugin `%s`: the events between %d and %d are lost (%s)",
                    self._context.plugin_name,
                    what.after_sequence,
                    what.before_sequence,
                    what.reason,
                )

    async def _tell_if_ready(self, socket: Socket) -> None:
        if not socket.ready or socket.socket_id in self._ready:
            return
        self._ready.add(socket.socket_id)
        if self._listeners.socket_ready:
            await self._call(
                self._listeners.socket_ready, socket, socket.socket_id, "a ready socket"
            )

    async def _call(self, handler: Handler, what: object, socket_id: str, about: str) -> None:
        async def work() -> None:
            try:
                await self._caller.tell(handler, what, self._context)
            except asyncio.CancelledError as error:
                if cancelled_by_us():
                    raise
                self._complain(about, error)
            except Exception as error:
                self._complain(about, error)

        await self._in_turn(socket_id, work)

    async def _reply(self, message: Message) -> None:
        """Answer a page's request with what its handler returns; an error goes on to the log."""
        about = f"request `{message.type}`"
        client, json, problem = self._context.client, "", ""
        try:
            handler = self._listeners.requests[message.type]
            json = _values.to_json(await self._caller.tell(handler, message, self._context))
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelled_by_us():
                raise
            self._complain(about, error)
            problem = text_of(error)
        if message.request_id is None:
            return
        try:
            if problem:
                await client.reply_error(message, problem)
            else:
                await client._reply_json(message, json)
        except PagewireError as error:
            # Else another plugin was faster, or the page waits no more.
            if not (isinstance(error, RpcError) and error.reason in _UNANSWERABLE):
                self._complain(about, error)

    async def _in_turn(self, socket_id: str, work: _Work) -> None:
        """Run a handler after the one before it at the same socket. Waits while too many run."""
        await self._permits.acquire()
        turn = self._turns.get(socket_id)
        if turn is not None:
            turn.append(work)
            return
        self._turns[socket_id] = deque([work])
        task = asyncio.create_task(self._take_turns(socket_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_turns(self, socket_id: str) -> None:
        turn = self._turns[socket_id]
        try:
            while turn:
                work = turn.popleft()
                try:
                    await work()
                finally:
                    self._permits.release()
        finally:
            self._turns.pop(socket_id, None)

    def _complain(self, about: str, error: BaseException) -> None:
        log.error(
            "plugin `%s`: the handler of %s failed: %s",
            self._context.plugin_name,
            about,
            text_of(error),
            exc_info=error,
        )
