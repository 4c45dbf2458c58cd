"""A real daemon, pages without a browser, and a plugin that runs beside a test."""

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator, Awaitable
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
GUARD_SECONDS = 10


async def within(what: str, awaited: Awaitable[T]) -> T:
    """Wait for something under the guard that names it."""
    try:
        async with asyncio.timeout(GUARD_SECONDS):
            return await awaited
    except TimeoutError:
        raise AssertionError(f"waited for {what}") from None


@dataclass
class Answer:
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
    def same_place(self) -> tuple[str, ...]:
        """The flags to start another where this one was."""
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
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.ready["http"] + path, data=body, headers=named, method=method
        )
        return await within(f"the answer for {path}", asyncio.to_thread(_ask, request))

    @asynccontextmanager
    async def page(self, **said: Any) -> AsyncIterator["Page"]:
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
            await page.say(**(hello | said))
            page.id = (await page.hear())["socket_id"]
            yield page


def _ask(request: urllib.request.Request) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answer(response: HTTPResponse | HTTPError) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status or 0, headers, response.read().decode())

    try:
        with opener.open(request, timeout=GUARD_SECONDS) as response:
            return answer(response)
    except HTTPError as error:
        with error:
            return answer(error)


@dataclass
class Page:
    """A page without a browser: a raw socket that speaks the page protocol."""

    socket: ClientConnection
    id: str = ""

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def ask(self, **message: Any) -> dict[str, Any]:
        """Make a request, and hear its answer."""
        await self.say(**message, **{"pagewire:request": True})
        return await self.hear()

    async def hear_text(self) -> str:
        frame = await within("a frame", self.socket.recv())
        assert isinstance(frame, str)
        return frame

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(await self.hear_text())
        return message

    async def answer_import(self, **result: Any) -> dict[str, Any]:
        """Hear what to import, and say what came of it."""
        message = await self.hear()
        assert message["type"] == "import"
        data: dict[str, Any] = message["data"]
        await self.say(type="pagewire:result", callId=data["callId"], **result)
        return data


@dataclass
class Ran:
    """A plugin that runs."""

    plugin: Plugin
    task: "asyncio.Task[None]"
    contexts: "asyncio.Queue[Any]" = field(default_factory=asyncio.Queue)
    context: Any = None

    async def end(self) -> None:
        self.plugin.stop()
        await within("the plugin's end", self.task)


@asynccontextmanager
async def running(plugin: Plugin, *, once: bool = False) -> AsyncIterator[Ran]:
    """Run a plugin, from its start on. One without a start handler; it is ended at last."""
    contexts: asyncio.Queue[Any] = asyncio.Queue()

    @plugin.server_start
    async def start(context: Any) -> None:
        contexts.put_nowait(context)

    run = plugin.run_once_async() if once else plugin.run_async()
    ran = Ran(plugin, asyncio.create_task(run), contexts)
    try:
        ran.context = await first(ran)
        yield ran
    finally:
        plugin.stop()
        await within("the plugin's end", asyncio.wait([ran.task]))


async def first(ran: Ran) -> Any:
    """The context that the plugin is started with, or the error that it ended with."""
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
    """Wait until a plugin of another process is there, with all its hooks."""
    async with asyncio.timeout(GUARD_SECONDS):
        while True:
            for plugin in await client.plugins():
                if (plugin.plugin_name, plugin.state) == (name, "ready"):
                    return plugin
