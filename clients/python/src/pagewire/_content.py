"""What a plugin makes of a request, of a response, and of a module's imports."""

import os
from collections.abc import Iterable
from typing import Any, TypedDict, Unpack

from pagewire import _values
from pagewire._proto import hooks_pb2
from pagewire._values import Headers, StrPath


class ContentOptions(TypedDict, total=False):
    """What a `Content` may have beside body and type; see there."""

    status: int
    headers: Headers
    remember: bool
    verbatim: bool
    depends_on: Iterable[StrPath]


class Content:
    """A response made by a plugin."""

    __slots__ = ("_proto",)

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
        """Make a response with this body; text is sent as UTF-8.

        Args:
            body: The body, 16 MiB at most.
            content_type: A MIME type, or a file extension. Empty: that of the request's path.
            status: The HTTP status.
            headers: Further headers. Hop-by-hop headers and content-length make it a failure.
            remember: The daemon may answer the same request itself from now on: until
                invalidated, a file it depends on changes, or the plugin leaves.
            verbatim: The page gets it as it is: no transform, no socket client put into it.
            depends_on: Files, as absolute paths, whose change makes a remembered answer stale.

        """
        self._proto = hooks_pb2.ServeContent(
            status=status,
            content_type=content_type,
            headers=_values.headers(headers),
            inline_body=body.encode() if isinstance(body, str) else bytes(body),
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
        """A file that the daemon reads, of any size; options as for `Content`.

        An absolute path, inside a served root or the plugin's scratch folder
        (`Context.scratch_dir`).
        """
        content = cls(b"", content_type, **options)
        content._proto.file_path = os.fspath(path)
        return content

    def __repr__(self) -> str:
        """Without the body."""
        kind, status = self._proto.content_type, self._proto.status
        return f"<Content {status} {kind or 'of the type of its path'}>"


class Skip:
    """Not mine: the next plugin is asked, or the file system. Returning None is the same."""

    __slots__ = ("_proto",)

    def __init__(self, *, remember: bool = False) -> None:
        """Skip this request; `remember`: do not ask again for the same until invalidated."""
        self._proto = hooks_pb2.Skip(remember=remember)


class Failure(Exception):
    """Mine, but broken: raise it for a syntax error, say.

    The developer sees it in the page, and the page recovers by itself when the cause is fixed.
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
    ) -> None:
        """Say what went wrong.

        Args:
            message: For people.
            file: The source file with the cause.
            line: Its line, from 1; 0 = unknown.
            column: Its column, from 1; 0 = unknown.
            frame: The lines around the cause, as they should be shown.
            status: The HTTP status for the page.
            stack: A stack trace, as it should be printed.

        """
        super().__init__(message)
        self._proto = hooks_pb2.HookFailure(status=status, message=message, stack=stack)
        if file or line or column or frame:
            self._proto.location.file = os.fspath(file)
            self._proto.location.line = line
            self._proto.location.column = column
            self._proto.location.frame = frame


class Change:
    """Changes to a response. What it does not mention stays."""

    __slots__ = ("_proto",)

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
            body: The new body, 16 MiB at most; empty = an empty one, None keeps it.
            content_type: The new MIME type, or a file extension. Empty keeps it.
            headers: Headers to set, in place of those of their name.
            remove_headers: Names of headers to remove, before others are set.
            no_cache: Ask again for the next request. Else the daemon keeps what came of this
                response until that changes, it is invalidated, or a plugin leaves.
            depends_on: Files, as absolute paths, whose change makes it stale.

        """
        self._proto = hooks_pb2.TransformContent(
            body=body.encode() if isinstance(body, str) else body,
            content_type=content_type,
            headers=_values.headers(headers),
            remove_headers=[
                name.lower() for name in _values.strings(remove_headers, "names of headers")
            ],
            no_cache=no_cache,
            depends_on_files=_values.paths(depends_on, "depends_on"),
        )


class Resolved:
    """What a module imports instead. A plain list of the specifiers does as well."""

    __slots__ = ("_proto",)

    def __init__(
        self,
        specifiers: Iterable[str | None],
        *,
        no_cache: bool = False,
        depends_on: Iterable[StrPath] = (),
    ) -> None:
        """Resolve a module's imports.

        Args:
            specifiers: One for each import, in order; None leaves it to the next plugin.
            no_cache: Ask again for the next request of the module. Else the daemon keeps it until
                the module changes, it is invalidated, or a plugin leaves.
            depends_on: Files, as absolute paths, whose change or appearance makes it stale.

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
