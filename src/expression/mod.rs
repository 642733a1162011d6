//! The language of policies: CEL, bounded in what it may cost, checked against what it can see,
//! and evaluated over a bucket of which not everything has been read.
//!
//! An expression sees `bucket` (its `name`, `arn`, `account`, `region`, `labels` and its settings
//! by name), `params` (the parameters of its policy) and `now`. [`Expression::compile`] finds
//! every fault that can be found without a bucket; [`probe`] evaluates over made-up buckets to
//! find those that cannot; what is left is an [`Outcome`].
//!
//! Besides the operators and `has`, `all`, `exists`, `exists_one`, `map` and `filter` there are:
//! `size`, `startsWith`, `endsWith`, `contains`, `matches` (a pattern that is written or comes
//! from `params`), `lowerAscii`, `upperAscii`, `trim`, `split`, `substring`, `indexOf`, `join`;
//! `string`, `int`, `double`, `timestamp`, `duration`; `getFullYear`, `getMonth`, `getDate`,
//! `getDayOfWeek`, `getHours`; `orValue` and `hasValue` for `.?field` and `[?key]`.
//!
//! The crate behind it checks no types, limits no costs, and aborts the process on hostile input;
//! nothing outside this folder calls it.

use std::fmt;
use std::sync::Arc;

use cel::IdedExpr;
use regex::Regex;

mod check;
mod compile;
mod evaluate;
mod facts;
mod functions;
mod meter;
mod pattern;
mod probe;
mod rewrite;
mod schema;
mod tree;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lazy;
#[cfg(test)]
mod policies;

pub use facts::{Facts, Identity, Seen};
pub use probe::probe;
pub use schema::{Schema, Type};

/// What an expression may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the source.
    pub source: usize,
    /// Depth of the tree that is written.
    pub depth: usize,
    /// Depth of the tree that is evaluated, charges included. The stack of a worker thread
    /// (2 MiB) bears it in a debug build; a test holds that.
    pub descent: usize,
    /// Parts of the tree.
    pub nodes: usize,
    /// Loops.
    pub loops: usize,
    /// Loops within loops.
    pub nesting: usize,
    /// Work of one evaluation, about 50 ns each.
    pub fuel: u64,
    /// Bytes of a text, or elements of a list, that it makes.
    pub output: u64,
}

impl Limits {
    /// The limits in force. The policies we know of need a tenth of each.
    pub const SHIPPED: Self = Self {
        source: 4096,
        depth: 32,
        descent: 48,
        nodes: 1000,
        loops: 12,
        nesting: 3,
        fuel: 1_000_000,
        output: 65_536,
    };
}

/// A fault of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line in the expression, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// What an evaluation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The result, whatever has not been read.
    Value(T),
    /// The result depends on this setting, which has not been read yet.
    Needs(Arc<str>),
    /// The result depends on this setting, which could not be read, and on no unread one that
    /// could settle it.
    Unknown(Arc<str>),
    /// The policy itself is at fault: neither compliant nor violated, and never repaired for.
    Failed(Failure),
}

/// Why an expression has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It asked for what is not there, or computed what cannot be.
    #[error("the expression failed: {0}")]
    Error(String),
    /// It would cost more than a policy may.
    #[error("the expression costs more than a policy may")]
    Budget,
    /// The evaluator panicked.
    #[error("the evaluator failed on the expression")]
    Panic,
}

/// A compiled expression. A copy shares it.
#[derive(Clone)]
pub struct Expression(Arc<Inner>);

struct Inner {
    source: String,
    tree: IdedExpr,
    patterns: Arc<[Regex]>,
    names: Vec<(String, u32, u32)>,
    uses_params: bool,
}

impl Expression {
    /// Compiles a source that gives a value of the type `want`: [`Type::Bool`] for an assertion,
    /// [`Type::String`] for a message.
    ///
    /// # Errors
    /// Everything that is wrong with it: syntax, the limits, unknown names, types, patterns.
    pub fn compile(source: &str, schema: &Schema, want: &Type) -> Result<Self, Vec<Diagnostic>> {
        let compile::Compiled { tree, patterns, names } = compile::compile(source, schema, want, Limits::SHIPPED)?;
        let uses_params = source.contains(check::PARAMS);
        Ok(Self(Arc::new(Inner { source: source.to_owned(), tree, patterns, names, uses_params })))
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether a field or key of that name stands in it.
    pub fn names(&self, name: &str) -> bool {
        self.0.names.iter().any(|(known, ..)| known == name)
    }

    /// The first place where a field or key of that name stands.
    fn place_of(&self, name: &str) -> (u32, u32) {
        let found = self.0.names.iter().find(|(known, ..)| known == name);
        found.map_or((1, 1), |(_, line, column)| (*line, *column))
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}
