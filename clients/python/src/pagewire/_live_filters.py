"""Filters that can be replaced while their hook is open."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from pagewire._filter import Filter
from pagewire._proto import hooks_pb2
from pagewire.errors import RpcError


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

    def __init__(self, filters: Filter | Iterable[Filter] = ()) -> None:
        """Start with this filter or these; without any, the hook is not called."""
        self._filters = _checked(filters)
        self._hooks: set[FilteredHook] = set()

    async def set(self, filters: Filter | Iterable[Filter]) -> None:
        """Replace all filters by one or several; without any, the hook is not called.

        Returns once they are active: no later request is matched against the old ones. While the
        plugin does not run it returns immediately. Raises RpcError when the daemon refuses a
        filter (`FIELD_INVALID`): the plugin continues with the earlier filters, also after a
        reconnect. A daemon of an older version ends the plugin instead. Raises the error that
        ended the connection meanwhile; then the new filters apply once the plugin has reconnected.
        """
        # The update goes on when its caller is cancelled, because it has been sent.
        await asyncio.shield(self._replace(_checked(filters)))

    async def _replace(self, filters: tuple[Filter, ...]) -> None:
        message = [each._to_proto() for each in filters]
        outcomes: dict[FilteredHook, BaseException | None] = {}
        # Repeated for hooks that open meanwhile, with the earlier filters.
        while hooks := self._hooks - outcomes.keys():
            updates = [hook.update_filters(message) for hook in hooks]
            results = await asyncio.gather(*updates, return_exceptions=True)
            outcomes.update(zip(hooks, results, strict=True))
        errors = [error for error in outcomes.values() if error is not None]
        refusals = [error for error in errors if isinstance(error, RpcError)]
        if refusals:
            # Of several hooks, some may have accepted what another one refused.
            accepted = [hook for hook in self._hooks if outcomes.get(hook, refusals[0]) is None]
            updates = [hook.update_filters(self._to_proto()) for hook in accepted]
            await asyncio.gather(*updates, return_exceptions=True)
            raise refusals[0]
        self._filters = filters
        if errors:
            raise errors[0]

    def _to_proto(self) -> list[hooks_pb2.RequestFilter]:
        return [each._to_proto() for each in self._filters]


def _checked(filters: Filter | Iterable[Filter]) -> tuple[Filter, ...]:
    checked = (filters,) if isinstance(filters, Filter) else tuple(filters)
    for each in checked:
        if not isinstance(each, Filter):
            raise TypeError(f"a filter must be a pagewire.Filter, not {each!r}")
    return checked
