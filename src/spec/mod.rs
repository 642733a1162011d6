//! The documents of the source as values: buckets, defaults, policies, exemptions, approvals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bucket::{AccountName, BucketId, BucketName, Namespace, Region};
use crate::clock::Timestamp;
use crate::doc::Doc;
use crate::finding::{Finding, Place};

pub(crate) mod check;
mod document;
mod expr;
pub mod load;
mod parts;
mod placed;
mod policies;
pub mod schema;
pub mod select;
mod settled;
mod together;
mod words;
mod written;
pub mod yaml;

pub use expr::Expr;
pub use load::load;
pub use policies::builtin;
pub(crate) use policies::overlay as overlay_parameters;
pub(crate) use words::last_day;
pub use written::{Written, extent};

/// Whether a difference is repaired or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Differences are told, nothing is written.
    Observe,
    /// Differences are repaired.
    #[default]
    Enforce,
}

impl Mode {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }

    /// Both must enforce, else it is observed.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

/// What somebody asks of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The (partial) value, or that S3 shall hold nothing.
    pub what: Asked,
    /// Where it is written.
    pub at: Place,
}

/// The value of an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Fields that are named shall have these values.
    Value(Doc),
    /// S3 shall hold nothing for the setting.
    Absent,
}

/// A partial spec: settings by name. A setting that is not named is not touched.
///
/// A sorted list and not a map, because a fleet has ten thousand of them with a few entries each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asks(Box<[(&'static str, Ask)]>);

impl Asks {
    /// What is asked of that setting.
    pub fn get(&self, setting: &str) -> Option<&Ask> {
        self.0.iter().find(|(name, _)| *name == setting).map(|(_, ask)| ask)
    }

    /// The settings in the order of their names, with what is asked of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Ask)> {
        self.0.iter().map(|(name, ask)| (*name, ask))
    }

    /// What is asked, for changes in place.
    fn each(&mut self) -> impl Iterator<Item = &mut Ask> {
        self.0.iter_mut().map(|(_, ask)| ask)
    }

    /// How many settings are named.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no setting is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(&'static str, Ask)> for Asks {
    /// Of two asks for one setting the later counts.
    fn from_iter<I: IntoIterator<Item = (&'static str, Ask)>>(asks: I) -> Self {
        Self(asks.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect())
    }
}

/// `kind: Bucket`: one bucket as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSpec {
    /// Its name.
    pub name: BucketName,
    /// The account it belongs to; the agent's only one when nothing is said.
    pub account: Option<AccountName>,
    /// The region it lives in; the account's when nothing is said.
    pub region: Option<Region>,
    /// Labels, for selectors; shared, because a fleet repeats them.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Whether differences are repaired.
    pub mode: Option<Mode>,
    /// Whether writing pauses.
    pub suspend: Option<Suspend>,
    /// Paths that are neither compared nor written.
    pub ignore: Vec<IgnorePath>,
    /// The namespace to make it in, where the spec says it.
    pub namespace: Option<Namespace>,
    /// Its settings.
    pub settings: Asks,
    /// Where the document begins.
    pub at: Place,
}

/// `kind: Account`: an account's own settings as they shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSpec {
    /// The account, as the agent's configuration names it.
    pub name: AccountName,
    /// Labels, for people.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Whether differences are repaired.
    pub mode: Option<Mode>,
    /// Whether writing pauses.
    pub suspend: Option<Suspend>,
    /// Its settings.
    pub settings: Asks,
    /// Where the document begins.
    pub at: Place,
}

/// A pause: nothing is written to the bucket meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspend {
    /// Why.
    pub reason: String,
    /// Until when; it ends by itself.
    pub until: Timestamp,
}

/// A path inside a setting that is neither compared nor written, such as `tags.CostCenter`,
/// `tags["a.b"]`, `tags.team-*` or `lifecycle.rules[archive]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnorePath {
    /// The setting.
    pub setting: &'static str,
    /// Field names from the outside in; `*` stands for any part of a name. An element of a list
    /// is named by its `id` or `sid`. Empty: the whole setting.
    pub steps: Vec<String>,
    /// The path as it was written.
    pub text: String,
    /// Where it is written.
    pub at: Place,
}

