"""The client: a connection to a daemon."""

import asyncio
from collections.abc import Iterable
from copy import copy
from typing import Any, TypeVar

import grpc

from pagewire import _endpoint, _values
from pagewire._channel import Connection, Opening, dial
from pagewire._events import ConsoleLevel, Message
from pagewire._import import DEFAULT_TIMEOUT_SECONDS, Import, ImportReport
from pagewire._proto import common_pb2, control_pb2, hooks_pb2, messages_pb2, sockets_pb2
from pagewire._report import Report
from pagewire._sender import Sender
from pagewire._server import PluginInfo, ServerInfo
from pagewire._sockets import Position, Socket, SocketFilter, SocketList
from pagewire._stale import Stale
from pagewire._subscription import Subscription
from pagewire._target import Target
from pagewire._values import StrPath
from pagewire.errors import translated

# Default deadline of a call.
_DEADLINE_SECONDS = 30.0
# Added to the timeout of an awaited import for the deadline of its call.
_IMPORT_MARGIN_SECONDS = 5.0
# Page size of the list calls.
_LIST_PAGE_SIZE = 1000

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Client:
    """A connection to a daemon: `await Client.find()`, or `async with Client.find() as client`.

    All methods may be called concurrently, from any task of the event loop in which the client was
    created, and from inside a plugin's handlers; other threads use `pagewire.sync.Client`. No
    method blocks. No call is retried. Cancelling a call leaves its effect unknown.

    Sends reach a page in the order of the calls, each at most once. Messages are not stored for
    pages that connect later. A page that cannot be reached is a row of the report, never an error;
    without connected pages the report is empty. An invalid target or value is an RpcError with
    `FIELD_INVALID`.

    A lost connection is re-established on the next call. A client therefore survives a restart of
    its daemon on the same endpoint if its token stays valid; subscriptions do not.
    """

    def __init__(self, connection: Connection) -> None:
        """Use `Client.find` or `Client.connect`."""
        self._connection = connection
        self._sender = Sender(connection)
        self._deadline: float | None = None
        self._confirm_receipt = False
        self._list_reached = False

    @classmethod
    def find(cls) -> "Opening[Client]":
        """Connect to a daemon without being given one.

        Uses the daemon that `PAGEWIRE_ENDPOINT` names; otherwise the daemon with the innermost
        root that contains the current folder; otherwise a daemon with a root inside the current
        folder; otherwise the only running one. Raises NoDaemonError, SeveralDaemonsError, or an
        error of `connect`.
        """
        return cls.connect()

    @classmethod
    def connect(
        cls,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
    ) -> "Opening[Client]":
        """Connect to the daemon at `127.0.0.1:8001`, `[::1]:8001` or `unix:/path`.

        Without a token, uses that of your own daemon at this address; a unix socket needs none.
        Takes at most 5 s. Raises ConnectError when no daemon responds, RpcError when it refuses
        the token (`TOKEN_MISSING`, `TOKEN_INVALID`), EndpointError and TokenFileError.
        """

        async def open_() -> Client:
            # In a thread, because it reads files and tries addresses.
            found = await asyncio.to_thread(_endpoint.find, endpoint, token, token_file)
            return cls(await dial(found))

        return Opening(open_)

    async def close(self) -> None:
        """Close the connection; pending calls and streams fail."""
        await self._sender.close()
        await self._connection.close()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def options(
        self,
        *,
        deadline: float | None = None,
        confirm_receipt: bool | None = None,
        list_reached: bool | None = None,
    ) -> "Client":
        """A client on the same connection with other options. Options not given stay.

        Args:
            deadline: Deadline of calls in seconds, instead of 30. Sockets reached by then are
                reported, the others are rows; without anything to report the result is an
                RpcError with `DEADLINE`. Subscriptions have no deadline.
            confirm_receipt: Count a socket as reached only when its browser has confirmed the
                message, instead of when the message is in the socket's queue.
            list_reached: List the reached sockets in reports instead of only counting them.

        """
        client = copy(self)
        if deadline is not None:
            client._deadline = deadline
        if confirm_receipt is not None:
            client._confirm_receipt = confirm_receipt
        if list_reached is not None:
            client._list_reached = list_reached
        return client

    async def info(self) -> ServerInfo:
        """Version, features and limits of the daemon."""
        request = control_pb2.GetServerInfoRequest()
        info = await self._call(self._connection.stub.GetServerInfo, request)
        return ServerInfo._from_proto(info)

    async def sockets(self, condition: SocketFilter | None = None) -> tuple[Socket, ...]:
        """The ready sockets that match; without a condition all connected sockets."""
        return (await self.list_sockets(condition)).sockets

    async def list_sockets(self, condition: SocketFilter | None = None) -> SocketList:
        """Like `sockets`, with the snapshot's position, for `subscribe(resume_after=...)`."""
        request = sockets_pb2.ListSocketsRequest(page_size=_LIST_PAGE_SIZE)
        if condition is not None:
            request.filter.CopyFrom(condition._to_proto())
        sockets: list[Socket] = []
        while True:
            page = await self._call(self._connection.stub.ListSockets, request)
            sockets += map(Socket._from_proto, page.sockets)
            if not page.next_page_token:
                return SocketList(tuple(sockets), Position._from_proto(page.position))
            request.page_token = page.next_page_token

    async def plugins(self) -> tuple[PluginInfo, ...]:
        """Configured plugins and live sessions, in the order in which their hooks are called."""
        request = control_pb2.ListPluginsRequest(page_size=_LIST_PAGE_SIZE)
        plugins: list[PluginInfo] = []
        while True:
            page = await self._call(self._connection.stub.ListPlugins, request)
            plugins += map(PluginInfo._from_proto, page.plugins)
            if not page.next_page_token:
                return tuple(plugins)
            request.page_token = page.next_page_token

    async def send(self, target: Target, value: Any) -> Report:
        """Send a value as one JSON message; page code expects an object with a `type`.

        At most 16 MiB by default.
        """
        json = _values.to_json(value)
        return await self._send(messages_pb2.SendRequest(target=_target(target), json=json))

    async def send_json(self, target: Target, json: str) -> Report:
        """Send JSON text unchanged, never re-encoded. The daemon refuses invalid JSON."""
        return await self._send(
            messages_pb2.SendRequest(target=_target(target), json=_values.string(json, "JSON text"))
        )

    async def send_text(self, target: Target, text: str) -> Report:
        """Send a text frame, verbatim and unchecked."""
        return await self._send(
            messages_pb2.SendRequest(target=_target(target), text=_values.string(text, "a text"))
        )

    async def send_binary(self, target: Target, data: bytes) -> Report:
        """Send a binary frame, verbatim."""
        return await self._send(
            messages_pb2.SendRequest(
                target=_target(target), binary=_values.data(data, "binary data")
            )
        )

    async def reply(self, message: Message, value: Any) -> Report:
        """Reply to a page's request. Only the first reply is delivered.

        Raises RpcError with `ALREADY_ANSWERED`, `REQUEST_EXPIRED` (20 s) or `REQUEST_NOT_FOUND`.
        """
        return await self._reply_json(message, _values.to_json(value))

    async def _reply_json(self, message: Message, json: str) -> Report:
        return await self._send(messages_pb2.SendRequest(target=_asker(message), json=json))

    async def reply_error(self, message: Message, text: str) -> Report:
        """Reply to a page's request with an error. Raises the errors of `reply`."""
        return await self._send(messages_pb2.SendRequest(target=_asker(message), error=text))

    async def send_import(self, target: Target, module: Import) -> Report:
        """Make pages import a module and call its default export, without waiting."""
        request = _module(module)._to_proto(_target(target), await_result=False)
        response = await self._call(self._connection.stub.SendImport, request)
        return Report._from_proto(response.report)

    async def import_value(self, target: Target, module: Import) -> ImportReport:
        """Make pages import a module and call its default export, and wait for the values.

        Takes as long as the slowest page, up to the import's timeout. A hook must not wait for a
        page that cannot load without that hook: it would wait until its deadline.
        """
        request = _module(module)._to_proto(_target(target), await_result=True)
        timeout = module._timeout or DEFAULT_TIMEOUT_SECONDS
        if not module._timeout and self._deadline is None:
            request.timeout.CopyFrom(_values.duration(timeout))
        deadline = self._deadline or timeout + _IMPORT_MARGIN_SECONDS
        response = await self._call(self._connection.stub.SendImport, request, deadline)
        return ImportReport._from_proto(response)

    async def console_log(
        self, target: Target, level: ConsoleLevel | str, text: str, *, source: str = ""
    ) -> Report:
        """Print a text, unchanged, to the console of pages, with `source` as its prefix."""
        request = messages_pb2.SendConsoleLogRequest(
            target=_target(target),
            level=_values.choice(ConsoleLevel, level, "level")._to_proto(),
            source=source,
            text=text,
            delivery=self._delivery(),
        )
        response = await self._call(self._connection.stub.SendConsoleLog, request)
        return Report._from_proto(response.report)

    async def reload(self, target: Target) -> Report:
        """Reload pages. Reports delivery, not the completed reload."""
        return await self._command(target, reload=sockets_pb2.Reload())

    async def navigate(self, target: Target, url: str) -> Report:
        """Navigate pages to a URL, resolved against each page's own. Reports delivery."""
        return await self._command(target, navigate=sockets_pb2.Navigate(url=url))

    async def swap_stylesheets(self, target: Target, paths: Iterable[str] = ()) -> Report:
        """Make pages fetch stylesheets again and swap them in without a reload.

        `paths` are URL paths; without any, all stylesheets of the pages' own origin are swapped.
        """
        swap = sockets_pb2.SwapStylesheets(paths=_values.strings(paths, "paths"))
        return await self._command(target, swap_stylesheets=swap)

    async def close_sockets(self, target: Target, code: int = 1000, reason: str = "") -> Report:
        """Close sockets with a WebSocket close code.

        1000, 4000-4499 (the page reconnects) or 4500-4999 (it does not). The reason has at most
        123 bytes.
        """
        request = sockets_pb2.CloseSocketsRequest(
            target=_target(target), close_code=code, close_reason=reason
        )
        response = await self._call(self._connection.stub.CloseSockets, request)
        return Report._from_proto(response.report)

    async def invalidate(self, stale: Stale) -> int:
        """Invalidate cached results of hooks; returns their number.

        Results of calls that started before it returns are not cached.
        """
        request: hooks_pb2.InvalidateRequest = _stale(stale)._to_proto()
        response = await self._call(self._connection.stub.Invalidate, request)
        return response.entries_forgotten

    def subscribe(
        self,
        *,
        messages: bool = False,
        message_types: Iterable[str] = (),
        sockets: bool = False,
        console: bool = False,
        page_errors: bool = False,
        files: bool = False,
        from_sockets: SocketFilter | None = None,
        resume_after: Position | None = None,
        strict: bool = False,
        gaps_when_slow: bool = False,
        max_queue: int = 0,
        max_event_bytes: int = 0,
        answers_requests: bool = False,
        answers: Iterable[str] = (),
    ) -> Opening[Subscription]:
        """Subscribe to events, with `await` or `async with`. Later events are not missed.

        Args:
            messages: Messages of pages. The default if no kind is selected.
            message_types: Messages of pages, of these types only.
            sockets: Sockets that open, change and close.
            console: Console output of pages. Pages report it only while there is a subscriber.
            page_errors: Errors in pages that their code did not handle.
            files: Changed files. Needs a daemon with `--watch`.
            from_sockets: Only events of ready sockets that match.
            resume_after: Start with the events after this position. Events that the daemon no
                longer holds are reported by a `Gap`.
            strict: Raise `POSITION_EVICTED` or `EPOCH_CHANGED` instead of reporting a gap at the
                start.
            gaps_when_slow: When this subscriber reads too slowly, drop the oldest events and
                report a `Gap`, instead of ending with `SUBSCRIBER_SLOW`.
            max_queue: Limit of events that the daemon queues for this subscriber. Default 1024;
                always at most 8 MiB.
            max_event_bytes: Omit the content of larger messages. Default 1 MiB.
            answers_requests: Offer to answer the requests among these messages: the page then
                waits up to 20 s for `reply`. Without an offer of any subscriber a request fails
                immediately.
            answers: Offer to answer only requests of these types. Each must be among the
                `message_types`, if those are set.

        """
        types = _values.strings(message_types, "message types")
        kinds = {
            messages_pb2.EVENT_KIND_MESSAGE: messages or bool(types),
            messages_pb2.EVENT_KIND_SOCKET: sockets,
            messages_pb2.EVENT_KIND_CONSOLE: console,
            messages_pb2.EVENT_KIND_PAGE_ERROR: page_errors,
            messages_pb2.EVENT_KIND_FILE: files,
        }
        request = messages_pb2.SubscribeMessagesRequest(
            kinds=[kind for kind, selected in kinds.items() if selected],
            message_types=types,
            sockets=from_sockets._to_proto() if from_sockets else None,
            resume_after=resume_after._to_proto() if resume_after else None,
            strict_resume=strict,
            max_queue=max_queue,
            overflow=messages_pb2.OVERFLOW_POLICY_GAP
            if gaps_when_slow
            else messages_pb2.OVERFLOW_POLICY_DISCONNECT,
            answers_requests=answers_requests,
            answer_types=_values.strings(answers, "message types"),
            max_event_bytes=max_event_bytes,
        )
        return self._subscribe(request)

    def _subscribe(
        self,
        request: messages_pb2.SubscribeMessagesRequest,
        session: tuple[tuple[str, str], ...] = (),
    ) -> Opening[Subscription]:
        metadata = self._connection.metadata + session
        return Opening(lambda: Subscription._open(self._connection, request, metadata))

    async def _call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[_Request, _Response]",
        request: _Request,
        deadline: float | None = None,
    ) -> _Response:
        timeout = deadline or self._deadline or _DEADLINE_SECONDS
        with translated():
            return await method(request, metadata=self._connection.metadata, timeout=timeout)

    async def _command(self, target: Target, **command: Any) -> Report:
        request = sockets_pb2.SendCommandRequest(
            target=_target(target), delivery=self._delivery(), **command
        )
        response = await self._call(self._connection.stub.SendCommand, request)
        return Report._from_proto(response.report)

    async def _send(self, request: messages_pb2.SendRequest) -> Report:
        request.delivery.CopyFrom(self._delivery())
        if self._confirm_receipt:
            # Sent as a call of its own: on the stream, a slow report would delay the later ones.
            await self._sender.settled()
            response = await self._call(self._connection.stub.Send, request)
            return Report._from_proto(response.report)
        report = await self._sender.send(request, self._deadline or _DEADLINE_SECONDS)
        return Report._from_proto(report)

    def _delivery(self) -> common_pb2.DeliveryOptions:
        level = (
            common_pb2.ACK_LEVEL_RECEIVED if self._confirm_receipt else common_pb2.ACK_LEVEL_QUEUED
        )
        return common_pb2.DeliveryOptions(ack_level=level, list_reached=self._list_reached)


def _asker(message: Message) -> common_pb2.Target:
    if message.request_id is None:
        raise ValueError(f"message `{message.type}` is not a request (send to its socket instead)")
    return common_pb2.Target(reply_to=message.request_id)


def _target(target: Target) -> common_pb2.Target:
    if not isinstance(target, Target):
        text = repr(target) if isinstance(target, str) else "..."
        raise TypeError(
            f"a target must be a Target, not {_values.described(target)} "
            f"(pass Target.socket({text}), or Target.all() for all pages)"
        )
    return target._to_proto()


def _stale(stale: Stale) -> Stale:
    if not isinstance(stale, Stale):
        text = repr(stale) if isinstance(stale, str) else "..."
        raise TypeError(
            f"invalidate needs a Stale, not {_values.described(stale)} "
            f"(pass Stale.file({text}), or Stale.path of a URL)"
        )
    return stale


def _module(module: Import) -> Import:
    if not isinstance(module, Import):
        text = repr(module) if isinstance(module, str) else "..."
        raise TypeError(
            f"a module must be an Import, not {_values.described(module)} "
            f"(pass Import.path({text}), or Import.code)"
        )
    return module
