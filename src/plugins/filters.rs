//! Request filters of hooks. The daemon evaluates them, so a request that no filter matches never
//! leaves the process.

use crate::hub::MAX_REGEX_BYTES;
use regex::{RegexSet, RegexSetBuilder};
use std::path::{Path, PathBuf};

/// The properties of a request that filters can test.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct RequestFacts<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// Decoded; begins with `/`.
    pub path: &'a str,
    /// The file that would be served, if there is one.
    pub file: Option<&'a Path>,
    /// The response's MIME type without parameters; none = there is no response yet, so any type
    /// matches.
    pub mime: Option<&'a str>,
}

/// A condition on requests. Within a field any entry may match, all non-empty fields must match, and
/// an exclusion wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFilter {
    /// Required for a filter without conditions.
    pub match_all: bool,
    pub exact_paths: Vec<String>,
    pub path_prefixes: Vec<String>,
    /// Searched for in the path, unanchored.
    pub path_regexes: Option<RegexSet>,
    /// A path in which one of these is found does not match.
    pub exclude_path_regexes: Option<RegexSet>,
    /// Empty = GET and HEAD.
    pub methods: Vec<String>,
    /// Absolute paths: requests for which one of these files would be served.
    pub file_paths: Vec<PathBuf>,
    /// MIME types of the response without parameters, or families such as `text/*`.
    pub mime_types: Vec<String>,
}

/// Why a filter was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestFilterError {
    #[error("the filter is empty (set match_all to match every request)")]
    Empty,
    #[error("path {0:?} does not begin with / (write {suggestion:?})", suggestion = format!("/{}", .0))]
    NotAbsolute(String),
    #[error("file path {} is not absolute (pass an absolute path)", .0.display())]
    FileNotAbsolute(PathBuf),
    #[error("{0:?} is not a MIME type (use one such as text/html or text/*)")]
    InvalidMimeType(String),
    /// A regular expression that does not compile, or is too large when compiled.
    #[error(
        "regular expression does not compile (RE2 syntax, no look-around or back-references): {0}"
    )]
    Regex(String),
}

/// Compiles regular expressions; returns none for an empty list.
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
    /// Compiles and sets the regular expressions for paths.
    pub(crate) fn with_regexes(
        mut self,
        path_regexes: &[String],
        exclude_path_regexes: &[String],
    ) -> Result<Self, RequestFilterError> {
        self.path_regexes = compile_regexes(path_regexes)?;
        self.exclude_path_regexes = compile_regexes(exclude_path_regexes)?;
        Ok(self)
    }

    /// Checks the filter, and refuses one that is empty but does not set `match_all`.
    pub(crate) fn check(&self) -> Result<(), RequestFilterError> {
        let paths = self.exact_paths.iter().chain(&self.path_prefixes);
        if let Some(path) = paths.into_iter().find(|path| !path.starts_with('/')) {
            return Err(RequestFilterError::NotAbsolute(path.clone()));
        }
        if let Some(file) = self.file_paths.iter().find(|file| !file.is_absolute()) {
            return Err(RequestFilterError::FileNotAbsolute(file.clone()));
        }
        if let Some(mime) = self.mime_types.iter().find(|mime| !mime.contains('/')) {
            return Err(RequestFilterError::InvalidMimeType(mime.clone()));
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

    /// Whether the request satisfies the filter.
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
            self.methods.iter().any(|allowed| allowed == method)
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
                || file.is_some_and(|file| self.file_paths.iter().any(|path| path == file)))
            && (self.mime_types.is_empty()
                || mime.is_none_or(|mime| {
                    self.mime_types
                        .iter()
                        .any(|pattern| mime_matches(mime, pattern))
                }))
    }
}

/// Whether a MIME type equals the pattern, or belongs to its family (`text/*`).
fn mime_matches(mime: &str, pattern: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(family) => mime
            .split_once('/')
            .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(family)),
        None => mime.eq_ignore_ascii_case(pattern),
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
    fn any_entry_all_fields_and_no_exclusion_must_match() {
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
    fn mime_filters_match_exactly_or_by_family_and_always_before_the_response() {
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
        let invalid = RequestFilter {
            mime_types: vec!["html".into()],
            ..Default::default()
        };
        assert!(matches!(
            invalid.check(),
            Err(RequestFilterError::InvalidMimeType(_))
        ));
    }

    #[test]
    fn an_empty_filter_needs_match_all() {
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
    fn refuses_backtracking_and_oversized_expressions() {
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
