//! `encryption`: how S3 encrypts objects that arrive without a wish of their own.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resource;
use crate::setting::{About, Beside, OnDirectoryBuckets, Overlay, Problem, Risk, Setting, overlay};

/// The default encryption of new objects (API page PutBucketEncryption).
pub struct Encryption;

/// The default encryption. A bucket for which S3 holds nothing encrypts with AES256 all the same
/// (S3 User Guide, "Setting default server-side encryption behavior").
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "encryption")]
pub struct Value {
    /// `AES256`, or a key of KMS, once (`aws:kms`) or twice (`aws:kms:dsse`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// ARN, id or alias of the KMS key; S3 uses its own key `aws/s3` when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// One data key for many objects: fewer calls to KMS, and a smaller bill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_key: Option<bool>,
    /// Kinds of encryption that uploads may not ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_encryption_types: Option<BTreeSet<BlockedType>>,
}

/// An algorithm of server-side encryption. S3 may answer ones that a spec cannot ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "encryptionAlgorithm")]
pub enum Algorithm {
    /// Keys of S3 itself (SSE-S3).
    #[serde(rename = "AES256")]
    Aes256,
    /// A key of KMS (SSE-KMS).
    #[serde(rename = "aws:kms")]
    Kms,
    /// A key of KMS, two layers (DSSE-KMS).
    #[serde(rename = "aws:kms:dsse")]
    KmsDsse,
    /// Amazon FSx's own; answered by S3, never asked for.
    #[serde(rename = "aws:fsx")]
    #[schemars(skip)]
    Fsx,
    /// AWS Backup's own; answered by S3, never asked for.
    #[serde(rename = "aws:backup")]
    #[schemars(skip)]
    Backup,
    /// None at all: only stores other than AWS answer so, and what they keep lies open.
    #[serde(rename = "none")]
    #[schemars(skip)]
    Nothing,
}

/// A kind of encryption that can be blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "blockedEncryptionType")]
pub enum BlockedType {
    /// Keys that the uploader brings along and that S3 does not keep.
    #[serde(rename = "SSE-C")]
    SseC,
    /// Nothing is blocked; the same as an empty list.
    #[serde(rename = "NONE")]
    None,
}

impl Setting for Encryption {
    type Value = Value;

