//! `metrics`: the request metrics that S3 sends to CloudWatch.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyed::{self, Element, check::Check, said};
use crate::setting::{About, Setting};

#[cfg(test)]
mod tests;
#[cfg(feature = "aws")]
mod wire;

/// The request metrics (API page PutBucketMetricsConfiguration).
pub struct Metrics;

/// The request metrics of a bucket, each under an id of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metrics")]
pub struct Value {
    /// The configurations. One that is named is whole; those of other ids stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configurations: Option<Vec<Configuration>>,
}

/// Metrics of the requests for some objects. Its id is the dimension `FilterId` in CloudWatch.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metricsConfiguration")]
pub struct Configuration {
    /// What tells it from the others: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// `true` removes the configuration of this id; nothing else is said beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
    /// The objects whose requests are counted; all of the bucket's when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
}

/// Whose requests are counted: those for objects that meet all of what is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "metricsFilter")]
pub struct Filter {
    /// The beginning of the objects' keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Tags that the objects have, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// The ARN of the access point through which the requests come, as
    /// `arn:aws:s3:us-east-1:111122223333:accesspoint/training`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_point_arn: Option<String>,
}

impl Setting for Metrics {
    type Value = Value;

    const NAME: &'static str = "metrics";
    const ABOUT: About = About {
        what: "The request metrics that S3 sends to CloudWatch.",
        why: "Without them nobody sees how many requests fail, or how slow they are. Each costs as much as a custom metric.",
        risk: "",
        example: r"configurations:
  - id: EntireBucket
  - id: checkpoints
    filter: {prefix: checkpoints/}",
    };
    const READS: &'static [&'static str] = &["s3:GetMetricsConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutMetricsConfiguration"];
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
        let filter = self.filter.map(|it| Filter {
            prefix: said(it.prefix),
            tags: it.tags.filter(|tags| !tags.is_empty()),
            access_point_arn: said(it.access_point_arn),
        });
        Self { absent: None, filter: filter.filter(|it| *it != Filter::default()), ..self }
    }
}

fn check(it: &Configuration, check: &mut Check<'_>) {
    let Some(filter) = &it.filter else { return };
    check.prefix("/filter/prefix", filter.prefix.as_ref());
    check.tags(filter.tags.as_ref());
    let Some(arn) = &filter.access_point_arn else { return };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_one = matches!(parts.as_slice(), ["arn", partition, "s3", region, account, name]
        if partition.starts_with("aws")
            && !region.is_empty()
            && crate::bucket::AccountId::parse(account).is_ok()
            && name.strip_prefix("accesspoint/").is_some_and(|name| !name.is_empty()));
    if !is_one {
        let hint = "write it as `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`";
        check.say("/filter/accessPointArn", format!("`{arn}` is not the ARN of an access point"), hint);
    }
}
