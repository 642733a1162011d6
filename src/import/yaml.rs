//! JSON values as YAML in the house form: short values on one line, longer ones in blocks, plain
//! scalars only where no reader of YAML, old or new, could take them for anything but text.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Columns of a line.
pub(super) const WIDTH: usize = 110;

/// Fields that people read first; the others follow by name.
const FIRST: &[&str] = &[
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "id",
    "name",
    "status",
    "filter",
    "rule",
    "algorithm",
];

/// `key: value` in lines of `indent` spaces.
pub(super) fn entry(out: &mut String, indent: usize, key: &str, value: &Value) {
    let _ = write!(out, "{:indent$}{}:", "", scalar(key));
    after(out, indent, value);
}

/// What comes after a key.
fn after(out: &mut String, indent: usize, value: &Value) {
    let begun = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    let line = flow(value);
    match value {
        Value::Object(fields) if !fields.is_empty() && !fits(value, &line, begun) => {
            out.push('\n');
            block(out, indent + 2, fields);
        }
        Value::Array(items) if !items.is_empty() && !fits(value, &line, begun) => {
            out.push('\n');
            for item in items {
                element(out, indent + 2, item);
            }
        }
        _ => {
            let _ = writeln!(out, " {line}");
        }
    }
}

fn block(out: &mut String, indent: usize, fields: &Map<String, Value>) {
    for (key, value) in ordered(fields) {
        entry(out, indent, key, value);
    }
}

fn element(out: &mut String, indent: usize, item: &Value) {
    let line = flow(item);
    match item {
        Value::Object(fields) if !fields.is_empty() && !fits(item, &line, indent + 2) => {
            let mut lines = String::new();
            block(&mut lines, indent + 2, fields);
            // The first field stands beside the dash.
            let _ = write!(out, "{:indent$}- {}", "", &lines[indent + 2..]);
        }
        // A list in a list stays on its line: no setting has one.
        _ => {
            let _ = writeln!(out, "{:indent$}- {line}", "");
        }
    }
}

/// Whether a value is simple and short enough to stand on one line.
fn fits(value: &Value, line: &str, begun: usize) -> bool {
    begun + 1 + line.chars().count() <= WIDTH && depth(value) <= 2
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn ordered(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = fields.iter().collect();
    let place = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    all.sort_by_key(|(key, _)| (place(key), *key));
    all
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let said = ordered(fields).into_iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value)));
            format!("{{{}}}", said.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Text as a scalar: plain where it can be nothing else, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.' | '/' | '+' | '@' | '-');
    // What YAML 1.1 takes for a boolean or nothing, other tools still do.
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    begins && chars.all(legal) && !text.ends_with(' ') && !word
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // What readers of YAML refuse, or take for the end of a line.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A sentence as lines of a comment. What comes from S3 or from a file may hold anything.
pub(super) fn comment(out: &mut String, indent: usize, text: &str) {
    let strange =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let text: String = text.chars().map(|c| if strange(c) { '\u{fffd}' } else { c }).collect();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && indent + 2 + line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{:indent$}# {line}", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{:indent$}# {line}", "");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::finding::Place;
    use crate::spec::yaml;

    fn said(value: &Value) -> String {
        let mut out = String::new();
        entry(&mut out, 0, "it", value);
        out
    }

    fn read(text: &str) -> Value {
        let file: Arc<str> = "a.yaml".into();
        yaml::decode(&file, text.as_bytes()).expect("a text that may be read");
        let parsed = yaml::parse(text, &|line, column| Place { file: file.clone(), line, column });
        assert!(parsed.findings.is_empty(), "{:?} in {text}", parsed.findings);
        parsed.documents[0].to_json()
    }

    #[test]
    fn short_values_stand_on_a_line_and_long_ones_in_blocks() {
        assert_eq!(said(&json!({"status": "Enabled"})), "it: {status: Enabled}\n");
        assert_eq!(
            said(&json!({"a": "yes", "b": "0123", "c": "aws:kms", "d": 7})),
            "it: {a: \"yes\", b: \"0123\", c: \"aws:kms\", d: 7}\n"
        );
        let rules = json!({"rules": [{"id": "a", "status": "Enabled", "expiration": {"days": 1}, "deep": {"a": {"b": {"c": 1}}}}]});
        assert_eq!(
            said(&rules),
            "it:\n  rules:\n    - id: a\n      status: Enabled\n      deep:\n        a: {b: {c: 1}}\n      expiration: {days: 1}\n"
        );
        assert_eq!(said(&json!({"rules": []})), "it: {rules: []}\n");
    }

    #[test]
    fn a_comment_stays_one_whatever_is_in_it() {
        let mut out = String::new();
        comment(&mut out, 2, "a\nb: c\u{2028}d");
        assert_eq!(out, "  # a\u{fffd}b: c\u{fffd}d\n");
        let mut out = String::new();
        comment(&mut out, 0, &"word ".repeat(40));
        assert!(
            out.lines().count() == 2 && out.lines().all(|line| line.starts_with("# ") && line.len() <= WIDTH),
            "{out}"
        );
    }

    fn anything() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[-a-z0-9 :#,'\"{}\\[\\]&*!|>%@`~\n\t.]{0,12}".prop_map(Value::from),
            prop::sample::select(vec![
                "yes",
                "NO",
                "null",
                "~",
                "1e3",
                "0x1",
                "2012-10-17",
                "- a",
                "a: b",
                "",
                " ",
                "a "
            ])
            .prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[-a-zA-Z:# \"]{1,20}", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_read_back_as_it_was(value in anything()) {
            prop_assert_eq!(read(&said(&value)), json!({"it": value}));
        }
    }
}
