//! One form for policies that mean the same.
//!
//! Only rewrites that AWS documents as equal are made. Where it says nothing (two statements for
//! one, `*` for `s3:*`, a principal beside `"*"`), two documents stay two.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::{Conditions, Principals, Statement, Value, public, spelling};

/// What S3 takes a document without `Version` for (IAM User Guide, "IAM JSON policy elements: Version").
const OLD: &str = "2008-10-17";

/// The canonical form of a whole document; without statements it is no policy at all.
pub(super) fn canonical(value: Value) -> Value {
    let statements = statements(value.statements.unwrap_or_default());
    if statements.is_empty() {
        return Value { statements: Some(statements), ..Value::default() };
    }
    Value {
        file: None,
        version: Some(value.version.unwrap_or_else(|| OLD.to_owned())),
        id: value.id.filter(|id| !id.is_empty()),
        statements: Some(statements),
    }
}

/// Statements in canonical form: their order has no meaning, nor has one that stands there twice.
pub(super) fn statements(said: Vec<Statement>) -> Vec<Statement> {
    let mut statements: Vec<Statement> = said.into_iter().map(statement).collect();
    statements.sort();
    statements.dedup();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for sid in statements.iter().filter_map(|statement| statement.sid.clone()) {
        *seen.entry(sid).or_default() += 1;
    }
    for statement in &mut statements {
        statement.public = Some(public::is_public(statement));
        statement.id = Some(match &statement.sid {
            Some(sid) if seen[sid] == 1 => sid.clone(),
            _ => digest(statement),
        });
    }
    statements
}

/// A name for a statement that has none: what it does, and a digest of how.
fn digest(statement: &Statement) -> String {
    let text = serde_json::to_string(&statement.body()).expect("statements are plain data");
    let hash = Sha256::digest(text.as_bytes());
    let effect = statement.effect.as_deref().unwrap_or("statement").to_lowercase();
    format!("{effect}-{}", hex::encode(&hash[..4]))
}

fn statement(said: Statement) -> Statement {
    let Statement { effect, principal, not_principal, actions, not_actions, resources, not_resources, .. } = said;
    let spelled = |actions: BTreeSet<String>| actions.iter().map(|action| spelling::action(action)).collect();
    Statement {
        id: None,
        public: None,
        sid: said.sid.filter(|sid| !sid.is_empty()),
        effect,
        principal: principal.map(principals),
        not_principal: not_principal.map(principals),
        actions: actions.map(spelled),
        not_actions: not_actions.map(spelled),
        resources,
        not_resources,
        conditions: conditions(said.conditions),
    }
}

fn principals(said: Principals) -> Principals {
    said.into_iter()
        .map(|(kind, names)| {
            let names = if kind == "AWS" { names.into_iter().map(account).collect() } else { names };
            (kind, names)
        })
        .collect()
}

/// An account has two names, its id and the ARN of its root (IAM User Guide, "AWS JSON policy
/// elements: Principal"); S3 answers the second when it was told the first.
fn account(name: String) -> String {
    let id = name
        .strip_suffix(":root")
        .and_then(|rest| rest.strip_prefix("arn:aws"))
        .and_then(|rest| rest.split_once(":iam::"))
        .filter(|(partition, _)| partition.is_empty() || partition.starts_with('-'))
        .map(|(_, id)| id)
        .filter(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()));
    id.map(str::to_owned).unwrap_or(name)
}

fn conditions(said: Conditions) -> Conditions {
    let operators = said.into_iter().filter(|(_, keys)| !keys.is_empty()).collect();
    let operators = renamed(operators, |operator| spelling::operator(operator).unwrap_or_else(|| operator.to_owned()));
    operators
        .into_iter()
        .map(|(operator, keys)| {
            let keys = renamed(keys, spelling::folded_key);
            let keys = keys.into_iter().map(|(key, values)| (key, condition_values(&operator, values))).collect();
            (operator, keys)
        })
        .collect()
}

/// Gives keys their canonical names. Keys that would fall together keep the names that they have:
/// they stand for two conditions, and one of them must not swallow the other.
fn renamed<T>(map: BTreeMap<String, T>, rename: impl Fn(&str) -> String) -> BTreeMap<String, T> {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for key in map.keys() {
        *count.entry(rename(key)).or_default() += 1;
    }
    map.into_iter()
        .map(|(key, value)| {
            let name = rename(&key);
            if count[&name] == 1 { (name, value) } else { (key, value) }
        })
        .collect()
}

fn condition_values(operator: &str, values: BTreeSet<String>) -> BTreeSet<String> {
    let operator = operator.rsplit(':').next().unwrap_or_default();
    match operator.strip_suffix("IfExists").unwrap_or(operator) {
        "Bool" | "Null" => values.iter().map(|value| value.to_lowercase()).collect(),
        // An address alone is the range of that address (IAM User Guide, "IP address condition operators").
        "IpAddress" | "NotIpAddress" => values
            .into_iter()
            .map(|value| match value.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => format!("{value}/32"),
                Ok(IpAddr::V6(_)) => format!("{value}/128"),
                Err(_) => value,
            })
            .collect(),
        _ => values,
    }
}
