//! Which requests a plugin wants to be asked about. Evaluated in the daemon: what no filter
//! matches never crosses a process.

use crate::hub::MAX_REGEX_BYTES;
use regex::{RegexSet, RegexSetBuilder};
use std::path::{Path, PathBuf};

/// What filters look at.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct RequestFacts<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// Decoded; begins with `/`.
    pub path: &'a str,
    /// The file that would answer, if there is one.
    pub file: Option<&'a Path>,
    /// The response's MIME type without parameters. None = there is no response yet: any.
    pub mime: Option<&'a str>,
}

/// A condition on requests. Within a field any entry may match, between fields all that are
/// not empty must, and an exclusion wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFilter {
    /// Must be said when nothing else is.
    pub match_all: bool,
    /// The whole path.
    pub exact_paths: Vec<String>,
    /// Its beginning.
    pub path_prefixes: Vec<String>,
    /// A part of it.
    pub path_regexes: Option<RegexSet>,
    /// Not these.
    pub exclude_path_regexes: Option<RegexSet>,
    /// Empty = GET and HEAD.
    pub methods: Vec<String>,
    /// Absolute; requests that one of these files would answer.
    pub file_paths: Vec<PathBuf>,
    /// Essence types of the response; `text/*` is all that begin so.
    pub mime_types: Vec<String>,
}

/// A filter that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestFilterError {
    /// Nothing is set.
    #[error("the filter is empty (set match_all to be asked about every request)")]
    Empty,
    /// A path without its slash.
    #[error("path {0:?} does not begin with / (write {suggestion:?})", suggestion = format!("/{}", .0))]
    NotAbsolute(String),
    /// A file's path that depends on a folder.
    #[error("file path {} is not absolute (write it from / on)", .0.display())]
    FileNotAbsolute(PathBuf),
    /// A MIME type without a slash.
    #[error("{0:?} is no MIME type (write one such as text/html or text/*)")]
    NotAType(String),
    /// A regular expression that does not compile.
    #[error(
        "regular expression does not compile (RE2 syntax, no look-around or back-references): {0}"
    )]
    Regex(String),
}

/// Compiles expressions that a program sent; none when there are none.
///
/// # Errors
/// One that does not compile, or is too large.
pub(crate) fn compile_regexes(
    expressions: &[String],
) -> Result<Option<RegexSet>, RequestFilterError> {
    if expressions.is_empty() {
        return Ok(None);
    }
    RegexSetBuilder::new(expressions)
        .size_limit(MAX_REGEX_BYTES)
        .build()
        .map(Some)
        .map_err(|error| RequestFilterError::Regex(error.to_string()))
}

impl RequestFilter {
    /// Sets the path expressions, which may not compile.
    pub(crate) fn with_regexes(
        mut self,
        path_regexes: &[String],
        exclude_path_regexes: &[String],
    ) -> Result<Self, RequestFilterError> {
        self.path_regexes = compile_regexes(path_regexes)?;
        self.exclude_path_regexes = compile_regexes(exclude_path_regexes)?;
        Ok(self)
    }

    /// Refuses a filter that is empty by accident, and paths without their slash.
    pub(crate) fn check(&self) -> Result<(), RequestFilterError> {
        let paths = self.exact_paths.iter().chain(&self.path_prefixes);
        if let Some(path) = paths.into_iter().find(|path| !path.starts_with('/')) {
            return Err(RequestFilterError::NotAbsolute(path.clone()));
        }
        if let Some(file) = self.file_paths.iter().find(|file| !file.is_absolute()) {
            return Err(RequestFilterError::FileNotAbsolute(file.clone()));
        }
        if let Some(mime) = self.mime_types.iter().find(|mime| !mime.contains('/')) {
            return Err(RequestFilterError::NotAType(mime.clone()));
        }
        let is_empty = self.exact_paths.is_empty()
            && self.path_prefixes.is_empty()
            && self.path_regexes.is_none()
            && self.exclude_path_regexes.is_none()
            && self.methods.is_empty()
            && self.file_paths.is_empty()
            && self.mime_types.is_empty();
        if is_empty && !self.match_all {
            Err(RequestFilterError::Empty)
        } else {
            Ok(())
        }
    }

