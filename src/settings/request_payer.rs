//! `requestPayer`: who pays for downloads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::setting::{About, Risk, Setting};

/// Who pays for requests and downloads (API page PutBucketRequestPayment).
pub struct RequestPayer;

/// Who pays. Storage is always paid for by the bucket's owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "requestPayer")]
pub struct Value {
    /// Who pays for requests and downloads; `BucketOwner` when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<Payer>,
}

words! {
    /// Who pays.
    Payer as "requestPayerPayer" {
        /// The account that owns the bucket.
        BucketOwner = "BucketOwner",
        /// The account that asks. Every request has to say that it knows it.
        Requester = "Requester",
    }
}

impl Setting for RequestPayer {
    type Value = Value;

    const NAME: &'static str = "requestPayer";
    const ABOUT: About = About {
        what: "Who pays for requests and downloads.",
        why: "Data that others download costs its owner money with every download. With `Requester` each asker pays, and must have an account and say so in every request.",
        risk: "Both directions wait for an approval: with `Requester`, whoever has no account or does not say that they pay is refused; back with `BucketOwner`, requests without an account are let in again where a policy allows them, and the owner pays for everybody.",
        example: "{payer: Requester}",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketRequestPayment"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketRequestPayment"];

    fn canonical(value: Value) -> Value {
        Value { payer: Some(value.payer.unwrap_or(Payer::BucketOwner)) }
    }

    /// User Guide, "Using Requester Pays general purpose buckets": without an account and without
    /// `x-amz-request-payer` a request is denied.
    fn risk(from: &Value, to: &Value) -> Risk {
        match &to.payer {
            payer if *payer == from.payer => Risk::Safe,
            Some(Payer::BucketOwner) => Risk::Guarded(
                "requests without an account would be let in again where a policy allows them, and the owner would pay for everybody",
            ),
            _ => Risk::Guarded("whoever has no account, or does not say that they pay, would be locked out"),
        }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::RequestPaymentConfiguration;

    use super::{Payer, RequestPayer, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for RequestPayer {
        const ELEMENTS: &'static [&'static str] = &["RequestPaymentConfiguration", "Payer"];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_request_payment()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_fault(s3, "GetBucketRequestPayment", "s3:GetBucketRequestPayment")?;
            let payer = answer.payer.filter(|payer| !payer.as_str().is_empty());
            Ok(Value { payer: payer.map(|payer| payer.as_str().into()) })
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let payer = to.payer.as_ref().map_or(Payer::BucketOwner.as_str(), Payer::as_str);
            let configuration = RequestPaymentConfiguration::builder()
                .payer(payer.into())
                .build()
                .map_err(|error| s3.misuse("PutBucketRequestPayment", S3ErrorKind::Invalid, &error.to_string()))?;
            s3.client
                .put_bucket_request_payment()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .request_payment_configuration(configuration)
                .send()
                .await
                .or_fault(s3, "PutBucketRequestPayment", "s3:PutBucketRequestPayment")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::setting::Overlay;
    use crate::settings::laws;

    fn of(word: &str) -> Value {
        Value { payer: Some(word.into()) }
    }

    /// Normalisation rule 7.
    #[test]
    fn the_owner_pays_when_nothing_is_said() {
        assert_eq!(RequestPayer::canonical(Value::default()), of("BucketOwner"));
    }

    #[test]
    fn who_pays_changes_only_with_an_approval() {
        let risk = |from: &str, to: &str| RequestPayer::risk(&of(from), &of(to));
        let locked_out = "whoever has no account, or does not say that they pay, would be locked out";
        assert_eq!(risk("BucketOwner", "Requester"), Risk::Guarded(locked_out));
        assert!(matches!(risk("Requester", "BucketOwner"), Risk::Guarded(said) if said.contains("let in again")));
        assert_eq!(risk("Requester", "Requester"), Risk::Safe);
    }

    #[test]
    fn the_schema_takes_what_a_spec_may_say() {
        laws::schema::<RequestPayer>(r#"{"payer":"Requester"}"#, true);
        laws::schema::<RequestPayer>(r#"{"payer":"Nobody"}"#, false);
    }

    fn value() -> impl Strategy<Value = Value> {
        let words = prop::sample::select(vec!["BucketOwner", "Requester", "Later"]);
        prop::option::of(words).prop_map(|word| Value { payer: word.map(Payer::from) })
    }

    proptest! {
        #[test]
        fn the_laws_hold(live in value(), want in value()) {
            laws::hold::<RequestPayer>(&live, &want, Overlay::Whole);
            laws::hold::<RequestPayer>(&live, &want, Overlay::Within);
        }
    }
}
