//! Messages of the page protocol that a page sends.

use super::FailedResource;
use super::heap::HeapSize;
use super::limits::{
    self, MAX_ERROR_BYTES, MAX_ERROR_NAME_BYTES, MAX_TITLE_BYTES, MAX_URL_BYTES, truncated,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// `pagewire:hello`, the first message of a page, and `pagewire:state`, sent when these values change.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct Hello {
    /// Identifies the document; stays the same across reconnects.
    #[serde(deserialize_with = "limits::page_id")]
    pub page_id: String,
    /// Identifies the tab; stays the same across reloads.
    #[serde(deserialize_with = "limits::tab_id")]
    pub tab_id: String,
    /// `location.href`.
    #[serde(deserialize_with = "truncated::<_, MAX_URL_BYTES>")]
    pub url: String,
    /// `document.title`.
    #[serde(deserialize_with = "truncated::<_, MAX_TITLE_BYTES>")]
    pub title: String,
    pub visibility: Visibility,
    pub document_state: DocumentState,
    /// Whether the document is not inside a frame.
    pub top_level: bool,
    /// What the socket client supports beyond the protocol of `@web/dev-server`.
    #[serde(deserialize_with = "limits::features")]
    pub features: Vec<String>,
    /// For how many milliseconds the page may have missed file changes: since its document was
    /// requested, or since it was last connected.
    pub unaware_ms: f64,
}

impl Hello {
    /// Returns [`Self::unaware_ms`]. The page supplies the number; a nonsensical one counts as zero.
    #[must_use]
    pub(crate) fn unaware_time(&self) -> Duration {
        Duration::try_from_secs_f64(self.unaware_ms / 1000.0).unwrap_or_default()
    }
}

/// `document.visibilityState`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Visibility {
    Visible,
    Hidden,
    /// The page did not report it.
    #[default]
    #[serde(other)]
    Unknown,
}

/// `document.readyState`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DocumentState {
    Loading,
    Interactive,
    Complete,
    /// The page did not report it.
    #[default]
    #[serde(other)]
    Unknown,
}

/// `pagewire:result`: the outcome of an awaited import.
#[derive(Debug, Deserialize)]
pub(crate) struct PageResult {
    /// The call that the result belongs to.
    #[serde(rename = "callId", deserialize_with = "limits::call_id")]
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
    pub phase: Phase,
    /// The error's `name`.
    #[serde(deserialize_with = "truncated::<_, MAX_ERROR_NAME_BYTES>")]
    pub name: String,
    /// The error's `message`.
    #[serde(deserialize_with = "truncated::<_, MAX_ERROR_BYTES>")]
    pub message: String,
    /// The error's `stack`.
    #[serde(deserialize_with = "truncated::<_, MAX_ERROR_BYTES>")]
    pub stack: String,
    /// The URL of the script that threw.
    #[serde(deserialize_with = "truncated::<_, MAX_URL_BYTES>")]
    pub url: String,
    /// 1-based; 0 = unknown.
    pub line: u32,
    /// 1-based; 0 = unknown.
    pub column: u32,
    /// The thrown value, if it is not an `Error`.
    #[serde(deserialize_with = "some_json")]
    pub thrown: Option<Box<RawValue>>,
}

/// The part of an import that threw.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Load,
    Call,
    Serialize,
    /// The error is not one of an import.
    #[default]
    #[serde(other)]
    None,
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
    pub level: ConsoleLevel,
    /// The arguments of the call.
    #[serde(default, deserialize_with = "limits::args")]
    pub args: Vec<PageValue>,
    /// The call stack, for errors and warnings.
    #[serde(default, deserialize_with = "truncated::<_, MAX_ERROR_BYTES>")]
    pub stack: String,
    /// The URL of the script that made the call.
    #[serde(default, deserialize_with = "truncated::<_, MAX_URL_BYTES>")]
    pub url: String,
    /// 1-based; 0 = unknown.
    #[serde(default)]
    pub line: u32,
    /// 1-based; 0 = unknown.
    #[serde(default)]
    pub column: u32,
}

/// The `console` method of a line.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConsoleLevel {
    Debug,
    Info,
    Warn,
    Error,
    /// Also any other method.
    #[serde(other)]
    Log,
}

/// `pagewire:error`: an error in the page.
#[derive(Debug, Deserialize)]
pub(crate) struct PageError {
    pub kind: PageErrorKind,
    pub exception: PageException,
    /// URLs that may be the cause of a resource or module that did not load, the most probable first: a module
    /// does not load because of one that it imports, which the browser does not name.
    #[serde(default, deserialize_with = "limits::failed_urls")]
    pub failed_urls: Vec<String>,
    /// What the daemon knows of the cause.
    #[serde(skip)]
    pub failed_resource: Option<Arc<FailedResource>>,
}

/// `pagewire:failed`: the page got an error for these URLs and wants to know whether a plugin is the cause.
#[derive(Debug, Deserialize)]
pub(crate) struct FailedFetches {
    #[serde(default, deserialize_with = "limits::failed_urls")]
    pub urls: Vec<String>,
}

/// How a page noticed an error.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PageErrorKind {
    Uncaught,
    UnhandledRejection,
    Resource,
    Csp,
    /// Such as the notice of errors that were not reported.
    #[serde(other)]
    Other,
}

