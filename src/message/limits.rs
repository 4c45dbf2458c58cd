//! Limits of what a page sends about itself, applied while its frames are parsed.
//!
//! A frame with an identifier or a list beyond its limit is refused, and the error names the field, its
//! length and the limit. Text that only people read is truncated. JSON values of user code have no limit
//! of their own: the frame that they arrive in has one.

use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Longest `type` of a message. A frame with a longer one is refused. Default 1 KiB.
pub(super) const MAX_TYPE_BYTES: usize = 1024;

/// Longest `id` of a message, as JSON text. A frame with a longer one is refused. Default 1 KiB.
pub(super) const MAX_REQUEST_ID_BYTES: usize = 1024;

/// Longest id of a page, a tab or a call. A frame with a longer one is refused. Default 256 B.
pub(super) const MAX_ID_BYTES: usize = 256;

/// Most features of a page's client script. A frame with more is refused. Default 64.
pub(super) const MAX_FEATURES: usize = 64;

/// Longest name of a feature. A frame with a longer one is refused. Default 64 B.
pub(super) const MAX_FEATURE_BYTES: usize = 64;

/// Most arguments of a console line; our client script sends 51. A line with more is refused. Default 100.
pub(super) const MAX_CONSOLE_ARGS: usize = 100;

/// Most events in one frame; our client script sends 100. A frame with more is refused. Default 1,000.
pub(super) const MAX_FRAME_EVENTS: usize = 1000;

/// Most URLs of failed fetches in one frame; our client script sends as many. A frame with more is refused.
/// Default 10.
pub(super) const MAX_FAILED_URLS: usize = 10;

/// Longest URL of a page or a script; a longer one is truncated. Filters are matched against it. Default
/// 128 KiB.
pub(super) const MAX_URL_BYTES: usize = 128 * 1024;

/// Longest title; a longer one is truncated. Default 4 KiB.
pub(super) const MAX_TITLE_BYTES: usize = 4 * 1024;

/// Longest name of an error; a longer one is truncated. Default 1 KiB.
pub(super) const MAX_ERROR_NAME_BYTES: usize = 1024;

/// Longest message or call stack of an error or a console line; a longer one is truncated. Default
/// 64 KiB.
pub(super) const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Shortens a text to its longest beginning that has at most `max` bytes.
pub(crate) fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.shrink_to_fit();
    }
}

/// Deserializes a text, truncated to `MAX` bytes.
pub(super) fn truncated<'de, D: Deserializer<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<String, D::Error> {
    let mut text = String::deserialize(deserializer)?;
    truncate(&mut text, MAX);
    Ok(text)
}

pub(super) fn page_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer, "page_id", MAX_ID_BYTES)
}

pub(super) fn tab_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer, "tab_id", MAX_ID_BYTES)
}

pub(super) fn call_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer, "callId", MAX_ID_BYTES)
}

pub(super) fn features<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let features: Vec<String> = list(deserializer, "features", MAX_FEATURES)?;
    for feature in &features {
        check_length("features", feature, MAX_FEATURE_BYTES).map_err(Error::custom)?;
    }
    Ok(features)
}

pub(super) fn args<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    list(deserializer, "args", MAX_CONSOLE_ARGS)
}

pub(super) fn events<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    list(deserializer, "events", MAX_FRAME_EVENTS)
}

/// Deserializes URLs, each truncated to [`MAX_URL_BYTES`].
pub(super) fn failed_urls<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let mut urls: Vec<String> = list(deserializer, "failed_urls", MAX_FAILED_URLS)?;
    for url in &mut urls {
        truncate(url, MAX_URL_BYTES);
    }
    Ok(urls)
}

/// A field of a frame exceeds its limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} has {length} {unit} (the limit is {limit})")]
pub(crate) struct LimitExceeded {
    field: &'static str,
    length: usize,
    unit: &'static str,
    limit: usize,
}

/// Checks the length of a field's text in bytes.
pub(super) fn check_length(
    field: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), LimitExceeded> {
    let length = text.len();
    if length <= limit {
        return Ok(());
    }
    Err(LimitExceeded {
        field,
        length,
        unit: "bytes",
        limit,
    })
}

fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
    field: &'static str,
    limit: usize,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check_length(field, &text, limit).map_err(Error::custom)?;
    Ok(text)
}

/// Deserializes a list of at most `limit` entries. Further entries are counted, but never stored.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    field: &'static str,
    limit: usize,
) -> Result<Vec<T>, D::Error> {
    struct Entries<T> {
        field: &'static str,
        limit: usize,
        entry: PhantomData<T>,
    }

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while list.len() < self.limit {
                match entries.next_element()? {
                    Some(entry) => list.push(entry),
                    None => {
                        list.shrink_to_fit();
                        return Ok(list);
                    }
                }
            }
            let mut length = list.len();
            while entries.next_element::<IgnoredAny>()?.is_some() {
                length += 1;
            }
            if length == list.len() {
                return Ok(list);
            }
            Err(A::Error::custom(LimitExceeded {
                field: self.field,
                length,
                unit: "entries",
                limit: self.limit,
            }))
        }
    }

    let entry = PhantomData;
    deserializer.deserialize_seq(Entries {
        field,
        limit,
        entry,
    })
}
