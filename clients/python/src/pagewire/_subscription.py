"""Hearing what happens: one ordered, resumable stream of events."""

import asyncio
from typing import Self

import grpc

from pagewire._channel import Connection, next_message
from pagewire._events import Event
from pagewire._proto import messages_pb2
from pagewire._sockets import Position
from pagewire.errors import PagewireError, UnexpectedError

_Metadata = tuple[tuple[str, str], ...]


class Subscription:
    """A subscription in force: an async iterator of events, in the order of the daemon's log.

    It ends when the daemon stops, and with an error when it is lost or too slow
    (`SUBSCRIBER_SLOW`). Giving up to wait for the next event (`asyncio.timeout`) loses none.
    """

    def __init__(
        self,
        connection: Connection,
        request: messages_pb2.SubscribeMessagesRequest,
        metadata: _Metadata,
    ) -> None:
        """Use `Client.subscribe`."""
        self._connection = connection
        self._request = request
        self._metadata = metadata
        self._call: grpc.aio.UnaryStreamCall[
            messages_pb2.SubscribeMessagesRequest, messages_pb2.SubscribeMessagesResponse
        ] = connection.hold(connection.stub.SubscribeMessages(request, metadata=metadata))
        self._reading: asyncio.Future[messages_pb2.SubscribeMessagesResponse | None] | None = None
        self._ended = False
        self.position = Position("", 0)
        """Place of the last event that was delivered; at first, of the subscription itself."""
        self.resumed = False
        """Everything after the position asked for is delivered: none was lost."""

    @classmethod
    async def _open(
        cls,
        connection: Connection,
        request: messages_pb2.SubscribeMessagesRequest,
        metadata: _Metadata,
    ) -> "Subscription":
        """Subscribe, and return once it is in force."""
        subscription = cls(connection, request, metadata)
        first = await next_message(subscription._call)
        if first is None or first.WhichOneof("event") != "subscribed":
            subscription._call.cancel()
            raise UnexpectedError("a subscription that does not begin with `subscribed`")
        subscription.position = Position._from_proto(first.position)
        subscription.resumed = first.subscribed.resumed
        return subscription

    def __aiter__(self) -> Self:
        """Itself: it can be gone through once."""
        return self

    async def __anext__(self) -> Event:
        """Wait for the next event."""
        while not self._ended:
            message = await self._read()
            if message is None:
                self._ended = True
                break
            self.position = Position._from_proto(message.position)
            event = Event._from_proto(message)
            if event is not None:  # else one of a later version
                return event
        raise StopAsyncIteration

    async def _read(self) -> messages_pb2.SubscribeMessagesResponse | None:
        # Who waits may be cancelled; the read under way then goes on, or the call would end.
        reading = self._reading
        if reading is None:
            reading = self._reading = asyncio.create_task(self._receive())
        try:
            message = await asyncio.shield(reading)
        except PagewireError:
            self._reading, self._ended = None, True
            raise
        self._reading = None
        return message

    async def _receive(self) -> messages_pb2.SubscribeMessagesResponse | None:
        message = await next_message(self._call)
        return message  # noqa: RET504 - one line would have mypy infer another type

    async def resume(self) -> "Subscription":
        """Subscribe again, after the last position; what is lost meanwhile is a `Gap`.

        For one that ended. On the same connection: when the daemon is elsewhere now, connect, and
        subscribe with `resume_after` the position.
        """
        request = messages_pb2.SubscribeMessagesRequest()
        request.CopyFrom(self._request)
        request.resume_after.CopyFrom(self.position._to_proto())
        await self.close()
        return await Subscription._open(self._connection, request, self._metadata)

    async def close(self) -> None:
        """Unsubscribe."""
        self._ended = True
        self._call.cancel()
        if (reading := self._reading) is not None:
            self._reading = None
            await asyncio.gather(reading, return_exceptions=True)
