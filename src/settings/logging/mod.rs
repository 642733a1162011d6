//! `logging`: where S3 delivers the server access log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{listed, sorted, words};
use crate::bucket::BucketName;
use crate::setting::{About, Hindrance, Others, Overlay, Problem, Setting, overlay};

#[cfg(test)]
mod tests;

/// Server access logging (API page PutBucketLogging).
pub struct Logging;

/// Where the server access log goes. A bucket without a target keeps none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "logging")]
pub struct Value {
    /// The bucket that takes the log: of the same account and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_bucket: Option<String>,
    /// The beginning of the keys of the log's objects; empty when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_prefix: Option<String>,
    /// How the keys of the log's objects go on; `simplePrefix` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_object_key_format: Option<KeyFormat>,
    /// Who may read the log's objects, by ACL. A target bucket with `BucketOwnerEnforced` takes
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_grants: Option<Vec<Grant>>,
}

/// How the keys of the log's objects go on after the prefix: one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "loggingKeyFormat")]
pub struct KeyFormat {
    /// The time of delivery follows, and nothing else. Written as `simplePrefix: {}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple_prefix: Option<SimplePrefix>,
    /// Account, region, bucket and date follow, as folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitioned_prefix: Option<PartitionedPrefix>,
}

/// Nothing more can be said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "loggingSimplePrefix")]
pub struct SimplePrefix {}

/// Keys by account, region, bucket and date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "loggingPartitionedPrefix")]
pub struct PartitionedPrefix {
    /// Which date it is; `EventTime` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_date_source: Option<PartitionDateSource>,
}

words! {
    /// Which date stands in the keys.
    PartitionDateSource as "loggingPartitionDateSource" {
        /// The day of the requests in the log.
        EventTime = "EventTime",
        /// The time at which the log was delivered.
        DeliveryTime = "DeliveryTime",
    }
}

/// A right to the log's objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "loggingGrant")]
pub struct Grant {
    /// Who has it.
    pub grantee: Grantee,
    /// What it allows.
    pub permission: Permission,
}

/// Who has a right: an account by its canonical id or a group by its URI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "loggingGrantee")]
pub struct Grantee {
    /// Whether `id` or `uri` says who.
    #[serde(rename = "type")]
    pub kind: GranteeType,
    /// The canonical id of an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The URI of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The address of an account; answered by some stores, never asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub email_address: Option<String>,
}

words! {
    /// What a grantee is.
    GranteeType as "loggingGranteeType" {
        /// An account, named by `id`.
        CanonicalUser = "CanonicalUser",
        /// A group, named by `uri`.
        Group = "Group",
    }
}

words! {
    /// What a grant of the log's objects allows.
    Permission as "loggingPermission" {
        /// Everything.
        FullControl = "FULL_CONTROL",
        /// To read them.
        Read = "READ",
        /// To write them.
        Write = "WRITE",
    }
}

/// The longest key of an object, in bytes of UTF-8.
const LONGEST_KEY: usize = 1_024;

impl Setting for Logging {
    type Value = Value;

