//! Patterns: regular expressions with a limit on what they may cost.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled pattern. `(a{1000}){1000}` needs thousands of times more.
const PROGRAM_BYTES: usize = 100 << 10;
/// Bytes of a pattern's cache while it runs.
const CACHE_BYTES: usize = 1 << 20;
/// How deep groups may nest.
const NESTING: u32 = 32;
/// Compiled patterns kept at once; beyond, all are forgotten.
const KEPT: usize = 1024;

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it, in one line.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(PROGRAM_BYTES)
        .dfa_size_limit(CACHE_BYTES)
        .nest_limit(NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too big once compiled".to_owned(),
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        })
}

/// A pattern that only evaluation knows, compiled once in the process.
///
/// # Errors
/// As [`compile`].
pub(super) fn cached(pattern: &str) -> Result<Arc<Regex>, String> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known().get(pattern) {
        return Ok(Arc::clone(regex));
    }
    let regex = Arc::new(compile(pattern)?);
    let mut known = known();
    if known.len() >= KEPT {
        known.clear();
    }
    known.insert(pattern.to_owned(), Arc::clone(&regex));
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_would_cost_too_much_is_refused() {
        assert_eq!(compile("(a{1000}){1000}").expect_err("too big"), "the pattern is too big once compiled");
        assert_eq!(compile(r"\pL{1000}").expect_err("too big"), "the pattern is too big once compiled");
        assert_eq!(compile(r"(a)\1").expect_err("backtracking"), "backreferences are not supported");
        assert!(compile(&"(".repeat(500)).is_err());
        assert!(compile("(a+)+$").is_ok(), "linear in this engine");
    }

    #[test]
    fn a_pattern_is_compiled_once() {
        assert!(cached("^[0-9]{5}$").expect("a pattern").is_match("12345"));
        assert!(!cached("^[0-9]{5}$").expect("a pattern").is_match("1234"));
    }
}
