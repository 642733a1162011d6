//! Policies ready to judge: their expressions compiled, what they demand at hand (pure).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;

use crate::bucket::Outputs;
use crate::clock::Timestamp;
use crate::desired::Wish;
use crate::doc::Doc;
use crate::expression::{Diagnostic, Expression, Facts, Identity, Outcome, Schema, Seen, Type, probe};
use crate::finding::{Finding, Place};
use crate::observed::{Existence, Observed, Reading};
use crate::settings::{self, SETTINGS};
use crate::spec::{self, Asked, Asks, Expr, Mode, PolicySeverity, PolicySpec, Written};

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
    /// Its `spec` as it was written; behind it that of the built-in policy that it changes.
    pub written: Arc<[Written]>,
    /// The values that its expressions see.
    pub parameters: serde_json::Map<String, Value>,
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

/// The parameter whose keys and values are the repair of `tags`, where a policy that judges tags
/// has none of its own: a file cannot refer to its parameters.
const GIVEN_TAGS: &str = "values";

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

/// A compiled expression with its message and its parameters.
pub struct Assertion {
    assert: Expression,
    message: Option<Expression>,
    params: Value,
    /// The settings that it names.
    looks_at: Vec<&'static str>,
    /// What it said of the settings it was shown. A fleet repeats itself, so this answers nearly
    /// every question of a sweep. `None` for an expression that looks at more than settings.
    said: Option<Mutex<HashMap<Vec<Shown>, Judgement>>>,
}

/// So many answers are remembered; then it begins anew.
const REMEMBERED: usize = 4096;

/// One setting as an expression is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shown {
    Known(Doc),
    Absent,
    Unread,
    Unknown,
}

impl Shown {
    fn of(observed: &Observed, setting: &str) -> Self {
        match observed.reading(setting) {
            None => Self::Unread,
            Some(Reading::Known(doc)) => Self::Known(doc.clone()),
            Some(Reading::Unsupported(_)) => Self::Absent,
            Some(Reading::Unknown(_)) => Self::Unknown,
        }
    }
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assertion").field("assert", &self.assert).finish_non_exhaustive()
    }
}

/// What expressions can name.
fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::of_settings(SETTINGS))
}

impl Assertion {
    fn compile(assert: &Expr, message: Option<&Expr>, params: Value) -> Result<Self, Vec<Finding>> {
        let schema = schema().with_params(&params);
        let compile = |expr: &Expr, want: &Type| {
            Expression::compile(&expr.text, &schema, want).map_err(|faults| findings(expr, faults))
        };
        let compiled = compile(assert, &Type::Bool);
        let told = message.map(|message| compile(message, &Type::String)).transpose();
        let (compiled, told) = match (compiled, told) {
            (Ok(compiled), Ok(told)) => (compiled, told),
            (compiled, told) => {
                return Err(compiled.err().into_iter().chain(told.err()).flatten().collect());
            }
        };
        let faults = probe(&compiled, told.as_ref(), &schema, &params);
        if !faults.is_empty() {
            return Err(findings(assert, faults));
        }
        let names = |name: &str| compiled.names(name) || told.as_ref().is_some_and(|it| it.names(name));
        let looks_at: Vec<&'static str> = SETTINGS.iter().map(|it| it.name()).filter(|name| names(name)).collect();
        let text = format!("{} {}", assert.text, message.map_or("", |it| &it.text));
        let alone =
            !["name", "arn", "account", "region", "labels"].iter().any(|fact| names(fact)) && !text.contains("now");
        Ok(Self { assert: compiled, message: told, params, looks_at, said: alone.then(Mutex::default) })
    }

    /// The settings that it names.
    pub fn looks_at(&self) -> &[&'static str] {
        &self.looks_at
    }

    /// Judges a bucket as far as it is known.
    pub fn judge(&self, wish: &Wish, observed: &Observed, now: Timestamp) -> Judgement {
        let shown: Vec<Shown> = self.looks_at.iter().map(|setting| Shown::of(observed, setting)).collect();
        let Some(said) = &self.said else { return self.evaluate(&shown, wish, observed, now) };
        if let Some(known) = said.lock().expect("no holder of the lock panics").get(&shown) {
            return known.clone();
        }
        let judgement = self.evaluate(&shown, wish, observed, now);
        let mut said = said.lock().expect("no holder of the lock panics");
        if said.len() >= REMEMBERED {
            said.clear();
        }
        said.insert(shown, judgement.clone());
        judgement
    }

