//! `lifecycle`: the rules by which S3 moves objects to cheaper storage and deletes them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{sorted, words};
use crate::setting::{About, Hindrance, OnDirectoryBuckets, Others, Overlay, Problem, Risk, Setting, overlay};

mod check;
#[cfg(test)]
mod properties;
mod risk;
#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The lifecycle configuration (API page PutBucketLifecycleConfiguration).
pub struct Lifecycle;

/// The lifecycle rules. A bucket without any keeps every object for ever, where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycle")]
pub struct Value {
    /// The rules. A spec that names them names all; a policy adds its own or replaces those with
    /// the same `id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Rule>>,
    /// Which objects are too small to move when a rule's filter says nothing of their size;
    /// `all_storage_classes_128K` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transition_default_minimum_object_size: Option<MinimumObjectSize>,
}

/// One rule: which objects, and what happens to them when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleRule")]
pub struct Rule {
    /// What tells the rule from the others: 1 to 255 characters, unique in the bucket. S3 would
    /// invent one, so a spec has to name it.
    pub id: String,
    /// Whether S3 acts on the rule.
    pub status: Status,
    /// The objects that the rule is for; all of the bucket's when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The old place of `filter.prefix`; either the one or the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// When current versions of objects are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Expiration>,
    /// When noncurrent versions of objects are deleted for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_version_expiration: Option<NoncurrentVersionExpiration>,
    /// When current versions move, and to which storage class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitions: Option<Vec<Transition>>,
    /// When noncurrent versions move, and to which storage class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_version_transitions: Option<Vec<NoncurrentVersionTransition>>,
    /// When the parts of uploads that were never completed are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_multipart_upload: Option<AbortIncompleteMultipartUpload>,
}

words! {
    /// Whether S3 acts on a rule.
    Status as "lifecycleStatus" {
        /// S3 acts on it.
        Enabled = "Enabled",
        /// The rule stands there and does nothing.
        Disabled = "Disabled",
    }
}

/// Which objects a rule is for: those that meet all of what is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleFilter")]
pub struct Filter {
    /// The beginning of the objects' keys; every key begins with the empty one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Tags that the objects have, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// The objects are larger than so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_size_greater_than: Option<i64>,
    /// The objects are smaller than so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_size_less_than: Option<i64>,
}

/// When current versions are deleted: one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleExpiration")]
pub struct Expiration {
    /// So many days after their creation, 1 or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i32>,
    /// From that day on, midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Deletes no object, but delete markers under which no version is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_object_delete_marker: Option<bool>,
}

/// When noncurrent versions are deleted for good.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleNoncurrentVersionExpiration")]
pub struct NoncurrentVersionExpiration {
    /// So many days after a newer version took their place, 1 or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_days: Option<i32>,
    /// So many of the newest noncurrent versions are kept all the same, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_noncurrent_versions: Option<i32>,
}

/// A move of current versions: `days` or `date`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleTransition")]
pub struct Transition {
    /// So many days after the object's creation: 30 or more for `STANDARD_IA` and `ONEZONE_IA`, 0
    /// or more for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i32>,
    /// From that day on, midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Where to.
    pub storage_class: StorageClass,
}

/// A move of noncurrent versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleNoncurrentVersionTransition")]
pub struct NoncurrentVersionTransition {
    /// So many days after a newer version took their place: 30 or more for `STANDARD_IA` and
    /// `ONEZONE_IA`, 0 or more for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_days: Option<i32>,
    /// So many of the newest noncurrent versions stay where they are, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_noncurrent_versions: Option<i32>,
    /// Where to.
    pub storage_class: StorageClass,
}

words! {
    /// A storage class that objects can move to.
    StorageClass as "lifecycleStorageClass" {
        /// Infrequent access.
        StandardIa = "STANDARD_IA",
        /// S3 finds out by itself how often an object is read.
        IntelligentTiering = "INTELLIGENT_TIERING",
        /// Infrequent access, in one availability zone only.
        OnezoneIa = "ONEZONE_IA",
        /// Archive, readable at once.
        GlacierIr = "GLACIER_IR",
        /// Archive, readable within minutes to hours.
        Glacier = "GLACIER",
        /// Archive, readable within a day.
        DeepArchive = "DEEP_ARCHIVE",
    }
}

words! {
    /// Which objects are too small to move.
    MinimumObjectSize as "lifecycleMinimumObjectSize" {
        /// Objects under 128 KB do not move.
        All128K = "all_storage_classes_128K",
        /// Objects under 128 KB move to `GLACIER` and `DEEP_ARCHIVE` only.
        Varies = "varies_by_storage_class",
    }
}

/// When the parts of uploads that were never completed are deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "lifecycleAbortIncompleteMultipartUpload")]
pub struct AbortIncompleteMultipartUpload {
    /// So many days after the upload began, 1 or more.
    pub days_after_initiation: i32,
}

/// A day, as `2030-01-31`; it begins at midnight UTC. `2030-01-31T00:00:00Z` says the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "lifecycleDate")]
pub struct Date(pub String);

