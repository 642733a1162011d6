//! One canonical, comparable value for every setting: compact JSON text.
//!
//! Text and not a tree, because a fleet repeats itself: ten thousand buckets share one `Doc` for
//! "versioning is on", and two of them are compared as strings.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A setting's value as canonical JSON text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Doc(Arc<str>);

impl Doc {
    /// The text of a value. Equal values of one type give equal text.
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self(serde_json::to_string(value).expect("the values of settings are plain data").into())
    }

    /// Reads the value back.
    ///
    /// # Errors
    /// When the text is of another shape than `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The value as a JSON tree.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("a doc is JSON")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        &*self.0 == "{}" || &*self.0 == "[]" || &*self.0 == "null"
    }

    /// The changes that turn this value into `to`, field by field, in the order of the fields.
    pub fn changes_to(&self, to: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self != to {
            diff(&mut String::new(), Some(&self.value()), Some(&to.value()), &mut changes);
        }
        changes
    }
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Where: field names joined with dots, elements of a list as `[id]`. Empty for the whole.
    pub path: String,
    /// What is there; `None` when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What shall be there; `None` when nothing shall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "not set".to_owned(), flow);
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} -> {}", show(&self.from), show(&self.to))
    }
}

/// A value in one line, as YAML would write it: without quotes where none are needed.
pub fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(nested_flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let said = fields.iter().map(|(key, value)| format!("{key}: {}", nested_flow(value)));
            format!("{{{}}}", said.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn nested_flow(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains([',', '[', ']', '{', '}', '"', '#', '\n', '\'']) => {
            value.to_string()
        }
        other => flow(other),
    }
}

/// The field by which the elements of a list are told apart, when all have one.
const KEYS: &[&str] = &["id", "sid", "grantee", "accessTier"];

fn diff(path: &mut String, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<Change>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let mut keys: Vec<&String> = from.keys().chain(to.keys().filter(|key| !from.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                nested(path, &field(path, key), from.get(key), to.get(key), changes);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            let (from, to) = (keyed(from), keyed(to));
            for (key, value) in &from {
                let other = to.iter().find(|(other, _)| other == key).map(|(_, value)| *value);
                nested(path, &format!("[{key}]"), Some(value), other, changes);
            }
            for (key, value) in to.iter().filter(|(key, _)| !from.iter().any(|(other, _)| other == key)) {
                nested(path, &format!("[{key}]"), None, Some(value), changes);
            }
        }
        // Each element of a list that comes or goes is told by its name, where all have one.
        (Some(Value::Array(list)), None) if names(list).is_some() => {
            for (key, value) in keyed(list) {
                nested(path, &format!("[{key}]"), Some(value), None, changes);
            }
        }
        (None, Some(Value::Array(list))) if names(list).is_some() => {
            for (key, value) in keyed(list) {
                nested(path, &format!("[{key}]"), None, Some(value), changes);
            }
        }
        _ => changes.push(Change { path: path.clone(), from: from.cloned(), to: to.cloned() }),
    }
}

fn field(path: &str, key: &str) -> String {
    let plain = key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!(".{key}"),
        (false, _) => format!("[{key:?}]"),
    }
}

fn nested(path: &mut String, step: &str, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<Change>) {
    let length = path.len();
    path.push_str(step);
    diff(path, from, to, changes);
    path.truncate(length);
}

/// The field by which all elements of a list are told apart; none of an empty list.
fn names(list: &[Value]) -> Option<&'static str> {
    let unique = |key: &str| {
        let mut seen: Vec<&str> = list.iter().filter_map(|element| element.get(key)?.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len() == list.len()
    };
    KEYS.iter().copied().find(|key| !list.is_empty() && unique(key))
}

/// The elements of a list with what tells them apart: their id, else their own text when they
/// are scalars, else their place.
fn keyed(list: &[Value]) -> Vec<(String, &Value)> {
    let key = names(list);
    list.iter()
        .enumerate()
        .map(|(place, element)| {
            let name = match (key, element) {
                (Some(key), element) => element[key].as_str().unwrap_or_default().to_owned(),
                (None, Value::String(text)) => text.clone(),
                (None, Value::Number(number)) => number.to_string(),
                _ => place.to_string(),
            };
            (name, element)
        })
        .collect()
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Doc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Doc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Value::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(from: Value, to: Value, says: &[&str]) {
        let changes = Doc::of(&from).changes_to(&Doc::of(&to));
        assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), says);
    }

    #[test]
    fn a_change_names_the_field_and_both_values() {
        check(json!({"status": "Suspended"}), json!({"status": "Enabled"}), &["status: Suspended -> Enabled"]);
        check(json!({}), json!({"Cost Center": "7"}), &["[\"Cost Center\"]: not set -> 7"]);
        check(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 3, "c": 2}}), &["a.b: 1 -> 3"]);
    }

    #[test]
    fn elements_of_a_list_are_told_apart_by_their_id() {
        check(
            json!({"rules": [{"id": "a", "days": 1}, {"id": "b", "days": 2}]}),
            json!({"rules": [{"id": "b", "days": 3}]}),
            &["rules[a]: {days: 1, id: a} -> not set", "rules[b].days: 2 -> 3"],
        );
        check(json!({"m": ["GET"]}), json!({"m": ["GET", "PUT"]}), &["m[PUT]: not set -> PUT"]);
    }

    /// A list that is read by its ids has no places: what is inserted or stands elsewhere moves
    /// nothing else.
    #[test]
    fn a_new_element_or_another_order_is_one_change() {
        let set = |ids: &[(&str, &str)]| {
            let all: Vec<Value> = ids.iter().map(|(id, when)| json!({"id": id, "schedule": when})).collect();
            json!({"configurations": all})
        };
        let (daily, weekly) = (("b", "Daily"), ("weekly", "Weekly"));
        check(set(&[daily, weekly]), set(&[weekly, daily]), &[]);
        check(
            set(&[daily, weekly]),
            set(&[("a", "Daily"), daily, weekly]),
            &["configurations[a]: not set -> {id: a, schedule: Daily}"],
        );
        check(
            set(&[daily, ("weekly", "Daily")]),
            set(&[weekly, daily]),
            &["configurations[weekly].schedule: Daily -> Weekly"],
        );
        check(
            json!({"tierings": [{"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 180}]}),
            json!({"tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 90}, {"accessTier": "DEEP_ARCHIVE_ACCESS", "days": 365}]}),
            &[
                "tierings[DEEP_ARCHIVE_ACCESS].days: 180 -> 365",
                "tierings[ARCHIVE_ACCESS]: not set -> {accessTier: ARCHIVE_ACCESS, days: 90}",
            ],
        );
    }

    /// Whoever makes the first of a set, or removes all, is told each of them by its name.
    #[test]
    fn a_set_that_comes_or_goes_is_told_element_by_element() {
        let set = json!({"configurations": [{"id": "a"}, {"id": "b"}]});
        check(
            json!({}),
            set.clone(),
            &["configurations[a]: not set -> {id: a}", "configurations[b]: not set -> {id: b}"],
        );
        check(set, json!({}), &["configurations[a]: {id: a} -> not set", "configurations[b]: {id: b} -> not set"]);
    }
}
