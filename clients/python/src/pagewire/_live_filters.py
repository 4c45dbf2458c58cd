"""Filters that change while their hook is open."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from pagewire._filter import Filter
from pagewire._proto import hooks_pb2


class FilteredHook(Protocol):
    """An open hook, whose filters can be replaced."""

    def update_filters(self, filters: list[hooks_pb2.RequestFilter]) -> "asyncio.Future[None]":
        """Replace them; done once they are in force, fails with what ended the hook before."""


class LiveFilters:
    """A handle on the filters of a hook: an editor is asked about its unsaved files, say.

    Give it to `Plugin.serve` and its like in the place of filters. It holds them whether the
    plugin runs or not: a plugin that comes back opens its hook with those that were set last.
    """

    def __init__(self, filters: Iterable[Filter] = ()) -> None:
        """Begin with these filters; with none, the plugin is asked about nothing yet."""
        self._filters = _checked(filters)
        self._hooks: set[FilteredHook] = set()

    async def set(self, filters: Iterable[Filter]) -> None:
        """Replace all filters; without one the plugin is asked about nothing.

        Returns once they are in force: no later request sees the old ones. While the plugin does
        not run it returns at once. Raises RpcError when the daemon refuses a filter
        (`FIELD_INVALID`), which ends the plugin, or what else ended it meanwhile.
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
