import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pagewire._proto import common_pb2 as _common_pb2
from pagewire._proto import hooks_pb2 as _hooks_pb2
from pagewire._proto import messages_pb2 as _messages_pb2
from pagewire._proto import sockets_pb2 as _sockets_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ServerStartRequest(_message.Message):
    __slots__ = ("plugin_name", "plugin_version", "required_features", "hooks", "replace_existing", "inject_web_socket", "launch_id")
    PLUGIN_NAME_FIELD_NUMBER: _ClassVar[int]
    PLUGIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    HOOKS_FIELD_NUMBER: _ClassVar[int]
    REPLACE_EXISTING_FIELD_NUMBER: _ClassVar[int]
    INJECT_WEB_SOCKET_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_ID_FIELD_NUMBER: _ClassVar[int]
    plugin_name: str
    plugin_version: str
    required_features: _containers.RepeatedScalarFieldContainer[str]
    hooks: _containers.RepeatedScalarFieldContainer[_hooks_pb2.Hook]
    replace_existing: bool
    inject_web_socket: bool
    launch_id: str
    def __init__(self, plugin_name: _Optional[str] = ..., plugin_version: _Optional[str] = ..., required_features: _Optional[_Iterable[str]] = ..., hooks: _Optional[_Iterable[_Union[_hooks_pb2.Hook, str]]] = ..., replace_existing: bool = ..., inject_web_socket: bool = ..., launch_id: _Optional[str] = ...) -> None: ...

class ServerStartResponse(_message.Message):
    __slots__ = ("started", "ready", "stopping")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    STOPPING_FIELD_NUMBER: _ClassVar[int]
    started: ServerStarted
    ready: SessionReady
    stopping: ServerStopping
    def __init__(self, started: _Optional[_Union[ServerStarted, _Mapping]] = ..., ready: _Optional[_Union[SessionReady, _Mapping]] = ..., stopping: _Optional[_Union[ServerStopping, _Mapping]] = ...) -> None: ...

class EndSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class EndSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerStarted(_message.Message):
    __slots__ = ("session_id", "plugin_name", "server", "root_dirs", "config_json", "sockets", "sockets_truncated", "position", "scratch_dir")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    PLUGIN_NAME_FIELD_NUMBER: _ClassVar[int]
    SERVER_FIELD_NUMBER: _ClassVar[int]
    ROOT_DIRS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SCRATCH_DIR_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    plugin_name: str
    server: GetServerInfoResponse
    root_dirs: _containers.RepeatedScalarFieldContainer[str]
    config_json: str
    sockets: _containers.RepeatedCompositeFieldContainer[_sockets_pb2.Socket]
    sockets_truncated: bool
    position: _common_pb2.Position
    scratch_dir: str
    def __init__(self, session_id: _Optional[str] = ..., plugin_name: _Optional[str] = ..., server: _Optional[_Union[GetServerInfoResponse, _Mapping]] = ..., root_dirs: _Optional[_Iterable[str]] = ..., config_json: _Optional[str] = ..., sockets: _Optional[_Iterable[_Union[_sockets_pb2.Socket, _Mapping]]] = ..., sockets_truncated: bool = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., scratch_dir: _Optional[str] = ...) -> None: ...