    const NAME: &'static str = "encryption";
    const ABOUT: About = About {
        what: "How objects are encrypted whose upload does not say.",
        why: "It decides how objects are encrypted whose upload does not say, with whose key, and which kinds an upload may not ask for.",
        risk: "A change of key, a step from KMS down to AES256, and allowing a blocked kind of encryption again wait for an approval.",
        example: r#"{algorithm: "aws:kms", kmsKeyId: alias/training-data, bucketKey: true}"#,
    };
    const READS: &'static [&'static str] = &["s3:GetEncryptionConfiguration"];
    const WRITES: &'static [&'static str] = &["s3:PutEncryptionConfiguration"];
    const ON_DIRECTORY_BUCKETS: OnDirectoryBuckets = OnDirectoryBuckets::There;

    /// One customer key for the bucket's whole life, by id or ARN, with the bucket key always on
    /// (API page PutBucketEncryption, "Directory buckets").
    fn check_on_directory_buckets(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        match want.algorithm {
            Some(Algorithm::KmsDsse) => problems.push(
                Problem::at("/algorithm", "directory buckets have no `aws:kms:dsse`").hint("use `AES256` or `aws:kms`"),
            ),
            Some(Algorithm::Kms) => {
                let alias = want.kms_key_id.as_ref().filter(|key| key.contains("alias/"));
                if want.kms_key_id.is_none() {
                    problems.push(
                        Problem::at("", "`aws:kms` on a directory bucket without `kmsKeyId`")
                            .hint("directory buckets do not take S3's own key `aws/s3`; name a key of yours"),
                    );
                }
                if alias.is_some() {
                    problems.push(
                        Problem::at("/kmsKeyId", "directory buckets take no alias of a key")
                            .hint("write the key's id or ARN"),
                    );
                }
                if want.bucket_key != Some(true) {
                    let at = if want.bucket_key.is_some() { "/bucketKey" } else { "" };
                    problems.push(
                        Problem::at(at, "the bucket key of a directory bucket is always on")
                            .hint("write `bucketKey: true` beside `aws:kms`"),
                    );
                }
            }
            _ => {}
        }
        if want.blocked_encryption_types.is_some() {
            problems.push(
                Problem::at("/blockedEncryptionTypes", "directory buckets block no kinds of encryption")
                    .hint("leave it out"),
            );
        }
        problems
    }

    fn canonical(value: Value) -> Value {
        let Value { algorithm, kms_key_id, bucket_key, blocked_encryption_types } = value;
        let algorithm = algorithm.unwrap_or(Algorithm::Aes256);
        let kms = matches!(algorithm, Algorithm::Kms | Algorithm::KmsDsse);
        Value {
            algorithm: Some(algorithm),
            kms_key_id: kms_key_id.filter(|key| kms && !key.is_empty()),
            // Without KMS the bucket key does nothing, and S3 answers it or leaves it out. DSSE has none
            // (User Guide, "Using dual-layer server-side encryption with AWS KMS keys").
            bucket_key: kms.then_some(bucket_key == Some(true) && algorithm == Algorithm::Kms),
            blocked_encryption_types: Some(
                blocked_encryption_types
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|blocked| *blocked != BlockedType::None)
                    .collect(),
            ),
        }
    }

    /// A key belongs to its algorithm: naming another algorithm drops the key of the old one.
    /// Whoever asks for anything of the encryption asks for encryption.
    fn merge(live: &Value, want: &Value, how: Overlay) -> Value {
        let mut to = overlay(live, want);
        if want.algorithm.is_some() && want.algorithm != live.algorithm {
            to.kms_key_id.clone_from(&want.kms_key_id);
        }
        if to.algorithm == Some(Algorithm::Nothing) {
            to.algorithm = Some(Algorithm::Aes256);
        }
        if how == Overlay::Within
            && let (Some(to), Some(live)) = (&mut to.blocked_encryption_types, &live.blocked_encryption_types)
        {
            to.extend(live);
        }
        to
    }

    fn risk(from: &Value, to: &Value) -> Risk {
        let kms = |value: &Value| matches!(value.algorithm, Some(Algorithm::Kms | Algorithm::KmsDsse));
        let blocks = |value: &Value| value.blocked_encryption_types.as_ref().is_some_and(|it| !it.is_empty());
        if kms(to) && (from.kms_key_id != to.kms_key_id || !kms(from)) {
            return Risk::Guarded("readers and writers without leave to use the new key would be locked out");
        }
        if kms(from) && !kms(to) {
            return Risk::Guarded("new objects would no longer be protected by the key of KMS");
        }
        if blocks(from) && !blocks(to) {
            return Risk::Guarded("uploads with keys that nobody keeps would be allowed again");
        }
        Risk::Safe
    }

    fn check(want: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        if want.kms_key_id.is_some() && want.algorithm.is_none_or(|it| it == Algorithm::Aes256) {
            problems.push(
                Problem::at("/kmsKeyId", "a KMS key without an algorithm that uses it")
                    .hint("write `algorithm: aws:kms` beside it"),
            );
        }
        problems.extend(want.kms_key_id.as_ref().and_then(|key| resource::faulty_key("/kmsKeyId", key)));
        if want.bucket_key == Some(true) && want.algorithm == Some(Algorithm::KmsDsse) {
            problems.push(
                Problem::at("/bucketKey", "a bucket key with `aws:kms:dsse`")
                    .hint("S3 has no bucket key for DSSE; leave it out or use `aws:kms`"),
            );
        }
        if let Some(blocked) = &want.blocked_encryption_types
            && blocked.len() > 1
            && blocked.contains(&BlockedType::None)
        {
            problems.push(
                Problem::at("/blockedEncryptionTypes", "`NONE` beside other types")
                    .hint("write `[NONE]` to block nothing, or leave `NONE` out"),
            );
        }
        problems
    }

    /// A key of another region is no key to S3: uploads fail (User Guide, "Using server-side
    /// encryption with AWS KMS keys").
    fn check_beside(want: &Value, beside: &Beside) -> Vec<Problem> {
        let key = want.kms_key_id.as_ref();
        key.and_then(|key| resource::elsewhere("/kmsKeyId".to_owned(), "the key", key, beside)).into_iter().collect()
    }
}

