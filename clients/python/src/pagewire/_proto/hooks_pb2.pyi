import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Hook(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOOK_UNSPECIFIED: _ClassVar[Hook]
    HOOK_SERVE: _ClassVar[Hook]
    HOOK_TRANSFORM: _ClassVar[Hook]
    HOOK_RESOLVE_IMPORT: _ClassVar[Hook]
    HOOK_SUBSCRIBE_MESSAGES: _ClassVar[Hook]

class FailureMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_MODE_UNSPECIFIED: _ClassVar[FailureMode]
    FAILURE_MODE_FAIL: _ClassVar[FailureMode]
    FAILURE_MODE_SKIP: _ClassVar[FailureMode]

class ServePhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERVE_PHASE_UNSPECIFIED: _ClassVar[ServePhase]
    SERVE_PHASE_FIRST: _ClassVar[ServePhase]
    SERVE_PHASE_BEFORE_FILES: _ClassVar[ServePhase]
    SERVE_PHASE_AFTER_FILES: _ClassVar[ServePhase]
HOOK_UNSPECIFIED: Hook
HOOK_SERVE: Hook
HOOK_TRANSFORM: Hook
HOOK_RESOLVE_IMPORT: Hook
HOOK_SUBSCRIBE_MESSAGES: Hook
FAILURE_MODE_UNSPECIFIED: FailureMode
FAILURE_MODE_FAIL: FailureMode
FAILURE_MODE_SKIP: FailureMode
SERVE_PHASE_UNSPECIFIED: ServePhase
SERVE_PHASE_FIRST: ServePhase
SERVE_PHASE_BEFORE_FILES: ServePhase
SERVE_PHASE_AFTER_FILES: ServePhase

class HookOptions(_message.Message):
    __slots__ = ("max_concurrent_calls", "call_timeout", "failure_mode", "forward_request_headers")
    MAX_CONCURRENT_CALLS_FIELD_NUMBER: _ClassVar[int]
    CALL_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MODE_FIELD_NUMBER: _ClassVar[int]
    FORWARD_REQUEST_HEADERS_FIELD_NUMBER: _ClassVar[int]
    max_concurrent_calls: int
    call_timeout: _duration_pb2.Duration
    failure_mode: FailureMode
    forward_request_headers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, max_concurrent_calls: _Optional[int] = ..., call_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., failure_mode: _Optional[_Union[FailureMode, str]] = ..., forward_request_headers: _Optional[_Iterable[str]] = ...) -> None: ...

class RequestFilter(_message.Message):
    __slots__ = ("match_all", "exact_paths", "path_prefixes", "path_regexes", "exclude_path_regexes", "methods", "mime_types", "file_paths")
    MATCH_ALL_FIELD_NUMBER: _ClassVar[int]
    EXACT_PATHS_FIELD_NUMBER: _ClassVar[int]
    PATH_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    PATH_REGEXES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_PATH_REGEXES_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPES_FIELD_NUMBER: _ClassVar[int]
    FILE_PATHS_FIELD_NUMBER: _ClassVar[int]
    match_all: bool
    exact_paths: _containers.RepeatedScalarFieldContainer[str]
    path_prefixes: _containers.RepeatedScalarFieldContainer[str]
    path_regexes: _containers.RepeatedScalarFieldContainer[str]
    exclude_path_regexes: _containers.RepeatedScalarFieldContainer[str]
    methods: _containers.RepeatedScalarFieldContainer[str]
    mime_types: _containers.RepeatedScalarFieldContainer[str]
    file_paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, match_all: bool = ..., exact_paths: _Optional[_Iterable[str]] = ..., path_prefixes: _Optional[_Iterable[str]] = ..., path_regexes: _Optional[_Iterable[str]] = ..., exclude_path_regexes: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., mime_types: _Optional[_Iterable[str]] = ..., file_paths: _Optional[_Iterable[str]] = ...) -> None: ...

