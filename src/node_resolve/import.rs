//! Maps the imports of a module to URLs.

use super::importer::{Importer, relative};
use super::modules::PackageModules;
use super::resolver::{Kind, NodeResolver, ResolutionError, ResolvedFile, below_node_modules};
use crate::javascript::{Form, ModuleKind, PackageSources, required_specifier};
use crate::message::truncate;
use crate::paths::{PathLookup, Roots, read_regular_text};
use crate::plugins::{ImportSpecifier, ResolveImportCall, ResolvedImports};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest beginning of a specifier in the log, in bytes; the rest is cut off. Default 200.
const MAX_LOGGED_BYTES: usize = 200;

/// Names of exports in the URL of one import, in bytes. Further ones are left out, which is logged, and browsers report
/// them as missing. Default 8 KiB.
const MAX_NAMES_BYTES: usize = 8 * 1024;

/// The replacement for a module that a package's `browser` field excludes.
const EMPTY_MODULE: &str = "data:text/javascript,export default {}";

/// Maps specifiers to the URLs under which their files are served.
pub(super) struct SpecifierMapper {
    pub(super) roots: Roots,
    pub(super) modules: PackageModules,
}

/// What the imports of one module are resolved with.
pub(super) struct Context<'a> {
    pub(super) importer: Importer<'a>,
    pub(super) resolver: NodeResolver<'a>,
    /// Files on which the result depends.
    pub(super) depends_on: BTreeSet<PathBuf>,
}

impl Context<'_> {
    /// Resolves a specifier of the importer.
    pub(super) fn resolve(
        &mut self,
        specifier: &str,
        kind: Kind,
    ) -> Result<ResolvedFile, ResolutionError> {
        let resolution = self.resolver.resolve(&self.importer.file, specifier, kind);
        self.depends_on.extend(resolution.depends_on);
        resolution.outcome
    }
}

impl SpecifierMapper {
    pub(super) fn new(roots: Roots, packages: Arc<PackageSources>) -> Self {
        Self {
            roots,
            modules: PackageModules::new(packages),
        }
    }

    /// Resolves each specifier once, even if it is imported often. Returns none if the call is cancelled.
    pub(super) fn resolve_imports(
        &self,
        call: &ResolveImportCall,
        mut is_cancelled: impl FnMut() -> bool,
    ) -> Option<ResolvedImports> {
        let mut context = Context {
            importer: Importer::of(call, &self.roots),
            resolver: NodeResolver::new(&self.roots.dir(), self.modules.node_env()),
            depends_on: BTreeSet::new(),
        };
        let mut resolved = HashMap::new();
        let mut specifiers = Vec::with_capacity(call.imports.len());
        for import in &call.imports {
            if is_cancelled() {
                return None;
            }
            let key = (import.specifier.as_str(), import.names.as_slice());
            let replacement = resolved
                .entry(key)
                .or_insert_with(|| self.replacement(&mut context, import));
            if let Err(reason) = replacement {
                let place = (import.line, import.column);
                log_unresolved(&context.importer.file, place, &import.specifier, reason);
            }
            specifiers.push(replacement.clone().unwrap_or_default());
        }
        Some(ResolvedImports {
            specifiers,
            no_cache: false,
            depends_on: context.depends_on.into_iter().collect(),
        })
    }