#[cfg(feature = "aws")]
mod wire {
    use aws_sdk_s3::types::{
        BlockedEncryptionTypes, EncryptionType, ServerSideEncryption, ServerSideEncryptionByDefault,
        ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    };

    use super::{Algorithm, BlockedType, Encryption, Value};
    use crate::cloud::wire::{S3, Wire};
    use crate::cloud::{Ask, Fault, S3Error, S3ErrorKind};

    impl Wire for Encryption {
        const ELEMENTS: &'static [&'static str] = &[
            "ServerSideEncryptionConfiguration",
            "Rule",
            "ApplyServerSideEncryptionByDefault",
            "SSEAlgorithm",
            "KMSMasterKeyID",
            "BucketKeyEnabled",
            "BlockedEncryptionTypes",
            "EncryptionType",
        ];

        async fn read(s3: &S3<'_>) -> Result<Value, S3Error> {
            let answer = s3
                .client
                .get_bucket_encryption()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .ask(s3)
                .await
                .or_none(
                    s3,
                    "GetBucketEncryption",
                    "s3:GetEncryptionConfiguration",
                    &["ServerSideEncryptionConfigurationNotFoundError"],
                )?;
            let configuration = answer.and_then(|answer| answer.server_side_encryption_configuration);
            let mut rules = configuration.into_iter().flat_map(|configuration| configuration.rules);
            let rule = rules.next();
            if rules.next().is_some() {
                let said = "there is a rule beside the first, and this version knows of one only";
                return Err(s3.misuse("GetBucketEncryption", S3ErrorKind::Other, said));
            }
            // AWS always answers an algorithm (User Guide, "Default encryption FAQ"). Where a store
            // answers none, nothing is encrypted, and that must not pass for AES256.
            let Some(rule) = rule else {
                return Ok(Value { algorithm: Some(Algorithm::Nothing), ..Value::default() });
            };
            let default = rule.apply_server_side_encryption_by_default;
            let algorithm = match default.as_ref().map(|it| it.sse_algorithm.as_str()) {
                None | Some("AES256") => Algorithm::Aes256,
                Some("aws:kms") => Algorithm::Kms,
                Some("aws:kms:dsse") => Algorithm::KmsDsse,
                Some("aws:fsx") => Algorithm::Fsx,
                Some("aws:backup") => Algorithm::Backup,
                Some(other) => {
                    let said = format!("the algorithm `{other}` is not one that this version knows");
                    return Err(s3.misuse("GetBucketEncryption", S3ErrorKind::Other, &said));
                }
            };
            let blocked = rule.blocked_encryption_types.and_then(|it| it.encryption_type);
            for other in blocked.iter().flatten() {
                if !matches!(other, EncryptionType::SseC | EncryptionType::None) {
                    s3.unknown(&format!("EncryptionType {}", other.as_str()));
                }
            }
            Ok(Value {
                algorithm: Some(algorithm),
                kms_key_id: default.and_then(|it| it.kms_master_key_id).filter(|key| !key.is_empty()),
                bucket_key: rule.bucket_key_enabled,
                blocked_encryption_types: blocked.map(|types| {
                    types.iter().filter(|it| **it == EncryptionType::SseC).map(|_| BlockedType::SseC).collect()
                }),
            })
        }

