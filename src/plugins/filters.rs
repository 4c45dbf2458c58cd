//! Request filters of hooks. The daemon evaluates them, so a request that no filter matches never
//! leaves the process.

use crate::hub::{PatternError, Patterns};
use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Memory of the compiled regular expressions of all filters of a hook together, and of its specifiers.
/// Larger ones are refused. Default 4 MiB.
pub(crate) const MAX_HOOK_REGEX_BYTES: usize = 4 * 1024 * 1024;

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
    pub path_regexes: Vec<String>,
    /// A path in which one of these is found does not match.
    pub exclude_path_regexes: Vec<String>,
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
}

/// The filters of a hook, of which any may match. Their regular expressions are compiled together.
#[derive(Debug, Default)]
pub(crate) struct RequestFilters {
    filters: Vec<RequestFilter>,
    /// The regular expressions of all filters, in their order; none = no filter has any.
    patterns: Option<Patterns>,
}

impl RequestFilters {
    /// Compiles the regular expressions of the filters.
    ///
    /// # Errors
    /// Returns the error, and the index of the filter that causes it; none if all of them do.
    pub(crate) async fn compile(
        filters: Vec<RequestFilter>,
    ) -> Result<Self, (Option<usize>, PatternError)> {
        let expressions = filters.iter().enumerate().flat_map(|(index, filter)| {
            let expressions = filter.path_regexes.iter();
            let expressions = expressions.chain(&filter.exclude_path_regexes);
            expressions.map(move |expression| (index, expression.clone()))
        });
        let (owners, expressions): (Vec<usize>, Vec<String>) = expressions.unzip();
        if expressions.is_empty() {
            return Ok(Self {
                filters,
                patterns: None,
            });
        }
        match Patterns::compile(expressions, MAX_HOOK_REGEX_BYTES).await {
            Ok(patterns) => Ok(Self {
                filters,
                patterns: Some(patterns),
            }),
            Err(error) => {
                let only = owners.first().filter(|first| owners.last() == Some(first));
                let owner = match &error {
                    PatternError::Syntax { index, .. } => owners.get(*index),
                    _ => only,
                };
                Err((owner.copied(), error))
            }
        }
    }

    /// Whether any filter matches the request.
    #[must_use]
    pub(crate) fn matches(&self, request: RequestFacts<'_>) -> bool {
        let matches = OnceCell::new();
        let mut end = 0;
        self.filters.iter().any(|filter| {
            let mut next = |expressions: &[String]| {
                let range = end..end + expressions.len();
                end = range.end;
                range
            };
            let included = next(&filter.path_regexes);
            let excluded = next(&filter.exclude_path_regexes);
            let is_found = |mut range: Range<usize>| match &self.patterns {
                Some(patterns) => {
                    let matches = matches.get_or_init(|| patterns.matches(request.path));
                    range.any(|index| matches.contains(index))
                }
                None => false,
            };
            filter.matches_fields(request)
                && (included.is_empty() || is_found(included))
                && (excluded.is_empty() || !is_found(excluded))
        })
    }

    /// Whether there are no filters, so that no request matches.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether any filter has a condition on the file that would be served.
    #[must_use]
    pub(super) fn by_file(&self) -> bool {
        let mut filters = self.filters.iter();
        filters.any(|filter| !filter.file_paths.is_empty())
    }

    /// Whether any filter has a condition on the response's MIME type.
    #[must_use]
    pub(super) fn by_mime_type(&self) -> bool {
        let mut filters = self.filters.iter();
        filters.any(|filter| !filter.mime_types.is_empty())
    }
}

impl RequestFilter {
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
            && self.path_regexes.is_empty()
            && self.exclude_path_regexes.is_empty()
            && self.methods.is_empty()
            && self.file_paths.is_empty()
            && self.mime_types.is_empty();
        if is_empty && !self.match_all {
            Err(RequestFilterError::Empty)
        } else {
            Ok(())
        }
    }

    /// Whether the request satisfies all conditions but the regular expressions.
    fn matches_fields(&self, request: RequestFacts<'_>) -> bool {
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

    async fn compile(filters: Vec<RequestFilter>) -> RequestFilters {
        RequestFilters::compile(filters).await.unwrap()
    }

    #[tokio::test]
    async fn any_entry_all_fields_and_no_exclusion_must_match() {
        let filter = RequestFilter {
            path_prefixes: vec!["/a/".into(), "/b/".into()],
            path_regexes: vec![r"\.js$".into()],
            exclude_path_regexes: vec!["skip".into()],
            ..Default::default()
        };
        let other = RequestFilter {
            path_regexes: vec!["^/other".into(), "^/more".into()],
            ..Default::default()
        };
        let filters = compile(vec![other, filter]).await;
        for path in ["/a/x.js", "/b/x.js", "/other", "/more", "/other/skip"] {
            assert!(filters.matches(get(path)), "{path}");
        }
        for path in ["/c/x.js", "/a/x.css", "/a/skip.js", "/skip"] {
            assert!(!filters.matches(get(path)), "{path}");
        }
        assert!(!filters.matches(RequestFacts {
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
            assert!(filter.matches_fields(of(mime)), "{mime:?}");
        }
        for mime in ["image/png", "textual/html", "", "text"] {
            assert!(!filter.matches_fields(of(Some(mime))), "{mime}");
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
        assert!(all.check().is_ok() && all.matches_fields(get("/x")));
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

    #[tokio::test]
    async fn the_filter_with_an_invalid_expression_is_named() {
        let filter = |expression: &str| RequestFilter {
            path_regexes: vec![expression.into()],
            ..Default::default()
        };
        let excluding = RequestFilter {
            exclude_path_regexes: vec!["(?=x)".into()],
            ..Default::default()
        };
        for (filters, index) in [
            (vec![filter("a"), filter("(")], Some(1)),
            (
                vec![filter("a"), RequestFilter::default(), excluding],
                Some(2),
            ),
            (vec![RequestFilter::default(), filter(r"\w{5000}")], Some(1)),
            (vec![filter(r"\w{150}"), filter(r"\w{150}")], None),
        ] {
            let (found, error) = RequestFilters::compile(filters).await.unwrap_err();
            assert_eq!(found, index, "{error}");
        }
    }
}
