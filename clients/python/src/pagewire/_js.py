"""JavaScript values and exceptions of pages."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pagewire._proto import common_pb2
from pagewire.errors import NotJsonError


class JsKind(StrEnum):
    """A kind of JavaScript value."""

    JSON = "json"
    """The output of `JSON.stringify`, never truncated."""
    UNDEFINED = "undefined"
    """`undefined`, or a module without a default function."""
    UNSERIALIZABLE = "unserializable"
    """`NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`."""
    DESCRIPTION = "description"
    """A description of any other value: a DOM node, a function, a cycle."""
    TRUNCATED = "truncated"
    """The beginning of a value that is larger than the limit."""


@dataclass(frozen=True, slots=True)
class JsValue:
    """A JavaScript value of a page."""

    kind: JsKind
    """The kind of value."""
    text: str
    """JSON as the page serialized it, or a description of any other value."""

    def json(self) -> Any:
        """The value as a Python value; `undefined` is None. Raises NotJsonError."""
        if self.kind is JsKind.JSON:
            return json.loads(self.text)
        if self.kind is JsKind.UNDEFINED:
            return None
        raise NotJsonError(f"{self} (let the page return something that JSON.stringify supports)")

    def __str__(self) -> str:
        """As `console.log` would show it: a string without quotes, anything else as `text`."""
        if self.kind is JsKind.JSON and self.text.startswith('"'):
            return str(json.loads(self.text))
        return f"{self.text}..." if self.kind is JsKind.TRUNCATED else self.text

    @classmethod
    def _from_proto(cls, value: common_pb2.JsValue) -> "JsValue":
        match value.WhichOneof("kind"):
            case "json":
                return cls(JsKind.JSON, value.json)
            case "unserializable":
                return cls(JsKind.UNSERIALIZABLE, value.unserializable)
            case "description" if value.truncated:
                return cls(JsKind.TRUNCATED, value.description)
            case "description":
                return cls(JsKind.DESCRIPTION, value.description)
            case _:
                return cls(JsKind.UNDEFINED, "undefined")


class JsPhase(StrEnum):
    """The phase of an import that failed."""

    UNSPECIFIED = "unspecified"
    """Not an import."""
    LOAD = "load"
    """`import()` rejected: fetch, parse, link or evaluation."""
    CALL = "call"
    """The default export threw, or its promise rejected."""
    SERIALIZE = "serialize"
    """The returned value could not be serialized."""


_PHASES = {
    common_pb2.JsException.PHASE_LOAD: JsPhase.LOAD,
    common_pb2.JsException.PHASE_CALL: JsPhase.CALL,
    common_pb2.JsException.PHASE_SERIALIZE: JsPhase.SERIALIZE,
}


@dataclass(frozen=True, slots=True)
class JsException:
    """An exception in a page."""

    phase: JsPhase
    """The phase of the import that failed."""
    name: str
    """The error's name, such as `TypeError`. Empty if the thrown value is not an Error."""
    message: str
    """The error's message, or the thrown value as text."""
    stack: str
    """The error's stack, in the browser's own format. Empty = none."""
    url: str
    """The script that threw it. Empty = unknown."""
    line: int
    """Line in `url`, from 1. 0 = unknown."""
    column: int
    """Column in `line`, from 1. 0 = unknown."""
    thrown_json: str
    """The thrown value as JSON, if it is not an Error and can be serialized. Otherwise empty."""

    def __str__(self) -> str:
        """`TypeError: message`, with the location unless the message contains it."""
        prefix = {
            JsPhase.LOAD: "could not be loaded: ",
            JsPhase.SERIALIZE: "its value could not be sent: ",
        }.get(self.phase, "")
        thrown = self.message or self.thrown_json
        text = prefix + ": ".join(part for part in (self.name, thrown) if part)
        location = f"{self.url}:{self.line}:{self.column}" if self.line else self.url
        if location and location not in self.message:
            text += f" ({location})"
        return text

    @classmethod
    def _from_proto(cls, thrown: common_pb2.JsException) -> "JsException":
        return cls(
            phase=_PHASES.get(thrown.phase, JsPhase.UNSPECIFIED),
            name=thrown.name,
            message=thrown.message,
            stack=thrown.stack,
            url=thrown.url,
            line=thrown.line,
            column=thrown.column,
            thrown_json=thrown.thrown_json,
        )
