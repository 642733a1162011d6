//! One entry of the history, and what it says in a line.

use serde::Serialize;
use serde_json::Value;

use super::chain::Hash;
use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::cloud::S3Error;
use crate::doc::Change;
use crate::report::by_revision;
use crate::verdict::SPEC;

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, in one word.
    pub kind: String,
    /// The bucket that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketId>,
    /// What happened.
    pub event: Value,
    /// The hash of the entry before it.
    pub prev: Hash,
    /// Its own hash.
    pub hash: Hash,
}

impl Entry {
    /// What happened, in one line without control characters: much of it was written by others.
    pub fn line(&self) -> String {
        let line = match self.kind.as_str() {
            "repair" => {
                let (setting, rest) = repair(&self.event["repair"]);
                format!("{setting} {}{rest}", changes(&self.event["repair"]).join("; "))
            }
            _ => self.said(),
        };
        tame(&line)
    }

    /// The same as a line that says what it is, and lines that say what changed.
    pub fn lines(&self) -> (String, Vec<String>) {
        let more = if self.kind == "repair" { changes(&self.event["repair"]) } else { Vec::new() };
        (tame(&self.said()), more.iter().map(|line| tame(line)).collect())
    }

    fn said(&self) -> String {
        let event = &self.event;
        let said = |key: &str| event[key].as_str().unwrap_or_default();
        match self.kind.as_str() {
            "started" => format!("driftless {}", said("version")),
            "revision" => {
                let findings = match event["findings"].as_u64() {
                    Some(0) | None => String::new(),
                    Some(1) => ", 1 finding".to_owned(),
                    Some(count) => format!(", {count} findings"),
                };
                let short: String = said("revision").chars().take(12).collect();
                let by = [said("author"), findings.trim_start_matches(", ")];
                let by = by.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ");
                let by = if by.is_empty() { by } else { format!(" ({by})") };
                let subject = said("subject");
                format!("{short}{}{subject}{by}", if subject.is_empty() { "" } else { " " })
            }
            "source" => joined(&[said("state"), said("detail")]),
            "created" => format!("in {}{}", said("region"), asked_by(&event["origins"])),
            "drift-detected" => {
                let cause = &event["causedBy"];
                let commits = cause["commits"].as_u64().map_or(1, |it| usize::try_from(it).unwrap_or_default());
                let since = cause["revision"]
                    .as_str()
                    .map_or(String::new(), |revision| format!(", since {}", by_revision(revision, commits)));
                format!("{} ({}){since}", joined(&[&place(event), said("detail")]), said("severity"))
            }
            "drift-closed" => match chrono::DateTime::parse_from_rfc3339(said("since")) {
                Ok(since) => format!("{}, open since {}", place(event), since.to_utc().format("%Y-%m-%d %H:%M:%SZ")),
                Err(_) => place(event),
            },
            "repair" => {
                let (setting, rest) = repair(&event["repair"]);
                setting + &rest
            }
            "held" => {
                let why = joined(&[said("reason"), said("detail")]);
                format!("{} {why}{}", said("setting"), asked_by(&event["origins"]))
            }
            "pruned" => format!("entries up to {}", event["upTo"]),
            "lost" => format!("{} entries that could not be written", event["entries"]),
            _ => String::new(),
        }
    }

    /// Whether it is about the setting.
    pub fn is_about(&self, setting: &str) -> bool {
        self.event["setting"].as_str() == Some(setting) || self.event["repair"]["setting"].as_str() == Some(setting)
    }

    /// Whether the policy, or `spec` for specs, has to do with it: it asked, or it does not hold.
    pub fn concerns(&self, policy: &str) -> bool {
        let asks = |origins: &Value| {
            let asks = |it: &Value| it["policy"].as_str() == Some(policy) || (policy == SPEC && !it["spec"].is_null());
            origins.as_array().is_some_and(|all| all.iter().any(asks))
        };
        self.event["policy"].as_str() == Some(policy)
            || asks(&self.event["origins"])
            || asks(&self.event["repair"]["origins"])
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(": ")
}

/// The policy, or the setting for the spec.
fn place(event: &Value) -> String {
    match (event["policy"].as_str().unwrap_or_default(), event["setting"].as_str().unwrap_or_default()) {
        (policy, "") => policy.to_owned(),
        (policy, setting) => format!("{policy} {setting}"),
    }
}

/// The text without control characters.
fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim_end().to_owned()
}

/// The setting of a repair; how it went and who asked.
fn repair(repair: &Value) -> (String, String) {
    let outcome = match repair["result"].as_str().unwrap_or_default() {
        "failed" => match serde_json::from_value::<S3Error>(repair["error"].clone()) {
            Ok(error) => format!(" [failed: {error}]"),
            Err(_) => " [failed]".to_owned(),
        },
        "unproved" => format!(" [not proved: {}]", repair["detail"].as_str().unwrap_or_default()),
        _ => String::new(),
    };
    let setting = repair["setting"].as_str().unwrap_or_default();
    (setting.to_owned(), format!("{outcome}{}", asked_by(&repair["origins"])))
}

/// The changes of a repair.
fn changes(repair: &Value) -> Vec<String> {
    let changes: Vec<Change> = serde_json::from_value(repair["changes"].clone()).unwrap_or_default();
    changes.iter().map(ToString::to_string).collect()
}

fn asked_by(origins: &Value) -> String {
    let name = |origin: &Value| match origin["policy"].as_str() {
        Some(policy) => format!("policy {policy}"),
        None => format!("{}:{}", origin["spec"]["file"].as_str().unwrap_or_default(), origin["spec"]["line"]),
    };
    match origins.as_array() {
        Some(all) if !all.is_empty() => {
            format!(" (asked by {})", all.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}
