//! Cache of parsed modules, keyed by entity tag: a source is parsed once, and its syntax errors are
//! logged once.

use super::page_modules::find_modules;
use crate::blocking::run_blocking;
use crate::javascript::{self, Import, Parsed};
use crate::message::HeapSize;
use crate::pages::request::PageRequest;
use crate::pages::response::page_response::PageResponse;
use axum::http::HeaderValue;
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Memory limit for parsed modules, 16 MiB. Beyond it the least used modules are evicted, and parsed again when
/// needed.
const MODULE_CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Expected number of modules, which sizes the hash table.
const EXPECTED_MODULES: usize = 2048;

/// How the source of a response is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceKind {
    /// As one module.
    Script,
    /// As HTML with inline modules.
    Page,
}

impl SourceKind {
    /// Returns `None` for responses of any other content type.
    pub(super) fn of(response: &PageResponse) -> Option<Self> {
        if response.is_script() {
            Some(Self::Script)
        } else if response.is_html() {
            Some(Self::Page)
        } else {
            None
        }
    }
}

/// A parsed module, or all inline modules of a page together.
pub(super) struct Module {
    /// In source order.
    pub(super) imports: Vec<Import>,
}

impl Module {
    /// Returns the specifiers that the browser loads before the module runs: the resolved ones where
    /// there are any, otherwise those of the source.
    pub(super) fn static_imports<'a>(&'a self, resolved: &'a [Option<String>]) -> Vec<&'a str> {
        let imports = self.imports.iter().zip(resolved);
        imports
            .filter(|(import, _)| !import.dynamic)
            .map(|(import, resolved)| resolved.as_ref().unwrap_or(&import.specifier).as_str())
            .collect()
    }
}

impl HeapSize for Import {
    fn heap_size(&self) -> usize {
        self.specifier.heap_size() + self.names.heap_size()
    }
}

/// Entity tag, and whether the source is a page.
type Key = (HeaderValue, bool);

/// Cache of parsed modules. A source that cannot be parsed is cached as `None`.
pub(super) struct ModuleCache(Cache<Key, Option<Arc<Module>>, ModuleWeight>);

#[derive(Clone)]
struct ModuleWeight;

impl Weighter<Key, Option<Arc<Module>>> for ModuleWeight {
    fn weight(&self, _: &Key, module: &Option<Arc<Module>>) -> u64 {
        // The entry itself, and the entity tag.
        const OVERHEAD: usize = 192;
        let imports = module.as_ref().map(|module| module.imports.heap_size());
        (OVERHEAD + imports.unwrap_or_default()) as u64
    }
}

impl ModuleCache {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(
            EXPECTED_MODULES,
            MODULE_CACHE_BYTES,
            ModuleWeight,
        ))
    }

    /// Returns the parsed module with this entity tag, or `None` when it cannot be parsed. Concurrent
    /// callers share one parse.
    pub(super) async fn get(
        &self,
        request: &PageRequest<'_>,
        tag: &HeaderValue,
        kind: SourceKind,
        body: &Bytes,
    ) -> Option<Arc<Module>> {
        let key = (tag.clone(), kind == SourceKind::Page);
        if let Some(module) = self.0.get(&key) {
            return module;
        }
        let slot = match self.0.get_value_or_guard_async(&key).await {
            Ok(module) => return module,
            Err(slot) => slot,
        };
        let body = body.clone();
        let parsed = run_blocking(move || Ok(parse(kind, &body)))
            .await
            .ok()
            .flatten();
        let module = parsed.and_then(|parsed| {
            log_syntax_errors(request, tag, &parsed);
            // An erroneous script has no imports; the other modules of a page have.
            let is_parsed = kind == SourceKind::Page || parsed.errors.is_empty();
            let mut imports = parsed.imports;
            imports.shrink_to_fit();
            is_parsed.then(|| Arc::new(Module { imports }))
        });
        // Fails only if another caller has taken over the slot, and has parsed the same source.
        let _ = slot.insert(module.clone());
        module
    }
}

/// Parses a source. A page with a syntax error in one inline module still yields the others; a source
/// that is not UTF-8 is ignored.
fn parse(kind: SourceKind, body: &[u8]) -> Option<Parsed> {
    let text = std::str::from_utf8(body).ok()?;
    Some(match kind {
        SourceKind::Script => javascript::imports(text),
        SourceKind::Page => javascript::imports_of_parts(text, &find_modules(body).inline),
    })
}

/// Logs syntax errors.
fn log_syntax_errors(request: &PageRequest<'_>, tag: &HeaderValue, parsed: &Parsed) {
    let file = request.file_name();
    for error in &parsed.errors {
        request.service.modules.checks.log.write(&file, tag, error);
    }
    if parsed.unreported > 0 {
        let modules = parsed.unreported;
        tracing::warn!(target: "pagewire::pages", "{file}: {modules} more inline modules have syntax errors");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;

    #[test]
    fn the_cache_counts_the_memory_of_its_modules() {
        let cache = ModuleCache::new();
        let insert = |number: usize| {
            let import = |part: usize| Import {
                specifier: format!("./{part}{}.js", "m".repeat(number)),
                dynamic: false,
                names: (0..part).map(|name| format!("name{name}")).collect(),
                literal: 0..number,
                line: 1,
                column: 1,
            };
            let imports = (0..number % 7).map(import).collect();
            let tag = HeaderValue::try_from(format!("\"{number:032x}\"")).expect("a tag");
            let module = (!number.is_multiple_of(10)).then(|| Arc::new(Module { imports }));
            cache.0.insert((tag, false), module);
        };
        let taken = measure(|| (0..1000).for_each(insert)).bytes_current;
        let (taken, counted) = (taken.cast_unsigned(), cache.0.weight());
        assert!(taken <= counted && counted < 2 * taken, "{taken} {counted}");
    }
}
