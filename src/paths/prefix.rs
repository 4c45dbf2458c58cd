//! Prefixes of URL paths.

use std::str::FromStr;

/// A URL path prefix that matches whole segments: `/app` covers `/app` and `/app/x`, but not `/apple`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// The prefix without a trailing slash; empty = covers everything.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the rest of a path below the prefix, with its leading slash; `/` for the prefix itself.
    #[must_use]
    pub(crate) fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        match path.strip_prefix(&self.0)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        let path = text.trim_end_matches('/');
        let mut names = path.split('/').skip(1);
        let has_plain_names = names.all(|name| !matches!(name, "" | "." | ".."));
        if text.starts_with('/') && has_plain_names && text.chars().all(is_plain) {
            Ok(Self(path.to_owned()))
        } else {
            Err(format!(
                "{text:?} is not a URL path (letters, digits and -._~ between slashes: /app)"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_covers_whole_segments_only() {
        let app: Prefix = "/app/".parse().unwrap();
        assert_eq!(app.strip("/app/x"), Some("/x"));
        assert_eq!(app.strip("/app"), Some("/"));
        assert_eq!(app.strip("/apple"), None);
        assert_eq!("/".parse::<Prefix>().unwrap().strip("/x"), Some("/x"));
        for text in ["", "app", "/a b", "//a", "/a/../b", "/a%20"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