/// `kind: BucketDefaults`: a partial spec for every bucket that the selector matches; a `Bucket`
/// overrides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultsSpec {
    /// Its name.
    pub name: Arc<str>,
    /// The buckets it is for.
    pub selector: Selector,
    /// The region for buckets that name none.
    pub region: Option<Region>,
    /// The mode for buckets that name none.
    pub mode: Option<Mode>,
    /// Further paths to ignore.
    pub ignore: Vec<IgnorePath>,
    /// The settings.
    pub settings: Asks,
    /// Where the document begins.
    pub at: Place,
}

/// Which buckets a document is for. Every list that is given must match; an empty selector
/// matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// What must match.
    pub include: Terms,
    /// What must not.
    pub exclude: Terms,
}

/// The terms of a selector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Globs on the name.
    pub buckets: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Globs on the region.
    pub regions: Vec<String>,
    /// Labels that the spec must carry; the value is a glob.
    pub labels: BTreeMap<String, String>,
    /// Tags that the spec must ask for; the value is a glob.
    pub tags: BTreeMap<String, String>,
}

/// `kind: Policy`: a partial spec that every matching bucket must satisfy, or an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec {
    /// Its name.
    pub name: Arc<str>,
    /// One sentence for people.
    pub title: Option<String>,
    /// How bad it is when it does not hold.
    pub severity: PolicySeverity,
    /// Further annotations, such as `controls`.
    pub annotations: BTreeMap<String, String>,
    /// The buckets it is for.
    pub selector: Selector,
    /// Whether differences are repaired.
    pub mode: Mode,
    /// Values that the expressions see as `params`.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// What the policy judges by.
    pub rule: Rule,
    /// Its `spec` as it was written; behind it that of the built-in policy that it changes.
    pub written: Vec<Written>,
    /// Where the document begins. Built-in policies stand in a file named `built-in/<name>.yaml`.
    pub at: Place,
}

/// What a policy judges by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The bucket must have these settings; that is the check and the repair.
    Require(Asks),
    /// The expression must be true.
    Assert {
        /// CEL over `bucket`, `params` and `now`.
        assert: Expr,
        /// CEL that gives the message when it is false.
        message: Option<Expr>,
        /// The settings that make it true.
        repair: Asks,
    },
}

/// How bad a breach of a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PolicySeverity {
    /// For information.
    Info,
    /// A person should know some day.
    Low,
    /// A person should look this week.
    #[default]
    Medium,
    /// A person should look today.
    High,
    /// Somebody is woken.
    Critical,
}

impl PolicySeverity {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// `kind: Exemption`: a policy does not apply to some buckets for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionSpec {
    /// Its name.
    pub name: Arc<str>,
    /// The policy.
    pub policy: Arc<str>,
    /// Globs on bucket names.
    pub buckets: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Where the document begins.
    pub at: Place,
}

/// `kind: Approval`: lets something happen that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalSpec {
    /// Its name.
    pub name: Arc<str>,
    /// What is approved.
    pub what: Approved,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Where the document begins.
    pub at: Place,
}

/// What an approval lets happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// `change`: one held change, by its digest.
    Change(String),
    /// `fleet`: up to so many buckets may change in one sweep.
    Fleet(usize),
    /// `removals`: up to so many buckets may leave the source in one revision.
    Removals(usize),
}

/// Everything that one revision says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Specs {
    /// The buckets.
    pub buckets: Vec<BucketSpec>,
    /// The accounts' own settings.
    pub accounts: Vec<AccountSpec>,
    /// The defaults.
    pub defaults: Vec<DefaultsSpec>,
    /// The policies.
    pub policies: Vec<PolicySpec>,
    /// The exemptions.
    pub exemptions: Vec<ExemptionSpec>,
    /// The approvals.
    pub approvals: Vec<ApprovalSpec>,
    /// Buckets whose newest documents are at fault and that stay on their last good form.
    pub frozen: BTreeSet<BucketId>,
    /// Accounts likewise.
    pub frozen_accounts: BTreeSet<AccountName>,
}

/// What loading gave: whatever is good, and every fault.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// What is in force.
    pub specs: Specs,
    /// The faults of every file, sorted by place.
    pub findings: Vec<Finding>,
    /// The files with an error: their bytes are not their last good ones.
    pub faulty: BTreeSet<Arc<str>>,
}
