//! The resolve-import hook: say what the specifiers of a module's imports stand for.

use super::PluginRegistry;
use super::counters::CallOutcome;
use super::hook::{Hook, HookFailure, HookType, RequestContext};
use super::hook_set::HookSet;
use super::serve::Phase;
use super::session::HookKind;
use regex::RegexSet;
use std::path::{Path, PathBuf};

/// What a plugin says when it opens the hook, beside what all hooks have.
#[derive(Debug)]
pub(crate) struct ResolveImportOptions {
    /// It is asked about specifiers that one of these is found in; none = all.
    pub specifiers: Option<RegexSet>,
    /// It is asked about what nobody else claims.
    pub is_last: bool,
}

/// What a plugin is asked: the imports of one module.
#[derive(Debug)]
pub(crate) struct ResolveImportCall {
    /// The request for the module, or for the page it is in.
    pub importer: RequestContext,
    /// Those that it wants and that nobody before it resolved, in source order.
    pub imports: Vec<ImportSpecifier>,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportSpecifier {
    /// As the source means it, without quotes and escapes.
    pub specifier: String,
    /// An `import()` expression.
    pub dynamic: bool,
    /// 1-based.
    pub line: u32,
    /// 1-based, in UTF-16 code units.
    pub column: u32,
}

/// What a plugin answered.
#[derive(Debug)]
pub(crate) enum ResolveImportOutcome {
    /// What to import instead.
    Resolved(ResolvedImports),
    /// Broken: shown instead of the module.
    Failure(HookFailure),
}

/// What to import instead.
#[derive(Debug)]
pub(crate) struct ResolvedImports {
    /// One for each import in the same order, which the edge checks; empty = the next plugin's.
    pub specifiers: Vec<String>,
    /// It is not to be kept.
    pub no_cache: bool,
    /// Further files that it depends on, absolute.
    pub depends_on: Vec<PathBuf>,
}

/// The kind of hook.
#[derive(Debug)]
pub(crate) struct ResolveImport;

impl HookType for ResolveImport {
    const HOOK: HookKind = HookKind::ResolveImport;
    type Options = ResolveImportOptions;
    type Call = ResolveImportCall;
    type Outcome = ResolveImportOutcome;

    fn call_outcome(outcome: &ResolveImportOutcome) -> CallOutcome {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => {
                if resolved.specifiers.iter().all(String::is_empty) {
                    CallOutcome::Pass
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

    fn hooks(plugins: &PluginRegistry) -> &HookSet<Self> {
        plugins.resolve_import()
    }

    fn may_keep(outcome: &ResolveImportOutcome) -> bool {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => !resolved.no_cache,
            ResolveImportOutcome::Failure(_) => false,
        }
    }

    fn files(outcome: &ResolveImportOutcome) -> Vec<&Path> {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => {
                resolved.depends_on.iter().map(PathBuf::as_path).collect()
            }
            ResolveImportOutcome::Failure(failure) => failure.files(),
        }
    }

    fn size(outcome: &ResolveImportOutcome) -> usize {
        match outcome {
            ResolveImportOutcome::Resolved(resolved) => {
                let sizes = resolved
                    .specifiers
                    .iter()
                    .map(|one| size_of::<String>() + one.len());
                sizes.sum()
            }
            ResolveImportOutcome::Failure(_) => 0,
        }
    }
}

impl Hook<ResolveImport> {
    /// Whether it is asked about this specifier.
    #[must_use]
    pub(crate) fn matches_specifier(&self, specifier: &str) -> bool {
        let wanted = self.type_options().specifiers.as_ref();
        wanted.is_none_or(|wanted| wanted.is_match(specifier))
    }
}
