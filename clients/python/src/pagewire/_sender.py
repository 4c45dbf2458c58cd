"""Sends by one stream that is kept open: no RPC is set up for each."""

import asyncio
from collections import deque

import grpc

from pagewire._channel import Connection, next_message
from pagewire._proto import common_pb2, messages_pb2
from pagewire.errors import DisconnectedError, PagewireError, RpcError, deadline_passed

# Sends that wait for their report at a time; beyond it the next wait for their turn. Default 1024.
_MAX_PENDING = 1024


class Sender:
    """Sends in the order of the calls."""

    def __init__(self, connection: Connection) -> None:
        """Open nothing yet."""
        self._connection = connection
        self._stream: _Stream | None = None
        self._turns = asyncio.Semaphore(_MAX_PENDING)

    async def send(
        self, request: messages_pb2.SendRequest, deadline: float
    ) -> common_pb2.DeliveryReport:
        """Send, and wait so many seconds for the report. Not sent again when that fails."""
        try:
            async with asyncio.timeout(deadline):
                # Waits only while too many are under way, in the order of the calls.
                await self._turns.acquire()
                if self._stream is None or self._stream.ended:
                    self._stream = _Stream(self._connection, self._turns)
                return await self._stream.send(request)
        except TimeoutError:
            raise deadline_passed() from None

    async def settled(self) -> None:
        """Wait until the sends so far have their reports."""
        if self._stream is not None and self._stream.pending:
            await asyncio.wait([self._stream.pending[-1]])

    async def close(self) -> None:
        """End the stream; sends that wait for their report fail."""
        if self._stream is not None:
            await self._stream.close()


class _Stream:
    """A SendStream. It is lost as a whole: the next send opens another."""

    def __init__(self, connection: Connection, turns: asyncio.Semaphore) -> None:
        self._call: grpc.aio.StreamStreamCall[
            messages_pb2.SendStreamRequest, messages_pb2.SendStreamResponse
        ] = connection.hold(connection.stub.SendStream(metadata=connection.metadata))
        self._turns = turns
        self._queue: asyncio.Queue[messages_pb2.SendStreamRequest] = asyncio.Queue()
        self.pending: deque[asyncio.Future[common_pb2.DeliveryReport]] = deque()
        self.ended = False
        # Tasks of our own: to cancel a read or a write is to cancel the stream.
        self._writing = asyncio.create_task(self._write())
        self._reading = asyncio.create_task(self._read())

    def send(self, request: messages_pb2.SendRequest) -> asyncio.Future[common_pb2.DeliveryReport]:
        answer = asyncio.get_running_loop().create_future()
        self.pending.append(answer)
        self._queue.put_nowait(messages_pb2.SendStreamRequest(send=request))
        return answer

    async def _write(self) -> None:
        try:
            while True:
                await self._call.write(await self._queue.get())
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            pass  # the reader knows why

    async def _read(self) -> None:
        problem: PagewireError = DisconnectedError("the daemon ended the stream of sends")
        try:
            while (message := await next_message(self._call)) is not None:
                self._answer(message)
        except PagewireError as error:
            problem = error
        finally:
            self.ended = True
            self._writing.cancel()
            for answer in self.pending:
                self._turns.release()
                if not answer.done():
                    answer.set_exception(problem)
            self.pending.clear()

    def _answer(self, message: messages_pb2.SendStreamResponse) -> None:
        answer = self.pending.popleft()
        self._turns.release()
        if answer.done():  # its deadline passed, or its caller has gone
            return
        if message.WhichOneof("outcome") == "error":
            error = message.error
            answer.set_exception(RpcError(_code(error.code), error.reason, error.message))
        else:
            answer.set_result(message.report)

    async def close(self) -> None:
        self._call.cancel()
        await asyncio.wait([self._reading, self._writing])


def _code(number: int) -> grpc.StatusCode:
    codes = {code.value[0]: code for code in grpc.StatusCode}
    return codes.get(number, grpc.StatusCode.UNKNOWN)
