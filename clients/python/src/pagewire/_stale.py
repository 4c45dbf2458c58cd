"""Selection of cached results to invalidate."""

from dataclasses import dataclass, replace

from pagewire import _values
from pagewire._proto import hooks_pb2
from pagewire._values import StrPath


@dataclass(frozen=True, slots=True)
class Stale:
    """A selection of cached results of hooks, for `Client.invalidate`.

    Paths are URL paths beginning with `/`; the query is ignored. `|` combines two selections:
    `Stale.file("/srv/site/colors.scss") | Stale.prefix("/themes/")`.
    """

    _all: bool = False
    _paths: tuple[str, ...] = ()
    _prefixes: tuple[str, ...] = ()
    _files: tuple[str, ...] = ()
    _refresh_pages: bool = False

    @classmethod
    def all(cls) -> "Stale":
        """All results of all plugins."""
        return cls(_all=True)

    @classmethod
    def path(cls, path: str) -> "Stale":
        """Results for this path."""
        return cls(_paths=(_values.string(path, "a path"),))

    @classmethod
    def prefix(cls, prefix: str) -> "Stale":
        """Results for paths with this prefix."""
        return cls(_prefixes=(_values.string(prefix, "a prefix"),))

    @classmethod
    def file(cls, file: StrPath) -> "Stale":
        """Results that depend on this file. A relative path is resolved now."""
        return cls(_files=(_values.absolute(file),))

    def __or__(self, other: "Stale") -> "Stale":
        """Results of either selection."""
        return Stale(
            self._all or other._all,
            self._paths + other._paths,
            self._prefixes + other._prefixes,
            self._files + other._files,
            self._refresh_pages or other._refresh_pages,
        )

    def refresh_pages(self) -> "Stale":
        """Also refresh the pages that use any of these results: swap stylesheets or reload."""
        return replace(self, _refresh_pages=True)

    def _to_proto(self) -> hooks_pb2.InvalidateRequest:
        return hooks_pb2.InvalidateRequest(
            all=self._all,
            exact_paths=self._paths,
            path_prefixes=self._prefixes,
            file_paths=self._files,
            refresh_pages=self._refresh_pages,
        )
