//! `metadata`: tables in which S3 keeps what is known of a bucket's objects, for queries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resource::{Arn, elsewhere, is_key};
use super::words::words;
use crate::setting::{About, Beside, Overlay, Problem, Risk, Setting, overlay};

#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// S3 Metadata (API page CreateBucketMetadataConfiguration).
pub struct Metadata;

/// The tables. A bucket without a configuration has none; one with a configuration always has the
/// journal. Names, ARNs and states of the tables are S3's to say and are no part of the value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadata")]
pub struct Value {
    /// The journal: every change of an object, almost at once. `journalTable: {}` is one that
    /// keeps its records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_table: Option<Journal>,
    /// The inventory: every object and version as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory_table: Option<Inventory>,
    /// The annotations of the objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation_table: Option<Annotation>,
    /// A configuration of the first generation (CreateBucketMetadataTableConfiguration), which
    /// writes into a table bucket of the customer's: told, and left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub legacy: Option<bool>,
}

/// The journal table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadataJournal")]
pub struct Journal {
    /// Whether old records go; they stay when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_expiration: Option<RecordExpiration>,
    /// How the table is encrypted. It counts when the table is made: S3 neither answers nor changes
    /// it later, so it is not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// Whether old records of the journal go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadataRecordExpiration")]
pub struct RecordExpiration {
    /// `ENABLED` with `days`, or `DISABLED`.
    pub expiration: State,
    /// After so many days, 7 or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i32>,
}

/// The inventory table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadataInventory")]
pub struct Inventory {
    /// Whether there is one.
    pub state: State,
    /// How the table is encrypted. It counts when the table is made: S3 neither answers nor changes
    /// it later, so it is not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// The annotation table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadataAnnotation")]
pub struct Annotation {
    /// Whether there is one.
    pub state: State,
    /// The ARN of the role by which S3 reads the annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// How the table is encrypted. It counts when the table is made: S3 neither answers nor changes
    /// it later, so it is not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// How a table is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metadataEncryption")]
pub struct Encryption {
    /// By whose keys.
    pub algorithm: Algorithm,
    /// The ARN of the key of KMS, of the bucket's region. Its policy must let
    /// `metadata.s3.amazonaws.com` and `maintenance.s3tables.amazonaws.com` in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

words! {
    /// Whether something is on.
    State as "metadataState" {
        /// It is on.
        Enabled = "ENABLED",
        /// It is off.
        Disabled = "DISABLED",
    }
}

words! {
    /// By whose keys a table is encrypted.
    Algorithm as "metadataAlgorithm" {
        /// Keys of S3 itself.
        Aes256 = "AES256",
        /// A key of KMS, which `kmsKeyArn` names.
        Kms = "aws:kms",
    }
}

/// The algorithm of a table that is wanted and of which nobody says how it is encrypted: S3, or the
/// table bucket, decides. No spec can say it, and it is not sent.
const UNSAID: &str = "default";

/// How a table is to be encrypted, of which `base` is nothing where it is not even wanted, and shows
/// no encryption where it is there.
fn encrypted(base: Option<Option<&Encryption>>, said: Option<&Encryption>) -> Option<Encryption> {
    match (base, said) {
        (Some(None), _) => None,
        // The key of another algorithm does not survive it.
        (_, Some(said)) => Some(said.clone()),
        (Some(Some(known)), None) => Some(known.clone()),
        (None, None) => Some(Encryption { algorithm: Algorithm::from(UNSAID), kms_key_arn: None }),
    }
}

/// The fewest days for which records of the journal are kept (API page RecordExpiration).
const FEWEST_DAYS: i32 = 7;

impl Setting for Metadata {
    type Value = Value;

