//! What a JavaScript module imports, and other specifiers in their place. The parser is oxc's: it
//! reports spans, we splice, and every other byte stays.

use super::frame::{Place, Places, frame};
use super::stack::{self, NoStack};
use oxc_allocator::Allocator;
use oxc_ast::ast::Expression;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;
use std::ops::Range;

/// One import, re-export or dynamic import whose specifier is a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// The specifier, its escapes resolved.
    pub(super) specifier: String,
    /// It is an `import()`.
    pub(super) dynamic: bool,
    /// The bytes of its literal, quotes included.
    pub(super) literal: Range<usize>,
    /// The line of the specifier, from 1.
    pub(super) line: u32,
    /// The column of the first character behind the quote, from 1, in UTF-16 code units. A byte
    /// order mark is none.
    pub(super) column: u32,
}

/// Why a source is no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({line}:{column})")]
pub(super) struct SyntaxError {
    /// In the words of the parser.
    pub(super) message: String,
    /// From 1.
    pub(super) line: u32,
    /// From 1, in UTF-16 code units.
    pub(super) column: u32,
    /// The lines around, with a caret below the place.
    pub(super) frame: String,
}

/// What a module imports, in the order of its source: static imports, re-exports, and dynamic
/// imports whose specifier is a string or a template without substitutions. No TypeScript, no JSX.
///
/// What only a look at the whole finds (names declared twice, an import inside a block) is left to the
/// browser.
///
/// It takes a thread of its own for as long as it lasts, with a stack as large as the source may need
/// ([`stack::with_room`]): call it where blocking is allowed.
pub(super) fn imports(source: &str) -> Result<Vec<Import>, SyntaxError> {
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    imports_of_part(source, source.len() - text.len()..source.len())
}

/// The same for a module that is this part of something else; bytes and places are those of the whole.
pub(super) fn imports_of_part(whole: &str, part: Range<usize>) -> Result<Vec<Import>, SyntaxError> {
    let text = &whole[part.clone()];
    let found = parse_safely(text).map_err(|(message, offset)| {
        let offset = offset + part.start;
        let Place { line, column } = Places::new(whole).place(offset);
        SyntaxError {
            message,
            line,
            column,
            frame: frame(whole, offset),
        }
    })?;
    let mut places = Places::new(whole);
    let imports = found.into_iter().map(|(literal, dynamic, specifier)| {
        let literal = literal.start + part.start..literal.end + part.start;
        let Place { line, column } = places.place(literal.start + 1);
        Import {
            specifier,
            dynamic,
            literal,
            line,
            column,
        }
    });
    Ok(imports.collect())
}

/// Neither time nor memory nor stack without bounds, whatever the source.
fn parse_safely(text: &str) -> Result<Vec<Found>, (String, usize)> {
    if let Some(offset) = stack::too_deep(text) {
        return Err((
            "brackets are nested too deeply (take it apart)".to_owned(),
            offset,
        ));
    }
    stack::with_room(text, || parse(text)).unwrap_or_else(|reason| {
        let message = match reason {
            NoStack::TooLarge => "the module is too large to be parsed safely (split it)",
            NoStack::NoRoom => "there is no memory to parse the module (try again)",
            NoStack::Panicked => "the parser failed on the module (please report it)",
        };
        Err((message.to_owned(), 0))
    })
}

/// Literal, dynamic, specifier.
type Found = (Range<usize>, bool, String);

fn parse(text: &str) -> Result<Vec<Found>, (String, usize)> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, text, SourceType::mjs())
        .with_options(options())
        .parse();
    let first = parsed
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
    if let Some((offset, message)) = first {
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
    // What looks like the parameters of an arrow function is parsed, and recorded, twice.
    spans.dedup();
    Ok(spans
        .into_iter()
        .filter_map(|(literal, dynamic)| {
            let specifier = cooked(&text[literal.clone()])?;
            Some((literal, dynamic, specifier))
        })
        .collect())
}

fn options() -> ParseOptions {
    ParseOptions {
        // The literal in `import(("a"))`, not its parentheses.
        preserve_parens: false,
        enable_ident_hashes: false,
        ..ParseOptions::default()
    }
}

/// The value of a string, or of a template without substitutions; None = it is no such literal, or
/// its value is no Unicode.
fn cooked(literal: &str) -> Option<String> {
    let quote = literal
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    // One literal alone: `"a" + "b"` has quotes at both ends, too.
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

/// The source with these specifiers in place of those of its `imports`; None leaves one as it is,
/// byte for byte. What is put in is safe in a script element, too.
pub(super) fn rewrite(source: &str, imports: &[Import], resolved: &[Option<&str>]) -> String {
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
            // `</script` would end a script element, `<!--` begin a comment in it.
            '<' => to.push_str("\\x3C"),
            c => to.push(c),
        }
    }
    to.push(quote);
}

#[cfg(test)]
mod tests;
