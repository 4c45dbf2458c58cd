//! Calls the `resolve_import` hooks for the imports of a module: one call per plugin, each with the
//! imports that the plugins before it left unresolved.

use super::cache::Module;
use crate::javascript::Import;
use crate::pages::errors::plugin_errors::{self, FailedCall};
use crate::pages::request::{MatchingHooks, PageRequest};
use crate::pages::response::page_response::PageResponse;
use crate::plugins::{
    Hook, HookResult, ImportSpecifier, ResolveImport, ResolveImportCall, ResolveImportOutcome,
};
use axum::http::HeaderValue;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Specifiers in one call, in bytes with those of their messages, so that a call fits into what gRPC libraries
/// accept. Further ones are left to the browser, which is logged. Default 2 MiB.
const MAX_CALL_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of an import in a call besides its specifier.
const IMPORT_BYTES: usize = 24;

/// Result of resolving the imports of a module.
pub(super) struct Resolution {
    /// One for each import; `None` leaves it as it is written.
    pub(super) specifiers: Vec<Option<String>>,
    /// Plugins that failed, and whose failure mode is to continue without them.
    pub(super) skipped: Vec<String>,
    /// Error response that the page gets instead of the module.
    pub(super) failed: Option<Box<PageResponse>>,
}

/// Resolves the imports of a module with the hooks whose filters match it.
pub(super) async fn resolve(
    request: &PageRequest<'_>,
    hooks: &MatchingHooks<ResolveImport>,
    tag: &HeaderValue,
    module: &Module,
) -> Resolution {
    let mut resolution = Resolution {
        specifiers: vec![None; module.imports.len()],
        skipped: Vec::new(),
        failed: None,
    };
    for hook in hooks.iter() {
        let called = call_hook(request, hook, tag, module, &mut resolution).await;
        if let Err(failed) = called {
            resolution.failed = Some(failed);
            break;
        }
    }
    resolution
}

async fn call_hook(
    request: &PageRequest<'_>,
    hook: &Arc<Hook<ResolveImport>>,
    tag: &HeaderValue,
    module: &Module,
    resolution: &mut Resolution,
) -> Result<(), Box<PageResponse>> {
    let plugin = hook.plugin();
    let is_unresolved = |index: &usize| {
        resolution.specifiers[*index].is_none()
            && hook.matches_specifier(&module.imports[*index].specifier)
    };
    let mut unresolved: Vec<usize> = (0..module.imports.len()).filter(is_unresolved).collect();
    let mut bytes = 0;
    let mut fits = |index: &usize| {
        bytes += module.imports[*index].specifier.len() + IMPORT_BYTES;
        bytes <= MAX_CALL_BYTES
    };
    let fitting = unresolved.iter().take_while(|index| fits(index)).count();
    if fitting < unresolved.len() {
        let (path, imports) = (request.path, unresolved.len());
        tracing::warn!(target: "pagewire::pages", plugin, %path, imports, fitting, "a module has more imports than one call to a plugin can carry ({MAX_CALL_BYTES} bytes); the browser gets the others as they are");
        unresolved.truncate(fitting);
    }
    if unresolved.is_empty() {
        return Ok(());
    }
    let key = request.key(hook, content_hash(tag, &resolution.specifiers));
    let cache = &request.service.plugins.resolve_import().cache;
    let called = match cache.get(&key) {
        Some(outcome) => Ok(outcome),
        None => {
            let call = || ResolveImportCall {
                importer: request.hook_context(&key),
                imports: unresolved
                    .iter()
                    .map(|index| import_specifier(&module.imports[*index]))
                    .collect(),
            };
            cache
                .call_coalesced(hook, &key, request.source_file, call)
                .await
        }
    };
    let failed = match called.as_deref().map(HookResult::outcome) {
        Ok(ResolveImportOutcome::Resolved(result))
            if result.specifiers.len() == unresolved.len() =>
        {
            for (index, specifier) in unresolved.into_iter().zip(&result.specifiers) {
                let is_unchanged =
                    specifier.is_empty() || *specifier == module.imports[index].specifier;
                resolution.specifiers[index] = (!is_unchanged).then(|| specifier.clone());
            }
            return Ok(());
        }
        Ok(ResolveImportOutcome::Resolved(result)) => {
            cache.remove(&key);
            let (expected, returned) = (unresolved.len(), result.specifiers.len());
            let text = format!("called with {expected} imports, it returned {returned} specifiers");
            plugin_errors::invalid_result(request, hook, text)
        }
        Ok(ResolveImportOutcome::Failure(failure)) => {
            plugin_errors::reported_failure(request, hook, failure)
        }
        Err(error) => {
            if let Some(next) = plugin_errors::successor(request, hook, *error, true).await {
                if !next.matches(request.facts(None)) {
                    return Ok(());
                }
                return Box::pin(call_hook(request, &next, tag, module, resolution)).await;
            }
            match plugin_errors::failed_call(request, hook, *error) {
                FailedCall::Fail(failed) => return Err(failed),
                FailedCall::Skip => {
                    resolution.skipped.push(plugin.to_owned());
                    return Ok(());
                }
                FailedCall::Ignore => return Ok(()),
            }
        }
    };
    Err(Box::new(failed))
}

/// Hashes the inputs of a hook call other than the request: the module's content, identified by its entity tag,
/// and the specifiers resolved so far.
fn content_hash(tag: &HeaderValue, specifiers: &[Option<String>]) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&specifiers_hash(specifiers).to_le_bytes());
    hash.update(tag.as_bytes());
    hash.digest128()
}

/// Hashes the resolved specifiers. Length prefixes keep adjacent specifiers apart.
pub(super) fn specifiers_hash(specifiers: &[Option<String>]) -> u128 {
    let mut hash = Xxh3::new();
    for specifier in specifiers {
        let text = specifier.as_deref().unwrap_or_default();
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest128()
}

fn import_specifier(import: &Import) -> ImportSpecifier {
    ImportSpecifier {
        specifier: import.specifier.clone(),
        dynamic: import.dynamic,
        names: import.names.clone(),
        line: import.line,
        column: import.column,
    }
}
