//! What happened to a bucket, from the history: each drift, each repair and everything held.

use maud::{Markup, html};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::doc::Change;
use crate::history::Entry;

use super::super::deeper::ENTRIES;
use super::parts::{changes, moment, plain, relative, tag};

/// Newest first.
pub(super) fn timeline(past: &Result<Vec<Entry>, String>, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            @match past {
                Err(why) => p { "The history is not shown: " (plain(why)) "." },
                Ok(entries) if entries.is_empty() => p { "Nothing has happened to it yet." },
                Ok(entries) => {
                    ol.timeline { @for entry in entries { (one(entry, now)) } }
                    @if entries.len() == ENTRIES { p.who { "Older entries: " code { "driftless history" } } }
                },
            }
        }
    }
}

fn one(entry: &Entry, now: Timestamp) -> Markup {
    let (class, word) = match entry.kind.as_str() {
        "drift-detected" => ("drifted", "drift"),
        "drift-closed" => ("compliant", "drift gone"),
        "repair" => match entry.event["repair"]["result"].as_str() {
            Some("applied") => ("compliant", "repaired"),
            _ => ("drifted", "repair failed"),
        },
        "held" => ("held", "held"),
        "created" => ("compliant", "created"),
        other => ("calm", other),
    };
    let shown: Vec<Change> = repaired(entry);
    html! {
        li {
            p.when { (moment(entry.at)) " (" (relative(entry.at, now)) ")" }
            p { (tag(class, word)) " " (plain(&said(entry))) }
            (changes(&shown, "From", "To"))
        }
    }
}

fn repaired(entry: &Entry) -> Vec<Change> {
    serde_json::from_value(entry.event["repair"]["changes"].clone()).unwrap_or_default()
}

/// The line of the history; a repair's changes stand below it.
fn said(entry: &Entry) -> String {
    if repaired(entry).is_empty() {
        return entry.line();
    }
    let mut entry = entry.clone();
    entry.event["repair"]["changes"] = Value::Array(Vec::new());
    entry.line().replace("  ", " ")
}
