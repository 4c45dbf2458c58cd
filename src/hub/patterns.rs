//! Regular expressions that programs send.
//!
//! A list of them is compiled into one automaton, whose size is bounded as a whole. What is small is compiled
//! at once; the rest on a blocking thread, one list at a time, so that it delays no request.
//!
//! A search builds a deterministic automaton (DFA) as far as the text needs it. Its states are bounded, and
//! with them the time of the search: beyond a first visit to each state, a byte of text costs a nanosecond.

use super::verdicts::Verdicts;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchError, MatchKind, PatternID, PatternSet};
use regex_syntax::hir::Hir;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Regular expressions in one list: those of all filters of a hook, its specifiers, the URL or the user
/// agent of a socket filter. A longer list is refused. Default 1,000.
const MAX_PATTERNS: usize = 1000;

/// Text of the regular expressions in one list together, in bytes. A longer list is refused. Default
/// 256 KiB.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Text of one regular expression, in bytes: parsed, `\w` takes 3,000 times its text. A longer expression is
/// refused. Default 16 KiB.
const MAX_EXPRESSION_BYTES: usize = 16 * 1024;

/// Memory of all compiled lists of the daemon, with the states that they keep. A list that does not fit is
/// refused until others are dropped. Default 64 MiB.
const MAX_ALL_BYTES: usize = 64 * 1024 * 1024;

/// States of a DFA that one search may build, in bytes; it takes some tens of milliseconds to build them. A
/// search that needs more finds nothing, unless it is short (see [`MAX_STEPS`]); the log says so. Default
/// 1 MiB.
const MAX_STATE_BYTES: usize = 1024 * 1024;

/// Steps of a search without a DFA: states of the expressions times bytes of the text. Such a search replaces
/// one whose DFA is too large, or cannot find Unicode word boundaries in the text. With more it finds
/// nothing; the log says so. Default 1,000,000, some ten milliseconds.
const MAX_STEPS: usize = 1_000_000;

/// Steps (see [`MAX_STEPS`]) of a search that needs no preparation before the hub's lock is taken: less than
/// a millisecond, even if each state is new.
const FEW_STEPS: usize = 50_000;

/// Length of text above which the result of a search is stored, in bytes. Below, searching again is as fast.
const LONG_TEXT_BYTES: usize = 1024;

/// Sizes that a list is tried to fit into, in bytes. Compiling stops at the size, so a list costs little
/// more than its own size, which is then known within a factor of four.
const SIZE_CLASSES: [usize; 6] = [
    4 * 1024,
    16 * 1024,
    64 * 1024,
    256 * 1024,
    1024 * 1024,
    4 * 1024 * 1024,
];

/// Size classes that are compiled at once: up to 16 KiB, which takes some tens of microseconds.
const INLINE_CLASSES: usize = 2;

/// Text that is parsed at once, in bytes: it takes some milliseconds at most.
const INLINE_TEXT_BYTES: usize = 256;

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
    dfa: DFA,
    /// The first expression, for the log.
    first: String,
    /// The size class, which bounds the states and the verdicts that are kept too.
    size: usize,
    /// States of the DFA that earlier searches built; none while a search uses them.
    states: Mutex<Option<Cache>>,
    /// Results of costly searches.
    verdicts: Verdicts,
    /// The list's share of [`MAX_ALL_BYTES`].
    _share: SemaphorePermit<'static>,
}

/// Which expressions of a list were found in a text.
#[derive(Debug)]
pub(crate) struct Found(PatternSet);

