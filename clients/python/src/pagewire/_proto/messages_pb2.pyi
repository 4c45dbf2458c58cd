import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pagewire._proto import common_pb2 as _common_pb2
from pagewire._proto import hooks_pb2 as _hooks_pb2
from pagewire._proto import sockets_pb2 as _sockets_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ImportMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_MODE_UNSPECIFIED: _ClassVar[ImportMode]
    IMPORT_MODE_REUSE: _ClassVar[ImportMode]
    IMPORT_MODE_FRESH: _ClassVar[ImportMode]

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_KIND_UNSPECIFIED: _ClassVar[EventKind]
    EVENT_KIND_MESSAGE: _ClassVar[EventKind]
    EVENT_KIND_SOCKET: _ClassVar[EventKind]
    EVENT_KIND_CONSOLE: _ClassVar[EventKind]
    EVENT_KIND_PAGE_ERROR: _ClassVar[EventKind]
    EVENT_KIND_FILE: _ClassVar[EventKind]

class OverflowPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERFLOW_POLICY_UNSPECIFIED: _ClassVar[OverflowPolicy]
    OVERFLOW_POLICY_DISCONNECT: _ClassVar[OverflowPolicy]
    OVERFLOW_POLICY_GAP: _ClassVar[OverflowPolicy]
IMPORT_MODE_UNSPECIFIED: ImportMode
IMPORT_MODE_REUSE: ImportMode
IMPORT_MODE_FRESH: ImportMode
EVENT_KIND_UNSPECIFIED: EventKind
EVENT_KIND_MESSAGE: EventKind
EVENT_KIND_SOCKET: EventKind
EVENT_KIND_CONSOLE: EventKind
EVENT_KIND_PAGE_ERROR: EventKind
EVENT_KIND_FILE: EventKind
OVERFLOW_POLICY_UNSPECIFIED: OverflowPolicy
OVERFLOW_POLICY_DISCONNECT: OverflowPolicy
OVERFLOW_POLICY_GAP: OverflowPolicy

class SendRequest(_message.Message):
    __slots__ = ("target", "json", "text", "binary", "error", "delivery")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    target: _common_pb2.Target
    json: str
    text: str
    binary: bytes
    error: str
    delivery: _common_pb2.DeliveryOptions
    def __init__(self, target: _Optional[_Union[_common_pb2.Target, _Mapping]] = ..., json: _Optional[str] = ..., text: _Optional[str] = ..., binary: _Optional[bytes] = ..., error: _Optional[str] = ..., delivery: _Optional[_Union[_common_pb2.DeliveryOptions, _Mapping]] = ...) -> None: ...

class SendResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _common_pb2.DeliveryReport
    def __init__(self, report: _Optional[_Union[_common_pb2.DeliveryReport, _Mapping]] = ...) -> None: ...

class SendStreamRequest(_message.Message):
    __slots__ = ("send",)
    SEND_FIELD_NUMBER: _ClassVar[int]
    send: SendRequest
    def __init__(self, send: _Optional[_Union[SendRequest, _Mapping]] = ...) -> None: ...

class SendStreamResponse(_message.Message):
    __slots__ = ("report", "error")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    report: _common_pb2.DeliveryReport
    error: SendError
    def __init__(self, report: _Optional[_Union[_common_pb2.DeliveryReport, _Mapping]] = ..., error: _Optional[_Union[SendError, _Mapping]] = ...) -> None: ...

