//! `replication`: the rules by which S3 copies objects into other buckets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::versioning;
use super::words::words;
use crate::setting::{About, Beside, Hindrance, Others, Overlay, Problem, Risk, Setting};

mod check;
mod merge;
#[cfg(test)]
mod properties;
mod risk;
#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The replication configuration (API page PutBucketReplication).
pub struct Replication;

/// The replication rules. A bucket without any is copied nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replication")]
pub struct Value {
    /// ARN of the IAM role that S3 assumes to read here and to write there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The rules, at most 1,000. A spec that names them names all; a policy adds its own or
    /// replaces those with the same `id`. All have a `filter`, or none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Rule>>,
}

/// One rule: which objects, and where to. With `filter` it is of S3's second version of rules,
/// with `prefix` of the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationRule")]
pub struct Rule {
    /// What tells the rule from the others: 1 to 255 characters, unique in the bucket. S3 would
    /// invent one, so a spec has to name it.
    pub id: String,
    /// Whether S3 acts on the rule.
    pub status: Status,
    /// Of rules for one object and one destination, the highest counts; unique. Needed beside
    /// `filter`, not allowed beside `prefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The objects that the rule is for; `{}` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The beginning of the objects' keys, as the first version of rules says it. Such a rule
    /// copies delete markers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether delete markers are copied. Needed beside `filter`, not allowed beside `prefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_marker_replication: Option<Switch>,
    /// Objects that are copied only when this asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_selection_criteria: Option<SourceSelectionCriteria>,
    /// Whether objects are copied that were there before the rule. S3 takes it no longer; it may
    /// still answer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_object_replication: Option<Switch>,
    /// Where to.
    pub destination: Destination,
}

words! {
    /// Whether S3 acts on something.
    Status as "replicationStatus" {
        /// It does.
        Enabled = "Enabled",
        /// It does not.
        Disabled = "Disabled",
    }
}

/// Something that is on or off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationSwitch")]
pub struct Switch {
    /// Whether it is on.
    pub status: Status,
}

impl Switch {
    const ON: Self = Self { status: Status::Enabled };
    const OFF: Self = Self { status: Status::Disabled };
}

/// Which objects a rule is for: those that meet all of what is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationFilter")]
pub struct Filter {
    /// The beginning of the objects' keys; every key begins with the empty one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Tags that the objects have, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// Objects that are copied only when a rule asks for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationSourceSelectionCriteria")]
pub struct SourceSelectionCriteria {
    /// Objects that are encrypted with a key of KMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse_kms_encrypted_objects: Option<Switch>,
    /// Changes of the metadata of objects that are copies themselves; needs `filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_modifications: Option<Switch>,
}

/// Where a rule copies to.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationDestination")]
pub struct Destination {
    /// ARN of the bucket, like `arn:aws:s3:::copies`. Its versioning is on, too.
    pub bucket: String,
    /// The account that owns that bucket, twelve digits; needed beside `accessControlTranslation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The storage class of the copies; that of each object when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// Who owns the copies; the owner of the objects when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control_translation: Option<AccessControlTranslation>,
    /// How copies of objects are encrypted that are encrypted with a key of KMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_configuration: Option<EncryptionConfiguration>,
    /// A promise of S3 to copy in time (S3 RTC); needs `metrics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_time: Option<ReplicationTime>,
    /// Metrics and events about what is not copied yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
}

words! {
    /// A storage class that copies can have.
    StorageClass as "replicationStorageClass" {
        /// The usual one.
        Standard = "STANDARD",
        /// The usual one, kept less often.
        ReducedRedundancy = "REDUCED_REDUNDANCY",
        /// Infrequent access.
        StandardIa = "STANDARD_IA",
        /// Infrequent access, in one availability zone only.
        OnezoneIa = "ONEZONE_IA",
        /// S3 finds out by itself how often an object is read.
        IntelligentTiering = "INTELLIGENT_TIERING",
        /// Archive, readable at once.
        GlacierIr = "GLACIER_IR",
        /// Archive, readable within minutes to hours.
        Glacier = "GLACIER",
        /// Archive, readable within a day.
        DeepArchive = "DEEP_ARCHIVE",
    }
}

/// Who owns the copies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationAccessControlTranslation")]
pub struct AccessControlTranslation {
    /// The account that owns the destination.
    pub owner: Owner,
}

words! {
    /// An owner of copies.
    Owner as "replicationOwner" {
        /// The account that owns the destination.
        Destination = "Destination",
    }
}

/// How copies are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationEncryptionConfiguration")]
pub struct EncryptionConfiguration {
    /// ARN of the KMS key, or of its alias, in the destination's region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_kms_key_id: Option<String>,
}

/// A promise of S3 to copy in time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationTime")]
pub struct ReplicationTime {
    /// Whether S3 promises it.
    pub status: Status,
    /// In which time; 15 minutes when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Minutes>,
}

/// Metrics and events of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationMetrics")]
pub struct Metrics {
    /// Whether S3 keeps them.
    pub status: Status,
    /// After which time an object that is not copied is an event; 15 minutes when nothing is
    /// said, and only beside `replicationTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_threshold: Option<Minutes>,
}

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "replicationMinutes")]
pub struct Minutes {
    /// So many minutes; S3 knows 15 only.
    pub minutes: i32,
}

