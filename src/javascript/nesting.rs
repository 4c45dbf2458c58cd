//! Bounds on nested code, checked before the recursive-descent parser runs.
//!
//! The parser reads `(a = ...` twice: as possible parameters of an arrow function, then as an expression.
//! Nested ones are read again in each of these, so time and memory could grow with the square of the
//! source. A lexer finds the brackets that the parser would see, outside strings, comments, templates and
//! regular expressions, and adds up what it would read again. Where only a parser can tell whether a slash
//! divides or begins a regular expression, the lexer follows both readings, so no source can hide a
//! bracket from it.

use memchr::{memchr3_iter, memmem};
use std::collections::HashSet;
use std::ops::ControlFlow::{self, Break, Continue};

/// Deepest accepted nesting of brackets. Modules beyond it are refused. Default 500; none of 34,500 files
/// of popular npm packages exceeds 42.
const MAX_DEPTH: usize = 500;

/// How many times a source may be read, here and by the parser together, on average. Modules beyond it are
/// refused: 42 KB can take the parser 85 s and 3.3 GB. Default 4; none of these files exceeds 2.3.
const MAX_READS: usize = 4;

/// Bytes that may be read in addition, so that small modules may nest more. Default 1 MiB.
const FREE_BYTES: usize = 1024 * 1024;

/// What a token is followed by, as far as a slash is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    /// An operator: the slash divides.
    Operator,
    /// An operand: the slash begins a regular expression.
    Operand,
    /// Only a parser can tell.
    Either,
    /// A condition in parentheses, followed by a statement.
    Condition,
    /// The name of a property.
    Name,
}

/// An open bracket.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Bracket {
    /// The byte that closes it, or a backtick for the `${` of a template.
    close: u8,
    /// What follows its end.
    next: Next,
    /// Offset, if it may begin the parameters of an arrow function.
    retried_from: Option<usize>,
}

/// One way to split the source into tokens, up to an offset.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Reading {
    at: usize,
    open: Vec<Bracket>,
    next: Next,
    /// Whether a line ended since the last token.
    is_new_line: bool,
}

/// Returns the offset at which a source is nested too deeply for the parser, if there is one.
pub(super) fn too_deep(source: &str) -> Option<usize> {
    let mut lexer = Lexer {
        source,
        bytes: source.as_bytes(),
        budget: source.len() * MAX_READS + FREE_BYTES,
        pending: vec![Reading {
            at: 0,
            open: Vec::new(),
            next: Next::Operand,
            is_new_line: true,
        }],
        forks: HashSet::new(),
    };
    if source.starts_with("#!") {
        lexer.pending[0].at = lexer.end_of_line(0);
    }
    while let Some(reading) = lexer.pending.pop() {
        if let Break(offset) = lexer.run(reading) {
            return Some(offset);
        }
    }
    None
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    /// Bytes that may still be read, here and by the parser.
    budget: usize,
    /// Readings to be continued.
    pending: Vec<Reading>,
    /// Readings that reached a slash of unclear meaning. Equal ones are followed once.
    forks: HashSet<Reading>,
}

