"""Delivery reports."""

from dataclasses import dataclass
from enum import StrEnum

from pagewire import _values
from pagewire._proto import common_pb2
from pagewire._sockets import Position


class DeliveryStatus(StrEnum):
    """Why a socket was not reached, or did not respond."""

    UNSPECIFIED = "unspecified"
    """A status of a newer daemon that this version does not know."""
    NOT_FOUND = "not_found"
    """No connected socket has this id."""
    GONE = "gone"
    """The socket closed after the selection. The message may have arrived."""
    DROPPED_SLOW = "dropped_slow"
    """The socket's queue was full; the message was not queued."""
    TIMED_OUT = "timed_out"
    """No response in time. The message may still arrive."""
    UNSUPPORTED = "unsupported"
    """The page's script is too old, or never sent its hello."""

    @property
    def text(self) -> str:
        """A description for people."""
        return _TEXTS[self]

    @classmethod
    def _from_proto(cls, status: int) -> "DeliveryStatus":
        return cls(_values.enum_name(common_pb2.DeliveryStatus, status, "DELIVERY_STATUS_"))


_TEXTS = {
    DeliveryStatus.UNSPECIFIED: "not delivered",
    DeliveryStatus.NOT_FOUND: "no such socket",
    DeliveryStatus.GONE: "closed in the meantime",
    DeliveryStatus.DROPPED_SLOW: "its queue is full",
    DeliveryStatus.TIMED_OUT: "no response in time",
    DeliveryStatus.UNSUPPORTED: "its page does not support this",
}


@dataclass(frozen=True, slots=True)
class Unreached:
    """A socket that was selected and not reached."""

    socket_id: str
    """The socket id, or the unknown id from the target."""
    status: DeliveryStatus
    """The reason; `status.text` describes it for people."""


@dataclass(frozen=True, slots=True)
class Report:
    """Delivery report of a send. `reached` and the rows together cover all selected sockets."""

    reached: int
    """The number of reached sockets. 0 without rows: no socket was selected."""
    unreached: tuple[Unreached, ...]
    """One row for each selected socket that was not reached, in no particular order."""
    reached_socket_ids: tuple[str, ...]
    """The reached sockets, if requested with `Client.options`."""
    position: Position
    """Position in the log at the selection: events that the send causes come after it."""

    @property
    def selected(self) -> int:
        """The number of selected sockets."""
        return self.reached + len(self.unreached)

    @property
    def reached_all(self) -> bool:
        """Whether at least one socket was selected and all of them were reached."""
        return self.reached > 0 and not self.unreached

    @classmethod
    def _from_proto(cls, report: common_pb2.DeliveryReport) -> "Report":
        return cls(
            reached=report.reached,
            unreached=tuple(
                Unreached(row.socket_id, DeliveryStatus._from_proto(row.status))
                for row in report.unreached
            ),
            reached_socket_ids=tuple(report.reached_socket_ids),
            position=Position._from_proto(report.position),
        )