    /// Returns the URL to import instead; empty = the specifier stays as it is, because it already names
    /// the file literally.
    ///
    /// # Errors
    /// Returns the reason why the specifier cannot be resolved.
    fn replacement(
        &self,
        context: &mut Context<'_>,
        import: &ImportSpecifier,
    ) -> Result<String, String> {
        let specifier = import.specifier.as_str();
        if let Some((required, wanted)) = required_specifier(specifier) {
            return Ok(self.require(context, required, wanted));
        }
        match context.resolve(specifier, Kind::Import) {
            Ok(resolved) => {
                let importer = &context.importer;
                let url = self.url_of(&resolved)?;
                let form = self.export_form(context, &resolved, import);
                let as_written = importer.literal_path(specifier);
                let names_file = [&resolved.file, &resolved.link]
                    .map(Some)
                    .contains(&as_written.as_ref());
                if names_file && form.is_empty() {
                    return Ok(String::new());
                }
                let url = relative(importer.path, &url);
                Ok(format!("{url}{}{form}", resolved.suffix))
            }
            Err(ResolutionError::Ignored) => Ok(EMPTY_MODULE.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Returns the query that a CommonJS module of a package is imported with, or a module of a package that may not
    /// have these exports; empty for other files.
    fn export_form(
        &self,
        context: &Context<'_>,
        resolved: &ResolvedFile,
        import: &ImportSpecifier,
    ) -> String {
        let names = import.names.as_slice();
        if !is_in_package(resolved) || !resolved.suffix.is_empty() {
            return String::new();
        }
        let importer = &context.importer.file;
        let source = self.modules.common_js(resolved, &import.specifier);
        let module = match source.as_deref().map(|source| &source.kind) {
            Some(ModuleKind::CommonJs(module)) => Some(module),
            _ => None,
        };
        // Packages import what there is, and most of them are ES modules, so these are not checked.
        let is_checked = module.is_some() || below_node_modules(importer).is_none();
        let unknown: BTreeSet<String> = if is_checked && !names.is_empty() {
            let known = self.modules.exports(&resolved.file, &context.resolver);
            let unknown = names.iter().filter(|name| !known.names.contains(*name));
            first_names(importer, unknown)
        } else {
            BTreeSet::new()
        };
        if module.is_none() && unknown.is_empty() {
            return String::new();
        }
        let form = Form::Exports {
            is_node: module.is_some_and(|it| it.is_compiled) && is_node_module(importer),
            names: unknown,
        };
        form.to_query()
    }

    /// Returns the URL path of a file, or the reason why it has none.
    pub(super) fn url_of(&self, resolved: &ResolvedFile) -> Result<String, String> {
        let file = &resolved.file;
        let reason = match self.roots.classify(file) {
            PathLookup::File(real) => {
                // A file outside the roots, reached through an allowed link, is served under the link's URL only.
                let url = self.roots.url_of(&real);
                let url = url.or_else(|| self.roots.url_of(&resolved.link));
                if let Some(url) = url {
                    return Ok(url);
                }
                "not in a served folder".to_owned()
            }
            PathLookup::OutsideRoot(_) => match outermost_node_modules(file) {
                Some(packages) => format!(
                    "not in a served folder (start pagewire with --mount /node_modules={})",
                    packages.display()
                ),
                None => {
                    "not in a served folder (start pagewire with --allow-dir or --mount for it)"
                        .to_owned()
                }
            },
            PathLookup::DeniedName(name) => format!(
                "never served, because {name} is on the deny list (start pagewire with --allow-file {name})"
            ),
            _ => "not a file that can be served".to_owned(),
        };
        Err(format!("{} is {reason}", file.display()))
    }
}

/// Returns as many names as a URL may carry, and logs that there are more.
fn first_names<'a>(importer: &Path, names: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    let mut bytes = 0;
    let mut fitting = BTreeSet::new();
    for name in names {
        // Escaped, each byte takes three.
        bytes += 3 * name.len() + 1;
        if bytes > MAX_NAMES_BYTES {
            tracing::warn!(target: "pagewire::node_resolve", "{}: imports so many names of a package that its analysis does not find that their URL is too long; {name:?} is left to the browser (import the default export)", importer.display());
            break;
        }
        fitting.insert(name.clone());
    }
    fitting
}

/// Whether a file belongs to an installed package, also to one that is linked into a `node_modules` folder.
fn is_in_package(resolved: &ResolvedFile) -> bool {
    [&resolved.link, &resolved.file]
        .iter()
        .any(|file| below_node_modules(file).is_some())
}

/// Whether Node.js would take a file of a package for an ES module because of its name or package.json. The default
/// export of a CommonJS module is then all its exports, as in bundlers.
fn is_node_module(importer: &Path) -> bool {
    if below_node_modules(importer).is_none() {
        return false;
    }
    if importer
        .extension()
        .is_some_and(|extension| extension == "mjs")
    {
        return true;
    }
    let folders = importer.ancestors().skip(1);
    let folders = folders.take_while(|folder| !folder.ends_with("node_modules"));
    let mut files = folders.map(|folder| folder.join("package.json"));
    let package = files.find_map(|file| read_regular_text(&file).ok());
    let package = package.and_then(|text| serde_json::from_str(&text).ok());
    package.is_some_and(|package: serde_json::Value| package["type"] == "module")
}

/// Logs a specifier at a line and column that stays as it is.
pub(super) fn log_unresolved(
    importer: &Path,
    (line, column): (u32, u32),
    specifier: &str,
    reason: &str,
) {
    let mut specifier = specifier.to_owned();
    truncate(&mut specifier, MAX_LOGGED_BYTES);
    tracing::warn!(
        target: "pagewire::node_resolve",
        "{}:{line}:{column}: cannot resolve the import of {specifier:?}: {reason}",
        importer.display(),
    );
}

/// Returns the outermost `node_modules` folder that contains a file.
fn outermost_node_modules(file: &Path) -> Option<&Path> {
    let folders = file.ancestors().filter(|dir| dir.ends_with("node_modules"));
    folders.last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Root;
    use crate::plugins::RequestContext;

    fn mapper(site: &Path) -> SpecifierMapper {
        let root = Root::open(site, &[], &[]).expect("a root");
        let roots = Roots::new(root, Vec::new());
        SpecifierMapper::new(roots, Arc::new(PackageSources::new("development")))
    }

    fn call(specifiers: &[&str]) -> ResolveImportCall {
        let import = |specifier: &&str| ImportSpecifier {
            specifier: (*specifier).to_owned(),
            dynamic: false,
            names: Vec::new(),
            line: 1,
            column: 1,
        };
        ResolveImportCall {
            importer: RequestContext {
                method: "GET".to_owned(),
                path: "/a.js".to_owned(),
                query: String::new(),
                headers: Vec::new(),
                traceparent: String::new(),
                raw_target: "/a.js".to_owned(),
                host: "localhost".to_owned(),
                file: None,
            },
            imports: specifiers.iter().map(import).collect(),
        }
    }

    #[test]
    fn a_call_that_was_cancelled_is_abandoned_before_the_next_specifier() {
        let site = tempfile::tempdir().expect("a folder");
        std::fs::write(site.path().join("b.js"), "").expect("the file is written");
        let call = call(&["./b", "./b?2"]);
        let mapper = mapper(site.path());
        let resolved = mapper.resolve_imports(&call, || false);
        let resolved = resolved.expect("it is not cancelled");
        assert_eq!(resolved.specifiers, ["./b.js", "./b.js?2"]);
        let mut begun = 0;
        let is_cancelled = || {
            begun += 1;
            begun > 1
        };
        assert!(mapper.resolve_imports(&call, is_cancelled).is_none());
        assert_eq!(begun, 2);
    }

    #[test]
    fn a_specifier_that_is_imported_often_is_resolved_once() {
        let site = tempfile::tempdir().expect("a folder");
        let file = site.path().join("b.js");
        std::fs::write(&file, "").expect("the file is written");
        let mut begun = 0;
        let removed_after_the_first = || {
            begun += 1;
            if begun == 2 {
                std::fs::remove_file(&file).expect("the file is removed");
            }
            false
        };
        let call = call(&["./b", "./b", "./b", "./b?2"]);
        let resolved = mapper(site.path()).resolve_imports(&call, removed_after_the_first);
        let specifiers = resolved.expect("it is not cancelled").specifiers;
        assert_eq!(specifiers, ["./b.js", "./b.js", "./b.js", ""]);
    }
}
