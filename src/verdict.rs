//! The words for how things stand. Each is the same in the log, the metrics, the page, the JSON
//! and the documentation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::finding::Place;

/// How a bucket stands to a policy, or to what its spec says of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As wanted.
    Compliant,
    /// Different.
    Drifted,
    /// Not readable, so not known.
    Unknown,
    /// An exemption in git says that the policy does not apply for now.
    Exempt,
    /// Different, and the spec says to leave it so for now.
    Suspended,
    /// The store has no such setting.
    Unsupported,
}

impl Verdict {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Compliant, Self::Drifted, Self::Unknown, Self::Exempt, Self::Suspended, Self::Unsupported];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Drifted => "drifted",
            Self::Unknown => "unknown",
            Self::Exempt => "exempt",
            Self::Suspended => "suspended",
            Self::Unsupported => "unsupported",
        }
    }
}

/// How much a verdict wants a person's eye; more is worse.
pub fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Drifted => 5,
        Verdict::Unknown => 4,
        Verdict::Suspended => 3,
        Verdict::Exempt => 2,
        Verdict::Unsupported => 1,
        Verdict::Compliant => 0,
    }
}

/// The worst of several verdicts; compliant when there are none.
pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    verdicts.into_iter().max_by_key(|verdict| rank(*verdict)).unwrap_or(Verdict::Compliant)
}

/// Why a difference is not repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// It could destroy data or lock people out; an approval in git lets it happen.
    NeedsApproval,
    /// S3 has no such transition, or two policies contradict each other.
    Impossible,
    /// The sweep would change too much of the fleet.
    OverLimit,
    /// It was repaired again and again, and something writes it back.
    Fighting,
    /// The spec pauses writing.
    Suspended,
    /// The agent, the bucket or the policy only observes.
    ObserveOnly,
    /// Writing is not allowed at this time.
    WindowClosed,
    /// The policy says what is wrong but not what to write, and nothing is invented.
    NoRepair,
    /// The last attempts failed; the next comes later.
    BackingOff,
    /// The account's request budget is used up.
    Throttled,
}

impl Hold {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::NeedsApproval,
        Self::Impossible,
        Self::OverLimit,
        Self::Fighting,
        Self::Suspended,
        Self::ObserveOnly,
        Self::WindowClosed,
        Self::NoRepair,
        Self::BackingOff,
        Self::Throttled,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NeedsApproval => "needs-approval",
            Self::Impossible => "impossible",
            Self::OverLimit => "over-limit",
            Self::Fighting => "fighting",
            Self::Suspended => "suspended",
            Self::ObserveOnly => "observe-only",
            Self::WindowClosed => "window-closed",
            Self::NoRepair => "no-repair",
            Self::BackingOff => "backing-off",
            Self::Throttled => "throttled",
        }
    }
}

/// Who asked for a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// A `Bucket` or `BucketDefaults` document.
    Spec(Place),
    /// A policy, by its name.
    Policy(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(place) => write!(f, "{}:{}", place.file, place.line),
            Self::Policy(name) => write!(f, "policy {name}"),
        }
    }
}

/// The metric label and the row under which a bucket's own spec stands beside the policies.
pub const SPEC: &str = "spec";

/// The row under which the bucket itself stands beside its settings.
pub const EXISTENCE: &str = "existence";
