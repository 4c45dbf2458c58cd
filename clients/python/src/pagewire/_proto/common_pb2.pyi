from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Visibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VISIBILITY_UNSPECIFIED: _ClassVar[Visibility]
    VISIBILITY_VISIBLE: _ClassVar[Visibility]
    VISIBILITY_HIDDEN: _ClassVar[Visibility]

class AckLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACK_LEVEL_UNSPECIFIED: _ClassVar[AckLevel]
    ACK_LEVEL_QUEUED: _ClassVar[AckLevel]
    ACK_LEVEL_RECEIVED: _ClassVar[AckLevel]

class DeliveryStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELIVERY_STATUS_UNSPECIFIED: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_NOT_FOUND: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_GONE: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_DROPPED_SLOW: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_TIMED_OUT: _ClassVar[DeliveryStatus]
    DELIVERY_STATUS_UNSUPPORTED: _ClassVar[DeliveryStatus]

class ConsoleLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSOLE_LEVEL_UNSPECIFIED: _ClassVar[ConsoleLevel]
    CONSOLE_LEVEL_LOG: _ClassVar[ConsoleLevel]
    CONSOLE_LEVEL_DEBUG: _ClassVar[ConsoleLevel]
    CONSOLE_LEVEL_INFO: _ClassVar[ConsoleLevel]
    CONSOLE_LEVEL_WARN: _ClassVar[ConsoleLevel]
    CONSOLE_LEVEL_ERROR: _ClassVar[ConsoleLevel]
VISIBILITY_UNSPECIFIED: Visibility
VISIBILITY_VISIBLE: Visibility
VISIBILITY_HIDDEN: Visibility
ACK_LEVEL_UNSPECIFIED: AckLevel
ACK_LEVEL_QUEUED: AckLevel
ACK_LEVEL_RECEIVED: AckLevel
DELIVERY_STATUS_UNSPECIFIED: DeliveryStatus
DELIVERY_STATUS_NOT_FOUND: DeliveryStatus
DELIVERY_STATUS_GONE: DeliveryStatus
DELIVERY_STATUS_DROPPED_SLOW: DeliveryStatus
DELIVERY_STATUS_TIMED_OUT: DeliveryStatus
DELIVERY_STATUS_UNSUPPORTED: DeliveryStatus
CONSOLE_LEVEL_UNSPECIFIED: ConsoleLevel
CONSOLE_LEVEL_LOG: ConsoleLevel
CONSOLE_LEVEL_DEBUG: ConsoleLevel
CONSOLE_LEVEL_INFO: ConsoleLevel
CONSOLE_LEVEL_WARN: ConsoleLevel
CONSOLE_LEVEL_ERROR: ConsoleLevel

