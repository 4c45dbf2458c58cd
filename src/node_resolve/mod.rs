//! `node_resolve`: what Node and bundlers make of specifiers, as a plugin of the daemon's own. It has a
//! session and a hook like any other, so its answers are kept, counted and listed as theirs are; it is
//! asked last, about what nobody else claims.

mod resolver;

use crate::paths::{PathLookup, Roots, UrlPath, path_url};
use crate::plugins::{
    CallMessage, Calls, FailureMode, Hook, HookGuard, HookKind, HookOptions, ImportSpecifier,
    PluginRegistry, RequestFilter, ResolveImport, ResolveImportCall, ResolveImportOptions,
    ResolveImportOutcome, ResolvedImports, SessionError, SessionGuard, SessionOptions,
    compile_regexes,
};
use percent_encoding::percent_decode_str;
use resolver::{NodeResolver, Resolution, Resolved, Unresolved};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The name under which it is listed.
const NAME: &str = "node-resolve";

/// Modules that it works on at once; others wait. Default 64.
const CONCURRENT_CALLS: usize = 64;

/// How long a module may take. Then the page gets 504. Default 10 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Specifiers that it is asked about: neither a path nor a URL with a scheme, but those of Node's own.
const SPECIFIERS: &str = "^(?:node:|[^/:]+(?:/|$))";

/// The open session; resolving ends with it.
pub(crate) struct NodeResolve {
    _session: SessionGuard,
    guard: HookGuard<ResolveImport>,
    calls: mpsc::Receiver<CallMessage<ResolveImportCall>>,
    served: Arc<Served>,
}

/// How files are found, and where they are served.
struct Served {
    resolver: NodeResolver,
    roots: Roots,
}

impl NodeResolve {
    /// Opens the hook; [`NodeResolve::run`] answers it.
    ///
    /// # Errors
    /// A session that cannot be opened: another has the name.
    pub(crate) fn open(plugins: &Arc<PluginRegistry>, roots: Roots) -> Result<Self, SessionError> {
        let asked = SessionOptions {
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hooks: vec![HookKind::ResolveImport],
            ..SessionOptions::default()
        };
        let (session, _) = plugins.open_session(asked)?;
        let everything = RequestFilter {
            match_all: true,
            ..RequestFilter::default()
        };
        let specifiers = compile_regexes(&[SPECIFIERS.to_owned()]);
        let options = HookOptions {
            filters: vec![everything],
            failure_mode: FailureMode::Fail,
            forward_headers: Vec::new(),
            type_options: ResolveImportOptions {
                specifiers: specifiers.expect("it is ours and compiles"),
                is_last: true,
            },
        };
        let (calls, receiver) = Calls::new(CONCURRENT_CALLS, Some(CALL_TIMEOUT));
        let hook = Hook::new(session.session(), options, calls);
        let guard = plugins
            .open_hook(session.session(), hook)
            .expect("the session was just opened and declares it");
        Ok(Self {
            _session: session,
            guard,
            calls: receiver,
            served: Arc::new(Served {
                resolver: NodeResolver::new(roots.dir()),
                roots,
            }),
        })
    }

    /// Answers for as long as it is polled.
    pub(crate) async fn run(mut self) {
        while let Some(outgoing) = self.calls.recv().await {
            if let CallMessage::Call { id, call, .. } = outgoing {
                let (served, hook) = (self.served.clone(), self.guard.hook().clone());
                tokio::task::spawn_blocking(move || {
                    hook.resolve(id, ResolveImportOutcome::Resolved(served.all(&call)));
                });
            }
        }
    }
}

impl Served {
    fn all(&self, call: &ResolveImportCall) -> ResolvedImports {
        let importer = Importer::of(call, &self.roots);
        let mut depends_on = BTreeSet::new();
        let specifiers = call.imports.iter().map(|import| {
            let Resolution {
                outcome,
                depends_on: also,
            } = self.resolver.resolve(&importer.file, &import.specifier);
            depends_on.extend(also);
            self.specifier(&importer, import, outcome)
                .unwrap_or_default()
        });
        ResolvedImports {
            specifiers: specifiers.collect(),
            no_cache: false,
            depends_on: depends_on.into_iter().collect(),
        }
    }

