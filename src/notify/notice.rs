//! One message, before any sink gives it its form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bucket::BucketId;
use crate::clock::Timestamp;
use crate::doc::Change;
use crate::spec::PolicySeverity;

/// What happens that people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Happening {
    /// A difference that stays, because nothing repairs it: the agent, the bucket or the policy only
    /// observes, the spec pauses writing, or there is no repair.
    Drift,
    /// A difference was repaired in the sweep that found it, or a new revision was carried out.
    Repaired,
    /// A repair is not made, and a person has to decide.
    Held,
    /// A repair was tried and failed.
    Failed,
    /// A bucket cannot be read, so that nobody knows how it stands.
    Unknown,
    /// The source cannot be followed, or its documents have faults.
    Source,
    /// A sweep would change too much of the fleet, so it changes nothing.
    Breaker,
    /// How a revision came out: of every new one, also of those that went well.
    Revision,
}

impl Happening {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Drift,
        Self::Repaired,
        Self::Held,
        Self::Failed,
        Self::Unknown,
        Self::Source,
        Self::Breaker,
        Self::Revision,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Repaired => "repaired",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Source => "source",
            Self::Breaker => "breaker",
            Self::Revision => "revision",
        }
    }
}

/// Whether a trouble begins, grows, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is new.
    Open,
    /// It was told before, and became more or worse.
    Changed,
    /// It is over; or, for what was repaired at once, it never stayed.
    Resolved,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
        }
    }
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// One sentence.
    pub text: String,
    /// The document to commit, when one lets it happen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<String>,
}

/// A revision, as far as people want to know of it. All of it but the id is hostile text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionNote {
    /// The id of the commit, or the digest of a folder.
    pub id: String,
    /// The first line of its message.
    #[serde(default)]
    pub subject: String,
    /// Who made it.
    #[serde(default)]
    pub author: String,
}

/// How a revision came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is in force, and not every bucket was looked at since.
    Pending,
    /// Every bucket is as it says.
    Good,
    /// Something differs, is held or is not known, or its documents have faults.
    Bad,
    /// It is not obeyed.
    Refused,
}

impl Outcome {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Refused => "refused",
        }
    }
}

/// How the fleet stands under a revision, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// How it came out.
    pub outcome: Outcome,
    /// All buckets.
    pub buckets: usize,
    /// Those of which everything is known and as wanted.
    pub in_sync: usize,
    /// Those with a difference that stays.
    pub drifted: usize,
    /// Those of which something is not known.
    pub unknown: usize,
    /// Differences that are held.
    pub held: usize,
    /// Faults in its documents that leave a document without effect.
    pub findings: usize,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The message: the same for every attempt to deliver it, another for every other message.
    pub id: String,
    /// The cause: the same when it opens, changes and is over, also after a restart.
    pub key: String,
    /// What happens.
    pub happening: Happening,
    /// Whether it begins, grows or is over.
    pub state: State,
    /// How bad it is.
    pub severity: PolicySeverity,
    /// Why it stays, in one word: a held reason, a kind of failure, a state of the source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// When this message was made.
    pub at: Timestamp,
    /// Since when the trouble is known.
    pub since: Timestamp,
    /// Which agent says it: the address of its page, else that of its source.
    pub instance: String,
    /// One line. Plain text, with hostile names in it.
    pub title: String,
    /// The setting that differs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub setting: Option<String>,
    /// Who asks for the other value: policies by name, `spec` for the bucket's own spec.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub policies: Vec<String>,
    /// What differs, field by field; at most [`MOST_CHANGES`].
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<Change>,
    /// More in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// The first buckets, at most [`MOST_BUCKETS`].
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub buckets: Vec<BucketId>,
    /// How many buckets there are.
    #[serde(default)]
    pub bucket_count: usize,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<Fix>,
    /// Where to see more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The revision that brought it, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<RevisionNote>,
    /// How the fleet stands; of [`Happening::Revision`] only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standing: Option<Standing>,
}

/// So many buckets are named; the rest are a number.
pub const MOST_BUCKETS: usize = 10;

/// So many fields that differ are told.
pub const MOST_CHANGES: usize = 10;

impl Notice {
    /// A message that only shows that messages arrive.
    pub fn test(instance: &str, url: Option<String>, at: Timestamp) -> Self {
        let key = format!("driftless-test-{}", at.timestamp_millis());
        Self {
            id: key.clone(),
            key,
            happening: Happening::Drift,
            state: State::Open,
            severity: PolicySeverity::Info,
            reason: None,
            at,
            since: at,
            instance: instance.to_owned(),
            title: "Test: messages of driftless arrive here".to_owned(),
            setting: None,
            policies: Vec::new(),
            changes: Vec::new(),
            detail: Some("Nothing is wrong. Somebody ran `driftless notify --test`.".to_owned()),
            buckets: Vec::new(),
            bucket_count: 0,
            fix: None,
            url,
            revision: None,
            standing: None,
        }
    }
}

/// The same change as it would be told of any bucket: with its own name left out.
pub fn generic(change: &Change, name: &str) -> Change {
    fn value(of: &Value, name: &str) -> Value {
        match of {
            Value::String(text) => Value::String(text.replace(name, ANY_BUCKET)),
            Value::Array(list) => list.iter().map(|it| value(it, name)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, it)| (key.replace(name, ANY_BUCKET), value(it, name))).collect()
            }
            other => other.clone(),
        }
    }
    Change {
        path: change.path.clone(),
        from: change.from.as_ref().map(|it| value(it, name)),
        to: change.to.as_ref().map(|it| value(it, name)),
    }
}

/// Stands for the name of any bucket.
pub const ANY_BUCKET: &str = "BUCKET";