class Target(_message.Message):
    __slots__ = ("ids", "tabs", "pages", "filter", "all", "reply_to", "exclude_socket_ids")
    IDS_FIELD_NUMBER: _ClassVar[int]
    TABS_FIELD_NUMBER: _ClassVar[int]
    PAGES_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_SOCKET_IDS_FIELD_NUMBER: _ClassVar[int]
    ids: SocketIds
    tabs: TabIds
    pages: PageIds
    filter: SocketFilter
    all: AllSockets
    reply_to: str
    exclude_socket_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Union[SocketIds, _Mapping]] = ..., tabs: _Optional[_Union[TabIds, _Mapping]] = ..., pages: _Optional[_Union[PageIds, _Mapping]] = ..., filter: _Optional[_Union[SocketFilter, _Mapping]] = ..., all: _Optional[_Union[AllSockets, _Mapping]] = ..., reply_to: _Optional[str] = ..., exclude_socket_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SocketIds(_message.Message):
    __slots__ = ("socket_ids",)
    SOCKET_IDS_FIELD_NUMBER: _ClassVar[int]
    socket_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, socket_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class TabIds(_message.Message):
    __slots__ = ("tab_ids",)
    TAB_IDS_FIELD_NUMBER: _ClassVar[int]
    tab_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tab_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PageIds(_message.Message):
    __slots__ = ("page_ids",)
    PAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    page_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, page_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class AllSockets(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SocketFilter(_message.Message):
    __slots__ = ("url_regex", "user_agent_regex", "visibility", "top_level_only")
    URL_REGEX_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_REGEX_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    TOP_LEVEL_ONLY_FIELD_NUMBER: _ClassVar[int]
    url_regex: str
    user_agent_regex: str
    visibility: Visibility
    top_level_only: bool
    def __init__(self, url_regex: _Optional[str] = ..., user_agent_regex: _Optional[str] = ..., visibility: _Optional[_Union[Visibility, str]] = ..., top_level_only: bool = ...) -> None: ...

class DeliveryOptions(_message.Message):
    __slots__ = ("ack_level", "list_reached")
    ACK_LEVEL_FIELD_NUMBER: _ClassVar[int]
    LIST_REACHED_FIELD_NUMBER: _ClassVar[int]
    ack_level: AckLevel
    list_reached: bool
    def __init__(self, ack_level: _Optional[_Union[AckLevel, str]] = ..., list_reached: bool = ...) -> None: ...

class DeliveryReport(_message.Message):
    __slots__ = ("reached", "unreached", "reached_socket_ids", "position")
    REACHED_FIELD_NUMBER: _ClassVar[int]
    UNREACHED_FIELD_NUMBER: _ClassVar[int]
    REACHED_SOCKET_IDS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    reached: int
    unreached: _containers.RepeatedCompositeFieldContainer[Delivery]
    reached_socket_ids: _containers.RepeatedScalarFieldContainer[str]
    position: Position
    def __init__(self, reached: _Optional[int] = ..., unreached: _Optional[_Iterable[_Union[Delivery, _Mapping]]] = ..., reached_socket_ids: _Optional[_Iterable[str]] = ..., position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("socket_id", "status")
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    status: DeliveryStatus
    def __init__(self, socket_id: _Optional[str] = ..., status: _Optional[_Union[DeliveryStatus, str]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("epoch", "sequence")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    sequence: int
    def __init__(self, epoch: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class JsValue(_message.Message):
    __slots__ = ("json", "is_undefined", "unserializable", "description", "truncated")
    JSON_FIELD_NUMBER: _ClassVar[int]
    IS_UNDEFINED_FIELD_NUMBER: _ClassVar[int]
    UNSERIALIZABLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    json: str
    is_undefined: bool
    unserializable: str
    description: str
    truncated: bool
    def __init__(self, json: _Optional[str] = ..., is_undefined: bool = ..., unserializable: _Optional[str] = ..., description: _Optional[str] = ..., truncated: bool = ...) -> None: ...

class JsException(_message.Message):
    __slots__ = ("phase", "name", "message", "stack", "url", "line", "column", "thrown_json")
    class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PHASE_UNSPECIFIED: _ClassVar[JsException.Phase]
        PHASE_LOAD: _ClassVar[JsException.Phase]
        PHASE_CALL: _ClassVar[JsException.Phase]
        PHASE_SERIALIZE: _ClassVar[JsException.Phase]
    PHASE_UNSPECIFIED: JsException.Phase
    PHASE_LOAD: JsException.Phase
    PHASE_CALL: JsException.Phase
    PHASE_SERIALIZE: JsException.Phase
    PHASE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    THROWN_JSON_FIELD_NUMBER: _ClassVar[int]
    phase: JsException.Phase
    name: str
    message: str
    stack: str
    url: str
    line: int
    column: int
    thrown_json: str
    def __init__(self, phase: _Optional[_Union[JsException.Phase, str]] = ..., name: _Optional[str] = ..., message: _Optional[str] = ..., stack: _Optional[str] = ..., url: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., thrown_json: _Optional[str] = ...) -> None: ...
