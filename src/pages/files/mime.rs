//! MIME types of URL paths: by the configuration, else by file extension.

use crate::config::MimeRule;

/// Where the table of `mime_guess` is not what browsers want. RFC 9239 names JavaScript.
const OURS: &[(&str, &str)] = &[
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

/// What a path without a known extension gets.
const UNKNOWN: &str = "application/octet-stream";

/// Which type a path has: what the configuration says, or its extension.
pub(crate) struct MimeTypes {
    rules: Vec<MimeRule>,
}

impl MimeTypes {
    pub(crate) fn new(rules: Vec<MimeRule>) -> Self {
        Self { rules }
    }

    /// The type of a URL path; the first rule that matches counts.
    pub(crate) fn of_path(&self, path: &str) -> String {
        if let Some(rule) = self.rules.iter().find(|rule| rule.matches(path)) {
            return of_type_or_extension(&rule.mime).to_owned();
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        extension.map_or(UNKNOWN, of_extension).to_owned()
    }
}

/// A type as it is, or that of a file extension.
pub(crate) fn of_type_or_extension(text: &str) -> &str {
    if text.contains('/') {
        text
    } else {
        of_extension(text.trim_start_matches('.'))
    }
}

/// The type of a file extension, without parameters.
fn of_extension(extension: &str) -> &'static str {
    let extension = extension.to_ascii_lowercase();
    OURS.iter()
        .find(|(ours, _)| *ours == extension)
        .map(|(_, mime)| *mime)
        .or_else(|| mime_guess::from_ext(&extension).first_raw())
        .unwrap_or(UNKNOWN)
}

/// The type with its charset, when the content is text and known to be UTF-8. Text in another
/// encoding keeps what it says of itself.
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
    fn browsers_get_the_types_they_insist_on() {
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
