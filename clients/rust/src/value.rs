//! JavaScript values and exceptions of pages.

use crate::{
    Error, Result,
    proto::{self, JsException, js_exception::Phase},
};
use serde::de::DeserializeOwned;
use std::fmt;

/// A JavaScript value of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsValue {
    /// The result of `JSON.stringify`, verbatim and never truncated.
    Json(String),
    /// `undefined`, or a module without a default function.
    Undefined,
    /// `NaN`, `Infinity`, `-Infinity`, `-0`, or a bigint as `123n`.
    Unserializable(String),
    /// A description of anything else (DOM node, function, cycle).
    Description(String),
    /// The start of the description of a value over the size limit.
    Truncated(String),
}

impl JsValue {
    /// The value as a Rust value. `undefined` reads as JSON's `null`.
    ///
    /// # Errors
    /// [`Error::NotJson`] when it is not a JSON value, [`Error::Json`] when it is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        match self {
            Self::Json(json) => Ok(serde_json::from_str(json)?),
            Self::Undefined => Ok(serde_json::from_str("null")?),
            other => Err(Error::NotJson(other.to_string())),
        }
    }

    pub(crate) fn from_proto(value: proto::JsValue) -> Self {
        use proto::js_value::Kind;
        match value.kind {
            Some(Kind::Json(json)) => Self::Json(json),
            Some(Kind::Unserializable(text)) => Self::Unserializable(text),
            Some(Kind::Description(text)) if value.truncated => Self::Truncated(text),
            Some(Kind::Description(text)) => Self::Description(text),
            Some(Kind::IsUndefined(_)) | None => Self::Undefined,
        }
    }
}

/// Formats as a console does: JSON unchanged, `undefined`, `NaN`, or the description.
impl fmt::Display for JsValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(text) | Self::Unserializable(text) | Self::Description(text) => {
                out.write_str(text)
            }
            Self::Undefined => out.write_str("undefined"),
            Self::Truncated(text) => write!(out, "{text}..."),
        }
    }
}

/// Formats as `TypeError: message`, with the location if neither message nor stack contains it; without the
/// stack.
impl fmt::Display for JsException {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase() {
            Phase::Load => out.write_str("could not be loaded: ")?,
            Phase::Serialize => out.write_str("its value could not be sent: ")?,
            Phase::Call | Phase::Unspecified => {}
        }
        let thrown = if self.message.is_empty() {
            &self.thrown_json
        } else {
            &self.message
        };
        out.write_str(&self.name)?;
        if !self.name.is_empty() && !thrown.is_empty() {
            out.write_str(": ")?;
        }
        out.write_str(thrown)?;
        let location = match self.line {
            0 => self.url.clone(),
            line => format!("{}:{line}:{}", self.url, self.column),
        };
        if !self.url.is_empty()
            && !self.message.contains(&location)
            && !self.stack.contains(&location)
        {
            write!(out, " ({location})")?;
        }
        Ok(())
    }
}

impl std::error::Error for JsException {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_the_kinds_of_values() {
        assert_eq!(
            JsValue::Json("[1]".to_owned()).json::<Vec<u8>>().unwrap(),
            [1]
        );
        assert_eq!(JsValue::Undefined.json::<Option<u8>>().unwrap(), None);
        assert!(
            JsValue::Unserializable("NaN".to_owned())
                .json::<f64>()
                .is_err()
        );
        assert_eq!(
            JsValue::Unserializable("123n".to_owned()).to_string(),
            "123n"
        );
    }
}
