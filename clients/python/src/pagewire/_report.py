"""What became of a send."""

from dataclasses import dataclass
from enum import StrEnum

from pagewire import _values
from pagewire._proto import common_pb2
from pagewire._sockets import Position


class DeliveryStatus(StrEnum):
    """Why a socket was not reached, or did not answer."""

    UNSPECIFIED = "unspecified"
    """Not said; the daemon is newer than this library."""
    NOT_FOUND = "not_found"
    """No connected socket has this id."""
    GONE = "gone"
    """Closed after it was selected. The message may have arrived."""
    DROPPED_SLOW = "dropped_slow"
    """Its queue was full; nothing was sent."""
    TIMED_OUT = "timed_out"
    """No answer in time. The message may still arrive."""
    UNSUPPORTED = "unsupported"
    """The page's script is too old, or never said hello."""

    @property
    def text(self) -> str:
        """For people."""
        return _TEXTS[self]

    @classmethod
    def _from_proto(cls, status: int) -> "DeliveryStatus":
        return cls(_values.word(common_pb2.DeliveryStatus, status, "DELIVERY_STATUS_"))


_TEXTS = {
    DeliveryStatus.UNSPECIFIED: "not delivered",
    DeliveryStatus.NOT_FOUND: "no such socket",
    DeliveryStatus.GONE: "closed meanwhile",
    DeliveryStatus.DROPPED_SLOW: "its queue is full",
    DeliveryStatus.TIMED_OUT: "no answer in time",
    DeliveryStatus.UNSUPPORTED: "its page does not support this",
}


@dataclass(frozen=True, slots=True)
class Unreached:
    """A socket that was selected and not reached."""

    socket_id: str
    """The socket, or the id that was given when there is none."""
    status: DeliveryStatus
    """Why; `status.text` is for people."""


@dataclass(frozen=True, slots=True)
class Report:
    """Whom a send reached: `reached` and the rows are together exactly what was selected."""

    reached: int
    """How many sockets. 0 without rows: nobody was selected."""
    unreached: tuple[Unreached, ...]
    """One row for each selected socket that was not reached, in no particular order."""
    reached_socket_ids: tuple[str, ...]
    """Who was reached; empty unless the client lists them (`Client.options`)."""
    position: Position
    """Place in the log at selection: what the send causes comes after it."""

    @property
    def selected(self) -> int:
        """How many sockets were selected."""
        return self.reached + len(self.unreached)

    @property
    def reached_all(self) -> bool:
        """At least one socket was selected, and all that were are reached."""
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
