"""What happens in pages, as subscriptions and handlers are told."""

import datetime
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pagewire import _values
from pagewire._js import JsException, JsValue
from pagewire._proto import common_pb2, messages_pb2
from pagewire._sockets import Position, Socket
from pagewire.errors import NotJsonError


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a page sent."""

    socket_id: str
    """Whom it came from: `Target.socket` with it reaches the same page."""
    type: str
    """Its `type`; empty for a binary one."""
    text: str | None
    """The text as the page sent it, never re-encoded. None when it is binary, or was left out."""
    binary: bytes | None
    """The bytes of a binary message."""
    request_id: str | None
    """Set when the page can be answered, with `Client.reply`."""
    omitted_bytes: int
    """Size of a message whose content was left out (`max_event_bytes`); 0 = it is here."""

    def json(self) -> Any:
        """The message as a Python value."""
        if self.text is None:
            raise NotJsonError(
                "a binary message (see `binary`)"
                if self.binary is not None
                else f"a message of {self.omitted_bytes} bytes, left out (raise max_event_bytes)"
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
    """As it was when it opened: its page may not have said what it is."""
    previous_socket_id: str | None
    """The socket that the same document had before, if this is a reconnect."""


@dataclass(frozen=True, slots=True)
class SocketUpdated:
    """A socket became ready, or what is known of it changed."""

    socket: Socket
    """As it is now."""


class CloseCause(StrEnum):
    """What led to the end of a socket."""

    UNSPECIFIED = "unspecified"
    """Not known."""
    PAGE_UNLOADED = "page_unloaded"
    """The page left, reloaded or was closed."""
    CONNECTION_LOST = "connection_lost"
    """The connection broke."""
    NO_PONG = "no_pong"
    """Two pings went unanswered."""
    SLOW = "slow"
    """The same, and the page has not even read what was sent to it before."""
    CLOSED_BY_API = "closed_by_api"
    """`Client.close_sockets`."""
    SERVER_STOPPING = "server_stopping"
    """The daemon stops."""
    PROTOCOL_ERROR = "protocol_error"
    """The page broke the protocol or a limit."""


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """A socket is gone; nothing of it follows."""

    socket_id: str
    """The socket."""
    close_code: int
    """WebSocket close code; 1006 if there was no close frame."""
    close_reason: str
    """Text of the close frame. Empty = none."""
    cause: CloseCause
    """What led to it, as the daemon knows it."""

    @classmethod
    def _from_proto(cls, closed: messages_pb2.SocketClosed) -> "SocketClosed":
        cause = _values.word(messages_pb2.SocketClosed.Cause, closed.cause, "CAUSE_")
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
        word = _values.word(common_pb2.ConsoleLevel, level, "CONSOLE_LEVEL_")
        return cls.LOG if word == "unspecified" else cls(word)


@dataclass(frozen=True, slots=True)
class ConsoleEntry:
    """What a page wrote to its console."""

    socket_id: str
    """The page's socket."""
    level: ConsoleLevel
    """The method used."""
    args: tuple[JsValue, ...]
    """The arguments as passed, a format string unexpanded."""
    stack: str
    """Where it was called, in the browser's own format. Empty = not known."""


class PageErrorKind(StrEnum):
    """Ways a page can fail."""

    UNSPECIFIED = "unspecified"
    """Not known."""
    UNCAUGHT = "uncaught"
    """An exception that nothing caught."""
    UNHANDLED_REJECTION = "unhandled_rejection"
    """A rejected promise that nothing handled."""
    RESOURCE = "resource"
    """A script, stylesheet, image or other resource did not load."""
    CSP = "csp"
    """The content security policy blocked something."""


@dataclass(frozen=True, slots=True)
class PageError:
    """Something failed in a page, and no code of the page took it."""

    socket_id: str
    """The page's socket."""
    kind: PageErrorKind
    """How it failed."""
    exception: JsException
    """What failed."""


class FileChangeKind(StrEnum):
    """What happened to a file."""

    UNSPECIFIED = "unspecified"
    """Not known."""
    CREATED = "created"
    """It did not exist before."""
    MODIFIED = "modified"
    """Its content changed."""
    REMOVED = "removed"
    """It exists no more."""
    BUFFER = "buffer"
    """An editor's unsaved text; the file itself did not change."""


@dataclass(frozen=True, slots=True)
class FileChanged:
    """A watched file changed."""

    file_path: str
    """The file, absolute, on the daemon's machine."""
    url_path: str
    """The URL path it is served under, percent-encoded. Empty = none."""
    kind: FileChangeKind
    """What happened to it."""


class GapReason(StrEnum):
    """Why events are lost."""

    UNSPECIFIED = "unspecified"
    """Not known."""
    EVICTED = "evicted"
    """The log no longer held them."""
    EPOCH_CHANGED = "epoch_changed"
    """The position to resume after is of another run of the daemon."""
    SUBSCRIBER_SLOW = "subscriber_slow"
    """They were read too slowly (`gaps_when_slow`)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The events between two are lost to this subscription; the bounds themselves are not."""

    after_sequence: int
    """Sequence of the last event before the gap."""
    before_sequence: int
    """Sequence of the first event after it."""
    reason: GapReason
    """Why they are lost."""


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
"""What an event tells; tell them apart with `match`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription."""

    position: Position
    """Its own place in the log."""
    time: datetime.datetime
    """When the daemon logged it, by the daemon's clock, in UTC."""
    what: What
    """What happened."""

    @classmethod
    def _from_proto(cls, event: messages_pb2.SubscribeMessagesResponse) -> "Event | None":
        """The event, or None for one that this version does not know."""
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
                entry = event.console
                args = tuple(map(JsValue._from_proto, entry.args))
                level = ConsoleLevel._from_proto(entry.level)
                what = ConsoleEntry(entry.socket_id, level, args, entry.stack)
            case "page_error":
                error = event.page_error
                kind = _values.word(messages_pb2.PageError.Kind, error.kind, "KIND_")
                thrown = JsException._from_proto(error.exception)
                what = PageError(error.socket_id, PageErrorKind(kind), thrown)
            case "file_changed":
                changed = event.file_changed
                kind = _values.word(messages_pb2.FileChanged.Kind, changed.kind, "KIND_")
                what = FileChanged(changed.file_path, changed.url_path, FileChangeKind(kind))
            case "gap":
                reason = GapReason(
                    _values.word(messages_pb2.Gap.Reason, event.gap.reason, "REASON_")
                )
                what = Gap(event.gap.after_sequence, event.gap.before_sequence, reason)
            case _:
                return None
        return cls(Position._from_proto(event.position), _values.time(event.time), what)
