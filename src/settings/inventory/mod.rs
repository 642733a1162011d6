//! `inventory`: the lists of its objects that S3 writes every day or every week.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{self, Element, check::Check, said};
use super::resource;
use super::words::{listed, sorted, words};
use crate::setting::{About, Beside, Problem, Risk, Setting};

#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The inventory configurations (API page PutBucketInventoryConfiguration).
pub struct Inventory;

/// The inventories of a bucket, each under an id of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "inventory")]
pub struct Value {
    /// The configurations. One that is named is whole; those of other ids stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configurations: Option<Vec<Configuration>>,
}

/// One inventory: which objects are listed, what of each, how often, and where the list goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "inventoryConfiguration")]
pub struct Configuration {
    /// What tells it from the others: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// `true` removes the configuration of this id; nothing else is said beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
    /// Whether lists are written; `true` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Whether old versions of objects are listed, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub included_object_versions: Option<Versions>,
    /// The objects that are listed; all of the bucket's when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// What is listed of each object beside its bucket and key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optional_fields: Option<Vec<OptionalField>>,
    /// Where the lists go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
}

words! {
    /// How often a list is written.
    Schedule as "inventorySchedule" {
        /// Every day.
        Daily = "Daily",
        /// Every Sunday.
        Weekly = "Weekly",
    }
}

words! {
    /// Which versions of objects are listed.
    Versions as "inventoryVersions" {
        /// All of them, with `VersionId`, `IsLatest` and `DeleteMarker`.
        All = "All",
        /// Current versions only.
        Current = "Current",
    }
}

words! {
    /// What is listed of an object beside its bucket and key.
    OptionalField as "inventoryOptionalField" {
        /// Its size in bytes.
        Size = "Size",
        /// When it was made or last changed.
        LastModifiedDate = "LastModifiedDate",
        /// Its storage class.
        StorageClass = "StorageClass",
        /// Its entity tag.
        ETag = "ETag",
        /// Whether it came in parts.
        IsMultipartUploaded = "IsMultipartUploaded",
        /// How its replication stands.
        ReplicationStatus = "ReplicationStatus",
        /// How it is encrypted.
        EncryptionStatus = "EncryptionStatus",
        /// Until when Object Lock keeps it.
        ObjectLockRetainUntilDate = "ObjectLockRetainUntilDate",
        /// How strictly Object Lock keeps it.
        ObjectLockMode = "ObjectLockMode",
        /// Whether there is a legal hold on it.
        ObjectLockLegalHoldStatus = "ObjectLockLegalHoldStatus",
        /// How long an event holds it.
        ObjectLockEventHoldDuration = "ObjectLockEventHoldDuration",
        /// Whether an event holds it.
        ObjectLockEventHoldStatus = "ObjectLockEventHoldStatus",
        /// Its access tier under S3 Intelligent-Tiering.
        IntelligentTieringAccessTier = "IntelligentTieringAccessTier",
        /// The day from which S3 Intelligent-Tiering counts.
        IntelligentTieringReferenceDate = "IntelligentTieringReferenceDate",
        /// Whether a bucket key encrypts it.
        BucketKeyStatus = "BucketKeyStatus",
        /// The algorithm of its checksum.
        ChecksumAlgorithm = "ChecksumAlgorithm",
        /// Its ACL.
        ObjectAccessControlList = "ObjectAccessControlList",
        /// Its owner.
        ObjectOwner = "ObjectOwner",
        /// When a lifecycle rule deletes it.
        LifecycleExpirationDate = "LifecycleExpirationDate",
    }
}

/// Which objects are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "inventoryFilter")]
pub struct Filter {
    /// The beginning of the objects' keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Where the lists go: a bucket of the same region whose policy lets S3 write to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "inventoryDestination")]
pub struct Destination {
    /// The ARN of the bucket that takes them, as `arn:aws:s3:::inventories`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The account that owns it: S3 delivers to no other when it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The form of the lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The beginning of the lists' keys; empty when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// How the lists are encrypted; as the bucket says that takes them when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

words! {
    /// The form of a list.
    Format as "inventoryFormat" {
        /// Comma-separated values, packed with gzip.
        Csv = "CSV",
        /// Apache ORC.
        Orc = "ORC",
        /// Apache Parquet.
        Parquet = "Parquet",
    }
}

/// How the lists are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "inventoryEncryption")]
pub struct Encryption {
    /// Whose key it is.
    #[serde(rename = "type")]
    pub kind: EncryptionType,
    /// The ARN of a customer managed key of KMS; for `SSE-KMS` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// Whose key encrypts the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "inventoryEncryptionType")]
pub enum EncryptionType {
    /// A key of S3.
    #[serde(rename = "SSE-S3")]
    S3,
    /// A key of KMS.
    #[serde(rename = "SSE-KMS")]
    Kms,
}

impl Setting for Inventory {
    type Value = Value;

    const NAME: &'static str = "inventory";
    const ABOUT: About = About {
        what: "The lists of its objects that S3 writes on a schedule.",
        why: "Batch jobs, audits and bills begin with a list of what is there; listing a large bucket oneself takes hours and costs money.",
        risk: "An inventory that ends waits for an approval: somebody may read its lists, and those of past days cannot be made later.",
        example: r"configurations:
  - id: weekly
    schedule: Weekly
    includedObjectVersions: Current
    optionalFields: [Size, StorageClass, EncryptionStatus]
    destination:
      bucket: arn:aws:s3:::ai-inventories
      format: Parquet
  - {id: of-last-year, absent: true}",
    };
    const READS: &'static [&'static str] = &["s3:GetInventoryConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutInventoryConfiguration"];
    const REMOVABLE: bool = true;

