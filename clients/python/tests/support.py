"""A real daemon, simulated pages, and plugins that run during a test."""

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError

import websockets
from websockets.asyncio.client import ClientConnection

from pagewire import Client, Plugin, PluginInfo

T = TypeVar("T")

_BUILT = Path(__file__).parents[3] / "target/debug/pagewire"
BINARY = os.environ.get("PAGEWIRE_BIN") or str(_BUILT)
TIMEOUT_SECONDS = 10


async def within(expected: str, awaited: Awaitable[T]) -> T:
    """Await something; fails with its description if it takes too long."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await awaited
    except TimeoutError:
        raise AssertionError(f"timed out waiting for {expected}") from None


@dataclass
class HttpResponse:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Daemon:
    root: Path
    process: asyncio.subprocess.Process
    ready: dict[str, Any]

    @classmethod
    async def start(cls, root: Path, *flags: str) -> "Daemon":
        flags = flags or ("--port", "0", "--inject", "always")
        with (root.parent / "daemon.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                BINARY, "serve", str(root), *flags,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert process.stdout
        line = await within("the ready line", process.stdout.readline())
        assert line, (root.parent / "daemon.log").read_text()
        return cls(root, process, json.loads(line))

    @classmethod
    @asynccontextmanager
    async def serve(cls, root: Path, *flags: str) -> AsyncIterator["Daemon"]:
        daemon = await cls.start(root, *flags)
        try:
            yield daemon
        finally:
            await daemon.end(kill=True)

    @property
    def control(self) -> str:
        return str(self.ready["control"])

    @property
    def same_address(self) -> tuple[str, ...]:
        """The flags of another daemon at the same addresses."""
        port = self.ready["http"].rpartition(":")[2]
        return ("--port", port, "--control", self.control, "--inject", "always")

    async def end(self, *, kill: bool = False) -> None:
        with suppress(ProcessLookupError):
            if kill:
                self.process.kill()
            else:
                self.process.terminate()
        await within("the daemon's end", self.process.wait())

    async def get(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | Iterable[bytes] | None = None,
        **headers: str,
    ) -> HttpResponse:
        """Make a request; parts of a body are sent without announcing its size."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.ready["http"] + path, data=body, headers=fields, method=method
        )
        return await within(f"the response for {path}", asyncio.to_thread(_fetch, request))

    @asynccontextmanager
    async def page(self, **fields: Any) -> AsyncIterator["Page"]:
        url = self.ready["http"].replace("http:", "ws:") + "/__pagewire__/socket"
        async with websockets.connect(url, max_size=None, proxy=None) as socket:
            page = Page(socket)
            hello = {
                "type": "pagewire:hello", "page_id": "p", "tab_id": "t",
                "url": "http://localhost/", "title": "", "visibility": "visible",
                "document_state": "complete", "top_level": True,
                "features": [
                    "import.await", "log", "command.reload", "command.navigate", "command.styles",
                ],
            }  # fmt: skip
            await page.send(**(hello | fields))
            page.id = (await page.receive())["socket_id"]
            yield page


def _fetch(request: urllib.request.Request) -> HttpResponse:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def convert(response: HTTPResponse | HTTPError) -> HttpResponse:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status or 0, headers, response.read().decode())

    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return convert(response)
    except HTTPError as error:
        with error:
            return convert(error)


@dataclass
class Page:
    """A simulated page: a raw WebSocket with the page protocol."""

    socket: ClientConnection
    id: str = ""

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def request(self, **message: Any) -> dict[str, Any]:
        """Make a request and return the reply."""
        await self.send(**message, **{"pagewire:request": True})
        return await self.receive()

    async def receive_text(self) -> str:
        frame = await within("a frame", self.socket.recv())
        assert isinstance(frame, str)
        return frame

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(await self.receive_text())
        return message

    async def answer_import(self, **result: Any) -> dict[str, Any]:
        """Receive an import and send its result."""
        message = await self.receive()
        assert message["type"] == "import"
        data: dict[str, Any] = message["data"]
        await self.send(type="pagewire:result", callId=data["callId"], **result)
        return data


@dataclass
class RunningPlugin:
    """A plugin that runs during a test."""

    plugin: Plugin
    task: "asyncio.Task[None]"
    contexts: "asyncio.Queue[Any]" = field(default_factory=asyncio.Queue)
    context: Any = None

    async def end(self) -> None:
        self.plugin.stop()
        await within("the plugin's end", self.task)


@asynccontextmanager
async def running(plugin: Plugin, *, once: bool = False) -> AsyncIterator[RunningPlugin]:
    """Run a plugin without a start handler, from its start until the end of the block."""
    contexts: asyncio.Queue[Any] = asyncio.Queue()

    @plugin.server_start
    async def start(context: Any) -> None:
        contexts.put_nowait(context)

    run = plugin.run_once_async() if once else plugin.run_async()
    running_plugin = RunningPlugin(plugin, asyncio.create_task(run), contexts)
    try:
        running_plugin.context = await next_context(running_plugin)
        yield running_plugin
    finally:
        plugin.stop()
        await within("the plugin's end", asyncio.wait([running_plugin.task]))


async def next_context(ran: RunningPlugin) -> Any:
    """The context of the plugin's next start. Raises the error if the plugin ended instead."""
    started = asyncio.create_task(ran.contexts.get())
    done: set[asyncio.Task[Any]]
    done, _ = await within(
        "the plugin's start",
        asyncio.wait([started, ran.task], return_when=asyncio.FIRST_COMPLETED),
    )
    if started not in done:
        started.cancel()
        ran.task.result()
    return started.result()


async def ready(client: Client, name: str) -> PluginInfo:
    """Wait until a plugin of another process is connected, with all hooks open."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            for plugin in await client.plugins():
                if (plugin.plugin_name, plugin.state) == (name, "ready"):
                    return plugin
