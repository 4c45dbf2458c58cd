"""The client library of Pagewire, for plugins and tools that control web pages.

`Plugin` is for plugins, `Client` for tools. `pagewire.sync` has a blocking client for scripts,
`pagewire.errors` has the errors, and `pagewire.testing` helps to test plugins.
"""

from pagewire import discovery, errors, sync
from pagewire._client import Client
from pagewire._content import (
    Change,
    Content,
    ContentOptions,
    Failure,
    Resolved,
    Skip,
    SourceLocation,
)
from pagewire._context import Context, Imports, ImportSpecifier, Request, Response
from pagewire._events import (
    CloseCause,
    ConsoleEntry,
    ConsoleLevel,
    Event,
    FailedResource,
    FileChanged,
    FileChangeKind,
    Gap,
    GapReason,
    Message,
    PageError,
    PageErrorKind,
    SocketClosed,
    SocketOpened,
    SocketUpdated,
    What,
)
from pagewire._filter import FailureMode, Filter, ServePhase
from pagewire._import import Import, ImportErrorKind, ImportReport, ImportRow, PageImportError
from pagewire._js import JsException, JsKind, JsPhase, JsValue
from pagewire._live_filters import LiveFilters
from pagewire._plugin import Plugin
from pagewire._report import DeliveryStatus, Report, Unreached
from pagewire._server import Limits, PluginInfo, PluginState, ServerInfo
from pagewire._sockets import (
    DocumentState,
    Position,
    Socket,
    SocketFilter,
    SocketList,
    Visibility,
)
from pagewire._stale import Stale
from pagewire._subscription import Subscription
from pagewire._target import Target
from pagewire.errors import PagewireError

__all__ = [
    "Change",
    "Client",
    "CloseCause",
    "ConsoleEntry",
    "ConsoleLevel",
    "Content",
    "ContentOptions",
    "Context",
    "DeliveryStatus",
    "DocumentState",
    "Event",
    "FailedResource",
    "Failure",
    "FailureMode",
    "FileChangeKind",
    "FileChanged",
    "Filter",
    "Gap",
    "GapReason",
    "Import",
    "ImportErrorKind",
    "ImportReport",
    "ImportRow",
    "ImportSpecifier",
    "Imports",
    "JsException",
    "JsKind",
    "JsPhase",
    "JsValue",
    "Limits",
    "LiveFilters",
    "Message",
    "PageError",
    "PageErrorKind",
    "PageImportError",
    "PagewireError",
    "Plugin",
    "PluginInfo",
    "PluginState",
    "Position",
    "Report",
    "Request",
    "Resolved",
    "Response",
    "ServePhase",
    "ServerInfo",
    "Skip",
    "Socket",
    "SocketClosed",
    "SocketFilter",
    "SocketList",
    "SocketOpened",
    "SocketUpdated",
    "SourceLocation",
    "Stale",
    "Subscription",
    "Target",
    "Unreached",
    "Visibility",
    "What",
    "discovery",
    "errors",
    "sync",
]