    keyed::as_a_set!();

    /// The lists go to a bucket of the same region, and its key is there, too (User Guide, "Configuring
    /// Amazon S3 Inventory").
    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        let set = want.configurations.iter().flatten().enumerate();
        let keys =
            set.filter_map(|(place, it)| Some((place, it.destination.as_ref()?.encryption.as_ref()?.key_id.as_ref()?)));
        keys.filter_map(|(place, key)| {
            let at = format!("/configurations/{place}/destination/encryption/keyId");
            resource::elsewhere(at, "the key", key, beside)
        })
        .collect()
    }

    /// A list that is not written today cannot be written tomorrow.
    fn risk(from: &Value, to: &Value) -> Risk {
        let lists = |value: &Value, id: &str| {
            let set = value.configurations.iter().flatten();
            set.into_iter().any(|it| it.id == id && it.is_enabled != Some(false))
        };
        let ends = |it: &Configuration| lists(from, &it.id) && !lists(to, &it.id);
        if from.configurations.iter().flatten().any(ends) {
            Risk::Guarded("an inventory would end, and its lists of past days cannot be made later")
        } else {
            Risk::Safe
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
            is_enabled: Some(self.is_enabled.unwrap_or(true)),
            filter: self.filter.map(|it| Filter { prefix: said(it.prefix) }).filter(|it| *it != Filter::default()),
            optional_fields: self.optional_fields.and_then(sorted),
            destination: self.destination.map(|it| Destination {
                account_id: said(it.account_id),
                prefix: said(it.prefix),
                ..it
            }),
            ..self
        }
    }
}

fn check(it: &Configuration, check: &mut Check<'_>) {
    check.needs("/schedule", it.schedule.as_ref(), "write `Daily` or `Weekly`");
    if let Some(Schedule::Other(word)) = &it.schedule {
        let hint = format!("use {}", listed(Schedule::KNOWN));
        check.say("/schedule", format!("`{word}` is not a schedule of S3"), hint);
    }
    let hint = "write `Current`, or `All` to list old versions, too";
    check.needs("/includedObjectVersions", it.included_object_versions.as_ref(), hint);
    if let Some(Versions::Other(word)) = &it.included_object_versions {
        let hint = format!("use {}", listed(Versions::KNOWN));
        check.say("/includedObjectVersions", format!("`{word}` is not a choice of versions of S3"), hint);
    }
    check.prefix("/filter/prefix", it.filter.as_ref().and_then(|filter| filter.prefix.as_ref()));
    for (place, field) in it.optional_fields.iter().flatten().enumerate() {
        if let OptionalField::Other(word) = field {
            let hint = format!("use {}", listed(OptionalField::KNOWN));
            check.say(&format!("/optionalFields/{place}"), format!("`{word}` is not a field of S3's lists"), hint);
        }
    }
    check.needs("/destination", it.destination.as_ref(), "say where the lists go");
    let Some(destination) = &it.destination else { return };
    let hint = "name the bucket that takes the lists: `arn:aws:s3:::NAME`";
    check.needs("/destination/bucket", destination.bucket.as_ref(), hint);
    check.bucket("/destination/bucket", destination.bucket.as_ref());
    check.account("/destination/accountId", destination.account_id.as_ref());
    check.needs("/destination/format", destination.format.as_ref(), "write `CSV`, `ORC` or `Parquet`");
    if let Some(Format::Other(word)) = &destination.format {
        let hint = format!("use {}", listed(Format::KNOWN));
        check.say("/destination/format", format!("`{word}` is not a format of S3's lists"), hint);
    }
    check.prefix("/destination/prefix", destination.prefix.as_ref());
    let at = "/destination/encryption";
    match destination.encryption.as_ref().map(|it| (it.kind, it.key_id.as_deref())) {
        Some((EncryptionType::Kms, None)) => {
            check.say(at, "`SSE-KMS` without a key", "name the key: `keyId: arn:aws:kms:…`");
        }
        // S3 User Guide, "Configuring Amazon S3 Inventory": the AWS managed key is not supported.
        Some((EncryptionType::Kms, Some(key))) if key.is_empty() || key.ends_with("alias/aws/s3") => {
            let message = format!("`{key}` is not a customer managed key");
            check.say(&format!("{at}/keyId"), message, "S3 writes lists with keys of your own only: name its ARN");
        }
        Some((EncryptionType::Kms, Some(key))) if !resource::is_key(key) && !resource::is_alias(key) => {
            let message = format!("`{key}` is not the ARN of a KMS key");
            check.say(&format!("{at}/keyId"), message, "write it as `arn:aws:kms:us-east-1:123456789012:key/ID`");
        }
        Some((EncryptionType::S3, Some(_))) => {
            check.say(&format!("{at}/keyId"), "a KMS key beside `SSE-S3`", "leave it out, or write `type: SSE-KMS`");
        }
        _ => {}
    }
}
