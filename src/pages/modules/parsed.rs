//! Modules that were parsed, by the tag of their content: the same source is not read twice, and one
//! that is no module is reported once.

use super::source::{self, Import, SyntaxError};
use super::{Kind, page};
use crate::pages::files::blocking;
use crate::pages::subject::Subject;
use axum::http::HeaderValue;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// What is known of modules takes so much memory. Beyond, those that are asked for least are parsed
/// again. Default 16 MiB.
const PARSED_BYTES: u64 = 16 * 1024 * 1024;

/// A guess at how many there are, for the size of the table.
const PARSED_MODULES: usize = 2048;

/// What a module imports, or all inline modules of a page.
pub(super) struct Module {
    /// In the order of the source, whose bytes they name.
    pub(super) imports: Vec<Import>,
}

impl Module {
    /// The specifiers that the browser follows before the module runs, where each stands for what was
    /// resolved.
    pub(super) fn statics<'a>(&'a self, resolved: &'a [Option<String>]) -> Vec<&'a str> {
        let imports = self.imports.iter().zip(resolved);
        imports
            .filter(|(import, _)| !import.dynamic)
            .map(|(import, resolved)| resolved.as_ref().unwrap_or(&import.specifier).as_str())
            .collect()
    }
}

/// By the tag of the content, and what it is taken for. None = it cannot be read.
pub(super) struct Parsed(Cache<(HeaderValue, bool), Option<Arc<Module>>, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<(HeaderValue, bool), Option<Arc<Module>>> for Weight {
    fn weight(&self, _: &(HeaderValue, bool), module: &Option<Arc<Module>>) -> u64 {
        const OVERHEAD: usize = 128;
        let imports = module.as_ref().map_or(&[][..], |module| &module.imports);
        let imports = imports.iter();
        let size: usize = imports
            .map(|import| size_of::<Import>() + import.specifier.len())
            .sum();
        (OVERHEAD + size) as u64
    }
}

impl Parsed {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(PARSED_MODULES, PARSED_BYTES, Weight))
    }

    /// What the module with this tag imports; none when nobody can say.
    pub(super) async fn get(
        &self,
        tag: &HeaderValue,
        kind: Kind,
        body: &Bytes,
        subject: Subject<'_>,
    ) -> Option<Arc<Module>> {
        let key = (tag.clone(), kind == Kind::Page);
        if let Some(module) = self.0.get(&key) {
            return module;
        }
        let place = match self.0.get_value_or_guard_async(&key).await {
            Ok(module) => return module,
            Err(place) => place,
        };
        let body = body.clone();
        let parsed = blocking(move || Ok(parse(kind, &body))).await.ok();
        let (module, faults) = parsed.unwrap_or_default();
        for fault in faults {
            report(subject, &fault);
        }
        let module = module.map(Arc::new);
        // Refused only when it was taken from us meanwhile: then somebody parsed the same.
        let _ = place.insert(module.clone());
        module
    }
}

/// What is imported, and what of it is no module. No UTF-8 is nothing that we read.
fn parse(kind: Kind, body: &[u8]) -> (Option<Module>, Vec<SyntaxError>) {
    let Ok(text) = std::str::from_utf8(body) else {
        return (None, Vec::new());
    };
    let mut faults = Vec::new();
    let imports = match kind {
        Kind::Script => match source::imports(text) {
            Ok(imports) => imports,
            Err(fault) => return (None, vec![fault]),
        },
        Kind::Page => {
            let mut all = Vec::new();
            for inline in page::modules(body).inline {
                match source::imports_of_part(text, inline) {
                    Ok(imports) => all.extend(imports),
                    Err(fault) => faults.push(fault),
                }
            }
            all
        }
    };
    (Some(Module { imports }), faults)
}

/// The browser says so as well, but to whoever looks there; the module is served as it is.
fn report(subject: Subject<'_>, fault: &SyntaxError) {
    let file = match subject.file {
        Some(file) => file.display().to_string(),
        None => subject.path.to_string(),
    };
    let SyntaxError {
        message,
        line,
        column,
        frame,
    } = fault;
    tracing::warn!(target: "pagewire::pages", "{file}:{line}:{column}: {message}\n{frame}");
}
