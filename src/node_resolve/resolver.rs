//! Resolution of specifiers to files with `oxc_resolver`, configured as bundlers for browsers do it. The
//! resolver's file accesses are recorded, so that a result can name the files it depends on.

mod limits;

use crate::paths::{read_regular, read_regular_text};
pub(super) use limits::STACK_BYTES;
use limits::{
    MAX_FILE_PATH_BYTES, MAX_PATH_BYTES, MAX_TSCONFIGS, check_package_json, check_tsconfig,
};
use nodejs_built_in_modules::BUILTINS;
use oxc_resolver::{
    FileMetadata, FileSystem, FileSystemOs, PackageType, ResolveContext, ResolveError,
    ResolveOptions, ResolverGeneric, TsconfigDiscovery,
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Conditions of `exports` and `imports` that apply in a browser, in addition to `default`, the value of
/// `NODE_ENV`, and `import` or `require`.
const CONDITIONS: &[&str] = &["browser", "module"];

/// Extensions that a specifier may omit.
const EXTENSIONS: &[&str] = &[
    ".mjs", ".js", ".mts", ".ts", ".jsx", ".tsx", ".json", ".cjs",
];

/// How a specifier is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Import,
    /// In a `require` call.
    Require,
}

impl Kind {
    /// Returns the condition of `exports` and `imports` that only this kind fulfils.
    fn condition(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Require => "require",
        }
    }

    /// Returns the fields that name the entry of a package without `exports`, in order of preference.
    fn main_fields(self) -> &'static [&'static str] {
        match self {
            // As Vite's `resolve.mainFields`, and `main`.
            Self::Import => &["browser", "module", "jsnext:main", "jsnext", "main"],
            Self::Require => &["browser", "main", "module"],
        }
    }

    /// Returns [`EXTENSIONS`] in order of preference.
    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Import => EXTENSIONS,
            Self::Require => &[
                ".js", ".cjs", ".json", ".mjs", ".mts", ".ts", ".jsx", ".tsx",
            ],
        }
    }
}

/// Resolver for the modules below a root.
///
/// It caches nothing: each resolution reads the file system (20 to 40 microseconds), so it is never
/// stale. Callers that cache a [`Resolution`] must check its `depends_on`.
pub(super) struct NodeResolver<'a> {
    root: PathBuf,
    node_env: &'a str,
}

/// The outcome for one specifier, and the files it depends on.
#[derive(Debug)]
pub(super) struct Resolution {
    pub(super) outcome: Result<ResolvedFile, ResolutionError>,
    /// The outcome can only change if one of these paths appears, disappears or changes. Sorted.
    ///
    /// - Every package.json and tsconfig.json that was read.
    /// - Missing paths below the root that would have been preferred: a closer package.json,
    ///   tsconfig.json or `node_modules`, `./a.mjs` before `./a.js`.
    /// - The file itself, unless the specifier names it literally (`./a` for `./a.js`).
    ///
    /// Omitted are other files of an installed package, because another version has another
    /// package.json; missing paths outside the root; and a file that the specifier names literally,
    /// because without it the URL is not served either.
    pub(super) depends_on: Vec<PathBuf>,
}

/// The file that a specifier resolves to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResolvedFile {
    /// The canonical path. It may be outside the root.
    pub(super) file: PathBuf,
    /// The path at which the file was found, before symbolic links were followed.
    pub(super) link: PathBuf,
    /// The query and fragment of the specifier; empty = none.
    pub(super) suffix: String,
    /// Whether its name or its package.json says that it is an ES module.
    pub(super) is_module: bool,
}

/// Why a specifier does not resolve to a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResolutionError {
    #[error("not found{}", .package.as_ref().map_or_else(String::new, |name| format!(" (npm install {name})")))]
    NotFound {
        /// The package, if the specifier names one that is not installed.
        package: Option<String>,
    },
    /// A module of Node.js itself; the name is without `node:`.
    #[error("node:{0} is built into Node.js and not available in browsers")]
    Builtin(String),
    /// A package.json excludes the module for browsers (`"browser": { "x": false }`).
    #[error("excluded for browsers by a package.json")]
    Ignored,
    /// The specifier or the path of its importer is not resolved: see [`MAX_PATH_BYTES`].
    #[error("{0} is longer than {MAX_PATH_BYTES} bytes")]
    TooLong(&'static str),
    /// Any other error of the resolver, such as a path that a package does not export.
    #[error("{0}")]
    Other(String),
}

