//! How everything stands, for people and machines: what the page, the API, the metrics and
//! `status` show (pure).

pub mod compared;
mod event;
mod release;
pub mod tell;

pub use event::{CausedBy, Event, by_revision};
pub use release::{approval_document, removals_document};

use std::sync::Arc;

use serde::Serialize;

use crate::bucket::{BucketId, Outputs, Region};
use crate::clock::Timestamp;
use crate::cloud::S3Error;
use crate::desired::Wish;
use crate::doc::{Change, Doc};
use crate::finding::{Finding, Place};
use crate::plan::{Held, Step};
use crate::source::{Revision, Signature};
use crate::spec::PolicySeverity;
use crate::verdict::{Hold, Origin, Verdict, worst};

/// How driftless stands to a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BucketState {
    /// A good spec declares it, and it was reached.
    Managed,
    /// Its newest spec is at fault; the last good one is in force.
    Invalid,
    /// It could not be reached, or belongs to somebody else.
    Unreachable,
    /// It is there and no spec declares it.
    Undeclared,
}

impl BucketState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Managed, Self::Invalid, Self::Unreachable, Self::Undeclared];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Invalid => "invalid",
            Self::Unreachable => "unreachable",
            Self::Undeclared => "undeclared",
        }
    }
}

/// One bucket after its last check. Small when all is well: a fleet has a hundred thousand.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BucketReport {
    /// The bucket.
    pub id: BucketId,
    /// The region it lives in, or is to live in.
    pub region: Region,
    /// How driftless stands to it.
    pub state: BucketState,
    /// Where its spec begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<Place>,
    /// When it was checked.
    pub checked_at: Timestamp,
    /// How it stands to each policy, by name.
    pub policies: Arc<[PolicyStatus]>,
    /// How it stands to what its spec says, setting by setting.
    pub settings: Arc<[SettingStatus]>,
    /// What differs and stays so for now.
    #[serde(skip_serializing_if = "is_empty")]
    pub held: Box<[HeldReport]>,
    /// The last writes to it, newest first, at most [`KEPT_REPAIRS`].
    #[serde(skip_serializing_if = "is_empty")]
    pub repairs: Box<[Repair]>,
    /// Reads that failed.
    #[serde(skip_serializing_if = "is_empty")]
    pub errors: Box<[ReadError]>,
    /// Writing pauses until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_until: Option<Timestamp>,
    /// What was wanted of it, shared with what is in force; nothing for a bucket that no spec
    /// declares.
    #[serde(skip)]
    pub wish: Option<Arc<Wish>>,
}

#[allow(clippy::borrowed_box)] // Serde hands over the field itself.
fn is_empty<T>(list: &Box<[T]>) -> bool {
    list.is_empty()
}

/// How many writes a bucket's report keeps; the history has them all.
pub const KEPT_REPAIRS: usize = 10;

/// How a bucket stands to a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The policy.
    pub policy: Arc<str>,
    /// How bad a breach is.
    pub severity: PolicySeverity,
    /// How it stands.
    pub verdict: Verdict,
    /// Why, when it is not compliant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
    /// When the difference was first seen that is still open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When the exemption ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exempt_until: Option<Timestamp>,
}

/// How a bucket stands to what its spec says of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingStatus {
    /// The setting, or `existence`.
    pub setting: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// Why, when it is not compliant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
    /// When the difference was first seen that is still open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A difference that stays for now, as people see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldReport {
    /// The setting, or `existence`.
    pub setting: &'static str,
    /// Why, in one word.
    pub reason: Hold,
    /// Why, in words.
    pub detail: String,
    /// Who asked.
    pub origins: Vec<Origin>,
    /// What would change.
    pub changes: Vec<Change>,
    /// What an approval must name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The document to commit, when one would let it happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

/// A read that failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadError {
    /// The setting, or `existence`.
    pub setting: &'static str,
    /// What went wrong.
    pub error: S3Error,
    /// What the user can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum RepairResult {
    /// It was read back as written.
    Applied,
    /// S3 took it, and reads back something else.
    Unproved {
        /// What is different from what was written.
        detail: String,
    },
    /// S3 refused it, or could not be reached.
    Failed {
        /// What went wrong.
        error: S3Error,
    },
}

