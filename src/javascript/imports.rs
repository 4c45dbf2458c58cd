//! Finds the imports of a JavaScript module and replaces their specifiers. oxc parses the module and
//! reports spans; only those are spliced, so every other byte stays as it is.

use super::code_frame::{LineColumn, LineCounter, code_frame};
use super::nesting;
use super::stack::{self, StackError};
use oxc_allocator::Allocator;
use oxc_ast::ast::Expression;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::{GetSpan, SourceType};
use oxc_syntax::module_record::{ExportImportName, ImportImportName, ModuleRecord, NameSpan};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Most syntax errors that are reported for the modules of a page; of the others only the number is. Default
/// 10.
const MAX_ERRORS: usize = 10;

/// One import, re-export or dynamic import whose specifier is a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The specifier with its escapes resolved.
    pub(crate) specifier: String,
    /// Whether it is an `import()`.
    pub(crate) dynamic: bool,
    /// The exports that it names, without `default`.
    pub(crate) names: Vec<String>,
    /// Byte range of the literal, quotes included.
    pub(crate) literal: Range<usize>,
    /// Line of the specifier, 1-based.
    pub(crate) line: u32,
    /// Column of the first character after the quote, 1-based, in UTF-16 code units. A byte order mark
    /// does not count.
    pub(crate) column: u32,
}

/// Reason why a source cannot be parsed as a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({line}:{column})")]
pub(crate) struct SyntaxError {
    /// The parser's message.
    pub(crate) message: String,
    /// 1-based.
    pub(crate) line: u32,
    /// 1-based, in UTF-16 code units.
    pub(crate) column: u32,
    /// The surrounding lines with a caret below the position.
    pub(crate) frame: String,
}

/// Returns the imports of a module in source order: static imports, re-exports, and dynamic imports
/// whose specifier is a string or a template without substitutions. TypeScript and JSX are not parsed.
/// A source that is not a module but a classic script, whose syntax is laxer, has its dynamic imports.
///
/// Errors that need semantic analysis (duplicate declarations, an import inside a block) are left to
/// the browser.
///
/// Blocks while a thread of its own parses, with as large a stack as the source may need
/// ([`stack::with_stack_for`]).
pub(crate) fn imports(source: &str) -> Parsed {
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let part = source.len() - text.len()..source.len();
    imports_of(source, std::slice::from_ref(&part), parse_script)
}

/// How a source is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    Module,
    /// As a classic script.
    Script,
    /// As a module, or else as a classic script: only what is neither has an error.
    Either,
}

/// Returns the first error of a script, as far as the parser finds it, like [`imports`]. A script that is too large or
/// too deeply nested to be parsed has none.
pub(crate) fn syntax_error(source: &str, grammar: Grammar) -> Option<SyntaxError> {
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let parse = match grammar {
        Grammar::Module => parse_module,
        Grammar::Script => parse_classic,
        Grammar::Either => parse_script,
    };
    if nesting::too_deep(text).is_some() {
        return None;
    }
    let (message, offset) = stack::with_stack_for(&[text], || parse(text)).ok()?.err()?;
    let offset = offset + source.len() - text.len();
    let LineColumn { line, column } = LineCounter::new(source).position(offset);
    Some(SyntaxError {
        message,
        line,
        column,
        frame: code_frame(source, offset),
    })
}

/// What was found in the modules of a text.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) imports: Vec<Import>,
    /// At most one for each module, and at most [`MAX_ERRORS`].
    pub(crate) errors: Vec<SyntaxError>,
    /// Number of further modules that have errors.
    pub(crate) unreported: usize,
}

/// Like [`imports`], for modules embedded in a larger text, in its order. Ranges and positions refer to
/// that text. A module with an error has no imports.
pub(crate) fn imports_of_parts(whole: &str, parts: &[Range<usize>]) -> Parsed {
    imports_of(whole, parts, parse_module)
}

