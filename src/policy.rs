//! Policies ready to judge: their selectors and expressions compiled, their settings checked (pure).

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::finding::Place;
use crate::observed::Observed;
use crate::spec::{Asked, Asks, Mode, PolicySeverity, PolicySpec};

/// A policy that can judge.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// One sentence for people.
    pub title: Option<String>,
    /// How bad a breach is.
    pub severity: PolicySeverity,
    /// Whether a breach is repaired.
    pub mode: Mode,
    /// Where its document begins.
    pub at: Place,
    /// What it judges by.
    pub rule: Rule,
}

/// What a policy judges by.
#[derive(Debug)]
pub enum Rule {
    /// These settings are the check and the repair.
    Require(Vec<Demand>),
    /// The expression is the check, these settings the repair.
    Assert(Box<Assertion>, Vec<Demand>),
}

/// A policy's demand on one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The setting.
    pub setting: &'static str,
    /// What it shall be.
    pub asked: Asked,
}

/// What an expression says of a bucket, as far as the bucket is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is true.
    Holds,
    /// It is false, and this is the message.
    Breached(String),
    /// It depends on a setting that was not read yet.
    Needs(&'static str),
    /// It depends on a setting that could not be read.
    Unknown(&'static str),
    /// It could not be evaluated: neither compliant nor a breach.
    Failed(String),
}

impl Policy {
    /// The settings that the policy looks at, as far as they can be told without a bucket.
    pub fn looks_at(&self) -> Vec<&'static str> {
        match &self.rule {
            Rule::Require(demands) => demands.iter().map(|demand| demand.setting).collect(),
            Rule::Assert(assertion, _) => assertion.looks_at(),
        }
    }
}

/// A compiled expression.
#[derive(Debug)]
pub struct Assertion;

impl Assertion {
    /// Judges a bucket as far as it is known.
    pub fn judge(&self, _wish: &crate::desired::Wish, _observed: &Observed, _now: Timestamp) -> Judgement {
        Judgement::Failed("no engine".to_owned())
    }

    /// The settings that it names.
    pub fn looks_at(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// Every fault of its expressions.
    pub fn compile(spec: &PolicySpec) -> Result<Self, Vec<crate::finding::Finding>> {
        let demands = |asks: &Asks| {
            asks.iter().map(|(setting, ask)| Demand { setting, asked: ask.what.clone() }).collect::<Vec<_>>()
        };
        let rule = match &spec.rule {
            crate::spec::Rule::Require(asks) => Rule::Require(demands(asks)),
            crate::spec::Rule::Assert { repair, .. } => Rule::Assert(Box::new(Assertion), demands(repair)),
        };
        Ok(Self {
            name: Arc::clone(&spec.name),
            title: spec.title.clone(),
            severity: spec.severity,
            mode: spec.mode,
            at: spec.at.clone(),
            rule,
        })
    }
}
