"""Sockets: one for each connected document."""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from pagewire import _values
from pagewire._proto import common_pb2, sockets_pb2


class Visibility(StrEnum):
    """A page's `document.visibilityState`."""

    UNKNOWN = "unknown"
    """Not reported yet."""
    VISIBLE = "visible"
    """At least partly visible."""
    HIDDEN = "hidden"
    """In a background tab, minimized or covered."""


class DocumentState(StrEnum):
    """A page's `document.readyState`."""

    UNKNOWN = "unknown"
    """Not reported yet."""
    LOADING = "loading"
    """The document is still being parsed."""
    INTERACTIVE = "interactive"
    """The document is parsed, but its subresources are still loading."""
    COMPLETE = "complete"
    """The document and its subresources have loaded."""


_VISIBILITIES = {
    common_pb2.VISIBILITY_VISIBLE: Visibility.VISIBLE,
    common_pb2.VISIBILITY_HIDDEN: Visibility.HIDDEN,
}
_STATES = {
    sockets_pb2.Socket.DOCUMENT_STATE_LOADING: DocumentState.LOADING,
    sockets_pb2.Socket.DOCUMENT_STATE_INTERACTIVE: DocumentState.INTERACTIVE,
    sockets_pb2.Socket.DOCUMENT_STATE_COMPLETE: DocumentState.COMPLETE,
}


@dataclass(frozen=True, slots=True)
class Position:
    """A position in the daemon's event log."""

    epoch: str
    """Identifies one run of the daemon. Compare it only for equality."""
    sequence: int
    """Number of the last event before this position; 0 = before the first. A filtered stream skips
    numbers."""

    def _to_proto(self) -> common_pb2.Position:
        return common_pb2.Position(epoch=self.epoch, sequence=self.sequence)

    @classmethod
    def _from_proto(cls, position: common_pb2.Position) -> "Position":
        return cls(position.epoch, position.sequence)


@dataclass(frozen=True, slots=True)
class Socket:
    """One WebSocket connection of one document. Each frame has its own."""

    socket_id: str
    """Identifies this connection. Never reused; a reconnect gets another."""
    page_id: str
    """Identifies the document; the same across its reconnects."""
    tab_id: str
    """Identifies the browser tab, across reloads. Frames have the id of their top page."""
    url: str
    """The document's location, as last reported by the page."""
    title: str
    """The document's title, as last reported by the page."""
    user_agent: str
    """The User-Agent header of the connection. Empty = none."""
    visibility: Visibility
    """The page's visibility, as last reported."""
    top_level: bool
    """Whether the document is its tab's top page, not a frame."""
    remote_address: str
    """The address of the peer, as `IP:PORT`."""
    connect_time: datetime.datetime
    """When the daemon accepted it, by the daemon's clock, in UTC."""
    ready: bool
    """Whether the page has sent its hello, or its 1 s timeout has elapsed. Other sockets can be
    sent to as well."""
    document_state: DocumentState
    """The load state of the document, as last reported."""
    client_features: frozenset[str]
    """The features of the page's script. Empty = it never sent its hello."""

    @classmethod
    def _from_proto(cls, socket: sockets_pb2.Socket) -> "Socket":
        return cls(
            socket_id=socket.socket_id,
            page_id=socket.page_id,
            tab_id=socket.tab_id,
            url=socket.url,
            title=socket.title,
            user_agent=socket.user_agent,
            visibility=_VISIBILITIES.get(socket.visibility, Visibility.UNKNOWN),
            top_level=socket.top_level,
            remote_address=socket.remote_address,
            connect_time=_values.time(socket.connect_time),
            ready=socket.ready,
            document_state=_STATES.get(socket.document_state, DocumentState.UNKNOWN),
            client_features=frozenset(socket.client_features),
        )


@dataclass(frozen=True, slots=True)
class SocketList:
    """A snapshot of the connected sockets."""

    sockets: tuple[Socket, ...]
    """The sockets, in no particular order."""
    position: Position
    """The position of the snapshot: subscribe with it as `resume_after` to miss no later event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketFilter:
    """A condition on ready sockets: all fields that are set must match."""

    url: str = ""
    """A regular expression for the socket's URL (RE2 syntax, unanchored)."""
    user_agent: str = ""
    """A regular expression for the socket's User-Agent."""
    visibility: Visibility | None = None
    """The visibility of the page."""
    top_level: bool = False
    """Excludes frames."""

    def _to_proto(self) -> common_pb2.SocketFilter:
        visibility = common_pb2.VISIBILITY_UNSPECIFIED
        if self.visibility is Visibility.VISIBLE:
            visibility = common_pb2.VISIBILITY_VISIBLE
        elif self.visibility is Visibility.HIDDEN:
            visibility = common_pb2.VISIBILITY_HIDDEN
        return common_pb2.SocketFilter(
            url_regex=self.url,
            user_agent_regex=self.user_agent,
            visibility=visibility,
            top_level_only=self.top_level,
        )
