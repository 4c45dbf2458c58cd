//! The parts of a page's message that the daemon inspects, whatever else the message contains.

use super::limits::{LimitExceeded, MAX_REQUEST_ID_BYTES, MAX_TYPE_BYTES, check_length};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

/// The parts of a page's message that the daemon inspects.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    /// The `type`, by which subscribers select messages.
    pub kind: String,
    /// The `id` as JSON text, if it is a number or a string.
    pub id: Option<Box<RawValue>>,
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
    #[error(transparent)]
    TooLong(#[from] LimitExceeded),
}

impl Envelope {
    /// Parses a frame. The last of repeated keys wins, as in `JSON.parse`.
    pub(crate) fn parse(frame: &str) -> Result<Self, EnvelopeError> {
        let envelope: Self = serde_json::from_str(frame)
            .map_err(|error| EnvelopeError::NotAnObject(error.to_string()))?;
        if envelope.kind.is_empty() {
            return Err(EnvelopeError::NoType);
        }
        check_length("type", &envelope.kind, MAX_TYPE_BYTES)?;
        let id = envelope.id.as_ref().map_or("", |id| id.get());
        check_length("id", id, MAX_REQUEST_ID_BYTES)?;
        Ok(envelope)
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
                            envelope.id = is_scalar.then(|| value.to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_repeated_keys_wins() {
        let envelope = Envelope::parse(
            r#"{"a":[{"type":"inner"}],"type":"x","type":"greet","id":1.0e3,"pagewire:request":true}"#,
        );
        let envelope = envelope.unwrap();
        assert_eq!(envelope.kind, "greet");
        assert_eq!(envelope.id.unwrap().get(), "1.0e3");
        assert!(envelope.is_request);
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
            let error = Envelope::parse(frame).unwrap_err();
            assert_eq!(error, EnvelopeError::NoType, "{frame}");
        }
    }

    #[test]
    fn refuses_a_type_or_an_id_beyond_its_limit() {
        let parse = |kind: usize, id: usize| {
            let (kind, id) = ("t".repeat(kind), "1".repeat(id));
            Envelope::parse(&format!(r#"{{"type":"{kind}","id":{id}}}"#))
        };
        assert!(parse(MAX_TYPE_BYTES, MAX_REQUEST_ID_BYTES).is_ok());
        let error = |kind, id| parse(kind, id).unwrap_err().to_string();
        assert_eq!(error(2000, 1), "type has 2000 bytes (the limit is 1024)");
        assert_eq!(error(1, 1025), "id has 1025 bytes (the limit is 1024)");
    }
}