        /// PutBucketEncryption replaces the whole document, so what was read and nobody declared
        /// stands in `to` and is sent along.
        async fn write(s3: &S3<'_>, from: &Value, to: &Value) -> Result<(), S3Error> {
            let algorithm = match to.algorithm {
                None | Some(Algorithm::Aes256 | Algorithm::Nothing) => ServerSideEncryption::Aes256,
                Some(Algorithm::Kms) => ServerSideEncryption::AwsKms,
                Some(Algorithm::KmsDsse) => ServerSideEncryption::AwsKmsDsse,
                Some(Algorithm::Fsx) => ServerSideEncryption::AwsFsx,
                Some(Algorithm::Backup) => ServerSideEncryption::from("aws:backup"),
            };
            let misuse = |said: String| s3.misuse("PutBucketEncryption", S3ErrorKind::Invalid, &said);
            let default = ServerSideEncryptionByDefault::builder()
                .sse_algorithm(algorithm)
                .set_kms_master_key_id(to.kms_key_id.clone())
                .build()
                .map_err(|error| misuse(error.to_string()))?;
            let types = |value: &Value| value.blocked_encryption_types.clone().unwrap_or_default();
            // A store that knows nothing of blocked types is not told of them without need.
            let blocked = if types(to).is_empty() && types(from).is_empty() {
                None
            } else if types(to).is_empty() {
                Some(BlockedEncryptionTypes::builder().encryption_type(EncryptionType::None).build())
            } else {
                Some(BlockedEncryptionTypes::builder().encryption_type(EncryptionType::SseC).build())
            };
            let rule = ServerSideEncryptionRule::builder()
                .apply_server_side_encryption_by_default(default)
                .set_bucket_key_enabled(to.bucket_key)
                .set_blocked_encryption_types(blocked)
                .build();
            let configuration = ServerSideEncryptionConfiguration::builder()
                .rules(rule)
                .build()
                .map_err(|error| misuse(error.to_string()))?;
            s3.client
                .put_bucket_encryption()
                .bucket(s3.bucket)
                .set_expected_bucket_owner(s3.owner())
                .server_side_encryption_configuration(configuration)
                .send()
                .await
                .or_fault(s3, "PutBucketEncryption", "s3:PutEncryptionConfiguration")?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Value {
        serde_json::from_str(json).expect("a value")
    }

    fn canonical(json: &str) -> Value {
        Encryption::canonical(of(json))
    }

    /// Normalisation rule 1: `["NONE"]`, an empty list and none at all are one.
    #[test]
    fn nothing_blocked_has_one_form() {
        let nothing = canonical(r#"{"algorithm":"AES256"}"#);
        assert_eq!(canonical(r#"{"algorithm":"AES256","blockedEncryptionTypes":["NONE"]}"#), nothing);
        assert_eq!(canonical(r#"{"algorithm":"AES256","blockedEncryptionTypes":[]}"#), nothing);
    }

    /// Normalisation rule 2: no configuration is AES256 without a bucket key.
    #[test]
    fn no_configuration_is_aes256() {
        assert_eq!(canonical("{}"), canonical(r#"{"algorithm":"AES256","bucketKey":false}"#));
    }

    /// Pain 2, serverless-ca/terraform-aws-ca#677: tools removed the SSE-C block that security had
    /// turned on, because their spec did not name it.
    #[test]
    fn pain_2_the_block_of_sse_c_survives_a_repair_that_does_not_name_it() {
        let live = canonical(r#"{"algorithm":"aws:kms","kmsKeyId":"k","blockedEncryptionTypes":["SSE-C"]}"#);
        let to = Encryption::canonical(Encryption::merge(&live, &of(r#"{"algorithm":"AES256"}"#), Overlay::Whole));
        assert_eq!(to, canonical(r#"{"algorithm":"AES256","blockedEncryptionTypes":["SSE-C"]}"#));
    }

    #[test]
    fn a_store_that_encrypts_nothing_is_not_taken_for_one_that_does() {
        let live = canonical(r#"{"algorithm":"none"}"#);
        assert_ne!(live, canonical("{}"));
        for want in [r#"{"algorithm":"AES256"}"#, r#"{"bucketKey":false}"#, "{}"] {
            for how in [Overlay::Whole, Overlay::Within] {
                assert_eq!(Encryption::canonical(Encryption::merge(&live, &of(want), how)), canonical("{}"), "{want}");
            }
        }
        assert_eq!(Encryption::risk(&live, &canonical("{}")), Risk::Safe);
    }

    #[test]
    fn a_key_does_not_survive_its_algorithm() {
        let live = canonical(r#"{"algorithm":"aws:kms","kmsKeyId":"k","bucketKey":true}"#);
        let to = Encryption::canonical(Encryption::merge(&live, &of(r#"{"algorithm":"AES256"}"#), Overlay::Whole));
        assert_eq!(to.kms_key_id, None);
        let stays = Encryption::merge(&live, &of(r#"{"algorithm":"aws:kms"}"#), Overlay::Whole);
        assert_eq!(stays, live);
    }

    #[test]
    fn changes_of_keys_are_guarded() {
        let risk = |from: &str, to: &str| Encryption::risk(&canonical(from), &canonical(to));
        let kms = r#"{"algorithm":"aws:kms","kmsKeyId":"k"}"#;
        assert!(matches!(risk("{}", kms), Risk::Guarded(_)));
        assert!(matches!(risk(kms, "{}"), Risk::Guarded(_)));
        assert!(matches!(risk(kms, r#"{"algorithm":"aws:kms","kmsKeyId":"other"}"#), Risk::Guarded(_)));
        assert_eq!(risk("{}", r#"{"blockedEncryptionTypes":["SSE-C"]}"#), Risk::Safe);
        assert!(matches!(risk(r#"{"blockedEncryptionTypes":["SSE-C"]}"#, "{}"), Risk::Guarded(_)));
    }

    #[test]
    fn a_key_without_its_algorithm_is_refused() {
        assert_eq!(Encryption::check(&of(r#"{"kmsKeyId":"alias/k"}"#))[0].pointer, "/kmsKeyId");
        assert!(Encryption::check(&of(r#"{"kmsKeyId":"alias/k","algorithm":"aws:kms"}"#)).is_empty());
    }

    /// Any text passed for a key, and so did one of another region.
    #[test]
    fn a_key_must_be_one_and_of_the_bucket_s_region() {
        let says = |key: &str| -> Vec<(String, String)> {
            let want = Value { kms_key_id: Some(key.to_owned()), algorithm: Some(Algorithm::Kms), ..Value::default() };
            let beside = Beside { region: crate::bucket::Region::parse("us-east-1").ok(), ..Beside::default() };
            let problems = Encryption::check(&want).into_iter().chain(Encryption::check_beside(&want, &beside));
            problems.map(|it| (it.pointer, it.message)).collect()
        };
        let at = |message: &str| vec![("/kmsKeyId".to_owned(), message.to_owned())];
        assert_eq!(says("not a key!!"), at("`not a key!!` is not a key of KMS"));
        assert_eq!(says(""), at("`` is not a key of KMS"));
        assert_eq!(says("alias/data"), []);
        assert_eq!(says("arn:aws:kms:us-east-1:111122223333:key/1a2b"), []);
        assert_eq!(
            says("arn:aws:kms:eu-west-1:111122223333:key/1a2b"),
            at("the key is in eu-west-1, the bucket in us-east-1")
        );
        assert_eq!(canonical(r#"{"algorithm":"aws:kms","kmsKeyId":""}"#), canonical(r#"{"algorithm":"aws:kms"}"#));
    }

    /// A live bucket key was carried over to DSSE, which has none, and S3 refused the write.
    #[test]
    fn the_bucket_key_does_not_survive_a_change_to_dsse() {
        let live = canonical(r#"{"algorithm":"aws:kms","kmsKeyId":"alias/k","bucketKey":true}"#);
        let to = Encryption::merge(&live, &of(r#"{"algorithm":"aws:kms:dsse"}"#), Overlay::Whole);
        assert_eq!(Encryption::canonical(to), canonical(r#"{"algorithm":"aws:kms:dsse","bucketKey":false}"#));
    }
}