/// Whether browsers understand this specifier themselves: a URL with a scheme other than `node:` or
/// with a host, or an absolute path.
pub(super) fn is_url_like(specifier: &str) -> bool {
    specifier.starts_with('/')
        || specifier.split_once(':').is_some_and(|(scheme, _)| {
            scheme != "node"
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        })
}

impl<'a> NodeResolver<'a> {
    /// `root` must be a canonical path.
    pub(super) fn new(root: &Path, node_env: &'a str) -> Self {
        Self {
            root: root.to_path_buf(),
            node_env,
        }
    }

    /// Resolves a specifier in the module `importer`, an absolute, canonical path that need not exist
    /// (an inline script has the path of its page). Specifiers that satisfy [`is_url_like`] are
    /// never found.
    ///
    /// Blocks on file system access, and needs a stack of [`STACK_BYTES`].
    pub(super) fn resolve(&self, importer: &Path, specifier: &str, kind: Kind) -> Resolution {
        let (path, suffix) = split_suffix(specifier);
        let unresolved = |error| Resolution {
            outcome: Err(error),
            depends_on: Vec::new(),
        };
        let Some(folder) = importer.parent().filter(|_| !is_url_like(specifier)) else {
            return unresolved(ResolutionError::NotFound { package: None });
        };
        if specifier.len() > MAX_PATH_BYTES {
            return unresolved(ResolutionError::TooLong("it"));
        }
        if importer.as_os_str().len() > MAX_PATH_BYTES {
            return unresolved(ResolutionError::TooLong("the path of its importer"));
        }
        let recorder = RecordingFs::default();
        let resolver =
            ResolverGeneric::new_with_file_system(recorder.clone(), options(kind, self.node_env));
        // The importer is treated as TypeScript, so that aliases apply even without `allowJs`: that
        // setting is about compilation, not resolution.
        let as_typescript = importer.with_extension("ts");
        // Aliases apply to bare specifiers only.
        let (tsconfig, tsconfig_error) = if is_relative(&path) {
            (None, None)
        } else {
            match resolver.find_tsconfig(&as_typescript) {
                Ok(tsconfig) => (tsconfig, recorder.take_refusal()),
                Err(error) => (
                    None,
                    Some(recorder.take_refusal().unwrap_or_else(|| describe(&error))),
                ),
            }
        };
        let found = resolver.resolve_with_context(
            folder,
            &path,
            tsconfig.as_deref(),
            &mut ResolveContext::default(),
        );
        let outcome = match found {
            // The resolver takes a file that it may not read for a missing one.
            _ if let Some(refusal) = recorder.take_refusal() => {
                Err(ResolutionError::Other(refusal))
            }
            Ok(found) => {
                let package = found.package_json();
                let is_module = match found.path().extension().and_then(OsStr::to_str) {
                    Some("mjs") => true,
                    Some("cjs") => false,
                    _ => package.and_then(|it| it.r#type()) == Some(PackageType::Module),
                };
                canonicalize(found.into_path_buf(), suffix, is_module)
            }
            Err(ResolveError::Ignored(_)) => Err(ResolutionError::Ignored),
            Err(error) => Err(match (builtin(&path), tsconfig_error) {
                (Some(name), _) => ResolutionError::Builtin(name.to_owned()),
                // A broken tsconfig.json is only reported if resolution fails without it.
                (None, Some(error)) => ResolutionError::Other(error),
                (None, None) => resolution_error(&error, folder, &path),
            }),
        };
        let AccessLog {
            missing, mut read, ..
        } = recorder.take();
        let relevant = missing
            .iter()
            .filter(|file| !file.starts_with(&as_typescript) && self.may_appear(file, &missing));
        read.extend(relevant.cloned());
        if let Ok(ResolvedFile { file, link, .. }) = &outcome {
            let is_named =
                is_relative(&path) && link.ends_with(path.trim_start_matches(['.', '/']));
            if !is_named && below_node_modules(file).is_none() {
                read.insert(link.clone());
            }
        }
        Resolution {
            outcome,
            depends_on: read.into_iter().collect(),
        }
    }

    /// Whether a missing path may appear and change an outcome. Ruled out are paths outside the root or
    /// in a missing folder, and everything in a `node_modules` except packages and their package.json.
    fn may_appear(&self, file: &Path, missing: &HashSet<PathBuf>) -> bool {
        if !file.starts_with(&self.root) || file.parent().is_some_and(|it| missing.contains(it)) {
            return false;
        }
        let Some(below) = below_node_modules(file) else {
            return true;
        };
        let name = below.to_string_lossy();
        let has_scope = name.starts_with('@');
        let mut inside = below.components().skip(1 + usize::from(has_scope));
        // Package managers install no `node_modules/lit.js` for `lit`.
        let adds_extension = EXTENSIONS.iter().any(|extension| {
            let stem = name.strip_suffix(extension);
            stem.is_some_and(|name| missing.contains(&file.with_file_name(name)))
        });
        name != "package.json"
            && !adds_extension
            && inside.all(|name| name.as_os_str() == "package.json")
    }
}

/// Returns the part of a path below its innermost `node_modules`.
pub(super) fn below_node_modules(path: &Path) -> Option<&Path> {
    path.ancestors()
        .find(|folder| folder.ends_with("node_modules"))
        .and_then(|folder| path.strip_prefix(folder).ok())
}

pub(super) fn is_relative(path: &str) -> bool {
    path == "." || path == ".." || path.starts_with("./") || path.starts_with("../")
}

/// Splits a specifier into its path and its query and fragment. The path of a relative specifier is
/// percent-decoded, except where Node.js also refuses the escapes.
fn split_suffix(specifier: &str) -> (Cow<'_, str>, &str) {
    // A leading `#` marks one of the package's own `imports`, not a fragment.
    let end = specifier
        .char_indices()
        .skip(1)
        .find(|(_, c)| matches!(c, '?' | '#'))
        .map_or(specifier.len(), |(at, _)| at);
    let (path, suffix) = specifier.split_at(end);
    let decoded = percent_decode_str(path)
        .decode_utf8()
        .ok()
        .filter(|decoded| {
            is_relative(path)
                && decoded.matches(['/', '\\']).count() == path.matches(['/', '\\']).count()
                && !decoded.contains(['?', '\0'])
        });
    (decoded.unwrap_or(Cow::Borrowed(path)), suffix)
}

fn options(kind: Kind, node_env: &str) -> ResolveOptions {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    ResolveOptions {
        alias_fields: vec![owned(&["browser"])],
        condition_names: owned(&[CONDITIONS, &[node_env, kind.condition()]].concat()),
        extensions: owned(kind.extensions()),
        main_fields: owned(kind.main_fields()),
        // The daemon's environment (NODE_PATH) must not matter.
        node_path: false,
        // `canonicalize` follows links afterwards, so that both paths are known.
        symlinks: false,
        tsconfig: Some(TsconfigDiscovery::Auto),
        ..ResolveOptions::default()
    }
}

fn canonicalize(
    link: PathBuf,
    suffix: &str,
    is_module: bool,
) -> Result<ResolvedFile, ResolutionError> {
    match std::fs::canonicalize(&link) {
        Ok(file) => Ok(ResolvedFile {
            file,
            link,
            suffix: suffix.to_owned(),
            is_module,
        }),
        Err(error) => Err(ResolutionError::Other(format!(
            "{}: {error}",
            link.display()
        ))),
    }
}

/// Returns the name of the Node.js module that a path names. Only consulted when no package has the
/// same name, as in bundlers: many such packages exist for browsers.
fn builtin(path: &str) -> Option<&str> {
    path.strip_prefix("node:")
        .or_else(|| Some(path).filter(|path| BUILTINS.contains(path)))
}

fn resolution_error(error: &ResolveError, folder: &Path, path: &str) -> ResolutionError {
    match error {
        ResolveError::NotFound(_) | ResolveError::Specifier(_) => ResolutionError::NotFound {
            package: package(path)
                .filter(|name| {
                    let location = Path::new("node_modules").join(name);
                    !folder
                        .ancestors()
                        .any(|folder| folder.join(&location).exists())
                })
                .map(str::to_owned),
        },
        error => ResolutionError::Other(describe(error)),
    }
}

/// Returns the package name in a bare specifier.
fn package(path: &str) -> Option<&str> {
    if path.starts_with(['.', '#', '?']) {
        return None;
    }
    let slashes = 1 + usize::from(path.starts_with('@'));
    let name = path
        .match_indices('/')
        .nth(slashes - 1)
        .map_or(path, |(at, _)| &path[..at]);
    Some(name).filter(|name| !name.is_empty())
}

/// Formats an error. Two errors of the resolver do not name their file by themselves.
fn describe(error: &ResolveError) -> String {
    match error {
        ResolveError::Json(json) => format!(
            "{}:{}:{}: {}",
            json.path.display(),
            json.line,
            json.column,
            json.message
        ),
        ResolveError::TsconfigLoadFailed { source, .. }
            if matches!(**source, ResolveError::Json(_)) =>
        {
            describe(source)
        }
        error => error.to_string(),
    }
}

/// The paths that the resolver read, and those that it found missing.
#[derive(Default)]
struct AccessLog {
    read: BTreeSet<PathBuf>,
    /// Hashed, because comparing thousands of long paths with each other takes seconds.
    missing: HashSet<PathBuf>,
    tsconfigs: usize,
    /// Why a file that was read is not used: see [`limits`]. The first reason counts.
    refusal: Option<String>,
}

/// File system wrapper that logs accesses. The resolver's own list of dependencies lacks paths that it
/// has cached, and every tsconfig.json.
#[derive(Clone, Default)]
struct RecordingFs(Arc<Mutex<AccessLog>>);

impl RecordingFs {
    fn lock(&self) -> MutexGuard<'_, AccessLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record<T, E>(&self, path: &Path, result: Result<T, E>, is_read: bool) -> Result<T, E> {
        if path.as_os_str().len() > MAX_FILE_PATH_BYTES {
            // Nothing can exist there.
            return result;
        }
        let mut log = self.lock();
        if result.is_err() {
            log.missing.insert(path.to_path_buf());
        } else if is_read {
            log.read.insert(path.to_path_buf());
        }
        result
    }

