//! Files of the root.

use super::answer::{Answer, Payload};
use super::mime;
use crate::paths::{Found, Root, UrlPath};
use axum::http::StatusCode;
use bytes::Bytes;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// Files up to this size are read at once; larger ones are sent piece by piece.
const WHOLE_FILE_BYTES: u64 = 1024 * 1024;

/// HTML up to this size is read at once, so that the client can be injected. Larger pages are
/// served without it.
const WHOLE_PAGE_BYTES: u64 = 16 * 1024 * 1024;

pub(super) async fn find(root: &Root, path: &UrlPath) -> Found {
    let (root, path) = (root.clone(), path.clone());
    blocking(move || Ok(root.find(&path)))
        .await
        .unwrap_or(Found::Nothing)
}

pub(super) async fn read(path: PathBuf) -> io::Result<Answer> {
    blocking(move || {
        let mut file = std::fs::File::open(&path)?;
        let metadata = file.metadata()?;
        let size = metadata.len();
        let mime = path.file_name().and_then(|name| name.to_str()).map_or("", mime::of_path);
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let tag = format!("{:x}-{size:x}", modified.as_nanos());
        let whole = if mime == "text/html" { WHOLE_PAGE_BYTES } else { WHOLE_FILE_BYTES };
        let (body, is_utf8) = if size <= whole {
            let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            // It may have grown since: never more than was promised to be small.
            (&mut file).take(whole).read_to_end(&mut content)?;
            let is_utf8 = std::str::from_utf8(&content).is_ok();
            (Payload::Bytes(Bytes::from(content)), is_utf8)
        } else {
            if mime == "text/html" {
                tracing::warn!(target: "pagewire::pages", path = %path.display(), size, "page is too large for the client to be injected");
            }
            (Payload::File(tokio::fs::File::from_std(file), size), false)
        };
        let mut answer =
            Answer::new(StatusCode::OK, &mime::with_charset(mime, is_utf8), Bytes::new());
        answer.body = body;
        answer.tag = Some(tag);
        Ok(answer)
    })
    .await
}

pub(super) fn status_of(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