class SendError(_message.Message):
    __slots__ = ("code", "reason", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class SendImportRequest(_message.Message):
    __slots__ = ("target", "import_path", "code", "args_json", "mode", "await_result", "timeout", "max_result_bytes")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    IMPORT_PATH_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ARGS_JSON_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    AWAIT_RESULT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_RESULT_BYTES_FIELD_NUMBER: _ClassVar[int]
    target: _common_pb2.Target
    import_path: str
    code: str
    args_json: _containers.RepeatedScalarFieldContainer[str]
    mode: ImportMode
    await_result: bool
    timeout: _duration_pb2.Duration
    max_result_bytes: int
    def __init__(self, target: _Optional[_Union[_common_pb2.Target, _Mapping]] = ..., import_path: _Optional[str] = ..., code: _Optional[str] = ..., args_json: _Optional[_Iterable[str]] = ..., mode: _Optional[_Union[ImportMode, str]] = ..., await_result: bool = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_result_bytes: _Optional[int] = ...) -> None: ...

class SendImportResponse(_message.Message):
    __slots__ = ("report", "results")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    report: _common_pb2.DeliveryReport
    results: _containers.RepeatedCompositeFieldContainer[ImportResult]
    def __init__(self, report: _Optional[_Union[_common_pb2.DeliveryReport, _Mapping]] = ..., results: _Optional[_Iterable[_Union[ImportResult, _Mapping]]] = ...) -> None: ...

class ImportResult(_message.Message):
    __slots__ = ("socket_id", "value", "exception", "unanswered", "elapsed")
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    UNANSWERED_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    value: _common_pb2.JsValue
    exception: _common_pb2.JsException
    unanswered: _common_pb2.DeliveryStatus
    elapsed: _duration_pb2.Duration
    def __init__(self, socket_id: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.JsValue, _Mapping]] = ..., exception: _Optional[_Union[_common_pb2.JsException, _Mapping]] = ..., unanswered: _Optional[_Union[_common_pb2.DeliveryStatus, str]] = ..., elapsed: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class SendConsoleLogRequest(_message.Message):
    __slots__ = ("target", "level", "source", "text", "args_json", "delivery")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ARGS_JSON_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    target: _common_pb2.Target
    level: _common_pb2.ConsoleLevel
    source: str
    text: str
    args_json: _containers.RepeatedScalarFieldContainer[str]
    delivery: _common_pb2.DeliveryOptions
    def __init__(self, target: _Optional[_Union[_common_pb2.Target, _Mapping]] = ..., level: _Optional[_Union[_common_pb2.ConsoleLevel, str]] = ..., source: _Optional[str] = ..., text: _Optional[str] = ..., args_json: _Optional[_Iterable[str]] = ..., delivery: _Optional[_Union[_common_pb2.DeliveryOptions, _Mapping]] = ...) -> None: ...

class SendConsoleLogResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _common_pb2.DeliveryReport
    def __init__(self, report: _Optional[_Union[_common_pb2.DeliveryReport, _Mapping]] = ...) -> None: ...

class SubscribeMessagesRequest(_message.Message):
    __slots__ = ("kinds", "message_types", "sockets", "resume_after", "strict_resume", "max_queue", "overflow", "answers_requests", "max_event_bytes", "answer_types")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPES_FIELD_NUMBER: _ClassVar[int]
    SOCKETS_FIELD_NUMBER: _ClassVar[int]
    RESUME_AFTER_FIELD_NUMBER: _ClassVar[int]
    STRICT_RESUME_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUE_FIELD_NUMBER: _ClassVar[int]
    OVERFLOW_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MAX_EVENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    ANSWER_TYPES_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[EventKind]
    message_types: _containers.RepeatedScalarFieldContainer[str]
    sockets: _common_pb2.SocketFilter
    resume_after: _common_pb2.Position
    strict_resume: bool
    max_queue: int
    overflow: OverflowPolicy
    answers_requests: bool
    max_event_bytes: int
    answer_types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kinds: _Optional[_Iterable[_Union[EventKind, str]]] = ..., message_types: _Optional[_Iterable[str]] = ..., sockets: _Optional[_Union[_common_pb2.SocketFilter, _Mapping]] = ..., resume_after: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., strict_resume: bool = ..., max_queue: _Optional[int] = ..., overflow: _Optional[_Union[OverflowPolicy, str]] = ..., answers_requests: bool = ..., max_event_bytes: _Optional[int] = ..., answer_types: _Optional[_Iterable[str]] = ...) -> None: ...

