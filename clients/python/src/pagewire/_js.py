"""JavaScript values and exceptions, as they come out of pages."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pagewire._proto import common_pb2
from pagewire.errors import NotJsonError


class JsKind(StrEnum):
    """What sort of value it is."""

    JSON = "json"
    """What `JSON.stringify` made of it, never cut."""
    UNDEFINED = "undefined"
    """`undefined`, or a module without a default function."""
    UNSERIALIZABLE = "unserializable"
    """`NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`."""
    DESCRIPTION = "description"
    """Anything else (DOM node, function, cycle), described."""
    TRUNCATED = "truncated"
    """Larger than the limit: the beginning of it."""


@dataclass(frozen=True, slots=True)
class JsValue:
    """A JavaScript value, as it came out of a page."""

    kind: JsKind
    """What sort of value it is."""
    text: str
    """JSON as the page made it, or the words for what is none."""

    def json(self) -> Any:
        """The value as a Python one; `undefined` is None. NotJsonError when it is no JSON."""
        if self.kind is JsKind.JSON:
            return json.loads(self.text)
        if self.kind is JsKind.UNDEFINED:
            return None
        raise NotJsonError(f"{self} (have the page return something JSON.stringify keeps)")

    def __str__(self) -> str:
        """As a console would show it."""
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
    """The part of an import that failed."""

    UNSPECIFIED = "unspecified"
    """Not part of an import."""
    LOAD = "load"
    """`import()` rejected: fetch, parse, link or evaluation."""
    CALL = "call"
    """The default export threw, or its promise rejected."""
    SERIALIZE = "serialize"
    """Its value could not be turned into a message."""


_PHASES = {
    common_pb2.JsException.PHASE_LOAD: JsPhase.LOAD,
    common_pb2.JsException.PHASE_CALL: JsPhase.CALL,
    common_pb2.JsException.PHASE_SERIALIZE: JsPhase.SERIALIZE,
}


@dataclass(frozen=True, slots=True)
class JsException:
    """Something that was thrown in a page."""

    phase: JsPhase
    """How far an import had come."""
    name: str
    """The error's name, `TypeError` say. Empty for what is no Error."""
    message: str
    """The error's message, or what was thrown as text."""
    stack: str
    """The error's stack, in the browser's own format. Empty = none."""
    url: str
    """The script it was thrown in. Empty = unknown."""
    line: int
    """Line in `url`, from 1. 0 = unknown."""
    column: int
    """Column in `line`, from 1. 0 = unknown."""
    thrown_json: str
    """What was thrown and is no Error, as JSON, when it has some. Else empty."""

    def __str__(self) -> str:
        """`TypeError: message`, and where, if neither that nor the stack says so."""
        before = {
            JsPhase.LOAD: "could not be loaded: ",
            JsPhase.SERIALIZE: "its value could not be sent: ",
        }.get(self.phase, "")
        thrown = self.message or self.thrown_json
        text = before + ": ".join(part for part in (self.name, thrown) if part)
        place = f"{self.url}:{self.line}:{self.column}" if self.line else self.url
        if place and place not in self.message and place not in self.stack:
            text += f" ({place})"
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
