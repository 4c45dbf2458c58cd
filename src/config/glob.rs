//! Globs in settings.

use globset::{Glob, GlobMatcher};
use std::str::FromStr;

/// Longest glob in a setting, in bytes; a longer one is refused. The library panics on globs that need
/// more than 10 MiB when compiled, which this length cannot. Default 1 KiB.
const MAX_GLOB_BYTES: usize = 1024;

/// Glob of URL paths. `*` matches slashes too, so `*.glb` applies to every folder.
#[derive(Clone, Debug)]
pub(crate) struct UrlGlob(GlobMatcher);

impl UrlGlob {
    /// Compiles a glob, with or without a leading slash.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        if text.len() > MAX_GLOB_BYTES {
            let bytes = text.len();
            return Err(format!(
                "the glob has {bytes} bytes, and the limit is {MAX_GLOB_BYTES} (use several shorter ones)"
            ));
        }
        Glob::new(text.trim_start_matches('/'))
            .map(|glob| Self(glob.compile_matcher()))
            .map_err(|error| format!("{text:?} is not a glob: {}", error.kind()))
    }

    /// Returns the glob without its leading slashes.
    pub(super) fn as_str(&self) -> &str {
        self.0.glob().glob()
    }

    /// Returns whether a decoded URL path matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path.trim_start_matches('/'))
    }
}

/// Pattern of files and folders, as in a `.gitignore`: without a slash it applies in every folder, and with
/// a slash at its end to folders only.
#[derive(Clone, Debug)]
pub(crate) struct FilePattern(String);

impl FilePattern {
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FilePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(['!', '#']) || text.trim().is_empty() {
            return Err(format!(
                "{text:?} is not a pattern of files (*.log, or tmp/; watch_ignore and watch_include are each other's opposite)"
            ));
        }
        UrlGlob::compile(text)?;
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_files_has_no_sign_of_its_own() {
        for text in ["*.log", "tmp/", "/dist/**", "a/{b,c}"] {
            assert_eq!(text.parse::<FilePattern>().unwrap().as_str(), text);
        }
        for text in [
            "!*.log",
            "#x",
            "",
            " ",
            "a[",
            &"x".repeat(MAX_GLOB_BYTES + 1),
        ] {
            assert!(text.parse::<FilePattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_glob_within_the_limit_compiles_and_a_longer_one_is_refused() {
        for part in [
            "?",
            "*",
            "**/",
            "[!a]",
            "[a-\u{10ffff}]",
            "{a,b}",
            "日",
            "{",
        ] {
            let text = part.repeat(MAX_GLOB_BYTES / part.len());
            assert_eq!(UrlGlob::compile(&text).is_ok(), part != "{", "{part}");
        }
        let nested = "{".repeat(512) + &"}".repeat(512);
        assert!(UrlGlob::compile(&nested).is_ok());
        for length in [MAX_GLOB_BYTES + 1, 1_000_000] {
            let error = UrlGlob::compile(&"?".repeat(length)).unwrap_err();
            let named = [length.to_string(), MAX_GLOB_BYTES.to_string()];
            assert!(named.iter().all(|number| error.contains(number)), "{error}");
        }
    }
}