    const NAME: &'static str = "logging";
    const ABOUT: About = About {
        what: "Where the log of requests goes.",
        why: "Server access logs say who asked for which object. Without them an incident has no witnesses.",
        risk: "",
        example: "{targetBucket: access-logs, targetPrefix: ai-model-data/}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketLogging"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketLogging"];
    const REMOVABLE: bool = true;

    fn canonical(value: Value) -> Value {
        let Value { target_bucket, target_prefix, target_object_key_format, target_grants } = value;
        let target_bucket = target_bucket.filter(|bucket| !bucket.is_empty());
        // S3 needs a prefix beside a target, be it empty.
        let empty = target_bucket.as_ref().map(|_| String::new());
        Value {
            target_prefix: target_prefix.filter(|prefix| !prefix.is_empty()).or(empty),
            target_bucket,
            target_object_key_format: target_object_key_format.and_then(KeyFormat::canonical),
            target_grants: target_grants.and_then(|grants| sorted(grants.into_iter().map(Grant::canonical).collect())),
        }
    }

    /// A format that is named replaces the other one; S3 takes only one of them.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let mut to = overlay(live, want);
        if want.target_object_key_format.is_some() {
            to.target_object_key_format.clone_from(&want.target_object_key_format);
        }
        if how == Overlay::Within
            && let (Some(to), Some(live)) = (&mut to.target_grants, &live.target_grants)
        {
            to.extend_from_slice(live);
        }
        to
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(bucket) = &want.target_bucket
            && let Err(error) = BucketName::parse(bucket)
        {
            problems.push(Problem::at("/targetBucket", error.message).hint(error.hint));
        }
        if let Some(prefix) = want.target_prefix.as_ref().filter(|prefix| prefix.len() > LONGEST_KEY) {
            problems.push(
                Problem::at("/targetPrefix", format!("the prefix has {} bytes", prefix.len()))
                    .hint(format!("keys of objects have at most {LONGEST_KEY}")),
            );
        }
        if let Some(format) = &want.target_object_key_format {
            if format.simple_prefix.is_some() == format.partitioned_prefix.is_some() {
                problems.push(
                    Problem::at("/targetObjectKeyFormat", "a log has one format of keys")
                        .hint("write `simplePrefix: {}` or `partitionedPrefix: {partitionDateSource: EventTime}`"),
                );
            }
            if let Some(PartitionDateSource::Other(word)) =
                format.partitioned_prefix.as_ref().and_then(|it| it.partition_date_source.as_ref())
            {
                let at = "/targetObjectKeyFormat/partitionedPrefix/partitionDateSource";
                problems.push(
                    Problem::at(at, format!("`{word}` is not a date source of S3"))
                        .hint(format!("use {}", listed(PartitionDateSource::KNOWN))),
                );
            }
        }
        for (place, grant) in want.target_grants.iter().flatten().enumerate() {
            let Grantee { kind, id, uri, email_address } = &grant.grantee;
            let fits = match kind {
                GranteeType::CanonicalUser => id.is_some() && uri.is_none(),
                GranteeType::Group => uri.is_some() && id.is_none(),
                GranteeType::Other(_) => false,
            };
            if !fits || email_address.is_some() {
                problems.push(
                    Problem::at(format!("/targetGrants/{place}/grantee"), "the grantee is not named as its type says")
                        .hint("write `type: CanonicalUser` with `id`, or `type: Group` with `uri`"),
                );
            }
            if let Permission::Other(word) = &grant.permission {
                problems.push(
                    Problem::at(
                        format!("/targetGrants/{place}/permission"),
                        format!("`{word}` is not a permission of S3"),
                    )
                    .hint(format!("use {}", listed(Permission::KNOWN))),
                );
            }
        }
        problems
    }

    fn hindrance(to: &Value, _others: &Others<'_>) -> Option<Hindrance> {
        (to.target_bucket.is_none() && *to != Value::default()).then_some(Hindrance {
            why: "S3 keeps no log without a bucket that takes it",
            advice: "let the spec name `targetBucket` too",
        })
    }
}

impl Grant {
    /// Some stores answer what a grantee has not got as an empty text.
    fn canonical(self) -> Self {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let Grantee { kind, id, uri, email_address } = self.grantee;
        let grantee = Grantee { kind, id: said(id), uri: said(uri), email_address: said(email_address) };
        Self { grantee, permission: self.permission }
    }
}

