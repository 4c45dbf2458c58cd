"""Filters and options of hooks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from pagewire import _values
from pagewire._proto import hooks_pb2
from pagewire._values import StrPath


@dataclass(frozen=True, slots=True)
class Filter:
    r"""A condition on the requests for which a hook is called.

    Evaluated in the daemon: requests without a matching filter never reach the plugin. Paths are
    URL paths, percent-decoded, beginning with `/`; regular expressions use RE2 syntax and are
    unanchored. The daemon refuses invalid ones (`FIELD_INVALID`).

    Its methods return a narrower filter: all conditions must hold. Of several filters, any may
    match. Requests other than GET and HEAD match only with `methods`.
    """

    _match_all: bool = False
    _paths: tuple[str, ...] = ()
    _prefixes: tuple[str, ...] = ()
    _regexes: tuple[str, ...] = ()
    _files: tuple[str, ...] = ()
    _mime_types: tuple[str, ...] = ()
    _excluded: tuple[str, ...] = ()
    _methods: tuple[str, ...] = ()

    @classmethod
    def path(cls, path: str) -> "Filter":
        """Exactly this path."""
        return cls(_paths=(_values.string(path, "a path"),))

    @classmethod
    def paths(cls, paths: Iterable[str]) -> "Filter":
        """Any of these paths."""
        return cls(_paths=tuple(_values.strings(paths, "paths")))

    @classmethod
    def prefix(cls, prefix: str) -> "Filter":
        """Paths with this prefix, such as `/virtual/`."""
        return cls(_prefixes=(_values.string(prefix, "a prefix"),))

    @classmethod
    def regex(cls, regex: str) -> "Filter":
        r"""Paths in which this regular expression is found, such as `\.vue$`."""
        return cls(_regexes=(_values.string(regex, "a regular expression"),))

    @classmethod
    def file(cls, file: StrPath) -> "Filter":
        """Requests that the file system would answer with this file, whatever their URL.

        A relative path is resolved now, against the current folder.
        """
        return cls(_files=(_values.absolute(file),))

    @classmethod
    def mime(cls, mime_type: str) -> "Filter":
        """Responses with this MIME type, without parameters: `text/css`, `text/*`.

        Only for `Plugin.transform`.
        """
        return cls(_mime_types=(_values.string(mime_type, "a MIME type"),))

    @classmethod
    def all(cls) -> "Filter":
        """Every request. Slow: each request then waits for this plugin."""
        return cls(_match_all=True)

    def except_(self, regex: str) -> "Filter":
        """Exclude paths in which this regular expression is found. May be repeated."""
        return replace(self, _excluded=(*self._excluded, _values.string(regex, "a regex")))

    def methods(self, methods: Iterable[str]) -> "Filter":
        """Set the HTTP methods, in any case. Default GET and HEAD."""
        names = _values.strings(methods, "methods")
        return replace(self, _methods=tuple(name.upper() for name in names))

    def mime_types(self, mime_types: Iterable[str]) -> "Filter":
        """Narrow to responses with any of these MIME types. Only for `Plugin.transform`."""
        return replace(self, _mime_types=tuple(_values.strings(mime_types, "MIME types")))

    def _to_proto(self) -> hooks_pb2.RequestFilter:
        return hooks_pb2.RequestFilter(
            match_all=self._match_all,
            exact_paths=self._paths,
            path_prefixes=self._prefixes,
            path_regexes=self._regexes,
            exclude_path_regexes=self._excluded,
            methods=self._methods,
            mime_types=self._mime_types,
            file_paths=self._files,
        )


class ServePhase(StrEnum):
    """When a serve hook is called."""

    FIRST = "first"
    """Before all other plugins, as an editor with unsaved buffers needs."""
    BEFORE_FILES = "before_files"
    """Before the file system, in the order of the daemon's configuration. The default."""
    AFTER_FILES = "after_files"
    """Only when no file matches."""

    def _to_proto(self) -> str:
        return f"SERVE_PHASE_{self.name}"


class FailureMode(StrEnum):
    """What happens when a plugin is too slow, overloaded or disconnected."""

    FAIL = "fail"
    """The page gets an error that names the plugin. The default."""
    SKIP = "skip"
    """The plugin is skipped; the response header `pagewire-skipped` names it."""

    def _to_proto(self) -> str:
        return f"FAILURE_MODE_{self.name}"


def hook_options(
    call_timeout: float | None,
    max_concurrent_calls: int,
    failure_mode: FailureMode | str,
    forward_request_headers: Iterable[str],
) -> hooks_pb2.HookOptions:
    """Convert the options that all hooks share."""
    names = _values.strings(forward_request_headers, "names of headers")
    options = hooks_pb2.HookOptions(
        max_concurrent_calls=max_concurrent_calls,
        failure_mode=_values.choice(FailureMode, failure_mode, "failure_mode")._to_proto(),
        forward_request_headers=[name.lower() for name in names],
    )
    if call_timeout is not None:
        options.call_timeout.CopyFrom(_values.duration(call_timeout))
    return options


Filters: TypeAlias = Iterable[Filter]
"""Several filters, of which any may match."""
