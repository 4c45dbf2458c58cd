//! Responses that plugins generate: the body inline or in a file, with checked headers and MIME type.

use super::mime;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, hash_tag};
use crate::paths::PathLookup;
use crate::plugins::{Hook, Serve, ServeBody, ServeContent};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use std::path::Path;

/// Headers that plugins must not set: they describe the connection or the length of the body.
const FORBIDDEN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of a response that a plugin made or changed. A result that sets more is a failure of the
/// plugin, which names both numbers. Far above what browsers accept, and far below the 24,576 headers at
/// which the header map panics. Default 1,024.
pub(crate) const MAX_HEADERS: usize = 1024;

/// Name and value of one header that a plugin sets, in bytes. A result with a longer one is a failure of the
/// plugin. Clients accept less than 100 KiB (curl) or refuse the response. Default 32 KiB.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Headers of a response that a plugin made or changed, in bytes. A result that sets more is a failure of the
/// plugin. Clients accept less than 256 KiB (Chromium) or refuse the response. Default 128 KiB.
const MAX_HEADERS_BYTES: usize = 128 * 1024;

/// Longest name of a header in an error, in bytes.
const MAX_SHOWN_BYTES: usize = 100;

/// Converts the headers that a plugin sets on a response that has the headers `present`. The error says what
/// is wrong with them.
pub(crate) fn parse_headers(
    given: &[(String, Bytes)],
    present: &HeaderMap,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    if given.len().saturating_add(present.len()) > MAX_HEADERS {
        return Err(format!(
            "the result sets {} headers on a response with {}, and the limit is {MAX_HEADERS} together (set fewer headers)",
            given.len(),
            present.len()
        ));
    }
    let size = |name: &str, value: &[u8]| name.len() + value.len();
    let mut bytes = 0;
    for (name, value) in given {
        let size = size(name, value);
        if size > MAX_HEADER_BYTES {
            return Err(format!(
                "header {:?} has {size} bytes, and the limit is {MAX_HEADER_BYTES} (clients refuse long headers; use the body)",
                shown(name)
            ));
        }
        bytes += size;
    }
    let present = present.iter();
    let present: usize = present
        .map(|(name, value)| size(name.as_str(), value.as_bytes()))
        .sum();
    if bytes + present > MAX_HEADERS_BYTES {
        return Err(format!(
            "the result sets headers of {bytes} bytes on a response with {present}, and the limit is {MAX_HEADERS_BYTES} together (clients refuse more)"
        ));
    }
    let given = given.iter();
    given
        .map(|(name, value)| parse_header(name, value))
        .collect()
}

fn parse_header(name: &str, value: &Bytes) -> Result<(HeaderName, HeaderValue), String> {
    HeaderName::from_bytes(name.as_bytes())
        .ok()
        .filter(|name| !FORBIDDEN_HEADERS.contains(&name.as_str()))
        .zip(HeaderValue::from_maybe_shared(value.clone()).ok())
        .ok_or_else(|| {
            let name = shown(name);
            format!("header {name:?} must not be set by a plugin, or its value is not valid")
        })
}

/// Returns the beginning of a text for an error.
fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_SHOWN_BYTES)]
}

/// Returns the MIME type for a type or file extension that a plugin sets.
pub(crate) fn parse_content_type(given: &str) -> Result<String, String> {
    let mime = mime::of_type_or_extension(given).to_owned();
    if mime.len() > MAX_HEADER_BYTES {
        return Err(format!(
            "the content type has {} bytes, and the limit is {MAX_HEADER_BYTES}",
            mime.len()
        ));
    }
    if HeaderValue::from_str(&mime).is_err() {
        let mime = shown(&mime);
        return Err(format!("content type {mime:?} is not valid in a header"));
    }
    Ok(mime)
}

/// Converts the content that a serve hook returned. The error says what is wrong with it.
pub(crate) async fn content_response(
    request: &PageRequest<'_>,
    hook: &Hook<Serve>,
    content: &ServeContent,
) -> Result<PageResponse, String> {
    let status = match content.status {
        0 => StatusCode::OK,
        code => StatusCode::from_u16(code)
            .ok()
            .filter(|status| code >= 200 && status.as_u16() <= 599)
            .ok_or_else(|| format!("status {code} is not in the range of 200 to 599"))?,
    };
    let mime = match content.content_type.as_str() {
        "" => default_type(request, &content.body),
        given => parse_content_type(given)?,
    };
    let mut response = match &content.body {
        ServeBody::Inline(inline) => {
            let mime = mime::with_charset(&mime, inline.is_utf8);
            let mut response = PageResponse::new(status, &mime, inline.body.clone());
            response.tag = hash_tag(inline.hash);
            response
        }
        ServeBody::File(file) => {
            let mut response = file_response(request, hook, file, mime).await?;
            response.status = status;
            response
        }
    };
    for (name, value) in parse_headers(&content.headers, &response.headers)? {
        if name == header::CONTENT_TYPE || name == header::LAST_MODIFIED {
            response.headers.insert(name, value);
        } else {
            response.headers.append(name, value);
        }
    }
    response.verbatim = content.verbatim;
    Ok(response)
}

/// Returns the MIME type of the request's path. If its last segment has no extension, that of the file
/// decides: `/` does not show the type of its `index.html`.
fn default_type(request: &PageRequest<'_>, body: &ServeBody) -> String {
    let types = &request.service.types;
    let path = request.path.as_str();
    let last_segment = path.rsplit('/').next().unwrap_or_default();
    let file_name = request.source_file.and_then(Path::file_name);
    let is_utf8 = matches!(body, ServeBody::Inline(inline) if inline.is_utf8);
    match file_name.filter(|_| !last_segment.contains('.')) {
        Some(name) => types.of_made_content(&format!("{path}/{}", name.display()), is_utf8),
        None => types.of_made_content(path, is_utf8),
    }
}

/// Reads the file that a plugin names as the body. It must be in a served root or in the plugin's scratch
/// folder.
async fn file_response(
    request: &PageRequest<'_>,
    hook: &Hook<Serve>,
    file: &Path,
    mime: String,
) -> Result<PageResponse, String> {
    let roots = request.service.files.roots().cloned();
    let scratch_dir = hook.type_options().scratch_dir.clone();
    let find = move |file: &Path| {
        let in_scratch_dir = scratch_dir.and_then(|scratch_dir| {
            // The folder's path is canonical, so a link that has taken its place contains nothing.
            let real = file.canonicalize().ok()?;
            (real.is_file() && real.starts_with(scratch_dir)).then_some(real)
        });
        let in_roots = || roots.map_or(PathLookup::NotFound, |roots| roots.classify(file));
        match in_scratch_dir.map_or_else(in_roots, PathLookup::File) {
            PathLookup::File(real) => Ok(real),
            PathLookup::OutsideRoot(_) => Err(
                "which is neither in a served root nor in the plugin's scratch folder".to_owned(),
            ),
            PathLookup::DeniedName(name) => Err(format!(
                "but the name {name} is on the deny list (start pagewire with --allow-file {name} to serve it)"
            )),
            PathLookup::Folder(_) | PathLookup::FolderWithoutSlash => {
                Err("which is a folder".to_owned())
            }
            PathLookup::NotFound => Err("which does not exist or is not served".to_owned()),
        }
    };
    let files = &request.service.files;
    let read = files.read_for_plugin(hook.plugin(), file, mime, find).await;
    read.map_err(|error| format!("the result names the file {}, {error}", file.display()))
}
