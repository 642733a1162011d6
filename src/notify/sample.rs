//! Messages and items for tests.

use std::sync::Arc;

use serde_json::json;

use super::group::Speaker;
use super::notice::Happening;
#[cfg(feature = "daemon")]
use super::notice::{Fix, Notice, RevisionNote, State};
use super::picture::{Item, Picture, Place};
use super::rules::Rules;
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::clock::Timestamp;
use crate::doc::Change;
use crate::spec::PolicySeverity;

pub(crate) fn at(minute: u32) -> Timestamp {
    format!("2026-11-22T21:{minute:02}:00Z").parse().expect("a moment")
}

pub(crate) fn id(name: &str) -> BucketId {
    BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("a name") }
}

pub(crate) fn change(from: &str, to: &str) -> Change {
    Change { path: "status".to_owned(), from: Some(json!(from)), to: Some(json!(to)) }
}

/// Versioning that is suspended and not repaired.
pub(crate) fn drift(bucket: &str) -> Item {
    Item {
        bucket: Some(id(bucket)),
        place: Arc::new(Place::default()),
        setting: "versioning".to_owned(),
        policies: vec!["spec".to_owned(), "versioned".to_owned()],
        severity: PolicySeverity::Medium,
        changes: vec![change("Suspended", "Enabled")],
        detail: "the agent only observes".to_owned(),
        since: Some(at(0)),
        ..Item::about(Happening::Drift, "observe-only")
    }
}

pub(crate) fn picture(minute: u32, open: Vec<Item>) -> Picture {
    Picture { at: at(minute), open, swept: true, source_known: true, ..Picture::default() }
}

pub(crate) fn rules(when: &str) -> Rules {
    let text = format!("source: {{dir: .}}\nnotifications: [{{name: a, slack: {{urlEnv: U}}, {when}}}]");
    Rules::of(&crate::config::parse("driftless.yaml", &text, &[]).expect("good").notifications[0])
}

pub(crate) fn speaker() -> Speaker {
    Speaker {
        instance: "https://driftless.example.com".to_owned(),
        seed: "a".to_owned(),
        page: Some("https://driftless.example.com".to_owned()),
    }
}

/// A message with all there is in it, some of it hostile.
#[cfg(feature = "daemon")]
pub(crate) fn full() -> Notice {
    Notice {
        id: "driftless-11".to_owned(),
        key: "driftless-22".to_owned(),
        happening: Happening::Held,
        state: State::Open,
        severity: PolicySeverity::High,
        reason: Some("needs-approval".to_owned()),
        at: at(30),
        since: at(0),
        instance: "https://driftless.example.com".to_owned(),
        title: "Held (needs-approval): versioning of ai-logs".to_owned(),
        setting: Some("versioning".to_owned()),
        policies: vec!["<!channel>".to_owned(), "spec".to_owned()],
        changes: vec![change("Enabled", "```<b>Suspended</b>")],
        detail: Some("old versions would be kept & not made\nany more".to_owned()),
        buckets: vec![id("ai-logs")],
        bucket_count: 1,
        fix: Some(Fix {
            text: "commit *this*".to_owned(),
            document: Some("kind: Approval\n  change: \"1f\"\n".to_owned()),
        }),
        url: Some("https://driftless.example.com/buckets/default/ai-logs".to_owned()),
        revision: Some(RevisionNote {
            id: "4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203".to_owned(),
            subject: "Suspend <https://evil.example|here>\r\nBcc: all@example.com".to_owned(),
            author: "Ada <ada@example.com>".to_owned(),
        }),
        standing: None,
    }
}
