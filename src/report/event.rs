//! What happens, for the history, the log and notifications.

use std::sync::Arc;

use serde::Serialize;

use super::{Repair, SourceState};
use crate::bucket::{BucketId, Region};
use crate::clock::Timestamp;
use crate::source::{Commits, Revision};
use crate::spec::PolicySeverity;
use crate::verdict::{Hold, Origin};

/// Something that happened, for the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The daemon began.
    Started {
        /// Its version.
        version: &'static str,
    },
    /// The daemon ended in good order.
    Stopped,
    /// A revision came into force.
    Revision {
        /// The revision.
        revision: String,
        /// The first line of its message.
        subject: String,
        /// Who made it.
        author: String,
        /// Faults in it.
        findings: usize,
    },
    /// The source changed its state.
    Source {
        /// The state.
        state: SourceState,
        /// Why.
        detail: String,
    },
    /// A bucket left the source; it is no longer managed, and stays as it is.
    Unmanaged {
        /// The bucket.
        bucket: BucketId,
    },
    /// A bucket was made.
    Created {
        /// The bucket.
        bucket: BucketId,
        /// Its region.
        region: Region,
        /// Who asked.
        origins: Vec<Origin>,
    },
    /// A difference was seen for the first time.
    DriftDetected {
        /// The bucket.
        bucket: BucketId,
        /// The policy, or `spec`.
        policy: Arc<str>,
        /// The setting, for the spec; empty for a policy.
        setting: &'static str,
        /// How bad it is.
        severity: PolicySeverity,
        /// What differs.
        detail: String,
        /// What made the difference, where it is known: a commit that wants something else. Entries
        /// of older versions have no such field.
        #[serde(rename = "causedBy", skip_serializing_if = "Option::is_none")]
        caused_by: Option<CausedBy>,
    },
    /// A difference is gone.
    DriftClosed {
        /// The bucket.
        bucket: BucketId,
        /// The policy, or `spec`.
        policy: Arc<str>,
        /// The setting, for the spec; empty for a policy.
        setting: &'static str,
        /// Since when it was known.
        since: Timestamp,
    },
    /// A write was tried.
    Repair {
        /// The bucket.
        bucket: BucketId,
        /// The write.
        repair: Repair,
    },
    /// A difference is held, for a reason that is new.
    Held {
        /// The bucket.
        bucket: BucketId,
        /// The setting.
        setting: &'static str,
        /// The reason.
        reason: Hold,
        /// The reason in words.
        detail: String,
        /// Who asked for what is held.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        origins: Vec<Origin>,
        /// The document to commit, when one would let it happen.
        #[serde(skip_serializing_if = "Option::is_none")]
        approval: Option<String>,
    },
}

/// What made a difference, where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "cause")]
pub enum CausedBy {
    /// What is wanted changed with this revision.
    Revision {
        /// The revision.
        revision: String,
        /// The first line of its message.
        subject: String,
        /// Who made it.
        author: String,
        /// It was one of so many commits, of which this is the newest; 0 of an unknown number. Not
        /// written where it was this one.
        #[serde(skip_serializing_if = "is_one")]
        commits: usize,
    },
}

fn is_one(commits: &usize) -> bool {
    *commits == 1
}

impl CausedBy {
    /// The revision in force says something else of what stands in `files` than the one before: by
    /// which of the commits between them. The first of the files that any of them changed tells; the
    /// one that changed it, where only one did.
    pub fn revision(in_force: &Revision, commits: Option<&Commits>, files: &[&str]) -> Self {
        let of = |it: &Revision, commits| Self::Revision {
            revision: it.id.clone(),
            subject: it.message.clone(),
            author: it.author.clone(),
            commits,
        };
        let Some(commits) = commits else { return of(in_force, 1) };
        match files.iter().find_map(|file| commits.touched.get(*file)) {
            Some(touched) => of(&touched.newest, touched.count),
            None => of(in_force, commits.count),
        }
    }
}

/// The revision that made a difference, in words: itself, or one of some that it ends.
pub fn by_revision(revision: &str, commits: usize) -> String {
    let revision = crate::source::short(revision);
    match commits {
        1 => format!("revision {revision}"),
        0 => format!("one of the commits up to {revision}"),
        more => format!("one of {more} commits up to {revision}"),
    }
}

