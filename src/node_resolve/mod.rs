//! Built-in plugin that resolves bare specifiers (`import 'lit'`) to files as Node.js and bundlers do.
//!
//! It has a session and a resolve-import hook like any other plugin, so its results are cached, counted
//! and listed like theirs. It is called last, with the specifiers that no other plugin resolved.

mod resolver;

use crate::hub::Patterns;
use crate::message::truncate;
use crate::paths::{PathLookup, Roots, UrlPath, path_url};
use crate::plugins::{
    CallMessage, Calls, FailureMode, Hook, HookFailure, HookGuard, HookKind, HookOptions,
    ImportSpecifier, MAX_HOOK_REGEX_BYTES, PluginRegistry, RequestFilter, RequestFilters,
    ResolveImport, ResolveImportCall, ResolveImportOptions, ResolveImportOutcome, ResolvedImports,
    SessionError, SessionGuard, SessionOptions,
};
use percent_encoding::percent_decode_str;
use resolver::{NodeResolver, ResolutionError, ResolvedFile, STACK_BYTES};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

/// The plugin name of the session.
const NAME: &str = "node-resolve";

/// Modules resolved concurrently; further ones queue. Default 64.
const CONCURRENT_CALLS: usize = 64;

/// How long resolving a module may take. Then the page gets 504, and no further specifier is resolved.
/// Default 10 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest beginning of a specifier in the log, in bytes; the rest is cut off. Default 200.
const MAX_LOGGED_BYTES: usize = 200;

/// Matches bare specifiers and `node:` URLs: no paths, and no URLs with another scheme.
const SPECIFIERS: &str = "^(?:node:|[^/:]+(?:/|$))";

/// The plugin's open session and hook. Dropping it closes both.
pub(crate) struct NodeResolve {
    _session: SessionGuard,
    guard: HookGuard<ResolveImport>,
    calls: mpsc::Receiver<CallMessage<ResolveImportCall>>,
    mapper: Arc<SpecifierMapper>,
}

/// Maps specifiers to the URLs under which their files are served.
struct SpecifierMapper {
    roots: Roots,
}

impl NodeResolve {
    /// Opens the session and the hook, whose calls [`NodeResolve::run`] answers.
    ///
    /// # Errors
    /// Fails if another session has the plugin name.
    pub(crate) async fn open(
        plugins: &Arc<PluginRegistry>,
        roots: Roots,
    ) -> Result<Self, SessionError> {
        let everything = RequestFilter {
            match_all: true,
            ..RequestFilter::default()
        };
        let filters = RequestFilters::compile(vec![everything]).await;
        let specifiers = Patterns::compile(vec![SPECIFIERS.to_owned()], MAX_HOOK_REGEX_BYTES).await;
        let session_options = SessionOptions {
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hooks: vec![HookKind::ResolveImport],
            ..SessionOptions::default()
        };
        let (session, _) = plugins.open_session(session_options)?;
        let options = HookOptions {
            filters: filters.expect("it has no patterns"),
            failure_mode: FailureMode::Fail,
            forward_headers: HashSet::new(),
            type_options: ResolveImportOptions {
                specifiers: Some(specifiers.expect("the constant pattern compiles")),
                is_last: true,
            },
        };
        let (calls, receiver) = Calls::new(CONCURRENT_CALLS, Some(CALL_TIMEOUT));
        let hook = Hook::new(session.session(), options, calls);
        let guard = plugins
            .open_hook(session.session(), hook)
            .expect("the session is new and declares the hook");
        Ok(Self {
            _session: session,
            guard,
            calls: receiver,
            mapper: Arc::new(SpecifierMapper { roots }),
        })
    }

    /// Answers calls until the hook's stream ends.
    pub(crate) async fn run(mut self) {
        // Dropping the sender of a call cancels it. Those of ended calls are removed with the next call.
        let mut running = HashMap::new();
        while let Some(message) = self.calls.recv().await {
            let (id, call) = match message {
                CallMessage::Call { id, call, .. } => (id, call),
                // The page is gone, or the deadline has passed.
                CallMessage::Cancel { id, .. } => {
                    running.remove(&id);
                    continue;
                }
            };
            running.retain(|_, cancel: &mut oneshot::Sender<()>| !cancel.is_closed());
            let (cancel, mut cancelled) = oneshot::channel();
            running.insert(id, cancel);
            let (mapper, hook) = (self.mapper.clone(), self.guard.hook().clone());
            let spawned = thread::Builder::new()
                .name("node-resolve".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    let is_cancelled = || cancelled.try_recv() == Err(TryRecvError::Closed);
                    if let Some(resolved) = mapper.resolve_imports(&call, is_cancelled) {
                        hook.resolve(id, ResolveImportOutcome::Resolved(resolved));
                    }
                });
            if let Err(error) = spawned {
                let failure = HookFailure {
                    status: 503,
                    message: format!("cannot start a thread to resolve imports: {error}"),
                    ..HookFailure::default()
                };
                let outcome = ResolveImportOutcome::Failure(failure);
                self.guard.hook().resolve(id, outcome);
            }
        }
    }
}