    /// Whether the plugin wants to be asked.
    #[must_use]
    pub(crate) fn matches(&self, request: RequestFacts<'_>) -> bool {
        let RequestFacts {
            method,
            path,
            file,
            mime,
        } = request;
        let any_method = if self.methods.is_empty() {
            matches!(method, "GET" | "HEAD")
        } else {
            self.methods.iter().any(|wanted| wanted == method)
        };
        any_method
            && (self.exact_paths.is_empty() || self.exact_paths.iter().any(|exact| exact == path))
            && (self.path_prefixes.is_empty()
                || self
                    .path_prefixes
                    .iter()
                    .any(|prefix| path.starts_with(prefix.as_str())))
            && self
                .path_regexes
                .as_ref()
                .is_none_or(|set| set.is_match(path))
            && self
                .exclude_path_regexes
                .as_ref()
                .is_none_or(|set| !set.is_match(path))
            && (self.file_paths.is_empty()
                || file.is_some_and(|file| self.file_paths.iter().any(|wanted| wanted == file)))
            && (self.mime_types.is_empty()
                || mime.is_none_or(|mime| self.mime_types.iter().any(|wanted| is_of(mime, wanted))))
    }
}

/// Whether a MIME type is this one, or of this family: `text/*`.
fn is_of(mime: &str, wanted: &str) -> bool {
    match wanted.strip_suffix("/*") {
        Some(family) => mime
            .split_once('/')
            .is_some_and(|(of, _)| of.eq_ignore_ascii_case(family)),
        None => mime.eq_ignore_ascii_case(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> RequestFacts<'_> {
        RequestFacts {
            method: "GET",
            path,
            file: None,
            mime: None,
        }
    }

    #[test]
    fn within_a_field_any_between_fields_all_and_exclusion_wins() {
        let filter = RequestFilter {
            path_prefixes: vec!["/a/".into(), "/b/".into()],
            ..Default::default()
        }
        .with_regexes(&[r"\.js$".into()], &["skip".into()])
        .unwrap();
        assert!(filter.matches(get("/a/x.js")));
        assert!(filter.matches(get("/b/x.js")));
        assert!(!filter.matches(get("/c/x.js")));
        assert!(!filter.matches(get("/a/x.css")));
        assert!(!filter.matches(get("/a/skip.js")));
        assert!(!filter.matches(RequestFacts {
            method: "POST",
            ..get("/a/x.js")
        }));
    }

    #[test]
    fn a_type_is_one_or_a_family_and_any_while_there_is_no_response() {
        let filter = RequestFilter {
            mime_types: vec!["text/*".into(), "image/svg+xml".into()],
            ..Default::default()
        };
        assert!(filter.check().is_ok());
        let of = |mime| RequestFacts { mime, ..get("/x") };
        for mime in [
            Some("text/html"),
            Some("Text/CSS"),
            Some("image/svg+xml"),
            None,
        ] {
            assert!(filter.matches(of(mime)), "{mime:?}");
        }
        for mime in ["image/png", "textual/html", "", "text"] {
            assert!(!filter.matches(of(Some(mime))), "{mime}");
        }
        let no_type = RequestFilter {
            mime_types: vec!["html".into()],
            ..Default::default()
        };
        assert!(matches!(
            no_type.check(),
            Err(RequestFilterError::NotAType(_))
        ));
    }

    #[test]
    fn an_empty_filter_asks_for_everything_only_when_it_says_so() {
        assert!(matches!(
            RequestFilter::default().check(),
            Err(RequestFilterError::Empty)
        ));
        let all = RequestFilter {
            match_all: true,
            ..Default::default()
        };
        assert!(all.check().is_ok() && all.matches(get("/x")));
        let slashless = RequestFilter {
            exact_paths: vec!["x.js".into()],
            ..Default::default()
        };
        assert!(
            slashless
                .check()
                .unwrap_err()
                .to_string()
                .contains("\"/x.js\"")
        );
    }

    #[test]
    fn a_backtracking_expression_is_refused() {
        let error = RequestFilter::default()
            .with_regexes(&["(?=x)".into()], &[])
            .unwrap_err();
        assert!(error.to_string().contains("look-around"), "{error}");
        assert!(
            RequestFilter::default()
                .with_regexes(&["(a{1000}){1000}".into()], &[])
                .is_err()
        );
    }
}