/// The only time that S3 knows (API page ReplicationTimeValue).
const QUARTER: Minutes = Minutes { minutes: 15 };

impl Setting for Replication {
    type Value = Value;

    const NAME: &'static str = "replication";
    const ABOUT: About = About {
        what: "Copies of objects in other buckets.",
        why: "A copy in another region or account survives what happens to the first: a region that fails, an account that is taken over, a wrong delete.",
        risk: "Whatever stops copies waits for an approval: a rule that goes, is disabled or reaches less, another role. So do deletions that would be repeated at a destination, another key for copies, and copies that would belong to another account.",
        example: r"role: arn:aws:iam::111122223333:role/replication
rules:
  - id: to-frankfurt
    status: Enabled
    priority: 1
    filter: {prefix: models/}
    deleteMarkerReplication: {status: Disabled}
    destination: {bucket: arn:aws:s3:::ai-model-data-frankfurt, storageClass: STANDARD_IA}",
    };
    const READS: &'static [&'static str] = &["s3:GetReplicationConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutReplicationConfiguration"];
    /// S3 copies only what has versions.
    const AFTER: &'static [&'static str] = &["versioning"];
    const REMOVABLE: bool = true;

    /// Rules are a set, told apart by their ids. A role without rules does nothing.
    fn canonical(value: Value) -> Value {
        let mut rules: Vec<Rule> = value.rules.unwrap_or_default().into_iter().map(Rule::canonical).collect();
        if rules.is_empty() {
            return Value::default();
        }
        rules.sort();
        Value { role: value.role.filter(|role| !role.is_empty()), rules: Some(rules) }
    }

    /// A rule is whole: one that is named replaces the one with its id, field for field.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        merge::merge(live, want, how)
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        risk::risk(from, to)
    }

    fn check(want: &Value) -> Vec<Problem> {
        check::check(want)
    }

    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        check::beside(want, beside)
    }

    fn hindrance(to: &Value, others: &Others<'_>) -> Option<Hindrance> {
        to.rules.as_ref()?;
        if to.role.is_none() {
            let why = "S3 copies nothing without a role to assume";
            return Some(Hindrance { why, advice: "let the spec name `role` beside the rules" });
        }
        if let Some(why) = check::clash(to) {
            return Some(Hindrance {
                why,
                advice: "give the rule that is declared another priority, or another prefix",
            });
        }
        versioning::is_off(others).then_some(Hindrance {
            why: "S3 copies objects only out of a bucket whose versioning is on",
            advice: "let the spec say `versioning: {status: Enabled}`",
        })
    }
}

