"""The context of a running plugin, and the arguments of its hooks."""

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
from pagewire.errors import BodyTooLargeError, PagewireError


@dataclass(frozen=True, slots=True)
class Context:
    """A running plugin's view of its daemon: a snapshot from the start of the session."""

    client: Client
    """The plugin's connection, for `async` handlers."""
    sync_client: sync.Client
    """The same connection, for plain handlers."""
    plugin_name: str
    """The plugin's name in the daemon."""
    sockets: tuple[Socket, ...]
    """The connected sockets at the start of the session; `Client.sockets` lists current ones."""
    position: Position
    """The position in the event log at which `sockets` was taken; a subscription that resumes
    there misses nothing."""
    server_info: ServerInfo
    """Version, features and limits of the daemon."""
    root_dirs: tuple[str, ...]
    """The absolute paths of the served folders on the daemon's machine."""
    scratch_dir: str
    """The absolute path of a folder that belongs to this session and is removed with it.
    `Content.file` may name files in it."""
    config: Any
    """The plugin's section of the daemon's configuration; None if it has none."""
    _session_id: str = field(repr=False)

    @property
    def _session(self) -> tuple[tuple[str, str], ...]:
        """The metadata that associates a stream with the session. It is a secret."""
        return (("pagewire-session", self._session_id),)

    async def _end_session(self) -> None:
        """End the session. After that, nothing in the daemon waits for the plugin."""
        request = control_pb2.EndSessionRequest(session_id=self._session_id)
        # An error means that the session or the connection is already gone.
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
    """A page's HTTP request.

    The request to serve, the request that a response answers, or the request for an importing
    module.
    """

    method: str
    """The HTTP method, upper-case."""
    path: str
    """The URL path: percent-decoded once, without dot segments, beginning with `/`."""
    query: str
    """The query as received, without `?`. Empty = none."""
    raw_target: str
    """The request target as received, neither decoded nor normalized."""
    host: str
    """The requested host, including the port."""
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    """The headers selected by `forward_request_headers`, in the order received, lower-case."""
    traceparent: str = field(repr=False)
    """The W3C trace context. Empty = none."""
    file_path: str | None
    """The absolute path, on the daemon's machine, of the file that would answer it, if any."""
    time_remaining: float | None
    """Seconds left when the call arrived; a later result is ignored. None = unlimited."""
    context: Context = field(repr=False)
    """The context of the plugin."""
    cancelled: bool = False
    """Whether the daemon has cancelled the call. An `async` handler also gets a CancelledError."""
    _body: bytes = field(default=b"", repr=False)
    _omitted: BodyTooLargeError | None = field(default=None, repr=False)

    @property
    def body(self) -> bytes:
        """The request's body; empty if it has none. Only serve hooks get it.

        Raises BodyTooLargeError if it is larger than `max_request_body_bytes`, which is 0 by
        default. If the handler does not catch that, the page gets status 413, or 500 if the hook
        does not request bodies.
        """
        if self._omitted is not None:
            raise self._omitted
        return self._body

    @property
    def body_omitted(self) -> bool:
        """Whether reading `body` would raise, because it is larger than the hook accepts."""
        return self._omitted is not None

    def header(self, name: str) -> bytes | None:
        """The first forwarded header with this name."""
        return _values.first_header(self.headers, name)

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
    """A response to transform, including the changes of earlier plugins."""

    request: Request
    """The request that it answers."""
    content_type: str
    """The MIME type, including parameters."""
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    """The headers, names in lower case."""
    body: bytes = field(repr=False)
    """The complete body, never compressed."""

    def header(self, name: str) -> bytes | None:
        """The first header with this name."""
        return _values.first_header(self.headers, name)

    @property
    def text(self) -> str:
        """The body as text. Raises UnicodeDecodeError when it is not UTF-8."""
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class ImportSpecifier:
    """One import in a module's source."""

    specifier: str
    """The specifier, without quotes and escapes."""
    dynamic: bool
    """Whether it is an `import()` expression, not a static import or re-export."""
    line: int
    """The line of the specifier, from 1."""
    column: int
    """The column of its first character (after the opening quote), from 1, in UTF-16 code
    units."""


@dataclass(slots=True, eq=False)
class Imports:
    """The imports of one module that a plugin may resolve.

    The imports match the hook's filters, and no earlier plugin has resolved them. Iterates in
    source order. Never empty.
    """

    importer: Request
    """The request for the importing module, or for the HTML page that contains it."""
    imports: tuple[ImportSpecifier, ...]
    """The imports, in source order."""

    def __iter__(self) -> Iterator[ImportSpecifier]:
        return iter(self.imports)

    def __len__(self) -> int:
        return len(self.imports)

    def resolve(self, resolve: Callable[[str], str | None]) -> list[str | None]:
        """Call a function for each specifier, such as `{"lit": "/vendor/lit.js"}.get`."""
        return [resolve(import_.specifier) for import_ in self.imports]
