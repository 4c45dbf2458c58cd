"""Sockets: one for each connected document."""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from pagewire import _values
from pagewire._proto import common_pb2, sockets_pb2


class Visibility(StrEnum):
    """A page's `document.visibilityState`."""

    UNKNOWN = "unknown"
    """Its page has not said."""
    VISIBLE = "visible"
    """At least partly visible."""
    HIDDEN = "hidden"
    """In a background tab, minimised or covered."""


class DocumentState(StrEnum):
    """How far a document has loaded: its `document.readyState`."""

    UNKNOWN = "unknown"
    """Its page has not said."""
    LOADING = "loading"
    """Still parsing."""
    INTERACTIVE = "interactive"
    """Parsed; subresources still loading."""
    COMPLETE = "complete"
    """Loaded, subresources included."""


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
    """A place in the daemon's one log of events."""

    epoch: str
    """Names one run of the daemon. Compare for equality only."""
    sequence: int
    """Number of the last event here; 0 = before the first. A filtered stream skips some."""

    def _to_proto(self) -> common_pb2.Position:
        return common_pb2.Position(epoch=self.epoch, sequence=self.sequence)

    @classmethod
    def _from_proto(cls, position: common_pb2.Position) -> "Position":
        return cls(position.epoch, position.sequence)


@dataclass(frozen=True, slots=True)
class Socket:
    """One WebSocket connection of one document; frames have their own."""

    socket_id: str
    """Names this connection. Never reused; a reconnect has a new one."""
    page_id: str
    """Names the document, across its reconnects."""
    tab_id: str
    """Names the browser tab, across reloads. Frames have their top page's."""
    url: str
    """The document's location, as the page said last."""
    title: str
    """The document's title, as the page said last."""
    user_agent: str
    """The browser's User-Agent header; empty = it had none."""
    visibility: Visibility
    """As the page said last."""
    top_level: bool
    """Its tab's top page, not a frame."""
    remote_address: str
    """`IP:PORT` that the connection came from."""
    connect_time: datetime.datetime
    """When the daemon accepted it, by the daemon's clock, in UTC."""
    ready: bool
    """Its page has said what it is, or had a second to. One that is not can be sent to as well."""
    document_state: DocumentState
    """How far it has loaded, as the page said last."""
    client_features: frozenset[str]
    """What the page's script can do; empty for a socket that never said hello."""

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
    """The sockets of one instant."""

    sockets: tuple[Socket, ...]
    """The sockets, in no particular order."""
    position: Position
    """The instant: subscribe with `resume_after` it to miss nothing later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketFilter:
    """Conditions on a socket; all that are given must hold. Sees ready sockets only."""

    url: str = ""
    """Its URL has a match of this regular expression (RE2 syntax, unanchored)."""
    user_agent: str = ""
    """Its User-Agent has a match of this one."""
    visibility: Visibility | None = None
    """Its page is so visible."""
    top_level: bool = False
    """True: no frames."""

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
