//! Responses that plugins generate: the body inline or in a file, with checked headers and MIME type.

use super::mime;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, hash_tag};
use crate::paths::PathLookup;
use crate::plugins::{Hook, Serve, ServeBody, ServeContent};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
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

/// Converts a header that a plugin sets. The error says what is wrong with it.
pub(crate) fn parse_header(name: &str, value: &Bytes) -> Result<(HeaderName, HeaderValue), String> {
    HeaderName::from_bytes(name.as_bytes())
        .ok()
        .filter(|name| !FORBIDDEN_HEADERS.contains(&name.as_str()))
        .zip(HeaderValue::from_maybe_shared(value.clone()).ok())
        .ok_or_else(|| {
            format!("header {name:?} must not be set by a plugin, or its value is not valid")
        })
}

/// Returns the MIME type for a type or file extension that a plugin sets.
pub(crate) fn parse_content_type(given: &str) -> Result<String, String> {
    let mime = mime::of_type_or_extension(given).to_owned();
    if HeaderValue::from_str(&mime).is_err() {
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
        "" => default_type(request),
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
    for (name, value) in &content.headers {
        let (name, value) = parse_header(name, value)?;
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
fn default_type(request: &PageRequest<'_>) -> String {
    let types = &request.service.types;
    let path = request.path.as_str();
    let last_segment = path.rsplit('/').next().unwrap_or_default();
    let file_name = request.source_file.and_then(Path::file_name);
    match file_name.filter(|_| !last_segment.contains('.')) {
        Some(name) => types.of_path(&format!("{path}/{}", name.display())),
        None => types.of_path(path),
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
