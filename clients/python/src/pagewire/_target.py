"""Targets of sends."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pagewire import _values
from pagewire._proto import common_pb2
from pagewire._sockets import SocketFilter


@dataclass(frozen=True, slots=True)
class Target:
    """A selection of sockets for an operation: a snapshot, without sockets that open later.

    To prevent accidental broadcasts, the daemon refuses an empty list and an empty filter
    (`FIELD_INVALID`); `Target.all()` selects all sockets. An unknown id is not an error, but a row
    of the report.
    """

    _selector: common_pb2.Target
    _excluded: tuple[str, ...] = ()

    @classmethod
    def socket(cls, socket_id: str) -> "Target":
        """One socket."""
        return cls.sockets([_values.string(socket_id, "a socket id")])

    @classmethod
    def sockets(cls, socket_ids: Iterable[str]) -> "Target":
        """These sockets."""
        ids = common_pb2.SocketIds(socket_ids=_values.strings(socket_ids, "socket ids"))
        return cls(common_pb2.Target(ids=ids))

    @classmethod
    def tab(cls, tab_id: str) -> "Target":
        """All sockets of one browser tab, including those of its frames."""
        return cls.tabs([_values.string(tab_id, "a tab id")])

    @classmethod
    def tabs(cls, tab_ids: Iterable[str]) -> "Target":
        """All sockets of these browser tabs, including those of their frames."""
        tabs = common_pb2.TabIds(tab_ids=_values.strings(tab_ids, "tab ids"))
        return cls(common_pb2.Target(tabs=tabs))

    @classmethod
    def page(cls, page_id: str) -> "Target":
        """The socket of one document, across its reconnects."""
        return cls.pages([_values.string(page_id, "a page id")])

    @classmethod
    def pages(cls, page_ids: Iterable[str]) -> "Target":
        """The sockets of these documents, across their reconnects."""
        pages = common_pb2.PageIds(page_ids=_values.strings(page_ids, "page ids"))
        return cls(common_pb2.Target(pages=pages))

    @classmethod
    def url(cls, regex: str) -> "Target":
        """The ready sockets whose URL matches this regular expression (RE2, unanchored)."""
        return cls.filter(SocketFilter(url=regex))

    @classmethod
    def filter(cls, condition: SocketFilter) -> "Target":
        """The ready sockets that match the condition."""
        return cls(common_pb2.Target(filter=condition._to_proto()))

    @classmethod
    def all(cls) -> "Target":
        """All connected sockets, ready or not."""
        return cls(common_pb2.Target(all=common_pb2.AllSockets()))

    def excluding(self, socket_ids: Iterable[str]) -> "Target":
        """The target without these sockets, which get no row. Unknown ids are ignored."""
        excluded = _values.strings(socket_ids, "socket ids")
        return replace(self, _excluded=(*self._excluded, *excluded))

    def _to_proto(self) -> common_pb2.Target:
        target = common_pb2.Target(exclude_socket_ids=self._excluded)
        target.MergeFrom(self._selector)
        return target