impl Found {
    /// Returns whether the expression with this index was found.
    #[must_use]
    pub(crate) fn contains(&self, index: usize) -> bool {
        PatternID::new(index).is_ok_and(|id| self.0.contains(id))
    }
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
        "a regular expression has {0} bytes, and the limit is {MAX_EXPRESSION_BYTES} (write several, or use exact paths or prefixes)"
    )]
    ExpressionTooLong(usize),
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
    /// Compiles a list into at most `max` bytes, one of [`SIZE_CLASSES`].
    pub(crate) async fn compile(
        expressions: Vec<String>,
        max: usize,
    ) -> Result<Self, PatternError> {
        if expressions.len() > MAX_PATTERNS {
            return Err(PatternError::TooMany(expressions.len()));
        }
        let bytes = text_bytes(&expressions);
        if bytes > MAX_TEXT_BYTES {
            return Err(PatternError::TooLong(bytes));
        }
        let lengths = expressions.iter().map(String::len);
        if let Some(bytes) = lengths.max().filter(|bytes| *bytes > MAX_EXPRESSION_BYTES) {
            return Err(PatternError::ExpressionTooLong(bytes));
        }
        let (inline, larger) = SIZE_CLASSES.split_at(INLINE_CLASSES);
        if bytes <= INLINE_TEXT_BYTES {
            let parsed = parse(&expressions, max)?;
            if let Some(patterns) = Self::fit(&expressions, &parsed, inline)? {
                return Ok(patterns);
            }
        }
        // Fails only if the semaphore is closed, which it never is.
        let _turn = COMPILER.acquire().await;
        let compile = move || {
            let sizes = if bytes <= INLINE_TEXT_BYTES {
                larger
            } else {
                &SIZE_CLASSES[..]
            };
            let sizes = &sizes[..sizes.partition_point(|size| *size <= max)];
            let parsed = parse(&expressions, max)?;
            let count = expressions.len();
            let patterns = Self::fit(&expressions, &parsed, sizes)?;
            patterns.ok_or(PatternError::TooLarge { count, max })
        };
        let compiled = tokio::task::spawn_blocking(compile).await;
        // Fails only when the runtime shuts down.
        compiled.unwrap_or(Err(PatternError::OverBudget))
    }

    /// Compiles the list into the first of these sizes that it fits into; none if it fits into none.
    fn fit(
        expressions: &[String],
        parsed: &[Hir],
        sizes: &[usize],
    ) -> Result<Option<Self>, PatternError> {
        for size in sizes {
            // The only errors are about sizes.
            let dfa = nfa(parsed, *size).and_then(|nfa| {
                let config = DFA::config()
                    .match_kind(MatchKind::All)
                    .unicode_word_boundary(true)
                    .cache_capacity(MAX_STATE_BYTES)
                    .skip_cache_capacity_check(true)
                    .minimum_cache_clear_count(Some(0));
                DFA::builder().configure(config).build_from_nfa(nfa).ok()
            });
            if let Some(dfa) = dfa {
                return Self::new(dfa, expressions, *size).map(Some);
            }
        }
        Ok(None)
    }

    fn new(dfa: DFA, expressions: &[String], size: usize) -> Result<Self, PatternError> {
        // For the list and the states that it keeps.
        let units = u32::try_from(2 * size / UNIT_BYTES).map_err(|_| PatternError::OverBudget)?;
        let share = BUDGET.try_acquire_many(units);
        let share = share.map_err(|_| PatternError::OverBudget)?;
        Ok(Self(Arc::new(Compiled {
            dfa,
            first: expressions.first().cloned().unwrap_or_default(),
            size,
            states: Mutex::default(),
            verdicts: Verdicts::new(size),
            _share: share,
        })))
    }

    /// Returns whether any of the expressions is found in the text.
    #[must_use]
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let verdicts = &self.0.verdicts;
        if let Some(verdict) = verdicts.get(text) {
            return verdict;
        }
        let search = |dfa: &DFA, states: &mut Cache| {
            let found = dfa.try_search_fwd(states, &Input::new(text).earliest(true))?;
            Ok(found.is_some())
        };
        let (found, is_costly) = self.search(text, search);
        let found = found
            .unwrap_or_else(|vm| vm.is_some_and(|vm| vm.is_match(&mut vm.create_cache(), text)));
        if is_costly || text.len() > LONG_TEXT_BYTES {
            verdicts.insert(text, found);
        }
        found
    }

    /// Returns which of the expressions are found in the text.
    #[must_use]
    pub(crate) fn matches(&self, text: &str) -> Found {
        let input = Input::new(text);
        let mut found = PatternSet::new(self.0.dfa.pattern_len());
        let search = |dfa: &DFA, states: &mut Cache| {
            found.clear();
            dfa.try_which_overlapping_matches(states, &input, &mut found)
        };
        if let (Err(vm), _) = self.search(text, search) {
            found.clear();
            if let Some(vm) = vm {
                vm.which_overlapping_matches(&mut vm.create_cache(), &input, &mut found);
            }
        }
        Found(found)
    }

    /// Searches a text ahead of a search under the hub's lock, which is then fast.
    pub(super) fn prepare(&self, text: &str) {
        if self.steps(text) > FEW_STEPS {
            let _ = self.is_match(text);
        }
    }

    fn steps(&self, text: &str) -> usize {
        let states = self.0.dfa.get_nfa().states().len();
        states.saturating_mul(text.len())
    }

    /// Performs a search with the DFA. Returns its result, and whether it must not be repeated often. If
    /// the DFA cannot give a result within its bounds, returns the automaton to search with instead;
    /// none if that would exceed its bound too, which is logged.
    fn search<T>(
        &self,
        text: &str,
        mut search: impl FnMut(&DFA, &mut Cache) -> Result<T, MatchError>,
    ) -> (Result<T, Option<PikeVM>>, bool) {
        let compiled = &*self.0;
        let dfa = &compiled.dfa;
        let kept = compiled.states().take();
        let is_fresh = kept.is_none();
        let mut states = kept.unwrap_or_else(|| dfa.create_cache());
        let mut result = search(dfa, &mut states);
        if result.is_err() && !is_fresh {
            // The states of earlier texts left no room.
            states.reset(dfa);
            result = search(dfa, &mut states);
        }
        let is_costly = states.memory_usage() > compiled.size;
        if !is_costly {
            *compiled.states() = Some(states);
        }
        let Err(error) = result else {
            return (result.map_err(|_| None), is_costly);
        };
        let steps = self.steps(text);
        if steps <= MAX_STEPS {
            let config = PikeVM::config().match_kind(MatchKind::All);
            let mut vm = PikeVM::builder();
            let vm = vm.configure(config).build_from_nfa(dfa.get_nfa().clone());
            let vm = vm.ok();
            return (Err(vm), true);
        }
        let (first, count) = (&compiled.first, dfa.pattern_len());
        tracing::warn!(target: "pagewire::hub", expressions = count, first, bytes = text.len(), reason = %error, "regular expressions are too costly for a text, and taken as not found in it (repeat less, or write several)");
        (Err(None), true)
    }
}

