//! Evaluates over made-up buckets when a policy is loaded, to find what the types cannot show:
//! an optional field that is used without `has()`, a bad pattern in the parameters.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::{Map, Value};

use super::facts::{Facts, Identity, Seen};
use super::schema::{Schema, Type};
use super::{Diagnostic, Expression, Failure, Outcome};

/// What a text is in a made-up bucket.
const TEXT: &str = "x";

/// Evaluates an assertion over a bucket with nothing set, one with everything set, and for each
/// setting that it names one with that alone and one with all but that; and its message wherever
/// it does not hold. What fails there will fail at night.
pub fn probe(assert: &Expression, message: Option<&Expression>, schema: &Schema, params: &Value) -> Vec<Diagnostic> {
    let expressions = || std::iter::once(assert).chain(message);
    let names: BTreeSet<&str> =
        expressions().flat_map(|it| it.0.names.iter().map(|(name, ..)| name.as_str())).collect();
    let values: BTreeMap<&str, [Value; 2]> = schema
        .settings()
        .filter_map(|setting| Some((setting, schema.bucket.get(setting)?)))
        .map(|(setting, kind)| (setting, [sample(kind, &names, false), sample(kind, &names, true)]))
        .collect();
    let mut buckets: Vec<(String, BTreeMap<&str, Filling>)> = Vec::new();
    let mut bucket = |said: String, fill: &dyn Fn(&str) -> Filling| {
        buckets.push((said, values.keys().map(|setting| (*setting, fill(setting))).collect()));
    };
    bucket("a bucket with nothing set".to_owned(), &|_| Filling::Nothing);
    bucket("a bucket with everything set".to_owned(), &|_| Filling::Everything);
    bucket("a bucket with every setting and nothing in it".to_owned(), &|_| Filling::Bare);
    for one in values.keys().filter(|setting| names.contains(*setting)) {
        let (set, others) = (Filling::Everything, Filling::Nothing);
        bucket(format!("a bucket with `{one}` alone set"), &|it| if it == *one { set } else { others });
        bucket(format!("a bucket with all but `{one}` set"), &|it| if it == *one { others } else { set });
    }

    let labels = BTreeMap::new();
    let identity =
        Identity { name: TEXT, arn: "arn:aws:s3:::x", account: "default", region: "us-east-1", labels: &labels };
    let mut problems: Vec<Diagnostic> = Vec::new();
    for (kind, filling) in &buckets {
        let mut facts = Facts::new(schema, &identity, DateTime::UNIX_EPOCH);
        for (setting, [bare, full]) in &values {
            facts.set(
                setting,
                match filling[setting] {
                    Filling::Nothing => Seen::Absent,
                    Filling::Bare => Seen::Known(bare),
                    Filling::Everything => Seen::Known(full),
                },
            );
        }
        let mut fault = |expression: &Expression, failure: &Failure| {
            let (line, column, hint) = match failure {
                Failure::Error(text) => {
                    let key = text.strip_prefix("there is no `").and_then(|rest| rest.strip_suffix('`'));
                    let (line, column) = key.map_or((1, 1), |key| expression.place_of(key));
                    let hint = key.map(|key| format!("ask before, with `has(….{key})` or `\"{key}\" in …`"));
                    (line, column, hint)
                }
                Failure::Budget | Failure::Panic => (1, 1, None),
            };
            let problem = Diagnostic { line, column, message: format!("over {kind}: {failure}"), hint };
            if !problems.iter().any(|it| (it.line, it.column) == (line, column) && it.hint == problem.hint) {
                problems.push(problem);
            }
        };
        match assert.decide(&facts, params) {
            Outcome::Failed(failure) => fault(assert, &failure),
            Outcome::Value(false) => {
                if let Some(message) = message
                    && let Outcome::Failed(failure) = message.tell(&facts, params)
                {
                    fault(message, &failure);
                }
            }
            Outcome::Value(true) | Outcome::Needs(_) | Outcome::Unknown(_) => {}
        }
    }
    problems
}

/// What a setting of a made-up bucket holds.
#[derive(Clone, Copy)]
enum Filling {
    Nothing,
    /// The setting itself, its lists and maps empty.
    Bare,
    Everything,
}

/// A value of a type. Full ones have one element in each list, and in each map every key that the
/// policy names.
fn sample(kind: &Type, names: &BTreeSet<&str>, full: bool) -> Value {
    match kind {
        Type::Bool => Value::Bool(full),
        Type::Int => Value::from(1),
        Type::Double => Value::from(1.5),
        Type::String | Type::Timestamp | Type::Duration | Type::Any => Value::from(TEXT),
        Type::Null => Value::Null,
        Type::List(element) if full => Value::Array(vec![sample(element, names, full)]),
        Type::List(_) => Value::Array(Vec::new()),
        Type::Map(value) if full => {
            names.iter().chain([&TEXT]).map(|name| ((*name).to_owned(), sample(value, names, full))).collect()
        }
        Type::Map(_) => Value::Object(Map::new()),
        // Fields are optional; the bare form keeps those that collections fill.
        Type::Object(fields) => fields
            .iter()
            .filter(|(_, kind)| full || matches!(kind, Type::List(_) | Type::Map(_)))
            .map(|(name, kind)| (name.clone(), sample(kind, names, full)))
            .collect(),
        Type::Optional(inner) => sample(inner, names, full),
    }
}
