"""The plugin: registers handlers and runs them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from typing import Any, TypeAlias, TypeVar

from pagewire import _values, sync
from pagewire._client import Client
from pagewire._content import Change, Content, Resolved, Skip
from pagewire._context import Context, Imports, Request, Response
from pagewire._events import Message, SocketClosed
from pagewire._failures import print_error
from pagewire._filter import FailureMode, Filter, ServePhase, hook_options
from pagewire._handlers import Handler, check_handler
from pagewire._hook import DeclaredHook, HookType
from pagewire._hook_types import RESOLVE_IMPORT, SERVE, TRANSFORM
from pagewire._live_filters import LiveFilters
from pagewire._log import log_to_stderr_by_default
from pagewire._proto import hooks_pb2
from pagewire._runner import PluginRunner
from pagewire._session import PluginDeclaration
from pagewire._signals import stop_on_signals
from pagewire._sockets import Socket
from pagewire._values import StrPath
from pagewire.errors import (
    ConnectError,
    DisconnectedError,
    NoDaemonError,
    PagewireError,
    PluginError,
)

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

# Exit codes of `main`. The commands of `pagewire` use the same one when there is no daemon.
_FAILED = 1
_NO_DAEMON = 4


class Plugin:
    """A plugin: its name and its handlers.

    Handlers are functions, `async` or plain. `async` ones run in the event loop, so they must not
    block it, and get a `Client`. Plain ones run in at most 64 threads, so they may block; they get
    a `pagewire.sync.Client`. All run concurrently. A handler that fails never ends the plugin: its
    error is logged. Those of hooks (`serve`, `transform`, `resolve_import`) are also shown in the
    page, and those of `on_request` are sent to the page. The exceptions are `server_start` and
    `server_stop`, whose errors end `run`.

    The log is Python's, with the logger `pagewire`: it reports failed handlers, and when the plugin
    connects (INFO) and loses the daemon (WARNING). `run` writes it to standard error if the program
    has not configured logging (no handler, and no level of this logger).

    Events of one socket are handled sequentially, in order; those of different sockets
    concurrently, at most 256 in total. A plugin that falls behind further than the daemon's buffer
    allows is disconnected (`SUBSCRIBER_SLOW`): nothing is lost silently.
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
        """Create a plugin without handlers.

        Args:
            name: Unique among the connected plugins: `[a-z][a-z0-9-]{0,62}`. The daemon's
                configuration and its order of plugins are keyed by it.
            version: The plugin's version, for people.
            required_features: Features without which the daemon refuses the plugin
                (`FEATURE_UNSUPPORTED`).
            inject_web_socket: Request the injection of the socket client into HTML pages, so that
                they connect. The daemon's `--inject` takes precedence.
            replace_existing: Replace a connected plugin of the same name, instead of failing with
                `PLUGIN_NAME_TAKEN`.

        """
        self._declaration = PluginDeclaration(
            name=_values.string(name, "a plugin's name"),
            version=version,
            required_features=_values.strings(required_features, "features"),
            inject_web_socket=inject_web_socket,
            replace_existing=replace_existing,
        )
        self._runner: PluginRunner | None = None
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
        """Serve the requests that match any of the filters, or a `LiveFilters`.

        The handler gets a `Request` and returns a `Content`, or None or a `Skip` to pass the
        request on. An error is shown in the page; a `Failure` adds the location in the source. A
        plugin has one serve handler, which distinguishes paths itself.

        Calls run concurrently. When the daemon cancels a call, an `async` handler is cancelled
        (`asyncio.CancelledError`); a plain one can check `request.cancelled`. Its result is then
        discarded.

        Args:
            filters: The requests for which the handler is called.
            phase: When it is called, see `ServePhase`.
            max_request_body_bytes: The largest request body to receive, at most 16 MiB. Reading a
                larger one raises BodyTooLargeError. Default 0: no bodies.
            call_timeout: Time limit of one call in seconds, including its time in the queue. After
                it the page gets 504. Default 5; capped by the daemon; unlimited with `--debug`.
            max_concurrent_calls: Limit of concurrent calls; up to 1,024 more wait in the daemon.
                Default 32.
            failure_mode: What happens when this plugin is too slow, overloaded or disconnected.
            forward_request_headers: The request headers to receive; `*` = all. They are part of
                the cache key of results.

        """
        open_ = hooks_pb2.ServeOpen(
            options=hook_options(
                call_timeout,
                max_concurrent_calls,
                failure_mode,
                forward_request_headers,
            ),
            phase=_values.choice(ServePhase, phase, "phase")._to_proto(),
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
        """Transform the responses that match any of the filters, whatever their source.

        The handler gets a `Response` and returns a `Change`, or None to leave the response
        unchanged. `max_body_bytes` is the largest body to transform (default 1 MiB); a larger
        response is passed on unchanged, and its `pagewire-skipped` header names this plugin.
        Otherwise like `serve`.

        Results are cached, including None: the handler is not called again for an unchanged
        response, unless the change has `no_cache`.
        """
        open_ = hooks_pb2.TransformOpen(
            options=hook_options(
                call_timeout,
                max_concurrent_calls,
                failure_mode,
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
        """Resolve the imports of modules that match any of the filters.

        The handler is called once per module, with all its `Imports`, and returns a list with one
        specifier for each (None leaves an import to the next plugin), or a `Resolved`, or None.
        `specifiers` limits the hook to specifiers that match any of these regular expressions
        (RE2, unanchored); `^[^./]` matches the bare ones. Otherwise like `serve`.
        """
        open_ = hooks_pb2.ResolveImportOpen(
            options=hook_options(
                call_timeout,
                max_concurrent_calls,
                failure_mode,
                forward_request_headers,
            ),
            specifier_regexes=_values.strings(specifiers, "specifiers"),
        )
        return self._hook(RESOLVE_IMPORT, open_, filters)

    def on_message(self, message_type: str) -> Callable[[M], M]:
        """Call the handler, with message and client, for every message of this type."""
        _check_message_type("on_message", message_type)

        def decorate(handler: M) -> M:
            check_handler("on_message", handler, "message", "client")
            self._check_type_declared_once(message_type)
            self._declaration.listeners.messages[message_type] = handler
            return handler

        return decorate

    def on_request(self, message_type: str) -> Callable[[M], M]:
        """Reply to every request of this type that a page makes (`sendMessageWaitForResponse`).

        Replies with the handler's return value as JSON, or with its error. The page waits up to
        20 s. The handler is also called for a plain message of this type (one that expects no
        reply); its result is discarded.
        """
        _check_message_type("on_request", message_type)

        def decorate(handler: M) -> M:
            check_handler("on_request", handler, "message", "client")
            self._check_type_declared_once(message_type)
            self._declaration.listeners.requests[message_type] = handler
            return handler

        return decorate

    def on_socket_opened(self, handler: O) -> O:
        """Call the handler, with socket and client, for every socket that opens.

        The socket's page has not sent its hello yet.
        """
        check_handler("on_socket_opened", handler, "socket", "client")
        self._check_declared_once("on_socket_opened", self._declaration.listeners.socket_opened)
        self._declaration.listeners.socket_opened = handler
        return handler

    def on_socket_ready(self, handler: O) -> O:
        """Call the handler once, with socket and client, for every socket that becomes ready.

        Sockets that were ready when the plugin started are in `Context.sockets`.
        """
        check_handler("on_socket_ready", handler, "socket", "client")
        self._check_declared_once("on_socket_ready", self._declaration.listeners.socket_ready)
        self._declaration.listeners.socket_ready = handler
        return handler

    def on_socket_closed(self, handler: C) -> C:
        """Call the handler, with the closed socket and client, after the socket's messages."""
        check_handler("on_socket_closed", handler, "closed", "client")
        self._check_declared_once("on_socket_closed", self._declaration.listeners.socket_closed)
        self._declaration.listeners.socket_closed = handler
        return handler

    def server_start(self, handler: B) -> B:
        """Call the handler, with a `Context`, once all hooks of this plugin are open.

        Prepare here what the other handlers need: events wait until it has returned, calls of hooks
        at most 10 s, and until 0.5 s before their deadline. Then the page gets 503. So it must not
        wait for a page that needs this plugin. Called again, with a new context, after each
        reconnect.
        """
        check_handler("server_start", handler, "context")
        self._check_declared_once("server_start", self._declaration.server_start)
        self._declaration.server_start = handler
        return handler

    def server_stop(self, handler: E) -> E:
        """Call the handler, with the client, when the daemon stops or the plugin is stopped.

        It has the daemon's grace period, or 2 s when the program stops the plugin. Not called when
        the connection is lost.
        """
        check_handler("server_stop", handler, "client")
        self._check_declared_once("server_stop", self._declaration.server_stop)
        self._declaration.server_stop = handler
        return handler

    def main(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """Run the plugin as a program: like `run`, but errors become a sentence and an exit code.

        This is the last line of a plugin that is a program of its own. Most often it fails because
        no daemon runs; a traceback would hide the sentence that says so behind the library's
        frames. `run` raises, for programs that handle errors themselves.

        Prints any PagewireError to standard error and exits: with 4 if there is no daemon, as the
        `pagewire` commands do, otherwise with 1. If `server_start` or `server_stop` failed, its
        traceback is printed too.
        """
        try:
            self.run(endpoint, token=token, token_file=token_file)
        except PagewireError as error:
            print_error(error)
            no_daemon = isinstance(error, ConnectError | DisconnectedError | NoDaemonError)
            raise SystemExit(_NO_DAEMON if no_daemon else _FAILED) from None

    def run(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """Run the plugin until SIGINT (Ctrl-C), SIGTERM, `stop`, or a permanent refusal.

        Blocks; `run_async` is for programs with their own event loop. Without an endpoint, uses
        the daemon that spawned the plugin, or else finds one as `Client.find` does. A signal stops
        the plugin as `stop` does, and a second one ends the program at once.

        When the daemon stops or the connection is lost, the plugin reconnects after 0.2, 0.5, 1,
        2, then every 5 s, without limit; if it discovered its daemon, only to one with the same
        root folders. A plugin that the daemon spawned does not reconnect: it returns when the
        daemon stops, and at the end of its standard input, so the rest of the program must not
        read standard input.

        Raises ConnectError or NoDaemonError when the first attempt finds no daemon; RpcError when
        the daemon refuses the plugin (`PLUGIN_NAME_TAKEN`, `FIELD_INVALID`, `TOKEN_INVALID`) or
        another plugin replaced it (`REPLACED`); PluginError when the start or stop handler fails.
        """
        self._run_blocking(endpoint, token, token_file, once=False)

    def run_once(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> None:
        """Like `run`, but returns when the daemon stops and raises when the connection is lost."""
        self._run_blocking(endpoint, token, token_file, once=True)

    async def run_async(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
        handle_signals: bool = False,
    ) -> None:
        """Like `run`, in the running event loop. Cancelling it disconnects the plugin at once.

        Signals and the log are left to the program, unless `handle_signals`: then SIGINT and
        SIGTERM stop the plugin, as with `run`. This is for one plugin at a time, and only in the
        main thread.
        """
        await self._run(endpoint, token, token_file, once=False, handle_signals=handle_signals)

    async def run_once_async(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
        handle_signals: bool = False,
    ) -> None:
        """Like `run_once`, in the running event loop; otherwise like `run_async`."""
        await self._run(endpoint, token, token_file, once=True, handle_signals=handle_signals)

    def stop(self) -> None:
        """Stop the plugin gracefully, within 2 s; `run` then returns.

        May be called from any thread and does not wait. Does nothing if the plugin does not run.
        """
        with self._lock:
            if self._runner is not None:
                self._runner.stop()

    def _run_blocking(
        self, endpoint: str | None, token: str | None, token_file: StrPath | None, *, once: bool
    ) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            method = "run_once_async" if once else "run_async"
            raise RuntimeError(
                "main, run and run_once start an event loop, but one is already running in this "
                f"thread (use `await plugin.{method}()` instead)"
            )
        log_to_stderr_by_default()
        asyncio.run(self._run(endpoint, token, token_file, once=once, handle_signals=True))

    async def _run(
        self,
        endpoint: str | None,
        token: str | None,
        token_file: StrPath | None,
        *,
        once: bool,
        handle_signals: bool,
    ) -> None:
        with self._lock:
            if self._runner is not None:
                raise PluginError(self._declaration.name, "it is already running")
            runner = self._runner = PluginRunner(self._declaration, endpoint, token, token_file)
        try:
            with stop_on_signals(runner.stop) if handle_signals else nullcontext():
                await runner.run(once=once)
        finally:
            with self._lock:
                self._runner = None

    def _hook(
        self, hook: HookType, open_: Any, filters: tuple[Filter | LiveFilters, ...]
    ) -> Callable[[Any], Any]:
        for each in filters:
            if callable(each):
                raise TypeError(
                    f"{hook.name} needs a filter: write @plugin.{hook.name}(Filter.all()) or with "
                    f"another filter, not @plugin.{hook.name}"
                )
        live = [each for each in filters if isinstance(each, LiveFilters)]
        if not filters:
            raise TypeError(f"{hook.name} needs a filter (use Filter.all() to match everything)")
        if live and len(filters) > 1:
            raise TypeError(f"{hook.name} takes either one LiveFilters or any number of filters")
        live_filters = live[0] if live else LiveFilters(filters)  # type: ignore[arg-type]

        def decorate(handler: Handler) -> Handler:
            check_handler(hook.name, handler, hook.parameter)
            self._check_declared_once(hook.name, self._declaration.hooks.get(hook.name))
            declared = DeclaredHook(hook, open_, live_filters, handler)
            self._declaration.hooks[hook.name] = declared
            return handler

        return decorate

    def _check_declared_once(self, name: str, existing: object) -> None:
        if existing is not None:
            raise PluginError(
                self._declaration.name,
                f"{name} is declared twice (keep one handler and distinguish the cases in it)",
            )

    def _check_type_declared_once(self, message_type: str) -> None:
        listeners = self._declaration.listeners
        existing = listeners.messages.get(message_type) or listeners.requests.get(message_type)
        self._check_declared_once(f"the handler of `{message_type}`", existing)


def _check_message_type(decorator: str, message_type: object) -> None:
    if callable(message_type):
        raise TypeError(
            f'{decorator} needs a message type: write @plugin.{decorator}("TYPE"), '
            f"not @plugin.{decorator}"
        )
    if not isinstance(message_type, str):
        raise TypeError(f"a message type must be a string, not {_values.described(message_type)}")
