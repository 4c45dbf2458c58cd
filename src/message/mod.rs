//! The page protocol: the messages between daemon and page, sent over the WebSocket as JSON text
//! frames. No other types of the daemon are JSON.
//!
//! `import` and `message-response` have the wire form of `@web/dev-server-core`. All other types of
//! the protocol begin with `pagewire:`, so that they cannot collide with the user's own. User JSON is
//! inspected, but never re-encoded.

mod envelope;
mod failed_resource;
mod from_page;
mod heap;
mod limits;

pub(crate) use envelope::Envelope;
pub(crate) use failed_resource::{FailedHook, FailedResource};
pub(crate) use from_page::{
    ConsoleLevel, DocumentState, FailedFetches, Hello, PageConsole, PageError, PageErrorKind,
    PageEvents, PageException, PageResult, PageValue, Phase, Visibility,
};
pub(crate) use heap::{ALLOCATION_BYTES, HeapSize};
pub(crate) use limits::truncate;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The prefix of message types that are reserved for the protocol.
pub(crate) const RESERVED_PREFIX: &str = "pagewire:";

/// URL path of the socket client.
pub(crate) const CLIENT_PATH: &str = "/__pagewire__/client.js";

/// Query of [`CLIENT_PATH`] that selects a classic script, which loads the client as a module.
pub(crate) const DEFERRED_QUERY: &str = "deferred";

/// URL path of the socket client in `@web/dev-server`, served as an alias.
pub(crate) const WDS_CLIENT_PATH: &str = "/__web-dev-server__web-socket.js";

/// URL path of the script that records console lines and errors.
pub(crate) const RECORDER_PATH: &str = "/__pagewire__/recorder.js";

/// URL path of the WebSocket, beside the socket client.
pub(crate) const SOCKET_PATH: &str = "/__pagewire__/socket";

/// URL path of the WebSocket in `@web/dev-server`, served as an alias.
pub(crate) const WDS_SOCKET_PATH: &str = "/wds";

/// URL path of the script that applies file changes.
pub(crate) const CHANGES_PATH: &str = "/__pagewire__/changes.js";

/// URL path of the script that shows failures of plugins.
pub(crate) const OVERLAY_PATH: &str = "/__pagewire__/overlay.js";

/// URL path of the script that waits for a backend to notice file changes.
pub(crate) const BACKEND_PATH: &str = "/__pagewire__/backend.js";

/// URL path that is answered once a page may reload: no navigation is pending, for example.
pub(crate) const RELOAD_PATH: &str = "/__pagewire__/may-reload";

/// Prefix of the URL paths of code that programs have pages import; a file name follows.
pub(crate) const CODE_PATH: &str = "/__pagewire__/code/";

/// All URL paths below this folder are reserved.
const RESERVED_FOLDER: &str = "/__pagewire__";

/// Whether a decoded URL path is reserved for the daemon: neither files nor plugins nor a backend may
/// answer it.
#[must_use]
pub(crate) fn is_reserved_path(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let below = path.strip_prefix(RESERVED_FOLDER);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || path == WDS_CLIENT_PATH
        || path == WDS_SOCKET_PATH
}