class RequestContext(_message.Message):
    __slots__ = ("method", "path", "query", "headers", "traceparent", "raw_target", "host", "file_path")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    RAW_TARGET_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    FILE_PATH_FIELD_NUMBER: _ClassVar[int]
    method: str
    path: str
    query: str
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    traceparent: str
    raw_target: str
    host: str
    file_path: str
    def __init__(self, method: _Optional[str] = ..., path: _Optional[str] = ..., query: _Optional[str] = ..., headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ..., traceparent: _Optional[str] = ..., raw_target: _Optional[str] = ..., host: _Optional[str] = ..., file_path: _Optional[str] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: bytes
    def __init__(self, name: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class HookFailure(_message.Message):
    __slots__ = ("status", "message", "stack", "location", "depends_on_files")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STACK_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FILES_FIELD_NUMBER: _ClassVar[int]
    status: int
    message: str
    stack: str
    location: SourceLocation
    depends_on_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, status: _Optional[int] = ..., message: _Optional[str] = ..., stack: _Optional[str] = ..., location: _Optional[_Union[SourceLocation, _Mapping]] = ..., depends_on_files: _Optional[_Iterable[str]] = ...) -> None: ...

class SourceLocation(_message.Message):
    __slots__ = ("file", "line", "column", "frame")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    column: int
    frame: str
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ..., frame: _Optional[str] = ...) -> None: ...

class CallCancel(_message.Message):
    __slots__ = ("call_id", "reason")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[CallCancel.Reason]
        REASON_CLIENT_GONE: _ClassVar[CallCancel.Reason]
        REASON_DEADLINE: _ClassVar[CallCancel.Reason]
        REASON_STOPPING: _ClassVar[CallCancel.Reason]
    REASON_UNSPECIFIED: CallCancel.Reason
    REASON_CLIENT_GONE: CallCancel.Reason
    REASON_DEADLINE: CallCancel.Reason
    REASON_STOPPING: CallCancel.Reason
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    reason: CallCancel.Reason
    def __init__(self, call_id: _Optional[int] = ..., reason: _Optional[_Union[CallCancel.Reason, str]] = ...) -> None: ...

class HookOpened(_message.Message):
    __slots__ = ("max_concurrent_calls", "call_timeout", "max_body_bytes")
    MAX_CONCURRENT_CALLS_FIELD_NUMBER: _ClassVar[int]
    CALL_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_concurrent_calls: int
    call_timeout: _duration_pb2.Duration
    max_body_bytes: int
    def __init__(self, max_concurrent_calls: _Optional[int] = ..., call_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_body_bytes: _Optional[int] = ...) -> None: ...

class UpdateFilters(_message.Message):
    __slots__ = ("filters", "report_errors")
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    REPORT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    filters: _containers.RepeatedCompositeFieldContainer[RequestFilter]
    report_errors: bool
    def __init__(self, filters: _Optional[_Iterable[_Union[RequestFilter, _Mapping]]] = ..., report_errors: bool = ...) -> None: ...

class FiltersUpdated(_message.Message):
    __slots__ = ("error",)
    ERROR_FIELD_NUMBER: _ClassVar[int]
    error: FiltersError
    def __init__(self, error: _Optional[_Union[FiltersError, _Mapping]] = ...) -> None: ...

class FiltersError(_message.Message):
    __slots__ = ("code", "reason", "message", "field_violations")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_VIOLATIONS_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    field_violations: _containers.RepeatedCompositeFieldContainer[FieldViolation]
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., field_violations: _Optional[_Iterable[_Union[FieldViolation, _Mapping]]] = ...) -> None: ...

