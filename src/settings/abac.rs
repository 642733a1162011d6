//! `abac`: whether the bucket's tags decide who may use it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{About, Risk, Setting};

/// Attribute-based access control of a bucket (API page PutBucketAbac).
pub struct Abac;

/// Whether conditions on the bucket's tags count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "abac")]
pub struct Value {
    /// Whether conditions on the bucket's tags count; nothing at S3 is `Disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// Whether conditions on tags count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "abacStatus")]
pub enum Status {
    /// `aws:ResourceTag` in policies looks at the bucket's tags.
    Enabled,
    /// Tags are for bills and people only.
    Disabled,
}

impl Setting for Abac {
    type Value = Value;

    const NAME: &'static str = "abac";
    const ABOUT: About = About {
        what: "Whether the bucket's tags decide who may use it.",
        why: "With it, one policy for all buckets of a team can stand in IAM (`aws:ResourceTag/Team`), and no bucket needs a policy of its own. S3 then takes tags by S3 Control only; `tags` does so by itself.",
        risk: "Both changes wait for an approval: conditions on tags would begin, or cease, to let people in and to keep them out.",
        example: "{status: Enabled}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketAbac"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketAbac"];
    /// The tags that will decide are there before they do.
    const AFTER: &'static [&'static str] = &["tags"];

    /// Switched on over tags that were not written, it would lock out whom they were to let in.
    fn waits_for(to: &Value) -> &'static [&'static str] {
        if to.status == Some(Status::Enabled) { &["tags"] } else { &[] }
    }

    /// "By default, ABAC is disabled for all Amazon S3 general purpose buckets" (S3 User Guide,
    /// "Enabling ABAC in general purpose buckets").
    fn canonical(value: Value) -> Value {
        Value { status: Some(value.status.unwrap_or(Status::Disabled)) }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        match (from.status, to.status) {
            (from, to) if from == to => Risk::Safe,
            (_, Some(Status::Enabled)) => {
                Risk::Guarded("conditions on the bucket's tags would begin to let people in and to keep people out")
            }
            _ => Risk::Guarded("conditions on the bucket's tags would no longer let people in and keep people out"),
        }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{AbacStatus, BucketAbacStatus};

    use super::{Abac, Status, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Abac {
        const ELEMENTS: &'static [&'static str] = &["AbacStatus", "Status"];

        /// In regions without it S3 answers MethodNotAllowed or UnsupportedArgument
        /// (aws-controllers-k8s/s3-controller#241), both of which mean `unsupported`.
        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_abac()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_fault(s3, "GetBucketAbac", "s3:GetBucketAbac")?;
            let status = match answer.abac_status().and_then(|it| it.status()) {
                None => None,
                Some(BucketAbacStatus::Enabled) => Some(Status::Enabled),
                Some(BucketAbacStatus::Disabled) => Some(Status::Disabled),
                Some(other) => {
                    let said = format!("this version does not know the status `{other}`");
                    return Err(s3.misuse("GetBucketAbac", S3ErrorKind::Other, &said));
                }
            };
            Ok(Value { status })
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let status = match to.status {
                Some(Status::Enabled) => BucketAbacStatus::Enabled,
                _ => BucketAbacStatus::Disabled,
            };
            s3.client
                .put_bucket_abac()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .abac_status(AbacStatus::builder().status(status).build())
                .send()
                .await
                .or_fault(s3, "PutBucketAbac", "s3:PutBucketAbac")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: Option<Status>) -> Value {
        Abac::canonical(Value { status })
    }

    #[test]
    fn nothing_and_disabled_are_one() {
        assert_eq!(of(None), of(Some(Status::Disabled)));
        assert_ne!(of(None), of(Some(Status::Enabled)));
    }

    #[test]
    fn turning_it_on_and_off_is_guarded() {
        let (on, off) = (of(Some(Status::Enabled)), of(None));
        assert_eq!(
            Abac::risk(&off, &on),
            Risk::Guarded("conditions on the bucket's tags would begin to let people in and to keep people out")
        );
        assert_eq!(
            Abac::risk(&on, &off),
            Risk::Guarded("conditions on the bucket's tags would no longer let people in and keep people out")
        );
        assert_eq!(Abac::risk(&on, &on), Risk::Safe);
    }

    #[test]
    fn the_laws_hold() {
        use crate::setting::Overlay;
        let values = [None, Some(Status::Enabled), Some(Status::Disabled)].map(|status| Value { status });
        for (live, want) in values.iter().flat_map(|live| values.iter().map(move |want| (live, want))) {
            for how in [Overlay::Whole, Overlay::Within] {
                crate::settings::laws::hold::<Abac>(live, want, how);
            }
        }
        crate::settings::laws::schema::<Abac>(r#"{"status": "Enabled"}"#, true);
        crate::settings::laws::schema::<Abac>(r#"{"status": "enabled"}"#, false);
        crate::settings::laws::schema::<Abac>(r#"{"state": "Enabled"}"#, false);
    }
}
