"""Filters that can be replaced while their hook is open."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from pagewire._filter import Filter
from pagewire._proto import hooks_pb2


class FilteredHook(Protocol):
    """An open hook with replaceable filters."""

    def update_filters(self, filters: list[hooks_pb2.RequestFilter]) -> "asyncio.Future[None]":
        """Replace the filters. The future is done once they are active, or when the hook ends."""


class LiveFilters:
    """A handle that replaces the filters of a hook, for example with an editor's unsaved files.

    Pass it to `Plugin.serve`, `transform` or `resolve_import` instead of filters. It keeps the
    filters while the plugin is disconnected: a plugin that reconnects opens its hook with the
    current ones.
    """

    def __init__(self, filters: Iterable[Filter] = ()) -> None:
        """Start with these filters; without any, the hook is not called."""
        self._filters = _checked(filters)
        self._hooks: set[FilteredHook] = set()

    async def set(self, filters: Iterable[Filter]) -> None:
        """Replace all filters; without any, the hook is not called.

        Returns once they are active: no later request is matched against the old ones. While the
        plugin does not run it returns immediately. Raises RpcError when the daemon refuses a
        filter (`FIELD_INVALID`; this ends the plugin), or the error that ended the plugin
        meanwhile.
        """
        self._filters = _checked(filters)
        updates = [hook.update_filters(self._to_proto()) for hook in self._hooks]
        await asyncio.gather(*map(asyncio.shield, updates))

    def _to_proto(self) -> list[hooks_pb2.RequestFilter]:
        return [each._to_proto() for each in self._filters]


def _checked(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    checked = tuple(filters)
    for each in checked:
        if not isinstance(each, Filter):
            raise TypeError(f"a filter must be a pagewire.Filter, not {each!r}")
    return checked