class FieldViolation(_message.Message):
    __slots__ = ("field", "description")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    field: str
    description: str
    def __init__(self, field: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class Skip(_message.Message):
    __slots__ = ("remember",)
    REMEMBER_FIELD_NUMBER: _ClassVar[int]
    remember: bool
    def __init__(self, remember: bool = ...) -> None: ...

class ServeRequest(_message.Message):
    __slots__ = ("open", "result", "update_filters")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FILTERS_FIELD_NUMBER: _ClassVar[int]
    open: ServeOpen
    result: ServeResult
    update_filters: UpdateFilters
    def __init__(self, open: _Optional[_Union[ServeOpen, _Mapping]] = ..., result: _Optional[_Union[ServeResult, _Mapping]] = ..., update_filters: _Optional[_Union[UpdateFilters, _Mapping]] = ...) -> None: ...

class ServeResponse(_message.Message):
    __slots__ = ("opened", "call", "cancel", "filters_updated")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    FILTERS_UPDATED_FIELD_NUMBER: _ClassVar[int]
    opened: HookOpened
    call: ServeCall
    cancel: CallCancel
    filters_updated: FiltersUpdated
    def __init__(self, opened: _Optional[_Union[HookOpened, _Mapping]] = ..., call: _Optional[_Union[ServeCall, _Mapping]] = ..., cancel: _Optional[_Union[CallCancel, _Mapping]] = ..., filters_updated: _Optional[_Union[FiltersUpdated, _Mapping]] = ...) -> None: ...

class ServeOpen(_message.Message):
    __slots__ = ("filters", "options", "phase", "max_request_body_bytes")
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUEST_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    filters: _containers.RepeatedCompositeFieldContainer[RequestFilter]
    options: HookOptions
    phase: ServePhase
    max_request_body_bytes: int
    def __init__(self, filters: _Optional[_Iterable[_Union[RequestFilter, _Mapping]]] = ..., options: _Optional[_Union[HookOptions, _Mapping]] = ..., phase: _Optional[_Union[ServePhase, str]] = ..., max_request_body_bytes: _Optional[int] = ...) -> None: ...

class ServeCall(_message.Message):
    __slots__ = ("call_id", "request", "body", "body_omitted", "time_remaining", "omitted_body_bytes")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_OMITTED_FIELD_NUMBER: _ClassVar[int]
    TIME_REMAINING_FIELD_NUMBER: _ClassVar[int]
    OMITTED_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    request: RequestContext
    body: bytes
    body_omitted: bool
    time_remaining: _duration_pb2.Duration
    omitted_body_bytes: int
    def __init__(self, call_id: _Optional[int] = ..., request: _Optional[_Union[RequestContext, _Mapping]] = ..., body: _Optional[bytes] = ..., body_omitted: bool = ..., time_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., omitted_body_bytes: _Optional[int] = ...) -> None: ...

class ServeResult(_message.Message):
    __slots__ = ("call_id", "skip", "content", "failure")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    skip: Skip
    content: ServeContent
    failure: HookFailure
    def __init__(self, call_id: _Optional[int] = ..., skip: _Optional[_Union[Skip, _Mapping]] = ..., content: _Optional[_Union[ServeContent, _Mapping]] = ..., failure: _Optional[_Union[HookFailure, _Mapping]] = ...) -> None: ...

class ServeContent(_message.Message):
    __slots__ = ("status", "content_type", "headers", "inline_body", "file_path", "remember", "verbatim", "depends_on_files")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    INLINE_BODY_FIELD_NUMBER: _ClassVar[int]
    FILE_PATH_FIELD_NUMBER: _ClassVar[int]
    REMEMBER_FIELD_NUMBER: _ClassVar[int]
    VERBATIM_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FILES_FIELD_NUMBER: _ClassVar[int]
    status: int
    content_type: str
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    inline_body: bytes
    file_path: str
    remember: bool
    verbatim: bool
    depends_on_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, status: _Optional[int] = ..., content_type: _Optional[str] = ..., headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ..., inline_body: _Optional[bytes] = ..., file_path: _Optional[str] = ..., remember: bool = ..., verbatim: bool = ..., depends_on_files: _Optional[_Iterable[str]] = ...) -> None: ...

class TransformRequest(_message.Message):
    __slots__ = ("open", "result", "update_filters")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FILTERS_FIELD_NUMBER: _ClassVar[int]
    open: TransformOpen
    result: TransformResult
    update_filters: UpdateFilters
    def __init__(self, open: _Optional[_Union[TransformOpen, _Mapping]] = ..., result: _Optional[_Union[TransformResult, _Mapping]] = ..., update_filters: _Optional[_Union[UpdateFilters, _Mapping]] = ...) -> None: ...

