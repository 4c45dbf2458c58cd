//! Results of the serve hook.

use crate::{
    BodyTooLarge, BoxError, Result,
    error::{causes, one_line},
    proto,
};
use bytes::Bytes;
use proto::serve_content::Body;
use serde::Serialize;
use std::{fmt, path::Path};

/// A response made by a plugin. Status 200 unless set.
#[derive(Clone, Debug, PartialEq)]
pub struct Content(pub(crate) proto::ServeContent);

impl Content {
    /// A body with this MIME type. An empty type is derived from the request's path.
    pub fn new(content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::with_body(content_type, Body::InlineBody(body.into()))
    }

    /// JavaScript.
    pub fn js(source: impl Into<Bytes>) -> Self {
        Self::new("text/javascript", source)
    }

    /// A stylesheet.
    pub fn css(source: impl Into<Bytes>) -> Self {
        Self::new("text/css", source)
    }

    /// An HTML page.
    pub fn html(source: impl Into<Bytes>) -> Self {
        Self::new("text/html", source)
    }

    /// Plain text.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self::new("text/plain", text)
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// [`Error::Json`](crate::Error::Json) when it cannot be serialized.
    pub fn json(value: impl Serialize) -> Result<Self> {
        Ok(Self::new("application/json", serde_json::to_vec(&value)?))
    }

    /// A file that the daemon reads, of any size: an absolute path in UTF-8, inside a served root or
    /// the plugin's [scratch folder](crate::Context::scratch_dir). Its type is derived from the
    /// request's path.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::with_body("", Body::FilePath(crate::path_to_proto(path)))
    }

    /// The MIME type, or a file extension.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.0.content_type = content_type.into();
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = status.into();
        self
    }

    /// Adds a response header. Hop-by-hop headers and `content-length` are refused: the page gets an error.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let name = name.into().to_ascii_lowercase();
        self.0.headers.push(proto::Header {
            name,
            value: value.into(),
        });
        self
    }

    /// Lets the daemon cache the content for identical requests: until it is invalidated, a file it depends
    /// on changes, or the plugin disconnects.
    #[must_use]
    pub fn remember(mut self) -> Self {
        self.0.remember = true;
        self
    }

    /// Further files, as absolute paths, whose change makes the cached content stale.
    #[must_use]
    pub fn depends_on<I: IntoIterator<Item: AsRef<Path>>>(mut self, files: I) -> Self {
        let files = files.into_iter().map(crate::path_to_proto);
        self.0.depends_on_files.extend(files);
        self
    }

    /// Sends the content unchanged: without transforms and without injecting the socket client.
    #[must_use]
    pub fn verbatim(mut self) -> Self {
        self.0.verbatim = true;
        self
    }

    fn with_body(content_type: impl Into<String>, body: Body) -> Self {
        Self(proto::ServeContent {
            content_type: content_type.into(),
            body: Some(body),
            ..Default::default()
        })
    }
}

/// The plugin does not serve this request: the next plugin is called, or the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    remember: bool,
}

impl Skip {
    /// Skips this request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the daemon cache the skip for identical requests until it is invalidated.
    #[must_use]
    pub fn remember(mut self) -> Self {
        self.remember = true;
        self
    }
}

/// An error of the requested content, such as a syntax error in its source. The developer sees it in the page,
/// which recovers by itself when the cause is fixed. Return it as the error of a handler:
/// `Err(Failure::new("unexpected `}`").at("/src/a.vue", 3, 7).into())`.
#[derive(Clone, PartialEq)]
pub struct Failure(Box<proto::HookFailure>);