fn imports_of(whole: &str, parts: &[Range<usize>], parse: Parse) -> Parsed {
    let mut parsed = Parsed::default();
    let mut counter = LineCounter::new(whole);
    let texts: Vec<&str> = parts.iter().map(|part| &whole[part.clone()]).collect();
    for (part, found) in parts.iter().zip(parse_bounded(&texts, parse)) {
        match found {
            Ok(found) => {
                let imports = found.into_iter().map(|found| {
                    let literal = found.literal.start + part.start..found.literal.end + part.start;
                    let LineColumn { line, column } = counter.position(literal.start + 1);
                    Import {
                        specifier: found.specifier,
                        dynamic: found.dynamic,
                        names: found.names,
                        literal,
                        line,
                        column,
                    }
                });
                parsed.imports.extend(imports);
            }
            Err(_) if parsed.errors.len() == MAX_ERRORS => parsed.unreported += 1,
            Err((message, offset)) => {
                let offset = offset + part.start;
                let LineColumn { line, column } = counter.position(offset);
                parsed.errors.push(SyntaxError {
                    message,
                    line,
                    column,
                    frame: code_frame(whole, offset),
                });
            }
        }
    }
    parsed
}

/// Parses modules with bounded time, memory and stack, whatever the sources. Returns one result for each.
fn parse_bounded(texts: &[&str], parse: Parse) -> Vec<ParseResult> {
    let parse_all = |texts: &[&str]| {
        stack::with_stack_for(texts, || {
            let parse_checked = |text: &&str| match nesting::too_deep(text) {
                Some(offset) => Err((
                    "brackets are nested too deeply to parse (split the module)".to_owned(),
                    offset,
                )),
                None => parse(text),
            };
            texts.iter().map(parse_checked).collect::<Vec<_>>()
        })
    };
    match parse_all(texts) {
        Ok(parsed) => parsed,
        // One of them must not keep the others from being parsed.
        Err(_) if texts.len() > 1 => {
            let (first, second) = texts.split_at(texts.len() / 2);
            [parse_bounded(first, parse), parse_bounded(second, parse)].concat()
        }
        Err(error) => {
            let message = match error {
                StackError::TooLarge => {
                    "the module is too large to parse safely (split the module)"
                }
                StackError::OutOfMemory => "not enough memory to parse the module (try again)",
                StackError::Panicked => "the parser panicked on this module (please report it)",
            };
            vec![Err((message.to_owned(), 0)); texts.len()]
        }
    }
}

/// An [`Import`] of one text.
#[derive(Clone)]
struct Found {
    literal: Range<usize>,
    dynamic: bool,
    specifier: String,
    names: Vec<String>,
}

/// Message and byte offset.
type ParseError = (String, usize);

type ParseResult = Result<Vec<Found>, ParseError>;

/// Parses one text.
type Parse = fn(&str) -> ParseResult;

fn parse_module(text: &str) -> ParseResult {
    parse_as(SourceType::mjs(), text)
}

/// Parses a module or a classic script. If it is neither, returns the error of the module.
fn parse_script(text: &str) -> ParseResult {
    parse_module(text).or_else(|error| parse_classic(text).map_err(|_| error))
}

fn parse_classic(text: &str) -> ParseResult {
    parse_as(SourceType::script(), text)
}

fn parse_as(source_type: SourceType, text: &str) -> ParseResult {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, source_type)
        .with_options(options())
        .parse();
    if source_type.is_script()
        && let Some(offset) = module_syntax(&parsed)
    {
        let message = "a classic script has neither imports nor exports nor import.meta (load it with type=\"module\")";
        return Err((message.to_owned(), offset));
    }
    let first_error = parsed
        .diagnostics
        .errors()
        .map(|error| {
            let offset = error
                .labels
                .first()
                .map_or(0, |label| label.offset() as usize);
            (offset, error.message.to_string())
        })
        .min_by_key(|(offset, _)| *offset);
    if let Some((offset, message)) = first_error {
        return Err((message, text.floor_char_boundary(offset)));
    }
    let record = &parsed.module_record;
    let requested = record.requested_modules.values().flatten();
    let mut spans: Vec<_> = requested
        .map(|request| (request.span, false))
        .chain(
            record
                .dynamic_imports
                .iter()
                .map(|i| (i.module_request, true)),
        )
        .map(|(span, dynamic)| (span.start as usize..span.end as usize, dynamic))
        .collect();
    spans.sort_unstable_by_key(|(literal, _)| literal.start);
    // Possible parameters of an arrow function are parsed, and recorded, twice.
    spans.dedup();
    let mut names = imported_names(record);
    Ok(spans
        .into_iter()
        .filter_map(|(literal, dynamic)| {
            let mut names = names.remove(&literal.start).unwrap_or_default();
            // They are cached.
            names.shrink_to_fit();
            Some(Found {
                specifier: cooked(&text[literal.clone()])?,
                names,
                literal,
                dynamic,
            })
        })
        .collect())
}

