//! The resolve-import hook: a plugin replaces the specifiers of a module's imports.

use super::counters::CallOutcome;
use super::hook::{Hook, HookType, Phase};
use super::payload::{HookFailure, RequestContext};
use super::session::HookKind;
use crate::hub::Patterns;
use crate::message::HeapSize;
use std::path::{Path, PathBuf};

/// The options of a resolve-import hook.
#[derive(Debug)]
pub(crate) struct ResolveImportOptions {
    /// Calls carry only specifiers that one of these matches; none = all.
    pub specifiers: Option<Patterns>,
    /// Call this hook after all others, with the specifiers that they did not resolve.
    pub is_last: bool,
}

/// The imports of one module to resolve.
#[derive(Debug)]
pub(crate) struct ResolveImportCall {
    /// The request for the module, or for the page that contains it.
    pub importer: RequestContext,
    /// The matching imports that no earlier plugin resolved, in source order.
    pub imports: Vec<ImportSpecifier>,
}

/// An import in a module's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportSpecifier {
    /// The string value of the literal, without quotes and escapes.
    pub specifier: String,
    /// It is an `import()` expression.
    pub dynamic: bool,
    /// The exports that it names, without `default`. Only the daemon's own plugins get them.
    pub names: Vec<String>,
    /// 1-based.
    pub line: u32,
    /// 1-based, in UTF-16 code units.
    pub column: u32,
}

/// The plugin's answer to a [`ResolveImportCall`].
#[derive(Debug)]
pub(crate) enum ResolveImportOutcome {
    Resolved(ResolvedImports),
    /// Shown instead of the module.
    Failure(HookFailure),
}

/// The replacements for a module's specifiers.
#[derive(Debug)]
pub(crate) struct ResolvedImports {
    /// One per import, in the order of the call; empty = left to the next plugin. `pages` checks the
    /// number.
    pub specifiers: Vec<String>,
    /// Do not reuse this result for identical calls.
    pub no_cache: bool,
    /// Absolute paths of further files that the result depends on.
    pub depends_on: Vec<PathBuf>,
}

/// The resolve-import hook's type.
#[derive(Debug)]
pub(crate) struct ResolveImport;

impl HookType for ResolveImport {
    const KIND: HookKind = HookKind::ResolveImport;
    type Options = ResolveImportOptions;
    type Call = ResolveImportCall;
    type Outcome = ResolveImportOutcome;

    fn classify(outcome: &ResolveImportOutcome) -> CallOutcome {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => {
                if resolved.specifiers.iter().all(String::is_empty) {
                    CallOutcome::Skip
                } else {
                    CallOutcome::Content
                }
            }
            ResolveImportOutcome::Failure(_) => CallOutcome::Failure,
        }
    }

    fn phase(options: &ResolveImportOptions) -> Phase {
        if options.is_last {
            Phase::AfterFiles
        } else {
            Phase::BeforeFiles
        }
    }

    fn is_cacheable(outcome: &ResolveImportOutcome) -> bool {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => !resolved.no_cache,
            ResolveImportOutcome::Failure(_) => false,
        }
    }

    fn dependencies(outcome: &ResolveImportOutcome) -> Vec<&Path> {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => {
                resolved.depends_on.iter().map(PathBuf::as_path).collect()
            }
            ResolveImportOutcome::Failure(failure) => failure.dependencies(),
        }
    }

    fn size(outcome: &ResolveImportOutcome) -> usize {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => resolved.specifiers.heap_size(),
            ResolveImportOutcome::Failure(_) => 0,
        }
    }
}

impl Hook<ResolveImport> {
    /// Whether calls may carry this specifier.
    #[must_use]
    pub(crate) fn matches_specifier(&self, specifier: &str) -> bool {
        let patterns = self.type_options().specifiers.as_ref();
        patterns.is_none_or(|patterns| patterns.is_match(specifier))
    }
}