class SubscribeMessagesResponse(_message.Message):
    __slots__ = ("position", "time", "subscribed", "message", "socket_opened", "socket_updated", "socket_closed", "console", "page_error", "gap", "file_changed")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SOCKET_OPENED_FIELD_NUMBER: _ClassVar[int]
    SOCKET_UPDATED_FIELD_NUMBER: _ClassVar[int]
    SOCKET_CLOSED_FIELD_NUMBER: _ClassVar[int]
    CONSOLE_FIELD_NUMBER: _ClassVar[int]
    PAGE_ERROR_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    FILE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    position: _common_pb2.Position
    time: _timestamp_pb2.Timestamp
    subscribed: Subscribed
    message: BrowserMessage
    socket_opened: SocketOpened
    socket_updated: SocketUpdated
    socket_closed: SocketClosed
    console: ConsoleEntry
    page_error: PageError
    gap: Gap
    file_changed: FileChanged
    def __init__(self, position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., subscribed: _Optional[_Union[Subscribed, _Mapping]] = ..., message: _Optional[_Union[BrowserMessage, _Mapping]] = ..., socket_opened: _Optional[_Union[SocketOpened, _Mapping]] = ..., socket_updated: _Optional[_Union[SocketUpdated, _Mapping]] = ..., socket_closed: _Optional[_Union[SocketClosed, _Mapping]] = ..., console: _Optional[_Union[ConsoleEntry, _Mapping]] = ..., page_error: _Optional[_Union[PageError, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ..., file_changed: _Optional[_Union[FileChanged, _Mapping]] = ...) -> None: ...

class Subscribed(_message.Message):
    __slots__ = ("resumed",)
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    resumed: bool
    def __init__(self, resumed: bool = ...) -> None: ...

class FileChanged(_message.Message):
    __slots__ = ("file_path", "url_path", "kind")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[FileChanged.Kind]
        KIND_CREATED: _ClassVar[FileChanged.Kind]
        KIND_MODIFIED: _ClassVar[FileChanged.Kind]
        KIND_REMOVED: _ClassVar[FileChanged.Kind]
        KIND_BUFFER: _ClassVar[FileChanged.Kind]
    KIND_UNSPECIFIED: FileChanged.Kind
    KIND_CREATED: FileChanged.Kind
    KIND_MODIFIED: FileChanged.Kind
    KIND_REMOVED: FileChanged.Kind
    KIND_BUFFER: FileChanged.Kind
    FILE_PATH_FIELD_NUMBER: _ClassVar[int]
    URL_PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    file_path: str
    url_path: str
    kind: FileChanged.Kind
    def __init__(self, file_path: _Optional[str] = ..., url_path: _Optional[str] = ..., kind: _Optional[_Union[FileChanged.Kind, str]] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ("after_sequence", "before_sequence", "reason")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[Gap.Reason]
        REASON_EVICTED: _ClassVar[Gap.Reason]
        REASON_EPOCH_CHANGED: _ClassVar[Gap.Reason]
        REASON_SUBSCRIBER_SLOW: _ClassVar[Gap.Reason]
    REASON_UNSPECIFIED: Gap.Reason
    REASON_EVICTED: Gap.Reason
    REASON_EPOCH_CHANGED: Gap.Reason
    REASON_SUBSCRIBER_SLOW: Gap.Reason
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    before_sequence: int
    reason: Gap.Reason
    def __init__(self, after_sequence: _Optional[int] = ..., before_sequence: _Optional[int] = ..., reason: _Optional[_Union[Gap.Reason, str]] = ...) -> None: ...

class BrowserMessage(_message.Message):
    __slots__ = ("socket_id", "text", "binary", "type", "request_id", "omitted_bytes")
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BINARY_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OMITTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    text: str
    binary: bytes
    type: str
    request_id: str
    omitted_bytes: int
    def __init__(self, socket_id: _Optional[str] = ..., text: _Optional[str] = ..., binary: _Optional[bytes] = ..., type: _Optional[str] = ..., request_id: _Optional[str] = ..., omitted_bytes: _Optional[int] = ...) -> None: ...

class SocketOpened(_message.Message):
    __slots__ = ("socket", "previous_socket_id")
    SOCKET_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    socket: _sockets_pb2.Socket
    previous_socket_id: str
    def __init__(self, socket: _Optional[_Union[_sockets_pb2.Socket, _Mapping]] = ..., previous_socket_id: _Optional[str] = ...) -> None: ...

class SocketUpdated(_message.Message):
    __slots__ = ("socket",)
    SOCKET_FIELD_NUMBER: _ClassVar[int]
    socket: _sockets_pb2.Socket
    def __init__(self, socket: _Optional[_Union[_sockets_pb2.Socket, _Mapping]] = ...) -> None: ...

class SocketClosed(_message.Message):
    __slots__ = ("socket_id", "close_code", "close_reason", "cause")
    class Cause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CAUSE_UNSPECIFIED: _ClassVar[SocketClosed.Cause]
        CAUSE_PAGE_UNLOADED: _ClassVar[SocketClosed.Cause]
        CAUSE_CONNECTION_LOST: _ClassVar[SocketClosed.Cause]
        CAUSE_NO_PONG: _ClassVar[SocketClosed.Cause]
        CAUSE_SLOW: _ClassVar[SocketClosed.Cause]
        CAUSE_CLOSED_BY_API: _ClassVar[SocketClosed.Cause]
        CAUSE_SERVER_STOPPING: _ClassVar[SocketClosed.Cause]
        CAUSE_PROTOCOL_ERROR: _ClassVar[SocketClosed.Cause]
    CAUSE_UNSPECIFIED: SocketClosed.Cause
    CAUSE_PAGE_UNLOADED: SocketClosed.Cause
    CAUSE_CONNECTION_LOST: SocketClosed.Cause
    CAUSE_NO_PONG: SocketClosed.Cause
    CAUSE_SLOW: SocketClosed.Cause
    CAUSE_CLOSED_BY_API: SocketClosed.Cause
    CAUSE_SERVER_STOPPING: SocketClosed.Cause
    CAUSE_PROTOCOL_ERROR: SocketClosed.Cause
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    CLOSE_CODE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    close_code: int
    close_reason: str
    cause: SocketClosed.Cause
    def __init__(self, socket_id: _Optional[str] = ..., close_code: _Optional[int] = ..., close_reason: _Optional[str] = ..., cause: _Optional[_Union[SocketClosed.Cause, str]] = ...) -> None: ...

class ConsoleEntry(_message.Message):
    __slots__ = ("socket_id", "level", "args", "stack", "url", "line", "column")
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    level: _common_pb2.ConsoleLevel
    args: _containers.RepeatedCompositeFieldContainer[_common_pb2.JsValue]
    stack: str
    url: str
    line: int
    column: int
    def __init__(self, socket_id: _Optional[str] = ..., level: _Optional[_Union[_common_pb2.ConsoleLevel, str]] = ..., args: _Optional[_Iterable[_Union[_common_pb2.JsValue, _Mapping]]] = ..., stack: _Optional[str] = ..., url: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class PageError(_message.Message):
    __slots__ = ("socket_id", "exception", "kind", "failed_resource")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[PageError.Kind]
        KIND_UNCAUGHT: _ClassVar[PageError.Kind]
        KIND_UNHANDLED_REJECTION: _ClassVar[PageError.Kind]
        KIND_RESOURCE: _ClassVar[PageError.Kind]
        KIND_CSP: _ClassVar[PageError.Kind]
    KIND_UNSPECIFIED: PageError.Kind
    KIND_UNCAUGHT: PageError.Kind
    KIND_UNHANDLED_REJECTION: PageError.Kind
    KIND_RESOURCE: PageError.Kind
    KIND_CSP: PageError.Kind
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FAILED_RESOURCE_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    exception: _common_pb2.JsException
    kind: PageError.Kind
    failed_resource: FailedResource
    def __init__(self, socket_id: _Optional[str] = ..., exception: _Optional[_Union[_common_pb2.JsException, _Mapping]] = ..., kind: _Optional[_Union[PageError.Kind, str]] = ..., failed_resource: _Optional[_Union[FailedResource, _Mapping]] = ...) -> None: ...

class FailedResource(_message.Message):
    __slots__ = ("plugin_name", "hook", "url", "status", "message", "location")
    PLUGIN_NAME_FIELD_NUMBER: _ClassVar[int]
    HOOK_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    plugin_name: str
    hook: _hooks_pb2.Hook
    url: str
    status: int
    message: str
    location: _hooks_pb2.SourceLocation
    def __init__(self, plugin_name: _Optional[str] = ..., hook: _Optional[_Union[_hooks_pb2.Hook, str]] = ..., url: _Optional[str] = ..., status: _Optional[int] = ..., message: _Optional[str] = ..., location: _Optional[_Union[_hooks_pb2.SourceLocation, _Mapping]] = ...) -> None: ...
