//! `Invalidate`: evicts cached hook results, and refreshes the pages that use them.

use super::limits::{MAX_INVALIDATED_BYTES, MAX_INVALIDATED_PATHS};
use super::status::{self, invalid};
use super::{Control, convert, proto};
use crate::paths::path_url;
use crate::plugins::{Invalidation, Prefixes};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tonic::Status;

pub(super) async fn invalidate(
    control: &Arc<Control>,
    request: proto::InvalidateRequest,
) -> Result<proto::InvalidateResponse, Status> {
    check(&request)?;
    let control = control.clone();
    // On a blocking thread: it resolves the links in paths, and looks at each cached result.
    let invalidated = tokio::task::spawn_blocking(move || perform(&control, request));
    // Fails only when the runtime shuts down.
    invalidated.await.map_err(|_| status::stopping())
}

fn perform(control: &Control, request: proto::InvalidateRequest) -> proto::InvalidateResponse {
    let refresh_pages = request.refresh_pages;
    let invalidation = convert_paths(request);
    let evicted = control.plugins.invalidate(&invalidation);
    if refresh_pages {
        refresh(control, &invalidation, &evicted);
    }
    proto::InvalidateResponse {
        entries_forgotten: convert::size(evicted.len()),
    }
}

fn check(request: &proto::InvalidateRequest) -> Result<(), Status> {
    let lists = [
        ("exact_paths", &request.exact_paths),
        ("path_prefixes", &request.path_prefixes),
        ("file_paths", &request.file_paths),
    ];
    for (field, list) in lists {
        convert::check_list(field, list, MAX_INVALIDATED_PATHS, MAX_INVALIDATED_BYTES)?;
    }
    let paths = [
        ("exact_paths", &request.exact_paths),
        ("path_prefixes", &request.path_prefixes),
    ];
    for (field, paths) in paths {
        if let Some(path) = paths.iter().find(|path| !path.starts_with('/')) {
            let text = format!("path {path:?} does not begin with / (write \"/{path}\")");
            return Err(invalid(field, text));
        }
    }
    let is_relative = |file: &&String| !Path::new(file).is_absolute();
    if let Some(file) = request.file_paths.iter().find(is_relative) {
        let text = format!("file path {file:?} is not absolute (begin it with /)");
        return Err(invalid("file_paths", text));
    }
    let is_empty = request.exact_paths.is_empty()
        && request.path_prefixes.is_empty()
        && request.file_paths.is_empty();
    if is_empty && !request.all {
        let text = "nothing is named (set all, exact_paths, path_prefixes or file_paths)";
        return Err(invalid("all", text));
    }
    Ok(())
}

fn convert_paths(request: proto::InvalidateRequest) -> Invalidation {
    // Plugins may have named a file by either path.
    let named = request.file_paths.iter().map(PathBuf::from);
    let real = request.file_paths.iter().map(convert::hook::real_path);
    Invalidation {
        all: request.all,
        files: named.chain(real).collect(),
        exact_paths: request.exact_paths.into_iter().collect(),
        path_prefixes: Prefixes::new(request.path_prefixes),
    }
}

/// Notifies pages of changes to the invalidated paths and to the paths that depend on the invalidated
/// files, even if no result was cached: an editor's buffer, for example, never is.
fn refresh(control: &Control, invalidation: &Invalidation, evicted: &[String]) {
    if invalidation.all {
        return control.hub.notify_changed(std::iter::empty(), false);
    }
    let files = invalidation.files.iter().map(PathBuf::as_path);
    let dependents = control.plugins.dependents().paths_of(files.clone());
    let of_files = files.filter_map(|file| control.roots.url_of(file));
    let decoded = invalidation
        .exact_paths
        .iter()
        .chain(evicted)
        .map(String::as_str);
    let decoded = decoded.chain(dependents.iter().map(|path| &**path));
    let mut paths: BTreeSet<String> = decoded.map(path_url).collect();
    paths.extend(of_files);
    // A prefix alone names no path: of the paths below it, only those with evicted entries are known.
    if !paths.is_empty() {
        control.hub.notify_changed(paths.into_iter(), false);
    }
}