    fn evaluate(&self, shown: &[Shown], wish: &Wish, observed: &Observed, now: Timestamp) -> Judgement {
        let region = match &observed.existence {
            Existence::Here(region) => region,
            _ => &wish.region,
        };
        let outputs = Outputs::of(&wish.id.name, region);
        let identity = Identity {
            name: wish.id.name.as_str(),
            arn: &outputs.arn,
            account: wish.id.account.as_str(),
            region: region.as_str(),
            labels: &wish.labels,
        };
        let values: Vec<Option<Value>> = shown
            .iter()
            .map(|shown| match shown {
                Shown::Known(doc) => Some(doc.value()),
                _ => None,
            })
            .collect();
        let mut facts = Facts::new(schema(), &identity, now);
        for ((setting, shown), value) in self.looks_at.iter().zip(shown).zip(&values) {
            facts.set(
                setting,
                match (shown, value) {
                    (Shown::Known(_), Some(value)) => Seen::Known(value),
                    (Shown::Unread, _) => Seen::Unread,
                    (Shown::Unknown, _) => Seen::Unknown,
                    _ => Seen::Absent,
                },
            );
        }
        match self.assert.decide(&facts, &self.params) {
            Outcome::Value(true) => Judgement::Holds,
            Outcome::Value(false) => match self.message.as_ref().map(|it| it.tell(&facts, &self.params)) {
                Some(Outcome::Value(message)) => Judgement::Breached(message),
                // A breach is rare, and whoever is called because of it wants to know why.
                Some(Outcome::Needs(setting)) => Judgement::Needs(known(&setting)),
                _ => Judgement::Breached("the expression does not hold".to_owned()),
            },
            Outcome::Needs(setting) => Judgement::Needs(known(&setting)),
            Outcome::Unknown(setting) => Judgement::Unknown(known(&setting)),
            Outcome::Failed(failure) => Judgement::Failed(failure.to_string()),
        }
    }
}

fn known(setting: &str) -> &'static str {
    settings::find(setting).expect("expressions are checked against the table of settings").name()
}

fn findings(expr: &Expr, faults: Vec<Diagnostic>) -> Vec<Finding> {
    let said = faults.into_iter().map(|fault| {
        let mut finding = Finding::error(expr.place(fault.line, fault.column), fault.message);
        finding.hint = fault.hint;
        finding
    });
    said.collect()
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// Every fault of its expressions, at its place.
    pub fn compile(spec: &PolicySpec) -> Result<Self, Vec<Finding>> {
        let demands = |asks: &Asks| {
            asks.iter().map(|(setting, ask)| Demand { setting, asked: ask.what.clone() }).collect::<Vec<_>>()
        };
        let rule = match &spec.rule {
            spec::Rule::Require(asks) => Rule::Require(demands(asks)),
            spec::Rule::Assert { assert, message, repair } => {
                let params = Value::Object(spec.parameters.clone());
                let given = params.get(GIVEN_TAGS).and_then(Value::as_object).filter(|tags| !tags.is_empty());
                let given = given.map(Doc::of);
                let assertion = Assertion::compile(assert, message.as_ref(), params)?;
                let mut repair = demands(repair);
                if let Some(given) = given
                    && assertion.looks_at().contains(&"tags")
                    && !repair.iter().any(|demand| demand.setting == "tags")
                {
                    repair.push(Demand { setting: "tags", asked: Asked::Value(given) });
                }
                Rule::Assert(Box::new(assertion), repair)
            }
        };
        Ok(Self {
            name: Arc::clone(&spec.name),
            title: spec.title.clone(),
            severity: spec.severity,
            mode: spec.mode,
            at: spec.at.clone(),
            rule,
            written: spec.written.clone().into(),
            parameters: spec.parameters.clone(),
        })
    }

    /// The settings that the policy looks at, as far as they can be told without a bucket.
    pub fn looks_at(&self) -> Vec<&'static str> {
        match &self.rule {
            Rule::Require(demands) => demands.iter().map(|demand| demand.setting).collect(),
            Rule::Assert(assertion, _) => assertion.looks_at().to_vec(),
        }
    }
}
