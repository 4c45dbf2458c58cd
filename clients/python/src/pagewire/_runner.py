"""Runs a plugin: once, or with reconnects until the program stops it."""

import asyncio
import os
import threading
from collections.abc import Awaitable
from typing import TypeVar

import grpc

from pagewire import _endpoint
from pagewire._channel import dial
from pagewire._client import Client
from pagewire._handlers import Caller
from pagewire._log import log
from pagewire._session import PluginDeclaration, Session
from pagewire._values import StrPath
from pagewire.errors import DisconnectedError, PagewireError, PluginError, RpcError

# Environment variable with the launch id, by which the daemon matches a session to the process
# that it spawned.
_LAUNCH_ID_VARIABLE = "PAGEWIRE_LAUNCH_ID"

# Delays before reconnect attempts. The last one applies to all further attempts.
_DELAYS_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

# Codes of errors that a retry cannot resolve.
_PERMANENT_CODES = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
)
# Reasons that are retried despite such a code, because they concern only the lost session.
_TEMPORARY_REASONS = ("SESSION_GONE", "SESSION_REQUIRED")

T = TypeVar("T")


class PluginRunner:
    """One run of a plugin, with all its sessions."""

    def __init__(
        self,
        plugin: PluginDeclaration,
        endpoint: str | None,
        token: str | None,
        token_file: StrPath | None,
    ) -> None:
        """Prepare the run in the running event loop."""
        self._plugin = plugin
        self._endpoint_args = (endpoint, token, token_file)
        self._launch_id = os.environ.get(_LAUNCH_ID_VARIABLE, "") if endpoint is None else ""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._caller = Caller()
        # Folders that the last session's daemon served; a discovered one must serve the same
        # folders.
        self._root_dirs: tuple[str, ...] | None = None
        # Whether the last attempt opened a session.
        self._had_session = False

    def stop(self) -> None:
        """Stop the plugin gracefully; may be called from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    async def run(self, *, once: bool) -> None:
        """Run the plugin until it ends."""
        if self._launch_id:
            # Only the end of standard input shows that the daemon was killed.
            threading.Thread(target=self._watch_stdin, name="pagewire-stdin", daemon=True).start()
        try:
            if once or self._launch_id:
                await self._session()
            else:
                await self._run_with_reconnects()
        finally:
            self._caller.close()

    async def _run_with_reconnects(self) -> None:
        failed = 0
        names_token = _endpoint.names_token(*self._endpoint_args)
        while not self._stop.is_set():
            self._had_session, reason = False, "it stopped"
            try:
                await self._session()
            except PagewireError as error:
                if _is_permanent(error, first=self._root_dirs is None, names_token=names_token):
                    raise
                reason = error.problem if isinstance(error, DisconnectedError) else str(error)
            if self._stop.is_set():
                return
            failed = 0 if self._had_session else failed + 1
            delay = _DELAYS_SECONDS[min(failed, len(_DELAYS_SECONDS) - 1)]
            if self._had_session:
                log.warning("lost the daemon: %s; connecting again in %g s", reason, delay)
            await asyncio.wait([asyncio.ensure_future(self._stop.wait())], timeout=delay)

    async def _session(self) -> None:
        client = await self._unless_stopped(self._connect())
        if client is None:
            return
        try:
            again = self._root_dirs is not None
            session = Session(self._plugin, client, self._caller, self._launch_id, again=again)
            try:
                await session.run(self._stop)
            finally:
                if session.root_dirs is not None:
                    self._root_dirs, self._had_session = session.root_dirs, True
        finally:
            await client.close()

    async def _connect(self) -> Client:
        found = await asyncio.to_thread(_endpoint.find, *self._endpoint_args, self._root_dirs)
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
            # Not `sys.stdin`, whose lock would be held when the program exits.
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        self.stop()


def _is_permanent(error: PagewireError, *, first: bool, names_token: bool) -> bool:
    """Whether this error ends the plugin. At the first attempt every error ends it.

    A discovered token may belong to the previous daemon, so its refusal is not permanent.
    """
    if first or isinstance(error, PluginError):
        return True
    if not isinstance(error, RpcError):
        return False
    if error.reason == "REPLACED":
        return True
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        return names_token
    return error.code in _PERMANENT_CODES and error.reason not in _TEMPORARY_REASONS
