//! What people watch driftless with: the rules for Prometheus and the dashboards for Grafana name
//! only what there is, and promtool proves the alerts. `tests/outside/test_watch.py` asks a real
//! Prometheus each of their queries.

mod addresses;
mod dashboards;
mod pushed;
mod rules;

use std::collections::BTreeSet;

use driftless::metrics::{FAMILIES, Kind};
use serde_json::Value;

use crate::docs::text;

/// The labels that Prometheus itself adds.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

/// The rules as they are loaded.
fn groups() -> Vec<Value> {
    let rules: Value = serde_yaml::from_str(&text("deploy/prometheus/rules.yml")).expect("the rules are YAML");
    rules["groups"].as_array().expect("rules stand in groups").clone()
}

fn all_rules() -> Vec<Value> {
    groups().iter().flat_map(|group| group["rules"].as_array().expect("a group has rules").clone()).collect()
}

/// The text of a field that must be there and say something.
#[track_caller]
fn said<'a>(value: &'a Value, field: &str) -> &'a str {
    let text = value[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {value}"));
    assert!(!text.trim().is_empty(), "`{field}` is empty in {value}");
    text
}

/// The words of a query, each with the character that comes next.
fn words(query: &str) -> Vec<(String, char)> {
    let (mut found, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in query.chars().chain(" ".chars()) {
        if quoted {
            quoted = letter != '"';
            continue;
        }
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':' | '$') {
            word.push(letter);
            continue;
        }
        if !word.is_empty() {
            found.push((std::mem::take(&mut word), letter));
        } else if letter != ' ' {
            // What follows a blank: `sum by (…)` and `sum by(…)` are one.
            if let Some((_, next)) = found.last_mut().filter(|(_, next)| *next == ' ' || *next == '\n') {
                *next = letter;
            }
        }
        quoted = letter == '"';
    }
    found
}

/// What stands between the braces or parentheses after each place where `opens` does.
fn inside(query: &str, opens: &str, closes: char) -> Vec<(String, String)> {
    query
        .match_indices(opens)
        .map(|(at, _)| {
            let (before, rest) = (&query[..at], &query[at + opens.len()..]);
            let end = rest.find(closes).unwrap_or_else(|| panic!("no `{closes}` in {query}"));
            let name: String =
                before.chars().rev().take_while(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | ':')).collect();
            (name.chars().rev().collect(), rest[..end].to_owned())
        })
        .collect()
}

/// The labels of a metric or of a rule's result; `None` when there is no such thing.
fn labels(name: &str, records: &BTreeSet<String>) -> Option<BTreeSet<&'static str>> {
    let everything = || FAMILIES.iter().flat_map(|family| family.labels).copied();
    let found: BTreeSet<&str> = if name.contains(':') {
        records.contains(name).then(|| everything().collect())?
    } else {
        let family = FAMILIES.iter().find(|family| match family.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{}{end}", family.name)),
            Kind::Counter | Kind::Gauge => family.name == name,
        })?;
        family.labels.iter().copied().collect()
    };
    Some(found.into_iter().chain(OF_PROMETHEUS).collect())
}

/// Everything that a query names and that is not there.
fn unknown_to(query: &str) -> Vec<String> {
    let records: BTreeSet<String> =
        all_rules().iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)).collect();
    let mut wrong = Vec::new();
    let mut any = BTreeSet::new();
    for (word, _) in words(query).into_iter().filter(|(word, _)| word.starts_with("driftless")) {
        match labels(&word, &records) {
            None => wrong.push(word),
            Some(labels) => any.extend(labels),
        }
    }
    for (metric, matchers) in inside(query, "{", '}') {
        let Some(known) = labels(&metric, &records) else { continue };
        for (label, next) in words(&matchers) {
            if matches!(next, '=' | '!') && !known.contains(&*label) {
                wrong.push(format!("{metric}{{{label}}}"));
            }
        }
    }
    for by in ["by (", "on (", "without (", "group_left ("] {
        for (_, list) in inside(query, by, ')') {
            wrong.extend(words(&list).into_iter().map(|(label, _)| label).filter(|label| !any.contains(&**label)));
        }
    }
    wrong
}

#[test]
fn a_query_that_names_what_is_not_there_is_found() {
    let good = r#"sum by (job, policy) (increase(driftless_drift_open_duration_seconds_bucket{le="+Inf",policy=~"$policy"}[1d]))"#;
    assert_eq!(unknown_to(good), Vec::<String>::new());
    assert_eq!(unknown_to("driftless_drift_open_duration_seconds > 1"), ["driftless_drift_open_duration_seconds"]);
    assert_eq!(unknown_to("driftless:nothing:here"), ["driftless:nothing:here"]);
    assert_eq!(unknown_to(r#"driftless_held{policy="x"}"#), ["driftless_held{policy}"]);
    assert_eq!(unknown_to("sum by (bucket) (driftless_held)"), ["bucket"]);
}