impl RepairResult {
    /// The metric label.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unproved { .. } | Self::Failed { .. } => "failed",
        }
    }
}

/// A write that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repair {
    /// The setting, or `existence` for a bucket that was made.
    pub setting: &'static str,
    /// When.
    pub at: Timestamp,
    /// What changed.
    pub changes: Vec<Change>,
    /// Who asked.
    pub origins: Vec<Origin>,
    /// What was written, whole: the loop breaker counts the writes of one value. Not shown, as
    /// `changes` tells what is new in it.
    #[serde(skip)]
    pub to: Option<Doc>,
    /// How it ended.
    #[serde(flatten)]
    pub result: RepairResult,
}

/// What caused a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The daemon began.
    Start,
    /// The schedule.
    Schedule,
    /// A new revision.
    Revision,
    /// Somebody asked.
    Demand,
}

impl Cause {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schedule => "schedule",
            Self::Revision => "revision",
            Self::Demand => "demand",
        }
    }
}

/// A sweep that ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// What caused it.
    pub cause: Cause,
    /// When it began.
    pub started_at: Timestamp,
    /// Seconds that it took.
    pub seconds: f64,
    /// Buckets that were checked.
    pub buckets: usize,
    /// Buckets of which everything is known and as wanted.
    pub in_sync: usize,
    /// Buckets with a difference that stays.
    pub drifted: usize,
    /// Buckets of which something is not known.
    pub unknown: usize,
    /// Writes that were proved.
    pub repaired: usize,
    /// Writes that failed.
    pub failed: usize,
    /// Differences held.
    pub held: usize,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// Accounts that could not be listed.
    pub errors: Vec<S3Error>,
}

/// How the source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// The newest revision is in force.
    Ready,
    /// The source cannot be reached; the last good revision is in force.
    Stale,
    /// A newer revision is there and not obeyed, with a reason.
    Held,
    /// There is no revision in force.
    #[default]
    Failed,
}

impl SourceState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Stale, Self::Held, Self::Failed];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Stale => "stale",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

/// The source, as people see it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// How it stands.
    pub state: SourceState,
    /// Where it is, without credentials.
    pub url: String,
    /// The branch, tag or commit that is followed; empty for a directory.
    pub reference: String,
    /// The revision in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The first line of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    /// The signature that it carries, unchecked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// When the source last answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    /// Why it is stale, held or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The revision that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_revision: Option<String>,
    /// The same, with who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_commit: Option<Revision>,
    /// What to write, and where, to have it obeyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Faults in the documents.
    pub findings: Vec<Finding>,
}

impl BucketReport {
    /// Whether everything wanted is there and known to be.
    pub fn in_sync(&self) -> bool {
        let good = |verdict: Verdict| matches!(verdict, Verdict::Compliant | Verdict::Exempt | Verdict::Unsupported);
        !matches!(self.state, BucketState::Unreachable)
            && self.held.is_empty()
            && self.errors.is_empty()
            && self.policies.iter().all(|it| good(it.verdict))
            && self.settings.iter().all(|it| good(it.verdict))
    }

    /// The worst verdict of all, by which lists are sorted and filtered.
    pub fn worst(&self) -> Verdict {
        worst(self.policies.iter().map(|it| it.verdict).chain(self.settings.iter().map(|it| it.verdict)))
    }

    /// What other programs want to know of the bucket; nothing for an account.
    pub fn outputs(&self) -> Option<Outputs> {
        (!self.id.is_account()).then(|| Outputs::of(&self.id.name, &self.region))
    }
}

/// A difference that is held, as people see it.
pub fn held_report(bucket: &BucketId, held: &Held, now: Timestamp) -> HeldReport {
    HeldReport {
        setting: held.setting,
        reason: held.hold,
        detail: held.detail.clone(),
        origins: held.step.as_ref().map(|step| step.origins.clone()).unwrap_or_default(),
        changes: held.step.as_ref().map(Step::changes).unwrap_or_default(),
        digest: held.digest.clone(),
        approval: approval_document(bucket, held, now),
    }
}
