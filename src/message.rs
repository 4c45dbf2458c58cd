//! The page protocol: what daemon and page say to each other over the web socket, as JSON text
//! frames. The only types of the daemon that are JSON.
//!
//! The wire forms `import` and `message-response` are the ancestor's (@web/dev-server-core); ours
//! are prefixed with `pagewire:`, so that they cannot collide with the user's own types. The
//! user's JSON is looked into, never re-encoded.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// The beginning of every `type` that is ours.
pub(crate) const RESERVED_PREFIX: &str = "pagewire:";

/// Where pages load the socket client.
pub(crate) const CLIENT_PATH: &str = "/__pagewire__/client.js";

/// Where the ancestor's pages load theirs; an alias.
pub(crate) const WDS_CLIENT_PATH: &str = "/__web-dev-server__web-socket.js";

/// Where pages load the script that sees console lines and errors.
pub(crate) const RECORDER_PATH: &str = "/__pagewire__/recorder.js";

/// Where the socket client connects: beside itself.
pub(crate) const SOCKET_PATH: &str = "/__pagewire__/socket";

/// Where the ancestor's connects; an alias.
pub(crate) const WDS_SOCKET_PATH: &str = "/wds";

/// Where pages load the script that acts on changes of files.
pub(crate) const CHANGES_PATH: &str = "/__pagewire__/changes.js";

/// Where code that programs have pages import is served: this, and a file name.
pub(crate) const CODE_PATH: &str = "/__pagewire__/code/";

/// Below this, every path is ours.
const RESERVED_FOLDER: &str = "/__pagewire__";

/// Whether a decoded URL path is one of the daemon's own: nobody else may answer for it.
#[must_use]
pub(crate) fn is_reserved_path(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let below = path.strip_prefix(RESERVED_FOLDER);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || path == WDS_CLIENT_PATH
        || path == WDS_SOCKET_PATH
}
/// What the daemon needs to know of a frame that a page sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The `type`: what subscribers select by.
    pub kind: String,
    /// The page's own `id` as JSON text, when it has one that is a number or a string.
    pub id: Option<String>,
    /// `"pagewire:request": true`: the page awaits an answer.
    pub is_request: bool,
}

/// Why a text frame is no page message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvelopeError {
    /// It does not parse, or is no object.
    #[error("a message must be a JSON object with a \"type\": {0}")]
    NotAnObject(String),
    /// An object whose `type` is missing, empty or no string.
    #[error("a message must have a \"type\" that is a non-empty string")]
    NoType,
}

impl Envelope {
    /// Looks into a frame. Of repeated keys the last counts, as it does for `JSON.parse`.
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

/// Whether a text is one JSON value, however deep.
pub(crate) fn check_json(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// `pagewire:hello`: what a page says of itself first, and `pagewire:state` when it changes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct Hello {
    /// One document, across reconnects.
    pub page_id: String,
    /// One tab, across reloads.
    pub tab_id: String,
    /// `location.href`.
    pub url: String,
    /// `document.title`.
    pub title: String,
    /// `document.visibilityState`.
    pub visibility: String,
    /// `document.readyState`.
    pub document_state: String,
    /// Whether the document is no frame of another.
    pub top_level: bool,
    /// What the script can do beyond the ancestor's.
    pub features: Vec<String>,
    /// For how long changes of files may have escaped it, in milliseconds: since its document
    /// was asked for, or since it was last connected.
    pub unaware_ms: f64,
}

/// `pagewire:result`: how an awaited import ended in the page.
#[derive(Debug, Deserialize)]
pub(crate) struct PageResult {
    /// The call it answers.
    #[serde(rename = "callId")]
    pub call_id: String,
    /// Set when the default export returned.
    pub value: Option<PageValue>,
    /// Set when something threw.
    pub exception: Option<PageException>,
}

/// A JavaScript value as the page described it. At most one of the kinds is set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageValue {
    /// What `JSON.stringify` made of it.
    #[serde(deserialize_with = "some_json")]
    pub json: Option<Box<RawValue>>,
    /// It was `undefined`.
    pub undefined: bool,
    /// `NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`.
    pub unserializable: Option<String>,
    /// What it was, in words, when JSON cannot say it.
    pub description: Option<String>,
    /// Its JSON was longer than allowed; the description is its beginning.
    pub truncated: bool,
}

/// A thrown value as the page described it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageException {
    /// `load`, `call` or `serialize`; empty for an error that the page reports by itself.
    pub phase: String,
    /// The error's `name`.
    pub name: String,
    /// The error's `message`.
    pub message: String,
    /// The error's `stack`.
    pub stack: String,
    /// The script it came from.
    pub url: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// A thrown value that is no error.
    #[serde(deserialize_with = "some_json")]
    pub thrown: Option<Box<RawValue>>,
}