    /// What to import instead; none = it stays as it is written.
    fn specifier(
        &self,
        importer: &Importer<'_>,
        import: &ImportSpecifier,
        found: Result<Resolved, Unresolved>,
    ) -> Option<String> {
        let fault = match found {
            Ok(found) => {
                let as_written = importer.file_of(&import.specifier);
                if [&found.file, &found.asked]
                    .map(Some)
                    .contains(&as_written.as_ref())
                {
                    return None;
                }
                match self.url_of(&found) {
                    Ok(url) => {
                        let url = relative(importer.path, &url);
                        return Some(format!("{url}{}", found.suffix));
                    }
                    Err(fault) => fault,
                }
            }
            Err(Unresolved::Ignored) => return Some(EMPTY_MODULE.to_owned()),
            Err(fault) => fault.to_string(),
        };
        tracing::warn!(
            target: "pagewire::node_resolve",
            "{}:{}:{}: the import of {:?} stays as it is: {fault}",
            importer.file.display(), import.line, import.column, import.specifier,
        );
        None
    }

    /// Where a file is served, or why it is not.
    fn url_of(&self, resolved: &Resolved) -> Result<String, String> {
        let file = &resolved.file;
        let fault = match self.roots.classify(file) {
            PathLookup::File(real) => {
                // Behind a link that may be followed it has the link's URL alone.
                let url = self.roots.url_of(&real);
                let url = url.or_else(|| self.roots.url_of(&resolved.asked));
                if let Some(url) = url {
                    return Ok(url);
                }
                "in no served folder".to_owned()
            }
            PathLookup::OutsideRoot(_) => match packages_around(file) {
                Some(packages) => format!(
                    "in no served folder (start pagewire with --mount /node_modules={})",
                    packages.display()
                ),
                None => "in no served folder (start pagewire with --allow-dir or --mount for it)"
                    .to_owned(),
            },
            PathLookup::DeniedName(name) => format!(
                "never served, for {name} is on the deny list (start pagewire with --allow-file {name})"
            ),
            _ => "no file that is served".to_owned(),
        };
        Err(format!("{} is {fault}", file.display()))
    }
}

/// What a package's `browser` field leaves out.
const EMPTY_MODULE: &str = "data:text/javascript,export default {}";

/// The outermost `node_modules` around a file.
fn packages_around(file: &Path) -> Option<&Path> {
    let around = file.ancestors().filter(|dir| dir.ends_with("node_modules"));
    around.last()
}

/// The module that imports.
struct Importer<'a> {
    /// Its URL path, decoded.
    path: &'a str,
    /// Its file, or where it would be if it were one.
    file: PathBuf,
}

impl<'a> Importer<'a> {
    fn of(call: &'a ResolveImportCall, roots: &Roots) -> Self {
        let path = call.importer.path.as_str();
        let file = call.importer.file.clone().unwrap_or_else(|| {
            let name = path.rsplit('/').next().unwrap_or_default();
            // A page without a name stands in its folder.
            let name = if name.is_empty() { "index.html" } else { "" };
            let url = UrlPath::parse(&path_url(&format!("{path}{name}")));
            url.map_or_else(
                |_| roots.dir().join("index.html"),
                |url| roots.path_for(&url),
            )
        });
        Self { path, file }
    }

    /// The file that a relative specifier names as it is written; none for others.
    fn file_of(&self, specifier: &str) -> Option<PathBuf> {
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

/// The URL of a path (encoded) as a module at another path (decoded) writes it: it holds behind a
/// reverse proxy and under a base path, too.
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

    #[test]
    fn a_url_is_written_relative_to_who_imports_it() {
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
