"""Results of the hooks: content, changes, and resolved imports."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self, TypedDict, Unpack

from pagewire import _values
from pagewire._proto import hooks_pb2
from pagewire._values import Headers, StrPath


class ContentOptions(TypedDict, total=False):
    """Keyword arguments of `Content`, which documents them."""

    status: int
    headers: Headers
    remember: bool
    verbatim: bool
    depends_on: Iterable[StrPath]


class _Result:
    """A result of a hook: its message on the wire, which can be compared and read back."""

    __slots__ = ("_proto",)
    _proto: Any

    def __eq__(self, other: object) -> bool:
        """Whether the other result has the same fields."""
        return isinstance(other, type(self)) and bool(self._proto == other._proto)

    def __hash__(self) -> int:
        return hash(self._proto.SerializeToString(deterministic=True))


class _CachedResult(_Result):
    """A result that may depend on files."""

    __slots__ = ()

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The files whose change makes the cached result stale."""
        return tuple(self._proto.depends_on_files)


class _HttpResult(_CachedResult):
    """A result with a type and headers."""

    __slots__ = ()

    @property
    def content_type(self) -> str:
        """The MIME type or file extension as given. Empty = none was given."""
        return str(self._proto.content_type)

    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """The headers, names in lower case."""
        return tuple((header.name, header.value) for header in self._proto.headers)

    def header(self, name: str) -> bytes | None:
        """The first header with this name."""
        return _values.first_header(self.headers, name)


class Content(_HttpResult):
    """A response of a plugin."""

    __slots__ = ()

    def __init__(
        self,
        body: str | bytes,
        content_type: str = "",
        *,
        status: int = 200,
        headers: Headers = (),
        remember: bool = False,
        verbatim: bool = False,
        depends_on: Iterable[StrPath] = (),
    ) -> None:
        """Create a response with this body; text is sent as UTF-8.

        Args:
            body: The body, at most 16 MiB.
            content_type: A MIME type, or a file extension. Empty = derived from the request's
                path.
            status: The HTTP status.
            headers: Further headers. Hop-by-hop headers and content-length are refused: the page
                gets an error.
            remember: Let the daemon cache the content for identical requests: until it is
                invalidated, a file it depends on changes, or the plugin disconnects.
            verbatim: Send the content unchanged: without transforms and without injecting the
                socket client.
            depends_on: Files, as absolute paths, whose change makes the cached content stale.

        """
        self._proto = hooks_pb2.ServeContent(
            status=status,
            content_type=content_type,
            headers=_values.headers(headers),
            inline_body=_values.body(body, "the body of a Content"),
            remember=remember,
            verbatim=verbatim,
            depends_on_files=_values.paths(depends_on, "depends_on"),
        )

    @classmethod
    def js(cls, source: str | bytes, **options: Unpack[ContentOptions]) -> "Content":
        """JavaScript; options as for `Content`."""
        return cls(source, "text/javascript", **options)

    @classmethod
    def css(cls, source: str | bytes, **options: Unpack[ContentOptions]) -> "Content":
        """A stylesheet; options as for `Content`."""
        return cls(source, "text/css", **options)

    @classmethod
    def html(cls, source: str | bytes, **options: Unpack[ContentOptions]) -> "Content":
        """An HTML page; options as for `Content`."""
        return cls(source, "text/html", **options)

    @classmethod
    def text(cls, text: str | bytes, **options: Unpack[ContentOptions]) -> "Content":
        """Plain text; options as for `Content`."""
        return cls(text, "text/plain", **options)

    @classmethod
    def json(cls, value: Any, **options: Unpack[ContentOptions]) -> "Content":
        """A value as JSON; options as for `Content`."""
        return cls(_values.to_json(value), "application/json", **options)

    @classmethod
    def file(
        cls, path: StrPath, content_type: str = "", **options: Unpack[ContentOptions]
    ) -> "Content":
        """A file that the daemon sends, of any size; options as for `Content`.

        The path is absolute, inside a served root or the plugin's scratch folder
        (`Context.scratch_dir`).
        """
        content = cls(b"", content_type, **options)
        content._proto.file_path = os.fspath(path)
        return content

    @property
    def body(self) -> bytes:
        """The body; empty if the daemon sends a file."""
        return bytes(self._proto.inline_body)

    @property
    def file_path(self) -> str | None:
        """The file that the daemon sends, if it does."""
        return self._proto.file_path or None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self._proto.status)

    @property
    def remember(self) -> bool:
        """Whether the daemon may cache the content."""
        return bool(self._proto.remember)

    @property
    def verbatim(self) -> bool:
        """Whether the content is sent unchanged."""
        return bool(self._proto.verbatim)

    def __repr__(self) -> str:
        """Describe it without the body."""
        kind, status = self._proto.content_type, self._proto.status
        return f"<Content {status} {kind or 'with the type of its path'}>"


