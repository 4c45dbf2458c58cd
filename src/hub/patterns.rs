//! Regular expressions that programs send.
//!
//! A list of them is compiled into one automaton, whose size is bounded as a whole. What is small is compiled
//! at once; the rest on a blocking thread, one list at a time, so that it delays no request.

use regex::{RegexBuilder, RegexSet, RegexSetBuilder, SetMatches};
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Regular expressions in one list: those of all filters of a hook, its specifiers, the URL or the user
/// agent of a socket filter. A longer list is refused. Default 1,000.
const MAX_PATTERNS: usize = 1000;

/// Text of the regular expressions in one list together, in bytes. A longer list is refused. Default
/// 256 KiB.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Memory of all compiled lists of the daemon. A list that does not fit is refused until others are
/// dropped. Default 64 MiB.
const MAX_ALL_BYTES: usize = 64 * 1024 * 1024;

/// Sizes that a list is tried to fit into, in bytes. Compiling stops at the size, so a list costs little
/// more than its own size, which is then known within a factor of four.
const SIZE_CLASSES: [usize; 7] = [
    1024,
    4 * 1024,
    16 * 1024,
    64 * 1024,
    256 * 1024,
    1024 * 1024,
    4 * 1024 * 1024,
];

/// Size classes that are compiled at once: up to 16 KiB, which takes some tens of microseconds.
const INLINE_CLASSES: usize = 3;

/// Unit of the shared budget, in bytes.
const UNIT_BYTES: usize = 1024;

/// The memory that is left for compiled lists, in units of [`UNIT_BYTES`].
static BUDGET: Semaphore = Semaphore::const_new(MAX_ALL_BYTES / UNIT_BYTES);

/// Held while a list is compiled on a blocking thread, so that only one is.
static COMPILER: Semaphore = Semaphore::const_new(1);

/// Regular expressions, compiled together. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Patterns(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    set: RegexSet,
    /// The list's share of [`MAX_ALL_BYTES`].
    _share: SemaphorePermit<'static>,
}

/// Why regular expressions were refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    #[error(
        "{0} regular expressions are too many (the limit is {MAX_PATTERNS} together; join some with |)"
    )]
    TooMany(usize),
    #[error(
        "the regular expressions have {0} bytes, and the limit is {MAX_TEXT_BYTES} together (use exact paths or prefixes)"
    )]
    TooLong(usize),
    #[error(
        "regular expression does not compile: {expression} (RE2 syntax, no look-around or back-references): {reason}"
    )]
    Syntax {
        /// Index in the list.
        index: usize,
        expression: String,
        /// The compiler's error, in one line.
        reason: String,
    },
    #[error(
        "regular expression is too large: the {count} given need more than {max} bytes together when compiled, which is the limit (repeat less, or match ASCII only: (?-u:\\w) needs a fiftieth of \\w)"
    )]
    TooLarge { count: usize, max: usize },
    #[error(
        "the regular expressions of all programs would need more than {MAX_ALL_BYTES} bytes together, which is the limit (close hooks or subscriptions that have large ones, or try again later)"
    )]
    OverBudget,
}

impl Patterns {
    /// Compiles a list into at most `max` bytes, one of [`SIZE_CLASSES`]. Matching time is linear in the
    /// text, whatever the expressions are.
    pub(crate) async fn compile(
        expressions: Vec<String>,
        max: usize,
    ) -> Result<Self, PatternError> {
        if expressions.len() > MAX_PATTERNS {
            return Err(PatternError::TooMany(expressions.len()));
        }
        let bytes = expressions.iter().map(String::len).sum();
        if bytes > MAX_TEXT_BYTES {
            return Err(PatternError::TooLong(bytes));
        }
        let (inline, larger) = SIZE_CLASSES.split_at(INLINE_CLASSES);
        if let Some(patterns) = Self::fit(&expressions, inline.iter().copied())? {
            return Ok(patterns);
        }
        // Fails only if the semaphore is closed, which it never is.
        let _turn = COMPILER.acquire().await;
        let compile = move || {
            let larger = larger.iter().copied().filter(|size| *size <= max);
            let patterns = Self::fit(&expressions, larger)?;
            let count = expressions.len();
            patterns.ok_or(PatternError::TooLarge { count, max })
        };
        let compiled = tokio::task::spawn_blocking(compile).await;
        // Fails only when the runtime shuts down.
        compiled.unwrap_or(Err(PatternError::OverBudget))
    }

