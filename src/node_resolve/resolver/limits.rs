//! Limits of what a resolution works with. `oxc_resolver` recurses once per component of a path and once
//! per `extends`, and replaces every `*` of a target with a part of the specifier, all without a limit.

use oxc_resolver::{ExtendsField, TsConfig};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Longest specifier, path of an importer, and path in a package.json or tsconfig.json, in bytes. Longer
/// specifiers are left to the browser, and files with longer paths are refused; both are logged. The resolver
/// takes time in proportion to the square of a path's length. Default 1 KiB.
pub(super) const MAX_PATH_BYTES: usize = 1024;

/// Longest path that Linux opens: longer ones lead to no file.
pub(super) const MAX_FILE_PATH_BYTES: usize = 4096;

/// Most `*` in a path of a package.json or tsconfig.json: each is replaced with a part of the specifier.
/// A file with more is refused. Default 4; packages use one or two.
const MAX_STARS: usize = 4;

/// Most tsconfig.json, extended and referenced ones included, that a resolution reads. Further ones are
/// refused. Default 64.
pub(super) const MAX_TSCONFIGS: usize = 64;

/// Stack of the thread that resolves, in bytes of address space: only the part in use takes memory. The
/// limits above allow about 3,000 path components and 64 nested `extends`. 2 MiB overflow with 5,000
/// components, or with 800 `extends`. Default 64 MiB.
pub(in crate::node_resolve) const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Fields of a package.json that contain paths.
const PACKAGE_FIELDS: [&str; 7] = [
    "main",
    "module",
    "jsnext:main",
    "jsnext",
    "browser",
    "exports",
    "imports",
];

/// Checks a package.json. One that is not JSON fails too: the resolver's own parser has no limit for
/// nesting.
pub(super) fn check_package_json(file: &Path, json: &[u8]) -> Result<(), String> {
    let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    let package: Value = serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("{}:{line}:{column}: {error}", file.display())
    })?;
    PACKAGE_FIELDS
        .iter()
        .try_for_each(|field| check_strings(file, field, &package[field]))
}

fn check_strings(file: &Path, field: &str, value: &Value) -> Result<(), String> {
    let check = |value: &Value| check_strings(file, field, value);
    match value {
        Value::String(path) => check_path(file, field, path, MAX_STARS),
        Value::Array(values) => values.iter().try_for_each(check),
        Value::Object(fields) => fields.values().try_for_each(check),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Checks a tsconfig.json. The resolver itself reports one that it cannot parse.
pub(super) fn check_tsconfig(file: &Path, json: &str) -> Result<(), String> {
    let Ok(config) = TsConfig::parse(true, file, file, json.to_owned()) else {
        return Ok(());
    };
    let extends = match config.extends {
        Some(ExtendsField::Single(path)) => vec![path.into()],
        Some(ExtendsField::Multiple(paths)) => paths.into_iter().map(PathBuf::from).collect(),
        None => Vec::new(),
    };
    let options = config.compiler_options;
    let targets = options.paths.into_iter().flatten();
    let references = config.references.into_iter();
    let globs = [config.files, config.include, config.exclude];
    let globs: Vec<_> = globs.into_iter().flatten().flatten().collect();
    let check_all = |name, paths: Vec<PathBuf>, max_stars| {
        let mut paths = paths.iter().map(|path| path.to_string_lossy());
        paths.try_for_each(|path| check_path(file, name, &path, max_stars))
    };
    check_all("extends", extends, MAX_STARS)?;
    check_all(
        "references",
        references.map(|it| it.path).collect(),
        MAX_STARS,
    )?;
    check_all("baseUrl", options.base_url.into_iter().collect(), MAX_STARS)?;
    check_all(
        "paths",
        targets.flat_map(|(_, paths)| paths).collect(),
        MAX_STARS,
    )?;
    check_all("rootDirs", options.root_dirs.unwrap_or_default(), MAX_STARS)?;
    // Nothing replaces the `*` of these.
    check_all("files, include or exclude", globs, usize::MAX)
}

fn check_path(file: &Path, field: &str, path: &str, max_stars: usize) -> Result<(), String> {
    let (length, stars) = (path.len(), path.matches('*').count());
    let reason = if length > MAX_PATH_BYTES {
        format!("a path of {length} bytes (at most {MAX_PATH_BYTES})")
    } else if stars > max_stars {
        format!("a path with {stars} `*` (at most {max_stars})")
    } else {
        return Ok(());
    };
    Err(format!("{}: {field} contains {reason}", file.display()))
}
