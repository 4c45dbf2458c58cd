//! What kind of module a file of a package is, and what it exports. Each version of a file is analysed once.

use super::resolver::{Kind, NodeResolver, ResolvedFile, is_relative};
use crate::javascript::{EsModule, ModuleKind, PackageSource, PackageSources};
use crate::paths::read_regular_text;
use memchr::memmem;
use quick_cache::sync::Cache;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Versions of files that are known. The least used are evicted beyond it, and read again when they are needed.
/// Default 8,192.
const KNOWN_FILES: usize = 8 * 1024;

/// Largest file that is analysed, as of modules whose imports are resolved; a larger one is loaded as it is. Default
/// 16 MiB.
const MAX_MODULE_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How many modules a re-export is followed through. Names beyond it are not found. Default 16.
const MAX_REEXPORTS: usize = 16;

/// A version of a file.
type Version = (SystemTime, u64);

#[derive(Clone)]
struct KnownFile {
    version: Version,
    /// `None` if it is no CommonJS module, and nothing more is known yet.
    source: Option<Arc<PackageSource>>,
}

/// What is known of the files of packages.
pub(super) struct PackageModules {
    sources: Arc<PackageSources>,
    files: Cache<PathBuf, KnownFile>,
}

/// What a module exports, with everything that it re-exports.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Exports {
    pub(super) names: BTreeSet<String>,
    pub(super) has_default: bool,
    /// Whether it is a CommonJS module that replaces its exports as a whole.
    pub(super) is_replaced: bool,
}

impl PackageModules {
    pub(super) fn new(sources: Arc<PackageSources>) -> Self {
        Self {
            sources,
            files: Cache::new(KNOWN_FILES),
        }
    }

    pub(super) fn node_env(&self) -> &str {
        self.sources.node_env()
    }

    /// Returns what is known of a file. One that cannot be read or parsed counts as a script. Blocks.
    pub(super) fn source(&self, file: &Path) -> Arc<PackageSource> {
        self.known(file, |_| true).unwrap_or_default()
    }

    /// Returns what is known of a file, if it is a CommonJS module. Most other files are not parsed. Blocks.
    pub(super) fn common_js(
        &self,
        file: &ResolvedFile,
        specifier: &str,
    ) -> Option<Arc<PackageSource>> {
        // The entries of some packages of ES modules are CommonJS nevertheless: a file for old browsers.
        if file.is_module && is_relative(specifier) {
            return None;
        }
        let source = self.known(&file.file, may_be_common_js)?;
        matches!(source.kind, ModuleKind::CommonJs(_)).then_some(source)
    }

    /// Returns what is known of a file. It is analysed if necessary and its text `is_analyzed`.
    fn known(&self, file: &Path, is_analyzed: fn(&str) -> bool) -> Option<Arc<PackageSource>> {
        let version = version(file)?;
        let known = self.files.get(file);
        let known = known.filter(|known| known.version == version);
        // A file that is not analysed for one caller may be for another.
        if let Some(known) = known
            && (known.source.is_some() || !is_analyzed(""))
        {
            return known.source;
        }
        let text = (version.1 <= MAX_MODULE_FILE_BYTES && is_script(file))
            .then(|| read_regular_text(file).ok())
            .flatten()
            .unwrap_or_default();
        let analyze = || {
            let Some(source) = self.sources.analyze(&text) else {
                tracing::warn!(target: "pagewire::node_resolve", "{}: cannot be analysed, because it has a syntax error or is too large; it is loaded as it is, which works for ES modules (let a plugin transform the file)", file.display());
                return Arc::default();
            };
            if source.is_mixed {
                tracing::warn!(target: "pagewire::node_resolve", "{}: assigns module.exports although it has imports or exports; it is loaded as an ES module, where module is not defined (use another version of the package, or let a plugin transform the file)", file.display());
            }
            source
        };
        let source = is_analyzed(&text).then(analyze);
        let known = KnownFile {
            version,
            source: source.clone(),
        };
        self.files.insert(file.to_path_buf(), known);
        source
    }

    /// Returns what a module exports.
    pub(super) fn exports(&self, file: &Path, resolver: &NodeResolver<'_>) -> Exports {
        let mut exports = Exports::default();
        let mut seen = BTreeSet::new();
        self.collect(file, resolver, &mut seen, &mut exports);
        exports
    }

    fn collect(
        &self,
        file: &Path,
        resolver: &NodeResolver<'_>,
        seen: &mut BTreeSet<PathBuf>,
        exports: &mut Exports,
    ) {
        if seen.len() == MAX_REEXPORTS || !seen.insert(file.to_path_buf()) {
            return;
        }
        let source = self.source(file);
        let (names, reexports, resolution) = match &source.kind {
            ModuleKind::Script => return,
            ModuleKind::EsModule(EsModule { exports, stars }) => (exports, stars, Kind::Import),
            ModuleKind::CommonJs(module) => {
                exports.is_replaced |= module.replaces_exports;
                (&module.exports, &module.reexports, Kind::Require)
            }
        };
        exports.has_default |= seen.len() == 1 && names.contains("default");
        let names = names.iter().filter(|name| *name != "default");
        exports.names.extend(names.cloned());
        for specifier in reexports {
            if let Ok(resolved) = resolver.resolve(file, specifier, resolution).outcome {
                self.collect(&resolved.file, resolver, seen, exports);
            }
        }
    }
}

/// Whether the extension is one of scripts, or there is none.
fn is_script(file: &Path) -> bool {
    let extension = file.extension().and_then(OsStr::to_str);
    extension.is_none_or(|extension| matches!(extension, "js" | "cjs" | "mjs"))
}

fn version(file: &Path) -> Option<Version> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Whether a text may be a CommonJS module. Most ES modules contain none of these words.
fn may_be_common_js(text: &str) -> bool {
    ["exports", "require"]
        .iter()
        .any(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
}
