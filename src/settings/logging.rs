//! `logging`: where S3 delivers the server access log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::{listed, sorted, words};
use crate::bucket::BucketName;
use crate::setting::{Overlay, Problem, Setting, overlay};

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
            target_grants: target_grants.and_then(sorted),
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
    use crate::cloud::{Fault, S3Error, S3ErrorKind};

    impl Wire for Logging {
        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_logging()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .send()
                .await
                .or_fault(s3, "GetBucketLogging", "s3:GetBucketLogging")?;
            Ok(from_sdk(answer.logging_enabled))
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

    /// A grant without a grantee or a permission grants nothing. The display name is S3's to say.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::doc::Doc;
    use crate::settings::laws;

    fn of(json: &str) -> Value {
        serde_json::from_str(json).expect("a value")
    }

    fn canonical(json: &str) -> Value {
        Logging::canonical(of(json))
    }

    fn merged(live: &str, want: &str) -> Value {
        Logging::canonical(Logging::merge(&canonical(live), &of(want), Overlay::Whole))
    }

    const READER: &str = r#"{"grantee":{"type":"CanonicalUser","id":"a"},"permission":"READ"}"#;

    /// Normalisation rule 7: an empty object and none at all are one.
    #[test]
    fn no_logging_has_one_form() {
        assert_eq!(Doc::of(&canonical("{}")).as_str(), "{}");
        assert_eq!(canonical(r#"{"targetPrefix":"","targetGrants":[]}"#), Value::default());
    }

    /// Pain 3, aws-controllers-k8s/community#2870: permanent drift, because S3 answered the
    /// defaults that the spec had left out.
    #[test]
    fn pain_3_defaults_that_s3_fills_in_are_no_drift() {
        let short = canonical(r#"{"targetBucket":"logs"}"#);
        let simple = r#"{"targetBucket":"logs","targetPrefix":"","targetObjectKeyFormat":{"simplePrefix":{}}}"#;
        assert_eq!(canonical(simple), short);
        let bare = canonical(r#"{"targetBucket":"logs","targetObjectKeyFormat":{"partitionedPrefix":{}}}"#);
        assert_eq!(
            Doc::of(&bare).as_str(),
            r#"{"targetBucket":"logs","targetPrefix":"","targetObjectKeyFormat":{"partitionedPrefix":{"partitionDateSource":"EventTime"}}}"#
        );
    }

    /// Pain 1, crossplane-contrib/provider-upjet-aws#2063: a field that S3 answered and nobody had
    /// declared was taken away again and again. ACK ignores the key format to this day.
    #[test]
    fn pain_1_what_nobody_declared_is_carried_over() {
        let live = format!(
            r#"{{"targetBucket":"old","targetPrefix":"p/","targetGrants":[{READER}],"targetObjectKeyFormat":{{"partitionedPrefix":{{"partitionDateSource":"DeliveryTime"}}}}}}"#
        );
        let to = merged(&live, r#"{"targetBucket":"logs"}"#);
        assert_eq!(to, canonical(&live.replace("old", "logs")));
    }

    #[test]
    fn a_format_that_is_named_replaces_the_other() {
        let live = r#"{"targetBucket":"logs","targetObjectKeyFormat":{"partitionedPrefix":{}}}"#;
        let to = merged(live, r#"{"targetObjectKeyFormat":{"simplePrefix":{}}}"#);
        assert_eq!(to, canonical(r#"{"targetBucket":"logs"}"#));
    }

    #[test]
    fn a_policy_adds_grants_and_a_spec_names_all() {
        let live = canonical(&format!(r#"{{"targetBucket":"logs","targetGrants":[{READER}]}}"#));
        let want = of(&format!(r#"{{"targetGrants":[{}]}}"#, READER.replace("READ", "WRITE")));
        let grants = |how| Logging::canonical(Logging::merge(&live, &want, how)).target_grants.expect("grants").len();
        assert_eq!((grants(Overlay::Within), grants(Overlay::Whole)), (2, 1));
    }

    #[test]
    fn what_s3_would_refuse_is_refused_before() {
        let said = |json: &str| -> Vec<String> {
            Logging::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
        };
        assert_eq!(
            said(r#"{"targetBucket":"My_Logs"}"#),
            ["/targetBucket: illegal bucket name `My_Logs`: `M` is not allowed"]
        );
        assert_eq!(
            said(&format!(r#"{{"targetPrefix":"{}"}}"#, "a".repeat(1025))),
            ["/targetPrefix: the prefix has 1025 bytes"]
        );
        assert_eq!(
            said(r#"{"targetObjectKeyFormat":{"simplePrefix":{},"partitionedPrefix":{}}}"#),
            ["/targetObjectKeyFormat: a log has one format of keys"]
        );
        assert_eq!(
            said(r#"{"targetObjectKeyFormat":{"partitionedPrefix":{"partitionDateSource":"Now"}}}"#),
            ["/targetObjectKeyFormat/partitionedPrefix/partitionDateSource: `Now` is not a date source of S3"]
        );
        assert_eq!(
            said(r#"{"targetGrants":[{"grantee":{"type":"Group","id":"a"},"permission":"FULL"}]}"#),
            [
                "/targetGrants/0/grantee: the grantee is not named as its type says",
                "/targetGrants/0/permission: `FULL` is not a permission of S3"
            ]
        );
        let good = format!(
            r#"{{"targetBucket":"logs","targetPrefix":"a/","targetGrants":[{READER}],"targetObjectKeyFormat":{{"simplePrefix":{{}}}}}}"#
        );
        assert_eq!(Logging::check(&of(&good)), []);
    }

    #[test]
    fn a_typo_is_found() {
        assert!(serde_json::from_str::<Value>(r#"{"targetBukket":"logs"}"#).is_err());
    }

    /// Logging is turned off by an empty status; on LocalStack a DELETE of `?logging` deletes the
    /// bucket.
    #[cfg(feature = "aws")]
    #[test]
    fn absent_is_an_empty_status() {
        assert_eq!(wire::to_sdk(&Value::default()).expect("a status").logging_enabled, None);
        assert_eq!(wire::from_sdk(None), Value::default());
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_prefix_without_a_target_is_not_sent() {
        assert!(wire::to_sdk(&of(r#"{"targetPrefix":"a/"}"#)).is_err());
    }

    fn format() -> impl Strategy<Value = KeyFormat> {
        let source = prop::option::of(prop::sample::select(vec!["EventTime", "DeliveryTime", "Later"]));
        let partitioned =
            source.prop_map(|it| PartitionedPrefix { partition_date_source: it.map(PartitionDateSource::from) });
        let simple = prop::option::of(Just(SimplePrefix {}));
        (simple, prop::option::of(partitioned))
            .prop_map(|(simple_prefix, partitioned_prefix)| KeyFormat { simple_prefix, partitioned_prefix })
    }

    fn grant() -> impl Strategy<Value = Grant> {
        let text = || prop::option::of("[a-c]{1,3}");
        let kind = prop::sample::select(vec!["CanonicalUser", "Group", "AmazonCustomerByEmail"]);
        let permission = prop::sample::select(vec!["FULL_CONTROL", "READ", "WRITE", "OTHER"]);
        (kind, text(), text(), text(), permission).prop_map(|(kind, id, uri, email_address, permission)| Grant {
            grantee: Grantee { kind: kind.into(), id, uri, email_address },
            permission: permission.into(),
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = || prop::option::of("[a-c/]{0,4}");
        (text(), text(), prop::option::of(format()), prop::option::of(prop::collection::vec(grant(), 0..3))).prop_map(
            |(target_bucket, target_prefix, target_object_key_format, target_grants)| Value {
                target_bucket,
                target_prefix,
                target_object_key_format,
                target_grants,
            },
        )
    }

    proptest! {
        #[test]
        fn the_laws_hold(live in value(), want in value()) {
            laws::hold::<Logging>(&live, &want, Overlay::Whole);
            laws::hold::<Logging>(&live, &want, Overlay::Within);
        }

        #[cfg(feature = "aws")]
        #[test]
        fn what_is_sent_reads_back(value in value()) {
            let value = Logging::canonical(value);
            prop_assume!(value.target_bucket.is_some());
            let sent = wire::to_sdk(&value).expect("a status");
            prop_assert_eq!(Logging::canonical(wire::from_sdk(sent.logging_enabled)), value);
        }
    }
}
