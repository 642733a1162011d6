//! One table a kind of resource: where an attribute stands, where its value goes, and how.
//!
//! A path is words with dots. `[*]` is every element of a list, and its place is carried over; `[0]`
//! is the only element of one, as other tools write blocks; `{}` is any key, and is carried over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::setting;
use crate::import::form;
use crate::settings;

/// One line of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Where the attribute stands.
    pub from: &'static str,
    /// Where its value goes: the setting, then fields. Empty for what is [`How::Known`].
    pub to: &'static str,
    /// What is done to the value.
    pub how: How,
    /// Whether an empty text, list or mapping says something there; null never does.
    pub even_empty: bool,
}

impl Row {
    const fn new(from: &'static str, to: &'static str, how: How) -> Self {
        Self { from, to, how, even_empty: false }
    }

    /// The row, with a word for what is empty too: the value of a tag may be.
    pub(super) const fn even_empty(self) -> Self {
        Self { even_empty: true, ..self }
    }
}

/// What is done to a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    /// It stays as it is.
    Same,
    /// It stays as it is, with texts for the numbers and switches in it.
    Text,
    /// A number, or the text of one; zero is how the tool says nothing.
    Number,
    /// A number, or the text of one; zero is one of them.
    Count,
    /// A switch, or the text of one; off says nothing.
    On,
    /// A switch, or the text of one.
    Switch,
    /// One word for another; nothing for a word that says nothing.
    Word(&'static [(&'static str, Option<&'static str>)]),
    /// A part of its own shape.
    Shape(fn(&Value) -> Result<Option<Value>, String>),
    /// What it means that nothing stands in it; what does stand in it has rows of its own.
    Bare(fn(&Value) -> Result<Option<Value>, String>),
    /// It is made by the tool or by S3, or says nothing of the bucket's settings.
    Known,
    /// It is taken elsewhere when it says nothing more than this; else it is listed with this reason.
    Never(&'static str),
}

/// A row whose value stays.
pub(super) const fn same(from: &'static str, to: &'static str) -> Row {
    Row::new(from, to, How::Same)
}

/// A row whose value is a text, or a list of texts.
pub(super) const fn text(from: &'static str, to: &'static str) -> Row {
    Row::new(from, to, How::Text)
}

/// A row whose value is a number, where zero says nothing.
pub(super) const fn number(from: &'static str, to: &'static str) -> Row {
    Row::new(from, to, How::Number)
}

/// A row whose value is a number, where zero is one.
pub(super) const fn count(from: &'static str, to: &'static str) -> Row {
    Row::new(from, to, How::Count)
}

/// A row whose value is a switch.
pub(super) const fn switch(from: &'static str, to: &'static str) -> Row {
    Row::new(from, to, How::Switch)
}

/// A row whose value is a switch that says nothing when it is off.
pub(super) const fn on(from: &'static str, to: &'static str) -> Row {
    Row::new(from, to, How::On)
}

/// A row whose value is a word.
pub(super) const fn word(
    from: &'static str,
    to: &'static str,
    words: &'static [(&'static str, Option<&'static str>)],
) -> Row {
    Row::new(from, to, How::Word(words))
}

/// A row whose value has a shape of its own.
pub(super) const fn shape(
    from: &'static str,
    to: &'static str,
    make: fn(&Value) -> Result<Option<Value>, String>,
) -> Row {
    Row::new(from, to, How::Shape(make))
}

/// A row for something in which nothing stands.
pub(super) const fn bare(
    from: &'static str,
    to: &'static str,
    make: fn(&Value) -> Result<Option<Value>, String>,
) -> Row {
    Row::new(from, to, How::Bare(make)).even_empty()
}

/// A row that says nothing of a setting.
pub(super) const fn known(from: &'static str) -> Row {
    Row::new(from, "", How::Known)
}

/// A row that no setting can say.
pub(super) const fn never(from: &'static str, why: &'static str) -> Row {
    Row::new(from, "", How::Never(why))
}

/// What a resource says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Value by setting.
    pub settings: BTreeMap<&'static str, Value>,
    /// Attributes that were not converted, and why.
    pub losses: Vec<(String, String)>,
    /// Settings that are left out, as a part of them was lost.
    pub left_out: BTreeSet<&'static str>,
}