/// `pagewire:events`: a batch of console lines and errors.
#[derive(Debug, Deserialize)]
pub(crate) struct PageEvents<'a> {
    /// Objects with a `type`.
    #[serde(borrow, deserialize_with = "limits::events")]
    pub events: Vec<&'a RawValue>,
}

impl ConsoleLevel {
    /// Returns the name of the method.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Log => "log",
        }
    }
}

impl PageErrorKind {
    /// Returns the name in the page protocol; empty for [`PageErrorKind::Other`].
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uncaught => "uncaught",
            Self::UnhandledRejection => "unhandled_rejection",
            Self::Resource => "resource",
            Self::Csp => "csp",
            Self::Other => "",
        }
    }
}

impl HeapSize for PageValue {
    fn heap_size(&self) -> usize {
        self.json.heap_size() + self.unserializable.heap_size() + self.description.heap_size()
    }
}

impl HeapSize for PageException {
    fn heap_size(&self) -> usize {
        let texts = [&self.name, &self.message, &self.stack, &self.url];
        texts.into_iter().map(String::heap_size).sum::<usize>() + self.thrown.heap_size()
    }
}

impl HeapSize for PageConsole {
    fn heap_size(&self) -> usize {
        self.args.heap_size() + self.stack.heap_size() + self.url.heap_size()
    }
}

impl HeapSize for PageError {
    fn heap_size(&self) -> usize {
        let failed = self.failed_resource.as_deref();
        self.exception.heap_size()
            + self.failed_urls.heap_size()
            + failed.map_or(0, |failed| size_of::<FailedResource>() + failed.heap_size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
    fn an_identifier_or_a_list_beyond_its_limit_is_refused_with_field_length_and_limit() {
        let refused = |field: &str, value: serde_json::Value| {
            let text =
                json!({"callId": "", "level": "log", "kind": "", "exception": {}, field: value})
                    .to_string();
            let error = match field {
                "callId" => serde_json::from_str::<PageResult>(&text).unwrap_err(),
                "args" => serde_json::from_str::<PageConsole>(&text).unwrap_err(),
                "failed_urls" => serde_json::from_str::<PageError>(&text).unwrap_err(),
                "events" => serde_json::from_str::<PageEvents<'_>>(&text).unwrap_err(),
                _ => serde_json::from_str::<Hello>(&text).unwrap_err(),
            };
            error.to_string()
        };
        for (field, value, reason) in [
            (
                "page_id",
                json!("x".repeat(1_000_000)),
                "page_id has 1000000 bytes (the limit is 256)",
            ),
            (
                "tab_id",
                json!("x".repeat(257)),
                "tab_id has 257 bytes (the limit is 256)",
            ),
            (
                "callId",
                json!("x".repeat(300)),
                "callId has 300 bytes (the limit is 256)",
            ),
            (
                "features",
                json!(vec![""; 250_000]),
                "features has 250000 entries (the limit is 64)",
            ),
            (
                "features",
                json!(["x".repeat(65)]),
                "features has 65 bytes (the limit is 64)",
            ),
            (
                "args",
                json!(vec![json!({}); 330_000]),
                "args has 330000 entries (the limit is 100)",
            ),
            (
                "failed_urls",
                json!(vec!["http://localhost/"; 11]),
                "failed_urls has 11 entries (the limit is 10)",
            ),
            (
                "events",
                json!(vec![0; 1001]),
                "events has 1001 entries (the limit is 1000)",
            ),
        ] {
            let error = refused(field, value);
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn identifiers_and_lists_of_exactly_their_limits_are_accepted() {
        let text = json!({"page_id": "x".repeat(256), "features": vec!["f".repeat(64); 64]});
        let hello: Hello = serde_json::from_value(text).unwrap();
        assert_eq!((hello.page_id.len(), hello.features.len()), (256, 64));
        let text = json!({"level": "log", "args": vec![json!({}); 100]});
        let line: PageConsole = serde_json::from_value(text).unwrap();
        assert_eq!(line.args.len(), 100);
    }

    #[test]
    fn long_text_for_people_is_truncated_between_characters() {
        let long = "€".repeat(300_000);
        let text = json!({"url": long, "title": long}).to_string();
        let hello: Hello = serde_json::from_str(&text).unwrap();
        assert_eq!(hello.url.len(), MAX_URL_BYTES / 3 * 3);
        assert_eq!(hello.title.len(), MAX_TITLE_BYTES / 3 * 3);
        let text = json!({"name": long, "message": long, "stack": long, "url": long}).to_string();
        let thrown: PageException = serde_json::from_str(&text).unwrap();
        let limit = MAX_ERROR_NAME_BYTES + 2 * MAX_ERROR_BYTES + MAX_URL_BYTES;
        assert!(thrown.heap_size() <= limit + 4 * super::super::ALLOCATION_BYTES);
    }

    #[test]
    fn an_unknown_word_takes_no_memory() {
        let long = "x".repeat(1_000_000);
        let text = json!({"level": long, "visibility": long, "document_state": long}).to_string();
        let line: PageConsole = serde_json::from_str(&text).unwrap();
        assert_eq!((line.level, line.heap_size()), (ConsoleLevel::Log, 0));
        let hello: Hello = serde_json::from_str(&text).unwrap();
        assert_eq!(hello.visibility, Visibility::Unknown);
        assert_eq!(hello.document_state, DocumentState::Unknown);
    }
}
