//! What happened to a bucket, from the history: each drift, each repair and everything held.

use chrono::Duration;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::doc::Change;
use crate::history::Entry;
use crate::report::BucketReport;

use super::super::Serve;
use super::super::deeper::ENTRIES;
use super::forge::Forge;
use super::parts::{changes, moment, plain, relative, tag};

/// Newest first.
pub(super) fn timeline(
    past: &Result<Vec<Entry>, String>,
    asking: &Asking<'_>,
    forge: &Forge,
    now: Timestamp,
) -> Markup {
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            @match past {
                Err(why) => p { "The history is not shown: " (plain(why)) "." },
                Ok(entries) if entries.is_empty() => p { "Nothing has happened to it yet." },
                Ok(entries) => {
                    ol.timeline { @for entry in entries { (one(entry, asking, forge, now)) } }
                    @if entries.len() == ENTRIES { p.who { "Older entries: " code { "driftless history" } } }
                },
            }
        }
    }
}

fn one(entry: &Entry, asking: &Asking<'_>, forge: &Forge, now: Timestamp) -> Markup {
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
            @if entry.kind == "drift-detected" {
                @if let Some(cause) = entry.event["causedBy"].as_object() { (by_commit(cause, forge)) }
                @else { (who(entry, asking)) }
            }
        }
    }
}

/// How somebody finds out who made a difference.
pub(super) struct Asking<'a> {
    report: &'a BucketReport,
    /// Whether the account is one of AWS, as far as its endpoints are known.
    is_aws: bool,
    /// How long before it was seen it may have been made.
    window: Duration,
}

impl<'a> Asking<'a> {
    pub(super) fn of(serve: &Serve, report: &'a BucketReport) -> Self {
        let endpoints = serve.board.endpoints();
        let is_aws = endpoints.iter().any(|it| it.account == report.id.account && it.address.is_none());
        // The clock of CloudTrail is not ours, and a sweep takes its time.
        let window =
            Duration::from_std(serve.options.checked_every).unwrap_or(Duration::hours(1)) + Duration::minutes(15);
        Self { report, is_aws, window }
    }

    /// Asks CloudTrail for the writes to the bucket in the span in which it must have been. Names of
    /// accounts and buckets are made of letters, digits, dots, hyphens and underscores.
    fn command(&self, seen: Timestamp) -> String {
        let moment = |at: Timestamp| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let of = match self.report.id.is_account() {
            true => "AttributeKey=EventSource,AttributeValue=s3.amazonaws.com".to_owned(),
            false => format!("AttributeKey=ResourceName,AttributeValue={}", self.report.id.name),
        };
        [
            format!("aws cloudtrail lookup-events --region {}", self.report.region),
            format!("--lookup-attributes {of}"),
            format!("--start-time {}", moment(seen - self.window)),
            format!("--end-time {}", moment(seen + Duration::minutes(1))),
            "--query \"Events[?ReadOnly=='false'].[EventTime,EventName,Username]\" --output table".to_owned(),
        ]
        .join(" \\\n  ")
    }
}

fn who(entry: &Entry, asking: &Asking<'_>) -> Markup {
    html! {
        details.ask id=(format!("who-{}", entry.seq)) {
            summary { "Who made it?" }
            @if asking.is_aws {
                p { "Not known: S3 does not say. CloudTrail does, a quarter of an hour later and for 90 days:" }
                pre tabindex="0" role="region" aria-label="The question to CloudTrail" { (asking.command(entry.at)) }
            } @else {
                p { "Not known: S3 does not say. The log of the store itself may." }
            }
        }
    }
}

/// What is wanted changed, and with which commit: nobody need have touched the bucket.
fn by_commit(cause: &Map<String, Value>, forge: &Forge) -> Markup {
    let said = |field: &str| cause.get(field).and_then(Value::as_str).unwrap_or_default();
    let among = cause.get("commits").and_then(Value::as_u64);
    html! {
        p.who {
            "What is wanted of it changed with "
            @match among {
                None => { "revision " }
                Some(0) => { "one of the commits up to " }
                Some(more) => { "one of " (more) " commits up to " }
            }
            (forge.id(said("revision")))
            @if among.is_none() {
                @if !said("subject").is_empty() { " “" (plain(said("subject"))) "”" }
                @if !said("author").is_empty() { " by " (plain(said("author"))) }
            }
            "."
        }
    }
}

fn repaired(entry: &Entry) -> Vec<Change> {
    serde_json::from_value(entry.event["repair"]["changes"].clone()).unwrap_or_default()
}

/// The line of the history; a repair's changes stand below it, and the commit that made a difference.
fn said(entry: &Entry) -> String {
    let mut entry = entry.clone();
    if let Some(event) = entry.event.as_object_mut() {
        event.remove("causedBy");
    }
    if repaired(&entry).is_empty() {
        return entry.line();
    }
    entry.event["repair"]["changes"] = Value::Array(Vec::new());
    entry.line().replace("  ", " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::SourceReport;

    /// Nobody is named where it is not known which of some commits it was.
    #[test]
    fn one_of_several_commits_is_told_without_a_name() {
        let said = |mut cause: Value, commits: Option<u64>| {
            let fields = cause.as_object_mut().expect("an object");
            fields.extend(commits.map(|it| ("commits".to_owned(), json!(it))));
            by_commit(fields, &Forge::of(&SourceReport::default())).into_string()
        };
        let cause = json!({"revision": "4f1c2b7", "subject": "Rename", "author": "Ada"});
        let one = said(cause.clone(), None);
        assert!(one.contains("changed with revision ") && one.ends_with(" “Rename” by Ada.</p>"), "{one}");
        let three = said(cause.clone(), Some(3));
        assert!(three.contains("changed with one of 3 commits up to <") && !three.contains("Ada"), "{three}");
        let some = said(cause, Some(0));
        assert!(some.contains("changed with one of the commits up to <") && !some.contains("Rename"), "{some}");
    }
}
