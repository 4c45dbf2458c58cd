//! What a file of a package is: an ES module, a CommonJS module with its requires and exports, or a script; and
//! where it reads `process.env.NODE_ENV`.

mod visitor;

use super::imports::options;
use super::nesting;
use super::stack;
use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, Program, Statement};
use oxc_ast_visit::Visit;
use oxc_parser::{Parser, ParserReturn};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_syntax::module_record::{ExportExportName, ExportImportName, ModuleRecord};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use visitor::PackageVisitor;
use xxhash_rust::xxh3::xxh3_128;

/// A file of a package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PackageSource {
    pub(crate) kind: ModuleKind,
    /// Byte ranges of `process.env.NODE_ENV`, in source order.
    pub(crate) node_env: Vec<Range<usize>>,
    /// Whether it is an ES module and still assigns `module.exports`, which throws an error.
    pub(crate) is_mixed: bool,
    /// Whether it needs Node's `global`: it reads it other than in `typeof global`.
    pub(crate) uses_global: bool,
}

/// What kind of module a file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ModuleKind {
    /// Neither of the others.
    #[default]
    Script,
    EsModule(EsModule),
    CommonJs(CommonJs),
}

/// The exports of an ES module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EsModule {
    /// With `default`. Those of `export *` are missing.
    pub(crate) exports: BTreeSet<String>,
    /// Specifiers of `export * from`.
    pub(crate) stars: Vec<String>,
}

/// The requires and exports of a CommonJS module, as far as they can be known without running it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommonJs {
    /// In source order, each specifier once. Those that can only run in another `NODE_ENV` are missing.
    pub(crate) requires: Vec<Require>,
    /// Names of exports, without `default` and `__esModule`.
    pub(crate) exports: BTreeSet<String>,
    /// Specifiers of requires whose exports it exports as well.
    pub(crate) reexports: Vec<String>,
    /// Whether it states that it was compiled from an ES module, so that `exports.default` is its default export.
    pub(crate) is_compiled: bool,
    /// Whether it replaces its exports as a whole: `module.exports = function () {}`.
    pub(crate) replaces_exports: bool,
}

/// A `require` call with a literal specifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Require {
    pub(crate) specifier: String,
    /// Line of the literal, 1-based.
    pub(crate) line: u32,
    /// Column of the literal, 1-based, in UTF-16 code units.
    pub(crate) column: u32,
    /// Whether every such call is in a `try` block: the module expects that it may fail.
    pub(crate) is_guarded: bool,
}

/// Memory for the results of [`PackageSources`]. The least used are evicted beyond it, and files are analysed again
/// when they are needed. Default 8 MiB.
const RESULTS_BYTES: u64 = 8 * 1024 * 1024;

/// Expected number of files, which sizes the hash table.
const EXPECTED_FILES: usize = 1024;

/// Analyses files of packages, each content once: who resolves an import of a file needs the same as who serves it.
pub(crate) struct PackageSources {
    node_env: String,
    results: Cache<u128, Option<Arc<PackageSource>>, ResultWeight>,
}

#[derive(Clone)]
struct ResultWeight;

impl Weighter<u128, Option<Arc<PackageSource>>> for ResultWeight {
    fn weight(&self, _: &u128, source: &Option<Arc<PackageSource>>) -> u64 {
        const OVERHEAD: usize = 256;
        const NAME: usize = 64;
        let source = source.as_deref();
        let names = source.map_or(0, |source| match &source.kind {
            ModuleKind::Script => 0,
            ModuleKind::EsModule(module) => module.exports.len() + module.stars.len(),
            ModuleKind::CommonJs(module) => {
                module.exports.len() + module.reexports.len() + 2 * module.requires.len()
            }
        });
        let ranges = source.map_or(0, |source| source.node_env.len());
        (OVERHEAD + NAME * names + size_of::<Range<usize>>() * ranges) as u64
    }
}

