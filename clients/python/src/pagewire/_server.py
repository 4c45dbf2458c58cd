"""What the daemon says of itself and of its plugins."""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from pagewire import _values
from pagewire._proto import control_pb2, hooks_pb2


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in force in the daemon."""

    max_message_bytes: int
    """Largest single message to a page."""
    max_body_bytes: int
    """Largest body that a hook's call or result may carry."""
    max_call_timeout: float | None
    """Cap of a hook's call timeout, in seconds. None = no cap, the daemon debugs."""
    max_socket_queue_bytes: int
    """Bytes that may wait for one socket; then it is `DROPPED_SLOW`."""
    event_log_entries: int
    """Events the log keeps at most. 0 = bounded by the bytes alone."""
    event_log_bytes: int
    """Bytes the log keeps at most; the oldest events go first."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the daemon is and can do."""

    server_version: str
    """Its version, as semantic versioning."""
    features: frozenset[str]
    """What it can do beyond the first version; see `Plugin(required_features=...)`."""
    base_urls: tuple[str, ...]
    """URLs that pages are served at, base path included."""
    epoch: str
    """This run's `Position.epoch`."""
    start_time: datetime.datetime
    """When this run began, by the daemon's clock, in UTC."""
    limits: Limits
    """The bounds in force."""
    refused_frames: int
    """Frames of pages that were no JSON object with a type, since the start."""
    injects_client: bool
    """Whether HTML pages get the socket client at this moment."""
    pages_with_client: int
    """HTML pages served with the client since the start."""
    pages_without_client: int
    """HTML pages served without it since the start."""
    allowed_origins: tuple[str, ...]
    """Origins whose pages may connect, beside the daemon's own."""

    @classmethod
    def _from_proto(cls, info: control_pb2.GetServerInfoResponse) -> "ServerInfo":
        limits = info.limits
        capped = limits.HasField("max_call_timeout")
        return cls(
            server_version=info.server_version,
            features=frozenset(info.features),
            base_urls=tuple(info.base_urls),
            epoch=info.epoch,
            start_time=_values.time(info.start_time),
            limits=Limits(
                max_message_bytes=limits.max_message_bytes,
                max_body_bytes=limits.max_body_bytes,
                max_call_timeout=_values.seconds(limits.max_call_timeout) if capped else None,
                max_socket_queue_bytes=limits.max_socket_queue_bytes,
                event_log_entries=limits.event_log_entries,
                event_log_bytes=limits.event_log_bytes,
            ),
            refused_frames=info.refused_frames,
            injects_client=info.injects_client,
            pages_with_client=info.pages_with_client,
            pages_without_client=info.pages_without_client,
            allowed_origins=tuple(info.allowed_origins),
        )


class PluginState(StrEnum):
    """The life of a plugin."""

    UNSPECIFIED = "unspecified"
    """Not known."""
    WAITING = "waiting"
    """Configured, and not there: it has not come yet, or is about to be started again."""
    STARTING = "starting"
    """There, but not with all hooks that it declared."""
    READY = "ready"
    """There, with all its hooks."""
    FAILED = "failed"
    """It ended five times in three minutes, and is not started again."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A configured plugin, or a live session, or both."""

    plugin_name: str
    """Key of configuration, order and logs."""
    plugin_version: str
    """As it says. Empty = not said."""
    state: PluginState
    """How far it is."""
    hooks: tuple[str, ...]
    """What it declared: `serve`, `transform`, `resolve_import`, `subscribe_messages`."""
    serve_order_index: int
    """Place in the order of serving, from 0; means something when it serves."""
    pid: int
    """Process id if the daemon started it, else 0."""
    restarts: int
    """How often the daemon started it again."""
    calls: int
    """Calls of its hooks."""
    passes: int
    """Those it skipped."""
    failures: int
    """Those that failed, timeouts not included."""
    timeouts: int
    """Those that took too long."""
    late_results: int
    """Results that came too late, twice, or for no call."""
    call_latency_p99: float | None
    """Seconds from a call being due to its result, 99th percentile. None = no calls yet."""

    @classmethod
    def _from_proto(cls, plugin: control_pb2.Plugin) -> "PluginInfo":
        called = plugin.HasField("call_latency_p99")
        return cls(
            plugin_name=plugin.plugin_name,
            plugin_version=plugin.plugin_version,
            state=PluginState(_values.word(control_pb2.Plugin.State, plugin.state, "STATE_")),
            hooks=tuple(_values.word(hooks_pb2.Hook, hook, "HOOK_") for hook in plugin.hooks),
            serve_order_index=plugin.serve_order_index,
            pid=plugin.pid,
            restarts=plugin.restarts,
            calls=plugin.calls,
            passes=plugin.passes,
            failures=plugin.failures,
            timeouts=plugin.timeouts,
            late_results=plugin.late_results,
            call_latency_p99=_values.seconds(plugin.call_latency_p99) if called else None,
        )