impl Date {
    /// The date of an instant, with the time only where it is not midnight.
    fn of(instant: DateTime<Utc>) -> Self {
        let midnight = instant.num_seconds_from_midnight() == 0;
        Self(instant.format(if midnight { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" }).to_string())
    }

    /// The instant, to the second; `None` when the text is no date.
    fn instant(&self) -> Option<DateTime<Utc>> {
        let day = || NaiveDate::parse_from_str(&self.0, "%Y-%m-%d").ok();
        let time = || DateTime::parse_from_rfc3339(&self.0).ok();
        match day() {
            Some(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
            None => time()?.to_utc().with_nanosecond(0),
        }
    }

    fn canonical(self) -> Self {
        self.instant().map_or(self, Self::of)
    }
}

impl Setting for Lifecycle {
    type Value = Value;

    const NAME: &'static str = "lifecycle";
    const ABOUT: About = About {
        what: "When objects move to cheaper storage, and when they end.",
        why: "Old versions, parts of uploads that nobody finished and data that nobody reads are paid for until a rule moves or removes them.",
        risk: "A rule by which more objects would be deleted, or sooner, waits for an approval. So does one by which more of them would move to `GLACIER` or `DEEP_ARCHIVE`, or sooner: nobody can read them there before somebody restores them.",
        example: r"rules:
  - id: abort-uploads
    status: Enabled
    abortIncompleteMultipartUpload: {daysAfterInitiation: 7}
  - id: cold-after-a-quarter
    status: Enabled
    filter: {prefix: raw/}
    transitions: [{days: 90, storageClass: GLACIER_IR}]",
    };
    const READS: &'static [&'static str] = &["s3:GetLifecycleConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutLifecycleConfiguration"];
    const REMOVABLE: bool = true;
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::There;

    fn check_on_directory_buckets(want: &Value) -> Vec<Problem> {
        check::on_directory_buckets(want)
    }

    /// Rules are a set, told apart by their ids; every rule has a filter with a prefix.
    fn canonical(value: Value) -> Value {
        let Value { rules, transition_default_minimum_object_size } = value;
        let mut rules: Vec<Rule> = rules.unwrap_or_default().into_iter().map(Rule::canonical).collect();
        rules.sort();
        Value {
            rules: full(rules),
            // S3 always answers it, other stores never do: the default is left out.
            transition_default_minimum_object_size: transition_default_minimum_object_size
                .filter(|size| *size != MinimumObjectSize::All128K),
        }
    }

    /// A rule is whole: one that is named replaces the one with its id, field for field.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let mut to = overlay(live, want);
        if how == Overlay::Within
            && let (Some(live), Some(want)) = (&live.rules, &want.rules)
        {
            let named: BTreeSet<&str> = want.iter().map(|rule| rule.id.as_str()).collect();
            let others = live.iter().filter(|rule| !named.contains(rule.id.as_str()));
            to.rules = Some(others.chain(want).cloned().collect());
        }
        // It goes with the last rule: S3 keeps it nowhere else.
        if want.rules.is_some() && to.rules.as_ref().is_none_or(Vec::is_empty) {
            to.transition_default_minimum_object_size.clone_from(&want.transition_default_minimum_object_size);
        }
        to
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        risk::risk(from, to)
    }

    fn check(want: &Value) -> Vec<Problem> {
        check::check(want)
    }

    fn hindrance(to: &Value, _others: &Others<'_>) -> Option<Hindrance> {
        (to.rules.is_none() && *to != Value::default()).then_some(Hindrance {
            why: "S3 keeps `transitionDefaultMinimumObjectSize` only beside a rule",
            advice: "let the spec name `rules` too, or leave it out",
        })
    }
}

impl Rule {
    fn canonical(self) -> Self {
        let mut filter = self.filter.unwrap_or_default();
        // S3 answers old rules with the prefix outside of the filter, and refuses both at once;
        // an empty one says nothing. Should a store answer both, the one that says more counts.
        let prefix = filter.prefix.filter(|prefix| !prefix.is_empty()).or(self.prefix);
        filter.prefix = Some(prefix.unwrap_or_default());
        filter.tags = filter.tags.filter(|tags| !tags.is_empty());
        Self {
            id: self.id,
            status: self.status,
            filter: Some(filter),
            prefix: None,
            expiration: self.expiration.and_then(Expiration::canonical),
            noncurrent_version_expiration: self
                .noncurrent_version_expiration
                .map(|it| NoncurrentVersionExpiration {
                    newer_noncurrent_versions: positive(it.newer_noncurrent_versions),
                    ..it
                })
                .filter(|it| *it != NoncurrentVersionExpiration::default()),
            transitions: self.transitions.and_then(|list| {
                let whole = |it: Transition| Transition { date: it.date.map(Date::canonical), ..it };
                sorted(list.into_iter().map(whole).collect())
            }),
            noncurrent_version_transitions: self.noncurrent_version_transitions.and_then(|list| {
                let whole = |it: NoncurrentVersionTransition| NoncurrentVersionTransition {
                    newer_noncurrent_versions: positive(it.newer_noncurrent_versions),
                    ..it
                };
                sorted(list.into_iter().map(whole).collect())
            }),
            abort_incomplete_multipart_upload: self.abort_incomplete_multipart_upload,
        }
    }
}

impl Expiration {
    fn canonical(self) -> Option<Self> {
        let date = self.date.map(Date::canonical);
        // Beside days or a date the marker says nothing: S3 removes such markers then anyway.
        let marker = self.expired_object_delete_marker.filter(|it| *it && self.days.is_none() && date.is_none());
        Some(Self { days: self.days, date, expired_object_delete_marker: marker }).filter(|it| *it != Self::default())
    }
}

/// S3 answers no number where the number of versions to keep is zero, other stores a zero.
fn positive(versions: Option<i32>) -> Option<i32> {
    versions.filter(|versions| *versions != 0)
}

fn full<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}
