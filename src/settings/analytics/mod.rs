//! `analytics`: how S3 watches which objects are read, to tell which would be cheaper elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{self, Element, Filter, check::Check, said};
use super::words::{listed, words};
use crate::setting::{About, Setting};

#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The storage class analyses (API page PutBucketAnalyticsConfiguration).
pub struct Analytics;

/// The storage class analyses of a bucket, each under an id of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "analytics")]
pub struct Value {
    /// The configurations. One that is named is whole; those of other ids stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configurations: Option<Vec<Configuration>>,
}

/// One analysis: of which objects, and where its numbers go.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "analyticsConfiguration")]
pub struct Configuration {
    /// What tells it from the others: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// `true` removes the configuration of this id; nothing else is said beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
    /// The objects that are watched; all of the bucket's when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Where the numbers go every day; only the console shows them when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_export: Option<DataExport>,
}

/// Where the numbers of an analysis go.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "analyticsDataExport")]
pub struct DataExport {
    /// The version of their form; `V_1` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema_version: Option<SchemaVersion>,
    /// The bucket that takes them.
    pub destination: Destination,
}

words! {
    /// The version of the form of the numbers.
    SchemaVersion as "analyticsSchemaVersion" {
        /// The only one there is.
        V1 = "V_1",
    }
}

/// The bucket that takes the numbers: of the same region, with a policy that lets S3 write to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "analyticsDestination")]
pub struct Destination {
    /// Its ARN, as `arn:aws:s3:::inventories`.
    pub bucket: String,
    /// The account that owns it: S3 delivers to no other when it is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The form of the files; `CSV` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The beginning of the files' keys; empty when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

words! {
    /// The form of a file of numbers.
    Format as "analyticsFormat" {
        /// Comma-separated values.
        Csv = "CSV",
    }
}

impl Setting for Analytics {
    type Value = Value;

    const NAME: &'static str = "analytics";
    const ABOUT: About = About {
        what: "How S3 watches which objects are read, for cheaper storage.",
        why: "It tells after how many days objects are hardly read any more: the number that a lifecycle rule needs.",
        risk: "",
        example: r"configurations:
  - id: raw
    filter: {prefix: raw/, tags: {team: ml-platform}}
    dataExport:
      destination: {bucket: 'arn:aws:s3:::ai-analytics', prefix: raw/}",
    };
    const READS: &'static [&'static str] = &["s3:GetAnalyticsConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutAnalyticsConfiguration"];
    const REMOVABLE: bool = true;

    keyed::as_a_set!();
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
            data_export: self.data_export.map(|it| DataExport {
                output_schema_version: it.output_schema_version.or(Some(SchemaVersion::V1)),
                destination: Destination {
                    account_id: said(it.destination.account_id),
                    format: it.destination.format.or(Some(Format::Csv)),
                    prefix: said(it.destination.prefix),
                    ..it.destination
                },
            }),
            ..self
        }
    }
}

fn check(it: &Configuration, check: &mut Check<'_>) {
    check.filter(it.filter.as_ref());
    let Some(export) = &it.data_export else { return };
    if let Some(SchemaVersion::Other(word)) = &export.output_schema_version {
        let hint = format!("use {}", listed(SchemaVersion::KNOWN));
        check.say("/dataExport/outputSchemaVersion", format!("`{word}` is not a version of S3's form"), hint);
    }
    let (at, destination) = ("/dataExport/destination", &export.destination);
    check.bucket(&format!("{at}/bucket"), Some(&destination.bucket));
    check.account(&format!("{at}/accountId"), destination.account_id.as_ref());
    if let Some(Format::Other(word)) = &destination.format {
        let hint = format!("use {}", listed(Format::KNOWN));
        check.say(&format!("{at}/format"), format!("`{word}` is not a format of S3's analyses"), hint);
    }
    check.prefix(&format!("{at}/prefix"), destination.prefix.as_ref());
}