impl Compiled {
    fn states(&self) -> MutexGuard<'_, Option<Cache>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compiles expressions into an automaton of at most `max` bytes; none if they need more.
fn nfa(parsed: &[Hir], max: usize) -> Option<NFA> {
    let config = thompson::Config::new()
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(max));
    let mut compiler = thompson::Compiler::new();
    compiler.configure(config).build_many_from_hir(parsed).ok()
}

/// Parses a list. Stops when the expressions so far need more than `max` bytes: a parsed expression takes
/// less than its automaton, and much more than its text.
fn parse(expressions: &[String], max: usize) -> Result<Vec<Hir>, PatternError> {
    let mut parsed = Vec::with_capacity(expressions.len());
    let is_long = text_bytes(expressions) > INLINE_TEXT_BYTES;
    let mut bytes = 0;
    for (index, expression) in expressions.iter().enumerate() {
        let hir = syntax::parse(expression).map_err(|error| PatternError::Syntax {
            index,
            expression: expression.clone(),
            reason: last_line(&error.to_string()),
        })?;
        if is_long {
            let alone = nfa(std::slice::from_ref(&hir), max);
            bytes += alone.map_or(max + 1, |nfa| nfa.memory_usage());
        }
        if bytes > max {
            let count = expressions.len();
            return Err(PatternError::TooLarge { count, max });
        }
        parsed.push(hir);
    }
    Ok(parsed)
}

fn text_bytes(expressions: &[String]) -> usize {
    expressions.iter().map(String::len).sum()
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim().to_owned()
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
            (vec![r"\w".repeat(10_000)], "20000 bytes", "16384"),
            (vec![r"\w".repeat(8_000); 16], "the 16 given", "4194304"),
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

    /// An expression whose search needs many states, or many steps, in the text below.
    async fn costly() -> Patterns {
        let expression = "a[ab]{3000}c".to_owned();
        let patterns = Patterns::compile(vec![expression, "^b".into()], MAX).await;
        patterns.expect("within the limits")
    }

    /// Returns a text of `a` and `b` in no order.
    fn disordered(bytes: usize) -> String {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if seed >> 63 == 0 { 'a' } else { 'b' }
        };
        (0..bytes).map(|_| next()).collect()
    }

    #[tokio::test]
    async fn a_search_beyond_its_bounds_finds_nothing_and_shorter_ones_are_exact() {
        let patterns = costly().await;
        let text = "a".to_owned() + &disordered(100_000) + "c";
        for _ in 0..2 {
            assert!(!patterns.is_match(&text));
        }
        // The results for other texts are not affected.
        assert!(patterns.is_match("b"));
        assert!(!patterns.is_match("ac"));
        let orderly = "a".to_owned() + &"b".repeat(3000) + "c";
        assert!(patterns.is_match(&orderly));
        assert!(patterns.matches(&orderly).contains(0));
        assert!(!patterns.matches(&orderly).contains(1));
        assert!(patterns.matches("b").contains(1));
        assert!(!patterns.matches(&text).contains(1));
    }

    #[tokio::test]
    async fn what_a_dfa_cannot_find_is_found_without_one() {
        let word = Patterns::compile(vec![r"\bé\b".into(), r"\bx\b".into()], MAX).await;
        let word = word.expect("within the limits");
        assert!(word.is_match("/é.js"));
        assert!(!word.is_match("/éé.js"));
        assert!(word.matches("/é.js").contains(0));
        assert!(!word.matches("/é.js").contains(1));
        assert!(word.matches("/é/x.js").contains(1));
    }

    #[tokio::test]
    async fn costly_searches_are_performed_once_and_their_results_take_bounded_memory() {
        let patterns = costly().await;
        let text = disordered(100_000);
        let text = "a".to_owned() + &text;
        patterns.prepare(&text);
        let verdicts = &patterns.0.verdicts;
        assert_eq!(verdicts.get(&text), Some(false));
        for number in 0..10_000 {
            verdicts.insert(&number.to_string(), true);
        }
        assert!(verdicts.len() <= patterns.0.size / 256);
        let kept = patterns.0.states();
        assert!(
            kept.as_ref()
                .is_none_or(|kept| kept.memory_usage() <= patterns.0.size)
        );
    }
}
