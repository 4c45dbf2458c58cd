//! Which file a specifier means, as Node and bundlers for browsers see it. The resolver is oxc's: it
//! decides, we give it the rules of browsers and note what it looked at.

use nodejs_built_in_modules::BUILTINS;
use oxc_resolver::{
    FileMetadata, FileSystem, FileSystemOs, ResolveContext, ResolveError, ResolveOptions,
    ResolverGeneric, TsconfigDiscovery,
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Conditions of `exports` and `imports` that hold in a browser that loads ES modules of a
/// development server; `default` holds always.
const CONDITIONS: &[&str] = &["browser", "development", "module", "import"];

/// Fields of a package.json without `exports` that name its entry, the first first.
const MAIN_FIELDS: &[&str] = &["browser", "module", "main"];

/// What may be left out at the end of a specifier, the first first. CommonJS (.cjs) is left out here:
/// no browser loads it.
const EXTENSIONS: &[&str] = &[".mjs", ".js", ".mts", ".ts", ".jsx", ".tsx", ".json"];

/// Resolves specifiers of modules below a root.
///
/// It keeps nothing: each question is asked of the file system anew (20 to 40 microseconds), so no
/// answer is ever stale. Who keeps answers compares [`Resolution::depends_on`].
pub(super) struct NodeResolver {
    root: PathBuf,
}

/// An answer, and how long it holds.
#[derive(Debug)]
pub(super) struct Resolution {
    pub(super) outcome: Result<Resolved, Unresolved>,
    /// The answer is another one only if one of these appears, vanishes or changes. Sorted.
    ///
    /// - Every package.json and tsconfig.json that was read.
    /// - What would have been taken instead if it were there, below the root: nearer settings, a
    ///   nearer `node_modules`, `./a.mjs` before `./a.js`.
    /// - The file itself if the specifier does not name it (`./a` for `./a.js`).
    ///
    /// Not the other files of an installed package: another version has another package.json. Not
    /// what would have to appear outside the root. Not a file that the specifier names: if it is
    /// gone, so is what is served there.
    pub(super) depends_on: Vec<PathBuf>,
}

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Its real path: links are resolved. It may lie outside the root.
    pub(super) file: PathBuf,
    /// The path that was found, before links were resolved.
    pub(super) asked: PathBuf,
    /// The query and fragment of the specifier, as they were; empty = none.
    pub(super) suffix: String,
}

/// No file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unresolved {
    /// There is nothing.
    #[error("not found{}", .package.as_ref().map_or_else(String::new, |name| format!(" (npm install {name})")))]
    NotFound {
        /// The package that is not installed; None = it is, or the specifier names none.
        package: Option<String>,
    },
    /// A module of Node itself, here without `node:`: it is not for browsers.
    #[error("node:{0} is a module of Node.js, not for browsers")]
    Builtin(String),
    /// A package.json says that browsers get an empty module instead (`"browser": { "x": false }`).
    #[error("left out for browsers")]
    Ignored,
    /// Settings or exports of a package are against it, in the words of the resolver.
    #[error("{0}")]
    Other(String),
}

/// The browser understands this specifier by itself: a URL with a scheme or a host, or a path from
/// the root. `node:` is no such scheme.
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

impl NodeResolver {
    /// `root` is absolute, and its real path.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The file that `specifier` means in the module `importer`: an absolute, real path, which need
    /// not exist (a script in a page may be named after the page). Nothing that [`is_url_like`] is
    /// found.
    ///
    /// It blocks for as long as the file system does.
    pub(super) fn resolve(&self, importer: &Path, specifier: &str) -> Resolution {
        let (path, suffix) = parts(specifier);
        let Some(folder) = importer.parent().filter(|_| !is_url_like(specifier)) else {
            return Resolution {
                outcome: Err(Unresolved::NotFound { package: None }),
                depends_on: Vec::new(),
            };
        };
        let recorder = Recorder::default();
        let resolver = ResolverGeneric::new_with_file_system(recorder.clone(), options());
        // Asked as though it were TypeScript: `allowJs` is about what is compiled, not what is found.
        let pretended = importer.with_extension("ts");
        // Aliases are for bare specifiers only.
        let (tsconfig, complaint) = if is_relative(&path) {
            (None, None)
        } else {
            match resolver.find_tsconfig(&pretended) {
                Ok(tsconfig) => (tsconfig, None),
                Err(error) => (None, Some(error)),
            }
        };
        let outcome = match resolver.resolve_with_context(
            folder,
            &path,
            tsconfig.as_deref(),
            &mut ResolveContext::default(),
        ) {
            Ok(found) => real(found.into_path_buf(), suffix),
            Err(ResolveError::Ignored(_)) => Err(Unresolved::Ignored),
            Err(error) => Err(match (builtin(&path), complaint) {
                (Some(name), _) => Unresolved::Builtin(name.to_owned()),
                // A broken tsconfig.json matters only to what is not found without it.
                (None, Some(complaint)) => Unresolved::Other(in_words(&complaint)),
                (None, None) => unresolved(&error, folder, &path),
            }),
        };
        let Log { missing, mut read } = recorder.take();
        let relevant = missing
            .iter()
            .filter(|file| !file.starts_with(&pretended) && self.may_appear(file, &missing));
        read.extend(relevant.cloned());
        if let Ok(Resolved { file, asked, .. }) = &outcome {
            let is_named =
                is_relative(&path) && asked.ends_with(path.trim_start_matches(['.', '/']));
            if !is_named && below_node_modules(file).is_none() {
                read.insert(asked.clone());
            }
        }
        Resolution {
            outcome,
            depends_on: read.into_iter().collect(),
        }
    }

