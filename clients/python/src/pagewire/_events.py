"""Events of pages and sockets, as subscriptions and handlers receive them."""

import datetime
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pagewire import _values
from pagewire._content import SourceLocation
from pagewire._js import JsException, JsValue
from pagewire._proto import common_pb2, hooks_pb2, messages_pb2
from pagewire._sockets import Position, Socket
from pagewire.errors import NotJsonError


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a page."""

    socket_id: str
    """The socket that sent it; `Target.socket` with this id reaches the same page."""
    type: str
    """The `type` of the message; empty for a binary one."""
    text: str | None
    """The text as the page sent it, never re-encoded. None if it is binary or was omitted."""
    binary: bytes | None
    """The bytes of a binary message."""
    request_id: str | None
    """The id for `Client.reply`, if the message is a request."""
    omitted_bytes: int
    """Size of a message whose content was omitted (`max_event_bytes`); 0 = it is present."""

    def json(self) -> Any:
        """The message as a Python value."""
        if self.text is None:
            raise NotJsonError(
                "a binary message (see `binary`)"
                if self.binary is not None
                else f"an omitted message of {self.omitted_bytes} bytes (raise max_event_bytes)"
            )
        return json.loads(self.text)

    @classmethod
    def _from_proto(cls, message: messages_pb2.BrowserMessage) -> "Message":
        frame = message.WhichOneof("frame")
        return cls(
            socket_id=message.socket_id,
            type=message.type,
            text=message.text if frame == "text" else None,
            binary=message.binary if frame == "binary" else None,
            request_id=message.request_id or None,
            omitted_bytes=message.omitted_bytes,
        )


@dataclass(frozen=True, slots=True)
class SocketOpened:
    """A document connected."""

    socket: Socket
    """The socket when it opened; its page may not have sent its hello yet."""
    previous_socket_id: str | None
    """The previous socket of the same document, if this is a reconnect."""


@dataclass(frozen=True, slots=True)
class SocketUpdated:
    """A socket became ready or its description changed."""

    socket: Socket
    """The complete socket after the change."""


class CloseCause(StrEnum):
    """The cause of a closed socket."""

    UNSPECIFIED = "unspecified"
    """Unknown."""
    PAGE_UNLOADED = "page_unloaded"
    """The page navigated away, reloaded or was closed."""
    CONNECTION_LOST = "connection_lost"
    """The connection was lost without a close frame."""
    NO_PONG = "no_pong"
    """Two pings were not answered."""
    SLOW = "slow"
    """Two pings were not answered, and earlier messages were still unread by the page."""
    CLOSED_BY_API = "closed_by_api"
    """A program called `Client.close_sockets`."""
    SERVER_STOPPING = "server_stopping"
    """The daemon stops."""
    PROTOCOL_ERROR = "protocol_error"
    """The page violated the protocol or a limit."""


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """A socket was closed; no events of it follow."""

    socket_id: str
    """The socket's id, which is never reused."""
    close_code: int
    """WebSocket close code; 1006 if there was no close frame."""
    close_reason: str
    """Text of the close frame. Empty = none."""
    cause: CloseCause
    """Why it was closed."""

    @classmethod
    def _from_proto(cls, closed: messages_pb2.SocketClosed) -> "SocketClosed":
        cause = _values.enum_name(messages_pb2.SocketClosed.Cause, closed.cause, "CAUSE_")
        return cls(closed.socket_id, closed.close_code, closed.close_reason, CloseCause(cause))


class ConsoleLevel(StrEnum):
    """A method of `console`."""

    LOG = "log"
    """`console.log`."""
    DEBUG = "debug"
    """`console.debug`; most consoles hide it by default."""
    INFO = "info"
    """`console.info`."""
    WARN = "warn"
    """`console.warn`."""
    ERROR = "error"
    """`console.error`."""

    def _to_proto(self) -> str:
        return f"CONSOLE_LEVEL_{self.name}"

    @classmethod
    def _from_proto(cls, level: common_pb2.ConsoleLevel) -> "ConsoleLevel":
        word = _values.enum_name(common_pb2.ConsoleLevel, level, "CONSOLE_LEVEL_")
        return cls.LOG if word == "unspecified" else cls(word)


@dataclass(frozen=True, slots=True)
class ConsoleEntry:
    """A console call of a page."""

    socket_id: str
    """The page's socket."""
    level: ConsoleLevel
    """The console method."""
    args: tuple[JsValue, ...]
    """The arguments as passed; a format string is not expanded."""
    stack: str
    """The call stack of errors and warnings, in the browser's own format. Empty = unknown."""
    url: str = ""
    """The script that called the console. Empty = unknown."""
    line: int = 0
    """Line of the call in `url`, from 1. 0 = unknown."""
    column: int = 0
    """Column of the call in `line`, from 1. 0 = unknown."""

    @classmethod
    def _from_proto(cls, entry: messages_pb2.ConsoleEntry) -> "ConsoleEntry":
        return cls(
            socket_id=entry.socket_id,
            level=ConsoleLevel._from_proto(entry.level),
            args=tuple(map(JsValue._from_proto, entry.args)),
            stack=entry.stack,
            url=entry.url,
            line=entry.line,
            column=entry.column,
        )


