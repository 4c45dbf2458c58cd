"""What a running plugin knows of its daemon, and what its hooks get."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pagewire import _values, sync
from pagewire._client import Client
from pagewire._proto import control_pb2, hooks_pb2
from pagewire._server import ServerInfo
from pagewire._sockets import Position, Socket, SocketList
from pagewire.errors import PagewireError


@dataclass(frozen=True, slots=True)
class Context:
    """A running plugin's view of its daemon: what was true when its session began, and a client."""

    client: Client
    """The connection that the plugin runs on, for `async` handlers."""
    sync_client: sync.Client
    """The same, for handlers that are plain functions."""
    plugin_name: str
    """The plugin's name, as the daemon knows it."""
    sockets: tuple[Socket, ...]
    """The sockets that were connected; `Client.sockets` lists those connected now."""
    position: Position
    """The instant of `sockets` in the log."""
    server_info: ServerInfo
    """Version, features and limits of the daemon."""
    root_dirs: tuple[str, ...]
    """The folders being served, absolute, on the daemon's machine."""
    scratch_dir: str
    """A folder of this session's own, absolute, removed with it: `Content.file` may name files
    in it."""
    config: Any
    """The plugin's section of the daemon's configuration; None if it has none."""
    _session_id: str = field(repr=False)

    @property
    def _session(self) -> tuple[tuple[str, str], ...]:
        """The metadata that ties a hook's stream to the session. A secret."""
        return (("pagewire-session", self._session_id),)

    async def _end_session(self) -> None:
        """End the session; nothing in the daemon waits for the plugin any more then."""
        request = control_pb2.EndSessionRequest(session_id=self._session_id)
        # What fails has ended it too: it is gone, or the connection is.
        with suppress(PagewireError):
            await self.client._call(self.client._connection.stub.EndSession, request)

    @classmethod
    async def _open(cls, client: Client, started: control_pb2.ServerStarted) -> "Context":
        listed = SocketList(
            tuple(map(Socket._from_proto, started.sockets)),
            Position._from_proto(started.position),
        )
        if started.sockets_truncated:
            listed = await client.list_sockets()
        return cls(
            client=client,
            sync_client=sync.Client(client, asyncio.get_running_loop()),
            plugin_name=started.plugin_name,
            sockets=listed.sockets,
            position=listed.position,
            server_info=ServerInfo._from_proto(started.server),
            root_dirs=tuple(started.root_dirs),
            scratch_dir=started.scratch_dir,
            config=json.loads(started.config_json) if started.config_json else None,
            _session_id=started.session_id,
        )


@dataclass(slots=True, eq=False)
class Request:
    """A page's request: to be answered, or the one that a response or a module is for."""

    method: str
    """The HTTP method, upper-case."""
    path: str
    """The URL path: percent-decoded once, without dot segments, beginning with `/`."""
    query: str
    """The query as received, without `?`. Empty = none."""
    raw_target: str
    """The request target as received, neither decoded nor normalised."""
    host: str
    """The host it was asked of, port included."""
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    """The headers that `forward_request_headers` asks for, in the order received, lower-case."""
    traceparent: str = field(repr=False)
    """The W3C trace context. Empty = none."""
    file_path: str | None
    """The file that would answer it, absolute, on the daemon's machine. None = there is none."""
    time_remaining: float | None
    """Seconds that were left when it arrived here; after them the answer is ignored. None =
    unlimited."""
    context: Context = field(repr=False)
    """The running plugin's view of its daemon."""
    body: bytes = field(default=b"", repr=False)
    """The body, if the serve hook asks for it (`max_request_body_bytes`). Empty = none, or left
    out."""
    body_omitted: bool = False
    """It had a body that is larger than the plugin asks for."""
    cancelled: bool = False
    """Nobody waits for the answer any more. An `async` handler gets a CancelledError as well."""

    def header(self, name: str) -> bytes | None:
        """The first header of this name, of those asked for."""
        return _first(self.headers, name)

    @classmethod
    def _from_proto(
        cls,
        call: hooks_pb2.ServeCall | hooks_pb2.TransformCall | hooks_pb2.ResolveImportCall,
        http: hooks_pb2.RequestContext,
        context: Context,
    ) -> "Request":
        limited = call.HasField("time_remaining")
        return cls(
            method=http.method,
            path=http.path,
            query=http.query,
            raw_target=http.raw_target,
            host=http.host,
            headers=tuple((header.name, header.value) for header in http.headers),
            traceparent=http.traceparent,
            file_path=http.file_path or None,
            time_remaining=_values.seconds(call.time_remaining) if limited else None,
            context=context,
        )


@dataclass(slots=True, eq=False)
class Response:
    """A response on its way to the page, as it stands after the plugins before this one."""

    request: Request
    """The request that it is for."""
    content_type: str
    """The MIME type, parameters included."""
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    """The headers, names in lower case."""
    body: bytes = field(repr=False)
    """The whole body, never compressed."""

    def header(self, name: str) -> bytes | None:
        """The first header of this name."""
        return _first(self.headers, name)

    @property
    def text(self) -> str:
        """The body as text, exactly. Raises UnicodeDecodeError when it is not UTF-8."""
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class ImportSpecifier:
    """One import in a module's source."""

    specifier: str
    """As the source means it, without quotes and escapes."""
    dynamic: bool
    """An `import()` expression, not a static import or re-export."""
    line: int
    """Its line, from 1."""
    column: int
    """Its column behind the quote, from 1, in UTF-16 code units."""


@dataclass(slots=True, eq=False)
class Imports:
    """The imports of one module that match and that no plugin before this one resolved.

    Iterates over them, in source order; there is at least one.
    """

    importer: Request
    """The request for the module that imports, or for the HTML page that it stands in."""
    imports: tuple[ImportSpecifier, ...]
    """The imports."""

    def __iter__(self) -> Iterator[ImportSpecifier]:
        """Go through the imports."""
        return iter(self.imports)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.imports)

    def resolve(self, resolve: Callable[[str], str | None]) -> list[str | None]:
        """Ask a function about each specifier; `{"lit": "/vendor/lit.js"}.get` say."""
        return [resolve(import_.specifier) for import_ in self.imports]


def _first(headers: tuple[tuple[str, bytes], ...], name: str) -> bytes | None:
    return next((value for key, value in headers if key == name.lower()), None)