impl SpecifierMapper {
    /// Resolves each specifier once, even if it is imported often. Returns none if the call is cancelled.
    fn resolve_imports(
        &self,
        call: &ResolveImportCall,
        mut is_cancelled: impl FnMut() -> bool,
    ) -> Option<ResolvedImports> {
        let importer = Importer::of(call, &self.roots);
        let resolver = NodeResolver::new(&self.roots.dir());
        let mut depends_on = BTreeSet::new();
        let mut resolved = HashMap::new();
        let mut specifiers = Vec::with_capacity(call.imports.len());
        for import in &call.imports {
            if is_cancelled() {
                return None;
            }
            let specifier = import.specifier.as_str();
            let replacement = resolved.entry(specifier).or_insert_with(|| {
                let resolution = resolver.resolve(&importer.file, specifier);
                depends_on.extend(resolution.depends_on);
                self.replacement(&importer, specifier, resolution.outcome)
            });
            if let Err(reason) = replacement {
                log_unresolved(&importer.file, import, reason);
            }
            specifiers.push(replacement.clone().unwrap_or_default());
        }
        Some(ResolvedImports {
            specifiers,
            no_cache: false,
            depends_on: depends_on.into_iter().collect(),
        })
    }

    /// Returns the URL to import instead; empty = the specifier stays as it is, because it already names
    /// the file literally.
    ///
    /// # Errors
    /// Returns the reason why the specifier cannot be resolved.
    fn replacement(
        &self,
        importer: &Importer<'_>,
        specifier: &str,
        outcome: Result<ResolvedFile, ResolutionError>,
    ) -> Result<String, String> {
        match outcome {
            Ok(resolved) => {
                let as_written = importer.literal_path(specifier);
                if [&resolved.file, &resolved.link]
                    .map(Some)
                    .contains(&as_written.as_ref())
                {
                    return Ok(String::new());
                }
                let url = relative(importer.path, &self.url_of(&resolved)?);
                Ok(format!("{url}{}", resolved.suffix))
            }
            Err(ResolutionError::Ignored) => Ok(EMPTY_MODULE.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Returns the URL path of a file, or the reason why it has none.
    fn url_of(&self, resolved: &ResolvedFile) -> Result<String, String> {
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

fn log_unresolved(importer: &Path, import: &ImportSpecifier, reason: &str) {
    let mut specifier = import.specifier.clone();
    truncate(&mut specifier, MAX_LOGGED_BYTES);
    tracing::warn!(
        target: "pagewire::node_resolve",
        "{}:{}:{}: cannot resolve the import of {specifier:?}: {reason}",
        importer.display(), import.line, import.column,
    );
}

/// The replacement for a module that a package's `browser` field excludes.
const EMPTY_MODULE: &str = "data:text/javascript,export default {}";

/// Returns the outermost `node_modules` folder that contains a file.
fn outermost_node_modules(file: &Path) -> Option<&Path> {
    let folders = file.ancestors().filter(|dir| dir.ends_with("node_modules"));
    folders.last()
}

/// The importing module.
struct Importer<'a> {
    /// Its decoded URL path.
    path: &'a str,
    /// Its file, or the path that the file would have.
    file: PathBuf,
}

impl<'a> Importer<'a> {
    fn of(call: &'a ResolveImportCall, roots: &Roots) -> Self {
        let path = call.importer.path.as_str();
        let file = call.importer.file.clone().unwrap_or_else(|| {
            let name = path.rsplit('/').next().unwrap_or_default();
            // The page of a folder is its index.html.
            let name = if name.is_empty() { "index.html" } else { "" };
            let url = UrlPath::parse(&path_url(&format!("{path}{name}")));
            url.map_or_else(
                |_| roots.dir().join("index.html"),
                |url| roots.path_for(&url),
            )
        });
        Self { path, file }
    }

    /// Returns the path that a relative specifier names literally; none for other specifiers.
    fn literal_path(&self, specifier: &str) -> Option<PathBuf> {
        let path = specifier.split(['?', '#']).next().unwrap_or_default();
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let mut file = self.file.parent()?.to_owned();
        for name in path.starts_with('.').then(|| path.split('/'))? {
            match name {
                "" | "." => {}
                ".." => drop(file.pop()),
                name => file.push(name),
            }
        }
        Some(file)
    }
}

/// Returns the relative URL from a module (decoded path) to a target (encoded path). Relative URLs also
/// work under a base path and behind a reverse proxy.
fn relative(importer: &str, target: &str) -> String {
    let importer = path_url(importer);
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from: Vec<&str> = folder.split('/').skip(1).collect();
    let to: Vec<&str> = target.split('/').skip(1).collect();
    let (name, folders) = to.split_last().unwrap_or((&"", &[]));
    let common = from.iter().zip(folders).take_while(|(a, b)| a == b).count();
    let ups = match from.len() - common {
        0 => "./".to_owned(),
        ups => "../".repeat(ups),
    };
    let downs: String = folders[common..]
        .iter()
        .map(|dir| format!("{dir}/"))
        .collect();
    format!("{ups}{downs}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Root;
    use crate::plugins::RequestContext;

    fn mapper(site: &Path) -> SpecifierMapper {
        let root = Root::open(site, &[], &[]).expect("a root");
        let roots = Roots::new(root, Vec::new());
        SpecifierMapper { roots }
    }

    fn call(specifiers: &[&str]) -> ResolveImportCall {
        let import = |specifier: &&str| ImportSpecifier {
            specifier: (*specifier).to_owned(),
            dynamic: false,
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

    #[test]
    fn urls_are_relative_to_the_importer() {
        for (importer, target, relative_url) in [
            ("/", "/a.js", "./a.js"),
            (
                "/x.js",
                "/node_modules/lit/index.js",
                "./node_modules/lit/index.js",
            ),
            ("/src/x.js", "/src/y.js", "./y.js"),
            ("/src/a/x.js", "/src/b/y.js", "../b/y.js"),
            ("/src/a/", "/y.js", "../../y.js"),
            ("/a b/x.js", "/a%20b/y%20z.js", "./y%20z.js"),
        ] {
            assert_eq!(
                relative(importer, target),
                relative_url,
                "{importer} {target}"
            );
        }
    }
}
