import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pagewire._proto import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Socket(_message.Message):
    __slots__ = ("socket_id", "page_id", "tab_id", "url", "title", "user_agent", "visibility", "top_level", "remote_address", "connect_time", "ready", "document_state", "client_features")
    class DocumentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DOCUMENT_STATE_UNSPECIFIED: _ClassVar[Socket.DocumentState]
        DOCUMENT_STATE_LOADING: _ClassVar[Socket.DocumentState]
        DOCUMENT_STATE_INTERACTIVE: _ClassVar[Socket.DocumentState]
        DOCUMENT_STATE_COMPLETE: _ClassVar[Socket.DocumentState]
    DOCUMENT_STATE_UNSPECIFIED: Socket.DocumentState
    DOCUMENT_STATE_LOADING: Socket.DocumentState
    DOCUMENT_STATE_INTERACTIVE: Socket.DocumentState
    DOCUMENT_STATE_COMPLETE: Socket.DocumentState
    SOCKET_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TAB_ID_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    TOP_LEVEL_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CONNECT_TIME_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_STATE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FEATURES_FIELD_NUMBER: _ClassVar[int]
    socket_id: str
    page_id: str
    tab_id: str
    url: str
    title: str
    user_agent: str
    visibility: _common_pb2.Visibility
    top_level: bool
    remote_address: str
    connect_time: _timestamp_pb2.Timestamp
    ready: bool
    document_state: Socket.DocumentState
    client_features: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, socket_id: _Optional[str] = ..., page_id: _Optional[str] = ..., tab_id: _Optional[str] = ..., url: _Optional[str] = ..., title: _Optional[str] = ..., user_agent: _Optional[str] = ..., visibility: _Optional[_Union[_common_pb2.Visibility, str]] = ..., top_level: bool = ..., remote_address: _Optional[str] = ..., connect_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ready: bool = ..., document_state: _Optional[_Union[Socket.DocumentState, str]] = ..., client_features: _Optional[_Iterable[str]] = ...) -> None: ...

class ListSocketsRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: _common_pb2.SocketFilter
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[_Union[_common_pb2.SocketFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSocketsResponse(_message.Message):
    __slots__ = ("sockets", "next_page_token", "position")
    SOCKETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    sockets: _containers.RepeatedCompositeFieldContainer[Socket]
    next_page_token: str
    position: _common_pb2.Position
    def __init__(self, sockets: _Optional[_Iterable[_Union[Socket, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., position: _Optional[_Union[_common_pb2.Position, _Mapping]] = ...) -> None: ...

class CloseSocketsRequest(_message.Message):
    __slots__ = ("target", "close_code", "close_reason")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CLOSE_CODE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    target: _common_pb2.Target
    close_code: int
    close_reason: str
    def __init__(self, target: _Optional[_Union[_common_pb2.Target, _Mapping]] = ..., close_code: _Optional[int] = ..., close_reason: _Optional[str] = ...) -> None: ...

class CloseSocketsResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _common_pb2.DeliveryReport
    def __init__(self, report: _Optional[_Union[_common_pb2.DeliveryReport, _Mapping]] = ...) -> None: ...

class SendCommandRequest(_message.Message):
    __slots__ = ("target", "reload", "navigate", "swap_stylesheets", "delivery")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RELOAD_FIELD_NUMBER: _ClassVar[int]
    NAVIGATE_FIELD_NUMBER: _ClassVar[int]
    SWAP_STYLESHEETS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    target: _common_pb2.Target
    reload: Reload
    navigate: Navigate
    swap_stylesheets: SwapStylesheets
    delivery: _common_pb2.DeliveryOptions
    def __init__(self, target: _Optional[_Union[_common_pb2.Target, _Mapping]] = ..., reload: _Optional[_Union[Reload, _Mapping]] = ..., navigate: _Optional[_Union[Navigate, _Mapping]] = ..., swap_stylesheets: _Optional[_Union[SwapStylesheets, _Mapping]] = ..., delivery: _Optional[_Union[_common_pb2.DeliveryOptions, _Mapping]] = ...) -> None: ...

class Reload(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Navigate(_message.Message):
    __slots__ = ("url",)
    URL_FIELD_NUMBER: _ClassVar[int]
    url: str
    def __init__(self, url: _Optional[str] = ...) -> None: ...

class SwapStylesheets(_message.Message):
    __slots__ = ("paths",)
    PATHS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, paths: _Optional[_Iterable[str]] = ...) -> None: ...

class SendCommandResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _common_pb2.DeliveryReport
    def __init__(self, report: _Optional[_Union[_common_pb2.DeliveryReport, _Mapping]] = ...) -> None: ...
