//! A folder's files as a page. Names are anybody's text: escaped in HTML, encoded in URLs.

use crate::pages::errors::error_page::escape;
use crate::pages::files::store::{FileStore, blocking};
use crate::pages::response::page_response::PageResponse;
use crate::paths::{UrlPath, segment_url};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use std::io;
use std::path::PathBuf;

/// Names that a listing shows; it says so when there are more. Default 10,000.
const MAX_NAMES: usize = 10_000;

/// The listing of a folder that may be served; names that may not be are left out.
pub(crate) async fn answer(
    files: &FileStore,
    path: &UrlPath,
    folder: PathBuf,
) -> io::Result<PageResponse> {
    let mut names = blocking(move || names(folder)).await?;
    names.retain(|(name, _)| !files.roots().is_some_and(|roots| roots.denies(path, name)));
    let more = names.len() > MAX_NAMES;
    names.truncate(MAX_NAMES);
    let mut rows = String::new();
    if path.as_str() != "/" {
        rows.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for (name, is_folder) in names {
        let slash = if is_folder { "/" } else { "" };
        // Behind `./` a colon begins no scheme.
        let row = format!(
            "<li><a href=\"./{}{slash}\">{}{slash}</a></li>\n",
            segment_url(&name),
            escape(&name),
        );
        rows.push_str(&row);
    }
    if more {
        rows.push_str(&format!(
            "<li>more than {MAX_NAMES}: the rest is not shown</li>\n"
        ));
    }
    let title = escape(path.as_str());
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px/1.6 system-ui,sans-serif;margin:3rem auto;max-width:46rem;padding:0 1rem}}\
         ul{{list-style:none;padding:0}}</style></head>\n<body><h1>{title}</h1><ul>\n{rows}</ul></body></html>\n",
    );
    let mut answer = PageResponse::new(StatusCode::OK, "text/html; charset=utf-8", page.into());
    answer
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Folders first, each part by name. Names that are no UTF-8 have no URL.
fn names(folder: PathBuf) -> io::Result<Vec<(String, bool)>> {
    let entries = std::fs::read_dir(folder)?.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().into_string().ok()?, entry.path().is_dir()))
    });
    let mut names: Vec<_> = entries.collect();
    names.sort_by(|(a, a_is_folder), (b, b_is_folder)| (b_is_folder, a).cmp(&(a_is_folder, b)));
    Ok(names)
}
