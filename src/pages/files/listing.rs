//! HTML page that lists the files of a folder. File names are untrusted: they are escaped in HTML and
//! percent-encoded in URLs.

use super::store::FileStore;
use crate::blocking::run_blocking;
use crate::message::is_reserved_path;
use crate::pages::html::escape;
use crate::pages::response::page_response::PageResponse;
use crate::paths::{PathLookup, Roots, UrlPath, open_real_folder, segment_url};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use rustix::fs::{AtFlags, Dir, FileType, statat};
use std::io;
use std::path::PathBuf;

/// Entries of a listing. If there are more, a note at its end says so. Default 10,000.
const MAX_ENTRIES: usize = 10_000;

/// Returns the listing of a folder: what a request by its URL would get. Names on the deny list, links that
/// lead nowhere or out of the root, and names that have no URL are omitted.
pub(crate) async fn listing(
    files: &FileStore,
    path: &UrlPath,
    folder: PathBuf,
) -> io::Result<PageResponse> {
    let (roots, url) = (files.roots().cloned(), path.url());
    let served = move || {
        let mut names = names(folder)?.into_iter();
        let mut served = Vec::new();
        while served.len() <= MAX_ENTRIES
            && let Some((name, is_folder)) = names.next()
        {
            let is_served = |roots: &Roots| is_served(roots, &url, &name, is_folder);
            if roots.as_ref().is_some_and(is_served) {
                served.push((name, is_folder));
            }
        }
        Ok(served)
    };
    let mut names = run_blocking(served).await?;
    let is_truncated = names.len() > MAX_ENTRIES;
    names.truncate(MAX_ENTRIES);
    let mut rows = String::new();
    if path.as_str() != "/" {
        rows.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for (name, is_folder) in names {
        let slash = if is_folder { "/" } else { "" };
        // The `./` prevents a name with a colon from being read as a URL with a scheme.
        let row = format!(
            "<li><a href=\"./{}{slash}\">{}{slash}</a></li>\n",
            escape(&segment_url(&name)),
            escape(&name),
        );
        rows.push_str(&row);
    }
    if is_truncated {
        rows.push_str(&format!(
            "<li>only the first {MAX_ENTRIES} entries are shown</li>\n"
        ));
    }
    let title = escape(path.as_str());
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px/1.6 system-ui,sans-serif;margin:3rem auto;max-width:46rem;padding:0 1rem}}\
         ul{{list-style:none;padding:0}}</style></head>\n<body><h1>{title}</h1><ul>\n{rows}</ul></body></html>\n",
    );
    let mut response = PageResponse::new(StatusCode::OK, "text/html; charset=utf-8", page.into());
    response
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whether a folder's URL path and a name in it lead to what the folder has at that name.
fn is_served(roots: &Roots, folder: &str, name: &str, is_folder: bool) -> bool {
    let slash = if is_folder { "/" } else { "" };
    let url = format!("{folder}{}{slash}", segment_url(name));
    !is_reserved_path(&url)
        && UrlPath::parse(&url).is_ok_and(|url| {
            let found = roots.find(&url);
            matches!(found, PathLookup::File(_) | PathLookup::Folder(_))
        })
}

/// Reads the names in the folder at a canonical path, and whether each is a folder: folders first, then by
/// name. Names that are not UTF-8 are left out, since they have no URL.
fn names(folder: PathBuf) -> io::Result<Vec<(String, bool)>> {
    let mut entries = Dir::new(open_real_folder(&folder)?)?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let is_folder = match entry.file_type() {
            FileType::Directory => true,
            FileType::Symlink | FileType::Unknown => {
                statat(entries.fd()?, entry.file_name(), AtFlags::empty())
                    .is_ok_and(|target| FileType::from_raw_mode(target.st_mode).is_dir())
            }
            _ => false,
        };
        match entry.file_name().to_str() {
            Err(_) | Ok("." | "..") => {}
            Ok(name) => names.push((name.to_owned(), is_folder)),
        }
    }
    names.sort_by(|(a, a_is_folder), (b, b_is_folder)| (b_is_folder, a).cmp(&(a_is_folder, b)));
    Ok(names)
}
