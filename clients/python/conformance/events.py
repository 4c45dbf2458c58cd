"""Writes the events of subscriptions."""

from typing import Any

from pagewire import (
    ConsoleEntry,
    FailedResource,
    FileChanged,
    Gap,
    Message,
    PageError,
    SocketClosed,
    SocketOpened,
    SocketUpdated,
    Subscription,
)

from .output import emit, error_of


async def follow(name: str, subscription: Subscription) -> None:
    """Write each event of a subscription, and its end."""
    try:
        async for event in subscription:
            fields = fields_of(event.what)
            sequence = event.position.sequence
            emit(event="event", subscription=name, sequence=sequence, **fields)
    except Exception as error:
        emit(event="subscription_ended", subscription=name, error=error_of(error))
    else:
        emit(event="subscription_ended", subscription=name)


def fields_of(what: object) -> dict[str, Any]:
    match what:
        case Message():
            return {"kind": "message", "socket_id": what.socket_id, "text": what.text}
        case SocketOpened(socket=socket):
            return {"kind": "socket_opened", "socket_id": socket.socket_id}
        case SocketUpdated(socket=socket):
            return {"kind": "socket_updated", "socket_id": socket.socket_id}
        case SocketClosed(socket_id=socket_id):
            return {"kind": "socket_closed", "socket_id": socket_id}
        case ConsoleEntry():
            text = " ".join(map(str, what.args))
            place = {"url": what.url, "line": what.line, "column": what.column}
            return {"kind": "console", "socket_id": what.socket_id, "text": text, **place}
        case PageError():
            text = what.exception.message
            error = {"kind": "page_error", "socket_id": what.socket_id, "text": text}
            if (failed := what.failed_resource) is None:
                return error
            return {**error, "failed_resource": resource_of(failed)}
        case FileChanged():
            return {"kind": "file", "text": what.url_path}
        case Gap():
            bounds = {"after": what.after_sequence, "before": what.before_sequence}
            return {"kind": "gap", **bounds}
    raise TypeError(f"unknown event: {what!r}")


def resource_of(failed: FailedResource) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "plugin_name": failed.plugin_name,
        "hook": failed.hook,
        "url": failed.url,
        "status": failed.status,
        "message": failed.message,
    }
    if (place := failed.location) is not None:
        fields |= {"file": place.file, "line": place.line, "column": place.column}
    return fields
