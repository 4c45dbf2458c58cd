"""A daemon, and plugins, that run during a test."""

import asyncio
import json
import os
import subprocess
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Self

from pagewire import sync
from pagewire._client import Client
from pagewire._context import Context
from pagewire._plugin import Plugin
from pagewire._values import StrPath

# Environment variable with the path of the daemon's program.
_BINARY_VARIABLE = "PAGEWIRE_BIN"
# How long a daemon may take until it prints its ready line.
_START_TIMEOUT_SECONDS = 20.0
# How long a daemon may take to stop. After that it is killed.
_STOP_TIMEOUT_SECONDS = 10.0


class Daemon:
    """A daemon of its own for a test: `with Daemon(folder) as daemon`, or `async with`.

    Starts `PAGEWIRE_BIN`, or else `pagewire` from the PATH, on free ports. Discovery does not find
    it, and settings come only from the flags and from a `pagewire.toml` in the folder. It stops at
    the end of the block, and also when the program of the test is killed.
    """

    def __init__(self, root: StrPath, *flags: str) -> None:
        """Serve a folder, with flags of `pagewire serve` such as `--watch`.

        Entering the block raises RuntimeError, with the daemon's own text, if it does not start.
        """
        self.root = Path(root)
        """The folder that it serves."""
        self.url = ""
        """The URL of its pages, without a slash at the end: `http://127.0.0.1:8000`."""
        self.endpoint = ""
        """Its control address. A program that connects to it needs the token too."""
        self.token_file = ""
        """The file with its token."""
        self._flags = flags
        self._process: subprocess.Popen[str] | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._log = ""
        self._client: Client | None = None
        self._sync_client: sync.Client | None = None

    @property
    def log(self) -> str:
        """What it has logged so far."""
        if self._folder is not None:
            self._log = (Path(self._folder.name) / "log").read_text(errors="replace")
        return self._log

    @property
    def client(self) -> Client:
        """A connected client of the event loop that entered the block with `async with`."""
        if self._client is None:
            raise RuntimeError(
                "an asynchronous client needs `async with testing.Daemon(...)` "
                "(use sync_client, or the client of the context of a running plugin)"
            )
        return self._client

    @property
    def sync_client(self) -> sync.Client:
        """A connected, blocking client."""
        if self._sync_client is None:
            raise RuntimeError("the daemon is not running (use it inside its `with` block)")
        return self._sync_client

    def running(self, plugin: Plugin) -> "RunningPlugin":
        """Run a plugin during a `with` or `async with` block, which gets its `Context`.

        The block begins once `server_start` has returned. Its end stops the plugin, and raises the
        error that ended it before.

        With `async with`, the plugin runs in the event loop of the test, which therefore must not
        block: `asyncio.to_thread` makes a blocking request. With `with`, it runs in another thread.
        """
        return RunningPlugin(self, plugin)

    def __enter__(self) -> Self:
        """Start it."""
        self._start()
        try:
            self._sync_client = sync.Client.connect(self.endpoint, token_file=self.token_file)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        try:
            self.sync_client.close()
        finally:
            self._stop()

    async def __aenter__(self) -> Self:
        """Start it."""
        await asyncio.to_thread(self._start)
        try:
            self._client = await Client.connect(self.endpoint, token_file=self.token_file)
        except BaseException:
            await asyncio.to_thread(self._stop)
            raise
        self._sync_client = sync.Client(self._client, asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        try:
            await self.client.close()
        finally:
            await asyncio.to_thread(self._stop)

    def _start(self) -> None:
        self._folder = TemporaryDirectory(prefix="pagewire-")
        try:
            with (Path(self._folder.name) / "log").open("wb") as log:
                self._process = self._spawn(self._folder.name, log)
            ready = self._ready(self._process)
        except BaseException:
            self._stop()
            raise
        self.url, self.endpoint = ready["http"], ready["control"]
        self.token_file = ready["token_file"]

    def _spawn(self, folder: str, log: IO[bytes]) -> "subprocess.Popen[str]":
        binary = os.environ.get(_BINARY_VARIABLE) or "pagewire"
        # Variables that start with PAGEWIRE_ are settings.
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("PAGEWIRE_")
        }
        try:
            return subprocess.Popen(
                [binary, "serve", self.root, "--exit-with-stdin", *self._flags],
                env=inherited | {"XDG_RUNTIME_DIR": folder, "PAGEWIRE_PORT": "0"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        except OSError as error:
            raise RuntimeError(
                f"cannot start the daemon {binary}: {error.strerror} "
                f"(install `pagewire`, or set {_BINARY_VARIABLE} to its path)"
            ) from None

    def _ready(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        assert process.stdout is not None
        killer = threading.Timer(_START_TIMEOUT_SECONDS, process.kill)
        killer.start()
        line = process.stdout.readline()
        killer.cancel()
        if not line:
            code = process.wait()
            raise RuntimeError(f"the daemon did not start (exit code {code}):\n{self.log}")
        ready: dict[str, Any] = json.loads(line)
        return ready

    def _stop(self) -> None:
        if self._process is not None:
            try:
                self._process.communicate(timeout=_STOP_TIMEOUT_SECONDS)  # closes its input
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
        if self._folder is not None:
            self._log = self.log
            self._folder.cleanup()
        self._process = self._folder = self._client = self._sync_client = None


class RunningPlugin:
    """A plugin that runs during a block: see `Daemon.running`."""

    def __init__(self, daemon: Daemon, plugin: Plugin) -> None:
        """Use `Daemon.running`."""
        self._daemon = daemon
        self._plugin = plugin
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Context:
        """Run it in this event loop."""
        started: asyncio.Future[Context] = asyncio.get_running_loop().create_future()
        self._plugin._declaration.on_started = started.set_result
        run = self._plugin.run_once_async(self._daemon.endpoint, token_file=self._daemon.token_file)
        self._task = asyncio.create_task(run)
        try:
            waited: list[asyncio.Future[Any]] = [self._task, started]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            self._plugin._declaration.on_started = None
        if not started.done():
            await self._task
            raise RuntimeError("the plugin ended before it had started")
        return started.result()

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        self._plugin.stop()
        if self._task is not None:
            await self._task

    def __enter__(self) -> Context:
        """Run it in another thread."""
        return sync._wait(sync._background_loop(), self.__aenter__())

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        sync._wait(sync._background_loop(), self.__aexit__())
