//! `Invalidate`: what was kept of plugins' answers is forgotten.

use super::status::invalid;
use super::{Control, hook, info, proto};
use crate::paths::path_url;
use crate::plugins::Invalidation;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tonic::Status;

pub(super) fn invalidate(
    control: &Control,
    request: proto::InvalidateRequest,
) -> Result<proto::InvalidateResponse, Status> {
    let invalidation = parse(&request)?;
    let forgotten = control.plugins.invalidate(&invalidation);
    if request.refresh_pages {
        refresh(control, &invalidation, &forgotten);
    }
    Ok(proto::InvalidateResponse {
        entries_forgotten: info::bytes_u32(forgotten.len()),
    })
}

fn parse(request: &proto::InvalidateRequest) -> Result<Invalidation, Status> {
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
    let relative = |file: &&String| !Path::new(file).is_absolute();
    if let Some(file) = request.file_paths.iter().find(relative) {
        let text = format!("file path {file:?} is not absolute (write it from / on)");
        return Err(invalid("file_paths", text));
    }
    let is_empty = request.exact_paths.is_empty()
        && request.path_prefixes.is_empty()
        && request.file_paths.is_empty();
    if is_empty && !request.all {
        let text = "nothing is named (set all, exact_paths, path_prefixes or file_paths)";
        return Err(invalid("all", text));
    }
    // Files are known by the names that plugins gave them, and by their real paths.
    let named = request.file_paths.iter().map(PathBuf::from);
    let real = request.file_paths.iter().map(hook::real_path);
    Ok(Invalidation {
        all: request.all,
        exact_paths: request.exact_paths.clone(),
        path_prefixes: request.path_prefixes.clone(),
        files: named.chain(real).collect(),
    })
}

/// Tells pages of the paths that were named and of those that what was named stands behind, whether
/// anything was kept of them or not: an editor's buffer never is.
fn refresh(control: &Control, invalidation: &Invalidation, forgotten: &[String]) {
    if invalidation.all {
        return control.hub.notify_changed(std::iter::empty());
    }
    let files = invalidation.files.iter().map(PathBuf::as_path);
    let dependents = control.plugins.dependents().paths_of(files.clone());
    let of_files = files.filter_map(|file| control.roots.url_of(file));
    let decoded = invalidation
        .exact_paths
        .iter()
        .chain(forgotten)
        .map(String::as_str);
    let decoded = decoded.chain(dependents.iter().map(|path| &**path));
    let mut paths: BTreeSet<String> = decoded.map(path_url).collect();
    paths.extend(of_files);
    // Of prefixes only those pages are known that asked for what is kept.
    if !paths.is_empty() {
        control.hub.notify_changed(paths.into_iter());
    }
}