impl Event {
    /// The words for all of them.
    pub const WORDS: [&'static str; 10] = [
        "started",
        "stopped",
        "revision",
        "source",
        "unmanaged",
        "created",
        "drift-detected",
        "drift-closed",
        "repair",
        "held",
    ];

    /// The word for it, in the history, the API and `driftless history --kind`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopped => "stopped",
            Self::Revision { .. } => "revision",
            Self::Source { .. } => "source",
            Self::Unmanaged { .. } => "unmanaged",
            Self::Created { .. } => "created",
            Self::DriftDetected { .. } => "drift-detected",
            Self::DriftClosed { .. } => "drift-closed",
            Self::Repair { .. } => "repair",
            Self::Held { .. } => "held",
        }
    }

    /// The bucket that it is about.
    pub fn bucket(&self) -> Option<&BucketId> {
        match self {
            Self::Unmanaged { bucket }
            | Self::Created { bucket, .. }
            | Self::DriftDetected { bucket, .. }
            | Self::DriftClosed { bucket, .. }
            | Self::Repair { bucket, .. }
            | Self::Held { bucket, .. } => Some(bucket),
            Self::Started { .. } | Self::Stopped | Self::Revision { .. } | Self::Source { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::{AccountName, BucketName};
    use crate::source::Touched;

    fn drift(caused_by: Option<CausedBy>) -> String {
        let bucket = BucketId { account: AccountName::default(), name: BucketName::parse("ai-one").expect("legal") };
        let event = Event::DriftDetected {
            bucket,
            policy: "spec".into(),
            setting: "tags",
            severity: PolicySeverity::Medium,
            detail: "Name: a -> b".to_owned(),
            caused_by,
        };
        serde_json::to_string(&event).expect("an event is JSON")
    }

    /// The hash chain covers the text of an entry: one without a cause is written as ever.
    #[test]
    fn a_cause_is_one_more_field_and_nothing_where_it_is_not_known() {
        let before = r#"{"event":"drift-detected","bucket":{"account":"default","name":"ai-one"},"policy":"spec","setting":"tags","severity":"medium","detail":"Name: a -> b""#;
        assert_eq!(drift(None), format!("{before}}}"));
        let cause = |commits| CausedBy::Revision {
            revision: "4f1c2b7".into(),
            subject: "Rename".into(),
            author: "Ada".into(),
            commits,
        };
        let more = r#""causedBy":{"cause":"revision","revision":"4f1c2b7","subject":"Rename","author":"Ada""#;
        assert_eq!(drift(Some(cause(1))), format!("{before},{more}}}}}"));
        assert_eq!(drift(Some(cause(3))), format!("{before},{more},\"commits\":3}}}}"));
    }

    /// The last of three commits was named whoever had made the difference.
    #[test]
    fn the_commit_that_changed_the_file_is_named_or_else_among_how_many_it_is() {
        let revision = |id: &str| Revision {
            id: id.to_owned(),
            author: format!("{id} <a@b>"),
            message: String::new(),
            committed_at: None,
            signature: None,
        };
        let touched = |id: &str, count| Touched { count, newest: Arc::new(revision(id)) };
        let all = Commits {
            count: 3,
            touched: [("a.yaml".into(), touched("one", 1)), ("b.yaml".into(), touched("two", 2))].into(),
        };
        let said = |commits: Option<&Commits>, files: &[&str]| {
            let CausedBy::Revision { revision, author, commits, .. } =
                CausedBy::revision(&revision("head"), commits, files);
            assert_eq!(author, format!("{revision} <a@b>"));
            by_revision(&revision, commits)
        };
        assert_eq!(said(Some(&all), &["a.yaml", "b.yaml"]), "revision one");
        assert_eq!(said(Some(&all), &["c.yaml", "b.yaml"]), "one of 2 commits up to two");
        assert_eq!(said(Some(&all), &["c.yaml"]), "one of 3 commits up to head");
        assert_eq!(said(Some(&Commits::default()), &["a.yaml"]), "one of the commits up to head");
        assert_eq!(said(Some(&Commits::one()), &["a.yaml"]), "revision head");
        assert_eq!(said(None, &["a.yaml"]), "revision head");
    }
}