impl Lexer<'_> {
    fn spend(&mut self, bytes: usize, at: usize) -> ControlFlow<usize> {
        match self.budget.checked_sub(bytes) {
            Some(rest) => {
                self.budget = rest;
                Continue(())
            }
            None => Break(at),
        }
    }

    /// Follows a reading to its end: that of the source, or a token that no parser accepts.
    fn run(&mut self, mut reading: Reading) -> ControlFlow<usize> {
        let start = reading.at;
        while let Some(byte) = self.bytes.get(reading.at).copied() {
            match self.read_token(&mut reading, byte)? {
                Some(at) => reading.at = at,
                None => break,
            }
        }
        let end = reading.at;
        self.spend(end.saturating_sub(start), end)?;
        for from in reading.open.iter().filter_map(|open| open.retried_from) {
            self.spend(end - from, from)?;
        }
        Continue(())
    }

    /// Reads the token at the position. Returns its end, or `None` when the reading ends.
    fn read_token(&mut self, reading: &mut Reading, byte: u8) -> ControlFlow<usize, Option<usize>> {
        let at = reading.at;
        let following = self.bytes.get(at + 1).copied().unwrap_or(0);
        let was_new_line = std::mem::take(&mut reading.is_new_line);
        // A statement may end at the end of a line, and the next one begin with an operand.
        let previous = match reading.next {
            Next::Operator if was_new_line => Next::Either,
            next => next,
        };
        reading.next = Next::Operand;
        let end = match byte {
            b'\n' | b'\r' | b' ' | b'\t' | 0x0B | 0x0C => {
                reading.next = previous;
                reading.is_new_line = was_new_line;
                let mut end = at;
                while let Some(b'\n' | b'\r' | b' ' | b'\t' | 0x0B | 0x0C) = self.bytes.get(end) {
                    reading.is_new_line |= matches!(self.bytes[end], b'\n' | b'\r');
                    end += 1;
                }
                end
            }
            b'/' if following == b'/' => {
                reading.next = previous;
                self.end_of_line(at)
            }
            b'<' if was_new_line && self.bytes[at..].starts_with(b"<!--") => {
                reading.next = previous;
                self.end_of_line(at)
            }
            b'/' if following == b'*' => {
                reading.next = previous;
                let end = self.end_of_comment(at);
                reading.is_new_line = was_new_line || find_line_end(&self.bytes[at..end]).is_some();
                end
            }
            b'/' => match previous {
                Next::Operator => at + 1,
                Next::Operand | Next::Name => {
                    reading.next = Next::Operator;
                    return self.end_of_regex(at);
                }
                Next::Either | Next::Condition => {
                    self.spend(size_of_val(reading.open.as_slice()), at)?;
                    if !self.forks.insert(reading.clone()) {
                        return Continue(None);
                    }
                    if let Some(end) = self.end_of_regex(at)? {
                        self.pending.push(Reading {
                            at: end,
                            next: Next::Operator,
                            ..reading.clone()
                        });
                    }
                    at + 1
                }
            },
            b'"' | b'\'' => {
                reading.next = Next::Operator;
                return Continue(self.end_of_string(at, byte));
            }
            b'`' => return self.read_template(reading, at + 1),
            b'(' | b'[' | b'{' => {
                let is_group = byte == b'(' && matches!(previous, Next::Operand | Next::Either);
                let retried_from = (is_group && self.may_be_parameters(at)).then_some(at);
                let (close, next) = match (byte, previous) {
                    (b'(', Next::Condition) => (b')', Next::Operand),
                    (b'(', Next::Either) => (b')', Next::Either),
                    (b'(', _) => (b')', Next::Operator),
                    (b'[', _) => (b']', Next::Operator),
                    _ => (b'}', Next::Either),
                };
                open(reading, close, next, retried_from)?;
                at + 1
            }
            b')' | b']' | b'}' => {
                let last = reading
                    .open
                    .pop_if(|last| last.close == byte || (last.close == b'`' && byte == b'}'));
                reading.next = Next::Either;
                if let Some(last) = last {
                    if last.close == b'`' {
                        return self.read_template(reading, at + 1);
                    }
                    reading.next = last.next;
                    let is_arrow = self.bytes[self.skip_blank(at + 1)..].starts_with(b"=>");
                    if let Some(from) = last.retried_from.filter(|_| !is_arrow) {
                        self.spend(at - from, from)?;
                    }
                }
                at + 1
            }
            b'+' | b'-' if following == byte => {
                reading.next = Next::Either;
                at + 2
            }
            b'.' if self.bytes[at..].starts_with(b"...") => at + 3,
            b'.' => {
                reading.next = Next::Name;
                at + 1
            }
            b'?' if following == b'.' => at + 1,
            b'0'..=b'9' => {
                reading.next = Next::Operator;
                self.end_of_number(at)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'#' | b'\\' | 0x80.. => {
                let end = self.end_of_word(at);
                if end > at {
                    reading.next = match previous {
                        Next::Name => Next::Operator,
                        _ => after_word(&self.bytes[at..end]),
                    };
                    end
                } else {
                    reading.next = previous;
                    reading.is_new_line = was_new_line || starts_with_line_end(&self.bytes[at..]);
                    let blank = self.source[at..].chars().next();
                    at + blank.map_or(1, char::len_utf8)
                }
            }
            _ => at + 1,
        };
        Continue(Some(end))
    }

    /// Returns the end of the word at this offset; the offset itself when there is none.
    fn end_of_word(&self, at: usize) -> usize {
        let mut end = at;
        while let Some(byte) = self.bytes.get(end) {
            end += match byte {
                _ if WORD_BYTES[usize::from(*byte)] => 1,
                b'\\' if self.bytes[end..].starts_with(b"\\u{") => {
                    let close = self.source[end..].find('}');
                    close.map_or(self.bytes.len() - end, |close| close + 1)
                }
                b'\\' => 1,
                0x80.. => match self.source[end..].chars().next() {
                    Some(character) if !is_blank(character) => character.len_utf8(),
                    _ => break,
                },
                _ => break,
            };
        }
        end
    }

    /// Returns the offset of the terminator of the line that contains `at`.
    fn end_of_line(&self, at: usize) -> usize {
        find_line_end(&self.bytes[at..]).map_or(self.bytes.len(), |length| at + length)
    }

    /// Returns the end of the comment between `/*` and `*/` at this offset.
    fn end_of_comment(&self, at: usize) -> usize {
        let length = memmem::find(&self.bytes[at + 2..], b"*/");
        length.map_or(self.bytes.len(), |length| at + 2 + length + 2)
    }

    /// Returns the offset of the first token at or after `at`.
    fn skip_blank(&self, mut at: usize) -> usize {
        loop {
            while self.bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            at = match &self.bytes[at..] {
                [b'/', b'/', ..] => self.end_of_line(at),
                [b'/', b'*', ..] => self.end_of_comment(at),
                [0x0B | 0x80.., ..] => match self.source[at..].chars().next() {
                    Some(character) if is_blank(character) => at + character.len_utf8(),
                    _ => return at,
                },
                _ => return at,
            };
        }
    }

    /// Whether the parser, if it reads this parenthesis as the beginning of parameters, gets as far as an
    /// expression in it: a default value, a computed name or a decorator. Otherwise it reads no more than
    /// the names of parameters again, which contain no other parenthesis.
    fn may_be_parameters(&self, at: usize) -> bool {
        let (mut at, mut last) = (at + 1, b'(');
        loop {
            at = self.skip_blank(at);
            let rest = &self.bytes[at..];
            at = match rest {
                [b'=', b'=' | b'>', ..] => return false,
                [b'=' | b'@', ..] => return true,
                [b'[', ..] if matches!(last, b'{' | b',') => return true,
                [b'[' | b'{' | b']' | b'}' | b',' | b':', ..] => at + 1,
                [b'.', b'.', b'.', ..] => at + 3,
                [b'"' | b'\'' | b'0'..=b'9', ..] => {
                    let end = match rest[0] {
                        b'0'..=b'9' => Some(self.end_of_number(at)),
                        quote => self.end_of_string(at, quote),
                    };
                    match end.map(|end| self.skip_blank(end)) {
                        Some(end) if self.bytes.get(end) == Some(&b':') => end,
                        _ => return false,
                    }
                }
                _ => match self.end_of_word(at) {
                    end if end > at => end,
                    _ => return false,
                },
            };
            last = rest[0];
        }
    }

    /// Returns the end of the number at this offset.
    fn end_of_number(&self, at: usize) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._$".contains(byte);
        let length = self.bytes[at..].iter().position(|byte| !is_part(byte));
        length.map_or(self.bytes.len(), |length| at + length)
    }

    /// Returns the end of the string at this offset.
    fn end_of_string(&self, at: usize, quote: u8) -> Option<usize> {
        let mut end = at + 1;
        loop {
            match self.bytes.get(end..)? {
                [b'\\', b'\r', b'\n', ..] => end += 3,
                [b'\\', ..] => end += 2,
                [] | [b'\n' | b'\r', ..] => return None,
                [byte, ..] if *byte == quote => return Some(end + 1),
                _ => end += 1,
            }
        }
    }

    /// Returns the end of the regular expression literal at this offset, if a slash on the same line
    /// ends it.
    fn end_of_regex(&mut self, at: usize) -> ControlFlow<usize, Option<usize>> {
        let mut end = at + 1;
        let mut is_in_class = false;
        while let Some(byte) = self.bytes.get(end).copied() {
            let rest = &self.bytes[end..];
            if starts_with_line_end(rest) || (byte == b'/' && !is_in_class) {
                break;
            }
            match byte {
                b'\\' if !starts_with_line_end(&rest[1..]) => end += 1,
                b'[' => is_in_class = true,
                b']' => is_in_class = false,
                _ => {}
            }
            end += 1;
        }
        let end = end.min(self.bytes.len());
        self.spend(end - at, at)?;
        let is_closed = self.bytes.get(end) == Some(&b'/');
        Continue(is_closed.then(|| {
            let flags = self.bytes[end + 1..].iter();
            let flags = flags.take_while(|byte| WORD_BYTES[usize::from(**byte)]);
            end + 1 + flags.count()
        }))
    }

    /// Reads the text of a template from this offset to its end or to the next `${`.
    fn read_template(&self, reading: &mut Reading, at: usize) -> ControlFlow<usize, Option<usize>> {
        let mut end = at;
        loop {
            match self.bytes.get(end..).unwrap_or_default() {
                [] => return Continue(None),
                [b'\\', ..] => end += 2,
                [b'`', ..] => {
                    reading.next = Next::Operator;
                    return Continue(Some(end + 1));
                }
                [b'$', b'{', ..] => {
                    reading.next = Next::Operand;
                    open(reading, b'`', Next::Operand, None)?;
                    return Continue(Some(end + 2));
                }
                _ => end += 1,
            }
        }
    }
}

