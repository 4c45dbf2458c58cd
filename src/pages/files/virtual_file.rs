//! What a plugin answered, as an answer: its body inline or in a file, its type and headers checked.

use crate::pages::PageService;
use crate::pages::files::mime;
use crate::pages::request::Subject;
use crate::pages::response::page_response::{PageResponse, hash_tag};
use crate::paths::PathLookup;
use crate::plugins::{Hook, Serve, ServeBody, ServeContent};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;
use std::path::Path;

/// Headers that describe one connection or the body's length: ours to set.
const REFUSED_HEADERS: &[&str] = &[
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

/// A header that a plugin sets, or what is wrong with it.
pub(crate) fn checked_header(
    name: &str,
    value: &Bytes,
) -> Result<(HeaderName, HeaderValue), String> {
    HeaderName::from_bytes(name.as_bytes())
        .ok()
        .filter(|name| !REFUSED_HEADERS.contains(&name.as_str()))
        .zip(HeaderValue::from_maybe_shared(value.clone()).ok())
        .ok_or_else(|| {
            format!("header {name:?} is not one that a plugin may set, or its value is not valid")
        })
}

/// A type that a plugin says, or what is wrong with it.
pub(crate) fn checked_type(given: &str) -> Result<String, String> {
    let mime = mime::of_type_or_extension(given).to_owned();
    if HeaderValue::from_str(&mime).is_err() {
        return Err(format!("content type {mime:?} is not valid in a header"));
    }
    Ok(mime)
}

/// A plugin's content as an answer, or what is wrong with it.
pub(crate) async fn answer(
    pages: &PageService,
    hook: &Hook<Serve>,
    subject: Subject<'_>,
    content: &ServeContent,
) -> Result<PageResponse, String> {
    let status = match content.status {
        0 => StatusCode::OK,
        code => StatusCode::from_u16(code)
            .ok()
            .filter(|status| code >= 200 && status.as_u16() <= 599)
            .ok_or_else(|| format!("status {code} is not one of 200 to 599"))?,
    };
    let mime = match content.content_type.as_str() {
        "" => {
            let path = subject.path.as_str();
            let is_named = path
                .rsplit('/')
                .next()
                .is_some_and(|name| name.contains('.'));
            // `/` says less than the `index.html` that it stands for.
            match subject.file.and_then(Path::file_name).filter(|_| !is_named) {
                Some(name) => pages.types.of_path(&format!("{path}/{}", name.display())),
                None => pages.types.of_path(path),
            }
        }
        given => checked_type(given)?,
    };
    let mut answer = match &content.body {
        ServeBody::Inline(inline) => {
            let mime = mime::with_charset(&mime, inline.is_utf8);
            let mut answer = PageResponse::new(status, &mime, inline.body.clone());
            answer.tag = hash_tag(inline.hash);
            answer
        }
        ServeBody::File(file) => {
            let mut answer = of_file(pages, hook, file, mime).await?;
            answer.status = status;
            answer
        }
    };
    for (name, value) in &content.headers {
        let (name, value) = checked_header(name, value)?;
        if name == header::CONTENT_TYPE || name == header::LAST_MODIFIED {
            answer.headers.insert(name, value);
        } else {
            answer.headers.append(name, value);
        }
    }
    answer.verbatim = content.verbatim;
    Ok(answer)
}

/// The file that a plugin names, as files of its own type are: read at once, or piece by piece.
async fn of_file(
    pages: &PageService,
    hook: &Hook<Serve>,
    file: &Path,
    mime: String,
) -> Result<PageResponse, String> {
    let roots = pages.files.roots().cloned();
    let scratch = hook.type_options().scratch_dir.clone();
    let find = move |file: &Path| {
        let in_scratch = scratch.and_then(|scratch| {
            let real = file.canonicalize().ok()?;
            (real.is_file() && real.starts_with(scratch.canonicalize().ok()?)).then_some(real)
        });
        let found = || roots.map_or(PathLookup::NotFound, |roots| roots.classify(file));
        match in_scratch.map_or_else(found, PathLookup::File) {
            PathLookup::File(real) => Ok(real),
            PathLookup::OutsideRoot(_) => {
                Err("which is in no served root and not in the plugin's scratch folder".to_owned())
            }
            PathLookup::DeniedName(name) => Err(format!(
                "and {name} is on the list of names that are never served (start pagewire with --allow-file {name})"
            )),
            PathLookup::Folder(_) | PathLookup::FolderWithoutSlash => {
                Err("which is a folder".to_owned())
            }
            PathLookup::NotFound => Err("which is no file that is served".to_owned()),
        }
    };
    let read = pages.files.named(hook.plugin(), file, mime, find).await;
    read.map_err(|fault| format!("the result names the file {}, {fault}", file.display()))
}