    /// Compiles the list into the first of these sizes that it fits into; none if it fits into none.
    fn fit(
        expressions: &[String],
        sizes: impl Iterator<Item = usize>,
    ) -> Result<Option<Self>, PatternError> {
        for size in sizes {
            match RegexSetBuilder::new(expressions).size_limit(size).build() {
                Ok(set) => return Self::with_share(set, size).map(Some),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(syntax_error(expressions, &error)),
            }
        }
        Ok(None)
    }

    fn with_share(set: RegexSet, bytes: usize) -> Result<Self, PatternError> {
        let units = u32::try_from(bytes / UNIT_BYTES).map_err(|_| PatternError::OverBudget)?;
        let share = BUDGET.try_acquire_many(units);
        let share = share.map_err(|_| PatternError::OverBudget)?;
        Ok(Self(Arc::new(Compiled { set, _share: share })))
    }

    /// Returns whether any of the expressions is found in the text.
    #[must_use]
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.set.is_match(text)
    }

    /// Returns which of the expressions are found in the text.
    #[must_use]
    pub(crate) fn matches(&self, text: &str) -> SetMatches {
        self.0.set.matches(text)
    }
}

/// Returns the error of the first expression that is not valid. `error` is that of the list.
fn syntax_error(expressions: &[String], error: &regex::Error) -> PatternError {
    // With this limit a valid expression is only parsed.
    let is_valid = |expression: &String| {
        let parsed = RegexBuilder::new(expression).size_limit(0).build();
        matches!(parsed, Ok(_) | Err(regex::Error::CompiledTooBig(_)))
    };
    let index = expressions
        .iter()
        .position(|it| !is_valid(it))
        .unwrap_or_default();
    let reason = error.to_string();
    PatternError::Syntax {
        index,
        expression: expressions.get(index).cloned().unwrap_or_default(),
        reason: reason.lines().last().unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 4 * 1024 * 1024;

    async fn refused(expressions: Vec<String>) -> PatternError {
        let compiled = Patterns::compile(expressions, MAX).await;
        compiled.expect_err("it should have been refused")
    }

    #[tokio::test]
    async fn the_size_of_a_list_is_bounded_as_a_whole() {
        let lists = [
            (vec![r"\w".to_owned(); 1001], "1001 regular", "1000"),
            (vec!["a".repeat(300_000)], "300000 bytes", "262144"),
            (vec![r"[\w]{9}".to_owned(); 100], "the 100 given", "4194304"),
            (vec![r"\w{5000}".to_owned()], "the 1 given", "4194304"),
            (vec!["(a{1000}){1000}".to_owned()], "the 1 given", "4194304"),
        ];
        for (expressions, number, limit) in lists {
            let error = refused(expressions).await.to_string();
            assert!(error.contains(number) && error.contains(limit), "{error}");
        }
        for expressions in [
            vec![r"\.js$".to_owned(); 1000],
            vec![r"[\w]{9}".to_owned(); 5],
        ] {
            let patterns = Patterns::compile(expressions, MAX).await;
            assert!(
                patterns
                    .expect("within the limits")
                    .is_match("a_long_name.js")
            );
        }
    }

    #[tokio::test]
    async fn an_invalid_expression_is_named_wherever_it_is() {
        let large = r"[\w]{9}".to_owned();
        for (invalid, reason) in [
            ("(?=x)", "look-around"),
            ("(", "unclosed"),
            (r"(a)\1", "back"),
        ] {
            let error = refused(vec!["fine".into(), large.clone(), invalid.into()]).await;
            let PatternError::Syntax {
                index,
                expression,
                reason: found,
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!((index, expression.as_str()), (2, invalid));
            assert!(found.contains(reason), "{found}");
        }
    }
}
