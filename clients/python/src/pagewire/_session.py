"""A session of a plugin: the plugin stays connected for as long as the session's stream is open."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from pagewire import _values
from pagewire._channel import next_message
from pagewire._client import Client
from pagewire._context import Context
from pagewire._handlers import Caller, Handler, Listeners, is_async
from pagewire._hook import DeclaredHook, OpenHook
from pagewire._listen import EventListener
from pagewire._log import log
from pagewire._proto import control_pb2, hooks_pb2
from pagewire.errors import PagewireError, PluginError, UnexpectedError, text_of

# How long to wait, after one of the session's streams has failed, for the session stream to
# report why the session ended. If it reports nothing in time, the stream's own error is raised.
_END_REASON_TIMEOUT_SECONDS = 1.0
# Grace period for running handlers, unless the daemon sets another one.
_DEFAULT_GRACE_SECONDS = 2.0


@dataclass(slots=True)
class PluginDeclaration:
    """A plugin's name, options and handlers."""

    name: str
    version: str
    required_features: list[str]
    inject_web_socket: bool
    replace_existing: bool
    server_start: Handler | None = None
    server_stop: Handler | None = None
    hooks: dict[str, DeclaredHook] = field(default_factory=dict)
    listeners: Listeners = field(default_factory=Listeners)
    on_started: Callable[[Context], None] | None = None
    """Called when a session has started, after `server_start`. For `pagewire.testing`."""

    def start_request(self, launch_id: str) -> control_pb2.ServerStartRequest:
        """The request that opens a session."""
        declared = [hook.type.declared for hook in self.hooks.values()]
        if self.listeners:
            declared.append(hooks_pb2.HOOK_SUBSCRIBE_MESSAGES)
        return control_pb2.ServerStartRequest(
            plugin_name=self.name,
            plugin_version=self.version,
            required_features=self.required_features,
            hooks=declared,
            replace_existing=self.replace_existing,
            inject_web_socket=self.inject_web_socket,
            launch_id=launch_id,
        )


class Session:
    """One session of a plugin."""

    def __init__(
        self,
        plugin: PluginDeclaration,
        client: Client,
        caller: Caller,
        launch_id: str,
        *,
        again: bool,
    ) -> None:
        """Start the session's stream; `again` after a lost one."""
        connection = client._connection
        self._plugin = plugin
        self._client = client
        self._caller = caller
        self._again = again
        self._ready = asyncio.Event()
        # Whether calls and events are passed to handlers: once `server_start` has returned.
        self._started = asyncio.Event()
        if plugin.server_start is None:
            self._started.set()
        request = plugin.start_request(launch_id)
        self._stream: grpc.aio.UnaryStreamCall[
            control_pb2.ServerStartRequest, control_pb2.ServerStartResponse
        ] = connection.hold(connection.stub.ServerStart(request, metadata=connection.metadata))
        self._hooks: list[OpenHook | EventListener] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.root_dirs: tuple[str, ...] | None = None
        """The folders that the daemon serves, once it has accepted the session."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until the daemon stops or the program sets `stop`.

        Before it returns, running handlers finish and the stop handler is called, within the grace
        period. Raises if the session ends for any other reason.
        """
        stopping: asyncio.Task[object] = asyncio.create_task(stop.wait())
        self._tasks.append(stopping)
        try:
            context = await self._begin()
            following = asyncio.create_task(self._follow())
            starting = asyncio.create_task(self._start(context))
            self._tasks += following, starting
            await self._or_end_reason(self._open(context), following)
            running = [asyncio.create_task(hook.run()) for hook in self._hooks]
            self._tasks += running
            grace = await self._until_end(following, starting, stopping, running)
            daemon_continues = not following.done()
            await self._shut_down(context, grace, starting, end_session=daemon_continues)
            if starting.done():
                starting.result()
        finally:
            await self._close()

    async def _begin(self) -> Context:
        first = await next_message(self._stream)
        if first is None or first.WhichOneof("event") != "started":
            raise UnexpectedError("a session that does not start with `started`")
        self.root_dirs = tuple(first.started.root_dirs)
        return await Context._open(self._client, first.started)

    async def _open(self, context: Context) -> None:
        for declared in self._plugin.hooks.values():
            hook = OpenHook(declared, context, self._caller, self._started)
            self._hooks.append(hook)
            await hook.open()
        if self._plugin.listeners:
            listener = EventListener(self._plugin.listeners, context, self._caller, self._started)
            self._hooks.append(listener)
            await listener.open()

    async def _follow(self) -> float:
        """Read the session's events; returns the grace period when the daemon stops."""
        while (event := await next_message(self._stream)) is not None:
            match event.WhichOneof("event"):
                case "ready":
                    self._ready.set()
                case "stopping":
                    return _values.seconds(event.stopping.grace) or _DEFAULT_GRACE_SECONDS
        return _DEFAULT_GRACE_SECONDS

    async def _start(self, context: Context) -> None:
        await self._ready.wait()
        url = "".join(context.server_info.base_urls[:1]).removesuffix("/")
        again = " again" if self._again else ""
        log.info('connected to %s%s as "%s"', url, again, context.plugin_name)
        if self._plugin.server_start:
            await self._call("server_start", self._plugin.server_start, context)
            self._started.set()
        if self._plugin.on_started:
            self._plugin.on_started(context)

    async def _until_end(
        self,
        following: asyncio.Task[float],
        starting: asyncio.Task[None],
        stopping: asyncio.Task[object],
        running: list[asyncio.Task[None]],
    ) -> float:
        """Wait for the end of the session; returns the grace period in seconds."""
        waited: set[asyncio.Task[Any]] = {following, starting, stopping, *running}
        while True:
            done, waited = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if following in done:
                return following.result()
            if starting in done:
                starting.result()
            for task in running:
                if task in done:
                    grace = await self._or_end_reason(task, following)
                    return grace or _DEFAULT_GRACE_SECONDS
            if stopping in done:
                return _DEFAULT_GRACE_SECONDS

    async def _or_end_reason(
        self, work: Awaitable[None], following: asyncio.Task[float]
    ) -> float | None:
        """Await `work`. If it fails because the session has ended, report the session's reason."""
        try:
            await work
        except PagewireError:
            done, _ = await asyncio.wait([following], timeout=_END_REASON_TIMEOUT_SECONDS)
            if not done:
                raise
            return following.result()
        return None

    async def _shut_down(
        self, context: Context, grace: float, starting: asyncio.Task[None], *, end_session: bool
    ) -> None:
        try:
            async with asyncio.timeout(grace):
                # Hooks are still called meanwhile, because the stop handler may depend on them.
                if handler := self._plugin.server_stop:
                    client = context.client if is_async(handler) else context.sync_client
                    await self._call("server_stop", handler, client)
                await asyncio.gather(*(hook.finish() for hook in self._hooks))
                if self._ready.is_set():
                    await asyncio.wait([starting])
                if end_session:
                    await context._end_session()
        except TimeoutError:
            pass  # after the grace period the daemon cancels the streams

    async def _call(self, name: str, handler: Handler, argument: object) -> None:
        try:
            await self._caller.call(handler, argument)
        except Exception as error:
            problem = f"{name} failed: {text_of(error)}"
            raise PluginError(self._plugin.name, problem) from error

    async def _close(self) -> None:
        for hook in self._hooks:
            await hook.close()
        self._stream.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
