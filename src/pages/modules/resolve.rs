//! Asks the plugins what the imports of a module stand for: one call a plugin, each about what those
//! before it left.

use super::fingerprint;
use super::parsed::Module;
use crate::pages::answer::Answer;
use crate::pages::faults::Unanswered;
use crate::pages::subject::Subject;
use crate::pages::{Pages, faults};
use crate::plugins::{
    Hook, HookResult, HookSnapshot, ImportSpecifier, ResolveImport, ResolveImportCall,
    ResolveImportOutcome,
};
use axum::http::HeaderValue;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// What the imports of a module stand for.
pub(super) struct Resolved {
    /// One for each import; none = as it is written.
    pub(super) specifiers: Vec<Option<String>>,
    /// Plugins that failed and whose failure mode lets the request go on.
    pub(super) skipped: Vec<String>,
    /// What the page gets instead of the module.
    pub(super) failed: Option<Box<Answer>>,
}

/// What they stand for.
pub(super) async fn ask(
    pages: &Pages,
    hooks: &HookSnapshot<ResolveImport>,
    wanting: &[usize],
    subject: Subject<'_>,
    tag: &HeaderValue,
    module: &Module,
) -> Resolved {
    let mut resolved = Resolved {
        specifiers: vec![None; module.imports.len()],
        skipped: Vec::new(),
        failed: None,
    };
    for place in wanting {
        let hook = &hooks.hooks()[*place];
        let asked = ask_one(pages, hook, subject, tag, module, &mut resolved).await;
        if let Err(failed) = asked {
            resolved.failed = Some(failed);
            break;
        }
    }
    resolved
}

async fn ask_one(
    pages: &Pages,
    hook: &Arc<Hook<ResolveImport>>,
    subject: Subject<'_>,
    tag: &HeaderValue,
    module: &Module,
    resolved: &mut Resolved,
) -> Result<(), Box<Answer>> {
    let (request, path, plugin) = (subject.request, subject.path, hook.plugin());
    let is_open = |at: &usize| {
        resolved.specifiers[*at].is_none() && hook.matches_specifier(&module.imports[*at].specifier)
    };
    let open: Vec<usize> = (0..module.imports.len()).filter(is_open).collect();
    if open.is_empty() {
        return Ok(());
    }
    let key = subject.key(hook, about(tag, &resolved.specifiers));
    let cache = &pages.plugins.resolve_import().cache;
    let asked = match cache.get(&key) {
        Some(outcome) => Ok(outcome),
        None => {
            let call = || ResolveImportCall {
                importer: subject.context(&key),
                imports: open.iter().map(|at| told(module, *at)).collect(),
            };
            let asked = cache.call_coalesced(hook, &key, subject.file, call);
            asked.await
        }
    };
    let failed = match asked.as_deref().map(HookResult::outcome) {
        Ok(ResolveImportOutcome::Resolved(answer)) if answer.specifiers.len() == open.len() => {
            for (at, specifier) in open.into_iter().zip(&answer.specifiers) {
                let left = specifier.is_empty() || *specifier == module.imports[at].specifier;
                resolved.specifiers[at] = (!left).then(|| specifier.clone());
            }
            return Ok(());
        }
        Ok(ResolveImportOutcome::Resolved(answer)) => {
            cache.remove(&key);
            let (asked, said) = (open.len(), answer.specifiers.len());
            let text = format!("asked about {asked} imports, it answered {said} specifiers");
            faults::broken(request, plugin, path, text)
        }
        Ok(ResolveImportOutcome::Failure(failure)) => {
            faults::reported(request, plugin, path, failure)
        }
        Err(error) => match faults::unanswered(pages, request, hook, path, *error) {
            Unanswered::Shown(failed) => return Err(failed),
            Unanswered::PassedBy => {
                resolved.skipped.push(plugin.to_owned());
                return Ok(());
            }
            Unanswered::NotThere => return Ok(()),
        },
    };
    Err(Box::new(failed))
}

/// Tells apart what a plugin may be asked about.
fn about(tag: &HeaderValue, resolved: &[Option<String>]) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&fingerprint(resolved).to_le_bytes());
    hash.update(tag.as_bytes());
    hash.digest128()
}

fn told(module: &Module, at: usize) -> ImportSpecifier {
    let import = &module.imports[at];
    ImportSpecifier {
        specifier: import.specifier.clone(),
        dynamic: import.dynamic,
        line: import.line,
        column: import.column,
    }
}