impl Failure {
    /// A failure with a message for people.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(proto::HookFailure {
            message: message.into(),
            ..Default::default()
        }))
    }

    /// The HTTP status for the page. Default 500.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = status.into();
        self
    }

    /// A stack trace, printed as given.
    #[must_use]
    pub fn stack(mut self, stack: impl Into<String>) -> Self {
        self.0.stack = stack.into();
        self
    }

    /// The location of the cause in the source; line and column count from 1, 0 = unknown.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: u32, column: u32) -> Self {
        let location = self.0.location.get_or_insert_default();
        (location.file, location.line, location.column) = (file.into(), line, column);
        self
    }

    /// The source lines around the cause, shown as given.
    #[must_use]
    pub fn frame(mut self, frame: impl Into<String>) -> Self {
        self.0.location.get_or_insert_default().frame = frame.into();
        self
    }

    /// Further files, as absolute paths, whose change may fix the error: with `--watch`, pages reload then.
    #[must_use]
    pub fn depends_on<I: IntoIterator<Item: AsRef<Path>>>(mut self, files: I) -> Self {
        let files = files.into_iter().map(crate::path_to_proto);
        self.0.depends_on_files.extend(files);
        self
    }

    /// Converts the error of a handler: a `Failure` as it is, any other error with the texts of its causes, and
    /// with the status of [`BodyTooLarge`] if that is one of them.
    pub(crate) fn from_error(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => *failure,
            Err(error) => {
                let failure = Self::new(one_line(error.as_ref()));
                let too_large = causes(error.as_ref()).find_map(|cause| cause.downcast_ref());
                match too_large.map(BodyTooLarge::status) {
                    Some(status) => failure.status(status),
                    None => failure,
                }
            }
        }
    }

    pub(crate) fn into_proto(self) -> proto::HookFailure {
        *self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.message)?;
        let Some(at) = self.0.location.as_ref().filter(|at| !at.file.is_empty()) else {
            return Ok(());
        };
        write!(out, " ({}", at.file)?;
        let known = |number: &u32| *number != 0;
        for number in [at.line, at.column].into_iter().take_while(known) {
            write!(out, ":{number}")?;
        }
        out.write_str(")")
    }
}

impl std::error::Error for Failure {}

/// The result of a serve handler. Handlers return anything that converts into it: a [`Content`], a
/// [`Skip`], or an `Option<Content>` whose `None` skips.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The response.
    Content(Content),
    /// The next plugin, or the file system, serves the request.
    Skip(Skip),
    /// The page shows an error.
    Failure(Failure),
}

impl Outcome {
    pub(crate) fn into_proto(self) -> proto::serve_result::Outcome {
        use proto::serve_result::Outcome as Wire;
        match self {
            Self::Content(content) => Wire::Content(content.0),
            Self::Skip(skip) => Wire::Skip(proto::Skip {
                remember: skip.remember,
            }),
            Self::Failure(failure) => Wire::Failure(failure.into_proto()),
        }
    }
}

impl From<Content> for Outcome {
    fn from(content: Content) -> Self {
        Self::Content(content)
    }
}

impl From<Skip> for Outcome {
    fn from(skip: Skip) -> Self {
        Self::Skip(skip)
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Option<Content>> for Outcome {
    fn from(content: Option<Content>) -> Self {
        content.map_or(Self::Skip(Skip::new()), Self::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_returned_as_an_error_keeps_its_location() {
        let failure = Failure::new("unexpected `}`").at("/a.vue", 3, 7);
        assert_eq!(Failure::from_error(failure.clone().into()), failure);
        assert_eq!(Failure::from_error("broken".into()), Failure::new("broken"));
    }

    #[test]
    fn a_failure_prints_what_is_known_of_its_location() {
        let text = |line, column| Failure::new("x").at("a", line, column).to_string();
        assert_eq!(
            [text(3, 7), text(3, 0), text(0, 0)],
            ["x (a:3:7)", "x (a:3)", "x (a)"]
        );
        assert_eq!(Failure::new("x").frame("3 | }").to_string(), "x");
    }

    #[test]
    fn none_is_a_skip() {
        assert_eq!(Outcome::from(None), Outcome::Skip(Skip::new()));
    }
}