/// Checks that a text is a single JSON value. Nesting is not limited.
pub(crate) fn check_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// A message to a page.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum ServerMessage<'a> {
    /// The reply to a `pagewire:hello`.
    #[serde(rename = "pagewire:hello")]
    Hello {
        /// The id of this connection.
        socket_id: &'a str,
    },
    /// Import a module and call its default export.
    #[serde(rename = "import")]
    Import { data: Import<'a> },
    /// Print a line to the console.
    #[serde(rename = "pagewire:log")]
    Log {
        /// The `console` method to call.
        level: &'a str,
        /// The program that prints the line; may be empty.
        source: &'a str,
        /// Printed verbatim.
        text: &'a str,
        /// Printed after the text.
        args: Vec<&'a RawValue>,
    },
    /// Run a built-in command of the socket client.
    #[serde(rename = "pagewire:command")]
    Command(Command<'a>),
    /// The reply to a page's request.
    #[serde(rename = "message-response")]
    Response {
        /// The `id` of the request, as the page wrote it.
        id: &'a RawValue,
        /// Set on success.
        #[serde(skip_serializing_if = "Option::is_none")]
        response: Option<&'a RawValue>,
        /// Set on failure.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    /// Sets which events the page reports.
    #[serde(rename = "pagewire:watch")]
    ReportMode(ReportMode),
    /// The reply to a `pagewire:failed`, if the daemon knows why the page got an error for any of its URLs.
    #[serde(rename = "pagewire:failed")]
    Failed { failures: &'a [&'a FailedResource] },
    /// A frame of the page was not a valid message.
    #[serde(rename = "pagewire:fault")]
    Fault {
        /// The cause and the remedy.
        error: &'a str,
    },
}

/// The kinds of events that pages report on their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ReportMode {
    /// Console lines.
    pub console: bool,
    /// Uncaught errors, unhandled rejections, failed resources and policy violations.
    pub errors: bool,
}

impl ReportMode {
    #[must_use]
    pub(crate) fn any(self) -> bool {
        self.console || self.errors
    }
}

/// The data of an `import` message.
#[derive(Debug, Serialize)]
pub(crate) struct Import<'a> {
    /// The URL to pass to `import()`.
    #[serde(rename = "importPath")]
    pub url: &'a str,
    /// The arguments for the default export.
    pub args: Vec<&'a RawValue>,
    /// Set if the result is awaited.
    #[serde(rename = "callId", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<&'a str>,
    /// Evaluate the module again, even if the page has loaded it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Largest result to return, in bytes of JSON.
    #[serde(rename = "maxBytes", skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<u32>,
}

/// A built-in command of the socket client.
#[derive(Debug, Serialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(crate) enum Command<'a> {
    /// `location.reload()`.
    Reload,
    /// `location.assign(url)`.
    Navigate {
        /// Resolved against the page's URL.
        url: &'a str,
    },
    /// Fetch stylesheets again and swap them in.
    Styles {
        /// URL paths; empty = all of the page's own origin.
        paths: &'a [String],
    },
    /// Apply file changes: swap the stylesheets and images among them, and reload if the page uses
    /// any other file.
    Changed {
        /// URL paths, percent-encoded; empty = anything may have changed.
        paths: &'a [String],
        /// For each of them, the URL paths of documents and scripts that requested it; an empty one stands
        /// for any page.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        users: &'a BTreeMap<&'a str, Vec<String>>,
        /// Set when a backend made the page from files that are unknown: how long it may take to notice the
        /// change before the page reloads.
        #[serde(skip_serializing_if = "Option::is_none")]
        backend_delay_ms: Option<u128>,
        /// Whether a request to a backend was pending when the files changed: the backend has probably written
        /// them, so the page reloads only if the backend's answer changes.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        by_backend: bool,
    },
}

impl Command<'_> {
    /// The name by which pages that support the command list it in [`Hello::features`].
    #[must_use]
    pub(crate) const fn feature(&self) -> &'static str {
        match self {
            Self::Reload => "command.reload",
            Self::Navigate { .. } => "command.navigate",
            Self::Styles { .. } => "command.styles",
            Self::Changed { .. } => "command.changed",
        }
    }
}

impl ServerMessage<'_> {
    /// Encodes the text frame.
    #[must_use]
    pub(crate) fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and checked JSON always encode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = format!(
            r#"{{"type":"x","d":{}{}}}"#,
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert!(Envelope::parse(&deep).is_ok());
        assert!(check_json(&deep).is_ok());
    }

    #[test]
    fn an_import_has_the_wire_form_of_web_dev_server() {
        let arg = RawValue::from_string("1.50".into()).unwrap();
        let frame = ServerMessage::Import {
            data: Import {
                url: "/x.js",
                args: vec![&arg],
                call_id: None,
                fresh: false,
                max_result_bytes: None,
            },
        };
        assert_eq!(
            frame.encode(),
            r#"{"type":"import","data":{"importPath":"/x.js","args":[1.50]}}"#
        );
    }
}