    /// This missing file is worth a look. Those outside the root are not, nor those in a missing folder,
    /// nor those in a `node_modules` but packages and their package.json.
    fn may_appear(&self, file: &Path, missing: &BTreeSet<PathBuf>) -> bool {
        if !file.starts_with(&self.root) || file.parent().is_some_and(|it| missing.contains(it)) {
            return false;
        }
        let Some(below) = below_node_modules(file) else {
            return true;
        };
        let name = below.to_string_lossy();
        let has_scope = name.starts_with('@');
        let mut inside = below.components().skip(1 + usize::from(has_scope));
        // No package manager makes a `node_modules/lit.js` of `lit`.
        let is_lengthened = EXTENSIONS.iter().any(|extension| {
            let shorter = name.strip_suffix(extension);
            shorter.is_some_and(|name| missing.contains(&file.with_file_name(name)))
        });
        name != "package.json"
            && !is_lengthened
            && inside.all(|name| name.as_os_str() == "package.json")
    }
}

/// What of a path stands behind its last `node_modules`.
fn below_node_modules(path: &Path) -> Option<&Path> {
    path.ancestors()
        .find(|folder| folder.ends_with("node_modules"))
        .and_then(|folder| path.strip_prefix(folder).ok())
}

fn is_relative(path: &str) -> bool {
    path == "." || path == ".." || path.starts_with("./") || path.starts_with("../")
}

/// A specifier without its query and fragment, and these. A relative one is a URL, so its escapes are
/// resolved, except where Node.js refuses them, too.
fn parts(specifier: &str) -> (Cow<'_, str>, &str) {
    // `#name` is an import of the package itself.
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

fn options() -> ResolveOptions {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    ResolveOptions {
        alias_fields: vec![owned(&["browser"])],
        condition_names: owned(CONDITIONS),
        extensions: owned(EXTENSIONS),
        main_fields: owned(MAIN_FIELDS),
        // Where this daemon was started has no say.
        node_path: false,
        // We resolve links ourselves, to know both paths.
        symlinks: false,
        tsconfig: Some(TsconfigDiscovery::Auto),
        ..ResolveOptions::default()
    }
}

fn real(asked: PathBuf, suffix: &str) -> Result<Resolved, Unresolved> {
    match std::fs::canonicalize(&asked) {
        Ok(file) => Ok(Resolved {
            file,
            asked,
            suffix: suffix.to_owned(),
        }),
        Err(error) => Err(Unresolved::Other(format!("{}: {error}", asked.display()))),
    }
}

/// The name of a module of Node.js. A package of the same name comes first, as bundlers do it: many
/// of them exist for browsers.
fn builtin(path: &str) -> Option<&str> {
    path.strip_prefix("node:")
        .or_else(|| Some(path).filter(|path| BUILTINS.contains(path)))
}

fn unresolved(error: &ResolveError, folder: &Path, path: &str) -> Unresolved {
    match error {
        ResolveError::NotFound(_) | ResolveError::Specifier(_) => Unresolved::NotFound {
            package: package(path)
                .filter(|name| {
                    let place = Path::new("node_modules").join(name);
                    !folder
                        .ancestors()
                        .any(|folder| folder.join(&place).exists())
                })
                .map(str::to_owned),
        },
        error => Unresolved::Other(in_words(error)),
    }
}

/// The package that a bare specifier is about.
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

/// Two errors of the resolver do not say which file they are about.
fn in_words(error: &ResolveError) -> String {
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
            in_words(source)
        }
        error => error.to_string(),
    }
}

/// What the resolver read and what it missed.
#[derive(Default)]
struct Log {
    read: BTreeSet<PathBuf>,
    missing: BTreeSet<PathBuf>,
}

/// The file system of the operating system, with a log. The resolver's own list of what an answer
/// depends on lacks what it has seen before, and all of tsconfig.json.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Log>>);

impl Recorder {
    fn note<T, E>(&self, path: &Path, result: Result<T, E>, is_read: bool) -> Result<T, E> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if result.is_err() {
            log.missing.insert(path.to_path_buf());
        } else if is_read {
            log.read.insert(path.to_path_buf());
        }
        result
    }

    fn take(&self) -> Log {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FileSystem for Recorder {
    fn new() -> Self {
        Self::default()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.note(path, std::fs::read(path), true)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.note(path, std::fs::read_to_string(path), true)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path, FileSystemOs::metadata(path), false)
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.note(path, FileSystemOs::symlink_metadata(path), false)
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
