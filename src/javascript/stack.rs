//! Stack space for the recursive-descent module parser. The parser recurses once per level of nesting
//! without a limit, and a stack overflow would abort the daemon. So an upper bound of the stack that a
//! source may need is estimated first, and the parser runs on a thread with a stack of that size.

use std::sync::{Mutex, PoisonError};

/// Most stack that a bracket uses, in bytes. Measured: 2340 in a debug build, 1460 in a release build.
const BRACKET_BYTES: usize = 4096;

/// Most stack that an operator, or a keyword with an operand, uses. Measured: 1210 in a debug build,
/// 580 in a release build.
const OPERATOR_BYTES: usize = 2048;

/// Most stack that any other byte uses: the parser also recurses into chains like `a.b.c` after a
/// `/*#__PURE__*/`. Measured: 24.
const OTHER_BYTES: usize = 64;

/// Stack that the parser uses without any nesting.
const BASE_BYTES: usize = 256 * 1024;

/// How much more stack than the parser a walk over its syntax tree uses at most. Measured: between 1 and 2 in a
/// debug build, whose frames are twice as large as those of a release build.
const WALK_FACTOR: usize = 2;

/// Largest stack, in bytes of address space: only the part in use takes memory. A source that may need
/// more is refused. Default 2 GiB, enough for about 10 MB of source.
const MAX_STACK_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Stacks larger than this are used one at a time: a hostile source takes their memory once, not once
/// per request. Default 64 MiB, enough for about 500 KB of source.
const CONCURRENT_BYTES: usize = 64 * 1024 * 1024;

/// Held while a stack of more than [`CONCURRENT_BYTES`] is in use.
static LARGE_STACK: Mutex<()> = Mutex::new(());

/// Failure to run the parser.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StackError {
    /// The source may need more than [`MAX_STACK_BYTES`].
    TooLarge,
    /// The operating system could not start a thread with such a stack.
    OutOfMemory,
    Panicked,
}

/// Properties of each byte value. Looking them up is three times as fast as evaluating the rules.
struct ByteTable {
    /// Most stack that the byte uses.
    stack: [u16; 256],
    /// Whether it is part of a word.
    word: [bool; 256],
}

static BYTES: ByteTable = {
    let mut bytes = ByteTable {
        stack: [OTHER_BYTES as u16; 256],
        word: [false; 256],
    };
    let mut value = 0_u8;
    while value.is_ascii() {
        let at = value as usize;
        match value {
            b'(' | b'[' | b'{' | b'`' => bytes.stack[at] = BRACKET_BYTES as u16,
            b')' | b']' | b'}' | b',' | b';' | b'.' | b'"' | b'\'' => {}
            b'_' | b'$' => bytes.word[at] = true,
            _ if value.is_ascii_alphanumeric() => bytes.word[at] = true,
            _ if value.is_ascii_punctuation() => bytes.stack[at] = OPERATOR_BYTES as u16,
            _ => {}
        }
        value += 1;
    }
    bytes
};

/// Returns an upper bound of the stack that parsing this source needs, in bytes.
///
/// Everything that may begin a level is counted, even in strings and comments, and whether or not the
/// level ends. So no source can hide a level.
fn stack_bound(source: &str) -> usize {
    let bytes = source.as_bytes();
    let single_bytes = bytes
        .iter()
        .map(|byte| usize::from(BYTES.stack[usize::from(*byte)]));
    let words = bytes
        .split(|byte| !BYTES.word[usize::from(*byte)])
        .filter(|word| takes_operand(word));
    BASE_BYTES + single_bytes.sum::<usize>() + words.count() * OPERATOR_BYTES
}

/// Whether this keyword may be followed by nested code without a bracket or an operator in between.
fn takes_operand(word: &[u8]) -> bool {
    matches!(
        word,
        b"async"
            | b"await"
            | b"class"
            | b"delete"
            | b"do"
            | b"else"
            | b"extends"
            | b"new"
            | b"typeof"
            | b"void"
            | b"yield"
    )
}

/// Runs `parse` on a thread whose stack is large enough for parsing each of the sources.
pub(super) fn with_stack_for<T: Send>(
    sources: &[&str],
    parse: impl FnOnce() -> T + Send,
) -> Result<T, StackError> {
    let bounds = sources.iter().map(|source| stack_bound(source));
    with_stack(bounds.max().unwrap_or(BASE_BYTES), parse)
}

/// Runs `analyze` on a thread whose stack is large enough for parsing the source, and then for walking its syntax
/// tree.
pub(super) fn with_stack_for_walk<T: Send>(
    source: &str,
    analyze: impl FnOnce() -> T + Send,
) -> Result<T, StackError> {
    with_stack(stack_bound(source).saturating_mul(WALK_FACTOR), analyze)
}

fn with_stack<T: Send>(size: usize, run: impl FnOnce() -> T + Send) -> Result<T, StackError> {
    if size > MAX_STACK_BYTES {
        return Err(StackError::TooLarge);
    }
    let _turn = (size > CONCURRENT_BYTES)
        .then(|| LARGE_STACK.lock().unwrap_or_else(PoisonError::into_inner));
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("parse".to_owned())
            .stack_size(size)
            .spawn_scoped(scope, run)
            .map_err(|_| StackError::OutOfMemory)?
            .join()
            .map_err(|_| StackError::Panicked)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_everything_that_may_begin_a_level() {
        for (source, brackets, operators) in [
            ("", 0, 0),
            ("a.b, 'c';", 0, 0),
            ("newer async_ $class", 0, 0),
            ("new new\nawait x", 0, 3),
            ("f(x)", 1, 0),
            ("`${a}` // ((", 5, 2),
            ("a=>b", 0, 2),
            ("\\u0065é", 0, 1),
        ] {
            assert_eq!(
                (stack_bound(source) - BASE_BYTES) / OPERATOR_BYTES,
                brackets * (BRACKET_BYTES / OPERATOR_BYTES) + operators,
                "{source}"
            );
        }
    }

    #[test]
    fn refuses_a_source_that_may_need_too_large_a_stack() {
        let source = "!".repeat(MAX_STACK_BYTES / OPERATOR_BYTES);
        assert_eq!(with_stack_for(&[&source], || ()), Err(StackError::TooLarge));
    }

    #[test]
    fn reports_a_panic_of_the_parser() {
        let panic = || std::panic::resume_unwind(Box::new("a bug in the parser"));
        assert_eq!(with_stack_for::<()>(&[], panic), Err(StackError::Panicked));
    }
}
