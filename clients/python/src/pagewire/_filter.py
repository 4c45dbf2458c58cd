"""What a plugin's hooks are asked about, and how."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from pagewire import _values
from pagewire._proto import hooks_pb2
from pagewire._values import StrPath


@dataclass(frozen=True, slots=True)
class Filter:
    r"""Which requests a plugin is asked about.

    Evaluated in the daemon: what no filter matches never leaves it. Paths are URL paths,
    percent-decoded, beginning with `/`; regular expressions are RE2 syntax, unanchored. The daemon
    refuses what does not compile (`FIELD_INVALID`).

    Methods narrow: all conditions must hold. Several filters widen. Requests other than GET and
    HEAD match only if `methods` says so.
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
        """Paths that begin with this, `/virtual/` say."""
        return cls(_prefixes=(_values.string(prefix, "a prefix"),))

    @classmethod
    def regex(cls, regex: str) -> "Filter":
        r"""Paths that have a match of this regular expression, `\.vue$` say."""
        return cls(_regexes=(_values.string(regex, "a regular expression"),))

    @classmethod
    def file(cls, file: StrPath) -> "Filter":
        """Requests that the file system would answer with this file, whatever their URL.

        An absolute path.
        """
        return cls(_files=(os.fspath(file),))

    @classmethod
    def mime(cls, mime_type: str) -> "Filter":
        """Responses of this MIME type, without parameters: `text/css`, `text/*`.

        For `Plugin.transform` alone.
        """
        return cls(_mime_types=(_values.string(mime_type, "a MIME type"),))

    @classmethod
    def all(cls) -> "Filter":
        """Every request. The slow path: each one then waits for this plugin."""
        return cls(_match_all=True)

    def except_(self, regex: str) -> "Filter":
        """Narrow to paths without a match of this regular expression. May be repeated."""
        return replace(self, _excluded=(*self._excluded, _values.string(regex, "a regex")))

    def methods(self, methods: Iterable[str]) -> "Filter":
        """Narrow to these HTTP methods, upper-case. Default GET and HEAD."""
        return replace(self, _methods=tuple(_values.strings(methods, "methods")))

    def mime_types(self, mime_types: Iterable[str]) -> "Filter":
        """Narrow to responses of any of these MIME types. For `Plugin.transform` alone."""
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
    """When a serve hook is asked."""

    FIRST = "first"
    """Ahead of every plugin, as an editor with unsaved buffers needs."""
    BEFORE_FILES = "before_files"
    """Ahead of the file system, in the order that the daemon's configuration gives. The default."""
    AFTER_FILES = "after_files"
    """Only when no file answers."""

    def _to_proto(self) -> str:
        return f"SERVE_PHASE_{self.name}"


class FailureMode(StrEnum):
    """What a page gets when a plugin is too slow, overloaded or gone."""

    FAIL = "fail"
    """An error that names the plugin. The default: what is broken is seen."""
    SKIP = "skip"
    """What it would get without the plugin; a response header says so."""

    def _to_proto(self) -> str:
        return f"FAILURE_MODE_{self.name}"


def hook_options(
    call_timeout: float | None,
    max_concurrent_calls: int,
    failure_mode: FailureMode,
    forward_request_headers: Iterable[str],
) -> hooks_pb2.HookOptions:
    """Make what the options of all hooks have in common."""
    names = _values.strings(forward_request_headers, "names of headers")
    options = hooks_pb2.HookOptions(
        max_concurrent_calls=max_concurrent_calls,
        failure_mode=FailureMode(failure_mode)._to_proto(),
        forward_request_headers=[name.lower() for name in names],
    )
    if call_timeout is not None:
        options.call_timeout.CopyFrom(_values.duration(call_timeout))
    return options


Filters: TypeAlias = Iterable[Filter]
"""Several filters, of which any may match."""