/// One step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The field of that name.
    Field(String),
    /// The element at that place.
    Place(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word<'a> {
    Field(&'a str),
    Every,
    Only,
    Key,
}

fn words(path: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for part in path.split('.') {
        let (name, list) = match (part.strip_suffix("[*]"), part.strip_suffix("[0]")) {
            (Some(name), _) => (name, Some(Word::Every)),
            (_, Some(name)) => (name, Some(Word::Only)),
            _ => (part, None),
        };
        words.push(if name == "{}" { Word::Key } else { Word::Field(name) });
        words.extend(list);
    }
    words
}

/// Whether a path begins as these words do; what is carried over on the way.
fn matched(words: &[Word<'_>], path: &[Step]) -> Option<Vec<Step>> {
    if path.len() > words.len() {
        return None;
    }
    let mut carried = Vec::new();
    for (word, step) in words.iter().zip(path) {
        match (word, step) {
            (Word::Field(name), Step::Field(field)) if name == field => {}
            (Word::Only, Step::Place(0)) => {}
            (Word::Every, Step::Place(_)) | (Word::Key, Step::Field(_)) => carried.push(step.clone()),
            _ => return None,
        }
    }
    Some(carried)
}

/// Reads a resource by tables. `losses` are attributes that were lost before. A setting of which a part
/// is lost could mean another thing without it (a rule without its filter is for every object), so it
/// is left out whole, unless its fields stand each on its own, as tags do.
pub(super) fn read(attributes: &Value, tables: &[&[Row]], losses: Vec<(String, String)>) -> Said {
    let rows: Vec<(Vec<Word<'_>>, &Row)> =
        tables.iter().flat_map(|table| table.iter()).map(|row| (words(row.from), row)).collect();
    let said = Said { losses, ..Said::default() };
    let mut reading = Reading { rows: &rows, said, tree: Value::Object(Map::new()) };
    reading.children(attributes, &mut Vec::new());
    let Reading { mut said, tree, .. } = reading;
    if let Value::Object(settings) = tree {
        for (name, value) in settings {
            let name = setting(&name).expect("only settings that this version has are put in");
            said.settings.insert(name, closed(value));
        }
    }
    for (path, why) in &mut said.losses {
        let first = path.split(['.', '[']).next().unwrap_or_default();
        let rows = rows.iter().filter(|(words, _)| words.first() == Some(&Word::Field(first)));
        let touched: BTreeSet<&str> = rows.map(|(_, row)| target(row)).collect();
        for setting in touched.into_iter().filter_map(settings::find).filter(|it| !form::is_free(*it)) {
            let name = setting.name();
            said.left_out.insert(name);
            if said.settings.remove(name).is_some() {
                why.push_str(&format!("; so `{name}` is left out"));
            }
        }
    }
    said
}

/// Whether somebody who says something at this place says it of a setting, or of what is in no table.
pub(super) fn counts(tables: &[&[Row]], path: &[Step]) -> bool {
    let mut none = true;
    for row in tables.iter().flat_map(|table| table.iter()) {
        let words = words(row.from);
        if matched(&words, &path[..path.len().min(words.len())]).is_some() {
            if !matches!(row.how, How::Known) {
                return true;
            }
            none = false;
        }
    }
    none
}

/// Whether something stands within this place that has rows of its own.
pub(super) fn is_block(tables: &[&[Row]], path: &[Step]) -> bool {
    let rows = tables.iter().flat_map(|table| table.iter());
    rows.map(|row| words(row.from)).any(|words| words.len() > path.len() && matched(&words, path).is_some())
}

/// The setting that a row is for.
fn target(row: &Row) -> &'static str {
    row.to.split(['.', '[']).next().unwrap_or_default()
}

struct Reading<'a> {
    rows: &'a [(Vec<Word<'a>>, &'a Row)],
    said: Said,
    tree: Value,
}

impl Reading<'_> {
    fn children(&mut self, value: &Value, path: &mut Vec<Step>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    path.push(Step::Field(key.clone()));
                    self.node(value, path);
                    path.pop();
                }
            }
            Value::Array(items) => {
                for (place, value) in items.iter().enumerate() {
                    path.push(Step::Place(place));
                    self.node(value, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn node(&mut self, value: &Value, path: &mut Vec<Step>) {
        if value.is_null() {
            return;
        }
        let empty = is_nothing(value);
        let mut within = false;
        for (words, row) in self.rows {
            let Some(carried) = matched(words, path) else { continue };
            let bare = matches!(row.how, How::Bare(_));
            if words.len() == path.len() && bare == (bare && empty) {
                if !empty || row.even_empty {
                    self.take(row, value, &carried, path);
                }
                return;
            }
            within = true;
        }
        if empty {
            return;
        }
        if within && (value.is_object() || value.is_array()) {
            self.children(value, path);
        } else {
            self.lose(path, "no setting of this version says it".to_owned());
        }
    }

    fn take(&mut self, row: &Row, value: &Value, carried: &[Step], path: &[Step]) {
        let made = match row.how {
            How::Known => return,
            How::Never(why) => return self.lose(path, why.to_owned()),
            How::Same => Ok(Some(value.clone())),
            How::Text => Ok(Some(as_text(value))),
            How::Number => as_number(value).map(|number| (number != 0).then(|| number.into())),
            How::Count => as_number(value).map(|number| Some(number.into())),
            How::Switch => as_switch(value).map(|on| Some(on.into())),
            How::On => as_switch(value).map(|on| on.then_some(true.into())),
            How::Word(words) => {
                let text = value.as_str().unwrap_or_default();
                match words.iter().find(|(from, _)| *from == text) {
                    Some((_, to)) => Ok(to.map(Value::from)),
                    None => Err("its word is not known".to_owned()),
                }
            }
            How::Shape(make) | How::Bare(make) => make(value),
        };
        let made = match made {
            Ok(Some(made)) => made,
            Ok(None) => return,
            Err(why) => return self.lose(path, why),
        };
        let name = target(row);
        if setting(name).is_none() {
            return self.lose(path, format!("this version has no setting `{name}`"));
        }
        let mut carried = carried.iter();
        let mut steps = Vec::new();
        for word in words(row.to) {
            steps.push(match word {
                Word::Field(name) => Step::Field(name.to_owned()),
                Word::Only => Step::Place(0),
                Word::Every | Word::Key => carried.next().cloned().expect("a table carries what it names"),
            });
        }
        put(&mut self.tree, &steps, made);
    }

    fn lose(&mut self, path: &[Step], why: String) {
        self.said.losses.push((shown(path), why));
    }
}

/// How tools say that nothing is said.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(Value::is_null),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => value.to_string().into(),
        Value::Array(items) => items.iter().map(as_text).collect(),
        other => other.clone(),
    }
}