class Skip(_Result):
    """Passes a request on to the next plugin, or the file system, as None does."""

    __slots__ = ()

    def __init__(self, *, remember: bool = False) -> None:
        """Skip this request; `remember` lets the daemon cache that until it is invalidated."""
        self._proto = hooks_pb2.Skip(remember=remember)

    @property
    def remember(self) -> bool:
        """Whether the daemon may cache the skip."""
        return bool(self._proto.remember)

    def __repr__(self) -> str:
        return f"Skip(remember={self.remember})"


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """A place in a source file."""

    file: str
    """The file, as the plugin named it. Empty = unknown."""
    line: int = 0
    """The line, from 1. 0 = unknown."""
    column: int = 0
    """The column, from 1. 0 = unknown."""
    frame: str = ""
    """The source lines around it. Empty = unknown."""

    def __str__(self) -> str:
        """`FILE:LINE:COLUMN`, as far as they are known."""
        return ":".join(str(each) for each in (self.file, self.line, self.column) if each)

    @classmethod
    def _from_proto(cls, location: hooks_pb2.SourceLocation) -> "SourceLocation":
        return cls(location.file, location.line, location.column, location.frame)


class Failure(Exception):
    """An error of the requested content, such as a syntax error in its source.

    The developer sees it in the page, which recovers by itself when the cause is fixed:
    `raise Failure("unexpected }").at("/srv/site/app.ts", 3, 7)`.
    """

    def __init__(
        self,
        message: str,
        *,
        file: StrPath = "",
        line: int = 0,
        column: int = 0,
        frame: str = "",
        status: int = 500,
        stack: str = "",
        depends_on: Iterable[StrPath] = (),
    ) -> None:
        """Create a failure.

        Args:
            message: The description for people.
            file: The source file with the cause.
            line: Line of the cause, from 1; 0 = unknown.
            column: Column of the cause, from 1; 0 = unknown.
            frame: The source lines around the cause, shown as given.
            status: The HTTP status for the page.
            stack: A stack trace, printed as given.
            depends_on: Further files, as absolute paths, whose change may fix it: with `--watch`,
                pages that met the failure then retry.

        """
        super().__init__(message)
        self._proto = hooks_pb2.HookFailure(
            status=status,
            message=_values.encoded(_values.string(message, "a failure's message")).decode(),
            stack=_values.encoded(stack).decode(),
            depends_on_files=_values.paths(depends_on, "depends_on"),
        )
        if file or line or column or frame:
            self.at(file, line, column, frame)

    def at(self, file: StrPath, line: int = 0, column: int = 0, frame: str = "") -> Self:
        """Set the location of the cause, with the arguments of the constructor; returns itself."""
        self._proto.location.file = os.fspath(file)
        self._proto.location.line = line
        self._proto.location.column = column
        self._proto.location.frame = _values.encoded(frame).decode()
        return self

    @property
    def status(self) -> int:
        """The HTTP status for the page."""
        return self._proto.status

    @property
    def location(self) -> SourceLocation | None:
        """Where the cause is; None if it is unknown."""
        located = self._proto.HasField("location")
        return SourceLocation._from_proto(self._proto.location) if located else None

    @property
    def depends_on(self) -> tuple[str, ...]:
        """Further files whose change may fix it."""
        return tuple(self._proto.depends_on_files)

    def _with_location(self) -> str:
        location = str(self.location or "")
        message = self._proto.message
        return f"{message} ({location})" if location else message