/// Opens a bracket of a reading.
fn open(
    reading: &mut Reading,
    close: u8,
    next: Next,
    retried_from: Option<usize>,
) -> ControlFlow<usize> {
    if reading.open.len() >= MAX_DEPTH {
        return Break(reading.at);
    }
    reading.open.push(Bracket {
        close,
        next,
        retried_from,
    });
    Continue(())
}

/// Returns what follows a word that is not the name of a property.
fn after_word(word: &[u8]) -> Next {
    match word {
        b"case" | b"default" | b"delete" | b"do" | b"else" | b"extends" | b"in" | b"instanceof"
        | b"new" | b"return" | b"throw" | b"typeof" | b"void" => Next::Operand,
        b"for" | b"if" | b"while" | b"with" => Next::Condition,
        // `async (a = ...` may be the beginning of an arrow function.
        b"async" | b"await" | b"of" | b"yield" => Next::Either,
        // A keyword may be written with an escape.
        _ if word.contains(&b'\\') => Next::Either,
        _ => Next::Operator,
    }
}

/// Returns the offset of the first line terminator.
fn find_line_end(text: &[u8]) -> Option<usize> {
    let mut candidates = memchr3_iter(b'\n', b'\r', 0xE2, text);
    candidates.find(|at| starts_with_line_end(&text[*at..]))
}

/// Whether this text begins with a line terminator (ECMA-262, section 12.3).
fn starts_with_line_end(text: &[u8]) -> bool {
    matches!(text, [b'\n' | b'\r', ..] | [0xE2, 0x80, 0xA8 | 0xA9, ..])
}

/// Whether the parser skips this character between tokens.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200B}' | '\u{FEFF}')
}

/// ASCII bytes that words consist of.
static WORD_BYTES: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut value = 0_u8;
    while value.is_ascii() {
        bytes[value as usize] =
            value.is_ascii_alphanumeric() || matches!(value, b'_' | b'$' | b'#');
        value += 1;
    }
    bytes
};

#[cfg(test)]
mod tests;
