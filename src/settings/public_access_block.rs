//! `publicAccessBlock`: the four switches that keep the public out whatever ACLs and policies say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{About, OnDirectoryBuckets, Risk, Setting};

/// The four switches of a bucket's public access block (API page PutPublicAccessBlock).
pub struct PublicAccessBlock;

/// The four switches. One that S3 does not hold is off; a spec may write `all` for all four on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Said", rename_all = "camelCase")]
#[schemars(with = "Said", rename = "publicAccessBlock")]
pub struct Value {
    /// Refuses requests that would set a public ACL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_public_acls: Option<bool>,
    /// Ignores public ACLs that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_public_acls: Option<bool>,
    /// Refuses bucket policies that let the public in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_public_policy: Option<bool>,
    /// Lets only the owner's account and AWS services in while the bucket policy is public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restrict_public_buckets: Option<bool>,
}

/// What a spec may write.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "publicAccessBlock")]
enum Said {
    /// All four switches on.
    Word(Word),
    /// Each switch; one that is left out stays as it is.
    Switches(Switches),
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "publicAccessBlockWord")]
enum Word {
    /// All four switches on.
    All,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "publicAccessBlockSwitches")]
struct Switches {
    /// Refuses requests that would set a public ACL.
    block_public_acls: Option<bool>,
    /// Ignores public ACLs that are there.
    ignore_public_acls: Option<bool>,
    /// Refuses bucket policies that let the public in.
    block_public_policy: Option<bool>,
    /// Lets only the owner's account and AWS services in while the bucket policy is public.
    restrict_public_buckets: Option<bool>,
}

impl From<Said> for Value {
    fn from(said: Said) -> Self {
        match said {
            Said::Word(Word::All) => Self::all(true),
            Said::Switches(it) => Self {
                block_public_acls: it.block_public_acls,
                ignore_public_acls: it.ignore_public_acls,
                block_public_policy: it.block_public_policy,
                restrict_public_buckets: it.restrict_public_buckets,
            },
        }
    }
}

impl Value {
    /// All four switches in one position.
    pub fn all(on: bool) -> Self {
        Self {
            block_public_acls: Some(on),
            ignore_public_acls: Some(on),
            block_public_policy: Some(on),
            restrict_public_buckets: Some(on),
        }
    }

    fn switches(&self) -> [bool; 4] {
        let Self { block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets } = self;
        [block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets]
            .map(|switch| switch.unwrap_or(false))
    }
}

impl Setting for PublicAccessBlock {
    type Value = Value;

    const NAME: &'static str = "publicAccessBlock";
    const ABOUT: About = About {
        what: "Four switches against letting the public in.",
        why: "One public statement in a policy, or one public grant in an ACL, opens a bucket to the world. These four switches overrule both, whoever writes them.",
        risk: "Opening any of the four waits for an approval: public ACLs and policies could let anybody in.",
        example: "all",
    };
    const READS: &'static [&'static str] = &["s3:GetBucketPublicAccessBlock"];
    const WRITES: &'static [&'static str] = &["s3:PutBucketPublicAccessBlock"];
    /// All four stand on every directory bucket and cannot be changed (S3 User Guide, "Access
    /// management" of directory buckets).
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::Given;

    fn given_on_directory_buckets() -> Value {
        Value::all(true)
    }

    /// All four on since April 2023 (S3 User Guide, "Blocking public access to your Amazon S3 storage").
    fn fresh() -> Value {
        Value::all(true)
    }

    /// A switch that S3 does not hold is off, so a missing block and four switches off are one.
    fn canonical(value: Value) -> Value {
        let [block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets] =
            value.switches().map(Some);
        Value { block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets }
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        let opens = from.switches().iter().zip(to.switches()).any(|(from, to)| *from && !to);
        if opens { Risk::Guarded("public ACLs and policies could let anybody in") } else { Risk::Safe }
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::PublicAccessBlockConfiguration;

    use super::{PublicAccessBlock, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error};

    impl Wire for PublicAccessBlock {
        const ELEMENTS: &'static [&'static str] = &[
            "PublicAccessBlockConfiguration",
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        ];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_public_access_block()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_none(
                    s3,
                    "GetPublicAccessBlock",
                    "s3:GetBucketPublicAccessBlock",
                    &["NoSuchPublicAccessBlockConfiguration"],
                )?;
            let block = answer.and_then(|answer| answer.public_access_block_configuration);
            Ok(block.map_or_else(Value::default, |block| Value {
                block_public_acls: block.block_public_acls,
                ignore_public_acls: block.ignore_public_acls,
                block_public_policy: block.block_public_policy,
                restrict_public_buckets: block.restrict_public_buckets,
            }))
        }

        async fn write(s3: &S3<'_>, _from: &Value, to: &Value) -> Result<(), S3Error> {
            let block = PublicAccessBlockConfiguration::builder()
                .set_block_public_acls(to.block_public_acls)
                .set_ignore_public_acls(to.ignore_public_acls)
                .set_block_public_policy(to.block_public_policy)
                .set_restrict_public_buckets(to.restrict_public_buckets)
                .build();
            s3.client
                .put_public_access_block()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .public_access_block_configuration(block)
                .send()
                .await
                .or_fault(s3, "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Overlay;

    #[test]
    fn a_missing_block_and_four_switches_off_are_one() {
        assert_eq!(PublicAccessBlock::canonical(Value::default()), Value::all(false));
        assert_eq!(PublicAccessBlock::canonical(Value::all(true)), Value::all(true));
    }

    #[test]
    fn a_switch_that_nobody_declared_stays() {
        let want = Value { block_public_acls: Some(true), ..Value::default() };
        let live = Value { restrict_public_buckets: Some(true), ..Value::all(false) };
        let to = PublicAccessBlock::merge(&live, &want, Overlay::Whole);
        assert_eq!(to, Value { block_public_acls: Some(true), ..live });
    }

    #[test]
    fn closing_is_safe_and_opening_is_guarded() {
        assert_eq!(PublicAccessBlock::risk(&Value::all(false), &Value::all(true)), Risk::Safe);
        let open = Value { block_public_policy: Some(false), ..Value::all(true) };
        assert!(matches!(PublicAccessBlock::risk(&Value::all(true), &open), Risk::Guarded(_)));
    }

    #[test]
    fn a_spec_may_write_all() {
        let said: Value = serde_json::from_str("\"all\"").expect("a word");
        assert_eq!(said, Value::all(true));
    }
}
