//! Which requests a plugin wants to be asked about. Evaluated in the daemon: what no filter
//! matches never crosses a process.

use crate::hub::MAX_REGEX_BYTES;
use regex::{RegexSet, RegexSetBuilder};
use std::path::{Path, PathBuf};

/// What filters look at.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// Upper-case.
    pub method: &'a str,
    /// Decoded; begins with `/`.
    pub path: &'a str,
    /// The file that would answer, if there is one.
    pub file: Option<&'a Path>,
}

/// A condition on requests. Within a field any entry may match, between fields all that are
/// not empty must, and an exclusion wins.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
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
}

/// A filter that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RequestFilterError {
    /// Nothing is set.
    #[error("the filter is empty (set match_all to be asked about every request)")]
    Empty,
    /// A path without its slash.
    #[error("path {0:?} does not begin with / (write {suggestion:?})", suggestion = format!("/{}", .0))]
    NotAbsolute(String),
    /// A regular expression that does not compile.
    #[error(
        "regular expression does not compile (RE2 syntax, no look-around or back-references): {0}"
    )]
    Regex(String),
}

/// Compiles expressions that a program sent; none when there are none.
pub(crate) fn compile(expressions: &[String]) -> Result<Option<RegexSet>, RequestFilterError> {
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
    pub fn with_regexes(
        mut self,
        path_regexes: &[String],
        exclude_path_regexes: &[String],
    ) -> Result<Self, RequestFilterError> {
        self.path_regexes = compile(path_regexes)?;
        self.exclude_path_regexes = compile(exclude_path_regexes)?;
        Ok(self)
    }

    /// Refuses a filter that is empty by accident, and paths without their slash.
    pub fn check(&self) -> Result<(), RequestFilterError> {
        let paths = self.exact_paths.iter().chain(&self.path_prefixes);
        if let Some(path) = paths.into_iter().find(|path| !path.starts_with('/')) {
            return Err(RequestFilterError::NotAbsolute(path.clone()));
        }
        let is_empty = self.exact_paths.is_empty()
            && self.path_prefixes.is_empty()
            && self.path_regexes.is_none()
            && self.exclude_path_regexes.is_none()
            && self.methods.is_empty()
            && self.file_paths.is_empty();
        if is_empty && !self.match_all {
            Err(RequestFilterError::Empty)
        } else {
            Ok(())
        }
    }

    /// Whether the plugin wants to be asked.
    #[must_use]
    pub fn matches(&self, request: RequestFacts<'_>) -> bool {
        let RequestFacts { method, path, file } = request;
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
