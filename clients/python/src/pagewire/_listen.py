"""A plugin's subscription: dispatches events to handlers; those of one socket run sequentially."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from pagewire import _values
from pagewire._context import Context
from pagewire._events import Gap, Message, SocketClosed, SocketOpened, SocketUpdated, What
from pagewire._failures import log_failure
from pagewire._handlers import Caller, Handler, Listeners, described, task_is_cancelled
from pagewire._log import log
from pagewire._proto import messages_pb2
from pagewire._sockets import Socket
from pagewire._subscription import Subscription
from pagewire.errors import PagewireError, RpcError, UnexpectedError, text_of

# Limit of handlers that run or wait for earlier ones of their socket. At the limit no event is
# read, so that the daemon's queue fills and it finally ends the subscription with SUBSCRIBER_SLOW.
_MAX_HANDLERS = 256

# Reasons for a refused reply: another plugin replied first, or the page no longer waits.
_REPLY_NOT_NEEDED = ("ALREADY_ANSWERED", "REQUEST_EXPIRED", "REQUEST_NOT_FOUND")

_Task: TypeAlias = Callable[[], Awaitable[None]]


class EventListener:
    """The subscription of a plugin and the state of its handlers."""

    def __init__(
        self, listeners: Listeners, context: Context, caller: Caller, started: asyncio.Event
    ) -> None:
        """`open` subscribes; handlers are called once `started` is set."""
        self._listeners = listeners
        self._context = context
        self._caller = caller
        self._started = started
        self._events: Subscription | None = None
        # Sockets known to be ready.
        self._ready = {socket.socket_id for socket in context.sockets if socket.ready}
        self._permits = asyncio.Semaphore(_MAX_HANDLERS)
        self._queues: dict[str, deque[_Task]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._finishing = False

    async def open(self) -> None:
        """Subscribe to the events that have handlers, starting at the context's position."""
        listeners, kinds = self._listeners, [messages_pb2.EVENT_KIND_MESSAGE]
        if listeners.has_socket_handlers:
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
        """Call handlers until `finish`. Raises when the subscription ends before that."""
        if self._events is None:
            return
        self._reader = asyncio.create_task(self._follow(self._events))
        await asyncio.wait([self._reader])
        if not self._finishing:
            self._reader.result()
            raise UnexpectedError("the unrequested end of a subscription")

    async def finish(self) -> None:
        """Read no more events, and let running and waiting handlers finish."""
        self._finishing = True
        if self._reader is not None:
            self._reader.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Unsubscribe immediately and cancel the running handlers."""
        self._finishing = True
        self._queues.clear()
        tasks = [*self._tasks, *([self._reader] if self._reader else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._events is not None:
            await self._events.close()

    async def _follow(self, events: Subscription) -> None:
        async for event in events:
            await self._dispatch(event.what)

    async def _dispatch(self, what: What) -> None:
        listeners = self._listeners
        match what:
            case Message() if what.type in listeners.requests:
                await self._enqueue(what.socket_id, lambda: self._reply(what))
            case Message() if what.type in listeners.messages:
                handler = listeners.messages[what.type]
                await self._call(handler, what, what.socket_id, f'message "{what.type}"')
            case SocketOpened(socket=socket):
                if listeners.socket_opened:
                    await self._call(
                        listeners.socket_opened, socket, socket.socket_id, "socket opened"
                    )
                await self._dispatch_if_ready(socket)
            case SocketUpdated(socket=socket):
                await self._dispatch_if_ready(socket)
            case SocketClosed():
                self._ready.discard(what.socket_id)
                if listeners.socket_closed:
                    await self._call(listeners.socket_closed, what, what.socket_id, "socket closed")
            case Gap():
                log.warning(
                    "plugin `%s`: events between %d and %d were lost (%s)",
                    self._context.plugin_name,
                    what.after_sequence,
                    what.before_sequence,
                    what.reason,
                )

    async def _dispatch_if_ready(self, socket: Socket) -> None:
        if not socket.ready or socket.socket_id in self._ready:
            return
        self._ready.add(socket.socket_id)
        if self._listeners.socket_ready:
            await self._call(self._listeners.socket_ready, socket, socket.socket_id, "socket ready")

    async def _call(self, handler: Handler, what: object, socket_id: str, event: str) -> None:
        async def task() -> None:
            try:
                await self._caller.call_with_client(handler, what, self._context)
            except asyncio.CancelledError as error:
                if task_is_cancelled():
                    raise
                log_failure(event, error)
            except Exception as error:
                log_failure(event, error)

        await self._enqueue(socket_id, task)

    async def _reply(self, message: Message) -> None:
        """Reply to a request with the result of its handler. An error is also logged."""
        event = f'request "{message.type}"'
        client, json, problem = self._context.client, "", ""
        handler = self._listeners.requests[message.type]
        try:
            value = await self._caller.call_with_client(handler, message, self._context)
            json = _json(value, handler)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and task_is_cancelled():
                raise
            log_failure(event, error)
            problem = text_of(error)
        if message.request_id is None:
            return
        try:
            if problem:
                await client.reply_error(message, problem)
            else:
                await client._reply_json(message, json)
        except PagewireError as error:
            if not (isinstance(error, RpcError) and error.reason in _REPLY_NOT_NEEDED):
                log_failure(event, error)
            elif error.reason == "REQUEST_EXPIRED":
                log.warning(
                    "%s: the result of the handler %s came too late; the page waits 20 s",
                    event,
                    described(handler),
                )

    async def _enqueue(self, socket_id: str, task: _Task) -> None:
        """Run a task after the earlier ones of its socket. Waits at the limit of handlers."""
        await self._permits.acquire()
        queue = self._queues.get(socket_id)
        if queue is not None:
            queue.append(task)
            return
        self._queues[socket_id] = deque([task])
        worker = asyncio.create_task(self._drain(socket_id))
        self._tasks.add(worker)
        worker.add_done_callback(self._tasks.discard)

    async def _drain(self, socket_id: str) -> None:
        """Run the tasks of a socket until none waits."""
        queue = self._queues[socket_id]
        try:
            await self._started.wait()
            while queue:
                task = queue.popleft()
                try:
                    await task()
                finally:
                    self._permits.release()
        finally:
            self._queues.pop(socket_id, None)


def _json(value: object, handler: Handler) -> str:
    try:
        return _values.to_json(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"the on_request handler {described(handler)} returned {_values.described(value)}, "
            f"which has no JSON encoding: {error}"
        ) from None
