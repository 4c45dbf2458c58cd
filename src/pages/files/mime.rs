//! MIME types of URL paths, by the configured rules or the file extension, and content codings of files.

use crate::config::MimeRule;
use axum::http::HeaderValue;
use std::path::Path;

/// Types by extension that override those of `mime_guess`, which browsers would not accept.
/// JavaScript: RFC 9239.
const OVERRIDES: &[(&str, &str)] = &[
    ("js", "text/javascript"),
    ("mjs", "text/javascript"),
    ("cjs", "text/javascript"),
    ("map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("wasm", "application/wasm"),
    ("avif", "image/avif"),
    ("otf", "font/otf"),
    ("ttf", "font/ttf"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("ts", "text/plain"),
    ("mts", "text/plain"),
    ("cts", "text/plain"),
    ("tsx", "text/plain"),
    ("jsx", "text/plain"),
];

/// Type of paths without a known extension.
const DEFAULT_TYPE: &str = "application/octet-stream";

/// Table of MIME types with the configured rules.
pub(crate) struct MimeTypes {
    rules: Vec<MimeRule>,
}

impl MimeTypes {
    pub(crate) fn new(rules: Vec<MimeRule>) -> Self {
        Self { rules }
    }

    /// Returns the type of a URL path. The first rule that matches takes precedence over the extension.
    pub(crate) fn of_path(&self, path: &str) -> String {
        self.known_of_path(path).unwrap_or(DEFAULT_TYPE).to_owned()
    }

    /// Returns the type of a URL path whose content a plugin made: text without a known type is plain text.
    pub(crate) fn of_made_content(&self, path: &str, is_utf8: bool) -> String {
        let default = if is_utf8 { "text/plain" } else { DEFAULT_TYPE };
        self.known_of_path(path).unwrap_or(default).to_owned()
    }

    fn known_of_path(&self, path: &str) -> Option<&str> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(path)) {
            return Some(of_type_or_extension(&rule.mime));
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let (_, extension) = name.rsplit_once('.')?;
        known_extension(extension)
    }
}

/// Returns a MIME type unchanged, and a file extension as its type.
pub(crate) fn of_type_or_extension(text: &str) -> &str {
    if text.contains('/') {
        text
    } else {
        known_extension(text.trim_start_matches('.')).unwrap_or(DEFAULT_TYPE)
    }
}

/// Returns the type of a file extension, without parameters.
fn known_extension(extension: &str) -> Option<&'static str> {
    let extension = extension.to_ascii_lowercase();
    OVERRIDES
        .iter()
        .find(|(known, _)| *known == extension)
        .map(|(_, mime)| *mime)
        .or_else(|| mime_guess::from_ext(&extension).first_raw())
}

/// Returns the content coding of a file by its extension: `.svgz` is compressed SVG, which browsers show only if
/// the response names the coding (SVG 2, section 2.6). Other compressed files, such as `.tar.gz`, are for programs
/// that unpack them.
pub(crate) fn content_coding(file: &Path) -> Option<HeaderValue> {
    let extension = file.extension()?;
    extension
        .eq_ignore_ascii_case("svgz")
        .then(|| HeaderValue::from_static("gzip"))
}

/// Adds the charset to the type of text that is known to be UTF-8. Other text is left to declare its own
/// encoding.
pub(crate) fn with_charset(mime: &str, is_utf8: bool) -> String {
    let is_text = mime.starts_with("text/")
        || mime.ends_with("json")
        || mime.ends_with("xml")
        || mime == "application/javascript";
    if is_text && is_utf8 && !mime.contains(';') {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_types_that_browsers_require() {
        let types = MimeTypes::new(vec![
            "*.glb=model/x".parse().unwrap(),
            "/t/*=js".parse().unwrap(),
        ]);
        for (path, mime) in [
            ("/a.js", "text/javascript"),
            ("/a.MJS", "text/javascript"),
            ("/a.wasm", "application/wasm"),
            ("/a.css", "text/css"),
            ("/a.html", "text/html"),
            ("/a.json", "application/json"),
            ("/a.js.map", "application/json"),
            ("/a.svg", "image/svg+xml"),
            ("/a.woff2", "font/woff2"),
            ("/a.b/none", "application/octet-stream"),
            ("/deep/a.glb", "model/x"),
            ("/t/a.css", "text/javascript"),
        ] {
            assert_eq!(types.of_path(path), mime, "{path}");
        }
    }
}