    const NAME: &'static str = "metadata";
    const ABOUT: About = About {
        what: "Tables of what is known of the objects, for queries.",
        why: "To find objects by size, tag or age among millions, one queries a table instead of listing the bucket. S3 makes the tables in the account's own table bucket `aws-s3` and keeps them up to date. Where they are encrypted with KMS the role needs `kms:DescribeKey`, for the annotations' role `iam:PassRole`.",
        risk: "Switching a table or the whole off waits for an approval, because S3 makes no new one while the old one is there, and somebody has to delete that by hand; so does letting records of the journal go sooner. A configuration of the first generation, from before July 2025, is told and not touched. A table that S3 could not make is told, too.",
        example: "journalTable: {recordExpiration: {expiration: ENABLED, days: 365}}
inventoryTable:
  state: ENABLED
  encryption: {algorithm: \"aws:kms\", kmsKeyArn: \"arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555\"}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketMetadataTableConfiguration"];
    const WRITES: &'static [&'static str] = &[
        "s3:CreateBucketMetadataTableConfiguration",
        "s3:UpdateBucketMetadataJournalTableConfiguration",
        "s3:UpdateBucketMetadataInventoryTableConfiguration",
        "s3:UpdateBucketMetadataAnnotationTableConfiguration",
        "s3:DeleteBucketMetadataTableConfiguration",
        "s3tables:CreateTableBucket",
        "s3tables:CreateNamespace",
        "s3tables:CreateTable",
        "s3tables:GetTable",
        "s3tables:PutTableBucketPolicy",
        "s3tables:PutTableEncryption",
        "s3tables:PutTablePolicy",
    ];
    const REMOVABLE: bool = true;

    /// A table that is off is none; a configuration has a journal.
    fn canonical(value: Value) -> Value {
        if value.legacy == Some(true) {
            return Value { legacy: Some(true), ..Value::default() };
        }
        let inventory_table = value.inventory_table.filter(|it| it.state != State::Disabled);
        let annotation_table = value.annotation_table.filter(|it| it.state != State::Disabled);
        let configured = value.journal_table.is_some() || inventory_table.is_some() || annotation_table.is_some();
        let journal_table = configured.then(|| value.journal_table.unwrap_or_default().canonical());
        Value { journal_table, inventory_table, annotation_table, legacy: None }
    }

    /// Encryption is said once, when a table is made; one that is there never shows it, so a table
    /// that shows it is only wanted, and a policy may still say how. One that is wanted without it
    /// shows [`UNSAID`], so that it is told from one that is there. What the first generation left is
    /// nothing that could be built on.
    fn merge(live: &Value, want: &Value, _how: Overlay) -> Value {
        if *want == Value::default() {
            return live.clone();
        }
        let base = if live.legacy == Some(true) { Value::default() } else { live.clone() };
        let mut to = overlay(&base, want);
        if let (Some(to), Some(want)) = (&mut to.journal_table, &want.journal_table)
            && want.record_expiration.is_some()
        {
            to.record_expiration.clone_from(&want.record_expiration);
        }
        // Every configuration has a journal.
        if Self::canonical(to.clone()).journal_table.is_some() {
            let to = to.journal_table.get_or_insert_default();
            let said = want.journal_table.as_ref().and_then(|it| it.encryption.as_ref());
            to.encryption = encrypted(base.journal_table.as_ref().map(|it| it.encryption.as_ref()), said);
        }
        if let Some(to) = &mut to.inventory_table {
            let said = want.inventory_table.as_ref().and_then(|it| it.encryption.as_ref());
            to.encryption = encrypted(base.inventory_table.as_ref().map(|it| it.encryption.as_ref()), said);
        }
        if let Some(to) = &mut to.annotation_table {
            let said = want.annotation_table.as_ref().and_then(|it| it.encryption.as_ref());
            to.encryption = encrypted(base.annotation_table.as_ref().map(|it| it.encryption.as_ref()), said);
        }
        to
    }

