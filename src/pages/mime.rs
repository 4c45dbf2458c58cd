//! MIME types by file extension.

/// Where the table of `mime_guess` is not what browsers want. RFC 9239 names JavaScript.
const OURS: &[(&str, &str)] = &[
    ("js", "text/javascript"),
    ("mjs", "text/javascript"),
    ("cjs", "text/javascript"),
    ("map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("wasm", "application/wasm"),
    ("avif", "image/avif"),
    ("ts", "text/plain"),
    ("tsx", "text/plain"),
    ("jsx", "text/plain"),
];

/// What a path without a known extension gets.
const UNKNOWN: &str = "application/octet-stream";

/// The type of a file name or URL path, without parameters.
pub(super) fn of_path(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.')
        .map_or(UNKNOWN, |(_, extension)| of_extension(extension))
}

/// The type of a file extension, without parameters.
pub(super) fn of_extension(extension: &str) -> &'static str {
    let extension = extension.to_ascii_lowercase();
    OURS.iter()
        .find(|(ours, _)| *ours == extension)
        .map(|(_, mime)| *mime)
        .or_else(|| mime_guess::from_ext(&extension).first_raw())
        .unwrap_or(UNKNOWN)
}

/// The type with its charset, when the content is text and known to be UTF-8. Text in another
/// encoding keeps what it says of itself.
pub(super) fn with_charset(mime: &str, is_utf8: bool) -> String {
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
        ] {
            assert_eq!(of_path(path), mime, "{path}");
        }
    }
}
