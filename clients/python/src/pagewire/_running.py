"""Runs a plugin, again and again when it is one that comes back."""

import asyncio
import os
import threading
from collections.abc import Awaitable
from typing import TypeVar

import grpc

from pagewire import _endpoint
from pagewire._channel import dial
from pagewire._client import Client
from pagewire._handlers import Caller, log
from pagewire._session import Declared, Session
from pagewire._values import StrPath
from pagewire.errors import PagewireError, PluginError, RpcError

# Ties a process that the daemon spawned to its session.
_LAUNCH_ID_VARIABLE = "PAGEWIRE_LAUNCH_ID"

# Before it connects again; the last counts for ever.
_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

# What trying again would not change.
_FINAL_CODES = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
)
# Of those, what is of one session alone.
_PASSING_REASONS = ("SESSION_GONE", "SESSION_REQUIRED")

T = TypeVar("T")


class Running:
    """A plugin that runs."""

    def __init__(
        self,
        plugin: Declared,
        endpoint: str | None,
        token: str | None,
        token_file: StrPath | None,
    ) -> None:
        """Begin nothing yet; belongs to the running event loop."""
        self._plugin = plugin
        self._where = (endpoint, token, token_file)
        self._launch_id = os.environ.get(_LAUNCH_ID_VARIABLE, "") if endpoint is None else ""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._caller = Caller()
        # The folders of the daemon that it was part of last, and whether it was at the last try.
        self._home: tuple[str, ...] | None = None
        self._began = False

    def stop(self) -> None:
        """End it in order; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def run(self, *, once: bool) -> None:
        """Run it until it ends."""
        if self._launch_id:
            # Its end is all that a spawned plugin hears when the daemon was killed.
            threading.Thread(target=self._watch_stdin, name="pagewire-stdin", daemon=True).start()
        try:
            if once or self._launch_id:
                await self._session()
            else:
                await self._come_back()
        finally:
            self._caller.close()

    async def _come_back(self) -> None:
        failed = 0
        names_token = _endpoint.names_token(*self._where)
        while not self._stop.is_set():
            self._began, problem = False, "the daemon has stopped"
            try:
                await self._session()
            except PagewireError as error:
                if _is_final(error, first=self._home is None, names_token=names_token):
                    raise
                problem = str(error)
            if self._stop.is_set():
                return
            if self._began:
                failed = 0
                log.warning(
                    "plugin `%s`: %s; it comes back when its daemon does",
                    self._plugin.name,
                    problem,
                )
            delay = _DELAYS_SECONDS[min(failed, len(_DELAYS_SECONDS) - 1)]
            failed += 1
            await asyncio.wait([asyncio.ensure_future(self._stop.wait())], timeout=delay)

    async def _session(self) -> None:
        client = await self._unless_stopped(self._connect())
        if client is None:
            return
        try:
            session = Session(self._plugin, client, self._caller, self._launch_id)
            try:
                await session.run(self._stop)
            finally:
                if session.root_dirs is not None:
                    self._home, self._began = session.root_dirs, True
        finally:
            await client.close()

    async def _connect(self) -> Client:
        found = await asyncio.to_thread(_endpoint.find, *self._where, self._home)
        return Client(await dial(found))

    async def _unless_stopped(self, work: Awaitable[T]) -> T | None:
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stopping.cancel()

    def _watch_stdin(self) -> None:
        try:
            # Not `sys.stdin`, whose lock would be held when the program ends.
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        self.stop()


def _is_final(error: PagewireError, *, first: bool, names_token: bool) -> bool:
    """Whether the plugin ends with this error; at first with any.

    A token that nobody named may be of the daemon before.
    """
    if first or isinstance(error, PluginError):
        return True
    if not isinstance(error, RpcError):
        return False
    if error.reason == "REPLACED":
        return True
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        return names_token
    return error.code in _FINAL_CODES and error.reason not in _PASSING_REASONS
