//! `accelerate`: whether objects can be moved over Amazon's edge locations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::setting::{About, Beside, Problem, Risk, Setting};

/// Transfer acceleration (API page PutBucketAccelerateConfiguration).
pub struct Accelerate;

/// Transfer acceleration. A bucket that never had it is as one that has it suspended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "accelerate")]
pub struct Value {
    /// Whether the bucket answers at its `s3-accelerate` endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

words! {
    /// The two states.
    Status as "accelerateStatus" {
        /// The bucket answers there.
        Enabled = "Enabled",
        /// It does not.
        Suspended = "Suspended",
    }
}

impl Setting for Accelerate {
    type Value = Value;

    const NAME: &'static str = "accelerate";
    const ABOUT: About = About {
        what: "Whether objects can be moved over Amazon's edge locations.",
        why: "Far away, uploads and downloads over the `s3-accelerate` endpoint are faster, and every byte that is costs more. Not every region has it, and no bucket with a dot in its name.",
        risk: "Suspending waits for an approval: whoever uses the `s3-accelerate` endpoint would be refused.",
        example: "{status: Enabled}",
    };
    const READS: &'static [&'static str] = &["s3:GetAccelerateConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutAccelerateConfiguration"];

    fn canonical(value: Value) -> Value {
        Value { status: Some(value.status.unwrap_or(Status::Suspended)) }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        if from.status == Some(Status::Enabled) && to.status != from.status {
            return Risk::Guarded("whoever uses the `s3-accelerate` endpoint would be refused");
        }
        Risk::Safe
    }

    /// The endpoint is a host name below one certificate (User Guide, "Requirements for using Amazon
    /// S3 Transfer Acceleration").
    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        let dotted = beside.bucket.as_ref().filter(|bucket| bucket.as_str().contains('.'));
        match dotted {
            Some(bucket) if want.status == Some(Status::Enabled) => vec![
                Problem::at("/status", format!("the name `{bucket}` has a dot in it"))
                    .hint("S3 accelerates no such bucket: leave `accelerate` out, or say `Suspended`"),
            ],
            _ => Vec::new(),
        }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::AccelerateConfiguration;

    use super::{Accelerate, Status, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error};

    impl Wire for Accelerate {
        const ELEMENTS: &'static [&'static str] = &["AccelerateConfiguration", "Status"];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_accelerate_configuration()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_fault(s3, "GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration")?;
            let status = answer.status.filter(|status| !status.as_str().is_empty());
            Ok(Value { status: status.map(|status| status.as_str().into()) })
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let status = to.status.as_ref().map_or(Status::Suspended.as_str(), Status::as_str);
            s3.client
                .put_bucket_accelerate_configuration()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .accelerate_configuration(AccelerateConfiguration::builder().status(status.into()).build())
                .send()
                .await
                .or_fault(s3, "PutBucketAccelerateConfiguration", "s3:PutAccelerateConfiguration")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::BucketName;
    use crate::setting::Overlay;
    use crate::settings::laws;

    fn of(word: &str) -> Value {
        Accelerate::canonical(Value { status: Some(word.into()) })
    }

    /// Normalisation rule 7.
    #[test]
    fn never_accelerated_and_suspended_are_one() {
        assert_eq!(Accelerate::canonical(Value::default()), of("Suspended"));
        assert_ne!(of("Enabled"), of("Suspended"));
    }

    #[test]
    fn suspending_is_guarded_and_enabling_is_safe() {
        assert!(matches!(Accelerate::risk(&of("Enabled"), &of("Suspended")), Risk::Guarded(_)));
        assert_eq!(Accelerate::risk(&of("Suspended"), &of("Enabled")), Risk::Safe);
    }

    #[test]
    fn a_name_with_a_dot_is_not_accelerated() {
        let said = |name: &str, word: &str| {
            let beside = Beside { bucket: BucketName::parse(name).ok(), ..Beside::default() };
            Accelerate::check_beside(&of(word), &beside)
        };
        let problems = said("ai.data", "Enabled");
        assert_eq!(problems.len(), 1);
        assert_eq!(
            (problems[0].pointer.as_str(), problems[0].message.as_str()),
            ("/status", "the name `ai.data` has a dot in it")
        );
        assert_eq!(said("ai.data", "Suspended"), []);
        assert_eq!(said("ai-data", "Enabled"), []);
        assert_eq!(Accelerate::check_beside(&of("Enabled"), &Beside::default()), []);
    }

    #[test]
    fn the_schema_takes_what_a_spec_may_say() {
        laws::schema::<Accelerate>(r#"{"status":"Enabled"}"#, true);
        laws::schema::<Accelerate>(r#"{"status":"On"}"#, false);
        laws::schema::<Accelerate>(r#"{"state":"Enabled"}"#, false);
    }

    fn value() -> impl Strategy<Value = Value> {
        let words = prop::sample::select(vec!["Enabled", "Suspended", "Later"]);
        prop::option::of(words).prop_map(|word| Value { status: word.map(Status::from) })
    }

    proptest! {
        #[test]
        fn the_laws_hold(live in value(), want in value()) {
            laws::hold::<Accelerate>(&live, &want, Overlay::Whole);
            laws::hold::<Accelerate>(&live, &want, Overlay::Within);
        }
    }
}