class PageErrorKind(StrEnum):
    """A kind of page error."""

    UNSPECIFIED = "unspecified"
    """Unknown."""
    UNCAUGHT = "uncaught"
    """An uncaught exception."""
    UNHANDLED_REJECTION = "unhandled_rejection"
    """An unhandled promise rejection."""
    RESOURCE = "resource"
    """A script, stylesheet, image or other resource did not load."""
    CSP = "csp"
    """The content security policy blocked something."""


@dataclass(frozen=True, slots=True)
class FailedResource:
    """A response that the failure of a plugin replaced.

    The resource that did not load, or a module that it imports.
    """

    plugin_name: str
    """The plugin that failed."""
    hook: str
    """The hook that failed: `serve`, `transform` or `resolve_import`."""
    url: str
    """The path and query of the response, as requested."""
    status: int
    """The HTTP status of the response."""
    message: str
    """The message of the failure, or what the daemon reports of a deadline or a lost plugin."""
    location: SourceLocation | None
    """Where in the source the cause is; None if it is unknown."""

    @classmethod
    def _from_proto(cls, failed: messages_pb2.FailedResource) -> "FailedResource":
        located = failed.HasField("location")
        return cls(
            plugin_name=failed.plugin_name,
            hook=_values.enum_name(hooks_pb2.Hook, failed.hook, "HOOK_"),
            url=failed.url,
            status=failed.status,
            message=failed.message,
            location=SourceLocation._from_proto(failed.location) if located else None,
        )


@dataclass(frozen=True, slots=True)
class PageError:
    """An error in a page that its code did not handle."""

    socket_id: str
    """The page's socket."""
    kind: PageErrorKind
    """The kind of error."""
    exception: JsException
    """The error."""
    failed_resource: FailedResource | None = None
    """The failure of a plugin because of which a resource did not load, if the daemon knows one."""

    @classmethod
    def _from_proto(cls, error: messages_pb2.PageError) -> "PageError":
        kind = _values.enum_name(messages_pb2.PageError.Kind, error.kind, "KIND_")
        failed = error.HasField("failed_resource")
        return cls(
            socket_id=error.socket_id,
            kind=PageErrorKind(kind),
            exception=JsException._from_proto(error.exception),
            failed_resource=FailedResource._from_proto(error.failed_resource) if failed else None,
        )


class FileChangeKind(StrEnum):
    """A kind of change to a file."""

    UNSPECIFIED = "unspecified"
    """Unknown."""
    CREATED = "created"
    """The file did not exist before."""
    MODIFIED = "modified"
    """The file's content changed."""
    REMOVED = "removed"
    """The file no longer exists."""
    BUFFER = "buffer"
    """An editor's unsaved buffer changed; the file itself did not."""


@dataclass(frozen=True, slots=True)
class FileChanged:
    """A watched file changed."""

    file_path: str
    """The absolute path of the file on the daemon's machine."""
    url_path: str
    """The URL path at which it is served, percent-encoded. Empty = it is not served."""
    kind: FileChangeKind
    """The kind of change."""


class GapReason(StrEnum):
    """The reason of a gap."""

    UNSPECIFIED = "unspecified"
    """Unknown."""
    EVICTED = "evicted"
    """The log no longer held the events."""
    EPOCH_CHANGED = "epoch_changed"
    """The position to resume after belongs to another run of the daemon."""
    SUBSCRIBER_SLOW = "subscriber_slow"
    """Events were read too slowly (`gaps_when_slow`)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events were lost to this subscription: those between the bounds, without the bounds."""

    after_sequence: int
    """Sequence of the last event before the gap."""
    before_sequence: int
    """Sequence of the first event after it."""
    reason: GapReason
    """Why they were lost."""


What: TypeAlias = (
    Message
    | SocketOpened
    | SocketUpdated
    | SocketClosed
    | ConsoleEntry
    | PageError
    | FileChanged
    | Gap
)
"""The content of an event; distinguish the types with `match`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription."""

    position: Position
    """The event's position in the log."""
    time: datetime.datetime
    """When the daemon logged it, by the daemon's clock, in UTC."""
    what: What
    """What happened."""

    @classmethod
    def _from_proto(cls, event: messages_pb2.SubscribeMessagesResponse) -> "Event | None":
        """The event, or None for a kind that this version does not know."""
        what: What
        match event.WhichOneof("event"):
            case "message":
                what = Message._from_proto(event.message)
            case "socket_opened":
                opened = event.socket_opened
                previous = opened.previous_socket_id or None
                what = SocketOpened(Socket._from_proto(opened.socket), previous)
            case "socket_updated":
                what = SocketUpdated(Socket._from_proto(event.socket_updated.socket))
            case "socket_closed":
                what = SocketClosed._from_proto(event.socket_closed)
            case "console":
                what = ConsoleEntry._from_proto(event.console)
            case "page_error":
                what = PageError._from_proto(event.page_error)
            case "file_changed":
                changed = event.file_changed
                kind = _values.enum_name(messages_pb2.FileChanged.Kind, changed.kind, "KIND_")
                what = FileChanged(changed.file_path, changed.url_path, FileChangeKind(kind))
            case "gap":
                reason = GapReason(
                    _values.enum_name(messages_pb2.Gap.Reason, event.gap.reason, "REASON_")
                )
                what = Gap(event.gap.after_sequence, event.gap.before_sequence, reason)
            case _:
                return None
        return cls(Position._from_proto(event.position), _values.time(event.time), what)
