"""The functions of a plugin, and how they are called."""

import asyncio
import contextvars
import functools
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pagewire._context import Context

log = logging.getLogger("pagewire")
"""Says what no page is told. Python writes it to standard error unless told otherwise."""

# Plain functions that run at the same time; beyond it the next wait for their turn. Default 64.
_MAX_THREADS = 64

Handler: TypeAlias = Callable[..., Any]


@dataclass(slots=True)
class Listeners:
    """The handlers of what a subscription tells."""

    messages: dict[str, Handler] = field(default_factory=dict)
    requests: dict[str, Handler] = field(default_factory=dict)
    socket_opened: Handler | None = None
    socket_ready: Handler | None = None
    socket_closed: Handler | None = None

    @property
    def wants_sockets(self) -> bool:
        """Whether any is about sockets."""
        return any((self.socket_opened, self.socket_ready, self.socket_closed))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.messages or self.requests) or self.wants_sockets


class Caller:
    """Calls handlers: `async` ones in the event loop, plain ones in threads."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="pagewire")

    async def call(self, handler: Handler, *args: Any) -> Any:
        """Call a handler and wait for it. To cancel that cancels an `async` one."""
        if is_async(handler):
            return await handler(*args)
        call = functools.partial(contextvars.copy_context().run, handler, *args)
        result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        # A plain function may return a coroutine: a lambda, or a decorator's wrapper.
        return await result if inspect.isawaitable(result) else result

    async def tell(self, handler: Handler, what: Any, context: Context) -> Any:
        """Call a handler with what happened and the client of its kind."""
        client = context.client if is_async(handler) else context.sync_client
        return await self.call(handler, what, client)

    def close(self) -> None:
        """Start no more; those that run are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_async(handler: Handler) -> bool:
    """Whether a handler is an `async` function, or an object whose call is one."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004
    )


def cancelled_by_us() -> bool:
    """Whether a CancelledError is for the running task, not one of the handler's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