    /// Fails the read of a file that violates a limit.
    fn accept(&self, checked: Result<(), String>) -> io::Result<()> {
        checked.map_err(|reason| {
            self.lock().refusal.get_or_insert(reason);
            io::ErrorKind::InvalidData.into()
        })
    }

    /// Counts a tsconfig.json.
    fn count_tsconfig(&self, path: &Path) -> Result<(), String> {
        let mut log = self.lock();
        log.tsconfigs += 1;
        if log.tsconfigs <= MAX_TSCONFIGS {
            return Ok(());
        }
        let path = path.display();
        Err(format!(
            "{path}: extends or references lead to more than {MAX_TSCONFIGS} tsconfig.json"
        ))
    }

    fn take_refusal(&self) -> Option<String> {
        self.lock().refusal.take()
    }

    fn take(&self) -> AccessLog {
        std::mem::take(&mut self.lock())
    }
}

impl FileSystem for RecordingFs {
    fn new() -> Self {
        Self::default()
    }

    /// Reads a package.json: the resolver reads nothing else as bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.record(path, read_regular(path), true)?;
        self.accept(check_package_json(path, &content))?;
        Ok(content)
    }

    /// Reads a tsconfig.json: the resolver reads nothing else as text.
    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        let content = self.record(path, read_regular_text(path), true)?;
        self.accept(self.count_tsconfig(path))?;
        self.accept(check_tsconfig(path, &content))?;
        Ok(content)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.record(path, FileSystemOs::metadata(path), false)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.record(path, FileSystemOs::symlink_metadata(path), false)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        FileSystemOs::read_link(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }
}

#[cfg(test)]
mod tests;