/// Whether the bucket is known to have rules.
pub(super) fn is_there(others: &Others<'_>) -> bool {
    others(Replication::NAME).and_then(|doc| doc.parse::<Value>().ok()).is_some_and(|it| it.rules.is_some())
}

impl Rule {
    /// Whether it is of the second version, for which a filter stands (API page PutBucketReplication);
    /// some stores drop an empty filter and keep the rest.
    fn has_filter(&self) -> bool {
        self.filter.is_some() || self.priority.is_some() || self.delete_marker_replication.is_some()
    }

    fn canonical(self) -> Self {
        let second = self.has_filter();
        let filter = self.filter.unwrap_or_default();
        let prefix = filter.prefix.filter(|prefix| !prefix.is_empty()).or(self.prefix).unwrap_or_default();
        let tags = filter.tags.filter(|tags| !tags.is_empty());
        let destination = self.destination.canonical();
        let criteria = self.source_selection_criteria.unwrap_or_default();
        let criteria = criteria.canonical(destination.encryption_configuration.is_some());
        let (filter, prefix) = match second {
            true => (Some(Filter { prefix: Some(prefix), tags }), None),
            false => (None, Some(prefix)),
        };
        Self {
            filter,
            prefix,
            delete_marker_replication: self.delete_marker_replication.or(second.then_some(Switch::OFF)),
            source_selection_criteria: criteria,
            existing_object_replication: on(self.existing_object_replication),
            destination,
            ..self
        }
    }

    /// The objects that it is for.
    fn scope(&self) -> (&str, BTreeMap<&str, &str>) {
        let filter = self.filter.as_ref();
        let prefix = filter.and_then(|filter| filter.prefix.as_deref()).or(self.prefix.as_deref());
        let tags = filter.and_then(|filter| filter.tags.as_ref()).into_iter().flatten();
        (prefix.unwrap_or_default(), tags.map(|(key, value)| (key.as_str(), value.as_str())).collect())
    }

    /// Whether it copies delete markers. Those of the first version do (User Guide,
    /// "Backward compatibility considerations").
    fn copies_delete_markers(&self) -> bool {
        !self.has_filter() || self.delete_marker_replication == Some(Switch::ON)
    }

    fn copies_kms(&self) -> bool {
        let criteria = self.source_selection_criteria.as_ref();
        criteria.and_then(|it| it.sse_kms_encrypted_objects.as_ref()) == Some(&Switch::ON)
    }
}

/// Off is the same as nothing.
fn on(switch: Option<Switch>) -> Option<Switch> {
    switch.filter(|it| *it != Switch::OFF)
}

impl SourceSelectionCriteria {
    /// S3 keeps `Disabled` as it was said, and takes no key without a word on objects under KMS
    /// ("SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present"). So beside a
    /// key nothing is said as `Disabled`, elsewhere `Disabled` as nothing.
    fn canonical(self, beside_a_key: bool) -> Option<Self> {
        let Self { sse_kms_encrypted_objects, replica_modifications } = self;
        let kms = on(sse_kms_encrypted_objects).or(beside_a_key.then_some(Switch::OFF));
        let replicas = on(replica_modifications);
        Some(Self { sse_kms_encrypted_objects: kms, replica_modifications: replicas })
            .filter(|it| *it != Self::default())
    }
}

impl Destination {
    fn canonical(self) -> Self {
        let time = self
            .replication_time
            .filter(|it| it.status != Status::Disabled)
            .map(|it| ReplicationTime { time: it.time.or(Some(QUARTER)), ..it });
        // S3 refuses a threshold without the promise, so one that a store answers means nothing.
        let promised = time.is_some();
        let metrics = self
            .metrics
            .filter(|it| it.status != Status::Disabled)
            .map(|it| Metrics { event_threshold: it.event_threshold.or(Some(QUARTER)).filter(|_| promised), ..it });
        Self {
            encryption_configuration: self
                .encryption_configuration
                .filter(|it| it.replica_kms_key_id.as_ref().is_some_and(|key| !key.is_empty())),
            replication_time: time,
            metrics,
            ..self
        }
    }
}
