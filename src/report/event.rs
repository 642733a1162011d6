//! What happens, for the history, the log and notifications.

use std::sync::Arc;

use serde::Serialize;

use super::{Repair, SourceState};
use crate::bucket::{BucketId, Region};
use crate::clock::Timestamp;
use crate::source::Revision;
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
    },
}

impl From<&Revision> for CausedBy {
    fn from(it: &Revision) -> Self {
        Self::Revision { revision: it.id.clone(), subject: it.message.clone(), author: it.author.clone() }
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
        let cause = CausedBy::Revision { revision: "4f1c2b7".into(), subject: "Rename".into(), author: "Ada".into() };
        let more = r#""causedBy":{"cause":"revision","revision":"4f1c2b7","subject":"Rename","author":"Ada"}"#;
        assert_eq!(drift(Some(cause)), format!("{before},{more}}}"));
    }
}
