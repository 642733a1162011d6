//! `intelligentTiering`: when objects that nobody reads go to the archive tiers of S3
//! Intelligent-Tiering.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{self, Element, Filter, check::Check};
use super::words::{listed, sorted, words};
use crate::setting::{About, Risk, Setting};

#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The archive tiers (API page PutBucketIntelligentTieringConfiguration).
pub struct IntelligentTiering;

/// The configurations of the archive tiers, each under an id of its own. They are for objects of
/// the storage class `INTELLIGENT_TIERING`; without any, these stay readable at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "intelligentTiering")]
pub struct Value {
    /// The configurations. One that is named is whole; those of other ids stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configurations: Option<Vec<Configuration>>,
}

/// One configuration: which objects are archived, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "intelligentTieringConfiguration")]
pub struct Configuration {
    /// What tells it from the others: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// `true` removes the configuration of this id; nothing else is said beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
    /// Whether S3 acts on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The objects that it is for; all of the bucket's when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The archive tiers, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tierings: Option<Vec<Tiering>>,
}

words! {
    /// Whether S3 acts on a configuration.
    Status as "intelligentTieringStatus" {
        /// S3 acts on it.
        Enabled = "Enabled",
        /// It stands there and does nothing.
        Disabled = "Disabled",
    }
}

/// One archive tier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "intelligentTieringTier")]
pub struct Tiering {
    /// Which one.
    pub access_tier: AccessTier,
    /// So many days without a read: 90 to 730 for `ARCHIVE_ACCESS`, 180 to 730 for
    /// `DEEP_ARCHIVE_ACCESS`.
    pub days: i32,
}

words! {
    /// An archive tier.
    AccessTier as "intelligentTieringAccessTier" {
        /// Readable within hours, after a restore.
        Archive = "ARCHIVE_ACCESS",
        /// Readable within half a day, after a restore.
        DeepArchive = "DEEP_ARCHIVE_ACCESS",
    }
}

impl Setting for IntelligentTiering {
    type Value = Value;

    const NAME: &'static str = "intelligentTiering";
    const ABOUT: About = About {
        what: "When objects that nobody reads go to the archive tiers.",
        why: "Objects that nobody reads for months cost a fraction in the archive tiers, but have to be restored before they can be read.",
        risk: "More objects in an archive tier, or sooner, waits for an approval.",
        example: r"configurations:
  - id: raw
    status: Enabled
    filter: {prefix: raw/}
    tierings:
      - {accessTier: ARCHIVE_ACCESS, days: 180}
      - {accessTier: DEEP_ARCHIVE_ACCESS, days: 365}",
    };
    const READS: &'static [&'static str] = &["s3:GetIntelligentTieringConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutIntelligentTieringConfiguration"];
    const REMOVABLE: bool = true;

    keyed::as_a_set!();

    /// Guarded, when an object goes to a tier sooner than it does today: a read of it fails until
    /// somebody restores it, and training that expects its data at once stands still.
    fn risk(from: &Value, to: &Value) -> Risk {
        let today = |wanted: &Configuration, tier: &Tiering| {
            let acting = from.configurations.iter().flatten().filter(|it| it.status == Some(Status::Enabled));
            let mut reaching = acting.filter(|it| Filter::reaches(it.filter.as_ref(), wanted.filter.as_ref()));
            reaching.any(|it| {
                let mut tiers = it.tierings.iter().flatten();
                tiers.any(|from| from.access_tier == tier.access_tier && from.days <= tier.days)
            })
        };
        // A status that this version does not know might act: it counts where that is the careful way.
        let harmless = |it: &Configuration| {
            it.status == Some(Status::Disabled) || it.tierings.iter().flatten().all(|tier| today(it, tier))
        };
        let stood = |it: &Configuration| from.configurations.iter().flatten().any(|from| from == it);
        if to.configurations.iter().flatten().all(|it| stood(it) || harmless(it)) {
            Risk::Safe
        } else {
            Risk::Guarded("objects would be archived, and could not be read before somebody restores them")
        }
    }
}

impl Element for Configuration {
    fn id(&self) -> &str {
        &self.id
    }

    fn absent(&self) -> Option<bool> {
        self.absent
    }

    fn removal(id: &str) -> Self {
        Self { id: id.to_owned(), absent: Some(true), ..Self::default() }
    }

    fn canonical(self) -> Self {
        Self {
            absent: None,
            filter: self.filter.and_then(Filter::canonical),
            tierings: self.tierings.and_then(sorted),
            ..self
        }
    }
}

/// The most days, two years, and the fewest of each tier (API page Tiering).
const MOST_DAYS: i32 = 730;
const ARCHIVE_DAYS: i32 = 90;
const DEEP_ARCHIVE_DAYS: i32 = 180;

fn check(it: &Configuration, check: &mut Check<'_>) {
    check.needs("/status", it.status.as_ref(), "write `Enabled` or `Disabled`");
    if let Some(Status::Other(word)) = &it.status {
        check.say("/status", format!("`{word}` is not a status of S3"), format!("use {}", listed(Status::KNOWN)));
    }
    check.filter(it.filter.as_ref());
    let tierings = it.tierings.as_deref().unwrap_or_default();
    if tierings.is_empty() {
        let hint = "say when objects go where: `tierings: [{accessTier: ARCHIVE_ACCESS, days: 90}]`";
        check.say("", "no archive tier", hint);
    }
    for (place, tiering) in tierings.iter().enumerate() {
        let at = format!("/tierings/{place}");
        let word = tiering.access_tier.as_str();
        let least = match &tiering.access_tier {
            AccessTier::Archive => ARCHIVE_DAYS,
            AccessTier::DeepArchive => DEEP_ARCHIVE_DAYS,
            AccessTier::Other(_) => {
                let hint = format!("use {}", listed(AccessTier::KNOWN));
                check.say(&format!("{at}/accessTier"), format!("`{word}` is not an archive tier of S3"), hint);
                continue;
            }
        };
        if tierings[..place].iter().any(|it| it.access_tier == tiering.access_tier) {
            check.say(&format!("{at}/accessTier"), format!("a second time `{word}`"), "leave one of the two");
        }
        if !(least..=MOST_DAYS).contains(&tiering.days) {
            let message = format!("objects go to `{word}` after {} days", tiering.days);
            check.say(&format!("{at}/days"), message, format!("use {least} to {MOST_DAYS} days"));
        }
    }
}
