"""Information about the daemon and its plugins."""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from pagewire import _values
from pagewire._proto import control_pb2, hooks_pb2


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a daemon."""

    max_message_bytes: int
    """Largest message to a page."""
    max_body_bytes: int
    """Largest body of a hook's call or result."""
    max_call_timeout: float | None
    """Longest timeout of a hook's call, in seconds. None = unlimited (`--debug`)."""
    max_socket_queue_bytes: int
    """Size of a socket's queue; sends to a full queue are `DROPPED_SLOW`."""
    event_log_entries: int
    """Largest number of events in the log. 0 = limited only by `event_log_bytes`."""
    event_log_bytes: int
    """Size of the event log; the oldest events are evicted first."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Description of a daemon."""

    server_version: str
    """The daemon's semantic version."""
    features: frozenset[str]
    """The supported features; see `Plugin(required_features=...)`."""
    base_urls: tuple[str, ...]
    """The URLs of the pages, including the base path."""
    epoch: str
    """Identifies this run of the daemon; see `Position.epoch`."""
    start_time: datetime.datetime
    """When this run started, by the daemon's clock, in UTC."""
    limits: Limits
    """The effective limits."""
    refused_frames: int
    """Text frames refused since the start, because they were not a JSON object with a type."""
    injects_client: bool
    """Whether HTML pages currently get the socket client."""
    pages_with_client: int
    """HTML pages served with the client since the start."""
    pages_without_client: int
    """HTML pages served without it since the start."""
    allowed_origins: tuple[str, ...]
    """Further origins whose pages may connect, besides the daemon's own."""
    without_client_reasons: tuple[str, ...] = ()
    """Why pages were served without the client: a sentence for each reason."""

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
            without_client_reasons=tuple(info.without_client_reasons),
        )


class PluginState(StrEnum):
    """The state of a plugin."""

    UNSPECIFIED = "unspecified"
    """Unknown."""
    WAITING = "waiting"
    """Configured but not connected."""
    STARTING = "starting"
    """Connected, but not all of its hooks are open."""
    READY = "ready"
    """Connected, and all of its hooks are open."""
    FAILED = "failed"
    """The plugin exited five times within three minutes and is not restarted."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """Description of a plugin that is configured, connected, or both."""

    plugin_name: str
    """The plugin's name: identifies it in the configuration, the plugin order and the logs."""
    plugin_version: str
    """The version it reported. Empty = none."""
    state: PluginState
    """The plugin's state."""
    hooks: tuple[str, ...]
    """The declared hooks: `serve`, `transform`, `resolve_import`, `subscribe_messages`."""
    serve_order_index: int
    """Position in the serve order, from 0; meaningful if it has a serve hook."""
    pid: int
    """Process id, if the daemon spawned it. Otherwise 0."""
    restarts: int
    """How often the daemon restarted it after an exit."""
    calls: int
    """Calls of its hooks."""
    passes: int
    """Calls that it answered with a skip (for `resolve_import`: resolved nothing)."""
    failures: int
    """Failed calls, without timeouts."""
    timeouts: int
    """Calls whose deadline passed."""
    late_results: int
    """Results that arrived too late, twice, or without a call."""
    call_latency_p99: float | None
    """99th percentile of the call latency in seconds, including the time in the queue. None = no
    calls yet."""

    @classmethod
    def _from_proto(cls, plugin: control_pb2.Plugin) -> "PluginInfo":
        called = plugin.HasField("call_latency_p99")
        return cls(
            plugin_name=plugin.plugin_name,
            plugin_version=plugin.plugin_version,
            state=PluginState(_values.enum_name(control_pb2.Plugin.State, plugin.state, "STATE_")),
            hooks=tuple(_values.enum_name(hooks_pb2.Hook, hook, "HOOK_") for hook in plugin.hooks),
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