    /// User Guide, "Deleting metadata table configurations", "Enabling or disabling live inventory
    /// tables".
    fn risk(from: &Value, to: &Value) -> Risk {
        const OFF: &str =
            "the table would no longer be kept up to date, and S3 makes no new one until somebody deletes it by hand";
        if from.legacy == Some(true) && to.legacy != Some(true) {
            return Risk::Impossible(
                "the bucket has metadata tables of the first generation, which are not touched; delete their configuration by hand",
            );
        }
        let off = (from.journal_table.is_some() && to.journal_table.is_none())
            || (from.inventory_table.is_some() && to.inventory_table.is_none())
            || (from.annotation_table.is_some() && to.annotation_table.is_none());
        if off {
            return Risk::Guarded(OFF);
        }
        match (from.days(), to.days()) {
            (kept, Some(days)) if from.journal_table.is_some() && kept.is_none_or(|kept| days < kept) => {
                Risk::Guarded("records of the journal would be deleted sooner, and for good")
            }
            _ => Risk::Safe,
        }
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(expiration) = want.journal_table.as_ref().and_then(|it| it.record_expiration.as_ref()) {
            let at = "/journalTable/recordExpiration";
            match (&expiration.expiration, expiration.days) {
                (State::Enabled, None) => problems
                    .push(Problem::at(at, "records expire, and it is not said when").hint("write `days`, 7 or more")),
                (State::Disabled, Some(_)) => problems.push(
                    Problem::at(format!("{at}/days"), "days after which records do not expire")
                        .hint("leave `days` out, or write `expiration: ENABLED`"),
                ),
                (_, Some(days)) if days < FEWEST_DAYS => problems.push(
                    Problem::at(format!("{at}/days"), format!("records expire after {days} days"))
                        .hint(format!("S3 keeps them for {FEWEST_DAYS} days or more")),
                ),
                _ => {}
            }
        }
        for (at, encryption) in want.encryptions() {
            check_encryption(at, encryption, &mut problems);
        }
        if let Some(role) = want.annotation_table.as_ref().and_then(|it| it.role.as_ref())
            && Arn::parse(role).is_none_or(|arn| arn.service != "iam" || !arn.resource.starts_with("role/"))
        {
            problems.push(
                Problem::at("/annotationTable/role", format!("`{role}` is not the ARN of a role"))
                    .hint("write it as `arn:aws:iam::123456789012:role/name`"),
            );
        }
        problems
    }

    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        let keys = want.encryptions().into_iter();
        keys.filter_map(|(at, it)| elsewhere(format!("{at}/kmsKeyArn"), "the key", it.kms_key_arn.as_deref()?, beside))
            .collect()
    }

    /// S3 answers of no table how it is encrypted (API pages JournalTableConfigurationResult,
    /// InventoryTableConfigurationResult, AnnotationTableConfigurationResult).
    fn shown(mut value: Value) -> Value {
        value.journal_table.iter_mut().for_each(|it| it.encryption = None);
        value.inventory_table.iter_mut().for_each(|it| it.encryption = None);
        value.annotation_table.iter_mut().for_each(|it| it.encryption = None);
        value
    }
}

impl Value {
    /// After how many days records of the journal go.
    fn days(&self) -> Option<i32> {
        let expiration = self.journal_table.as_ref()?.record_expiration.as_ref()?;
        expiration.days.filter(|_| expiration.expiration == State::Enabled)
    }

    /// What is said of the encryption of each table, with its place.
    fn encryptions(&self) -> Vec<(&'static str, &Encryption)> {
        let journal = self.journal_table.as_ref().and_then(|it| it.encryption.as_ref());
        let inventory = self.inventory_table.as_ref().and_then(|it| it.encryption.as_ref());
        let annotation = self.annotation_table.as_ref().and_then(|it| it.encryption.as_ref());
        let places = ["/journalTable/encryption", "/inventoryTable/encryption", "/annotationTable/encryption"];
        places.into_iter().zip([journal, inventory, annotation]).filter_map(|(at, it)| Some((at, it?))).collect()
    }
}

impl Journal {
    fn canonical(self) -> Self {
        let off = || RecordExpiration { expiration: State::Disabled, days: None };
        let mut expiration = self.record_expiration.unwrap_or_else(off);
        expiration.days = expiration.days.filter(|_| expiration.expiration != State::Disabled);
        Self { record_expiration: Some(expiration), ..self }
    }
}

fn check_encryption(at: &str, it: &Encryption, problems: &mut Vec<Problem>) {
    let key = format!("{at}/kmsKeyArn");
    let form = "write it as `arn:aws:kms:us-east-1:123456789012:key/ID`: S3 takes neither ids nor aliases here";
    match (&it.algorithm, &it.kms_key_arn) {
        (Algorithm::Kms, None) => problems.push(Problem::at(at, "`aws:kms` without a key").hint("write `kmsKeyArn`")),
        (Algorithm::Aes256, Some(_)) => problems.push(
            Problem::at(key, "a key of KMS beside `AES256`").hint("write `algorithm: aws:kms`, or leave the key out"),
        ),
        (Algorithm::Kms, Some(arn)) if !is_key(arn) => {
            problems.push(Problem::at(key, format!("`{arn}` is not the ARN of a key")).hint(form));
        }
        _ => {}
    }
}
