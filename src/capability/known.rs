//! What is known of one setting at one endpoint, and the rule by which it counts.

use std::collections::BTreeMap;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{Ability, Said, SettingCard, WITNESSES, day};
use crate::bucket::BucketName;
use crate::clock::Timestamp;
use crate::cloud::{S3Error, S3ErrorKind};

/// How many refusals are kept. Only buckets of an endpoint that has the setting add more than
/// [`WITNESSES`]; those that are dropped are asked in every sweep.
const KEPT: usize = 4096;

/// What the answers so far show of one setting.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// What reads of it showed.
    #[serde(default)]
    pub read: Side,
    /// What writes of it showed.
    #[serde(default)]
    pub write: Side,
}

/// What the answers to reads, or those to writes, show.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Side {
    /// The last right answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    right: Option<(BucketName, Timestamp)>,
    /// The buckets that said "unsupported" since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    refusals: BTreeMap<BucketName, Refusal>,
}

/// That a bucket said "unsupported".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In which words.
    pub said: Said,
    /// When.
    pub at: Timestamp,
}

/// Whether an answer of `at` still counts. One from the future does not: the clock was put back,
/// and nobody knows how old it is.
fn counts(at: Timestamp, now: Timestamp) -> bool {
    let age = now.signed_duration_since(at);
    age >= Duration::zero() && age < day()
}

/// Whether a bucket is a directory bucket (S3 User Guide, "Directory bucket naming rules").
fn is_directory(bucket: &BucketName) -> bool {
    bucket.as_str().ends_with("--x-s3")
}

impl Side {
    /// A bucket answered rightly.
    pub fn has(&mut self, bucket: &BucketName, now: Timestamp) {
        self.refusals.remove(bucket);
        if !is_directory(bucket) {
            self.right = Some((bucket.clone(), now));
        }
    }

    /// A bucket said "unsupported".
    pub fn lacks(&mut self, bucket: &BucketName, error: &S3Error, now: Timestamp) {
        self.refusals.retain(|_, it| counts(it.at, now));
        if self.refusals.len() < KEPT || self.refusals.contains_key(bucket) {
            let said = Said { operation: error.operation.clone(), code: error.code.clone(), status: error.status };
            self.refusals.insert(bucket.clone(), Refusal { said, at: now });
        }
    }

    /// Whether one more right answer of a bucket shows nothing new.
    pub(super) fn is_settled(&self, bucket: &BucketName, now: Timestamp) -> bool {
        let lately = |at: Timestamp| counts(at, now) && now - at < Duration::hours(1);
        !self.refusals.contains_key(bucket) && self.right.as_ref().is_some_and(|(_, at)| lately(*at))
    }

    /// The refusals that count for the whole endpoint, oldest first; fewer than [`WITNESSES`]
    /// prove nothing.
    fn witnesses(&self, own_store: bool, now: Timestamp) -> Vec<(&BucketName, &Refusal)> {
        if !own_store || self.right.as_ref().is_some_and(|(_, at)| counts(*at, now)) {
            return Vec::new();
        }
        let mut witnesses: Vec<_> =
            self.refusals.iter().filter(|(bucket, it)| !is_directory(bucket) && counts(it.at, now)).collect();
        witnesses.sort_by_key(|(_, it)| it.at);
        witnesses
    }

    /// Until when the endpoint as a whole counts as lacking the setting: as long as so many
    /// refusals are less than a day old.
    fn lacking(&self, own_store: bool, now: Timestamp) -> Option<(Timestamp, &BucketName, &Refusal)> {
        let witnesses = self.witnesses(own_store, now);
        let (bucket, decides) = *witnesses.get(witnesses.len().checked_sub(WITNESSES)?)?;
        Some((decides.at + day(), bucket, decides))
    }

    /// The answer of a bucket that need not be asked.
    pub fn spared(&self, bucket: &BucketName, own_store: bool, now: Timestamp) -> Option<S3Error> {
        let own = self.refusals.get(bucket).filter(|it| counts(it.at, now)).map(|it| (it.at + day(), bucket, it));
        let (until, whose, it) = match (own, self.lacking(own_store, now)) {
            (Some(own), Some(all)) if own.0 < all.0 => all,
            (own, all) => own.or(all)?,
        };
        Some(S3Error {
            operation: it.said.operation.clone(),
            object: bucket.to_string(),
            kind: S3ErrorKind::Unsupported,
            code: it.said.code.clone(),
            status: it.said.status,
            request_id: None,
            message: format!("known from `{whose}` since {}; asked again after {}", moment(it.at), moment(until)),
            action: None,
        })
    }
}

impl Known {
    /// How the endpoint stands to the setting. One that can be read and not written is lacking:
    /// it can never be as somebody wants it.
    pub fn ability(&self, own_store: bool, now: Timestamp) -> Ability {
        let lacks = |side: &Side| side.lacking(own_store, now).is_some();
        if lacks(&self.read) || lacks(&self.write) {
            Ability::Unsupported
        } else if self.read.right.is_some() {
            Ability::Supported
        } else {
            Ability::NotYetKnown
        }
    }

    /// As people see it.
    pub(super) fn card(&self, setting: &str, own_store: bool, now: Timestamp) -> SettingCard {
        let ability = self.ability(own_store, now);
        let refusal =
            |bucket: &BucketName, it: &Refusal| (Some(format!("`{bucket}` answered {}", it.said)), Some(it.at));
        let lacking = self.read.lacking(own_store, now).or_else(|| self.write.lacking(own_store, now));
        let newest = self.read.refusals.iter().filter(|(_, it)| counts(it.at, now)).max_by_key(|(_, it)| it.at);
        let (answer, learned_at) = match (lacking, &self.read.right, newest) {
            (Some((_, bucket, it)), ..) => refusal(bucket, it),
            (None, Some((bucket, at)), _) => (Some(format!("`{bucket}` answered")), Some(*at)),
            (None, None, Some((bucket, it))) => refusal(bucket, it),
            (None, None, None) => (None, None),
        };
        let asked_again_at = lacking.map(|(until, ..)| until);
        SettingCard { setting: setting.to_owned(), ability, answer, learned_at, asked_again_at }
    }
}

fn moment(at: Timestamp) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}
