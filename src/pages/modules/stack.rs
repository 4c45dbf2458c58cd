//! How much stack the parser of modules may need. It descends once for every level of nesting and
//! knows no limit, and an overflown stack ends the whole daemon.

use std::sync::{Mutex, PoisonError};

/// What one level takes on the stack at most, in bytes. Measured: 160 to 2340 in a debug build,
/// 100 to 1460 in a release build, for each byte that is counted as a level.
const LEVEL_BYTES: usize = 4096;

/// What any other byte of a source may take: chains like `a.b.c` behind a `/*#__PURE__*/` are
/// descended too. Measured: 24.
const OTHER_BYTES: usize = 64;

/// What the parser takes for a source without a level.
const BASE_BYTES: usize = 256 * 1024;

/// The largest stack, in bytes of address space: only what is descended takes memory. A source
/// that may need more is refused. Default 2 GiB; three.js as one file (2.3 MB) needs a third of it.
const MAX_BYTES: usize = 2 * 1024 * 1024 * 1024;

/// Stacks beyond this one come one after the other: a hostile source takes memory for a moment,
/// not once for every request. Default 64 MiB.
const SHARED_BYTES: usize = 64 * 1024 * 1024;

/// Held by who has a large stack.
static LARGE: Mutex<()> = Mutex::new(());

/// No stack: the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoStack {
    /// The source may need more than [`MAX_BYTES`].
    TooLarge,
    /// The system has no room for it now.
    NoRoom,
    /// What ran on it panicked.
    Panicked,
}

/// What the parser needs for this source at most, in bytes.
///
/// The source is not understood for that: a level begins with a bracket, an operator or one of a
/// few words, and all of them count, also those in strings and comments, and whether or not they
/// end. Nothing can hide a level from it.
fn needed(source: &str) -> usize {
    let levels: usize = source
        .as_bytes()
        .chunk_by(|a, b| is_word(*a) && is_word(*b))
        .filter(|token| begins_level(token))
        .count();
    BASE_BYTES + levels * LEVEL_BYTES + source.len() * OTHER_BYTES
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// Something may stand nested behind this byte or word.
fn begins_level(token: &[u8]) -> bool {
    match token {
        [b')' | b']' | b'}' | b',' | b';' | b'.' | b'"' | b'\'' | b'_' | b'$'] => false,
        [byte] => byte.is_ascii_punctuation(),
        b"async" | b"await" | b"class" | b"delete" | b"do" | b"else" | b"export" | b"extends"
        | b"in" | b"instanceof" | b"new" | b"typeof" | b"void" | b"yield" => true,
        _ => false,
    }
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
    fn what_cannot_nest_takes_no_level() {
        let levels =
            |source: &str| (needed(source) - BASE_BYTES - source.len() * OTHER_BYTES) / LEVEL_BYTES;
        assert_eq!(levels("a.b, 'c'; d"), 0);
        assert_eq!(levels("newer async_ $class"), 0);
        assert_eq!(levels("new new\nawait x"), 3);
        assert_eq!(levels("f(x)"), 1);
        assert_eq!(levels("`${a}` // (("), 7);
        assert_eq!(levels("n\\u0065w é"), 1);
    }

    #[test]
    fn a_source_that_may_need_too_much_is_refused() {
        let source = "(".repeat(MAX_BYTES / LEVEL_BYTES);
        assert_eq!(with_room(&source, || ()), Err(NoStack::TooLarge));
    }

    #[test]
    fn a_panic_ends_only_what_panicked() {
        let panic = || std::panic::resume_unwind(Box::new("a bug of the parser"));
        assert_eq!(with_room::<()>("", panic), Err(NoStack::Panicked));
    }
}
