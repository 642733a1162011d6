//! `versioning`: whether S3 keeps every version of an object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{About, Risk, Setting};

/// Whether S3 keeps every version of an object (API page PutBucketVersioning).
pub struct Versioning;

/// The state of versioning. Nothing at all is a bucket that never had it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "versioning")]
pub struct Value {
    /// `Enabled` keeps every version; `Suspended` keeps those that are there and adds no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// The two states that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "versioningStatus")]
pub enum Status {
    /// Every version is kept.
    Enabled,
    /// Versions that are there stay; new writes replace the null version.
    Suspended,
}

impl Setting for Versioning {
    type Value = Value;

    const NAME: &'static str = "versioning";
    const ABOUT: About = About {
        what: "Whether overwritten and deleted objects can be had back.",
        why: "A version that was overwritten or deleted can be had back. Replication and Object Lock need it.",
        risk: "Suspending waits for an approval: from then on, overwritten and deleted objects are gone. Once on, it can be suspended but never removed.",
        example: "{status: Enabled}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketVersioning"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketVersioning"];

    fn risk(from: &Value, to: &Value) -> Risk {
        match (from.status, to.status) {
            (Some(_), None) => Risk::Impossible("versioning can be suspended but never removed"),
            (Some(Status::Enabled), Some(Status::Suspended)) => {
                Risk::Guarded("from then on, overwritten and deleted objects are gone")
            }
            _ => Risk::Safe,
        }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

    use super::{Status, Value, Versioning};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Fault, S3Error};

    impl Wire for Versioning {
        const ELEMENTS: &'static [&'static str] = &["VersioningConfiguration", "Status", "MfaDelete", "MFADelete"];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_versioning()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .send()
                .await
                .or_fault(s3, "GetBucketVersioning", "s3:GetBucketVersioning")?;
            Ok(Value {
                status: match answer.status() {
                    Some(BucketVersioningStatus::Enabled) => Some(Status::Enabled),
                    Some(BucketVersioningStatus::Suspended) => Some(Status::Suspended),
                    _ => None,
                },
            })
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let status = match to.status {
                Some(Status::Enabled) => BucketVersioningStatus::Enabled,
                _ => BucketVersioningStatus::Suspended,
            };
            s3.client
                .put_bucket_versioning()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .versioning_configuration(VersioningConfiguration::builder().status(status).build())
                .send()
                .await
                .or_fault(s3, "PutBucketVersioning", "s3:PutBucketVersioning")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versioning_can_be_suspended_but_never_removed() {
        let of = |status| Value { status };
        let risk = |from, to| Versioning::risk(&of(from), &of(to));
        assert!(matches!(risk(Some(Status::Suspended), None), Risk::Impossible(_)));
        assert!(matches!(risk(Some(Status::Enabled), Some(Status::Suspended)), Risk::Guarded(_)));
        assert_eq!(risk(None, Some(Status::Enabled)), Risk::Safe);
        assert_eq!(risk(Some(Status::Suspended), Some(Status::Enabled)), Risk::Safe);
    }

    #[test]
    fn never_enabled_and_suspended_are_two_states() {
        assert_ne!(Value { status: None }, Value { status: Some(Status::Suspended) });
    }
}