fn as_number(value: &Value) -> Result<i64, String> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| "it is no whole number".to_owned())
}

fn as_switch(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(on) => Ok(*on),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

fn put(tree: &mut Value, steps: &[Step], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *tree = value;
        return;
    };
    match step {
        Step::Field(name) => {
            if !tree.is_object() {
                *tree = Value::Object(Map::new());
            }
            if let Value::Object(fields) = tree {
                put(fields.entry(name.clone()).or_insert(Value::Null), rest, value);
            }
        }
        Step::Place(place) => {
            if !tree.is_array() {
                *tree = Value::Array(Vec::new());
            }
            if let Value::Array(items) = tree {
                if items.len() <= *place {
                    items.resize(place + 1, Value::Null);
                }
                put(&mut items[*place], rest, value);
            }
        }
    }
}

/// Without the holes that elements leave of which nothing was taken.
fn closed(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().filter(|item| !item.is_null()).map(closed).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, closed(value))).collect(),
        other => other,
    }
}

/// A path as people read it.
pub(super) fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Place(place) => text.push_str(&format!("[{place}]")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TABLE: &[Row] = &[
        same("versioning.status", "versioning.status"),
        same("rule[*].id", "lifecycle.rules[*].id"),
        number("rule[*].expiration[0].days", "lifecycle.rules[*].expiration.days"),
        same("labels.{}", "tags.{}"),
        known("id"),
        same("future", "notASetting.a"),
    ];

    fn read_it(value: Value) -> Said {
        read(&value, &[TABLE], Vec::new())
    }

    #[test]
    fn places_and_keys_are_carried_over() {
        let said = read_it(json!({"id": "x", "rule": [{"id": "a"}, {"id": "b", "expiration": [{"days": "3"}]}],
            "labels": {"a.b": "c"}}));
        assert_eq!(said.losses, []);
        assert_eq!(said.settings["lifecycle"], json!({"rules": [{"id": "a"}, {"id": "b", "expiration": {"days": 3}}]}));
        assert_eq!(said.settings["tags"], json!({"a.b": "c"}));
    }

    #[test]
    fn whatever_is_not_in_the_table_is_listed() {
        let said = read_it(json!({"rule": [{"id": "a", "expiration": [{"days": 1}, {"days": 2}], "new": {"deep": 1}}],
            "future": 1, "empty": [], "nothing": null, "text": ""}));
        let lost: Vec<String> = said.losses.iter().map(|(at, why)| format!("{at}: {why}")).collect();
        assert_eq!(
            lost,
            [
                "future: this version has no setting `notASetting`",
                "rule[0].expiration[1]: no setting of this version says it; so `lifecycle` is left out",
                "rule[0].new: no setting of this version says it",
            ]
        );
        assert!(said.settings.is_empty(), "a rule without a part of it could be for more than was meant");
    }
}
