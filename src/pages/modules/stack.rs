//! How much stack the parser of modules may need. It descends once for every level of nesting and
//! knows no limit, and an overflown stack ends the whole daemon.

use std::sync::{Mutex, PoisonError};

/// How deep brackets may be nested. Beyond, a module is refused: what may be the parameters of an arrow
/// function is parsed twice, so time and memory grow with the square of the depth (6000 levels, 24 KB
/// of source, took 8 s and 2.7 GB; this bound takes 0.1 s and 20 MB). Default 500; of 8600 modules from
/// npm none has more than 70.
const MAX_DEPTH: isize = 500;

/// What a bracket takes on the stack at most, in bytes. Measured: 2340 in a debug build, 1460 in a
/// release build.
const BRACKET_BYTES: usize = 4096;

/// What an operator or a word takes that something may stand nested behind. Measured: 1210 in a
/// debug build, 580 in a release build.
const OPERATOR_BYTES: usize = 2048;

/// What any other byte takes: chains like `a.b.c` behind a `/*#__PURE__*/` are descended, too.
/// Measured: 24.
const OTHER_BYTES: usize = 64;

/// What the parser takes for a source without any of these.
const BASE_BYTES: usize = 256 * 1024;

/// The largest stack, in bytes of address space: only what is descended takes memory. A source that
/// may need more is refused. Default 2 GiB, for about 10 MB of source.
const MAX_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Stacks beyond this one come one after the other: a hostile source takes their memory once, not
/// once for every request. Default 64 MiB, for about 500 KB of source.
const SHARED_BYTES: usize = 64 * 1024 * 1024;

/// Held by who has a large stack.
static LARGE: Mutex<()> = Mutex::new(());

/// Why something could not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoStack {
    /// The source may need more than [`MAX_BYTES`].
    TooLarge,
    /// The system has no room for it now.
    NoRoom,
    /// What ran on it panicked.
    Panicked,
}

/// What a byte is for the parser, by its value: a table is three times as fast as its rules.
struct Bytes {
    /// How many brackets are open behind it, more or fewer.
    depth: [i8; 256],
    /// What it takes on the stack at most.
    stack: [u16; 256],
    /// A letter of a word.
    word: [bool; 256],
}

static BYTES: Bytes = {
    let mut bytes = Bytes {
        depth: [0; 256],
        stack: [OTHER_BYTES as u16; 256],
        word: [false; 256],
    };
    let mut value = 0_u8;
    while value.is_ascii() {
        let at = value as usize;
        match value {
            b'(' | b'[' | b'{' => {
                bytes.depth[at] = 1;
                bytes.stack[at] = BRACKET_BYTES as u16;
            }
            b')' | b']' | b'}' => bytes.depth[at] = -1,
            b'`' => bytes.stack[at] = BRACKET_BYTES as u16,
            b',' | b';' | b'.' | b'"' | b'\'' => {}
            b'_' | b'$' => bytes.word[at] = true,
            _ if value.is_ascii_alphanumeric() => bytes.word[at] = true,
            _ if value.is_ascii_punctuation() => bytes.stack[at] = OPERATOR_BYTES as u16,
            _ => {}
        }
        value += 1;
    }
    bytes
};

/// The bracket that is nested deeper than [`MAX_DEPTH`]. Those in strings and comments count, too:
/// they come in pairs, and what is a string only the parser knows. Who hides closing ones in comments
/// gets past it, which costs time and memory but never the stack.
pub(super) fn too_deep(source: &str) -> Option<usize> {
    let mut depth = 0;
    source.bytes().position(|byte| {
        depth = (depth + isize::from(BYTES.depth[usize::from(byte)])).max(0);
        depth > MAX_DEPTH
    })
}

/// What the parser needs for this source at most, in bytes.
///
/// The source is not understood for that: whatever may begin a level is counted, also in strings and
/// comments, and whether or not the level ends. So nothing can hide one.
fn needed(source: &str) -> usize {
    let bytes = source.as_bytes();
    let alone = bytes
        .iter()
        .map(|byte| usize::from(BYTES.stack[usize::from(*byte)]));
    let words = bytes
        .split(|byte| !BYTES.word[usize::from(*byte)])
        .filter(|word| nests(word));
    BASE_BYTES + alone.sum::<usize>() + words.count() * OPERATOR_BYTES
}

/// Something may stand nested behind this word, without a bracket or an operator between.
fn nests(word: &[u8]) -> bool {
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

/// Runs `parse` on a stack that is large enough for `source`, whoever calls.
pub(super) fn with_room<T: Send>(
    source: &str,
    parse: impl FnOnce() -> T + Send,
) -> Result<T, NoStack> {
    let size = needed(source);
    if size > MAX_BYTES {
        return Err(NoStack::TooLarge);
    }
    let _turn = (size > SHARED_BYTES).then(|| LARGE.lock().unwrap_or_else(PoisonError::into_inner));
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("parse".to_owned())
            .stack_size(size)
            .spawn_scoped(scope, parse)
            .map_err(|_| NoStack::NoRoom)?
            .join()
            .map_err(|_| NoStack::Panicked)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_begin_a_level_counts() {
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
                (needed(source) - BASE_BYTES) / OPERATOR_BYTES,
                brackets * (BRACKET_BYTES / OPERATOR_BYTES) + operators,
                "{source}"
            );
        }
    }

    #[test]
    fn brackets_are_nested_to_a_bound() {
        let flat = "[](){}".repeat(MAX_DEPTH as usize);
        assert_eq!(too_deep(&flat), None);
        let deep = "[".repeat(MAX_DEPTH as usize);
        assert_eq!(too_deep(&format!("{flat}{deep}")), None);
        assert_eq!(
            too_deep(&format!("é}}{deep}{{")),
            Some(3 + MAX_DEPTH as usize)
        );
    }

    #[test]
    fn a_source_that_may_need_too_much_is_refused() {
        let source = "!".repeat(MAX_BYTES / OPERATOR_BYTES);
        assert_eq!(with_room(&source, || ()), Err(NoStack::TooLarge));
    }

    #[test]
    fn a_panic_ends_only_what_panicked() {
        let panic = || std::panic::resume_unwind(Box::new("a bug of the parser"));
        assert_eq!(with_room::<()>("", panic), Err(NoStack::Panicked));
    }
}