/// Returns the names that each import and re-export names, by the offset of its specifier.
fn imported_names(record: &ModuleRecord<'_>) -> HashMap<usize, Vec<String>> {
    let mut names: HashMap<usize, Vec<String>> = HashMap::new();
    let mut add = |request: &NameSpan<'_>, name: &NameSpan<'_>| {
        if name.name != "default" {
            let start = request.span.start as usize;
            names.entry(start).or_default().push(name.name.to_string());
        }
    };
    for entry in &record.import_entries {
        if let ImportImportName::Name(name) = &entry.import_name {
            add(&entry.module_request, name);
        }
    }
    // Exports of imported bindings are counted already, and the parser gives a default import's local name as its name.
    let statements = record.import_entries.iter();
    let statements: HashSet<u32> = statements.map(|it| it.statement_span.start).collect();
    for entry in &record.indirect_export_entries {
        if statements.contains(&entry.statement_span.start) {
            continue;
        }
        if let (ExportImportName::Name(name), Some(request)) =
            (&entry.import_name, &entry.module_request)
        {
            add(request, name);
        }
    }
    names
}

/// Returns the offset of the first import, export or `import.meta`.
fn module_syntax(parsed: &ParserReturn<'_>) -> Option<usize> {
    let statements = parsed.program.body.iter();
    let declarations = statements.filter(|statement| statement.is_module_declaration());
    let metas = parsed.module_record.import_metas.iter().copied();
    let spans = declarations.map(GetSpan::span).chain(metas);
    spans.map(|span| span.start as usize).min()
}

pub(super) fn options() -> ParseOptions {
    ParseOptions {
        // The span of `import(("a"))` shall be the literal's, without the parentheses.
        preserve_parens: false,
        enable_ident_hashes: false,
        ..ParseOptions::default()
    }
}

/// Returns the value of a string or of a template without substitutions. `None` when the text is not
/// such a literal, or when its value is not valid Unicode.
fn cooked(literal: &str) -> Option<String> {
    let quote = literal
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    // Must be a single literal: `"a" + "b"` has quotes at both ends, too.
    let mut rest = inner;
    while let Some(at) = rest.find(['\\', '$', quote]) {
        let special = &rest[at..];
        if special.starts_with(quote) || (quote == '`' && special.starts_with("${")) {
            return None;
        }
        let escaped = usize::from(special.starts_with('\\'));
        rest = special.get(1..)?;
        rest = &rest[rest.chars().take(escaped).map(char::len_utf8).sum()..];
    }
    if !inner.contains(['\\', '\r']) {
        return Some(inner.to_owned());
    }
    let allocator = Allocator::default();
    match Parser::new(&allocator, literal, SourceType::mjs()).parse_expression() {
        Ok(Expression::StringLiteral(string)) if !string.lone_surrogates => {
            Some(string.value.to_string())
        }
        Ok(Expression::TemplateLiteral(template)) => match template.quasis.as_slice() {
            [only] if !only.lone_surrogates => only.value.cooked.map(|value| value.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the source with the specifiers of its `imports` replaced; `None` leaves one byte for byte as
/// it is. Replacements are escaped so that they are safe inside a script element.
pub(crate) fn rewrite(source: &str, imports: &[Import], resolved: &[Option<&str>]) -> String {
    let mut rewritten = String::with_capacity(source.len() + 64 * imports.len());
    let mut copied = 0;
    for (import, specifier) in imports.iter().zip(resolved) {
        let Some(specifier) = specifier else { continue };
        rewritten.push_str(&source[copied..import.literal.start]);
        let quote = match source.as_bytes()[import.literal.start] {
            b'\'' => '\'',
            _ => '"',
        };
        push_literal(&mut rewritten, quote, specifier);
        copied = import.literal.end;
    }
    rewritten.push_str(&source[copied..]);
    rewritten
}

fn push_literal(to: &mut String, quote: char, value: &str) {
    to.push(quote);
    for c in value.chars() {
        match c {
            '\\' | '\'' | '"' if c == '\\' || c == quote => to.extend(['\\', c]),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\u{2028}' => to.push_str("\\u2028"),
            '\u{2029}' => to.push_str("\\u2029"),
            // `</script` would end a script element, and `<!--` would begin a comment in it.
            '<' => to.push_str("\\x3C"),
            c => to.push(c),
        }
    }
    to.push(quote);
}

#[cfg(test)]
mod tests;