impl PackageSources {
    /// `node_env` is the value of `process.env.NODE_ENV` in packages.
    pub(crate) fn new(node_env: &str) -> Self {
        Self {
            node_env: node_env.to_owned(),
            results: Cache::with_weighter(EXPECTED_FILES, RESULTS_BYTES, ResultWeight),
        }
    }

    pub(crate) fn node_env(&self) -> &str {
        &self.node_env
    }

    /// Analyses a file. `None` if it cannot be parsed, which is reported when it is served.
    ///
    /// Blocks while a thread of its own parses, like [`super::imports`].
    pub(crate) fn analyze(&self, text: &str) -> Option<Arc<PackageSource>> {
        let text = without_mark(text);
        let analyze = || Ok(analyze_package_source(text, &self.node_env).map(Arc::new));
        let key = xxh3_128(text.as_bytes());
        let result: Result<_, Infallible> = self.results.get_or_insert_with(&key, analyze);
        result.unwrap_or_default()
    }
}

/// Returns a text without its byte order mark. Offsets count from here.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

fn analyze_package_source(text: &str, node_env: &str) -> Option<PackageSource> {
    if nesting::too_deep(text).is_some() {
        return None;
    }
    stack::with_stack_for_walk(text, || analyze(text, node_env)).ok()?
}

fn analyze(text: &str, node_env: &str) -> Option<PackageSource> {
    let allocator = Allocator::default();
    let parse = |source_type| {
        let parsed = Parser::new(&allocator, text, source_type)
            .with_options(options())
            .parse();
        let is_valid = parsed.diagnostics.errors().next().is_none();
        is_valid.then_some(parsed)
    };
    // A CommonJS module is the body of a function: it may return, which a script may not.
    let parsed = parse(SourceType::unambiguous()).or_else(|| parse(SourceType::cjs()))?;
    Some(source_of(&parsed, node_env))
}

fn source_of(parsed: &ParserReturn<'_>, node_env: &str) -> PackageSource {
    let program: &Program<'_> = &parsed.program;
    let semantic = SemanticBuilder::new().build(program).semantic;
    let mut visitor = PackageVisitor::new(program.source_text, semantic.scoping(), node_env);
    visitor.visit_program(program);
    let (common_js, mut source) = visitor.finish();
    source.kind = if program.source_type.is_module() {
        source.is_mixed = program.body.iter().any(assigns_module_exports);
        ModuleKind::EsModule(es_module(&parsed.module_record))
    } else {
        common_js.map_or(ModuleKind::Script, ModuleKind::CommonJs)
    };
    source
}

/// Whether a statement of an ES module assigns to `module.exports` unconditionally, unless that is a variable of its
/// own.
fn assigns_module_exports(statement: &Statement<'_>) -> bool {
    let Statement::ExpressionStatement(statement) = statement else {
        return false;
    };
    let Expression::AssignmentExpression(assignment) = &statement.expression else {
        return false;
    };
    let member = assignment.left.as_member_expression();
    member.is_some_and(visitor::is_module_exports)
}

fn es_module(record: &ModuleRecord<'_>) -> EsModule {
    let mut module = EsModule::default();
    let indirect = record.indirect_export_entries.iter();
    for entry in record.local_export_entries.iter().chain(indirect) {
        match &entry.export_name {
            ExportExportName::Name(name) => drop(module.exports.insert(name.name.to_string())),
            ExportExportName::Default(_) => drop(module.exports.insert("default".to_owned())),
            ExportExportName::Null => {}
        }
    }
    let stars = record.star_export_entries.iter();
    let stars = stars.filter(|entry| matches!(entry.import_name, ExportImportName::AllButDefault));
    let specifiers = stars.filter_map(|entry| entry.module_request.as_ref());
    module.stars = specifiers.map(|request| request.name.to_string()).collect();
    module
}

#[cfg(test)]
mod tests;
