"""The arguments of handlers, with defaults for what a test does not name."""

import datetime
import os
from collections.abc import Iterable
from typing import Any, NoReturn, cast
from urllib.parse import quote

from pagewire import _values, sync
from pagewire._channel import Connection
from pagewire._client import Client
from pagewire._context import Context, Imports, ImportSpecifier, Request, Response
from pagewire._events import Message
from pagewire._proto import control_pb2
from pagewire._server import ServerInfo
from pagewire._sockets import DocumentState, Position, Socket, Visibility
from pagewire._values import Headers, StrPath

# The column of a specifier in `import "x"`.
_SPECIFIER_COLUMN = 9


def request(
    path: str = "/",
    *,
    method: str = "GET",
    query: str = "",
    headers: Headers = (),
    body: str | bytes = b"",
    file_path: StrPath | None = None,
    host: str = "localhost:8000",
    time_remaining: float | None = None,
    context: Context | None = None,
) -> Request:
    """A request, for a serve handler. `path` is decoded, as handlers get it."""
    target = quote(path) + (f"?{query}" if query else "")
    made = Request(
        method=method,
        path=path,
        query=query,
        raw_target=target,
        host=host,
        headers=_pairs(headers),
        traceparent="",
        file_path=None if file_path is None else os.fspath(file_path),
        time_remaining=time_remaining,
        context=context or _context(),
    )
    made._body = _values.body(body, "the body of a request")
    return made


def response(
    body: str | bytes = b"",
    content_type: str = "text/plain",
    *,
    path: str = "/",
    headers: Headers = (),
    request: Request | None = None,
    context: Context | None = None,
) -> Response:
    """A response, for a transform handler: to the request, or else to a request for the path.

    Its headers contain the content type, unless they are given with another one.
    """
    pairs = _pairs(headers)
    if _values.first_header(pairs, "content-type") is None:
        pairs = (*pairs, ("content-type", content_type.encode()))
    return Response(
        request=request or _request(path, context=context),
        content_type=content_type,
        headers=pairs,
        body=_values.body(body, "the body of a response"),
    )


def imports(
    *specifiers: str | ImportSpecifier,
    path: str = "/main.js",
    importer: Request | None = None,
    context: Context | None = None,
) -> Imports:
    """The imports of a module, for a resolve_import handler.

    Each is a static import on a line of its own, unless an `ImportSpecifier` says more. The module
    is the one that the importer requests, or else the one at the path.
    """
    return Imports(
        importer=importer or _request(path, context=context),
        imports=tuple(
            each
            if isinstance(each, ImportSpecifier)
            else ImportSpecifier(each, dynamic=False, line=line, column=_SPECIFIER_COLUMN)
            for line, each in enumerate(specifiers, 1)
        ),
    )


def message(
    value: Any = None,
    *,
    binary: bytes | None = None,
    socket_id: str = "socket",
    request_id: str | None = None,
) -> Message:
    """A message of a page, for an on_message or on_request handler.

    The value is an object with a `type`, as in `{"type": "say", "text": "hi"}`; a binary message
    has none.
    """
    if (value is None) == (binary is None):
        raise TypeError("a message has either a value or binary data")
    return Message(
        socket_id=socket_id,
        type="" if value is None else _values.string(value["type"], "the type of a message"),
        text=None if value is None else _values.to_json(value),
        binary=binary,
        request_id=request_id,
        omitted_bytes=0,
    )


def socket(
    socket_id: str = "socket",
    *,
    url: str = "http://localhost:8000/",
    title: str = "",
    page_id: str = "page",
    tab_id: str = "tab",
    user_agent: str = "",
    visibility: Visibility = Visibility.VISIBLE,
    top_level: bool = True,
    ready: bool = True,
) -> Socket:
    """A socket, for an on_socket_opened or on_socket_ready handler."""
    return Socket(
        socket_id=socket_id,
        page_id=page_id,
        tab_id=tab_id,
        url=url,
        title=title,
        user_agent=user_agent,
        visibility=visibility,
        top_level=top_level,
        remote_address="127.0.0.1:50000",
        connect_time=datetime.datetime.now(datetime.UTC),
        ready=ready,
        document_state=DocumentState.COMPLETE if ready else DocumentState.LOADING,
        client_features=frozenset(),
    )


def client() -> Client:
    """A client without a daemon, for an `async` handler that gets one.

    It checks its arguments, and then each call raises a RuntimeError. `Daemon.client` has a daemon.
    """
    return Client(cast("Connection", _NoConnection()))


def sync_client() -> sync.Client:
    """Like `client`, for a plain handler. `Daemon.sync_client` has a daemon."""
    return sync.Client(client(), sync._background_loop())


def context(
    *,
    root_dirs: Iterable[StrPath] = (),
    scratch_dir: StrPath = "",
    config: Any = None,
    sockets: Iterable[Socket] = (),
    plugin_name: str = "test",
    client: Client | None = None,
    sync_client: sync.Client | None = None,
) -> Context:
    """A context, for a server_start handler and for requests.

    Without a client, such as that of a `Daemon`, it has those of `client` and `sync_client`.
    """
    return Context(
        client=client or _client(),
        sync_client=sync_client or _sync_client(),
        plugin_name=plugin_name,
        sockets=tuple(sockets),
        position=Position("test", 0),
        server_info=ServerInfo._from_proto(control_pb2.GetServerInfoResponse()),
        root_dirs=tuple(_values.paths(root_dirs, "root_dirs")),
        scratch_dir=os.fspath(scratch_dir),
        config=config,
        _session_id="",
    )


# Names for makers with a parameter of the same name.
_request, _context, _client, _sync_client = request, context, client, sync_client


class _NoConnection:
    """Stands for the connection of a client without a daemon."""

    metadata = ()

    def __getattr__(self, _: str) -> NoReturn:
        raise RuntimeError(
            "the client of this test has no daemon (use the client or sync_client of a "
            "testing.Daemon, and pass it to the handler or to testing.context)"
        )

    async def close(self) -> None:
        """Do nothing."""


def _pairs(headers: Headers) -> tuple[tuple[str, bytes], ...]:
    return tuple((header.name, header.value) for header in _values.headers(headers))
