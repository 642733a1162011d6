//! What one evaluation may spend and which settings it asked for: the state that the functions
//! in `functions.rs` share. One evaluation runs on one thread from start to end, and the
//! evaluator knows only plain functions, so the state is the thread's.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use cel::ExecutionError;
use regex::Regex;

/// Why a setting cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nobody has read it yet.
    Unread,
    /// Reading it was denied or failed.
    Unknown,
}

thread_local! {
    static FUEL: Cell<u64> = const { Cell::new(0) };
    static SPENT: Cell<bool> = const { Cell::new(false) };
    static MISSED: RefCell<Vec<(Arc<str>, Missing)>> = const { RefCell::new(Vec::new()) };
    static PATTERNS: RefCell<Arc<[Regex]>> = RefCell::new(Arc::new([]));
}

/// Begins an evaluation with so much fuel and the patterns of its expression.
pub(super) fn begin(fuel: u64, patterns: &Arc<[Regex]>) {
    FUEL.set(fuel);
    SPENT.set(false);
    MISSED.with_borrow_mut(Vec::clear);
    PATTERNS.with_borrow_mut(|it| it.clone_from(patterns));
}

/// Whether the evaluation asked for more than it may have. `||` hides the error, never this.
pub(super) fn spent() -> bool {
    SPENT.get()
}

/// Takes fuel.
pub(super) fn burn(amount: u64) -> Result<(), ExecutionError> {
    let left = FUEL.get();
    if left < amount {
        FUEL.set(0);
        return Err(exceeded());
    }
    FUEL.set(left - amount);
    Ok(())
}

/// Ends the evaluation for want of fuel or room.
pub(super) fn exceeded() -> ExecutionError {
    SPENT.set(true);
    ExecutionError::function_error("budget", "the evaluation costs too much")
}

/// Notes that the evaluation asked for a setting that cannot be seen.
pub(super) fn miss(setting: &Arc<str>, why: Missing) -> ExecutionError {
    MISSED.with_borrow_mut(|missed| {
        if !missed.iter().any(|(name, _)| name == setting) {
            missed.push((Arc::clone(setting), why));
        }
    });
    let said = match why {
        Missing::Unread => "has not been read",
        Missing::Unknown => "could not be read",
    };
    ExecutionError::function_error(setting, said)
}

/// How many settings were missed so far.
pub(super) fn missed() -> usize {
    MISSED.with_borrow(Vec::len)
}

/// Forgets the settings missed since there were so many: the result did not need them.
pub(super) fn absolve(since: usize) {
    MISSED.with_borrow_mut(|missed| missed.truncate(since));
}

/// The setting for want of which the evaluation failed: the first that a read could settle,
/// else the first that was missed.
pub(super) fn wanted() -> Option<(Arc<str>, Missing)> {
    MISSED.with_borrow(|missed| {
        missed.iter().find(|(_, why)| *why == Missing::Unread).or_else(|| missed.first()).cloned()
    })
}

/// Whether a text matches the pattern of that number in the expression under evaluation. Not
/// cloned: each clone of a pattern would warm up a cache of its own.
pub(super) fn matches(text: &str, number: usize) -> Option<bool> {
    PATTERNS.with_borrow(|patterns| patterns.get(number).map(|pattern| pattern.is_match(text)))
}
