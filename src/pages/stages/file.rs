//! The file stage: the response for what the file system has at a path.

use crate::pages::errors::error_page::error_page;
use crate::pages::files::listing::listing;
use crate::pages::files::lookup::FileLookup;
use crate::pages::files::store::{FileLocation, error_status};
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::{PageResponse, Responder};
use crate::paths::{PathLookup, UrlPath};
use axum::http::StatusCode;

/// Answers a request with its file, the app index, a folder listing or an error page.
pub(crate) async fn respond(request: &PageRequest<'_>, lookup: FileLookup) -> PageResponse {
    let found = match lookup.location {
        FileLocation::Cached(file) => return file.to_response(Responder::Memory),
        FileLocation::Disk(found) => found,
    };
    // Boxed to keep the future small for cached files.
    match lookup.app_index {
        Some(index) => Box::pin(from_disk(request, &index, found)).await,
        None => Box::pin(from_disk(request, request.path, found)).await,
    }
}

/// Answers with what was found at this path, which is the path of the request or of the
/// app index.
async fn from_disk(request: &PageRequest<'_>, path: &UrlPath, found: PathLookup) -> PageResponse {
    let service = request.service;
    match found {
        PathLookup::File(file) => match service.files.read(path, file).await {
            Ok(response) => response,
            Err(error) => {
                tracing::warn!(target: "pagewire::pages", %path, %error, "cannot read a file");
                let text = format!("cannot read {path}: {error}");
                error_page(request, error_status(&error), &text)
            }
        },
        PathLookup::FolderWithoutSlash => {
            let folder = format!("{}{}", service.base, path.to_folder().url());
            PageResponse::redirect(&folder, request.parts.uri.query())
        }
        PathLookup::Folder(folder) if service.listing => {
            match listing(&service.files, path, folder).await {
                Ok(response) => response,
                Err(error) => {
                    let text = format!("cannot list {path}: {}", error.kind());
                    error_page(request, error_status(&error), &text)
                }
            }
        }
        PathLookup::Folder(_) => {
            let text = format!(
                "nothing is served at {path}: no plugin responded, and the folder has no index.html (start pagewire with --listing to list its files)"
            );
            error_page(request, StatusCode::NOT_FOUND, &text)
        }
        PathLookup::NotFound => {
            let text = format!(
                "nothing is served at {path}: no plugin responded, and there is no such file"
            );
            error_page(request, StatusCode::NOT_FOUND, &text)
        }
        PathLookup::DeniedName(name) => {
            let text = format!(
                "the name {name} is on the deny list (start pagewire with --allow-file {name} to serve it)"
            );
            error_page(request, StatusCode::FORBIDDEN, &text)
        }
        PathLookup::OutsideRoot(real) => {
            let folder = real.parent().unwrap_or(&real).display().to_string();
            tracing::warn!(target: "pagewire::pages", %path, %folder, "refused a link to a file outside the root (start pagewire with --allow-dir and this folder to serve it)");
            let text = format!(
                "{path} is a link to a file outside the root (start pagewire with --allow-dir and the folder of that file to serve it)"
            );
            error_page(request, StatusCode::FORBIDDEN, &text)
        }
    }
}
