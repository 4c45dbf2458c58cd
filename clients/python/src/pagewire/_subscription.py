"""Subscriptions: one ordered, resumable stream of events."""

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
    """An active subscription: an async iterator of events in the order of the daemon's log.

    It ends without an error only when it is closed. Otherwise it raises a PagewireError:
    DisconnectedError when the connection is lost or its client is closed, as the client of a plugin
    is when the plugin stops; RpcError when the daemon stops (`STOPPING`) or events are read too
    slowly (`SUBSCRIBER_SLOW`). Cancelling the wait for an event (`asyncio.timeout`) loses none.
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
        """Position of the last delivered event; initially that of the subscription itself."""
        self.resumed = False
        """Whether all events after the requested position will be delivered."""

    @classmethod
    async def _open(
        cls,
        connection: Connection,
        request: messages_pb2.SubscribeMessagesRequest,
        metadata: _Metadata,
    ) -> "Subscription":
        """Subscribe, and return once the subscription is active."""
        subscription = cls(connection, request, metadata)
        first = await next_message(subscription._call)
        if first is None or first.WhichOneof("event") != "subscribed":
            subscription._call.cancel()
            raise UnexpectedError("a subscription that does not start with `subscribed`")
        subscription.position = Position._from_proto(first.position)
        subscription.resumed = first.subscribed.resumed
        return subscription

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._ended:
            message = await self._read()
            if message is None:
                self._ended = True
                break
            self.position = Position._from_proto(message.position)
            event = Event._from_proto(message)
            if event is not None:  # None for a kind that this version does not know
                return event
        raise StopAsyncIteration

    async def _read(self) -> messages_pb2.SubscribeMessagesResponse | None:
        # The read outlives a cancelled waiter, because cancelling a read cancels the stream.
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
        return message  # noqa: RET504 - in one line, mypy would infer another type

    async def resume(self) -> "Subscription":
        """Subscribe again after the last delivered event; lost events are reported by a `Gap`.

        Uses the same connection. If the daemon has a new address, connect there and subscribe with
        `resume_after=position`.
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
