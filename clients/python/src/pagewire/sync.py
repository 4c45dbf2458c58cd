"""The blocking client, for scripts, CI, and handlers that are plain functions.

```python
from pagewire import Target, sync

with sync.Client.find() as client:
    client.reload(Target.all())
```
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from pagewire._client import Client as _AsyncClient
from pagewire._events import ConsoleLevel, Event, Message
from pagewire._import import Import, ImportReport
from pagewire._report import Report
from pagewire._server import PluginInfo, ServerInfo
from pagewire._sockets import Position, Socket, SocketFilter, SocketList
from pagewire._stale import Stale
from pagewire._subscription import Subscription as AsyncSubscription
from pagewire._target import Target
from pagewire._values import StrPath

__all__ = ["Client", "Subscription"]

T = TypeVar("T")

_loop_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def _background_loop() -> asyncio.AbstractEventLoop:
    """The event loop that all clients outside of plugins share, in a thread of its own."""
    global _loop  # noqa: PLW0603
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="pagewire", daemon=True).start()
        return _loop


def _wait(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        current: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        current = None
    if current is loop:
        coroutine.close()
        raise RuntimeError(
            "a blocking call in the event loop that has to complete it "
            "(await pagewire.Client there, or make the handler a plain function)"
        )
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()  # the wait was interrupted by Ctrl-C
        raise


class Client:
    """The blocking form of `pagewire.Client`, for any thread except that of its event loop.

    Methods may be called concurrently from several threads. Their arguments, results and errors are
    those of `pagewire.Client`.
    """

    def __init__(self, client: _AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        """Wrap a client whose event loop runs in another thread. Or use `find` or `connect`."""
        self._client = client
        self._loop = loop

    @classmethod
    def find(cls) -> Self:
        """Connect to a daemon without being given one."""
        return cls.connect()

    @classmethod
    def connect(
        cls,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> Self:
        """Connect to the daemon at an endpoint."""

        async def open_() -> _AsyncClient:
            return await _AsyncClient.connect(endpoint, token=token, token_file=token_file)

        loop = _background_loop()
        return cls(_wait(loop, open_()), loop)

    def close(self) -> None:
        """Close the connection."""
        self.wait(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the client's event loop, such as `LiveFilters.set`."""
        return _wait(self._loop, coroutine)

    def options(
        self,
        *,
        deadline: float | None = None,
        confirm_receipt: bool | None = None,
        list_reached: bool | None = None,
    ) -> "Client":
        """A client on the same connection with other options. Options not given stay."""
        client = self._client.options(
            deadline=deadline, confirm_receipt=confirm_receipt, list_reached=list_reached
        )
        return Client(client, self._loop)

    def info(self) -> ServerInfo:
        """Version, features and limits of the daemon."""
        return self.wait(self._client.info())

    def sockets(self, condition: SocketFilter | None = None) -> tuple[Socket, ...]:
        """The ready sockets that match; without a condition all connected sockets."""
        return self.wait(self._client.sockets(condition))

    def list_sockets(self, condition: SocketFilter | None = None) -> SocketList:
        """Like `sockets`, with the position of the snapshot."""
        return self.wait(self._client.list_sockets(condition))

    def plugins(self) -> tuple[PluginInfo, ...]:
        """Configured plugins and live sessions, in the order in which their hooks are called."""
        return self.wait(self._client.plugins())

    def send(self, target: Target, value: Any) -> Report:
        """Send a value as one JSON message."""
        return self.wait(self._client.send(target, value))

    def send_json(self, target: Target, json: str) -> Report:
        """Send JSON text unchanged."""
        return self.wait(self._client.send_json(target, json))

    def send_text(self, target: Target, text: str) -> Report:
        """Send a text frame, verbatim and unchecked."""
        return self.wait(self._client.send_text(target, text))

    def send_binary(self, target: Target, data: bytes) -> Report:
        """Send a binary frame, verbatim."""
        return self.wait(self._client.send_binary(target, data))

    def reply(self, message: Message, value: Any) -> Report:
        """Reply to a page's request."""
        return self.wait(self._client.reply(message, value))

    def reply_error(self, message: Message, text: str) -> Report:
        """Reply to a page's request with an error."""
        return self.wait(self._client.reply_error(message, text))

    def send_import(self, target: Target, module: Import) -> Report:
        """Make pages import a module and call its default export, without waiting."""
        return self.wait(self._client.send_import(target, module))

    def import_value(self, target: Target, module: Import) -> ImportReport:
        """Make pages import a module and call its default export, and wait for the values."""
        return self.wait(self._client.import_value(target, module))

    def console_log(
        self, target: Target, level: ConsoleLevel | str, text: str, *, source: str = ""
    ) -> Report:
        """Print a text to the console of pages."""
        return self.wait(self._client.console_log(target, level, text, source=source))

    def reload(self, target: Target) -> Report:
        """Reload pages."""
        return self.wait(self._client.reload(target))

    def navigate(self, target: Target, url: str) -> Report:
        """Navigate pages to a URL."""
        return self.wait(self._client.navigate(target, url))

    def swap_stylesheets(self, target: Target, paths: Iterable[str] = ()) -> Report:
        """Make pages fetch stylesheets again and swap them in."""
        return self.wait(self._client.swap_stylesheets(target, paths))

    def close_sockets(self, target: Target, code: int = 1000, reason: str = "") -> Report:
        """Close sockets with a WebSocket close code."""
        return self.wait(self._client.close_sockets(target, code, reason))

    def invalidate(self, stale: Stale) -> int:
        """Invalidate cached results of hooks; returns their number."""
        return self.wait(self._client.invalidate(stale))

    def subscribe(
        self,
        *,
        messages: bool = False,
        message_types: Iterable[str] = (),
        sockets: bool = False,
        console: bool = False,
        page_errors: bool = False,
        files: bool = False,
        from_sockets: SocketFilter | None = None,
        resume_after: Position | None = None,
        strict: bool = False,
        gaps_when_slow: bool = False,
        max_queue: int = 0,
        max_event_bytes: int = 0,
        answers_requests: bool = False,
        answers: Iterable[str] = (),
    ) -> "Subscription":
        """Subscribe to events; arguments as for `pagewire.Client.subscribe`."""
        opening = self._client.subscribe(
            messages=messages,
            message_types=message_types,
            sockets=sockets,
            console=console,
            page_errors=page_errors,
            files=files,
            from_sockets=from_sockets,
            resume_after=resume_after,
            strict=strict,
            gaps_when_slow=gaps_when_slow,
            max_queue=max_queue,
            max_event_bytes=max_event_bytes,
            answers_requests=answers_requests,
            answers=answers,
        )

        async def open_() -> AsyncSubscription:
            return await opening

        return Subscription(self.wait(open_()), self._loop)


class Subscription:
    """An active subscription: a blocking iterator of events. Close it, or use `with`."""

    def __init__(self, subscription: AsyncSubscription, loop: asyncio.AbstractEventLoop) -> None:
        """Use `Client.subscribe`."""
        self._subscription = subscription
        self._loop = loop

    @property
    def position(self) -> Position:
        """Position of the last delivered event; initially that of the subscription itself."""
        return self._subscription.position

    @property
    def resumed(self) -> bool:
        """Whether all events after the requested position will be delivered."""
        return self._subscription.resumed

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    def next(self, timeout: float | None = None) -> Event | None:
        """Wait at most `timeout` seconds for the next event; None once it is closed.

        Raises TimeoutError after that time; no event is lost. Raises the errors of
        `pagewire.Subscription`.
        """

        async def read() -> Event | None:
            async with asyncio.timeout(timeout):
                return await anext(self._subscription, None)

        return _wait(self._loop, read())

    def resume(self) -> "Subscription":
        """Subscribe again after the last delivered event; lost events are reported by a `Gap`."""
        return Subscription(_wait(self._loop, self._subscription.resume()), self._loop)

    def close(self) -> None:
        """Unsubscribe; a `next` that waits in another thread fails."""
        _wait(self._loop, self._subscription.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
