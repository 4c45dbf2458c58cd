"""The handlers of a plugin, and how they are called."""

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pagewire import _values
from pagewire._context import Context

# Limit of plain handlers that run concurrently; further calls wait.
_MAX_THREADS = 64

Handler: TypeAlias = Callable[..., Any]


@dataclass(slots=True)
class Listeners:
    """The event handlers of a plugin."""

    messages: dict[str, Handler] = field(default_factory=dict)
    requests: dict[str, Handler] = field(default_factory=dict)
    socket_opened: Handler | None = None
    socket_ready: Handler | None = None
    socket_closed: Handler | None = None

    @property
    def has_socket_handlers(self) -> bool:
        """Whether there is a handler of socket events."""
        return any((self.socket_opened, self.socket_ready, self.socket_closed))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.messages or self.requests) or self.has_socket_handlers


class Caller:
    """Calls handlers: `async` ones in the event loop, plain ones in threads."""

    def __init__(self) -> None:
        """Threads are started on demand."""
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="pagewire")

    async def call(self, handler: Handler, *args: Any) -> Any:
        """Call a handler and wait for it. Cancelling the call cancels an `async` handler."""
        if is_async(handler):
            return await handler(*args)
        call = functools.partial(contextvars.copy_context().run, handler, *args)
        result = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        # A plain function may return a coroutine: a lambda, or a decorator's wrapper.
        return await result if inspect.isawaitable(result) else result

    async def call_with_client(self, handler: Handler, event: Any, context: Context) -> Any:
        """Call a handler with an event and the client that suits the handler."""
        client = context.client if is_async(handler) else context.sync_client
        return await self.call(handler, event, client)

    def close(self) -> None:
        """Accept no further calls, without waiting for the running ones."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def check_handler(name: str, handler: Handler, *parameters: str) -> None:
    """Check, when a handler is declared, that it can be called with these arguments."""
    if not callable(handler):
        raise TypeError(f"{name} decorates a function, not {_values.described(handler)}")
    try:
        # Of a wrapper, its own: it may pass other arguments to the function that it wraps.
        signature = inspect.signature(handler, follow_wrapped=False)
    except (TypeError, ValueError):
        return  # a callable without a signature, such as some that are written in C
    try:
        signature.bind(*parameters)
    except TypeError:
        raise TypeError(
            f"the {name} handler {described(handler)} has the parameters {signature}, but is "
            f"called with ({', '.join(parameters)})"
        ) from None


def described(handler: Handler) -> str:
    """The name of a handler and where it is defined: `hello (/srv/plugin.py:12)`."""
    function: Any = handler
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    name = getattr(function, "__name__", type(function).__name__)
    code = getattr(function, "__code__", None)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else str(name)


def is_async(handler: Handler) -> bool:
    """Whether a handler is an `async` function, or an object with an `async` `__call__`."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004
    )


def task_is_cancelled() -> bool:
    """Whether the running task is cancelled. If not, a CancelledError came from the handler."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