class SessionReady(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerStopping(_message.Message):
    __slots__ = ("reason", "grace")
    REASON_FIELD_NUMBER: _ClassVar[int]
    GRACE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    grace: _duration_pb2.Duration
    def __init__(self, reason: _Optional[str] = ..., grace: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("server_version", "features", "base_urls", "epoch", "start_time", "limits", "refused_frames", "injects_client", "pages_with_client", "pages_without_client", "allowed_origins", "without_client_reasons")
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    BASE_URLS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FRAMES_FIELD_NUMBER: _ClassVar[int]
    INJECTS_CLIENT_FIELD_NUMBER: _ClassVar[int]
    PAGES_WITH_CLIENT_FIELD_NUMBER: _ClassVar[int]
    PAGES_WITHOUT_CLIENT_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_ORIGINS_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_CLIENT_REASONS_FIELD_NUMBER: _ClassVar[int]
    server_version: str
    features: _containers.RepeatedScalarFieldContainer[str]
    base_urls: _containers.RepeatedScalarFieldContainer[str]
    epoch: str
    start_time: _timestamp_pb2.Timestamp
    limits: Limits
    refused_frames: int
    injects_client: bool
    pages_with_client: int
    pages_without_client: int
    allowed_origins: _containers.RepeatedScalarFieldContainer[str]
    without_client_reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, server_version: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., base_urls: _Optional[_Iterable[str]] = ..., epoch: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., refused_frames: _Optional[int] = ..., injects_client: bool = ..., pages_with_client: _Optional[int] = ..., pages_without_client: _Optional[int] = ..., allowed_origins: _Optional[_Iterable[str]] = ..., without_client_reasons: _Optional[_Iterable[str]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_message_bytes", "max_body_bytes", "max_call_timeout", "max_socket_queue_bytes", "event_log_entries", "event_log_bytes")
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_CALL_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_SOCKET_QUEUE_BYTES_FIELD_NUMBER: _ClassVar[int]
    EVENT_LOG_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    EVENT_LOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_message_bytes: int
    max_body_bytes: int
    max_call_timeout: _duration_pb2.Duration
    max_socket_queue_bytes: int
    event_log_entries: int
    event_log_bytes: int
    def __init__(self, max_message_bytes: _Optional[int] = ..., max_body_bytes: _Optional[int] = ..., max_call_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_socket_queue_bytes: _Optional[int] = ..., event_log_entries: _Optional[int] = ..., event_log_bytes: _Optional[int] = ...) -> None: ...

class ListPluginsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPluginsResponse(_message.Message):
    __slots__ = ("plugins", "next_page_token")
    PLUGINS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    plugins: _containers.RepeatedCompositeFieldContainer[Plugin]
    next_page_token: str
    def __init__(self, plugins: _Optional[_Iterable[_Union[Plugin, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Plugin(_message.Message):
    __slots__ = ("plugin_name", "plugin_version", "state", "hooks", "serve_order_index", "pid", "restarts", "calls", "passes", "failures", "timeouts", "late_results", "call_latency_p99")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Plugin.State]
        STATE_WAITING: _ClassVar[Plugin.State]
        STATE_STARTING: _ClassVar[Plugin.State]
        STATE_READY: _ClassVar[Plugin.State]
        STATE_FAILED: _ClassVar[Plugin.State]
    STATE_UNSPECIFIED: Plugin.State
    STATE_WAITING: Plugin.State
    STATE_STARTING: Plugin.State
    STATE_READY: Plugin.State
    STATE_FAILED: Plugin.State
    PLUGIN_NAME_FIELD_NUMBER: _ClassVar[int]
    PLUGIN_VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HOOKS_FIELD_NUMBER: _ClassVar[int]
    SERVE_ORDER_INDEX_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    LATE_RESULTS_FIELD_NUMBER: _ClassVar[int]
    CALL_LATENCY_P99_FIELD_NUMBER: _ClassVar[int]
    plugin_name: str
    plugin_version: str
    state: Plugin.State
    hooks: _containers.RepeatedScalarFieldContainer[_hooks_pb2.Hook]
    serve_order_index: int
    pid: int
    restarts: int
    calls: int
    passes: int
    failures: int
    timeouts: int
    late_results: int
    call_latency_p99: _duration_pb2.Duration
    def __init__(self, plugin_name: _Optional[str] = ..., plugin_version: _Optional[str] = ..., state: _Optional[_Union[Plugin.State, str]] = ..., hooks: _Optional[_Iterable[_Union[_hooks_pb2.Hook, str]]] = ..., serve_order_index: _Optional[int] = ..., pid: _Optional[int] = ..., restarts: _Optional[int] = ..., calls: _Optional[int] = ..., passes: _Optional[int] = ..., failures: _Optional[int] = ..., timeouts: _Optional[int] = ..., late_results: _Optional[int] = ..., call_latency_p99: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