class TransformResponse(_message.Message):
    __slots__ = ("opened", "call", "cancel", "filters_updated")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    FILTERS_UPDATED_FIELD_NUMBER: _ClassVar[int]
    opened: HookOpened
    call: TransformCall
    cancel: CallCancel
    filters_updated: FiltersUpdated
    def __init__(self, opened: _Optional[_Union[HookOpened, _Mapping]] = ..., call: _Optional[_Union[TransformCall, _Mapping]] = ..., cancel: _Optional[_Union[CallCancel, _Mapping]] = ..., filters_updated: _Optional[_Union[FiltersUpdated, _Mapping]] = ...) -> None: ...

class TransformOpen(_message.Message):
    __slots__ = ("filters", "options", "max_body_bytes")
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    filters: _containers.RepeatedCompositeFieldContainer[RequestFilter]
    options: HookOptions
    max_body_bytes: int
    def __init__(self, filters: _Optional[_Iterable[_Union[RequestFilter, _Mapping]]] = ..., options: _Optional[_Union[HookOptions, _Mapping]] = ..., max_body_bytes: _Optional[int] = ...) -> None: ...

class TransformCall(_message.Message):
    __slots__ = ("call_id", "request", "content_type", "response_headers", "body", "time_remaining")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TIME_REMAINING_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    request: RequestContext
    content_type: str
    response_headers: _containers.RepeatedCompositeFieldContainer[Header]
    body: bytes
    time_remaining: _duration_pb2.Duration
    def __init__(self, call_id: _Optional[int] = ..., request: _Optional[_Union[RequestContext, _Mapping]] = ..., content_type: _Optional[str] = ..., response_headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ..., body: _Optional[bytes] = ..., time_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class TransformResult(_message.Message):
    __slots__ = ("call_id", "skip", "content", "failure")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    skip: Skip
    content: TransformContent
    failure: HookFailure
    def __init__(self, call_id: _Optional[int] = ..., skip: _Optional[_Union[Skip, _Mapping]] = ..., content: _Optional[_Union[TransformContent, _Mapping]] = ..., failure: _Optional[_Union[HookFailure, _Mapping]] = ...) -> None: ...

class TransformContent(_message.Message):
    __slots__ = ("body", "content_type", "headers", "remove_headers", "no_cache", "depends_on_files")
    BODY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    REMOVE_HEADERS_FIELD_NUMBER: _ClassVar[int]
    NO_CACHE_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FILES_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    content_type: str
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    remove_headers: _containers.RepeatedScalarFieldContainer[str]
    no_cache: bool
    depends_on_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, body: _Optional[bytes] = ..., content_type: _Optional[str] = ..., headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ..., remove_headers: _Optional[_Iterable[str]] = ..., no_cache: bool = ..., depends_on_files: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolveImportRequest(_message.Message):
    __slots__ = ("open", "result", "update_filters")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FILTERS_FIELD_NUMBER: _ClassVar[int]
    open: ResolveImportOpen
    result: ResolveImportResult
    update_filters: UpdateFilters
    def __init__(self, open: _Optional[_Union[ResolveImportOpen, _Mapping]] = ..., result: _Optional[_Union[ResolveImportResult, _Mapping]] = ..., update_filters: _Optional[_Union[UpdateFilters, _Mapping]] = ...) -> None: ...

class ResolveImportResponse(_message.Message):
    __slots__ = ("opened", "call", "cancel", "filters_updated")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    FILTERS_UPDATED_FIELD_NUMBER: _ClassVar[int]
    opened: HookOpened
    call: ResolveImportCall
    cancel: CallCancel
    filters_updated: FiltersUpdated
    def __init__(self, opened: _Optional[_Union[HookOpened, _Mapping]] = ..., call: _Optional[_Union[ResolveImportCall, _Mapping]] = ..., cancel: _Optional[_Union[CallCancel, _Mapping]] = ..., filters_updated: _Optional[_Union[FiltersUpdated, _Mapping]] = ...) -> None: ...

class ResolveImportOpen(_message.Message):
    __slots__ = ("filters", "options", "specifier_regexes")
    FILTERS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SPECIFIER_REGEXES_FIELD_NUMBER: _ClassVar[int]
    filters: _containers.RepeatedCompositeFieldContainer[RequestFilter]
    options: HookOptions
    specifier_regexes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, filters: _Optional[_Iterable[_Union[RequestFilter, _Mapping]]] = ..., options: _Optional[_Union[HookOptions, _Mapping]] = ..., specifier_regexes: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolveImportCall(_message.Message):
    __slots__ = ("call_id", "importer", "imports", "time_remaining")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    IMPORTER_FIELD_NUMBER: _ClassVar[int]
    IMPORTS_FIELD_NUMBER: _ClassVar[int]
    TIME_REMAINING_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    importer: RequestContext
    imports: _containers.RepeatedCompositeFieldContainer[ImportSpecifier]
    time_remaining: _duration_pb2.Duration
    def __init__(self, call_id: _Optional[int] = ..., importer: _Optional[_Union[RequestContext, _Mapping]] = ..., imports: _Optional[_Iterable[_Union[ImportSpecifier, _Mapping]]] = ..., time_remaining: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ImportSpecifier(_message.Message):
    __slots__ = ("specifier", "dynamic", "line", "column")
    SPECIFIER_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    specifier: str
    dynamic: bool
    line: int
    column: int
    def __init__(self, specifier: _Optional[str] = ..., dynamic: bool = ..., line: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class ResolveImportResult(_message.Message):
    __slots__ = ("call_id", "resolved", "failure")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    resolved: ResolvedImports
    failure: HookFailure
    def __init__(self, call_id: _Optional[int] = ..., resolved: _Optional[_Union[ResolvedImports, _Mapping]] = ..., failure: _Optional[_Union[HookFailure, _Mapping]] = ...) -> None: ...

class ResolvedImports(_message.Message):
    __slots__ = ("specifiers", "no_cache", "depends_on_files")
    SPECIFIERS_FIELD_NUMBER: _ClassVar[int]
    NO_CACHE_FIELD_NUMBER: _ClassVar[int]
    DEPENDS_ON_FILES_FIELD_NUMBER: _ClassVar[int]
    specifiers: _containers.RepeatedScalarFieldContainer[str]
    no_cache: bool
    depends_on_files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, specifiers: _Optional[_Iterable[str]] = ..., no_cache: bool = ..., depends_on_files: _Optional[_Iterable[str]] = ...) -> None: ...

class InvalidateRequest(_message.Message):
    __slots__ = ("all", "exact_paths", "path_prefixes", "file_paths", "refresh_pages")
    ALL_FIELD_NUMBER: _ClassVar[int]
    EXACT_PATHS_FIELD_NUMBER: _ClassVar[int]
    PATH_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    FILE_PATHS_FIELD_NUMBER: _ClassVar[int]
    REFRESH_PAGES_FIELD_NUMBER: _ClassVar[int]
    all: bool
    exact_paths: _containers.RepeatedScalarFieldContainer[str]
    path_prefixes: _containers.RepeatedScalarFieldContainer[str]
    file_paths: _containers.RepeatedScalarFieldContainer[str]
    refresh_pages: bool
    def __init__(self, all: bool = ..., exact_paths: _Optional[_Iterable[str]] = ..., path_prefixes: _Optional[_Iterable[str]] = ..., file_paths: _Optional[_Iterable[str]] = ..., refresh_pages: bool = ...) -> None: ...

class InvalidateResponse(_message.Message):
    __slots__ = ("entries_forgotten",)
    ENTRIES_FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    entries_forgotten: int
    def __init__(self, entries_forgotten: _Optional[int] = ...) -> None: ...
