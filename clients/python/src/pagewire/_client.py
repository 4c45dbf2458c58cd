"""The connection of a program to its daemon."""

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

# How long a call may take unless it is given a deadline; awaited imports their own time and more.
_DEADLINE_SECONDS = 30.0
# What an awaited import's call may take beyond the import itself.
_IMPORT_MARGIN_SECONDS = 5.0
# Sockets or plugins asked for at a time.
_LIST_PAGE_SIZE = 1000

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Client:
    """A connection to a daemon: `await Client.find()`, or `async with Client.find() as client`.

    All methods may be called at the same time, from any task of the event loop that it was made
    in, and from inside a plugin's handlers; other threads use `pagewire.sync.Client`. Nothing
    blocks. No method retries by itself. Cancelling a call abandons it, its effect is then unknown.

    Sends reach a page in the order of their calls, each at most once. Nothing is kept for pages
    that connect later. A page that cannot be reached is a row of the report, never an error; so is
    nobody being connected. A target or a value that makes no sense is an RpcError with
    `FIELD_INVALID`.

    The connection is dialled again when it was lost, so a client outlives a restart of its daemon
    at the same endpoint, as long as the token stays; subscriptions do not.
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
        """Connect to the daemon that is meant.

        The one that `PAGEWIRE_ENDPOINT` names; else the one whose root is nearest around the
        current folder, else one whose root is below it, else the only one that runs. Raises
        NoDaemonError or SeveralDaemonsError, and as `connect`.
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

        Without a token it is that of the daemon of yours that runs there; a unix socket needs
        none. Takes 5 s at most. Raises ConnectError when no daemon answers, RpcError when it
        refuses the token (`TOKEN_MISSING`, `TOKEN_INVALID`), EndpointError and TokenFileError.
        """

        async def open_() -> Client:
            # It reads files and tries addresses.
            found = await asyncio.to_thread(_endpoint.find, endpoint, token, token_file)
            return cls(await dial(found))

        return Opening(open_)

    async def close(self) -> None:
        """Cut the connection, and with it all that still runs on it."""
        await self._sender.close()
        await self._connection.close()

    async def __aenter__(self) -> "Client":
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    def options(
        self,
        *,
        deadline: float | None = None,
        confirm_receipt: bool | None = None,
        list_reached: bool | None = None,
    ) -> "Client":
        """A client on the same connection, for one call or for many; what is not given stays.

        Args:
            deadline: Seconds that a call may take, instead of 30. What is reached by then is
                reported, the rest are rows; with nothing to report it is an RpcError with
                `DEADLINE`. Subscriptions have none.
            confirm_receipt: A socket counts as reached only when its browser confirmed the
                message, instead of when it is in the socket's queue.
            list_reached: Reports name the sockets that were reached, not only their number.

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
        """The ready sockets that match; without a condition all sockets, ready or not."""
        return (await self.list_sockets(condition)).sockets

    async def list_sockets(self, condition: SocketFilter | None = None) -> SocketList:
        """The same, with the instant: subscribe from there to miss nothing later."""
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
        """Configured plugins and live ones, in the order in which their hooks are asked."""
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

        16 MiB at most by default.
        """
        json = _values.to_json(value)
        return await self._send(messages_pb2.SendRequest(target=target._to_proto(), json=json))

    async def send_json(self, target: Target, json: str) -> Report:
        """Send JSON text as it is, never re-encoded. The daemon refuses what does not parse."""
        return await self._send(messages_pb2.SendRequest(target=target._to_proto(), json=json))

    async def send_text(self, target: Target, text: str) -> Report:
        """Send a text frame, verbatim and unchecked."""
        return await self._send(messages_pb2.SendRequest(target=target._to_proto(), text=text))

    async def send_binary(self, target: Target, data: bytes) -> Report:
        """Send a binary frame, verbatim."""
        return await self._send(messages_pb2.SendRequest(target=target._to_proto(), binary=data))

    async def reply(self, message: Message, value: Any) -> Report:
        """Answer a page's request. The first answer wins.

        Raises RpcError with `ALREADY_ANSWERED`, `REQUEST_EXPIRED` (20 s) or `REQUEST_NOT_FOUND`.
        """
        return await self._reply_json(message, _values.to_json(value))

    async def _reply_json(self, message: Message, json: str) -> Report:
        return await self._send(messages_pb2.SendRequest(target=_asker(message), json=json))

    async def reply_error(self, message: Message, text: str) -> Report:
        """Tell a page that its request failed, and why. Raises as `reply`."""
        return await self._send(messages_pb2.SendRequest(target=_asker(message), error=text))

    async def send_import(self, target: Target, module: Import) -> Report:
        """Have pages import a module and call its default export; does not wait for them."""
        request = module._to_proto(target, await_result=False)
        response = await self._call(self._connection.stub.SendImport, request)
        return Report._from_proto(response.report)

    async def import_value(self, target: Target, module: Import) -> ImportReport:
        """Have pages import a module and call its default export, and wait for what it returns.

        Takes as long as the slowest page, up to the import's timeout. Waiting in a hook for a page
        whose load depends on that hook ends by deadline only.
        """
        request = module._to_proto(target, await_result=True)
        timeout = module._timeout or DEFAULT_TIMEOUT_SECONDS
        if not module._timeout and self._deadline is None:
            request.timeout.CopyFrom(_values.duration(timeout))
        deadline = self._deadline or timeout + _IMPORT_MARGIN_SECONDS
        response = await self._call(self._connection.stub.SendImport, request, deadline)
        return ImportReport._from_proto(response)

    async def console_log(
        self, target: Target, level: ConsoleLevel | str, text: str, *, source: str = ""
    ) -> Report:
        """Print a text exactly as it is to the console of pages; `source` goes before it."""
        request = messages_pb2.SendConsoleLogRequest(
            target=target._to_proto(),
            level=ConsoleLevel(level)._to_proto(),
            source=source,
            text=text,
            delivery=self._delivery(),
        )
        response = await self._call(self._connection.stub.SendConsoleLog, request)
        return Report._from_proto(response.report)

    async def reload(self, target: Target) -> Report:
        """Reload pages. Reports delivery, not that they have loaded again."""
        return await self._command(target, reload=sockets_pb2.Reload())

    async def navigate(self, target: Target, url: str) -> Report:
        """Send pages to another URL, resolved against each page's own. Reports delivery."""
        return await self._command(target, navigate=sockets_pb2.Navigate(url=url))

    async def swap_stylesheets(self, target: Target, paths: Iterable[str] = ()) -> Report:
        """Swap stylesheets for their new content; the pages keep their state.

        URL paths; none at all means every stylesheet of the pages' own origin.
        """
        swap = sockets_pb2.SwapStylesheets(paths=_values.strings(paths, "paths"))
        return await self._command(target, swap_stylesheets=swap)

    async def close_sockets(self, target: Target, code: int = 1000, reason: str = "") -> Report:
        """Close sockets with a WebSocket close code.

        1000, 4000-4499 (the page connects again) or 4500-4999 (it does not). The reason has 123
        bytes at most.
        """
        request = sockets_pb2.CloseSocketsRequest(
            target=target._to_proto(), close_code=code, close_reason=reason
        )
        response = await self._call(self._connection.stub.CloseSockets, request)
        return Report._from_proto(response.report)

    async def invalidate(self, stale: Stale) -> int:
        """Have the daemon forget remembered and cached results; returns how many there were.

        Results of calls that began before it returns are never remembered.
        """
        request: hooks_pb2.InvalidateRequest = stale._to_proto()
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
        """Subscribe to events; `await` it, or use `async with`. In force once that returns.

        Args:
            messages: Messages of pages; also when no kind is asked for.
            message_types: Only messages of these types.
            sockets: Sockets that open, change and close.
            console: Console output of pages, which the daemon then forwards.
            page_errors: Errors in pages that no code of theirs took.
            files: Watched files that change. Needs a daemon that watches.
            from_sockets: Only events of ready sockets that match.
            resume_after: Deliver what came after this first. What the daemon no longer holds is
                reported by a `Gap`.
            strict: Raise `POSITION_EVICTED` or `EPOCH_CHANGED` instead.
            gaps_when_slow: When this subscriber reads too slowly, drop the oldest events and
                report a `Gap`, instead of ending with `SUBSCRIBER_SLOW`.
            max_queue: Events that may wait in the daemon. Default 1024; 8 MiB at most.
            max_event_bytes: Leave out the content of larger messages. Default 1 MiB.
            answers_requests: Offer to answer the pages' requests among these messages: the page
                then waits for `reply`, up to 20 s. Without an offer it is refused at once.
            answers: Offer to answer requests of these types alone. Each must be among the
                `message_types`, if those are chosen.

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
            kinds=[kind for kind, wanted in kinds.items() if wanted],
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
            target=target._to_proto(), delivery=self._delivery(), **command
        )
        response = await self._call(self._connection.stub.SendCommand, request)
        return Report._from_proto(response.report)

    async def _send(self, request: messages_pb2.SendRequest) -> Report:
        request.delivery.CopyFrom(self._delivery())
        if self._confirm_receipt:
            # Its report may take long, which would hold up those behind it on the stream.
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
        raise ValueError(f"message `{message.type}` is no request (send to its socket instead)")
    return common_pb2.Target(reply_to=message.request_id)
