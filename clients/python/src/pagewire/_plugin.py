"""A plugin as a few functions."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from pagewire import _values, sync
from pagewire._client import Client
from pagewire._content import Change, Content, Resolved, Skip
from pagewire._context import Context, Imports, Request, Response
from pagewire._events import Message, SocketClosed
from pagewire._filter import FailureMode, Filter, ServePhase, hook_options
from pagewire._handlers import Handler
from pagewire._hook import DeclaredHook, HookKind
from pagewire._kinds import RESOLVE_IMPORT, SERVE, TRANSFORM
from pagewire._live_filters import LiveFilters
from pagewire._proto import hooks_pb2
from pagewire._running import Running
from pagewire._session import Declared
from pagewire._sockets import Socket
from pagewire._values import StrPath
from pagewire.errors import PluginError

Served: TypeAlias = Content | Skip | None
"""What a serve handler returns."""
ResolvedImports: TypeAlias = Resolved | Iterable[str | None] | None
"""What a resolve_import handler returns."""

S = TypeVar("S", bound=Callable[[Request], Awaitable[Served] | Served])
T = TypeVar("T", bound=Callable[[Response], Awaitable[Change | None] | Change | None])
R = TypeVar("R", bound=Callable[[Imports], Awaitable[ResolvedImports] | ResolvedImports])
M = TypeVar(
    "M",
    bound=Callable[[Message, Client], Awaitable[Any]] | Callable[[Message, sync.Client], Any],
)
O = TypeVar(  # noqa: E741
    "O",
    bound=Callable[[Socket, Client], Awaitable[Any]] | Callable[[Socket, sync.Client], Any],
)
C = TypeVar(
    "C",
    bound=Callable[[SocketClosed, Client], Awaitable[Any]]
    | Callable[[SocketClosed, sync.Client], Any],
)
B = TypeVar("B", bound=Callable[[Context], Any])
E = TypeVar("E", bound=Callable[[Client], Awaitable[Any]] | Callable[[sync.Client], Any])


class Plugin:
    """A plugin: its name, and what it does when something happens.

    Handlers are functions, `async` or plain. `async` ones run in the event loop, so they must not
    block it, and get a `Client`. Plain ones run in threads, 64 at a time, so they may block; they
    get a `pagewire.sync.Client`. Both run at the same time as each other. A handler that fails
    never ends the plugin: the hooks (`serve`, `transform`, `resolve_import`) show the failure in
    the page, `on_request` tells it the page, all others log it (logger `pagewire`, which Python
    writes to standard error unless told otherwise). The exceptions are `server_start` and
    `server_stop`, whose errors end `run`.

    Events of one socket are handled one after the other, in order; those of different sockets at
    the same time, 256 altogether. A plugin that falls behind by more than the daemon
    buffers loses its session (`SUBSCRIBER_SLOW`): nothing is lost silently.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "",
        required_features: Iterable[str] = (),
        inject_web_socket: bool = False,
        replace_existing: bool = False,
    ) -> None:
        """Make a plugin that does nothing yet.

        Args:
            name: `[a-z][a-z0-9-]{0,62}`, which no other live plugin may have. The daemon's
                configuration and its order of plugins are keyed by it.
            version: For people.
            required_features: A daemon that lacks any refuses the plugin
                (`FEATURE_UNSUPPORTED`).
            inject_web_socket: Have the web socket client put into HTML pages, so that they
                connect. The daemon's `--inject` wins over it.
            replace_existing: Take the name over from a live plugin, instead of failing with
                `PLUGIN_NAME_TAKEN`.

        """
        self._declared = Declared(
            name=_values.string(name, "a plugin's name"),
            version=version,
            required_features=_values.strings(required_features, "features"),
            inject_web_socket=inject_web_socket,
            replace_existing=replace_existing,
        )
        self._running: Running | None = None
        self._lock = threading.Lock()

    def serve(
        self,
        *filters: Filter | LiveFilters,
        phase: ServePhase | str = ServePhase.BEFORE_FILES,
        max_request_body_bytes: int = 0,
        call_timeout: float | None = None,
        max_concurrent_calls: int = 0,
        failure_mode: FailureMode | str = FailureMode.FAIL,
        forward_request_headers: Iterable[str] = (),
    ) -> Callable[[S], S]:
        """Answer the requests that any of the filters matches; or one `LiveFilters`.

        The handler gets a `Request` and returns a `Content`, or None or a `Skip` when the request
        is not its own. An error is shown in the page; a `Failure` brings its place in the source.
        A plugin has one serve handler: it tells paths apart itself.

        Calls run at the same time. When nobody waits for one any more, an `async` handler is
        cancelled (`asyncio.CancelledError`); a plain one may look at `request.cancelled`. What it
        returns then is thrown away.

        Args:
            filters: What to be asked about.
            phase: When to be asked, see `ServePhase`.
            max_request_body_bytes: The largest request body to see, 16 MiB at most. Of a larger
                one a handler sees that it was left out. Default: none.
            call_timeout: Seconds that one call may take, from when it is due. Default 5; capped
                by the daemon; unlimited while it debugs. Then the page gets 504.
            max_concurrent_calls: Calls that may run at once; up to 1,024 more wait in the daemon.
                Default 32.
            failure_mode: What pages get when this plugin is too slow, overloaded or gone.
            forward_request_headers: The request headers to see; `*` = all. They take part in the
                key of remembered and cached results.

        """
        open_ = hooks_pb2.ServeOpen(
            options=hook_options(
                call_timeout,
                max_concurrent_calls,
                FailureMode(failure_mode),
                forward_request_headers,
            ),
            phase=ServePhase(phase)._to_proto(),
            max_request_body_bytes=max_request_body_bytes,
        )
        return self._hook(SERVE, open_, filters)

    def transform(
        self,
        *filters: Filter | LiveFilters,
        max_body_bytes: int = 0,
        call_timeout: float | None = None,
        max_concurrent_calls: int = 0,
        failure_mode: FailureMode | str = FailureMode.FAIL,
        forward_request_headers: Iterable[str] = (),
    ) -> Callable[[T], T]:
        """Change the responses that any of the filters matches, wherever they come from.

        The handler gets a `Response` and returns a `Change`, or None to leave it as it is.
        `max_body_bytes` is the largest body to change (default 1 MiB); a larger response passes
        this plugin by, and a header of it says so. Otherwise as `serve`.

        What comes of a response is cached, None too: an unchanged one is not asked about again,
        unless the change says `no_cache`.
        """
        open_ = hooks_pb2.TransformOpen(
            options=hook_options(
                call_timeout,
                max_concurrent_calls,
                FailureMode(failure_mode),
                forward_request_headers,
            ),
            max_body_bytes=max_body_bytes,
        )
        return self._hook(TRANSFORM, open_, filters)

    def resolve_import(
        self,
        *filters: Filter | LiveFilters,
        specifiers: Iterable[str] = (),
        call_timeout: float | None = None,
        max_concurrent_calls: int = 0,
        failure_mode: FailureMode | str = FailureMode.FAIL,
        forward_request_headers: Iterable[str] = (),
    ) -> Callable[[R], R]:
        """Say what modules import, if any of the filters matches the importing module.

        The handler is called once for each module, with all its `Imports`, and returns a list with
        one specifier for each (None leaves one to the next plugin), or a `Resolved`, or None.
        `specifiers` are regular expressions (RE2, unanchored): only imports that any is found in
        are asked about; `^[^./]` are the bare ones. Otherwise as `serve`.
        """
        open_ = hooks_pb2.ResolveImportOpen(
            options=hook_options(
                call_timeout,
                max_concurrent_calls,
                FailureMode(failure_mode),
                forward_request_headers,
            ),
            specifier_regexes=_values.strings(specifiers, "specifiers"),
        )
        return self._hook(RESOLVE_IMPORT, open_, filters)

    def on_message(self, message_type: str) -> Callable[[M], M]:
        """Call the handler, with message and client, for every message of this type of a page."""

        def decorate(handler: M) -> M:
            self._once_per_type(message_type)
            self._declared.listeners.messages[message_type] = handler
            return handler

        return decorate

    def on_request(self, message_type: str) -> Callable[[M], M]:
        """Answer every request of this type that a page makes (`sendMessageWaitForResponse`).

        With the value that the handler returns, as JSON, or with its error. The page waits up to
        20 s. A message of this type that is no request has its handler called, and no answer.
        """

        def decorate(handler: M) -> M:
            self._once_per_type(message_type)
            self._declared.listeners.requests[message_type] = handler
            return handler

        return decorate

    def on_socket_opened(self, handler: O) -> O:
        """Call the handler, with socket and client, for every socket that opens, at once.

        Its page may not have said what it is.
        """
        self._once("on_socket_opened", self._declared.listeners.socket_opened)
        self._declared.listeners.socket_opened = handler
        return handler

    def on_socket_ready(self, handler: O) -> O:
        """Call the handler, with socket and client, for every socket that becomes ready, once.

        Sockets that were ready when the plugin started are in `Context.sockets`.
        """
        self._once("on_socket_ready", self._declared.listeners.socket_ready)
        self._declared.listeners.socket_ready = handler
        return handler

    def on_socket_closed(self, handler: C) -> C:
        """Call the handler, with what closed and the client, after the socket's messages."""
        self._once("on_socket_closed", self._declared.listeners.socket_closed)
        self._declared.listeners.socket_closed = handler
        return handler

    def server_start(self, handler: B) -> B:
        """Call the handler, with a `Context`, when all hooks of this plugin are in force.

        They may be called before it returns: what they need to be ready is prepared before `run`.
        Called again, with a new context, when the plugin comes back.
        """
        self._once("server_start", self._declared.server_start)
        self._declared.server_start = handler
        return handler

    def server_stop(self, handler: E) -> E:
        """Call the handler, with the client, when the daemon stops or the plugin is ended.

        It has 2 s, or what the daemon grants. Not called when the connection is lost.
        """
        self._once("server_stop", self._declared.server_stop)
        self._declared.server_stop = handler
        return handler

    def run(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """Run the plugin until it ends: Ctrl-C, `stop`, or what the daemon refuses for good.

        Blocks; `run_async` is for programs with an event loop of their own. Without an endpoint
        it is the daemon that spawned it, or that is meant here (`Client.find`).

        When the daemon stops or the connection is lost, the plugin connects again after 0.2, 0.5,
        1, 2, then every 5 s, for ever; to a daemon that it found, only to one with the same root
        folders. Unless the daemon spawned it: then it returns, and also when its standard input
        ends, which nothing else may read.

        Raises ConnectError or NoDaemonError when there is no daemon at first; RpcError when it
        refuses the plugin (`PLUGIN_NAME_TAKEN`, `FIELD_INVALID`, `TOKEN_INVALID`) or another took
        its name (`REPLACED`); PluginError when the start or stop handler fails.
        """
        asyncio.run(self._run_in_main(endpoint, token, token_file, once=False))

    def run_once(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """As `run`, but return when the daemon stops, and raise when the connection is lost."""
        asyncio.run(self._run_in_main(endpoint, token, token_file, once=True))

    async def run_async(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """As `run`, in the running event loop; to cancel it withdraws the plugin at once."""
        await self._run(endpoint, token, token_file, once=False)

    async def run_once_async(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """As `run_once`, in the running event loop; to cancel it withdraws the plugin at once."""
        await self._run(endpoint, token, token_file, once=True)

    def stop(self) -> None:
        """End the plugin in order, within 2 s; `run` then returns.

        From any thread; returns at once. Does nothing when it does not run.
        """
        with self._lock:
            if self._running is not None:
                self._running.stop()

    async def _run_in_main(
        self, endpoint: str | None, token: str | None, token_file: StrPath | None, *, once: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)

        def end() -> None:
            self.stop()
            for each in signals:  # the second time counts as usual
                loop.remove_signal_handler(each)

        if threading.current_thread() is threading.main_thread():
            try:
                for each in signals:
                    loop.add_signal_handler(each, end)
            except NotImplementedError:
                pass  # Windows: Ctrl-C cancels the run
        await self._run(endpoint, token, token_file, once=once)

    async def _run(
        self, endpoint: str | None, token: str | None, token_file: StrPath | None, *, once: bool
    ) -> None:
        with self._lock:
            if self._running is not None:
                raise PluginError(self._declared.name, "runs already")
            running = self._running = Running(self._declared, endpoint, token, token_file)
        try:
            await running.run(once=once)
        finally:
            with self._lock:
                self._running = None

    def _hook(
        self, kind: HookKind, open_: Any, filters: tuple[Filter | LiveFilters, ...]
    ) -> Callable[[Any], Any]:
        live = [each for each in filters if isinstance(each, LiveFilters)]
        if not filters:
            raise TypeError(f"{kind.name} needs a filter (Filter.all() is everything)")
        if live and len(filters) > 1:
            raise TypeError(f"{kind.name} takes one LiveFilters and nothing beside it")
        held = live[0] if live else LiveFilters(filters)  # type: ignore[arg-type]

        def decorate(handler: Handler) -> Handler:
            self._once(kind.name, self._declared.hooks.get(kind.name))
            self._declared.hooks[kind.name] = DeclaredHook(kind, open_, held, handler)
            return handler

        return decorate

    def _once(self, what: str, given: object) -> None:
        if given is not None:
            raise PluginError(
                self._declared.name,
                f"{what} is given twice (keep one, and tell cases apart in it)",
            )

    def _once_per_type(self, message_type: str) -> None:
        listeners = self._declared.listeners
        _values.string(message_type, "a message type")
        given = listeners.messages.get(message_type) or listeners.requests.get(message_type)
        self._once(f"a handler of `{message_type}`", given)
