"""One HTTP/2 connection that notices within 15 s when its peer is gone."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

import grpc

from pagewire._endpoint import Endpoint
from pagewire._proto import control_pb2
from pagewire._proto.control_pb2_grpc import ControlServiceStub
from pagewire.errors import ConnectError, DisconnectedError, RpcError, translated

if TYPE_CHECKING:
    from pagewire._proto.control_pb2_grpc import ControlServiceAsyncStub

    _M = TypeVar("_M")
    _Held = TypeVar("_Held", bound=grpc.aio.Call)
    _Call: TypeAlias = grpc.aio.UnaryStreamCall[Any, _M] | grpc.aio.StreamStreamCall[Any, _M]

# How long connecting may take, the daemon's first answer included. Beyond: ConnectError.
_CONNECT_TIMEOUT_SECONDS = 5.0
# A ping is sent after so long without a frame...
_KEEPALIVE_INTERVAL_MS = 10_000
# ... and the connection is given up when it is not answered for so long.
_KEEPALIVE_TIMEOUT_MS = 5_000
# Largest message accepted from the daemon; a larger one fails its call.
_MAX_RECEIVED_MESSAGE_BYTES = 64 * 1024 * 1024
# How soon a lost connection may be dialled again.
_MIN_RECONNECT_MS = 100
_MAX_RECONNECT_MS = 5_000

_OPTIONS = [
    ("grpc.keepalive_time_ms", _KEEPALIVE_INTERVAL_MS),
    ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    # Without it a ping may take a minute, whatever the other says.
    ("grpc.http2.ping_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", _MAX_RECEIVED_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", _MIN_RECONNECT_MS),
    # How long one attempt may take, for all its name.
    ("grpc.min_reconnect_backoff_ms", 1000 * int(_CONNECT_TIMEOUT_SECONDS)),
    ("grpc.max_reconnect_backoff_ms", _MAX_RECONNECT_MS),
    # Nothing is sent twice behind the caller's back.
    ("grpc.enable_retries", 0),
    # The daemon is on this machine: a proxy of the environment is for others.
    ("grpc.enable_http_proxy", 0),
    # A client that is made after a restart must not wait for the backoff of one made before.
    ("grpc.use_local_subchannel_pool", 1),
]


M = TypeVar("M")


class Connection:
    """A channel, and the token for every call on it."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Dial; belongs to the running event loop."""
        options: list[tuple[str, int | str]] = [*_OPTIONS]
        if endpoint.is_unix:
            # The socket's path would be the authority, which HTTP/2 servers refuse.
            options.append(("grpc.default_authority", "localhost"))
        self._channel = grpc.aio.insecure_channel(endpoint.address, options)
        self.stub: ControlServiceAsyncStub = ControlServiceStub(self._channel)
        self._streams: set[grpc.aio.Call] = set()
        self.metadata: tuple[tuple[str, str], ...] = ()
        if endpoint.token is not None:
            self.metadata = (("authorization", f"Bearer {endpoint.token}"),)

    def hold(self, call: "_Held") -> "_Held":
        """Keep a stream, which would end if nobody did, until it ends."""
        self._streams.add(call)
        call.add_done_callback(self._streams.discard)
        return call

    async def close(self) -> None:
        """Cut everything that still runs on it."""
        for call in list(self._streams):
            call.cancel()  # closing the channel leaves those alone that are being read
        await self._channel.close()


async def dial(endpoint: Endpoint) -> Connection:
    """Connect, and ask the daemon who it is: a wrong address or token is noticed here."""
    connection = Connection(endpoint)
    try:
        with translated():
            await connection.stub.GetServerInfo(
                control_pb2.GetServerInfoRequest(),
                metadata=connection.metadata,
                timeout=_CONNECT_TIMEOUT_SECONDS,
            )
    except BaseException as error:
        await asyncio.shield(connection.close())
        match error:
            case DisconnectedError():
                raise ConnectError(endpoint.address, _cause(error)) from None
            case RpcError(code=grpc.StatusCode.DEADLINE_EXCEEDED):
                raise ConnectError(endpoint.address, "no answer within 5 s") from None
            case RpcError(reason=""):
                # An HTTP server that is no daemon of ours answers without a reason.
                raise ConnectError(endpoint.address, error.message) from None
        raise
    return connection


async def next_message(call: "_Call[M]") -> M | None:
    """Read the next message of a stream; None = its end. To cancel that ends the stream."""
    with translated():
        message = await call.read()
    return None if message is grpc.aio.EOF else cast("M", message)


def _cause(error: DisconnectedError) -> str:
    """Find the innermost cause, which a person can act on: `Connection refused`."""
    return error.problem.rpartition("connect: ")[2].rpartition("last error: ")[2].strip()


class _Closes(Protocol):
    async def close(self) -> None: ...


T_co = TypeVar("T_co", bound="_Closes", covariant=True)


class Opening(Generic[T_co]):
    """Something that opens: `await` it, or let `async with` close it again."""

    def __init__(self, open_: Callable[[], Awaitable[T_co]]) -> None:
        """Wrap what opens it."""
        self._open = open_
        self._opened: T_co | None = None

    def __await__(self) -> Generator[None, None, T_co]:
        """Open it; close it yourself."""
        return cast("Generator[None, None, T_co]", self._open().__await__())

    async def __aenter__(self) -> T_co:
        """Open it."""
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        if self._opened is not None:
            await self._opened.close()
