//! The page protocol: the messages between daemon and page, sent over the WebSocket as JSON text
//! frames. No other types of the daemon are JSON.
//!
//! `import` and `message-response` have the wire form of `@web/dev-server-core`. All other types of
//! the protocol begin with `pagewire:`, so that they cannot collide with the user's own. User JSON is
//! inspected, but never re-encoded.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// The prefix of message types that are reserved for the protocol.
pub(crate) const RESERVED_PREFIX: &str = "pagewire:";

/// URL path of the socket client.
pub(crate) const CLIENT_PATH: &str = "/__pagewire__/client.js";

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

/// The parts of a page's message that the daemon inspects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The `type`, by which subscribers select messages.
    pub kind: String,
    /// The `id` as JSON text, if it is a number or a string.
    pub id: Option<String>,
    /// `"pagewire:request": true`: the page awaits a reply.
    pub is_request: bool,
}

/// Why a text frame is not a valid message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    #[error("a message must be a JSON object with a \"type\": {0}")]
    NotAnObject(String),
    #[error("a message must have a \"type\" that is a non-empty string")]
    NoType,
}

impl Envelope {
    /// Parses a frame. The last of repeated keys wins, as in `JSON.parse`.
    pub(crate) fn parse(frame: &str) -> Result<Self, EnvelopeError> {
        let envelope: Self = serde_json::from_str(frame)
            .map_err(|error| EnvelopeError::NotAnObject(error.to_string()))?;
        if envelope.kind.is_empty() {
            Err(EnvelopeError::NoType)
        } else {
            Ok(envelope)
        }
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Envelope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                    match &*key {
                        "type" => {
                            let value: &RawValue = map.next_value()?;
                            envelope.kind = serde_json::from_str(value.get()).unwrap_or_default();
                        }
                        "id" => {
                            let value: &RawValue = map.next_value()?;
                            let text = value.get();
                            let is_scalar = text
                                .starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
                            envelope.id = is_scalar.then(|| text.to_owned());
                        }
                        "pagewire:request" => {
                            let value: &RawValue = map.next_value()?;
                            envelope.is_request = value.get() == "true";
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Checks that a text is a single JSON value. Nesting is not limited.
pub(crate) fn check_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// `pagewire:hello`, the first message of a page, and `pagewire:state`, sent when these values change.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct Hello {
    /// Identifies the document; stays the same across reconnects.
    pub page_id: String,
    /// Identifies the tab; stays the same across reloads.
    pub tab_id: String,
    /// `location.href`.
    pub url: String,
    /// `document.title`.
    pub title: String,
    /// `document.visibilityState`.
    pub visibility: String,
    /// `document.readyState`.
    pub document_state: String,
    /// Whether the document is not inside a frame.
    pub top_level: bool,
    /// What the socket client supports beyond the protocol of `@web/dev-server`.
    pub features: Vec<String>,
    /// For how many milliseconds the page may have missed file changes: since its document was
    /// requested, or since it was last connected.
    pub unaware_ms: f64,
}

/// `pagewire:result`: the outcome of an awaited import.
#[derive(Debug, Deserialize)]
pub(crate) struct PageResult {
    /// The call that the result belongs to.
    #[serde(rename = "callId")]
    pub call_id: String,
    /// Set when the default export returned.
    pub value: Option<PageValue>,
    /// Set when something threw.
    pub exception: Option<PageException>,
}

/// A JavaScript value, as the page encoded it. At most one of `json`, `undefined` and
/// `unserializable` is set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageValue {
    /// The output of `JSON.stringify`.
    #[serde(deserialize_with = "some_json")]
    pub json: Option<Box<RawValue>>,
    /// The value is `undefined`.
    pub undefined: bool,
    /// `NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`.
    pub unserializable: Option<String>,
    /// A description for people, if JSON cannot represent the value.
    pub description: Option<String>,
    /// The JSON exceeded the limit; `description` holds its beginning.
    pub truncated: bool,
}

/// A thrown value, as the page encoded it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageException {
    /// `load`, `call` or `serialize`; empty for errors outside an import.
    pub phase: String,
    /// The error's `name`.
    pub name: String,
    /// The error's `message`.
    pub message: String,
    /// The error's `stack`.
    pub stack: String,
    /// The URL of the script that threw.
    pub url: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// The thrown value, if it is not an `Error`.
    #[serde(deserialize_with = "some_json")]
    pub thrown: Option<Box<RawValue>>,
}

/// Deserializes raw JSON such that `null` is a value, not a missing field.
fn some_json<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// `pagewire:console`: a call of a `console` method.
#[derive(Debug, Deserialize)]
pub(crate) struct PageConsole {
    /// The name of the method.
    pub level: String,
    /// The arguments of the call.
    #[serde(default)]
    pub args: Vec<PageValue>,
    /// The call stack, for errors and warnings.
    #[serde(default)]
    pub stack: String,
}

/// `pagewire:error`: an error in the page.
#[derive(Debug, Deserialize)]
pub(crate) struct PageError {
    /// `uncaught`, `unhandled_rejection`, `resource` or `csp`.
    pub kind: String,
    pub exception: PageException,
}

/// `pagewire:events`: a batch of console lines and errors.
#[derive(Debug, Deserialize)]
pub(crate) struct PageEvents<'a> {
    /// Objects with a `type`.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

impl PageValue {
    /// The size of its texts in bytes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.unserializable, &self.description];
        self.json.as_ref().map_or(0, |json| json.get().len())
            + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl PageConsole {
    /// The size of its texts in bytes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        self.stack.len() + self.args.iter().map(PageValue::size).sum::<usize>()
    }
}

impl PageError {
    /// The size of its texts in bytes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        let PageException {
            name,
            message,
            stack,
            url,
            thrown,
            ..
        } = &self.exception;
        [name, message, stack, url]
            .into_iter()
            .map(String::len)
            .sum::<usize>()
            + thrown.as_ref().map_or(0, |json| json.get().len())
    }
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
    fn the_last_of_repeated_keys_wins() {
        let envelope = Envelope::parse(
            r#"{"a":[{"type":"inner"}],"type":"x","type":"greet","id":1.0e3,"pagewire:request":true}"#,
        );
        let expected = Envelope {
            kind: "greet".into(),
            id: Some("1.0e3".into()),
            is_request: true,
        };
        assert_eq!(envelope, Ok(expected));
    }

    #[test]
    fn refuses_frames_that_are_not_messages() {
        for frame in ["", "nope", "[]", "3", "\"type\"", "{\"type\":\"x\"", "null"] {
            let error = Envelope::parse(frame).unwrap_err();
            assert!(
                matches!(error, EnvelopeError::NotAnObject(_)),
                "{frame}: {error}"
            );
        }
        for frame in ["{}", r#"{"type":""}"#, r#"{"type":3}"#, r#"{"type":null}"#] {
            assert_eq!(
                Envelope::parse(frame),
                Err(EnvelopeError::NoType),
                "{frame}"
            );
        }
    }

    #[test]
    fn null_is_a_value_and_numbers_keep_their_digits() {
        let value = |text: &str| -> PageValue { serde_json::from_str(text).unwrap() };
        assert_eq!(value(r#"{"json":null}"#).json.unwrap().get(), "null");
        assert_eq!(
            value(r#"{"json":{"n": 9007199254740993}}"#)
                .json
                .unwrap()
                .get(),
            r#"{"n": 9007199254740993}"#
        );
        assert!(value("{}").json.is_none());
    }

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
