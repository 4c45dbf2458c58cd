"""The gRPC channel to an endpoint: one HTTP/2 connection that detects a lost peer within 15 s."""

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

# Time limit for connecting, including the first call. Exceeding it is a ConnectError.
_CONNECT_TIMEOUT_SECONDS = 5.0
# A ping is sent after this time without a frame.
_KEEPALIVE_INTERVAL_MS = 10_000
# The connection is closed when a ping is not answered within this time.
_KEEPALIVE_TIMEOUT_MS = 5_000
# Largest accepted message; a larger one fails its call.
_MAX_RECEIVED_MESSAGE_BYTES = 64 * 1024 * 1024
# Backoff between attempts to re-establish a lost connection.
_MIN_RECONNECT_MS = 100
_MAX_RECONNECT_MS = 5_000

_OPTIONS = [
    ("grpc.keepalive_time_ms", _KEEPALIVE_INTERVAL_MS),
    ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    # Without this option a ping times out after a minute, whatever keepalive_timeout_ms is.
    ("grpc.http2.ping_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", _MAX_RECEIVED_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", _MIN_RECONNECT_MS),
    # Despite its name, this is also the timeout of one attempt.
    ("grpc.min_reconnect_backoff_ms", 1000 * int(_CONNECT_TIMEOUT_SECONDS)),
    ("grpc.max_reconnect_backoff_ms", _MAX_RECONNECT_MS),
    # Calls are never retried.
    ("grpc.enable_retries", 0),
    # The daemon is on this machine, so proxies from the environment do not apply.
    ("grpc.enable_http_proxy", 0),
    # A new client must not wait for the backoff of an older one.
    ("grpc.use_local_subchannel_pool", 1),
]


M = TypeVar("M")


class Connection:
    """A channel and the token for its calls."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Create the channel; it belongs to the running event loop."""
        options: list[tuple[str, int | str]] = [*_OPTIONS]
        if endpoint.is_unix:
            # By default the authority is the socket's path, which HTTP/2 servers refuse.
            options.append(("grpc.default_authority", "localhost"))
        self._channel = grpc.aio.insecure_channel(endpoint.address, options)
        self.stub: ControlServiceAsyncStub = ControlServiceStub(self._channel)
        self._streams: set[grpc.aio.Call] = set()
        self.metadata: tuple[tuple[str, str], ...] = ()
        if endpoint.token is not None:
            self.metadata = (("authorization", f"Bearer {endpoint.token}"),)

    def hold(self, call: "_Held") -> "_Held":
        """Hold a reference to a stream until it ends, because an unreferenced one is cancelled."""
        self._streams.add(call)
        call.add_done_callback(self._streams.discard)
        return call

    async def close(self) -> None:
        """Cancel all streams and close the channel."""
        for call in list(self._streams):
            call.cancel()  # closing the channel does not cancel streams that are being read
        await self._channel.close()


async def dial(endpoint: Endpoint) -> Connection:
    """Connect and call the daemon once, so that a wrong address or token is noticed here."""
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
                raise ConnectError(endpoint.address, "no response within 5 s") from None
            case RpcError(reason=""):
                # An error without a reason comes from an HTTP server that is not a daemon.
                raise ConnectError(endpoint.address, error.message) from None
        raise
    return connection


async def next_message(call: "_Call[M]") -> M | None:
    """Read the next message of a stream; None = its end. Cancelling this cancels the stream."""
    with translated():
        message = await call.read()
    return None if message is grpc.aio.EOF else cast("M", message)


def _cause(error: DisconnectedError) -> str:
    """Extract the innermost cause, which is the useful one: `Connection refused`."""
    return error.problem.rpartition("connect: ")[2].rpartition("last error: ")[2].strip()


class _Closable(Protocol):
    async def close(self) -> None: ...


T_co = TypeVar("T_co", bound="_Closable", covariant=True)


class Opening(Generic[T_co]):
    """A resource to open: with `await`, or with `async with`, which closes it at the end."""

    def __init__(self, open_: Callable[[], Awaitable[T_co]]) -> None:
        """Wrap the function that opens the resource."""
        self._open = open_
        self._opened: T_co | None = None

    def __await__(self) -> Generator[None, None, T_co]:
        """Open it. The caller closes it."""
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
