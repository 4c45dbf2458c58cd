"""Python values on their way to the wire and back."""

import datetime
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pagewire._proto import hooks_pb2

StrPath: TypeAlias = str | os.PathLike[str]
"""A path as text or as a `pathlib.Path`."""

Headers: TypeAlias = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
"""HTTP headers: a mapping, or pairs where a name may occur twice. Text is sent as UTF-8."""

# The longest duration of the wire, about 10,000 years.
_MAX_SECONDS = 315_576_000_000


def strings(values: Iterable[str], what: str) -> list[str]:
    """Make a list of strings. A bare string would become its letters, so it is refused."""
    if isinstance(values, str | bytes):
        raise TypeError(f"{what} must be a list of strings, not {values!r} (pass [{values!r}])")
    out = list(values)
    for value in out:
        if not isinstance(value, str):
            raise TypeError(f"{what} must be strings: {value!r} is a {type(value).__name__}")
    return out


def string(value: str, what: str) -> str:
    """Make sure of a string, which the wire would only complain about in its own words."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a string, not {value!r}")
    return value


def paths(values: Iterable[StrPath], what: str) -> list[str]:
    """Make a list of file paths, as `strings` does."""
    if isinstance(values, str | bytes | os.PathLike):
        raise TypeError(f"{what} must be a list of paths, not {values!r} (pass [{values!r}])")
    return [os.fspath(value) for value in values]


def headers(values: Headers) -> list[hooks_pb2.Header]:
    """Make header fields; their names become lower-case."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return [
        hooks_pb2.Header(
            name=name.lower(), value=value.encode() if isinstance(value, str) else value
        )
        for name, value in pairs
    ]


def to_json(value: Any) -> str:
    """Make JSON text. What JSON cannot say (NaN, bytes, a set) is a ValueError or TypeError."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone half of a surrogate pair, which JavaScript may send, is no UTF-8.
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def duration(seconds: float) -> Duration:
    """Seconds as the wire has them. Too long for it is the longest there."""
    seconds = min(seconds, _MAX_SECONDS)
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def seconds(value: Duration) -> float:
    """Seconds of a duration."""
    return value.seconds + value.nanos / 1e9


def time(value: Timestamp) -> datetime.datetime:
    """A time, in UTC."""
    return value.ToDatetime(tzinfo=datetime.UTC)


def word(enum: Any, value: int, prefix: str) -> str:
    """The contract's name of a value in lower case; of one that is newer, `unspecified`."""
    known = value in enum.values()
    return str(enum.Name(value)).removeprefix(prefix).lower() if known else "unspecified"