class Change(_HttpResult):
    """Changes to a response. Everything else of the response stays."""

    __slots__ = ()

    def __init__(
        self,
        body: str | bytes | None = None,
        *,
        content_type: str = "",
        headers: Headers = (),
        remove_headers: Iterable[str] = (),
        no_cache: bool = False,
        depends_on: Iterable[StrPath] = (),
    ) -> None:
        """Change a response.

        Args:
            body: The new body, at most 16 MiB; None leaves it unchanged.
            content_type: The new MIME type, or a file extension. Empty leaves it unchanged.
            headers: Headers to set, replacing all of the same name.
            remove_headers: Names of headers to remove, before others are set.
            no_cache: Call the plugin again for the next request. Otherwise the result is cached
                until the response changes, it is invalidated, a file it depends on changes, or
                the plugin disconnects.
            depends_on: Files, as absolute paths, whose change makes the cached result stale.

        """
        self._proto = hooks_pb2.TransformContent(
            body=None if body is None else _values.body(body, "the body of a Change"),
            content_type=content_type,
            headers=_values.headers(headers),
            remove_headers=[
                name.lower() for name in _values.strings(remove_headers, "names of headers")
            ],
            no_cache=no_cache,
            depends_on_files=_values.paths(depends_on, "depends_on"),
        )

    @property
    def body(self) -> bytes | None:
        """The new body; None leaves it unchanged."""
        return self._proto.body if self._proto.HasField("body") else None

    @property
    def remove_headers(self) -> tuple[str, ...]:
        """The names of the headers to remove, in lower case."""
        return tuple(self._proto.remove_headers)

    @property
    def no_cache(self) -> bool:
        """Whether the plugin is called again for the next request."""
        return bool(self._proto.no_cache)

    def __repr__(self) -> str:
        """Describe it without the body."""
        changed = [field.name for field, _ in self._proto.ListFields()]
        return f"<Change of {', '.join(changed) or 'nothing'}>"


class Resolved(_CachedResult):
    """Resolved imports of a module. A handler may also return a plain list of specifiers."""

    __slots__ = ()

    def __init__(
        self,
        specifiers: Iterable[str | None],
        *,
        no_cache: bool = False,
        depends_on: Iterable[StrPath] = (),
    ) -> None:
        """Resolve a module's imports.

        Args:
            specifiers: One for each import, in order; None leaves an import to the next plugin.
            no_cache: Call the plugin again for the next request of the module. Otherwise the
                result is cached until the module changes, it is invalidated, a file it depends on
                changes, or the plugin disconnects.
            depends_on: Files, as absolute paths, whose change or creation makes the cached result
                stale.

        """
        if isinstance(specifiers, str):
            raise TypeError(f"specifiers must be a list, not {specifiers!r}")
        self._proto = hooks_pb2.ResolvedImports(
            specifiers=_values.strings(
                ("" if specifier is None else specifier for specifier in specifiers), "specifiers"
            ),
            no_cache=no_cache,
            depends_on_files=_values.paths(depends_on, "depends_on"),
        )

    @property
    def specifiers(self) -> tuple[str | None, ...]:
        """One for each import, in order; None leaves an import to the next plugin."""
        return tuple(specifier or None for specifier in self._proto.specifiers)

    @property
    def no_cache(self) -> bool:
        """Whether the plugin is called again for the next request of the module."""
        return bool(self._proto.no_cache)

    def __repr__(self) -> str:
        return f"Resolved({list(self.specifiers)!r})"
