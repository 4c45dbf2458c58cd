//! What handlers returned, read back.

use crate::{
    BoxError, Change, Content, Failure, Resolved, SourceLocation,
    proto::{self, serve_content::Body},
};
use bytes::Bytes;
use std::path::PathBuf;

/// Status of a content that names none.
const DEFAULT_STATUS: u16 = 200;
/// Status of a failure that names none.
const DEFAULT_FAILURE_STATUS: u16 = 500;

/// The parts of a [`Content`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ContentParts {
    /// The body; empty if the content is a file.
    pub body: Bytes,
    /// The file that the daemon reads.
    pub file_path: Option<PathBuf>,
    /// The HTTP status.
    pub status: u16,
    /// The MIME type or file extension. Empty = derived from the request's path.
    pub content_type: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, Bytes)>,
    /// Whether the daemon may cache it.
    pub remember: bool,
    /// Whether it is sent unchanged.
    pub verbatim: bool,
    /// The files that it depends on.
    pub depends_on: Vec<PathBuf>,
}

impl Content {
    /// The parts of the content, for a test.
    pub fn into_parts(self) -> ContentParts {
        let (body, file_path) = match self.0.body {
            Some(Body::InlineBody(body)) => (body, None),
            Some(Body::FilePath(file)) => (Bytes::new(), Some(file.into())),
            None => (Bytes::new(), None),
        };
        ContentParts {
            body,
            file_path,
            status: status(self.0.status, DEFAULT_STATUS),
            content_type: self.0.content_type,
            headers: headers(self.0.headers),
            remember: self.0.remember,
            verbatim: self.0.verbatim,
            depends_on: files(self.0.depends_on_files),
        }
    }
}

impl ContentParts {
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The parts of a [`Change`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChangeParts {
    /// The new body. `None` = unchanged.
    pub body: Option<Bytes>,
    /// The new MIME type or file extension. Empty = unchanged.
    pub content_type: String,
    /// The headers to set, names in lower case.
    pub headers: Vec<(String, Bytes)>,
    /// The names of the headers to remove, in lower case.
    pub remove_headers: Vec<String>,
    /// Whether caching is prevented.
    pub no_cache: bool,
    /// The files that it depends on.
    pub depends_on: Vec<PathBuf>,
}

impl Change {
    /// The parts of the change, for a test.
    pub fn into_parts(self) -> ChangeParts {
        ChangeParts {
            body: self.0.body,
            content_type: self.0.content_type,
            headers: headers(self.0.headers),
            remove_headers: self.0.remove_headers,
            no_cache: self.0.no_cache,
            depends_on: files(self.0.depends_on_files),
        }
    }
}

impl ChangeParts {
    /// The new body as text; bytes that are not UTF-8 are replaced. Empty if the body is unchanged.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.as_deref().unwrap_or_default()).into_owned()
    }
}

/// The parts of a [`Resolved`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolvedParts {
    /// The specifier of each import. `None` = left to the next plugin.
    pub specifiers: Vec<Option<String>>,
    /// Whether caching is prevented.
    pub no_cache: bool,
    /// The files that it depends on.
    pub depends_on: Vec<PathBuf>,
}

impl Resolved {
    /// The parts of the resolved imports, for a test.
    pub fn into_parts(self) -> ResolvedParts {
        let specifiers = self.0.specifiers.into_iter();
        ResolvedParts {
            specifiers: specifiers
                .map(|specifier| Some(specifier).filter(|to| !to.is_empty()))
                .collect(),
            no_cache: self.0.no_cache,
            depends_on: files(self.0.depends_on_files),
        }
    }
}

/// The parts of a [`Failure`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FailureParts {
    /// The message.
    pub message: String,
    /// The HTTP status for the page.
    pub status: u16,
    /// The stack trace. Empty = none.
    pub stack: String,
    /// The location of the cause.
    pub location: Option<SourceLocation>,
    /// The files whose change may fix it.
    pub depends_on: Vec<PathBuf>,
}

impl Failure {
    /// The parts of the failure, for a test.
    pub fn into_parts(self) -> FailureParts {
        let failure = self.into_proto();
        FailureParts {
            message: failure.message,
            status: status(failure.status, DEFAULT_FAILURE_STATUS),
            stack: failure.stack,
            location: failure.location,
            depends_on: files(failure.depends_on_files),
        }
    }
}

/// Reads the error of a handler as the failure that the page shows.
///
/// ```
/// # use pagewire_client::{BoxError, Failure, testing::failure};
/// let error: BoxError = Failure::new("no such color").at("a.css", 3, 7).into();
/// let failure = failure(error);
/// assert_eq!((failure.status, failure.location.unwrap().line), (500, 3));
/// ```
pub fn failure(error: BoxError) -> FailureParts {
    Failure::from_error(error).into_parts()
}

fn status(status: u32, default: u16) -> u16 {
    match status {
        0 => default,
        status => u16::try_from(status).expect("the library sets it from this type"),
    }
}

fn headers(headers: Vec<proto::Header>) -> Vec<(String, Bytes)> {
    let headers = headers.into_iter();
    headers.map(|header| (header.name, header.value)).collect()
}

fn files(files: Vec<String>) -> Vec<PathBuf> {
    files.into_iter().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_has_what_was_set_and_defaults() {
        let content = Content::html("<p>")
            .header("X-Tone", "loud")
            .remember()
            .depends_on(["/srv/a"])
            .into_parts();
        assert_eq!((content.text().as_str(), content.status), ("<p>", 200));
        assert_eq!(content.content_type, "text/html");
        assert_eq!(content.headers, [("x-tone".to_owned(), "loud".into())]);
        assert!(content.remember && !content.verbatim);
        assert_eq!(content.depends_on, [PathBuf::from("/srv/a")]);
        let file = Content::file("/srv/b").status(203).into_parts();
        assert_eq!(file.file_path, Some("/srv/b".into()));
        assert_eq!(file.status, 203);
    }

    #[test]
    fn a_change_distinguishes_an_empty_body_from_an_unchanged_one() {
        let change = Change::new()
            .remove_headers(["ETag", "Age"])
            .no_cache()
            .into_parts();
        assert_eq!(change.body, None);
        assert_eq!(change.remove_headers, ["etag", "age"]);
        assert!(change.no_cache);
        assert_eq!(Change::new().body("").into_parts().body, Some("".into()));
    }

    #[test]
    fn an_import_that_is_not_resolved_is_none() {
        let resolved = Resolved::from(vec![None, Some("/lit.js")]).into_parts();
        assert_eq!(resolved.specifiers, [None, Some("/lit.js".to_owned())]);
    }

    #[test]
    fn every_error_reads_as_a_failure() {
        let plain = failure("broken".into());
        assert_eq!((plain.message.as_str(), plain.status), ("broken", 500));
        assert_eq!(plain.location, None);
        let failure = failure(Failure::new("x").status(404).at("a", 1, 2).into());
        assert_eq!(failure.status, 404);
        let location = failure.location.unwrap();
        assert_eq!(
            (location.file.as_str(), location.line, location.column),
            ("a", 1, 2)
        );
    }
}