impl KeyFormat {
    /// The simple format is what S3 uses when none is said (API page TargetObjectKeyFormat), and
    /// the date of a partition is that of the event (API page PartitionedPrefix).
    fn canonical(self) -> Option<Self> {
        let partitioned = self.partitioned_prefix?;
        let source = partitioned.partition_date_source.unwrap_or(PartitionDateSource::EventTime);
        Some(Self {
            simple_prefix: None,
            partitioned_prefix: Some(PartitionedPrefix { partition_date_source: Some(source) }),
        })
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{
        BucketLoggingStatus, Grantee as SdkGrantee, LoggingEnabled, PartitionedPrefix as SdkPartitioned,
        SimplePrefix as SdkSimple, TargetGrant, TargetObjectKeyFormat,
    };
    use aws_smithy_types::error::operation::BuildError;

    use super::{Grant, Grantee, KeyFormat, Logging, PartitionedPrefix, SimplePrefix, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Logging {
        const ELEMENTS: &'static [&'static str] = &[
            "BucketLoggingStatus",
            "LoggingEnabled",
            "TargetBucket",
            "TargetPrefix",
            "TargetGrants",
            "Grant",
            "Grantee",
            "ID",
            "DisplayName",
            "URI",
            "EmailAddress",
            "Permission",
            "TargetObjectKeyFormat",
            "SimplePrefix",
            "PartitionedPrefix",
            "PartitionDateSource",
        ];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_logging()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_fault(s3, "GetBucketLogging", "s3:GetBucketLogging")?;
            let enabled = answer.logging_enabled;
            let grants = enabled.iter().filter_map(|it| it.target_grants.as_ref()).flatten();
            if grants.into_iter().any(|it| it.grantee.is_none() || it.permission.is_none()) {
                let said = "a grant without a grantee or a permission is not one that this version knows";
                return Err(s3.misuse("GetBucketLogging", S3ErrorKind::Other, said));
            }
            Ok(from_sdk(enabled))
        }

        /// An empty status turns logging off: S3 has no DELETE for it.
        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let status =
                to_sdk(to).map_err(|error| s3.misuse("PutBucketLogging", S3ErrorKind::Invalid, &error.to_string()))?;
            s3.client
                .put_bucket_logging()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .bucket_logging_status(status)
                .send()
                .await
                .or_fault(s3, "PutBucketLogging", "s3:PutBucketLogging")?;
            Ok(())
        }
    }

    pub(super) fn to_sdk(value: &Value) -> Result<BucketLoggingStatus, BuildError> {
        if *value == Value::default() {
            return Ok(BucketLoggingStatus::builder().build());
        }
        let grants =
            value.target_grants.as_ref().map(|grants| grants.iter().map(grant_to_sdk).collect::<Result<_, _>>());
        let enabled = LoggingEnabled::builder()
            .set_target_bucket(value.target_bucket.clone())
            .target_prefix(value.target_prefix.clone().unwrap_or_default())
            .set_target_object_key_format(value.target_object_key_format.as_ref().map(format_to_sdk))
            .set_target_grants(grants.transpose()?)
            .build()?;
        Ok(BucketLoggingStatus::builder().logging_enabled(enabled).build())
    }

    pub(super) fn from_sdk(enabled: Option<LoggingEnabled>) -> Value {
        let Some(enabled) = enabled else { return Value::default() };
        Value {
            target_bucket: Some(enabled.target_bucket),
            target_prefix: Some(enabled.target_prefix),
            target_object_key_format: enabled.target_object_key_format.map(|format| KeyFormat {
                simple_prefix: format.simple_prefix.map(|_| SimplePrefix {}),
                partitioned_prefix: format.partitioned_prefix.map(|it| PartitionedPrefix {
                    partition_date_source: it.partition_date_source.map(|source| source.as_str().into()),
                }),
            }),
            target_grants: enabled.target_grants.map(|grants| grants.into_iter().filter_map(grant_from_sdk).collect()),
        }
    }

    fn format_to_sdk(format: &KeyFormat) -> TargetObjectKeyFormat {
        let partitioned = format.partitioned_prefix.as_ref().map(|it| {
            let source = it.partition_date_source.as_ref().map(|source| source.as_str().into());
            SdkPartitioned::builder().set_partition_date_source(source).build()
        });
        TargetObjectKeyFormat::builder()
            .set_simple_prefix(format.simple_prefix.as_ref().map(|_| SdkSimple::builder().build()))
            .set_partitioned_prefix(partitioned)
            .build()
    }

    fn grant_to_sdk(grant: &Grant) -> Result<TargetGrant, BuildError> {
        let Grantee { kind, id, uri, email_address } = &grant.grantee;
        let grantee = SdkGrantee::builder()
            .r#type(kind.as_str().into())
            .set_id(id.clone())
            .set_uri(uri.clone())
            .set_email_address(email_address.clone())
            .build()?;
        Ok(TargetGrant::builder().grantee(grantee).permission(grant.permission.as_str().into()).build())
    }

    /// The display name is S3's to say.
    fn grant_from_sdk(grant: TargetGrant) -> Option<Grant> {
        let grantee = grant.grantee?;
        Some(Grant {
            grantee: Grantee {
                kind: grantee.r#type.as_str().into(),
                id: grantee.id,
                uri: grantee.uri,
                email_address: grantee.email_address,
            },
            permission: grant.permission?.as_str().into(),
        })
    }
}