/// JSON as it was written; a `null` is a value, not its absence.
fn some_json<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// `pagewire:console`: a line that the page printed.
#[derive(Debug, Deserialize)]
pub(crate) struct PageConsole {
    /// A method of `console`.
    pub level: String,
    /// What it was called with.
    #[serde(default)]
    pub args: Vec<PageValue>,
    /// Where, for errors and warnings.
    #[serde(default)]
    pub stack: String,
}

/// `pagewire:error`: something that went wrong in the page.
#[derive(Debug, Deserialize)]
pub(crate) struct PageError {
    /// `uncaught`, `unhandled_rejection`, `resource` or `csp`.
    pub kind: String,
    /// What and where.
    pub exception: PageException,
}

/// `pagewire:events`: console lines and errors that came close together.
#[derive(Debug, Deserialize)]
pub(crate) struct PageEvents<'a> {
    /// Each an object with a `type`.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

impl PageValue {
    /// Its text's size in bytes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.unserializable, &self.description];
        self.json.as_ref().map_or(0, |json| json.get().len())
            + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl PageConsole {
    /// Its texts' size in bytes.
    #[must_use]
    pub(crate) fn size(&self) -> usize {
        self.stack.len() + self.args.iter().map(PageValue::size).sum::<usize>()
    }
}

impl PageError {
    /// Its texts' size in bytes.
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

/// What the daemon says to pages. [`ServerMessage::encode`] makes the frame.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(crate) enum ServerMessage<'a> {
    /// The answer to a hello.
    #[serde(rename = "pagewire:hello")]
    Hello {
        /// The name of this connection.
        socket_id: &'a str,
    },
    /// Import a module and call its default export.
    #[serde(rename = "import")]
    Import {
        /// The ancestor's nesting.
        data: Import<'a>,
    },
    /// Print to the console.
    #[serde(rename = "pagewire:log")]
    Log {
        /// A method of `console`.
        level: &'a str,
        /// Who prints; may be empty.
        source: &'a str,
        /// Printed verbatim.
        text: &'a str,
        /// Printed behind the text.
        args: Vec<&'a RawValue>,
    },
    /// Do what the page can do by itself.
    #[serde(rename = "pagewire:command")]
    Command(Command<'a>),
    /// The answer to a page's request, which began with `{type, id}`.
    #[serde(rename = "message-response")]
    Response {
        /// As the page wrote it.
        id: &'a RawValue,
        /// Set when it worked.
        #[serde(skip_serializing_if = "Option::is_none")]
        response: Option<&'a RawValue>,
        /// Set when it did not.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    /// What to report of the page's own accord.
    #[serde(rename = "pagewire:watch")]
    ReportMode(ReportMode),
    /// The page sent something that is no message.
    #[serde(rename = "pagewire:fault")]
    Fault {
        /// What was wrong, and what would be right.
        error: &'a str,
    },
}

/// What pages are to report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ReportMode {
    /// Console lines.
    pub console: bool,
    /// Errors, rejections, failed resources, policy violations.
    pub errors: bool,
}

impl ReportMode {
    /// Whether anything is to be reported.
    #[must_use]
    pub(crate) fn any(self) -> bool {
        self.console || self.errors
    }
}

/// What to import, and how.
#[derive(Debug, Serialize)]
pub(crate) struct Import<'a> {
    /// The URL for `import()`.
    #[serde(rename = "importPath")]
    pub import_path: &'a str,
    /// Arguments of the default export.
    pub args: Vec<&'a RawValue>,
    /// Set when the result is awaited.
    #[serde(rename = "callId", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<&'a str>,
    /// Evaluate anew, even if the page has the module.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Largest result to send back, in bytes of JSON.
    #[serde(rename = "maxBytes", skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<u32>,
}

/// What a page can do by itself.
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
    /// Files changed: swap what can be swapped, reload if more of them is in use.
    Changed {
        /// URL paths, percent-encoded; empty = anything may have changed.
        paths: &'a [String],
    },
}

impl Command<'_> {
    /// What pages that know it call it in their hello.
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
    /// The text frame.
    #[must_use]
    pub(crate) fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and checked JSON always encode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_and_the_last_of_repeated_keys_counts() {
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
    fn what_is_no_message_says_so() {
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
    fn a_null_is_a_value_and_numbers_keep_their_digits() {
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
    fn nesting_costs_no_stack() {
        let deep = format!(
            r#"{{"type":"x","d":{}{}}}"#,
            "[".repeat(200_000),
            "]".repeat(200_000)
        );
        assert!(Envelope::parse(&deep).is_ok());
        assert!(check_json(&deep).is_ok());
    }

    #[test]
    fn an_import_has_the_ancestors_wire_form() {
        let arg = RawValue::from_string("1.50".into()).unwrap();
        let frame = ServerMessage::Import {
            data: Import {
                import_path: "/x.js",
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
