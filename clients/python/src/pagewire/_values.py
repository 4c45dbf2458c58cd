"""Conversions between Python values and the wire."""

import datetime
import json
import os
import reprlib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pagewire._proto import hooks_pb2

StrPath: TypeAlias = str | os.PathLike[str]
"""A path as text or as a `pathlib.Path`."""

Headers: TypeAlias = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
"""HTTP headers: a mapping, or pairs in which a name may occur twice. Text is sent as UTF-8."""

# The longest protobuf duration, about 10,000 years.
_MAX_SECONDS = 315_576_000_000


def strings(values: Iterable[str], what: str) -> list[str]:
    """Check a list of strings. A bare string is refused: it would be a list of its letters."""
    if isinstance(values, str | bytes):
        raise TypeError(f"{what} must be a list of strings, not {values!r} (pass [{values!r}])")
    checked = list(values)
    for value in checked:
        if not isinstance(value, str):
            raise TypeError(f"{what} must be strings: {value!r} is a {type(value).__name__}")
    return checked


def string(value: str, what: str) -> str:
    """Check a string, for a clearer error than protobuf's."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {value!r}")
    return value


def body(value: str | bytes, what: str) -> bytes:
    """Convert a body. Text becomes UTF-8."""
    return encoded(value) if isinstance(value, str) else data(value, what, "a string or bytes")


def data(value: bytes, what: str, expected: str = "bytes") -> bytes:
    """Convert a bytes-like object. An int or a list, which `bytes` accepts too, is refused."""
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise TypeError(f"{what} must be {expected}, not {described(value)}") from None


def described(value: object) -> str:
    """A value of a wrong type, for an error: `5 (an int)`, shortened if it is long."""
    kind = type(value).__name__
    article = "an" if kind[0] in "aeiouAEIOU" else "a"
    return f"{reprlib.repr(value)} ({article} {kind})"


E = TypeVar("E", bound=StrEnum)


def choice(enum: type[E], value: str, what: str) -> E:
    """Convert a value of an enum, for an error that names the valid ones."""
    try:
        return enum(value)
    except ValueError:
        valid = ", ".join(repr(each.value) for each in enum)
        raise ValueError(f"{what} must be one of {valid}, not {value!r}") from None


def absolute(file: StrPath) -> str:
    """Convert a path of a file. A relative one is resolved against the current folder."""
    path = os.fspath(file)
    # An empty path is left for the daemon to refuse: it would become the current folder.
    return os.path.abspath(path) if path else path


def paths(values: Iterable[StrPath], what: str) -> list[str]:
    """Check and convert a list of file paths."""
    if isinstance(values, str | bytes | os.PathLike):
        raise TypeError(f"{what} must be a list of paths, not {values!r} (pass [{values!r}])")
    return [os.fspath(value) for value in values]


def encoded(text: str) -> bytes:
    """Encode text of a result. Lone surrogates, which have no UTF-8 encoding, are replaced."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def headers(values: Headers) -> list[hooks_pb2.Header]:
    """Convert headers; their names become lower-case."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return [
        hooks_pb2.Header(name=name.lower(), value=body(value, f"the value of the header `{name}`"))
        for name, value in pairs
    ]


def first_header(headers: tuple[tuple[str, bytes], ...], name: str) -> bytes | None:
    """The first header with this name, in any case."""
    return next((value for key, value in headers if key == name.lower()), None)


def to_json(value: Any) -> str:
    """Encode as JSON. Raises ValueError or TypeError for NaN, bytes, sets and other values."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate, which JavaScript may send, has no UTF-8 encoding and is escaped.
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def duration(seconds: float) -> Duration:
    """Convert seconds to a duration, at most the longest one."""
    seconds = min(seconds, _MAX_SECONDS)
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def seconds(value: Duration) -> float:
    """Convert a duration to seconds."""
    return value.seconds + value.nanos / 1e9


def time(value: Timestamp) -> datetime.datetime:
    """Convert a timestamp to a time in UTC."""
    return value.ToDatetime(tzinfo=datetime.UTC)


def enum_name(enum: Any, value: int, prefix: str) -> str:
    """The name of an enum value without prefix, in lower case; `unspecified` if it is unknown."""
    known = value in enum.values()
    return str(enum.Name(value)).removeprefix(prefix).lower() if known else "unspecified"
