"""Sends on one stream that stays open: this avoids one RPC per send."""

import asyncio
from collections import deque

import grpc

from pagewire._channel import Connection, next_message
from pagewire._proto import common_pb2, messages_pb2
from pagewire.errors import DisconnectedError, PagewireError, deadline_error, from_fields

# Limit of sends that wait for their report; further sends wait before they are written.
_MAX_PENDING = 1024


class Sender:
    """Sends in the order of the calls."""

    def __init__(self, connection: Connection) -> None:
        """The first send opens the stream."""
        self._connection = connection
        self._stream: _Stream | None = None
        self._permits = asyncio.Semaphore(_MAX_PENDING)

    async def send(
        self, request: messages_pb2.SendRequest, deadline: float
    ) -> common_pb2.DeliveryReport:
        """Send and wait at most `deadline` seconds for the report. Never retried."""
        try:
            async with asyncio.timeout(deadline):
                # Waits only at the limit of pending sends, in the order of the calls.
                await self._permits.acquire()
                if self._stream is None or self._stream.ended:
                    self._stream = _Stream(self._connection, self._permits)
                return await self._stream.send(request)
        except TimeoutError:
            raise deadline_error() from None

    async def settled(self) -> None:
        """Wait for the reports of all earlier sends."""
        if self._stream is not None and self._stream.pending:
            await asyncio.wait([self._stream.pending[-1]])

    async def close(self) -> None:
        """Close the stream; pending sends fail."""
        if self._stream is not None:
            await self._stream.close()


class _Stream:
    """One SendStream call. After it has ended, the next send opens another."""

    def __init__(self, connection: Connection, permits: asyncio.Semaphore) -> None:
        self._call: grpc.aio.StreamStreamCall[
            messages_pb2.SendStreamRequest, messages_pb2.SendStreamResponse
        ] = connection.hold(connection.stub.SendStream(metadata=connection.metadata))
        self._permits = permits
        self._queue: asyncio.Queue[messages_pb2.SendStreamRequest] = asyncio.Queue()
        self.pending: deque[asyncio.Future[common_pb2.DeliveryReport]] = deque()
        self.ended = False
        # In separate tasks, because cancelling a read or a write cancels the stream.
        self._writing = asyncio.create_task(self._write())
        self._reading = asyncio.create_task(self._read())

    def send(self, request: messages_pb2.SendRequest) -> asyncio.Future[common_pb2.DeliveryReport]:
        report = asyncio.get_running_loop().create_future()
        self.pending.append(report)
        self._queue.put_nowait(messages_pb2.SendStreamRequest(send=request))
        return report

    async def _write(self) -> None:
        try:
            while True:
                await self._call.write(await self._queue.get())
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            pass  # the reader gets the error

    async def _read(self) -> None:
        problem: PagewireError = DisconnectedError("the daemon ended the stream of sends")
        try:
            while (message := await next_message(self._call)) is not None:
                self._complete(message)
        except PagewireError as error:
            problem = error
        finally:
            self.ended = True
            self._writing.cancel()
            for report in self.pending:
                self._permits.release()
                if not report.done():
                    report.set_exception(problem)
            self.pending.clear()

    def _complete(self, message: messages_pb2.SendStreamResponse) -> None:
        report = self.pending.popleft()
        self._permits.release()
        if report.done():  # its deadline passed, or its caller was cancelled
            return
        if message.WhichOneof("outcome") == "error":
            error = message.error
            report.set_exception(from_fields(error.code, error.reason, error.message))
        else:
            report.set_result(message.report)

    async def close(self) -> None:
        self._call.cancel()
        await asyncio.wait([self._reading, self._writing])
