//! URL paths: decoded once, and refused unless they consist of plain names.

use super::Prefix;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt;
use std::path::Path;

/// The characters to percent-encode in a path segment: all that RFC 3986, section 3.3 does not allow.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'/');

/// A URL path, percent-decoded once, without dot segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlPath {
    text: String,
}

/// Why a URL path was refused. The page gets 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlPathError {
    #[error("the path does not begin with /")]
    NotAbsolute,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the path has a percent sequence that does not decode to UTF-8")]
    BadEncoding,
    /// NUL, another control character, or a backslash (a separator to some file systems).
    #[error("the path has a control character or a backslash")]
    BadCharacter,
    /// `..` beyond the first segment.
    #[error("the path leaves the root (too many ..)")]
    Escapes,
}

impl UrlPath {
    /// Decodes the path of a request target (without its query).
    pub(crate) fn parse(raw: &str) -> Result<Self, UrlPathError> {
        if !raw.starts_with('/') {
            return Err(UrlPathError::NotAbsolute);
        }
        let bytes = raw.as_bytes();
        let mut before = 0;
        let is_plain = bytes.iter().all(|b| {
            let begins_special_segment = before == b'/' && matches!(b, b'/' | b'.');
            before = *b;
            b.is_ascii_graphic() && !matches!(b, b'%' | b'\\') && !begins_special_segment
        });
        if is_plain {
            // The fast path for nearly all requests: nothing to decode, no segment to remove.
            return Ok(Self {
                text: raw.to_owned(),
            });
        }
        let well_formed = bytes.iter().enumerate().all(|(at, byte)| {
            *byte != b'%'
                || bytes
                    .get(at + 1..at + 3)
                    .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        if !well_formed {
            return Err(UrlPathError::BadEncoding);
        }
        let decoded = percent_decode_str(raw)
            .decode_utf8()
            .map_err(|_| UrlPathError::BadEncoding)?;
        if decoded.chars().any(|c| c.is_control() || c == '\\') {
            return Err(UrlPathError::BadCharacter);
        }
        let mut segments: Vec<&str> = Vec::new();
        for segment in decoded.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop().ok_or(UrlPathError::Escapes)?;
                }
                name => segments.push(name),
            }
        }
        let names_a_folder = matches!(decoded.rsplit('/').next(), Some("" | "." | ".."));
        let mut text = String::with_capacity(decoded.len());
        for segment in &segments {
            text.push('/');
            text.push_str(segment);
        }
        if names_a_folder || segments.is_empty() {
            text.push('/');
        }
        Ok(Self { text })
    }

    /// Returns the path of the root folder, `/`.
    pub(crate) fn root() -> Self {
        Self {
            text: "/".to_owned(),
        }
    }

    /// The decoded path; begins with `/`, and ends with it when it names a folder.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it ends with `/`.
    #[must_use]
    pub(crate) fn names_a_folder(&self) -> bool {
        self.text.ends_with('/')
    }

    /// The names between the slashes.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter(|name| !name.is_empty())
    }

    /// The names as a relative file path.
    pub(super) fn relative(&self) -> &Path {
        Path::new(self.text.trim_matches('/'))
    }

    /// Returns the rest of the path below a prefix.
    #[must_use]
    pub(crate) fn below(&self, prefix: &Prefix) -> Option<Self> {
        let text = prefix.strip(&self.text)?.to_owned();
        Some(Self { text })
    }

    /// Returns the path with a trailing slash.
    #[must_use]
    pub(crate) fn to_folder(&self) -> Self {
        let text = format!("{}/", self.text.trim_end_matches('/'));
        Self { text }
    }

    /// Returns the percent-encoded path. It begins with exactly one `/`, so that browsers cannot take
    /// its first segment for a host.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        path_url(&self.text)
    }
}

/// Percent-encodes a decoded path.
#[must_use]
pub(crate) fn path_url(decoded: &str) -> String {
    let names = decoded.split('/').map(segment_url);
    names.collect::<Vec<_>>().join("/")
}

/// Percent-encodes a name as a segment of a URL path.
#[must_use]
pub(crate) fn segment_url(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

impl fmt::Display for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &str) -> Result<String, UrlPathError> {
        UrlPath::parse(raw).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(parsed("/a%20b/%2525"), Ok("/a b/%25".into()));
        assert_eq!(parsed("/caf%C3%A9"), Ok("/café".into()));
    }

    #[test]
    fn removes_dot_segments_and_repeated_slashes() {
        assert_eq!(parsed("/a/./b//c"), Ok("/a/b/c".into()));
        assert_eq!(parsed("/a/b/.."), Ok("/a/".into()));
        assert_eq!(parsed("/.env/."), Ok("/.env/".into()));
        assert_eq!(parsed("//etc/passwd"), Ok("/etc/passwd".into()));
        assert_eq!(parsed("/"), Ok("/".into()));
    }

    #[test]
    fn refuses_paths_that_escape_or_do_not_decode() {
        assert_eq!(parsed("/../x"), Err(UrlPathError::Escapes));
        assert_eq!(parsed("/%2e%2e/x"), Err(UrlPathError::Escapes));
        assert_eq!(parsed("/..%2fx"), Err(UrlPathError::Escapes));
        assert_eq!(parsed("/a/..%5c..%5cx"), Err(UrlPathError::BadCharacter));
        assert_eq!(parsed("/a%00.js"), Err(UrlPathError::BadCharacter));
        assert_eq!(parsed("/%"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("/%zz"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("/%+1"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("/%ff"), Err(UrlPathError::BadEncoding));
        assert_eq!(parsed("a"), Err(UrlPathError::NotAbsolute));
        assert_eq!(parsed(""), Err(UrlPathError::NotAbsolute));
    }

    #[test]
    fn a_redirect_target_has_one_leading_slash_and_is_encoded() {
        let url = UrlPath::parse("//evil.example/%3Cb%3E").unwrap();
        assert_eq!(url.url(), "/evil.example/%3Cb%3E");
        assert_eq!(url.to_folder().url(), "/evil.example/%3Cb%3E/");
    }
}
