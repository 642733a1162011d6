//! `inventory`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, keyed, maybe};

const FIELDS: [&str; 19] = [
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "ObjectLockEventHoldDuration",
    "ObjectLockEventHoldStatus",
    "IntelligentTieringAccessTier",
    "IntelligentTieringReferenceDate",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
];

fn encryption() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "SSE-S3"})),
        prop::sample::select(vec!["1", "2"]).prop_map(|key| {
            json!({"type": "SSE-KMS", "keyId": format!("arn:aws:kms:us-east-1:111122223333:key/{key}")})
        }),
    ]
}

fn destination() -> impl Strategy<Value = Value> {
    let bucket = prop::sample::select(vec!["arn:aws:s3:::lists", "arn:aws:s3:::more-lists"]);
    let account = maybe(vec!["111122223333", "444455556666"]);
    let format = prop::sample::select(vec!["CSV", "ORC", "Parquet"]);
    let prefix = maybe(vec!["", "a/", "lists/of/many/"]);
    let all = (bucket, account, format, prefix, prop::option::of(encryption()));
    all.prop_map(|(bucket, account, format, prefix, encryption)| {
        fields([
            ("bucket", Some(bucket.into())),
            ("accountId", account),
            ("format", Some(format.into())),
            ("prefix", prefix),
            ("encryption", encryption),
        ])
    })
}

pub fn values() -> BoxedStrategy<Value> {
    let filter = maybe(vec!["", "raw/"]).prop_map(|prefix| fields([("prefix", prefix)]));
    let listed = prop::sample::subsequence(FIELDS.to_vec(), 0..=FIELDS.len()).prop_map(|some| json!(some));
    let one = (
        prop::option::of(any::<bool>()),
        prop::sample::select(vec!["Daily", "Weekly"]),
        prop::sample::select(vec!["All", "Current"]),
        prop::option::of(filter),
        prop::option::of(listed),
        destination(),
    );
    let one = one.prop_map(|(enabled, schedule, versions, filter, listed, destination)| {
        fields([
            ("isEnabled", enabled.map(Value::from)),
            ("schedule", Some(schedule.into())),
            ("includedObjectVersions", Some(versions.into())),
            ("filter", filter),
            ("optionalFields", listed),
            ("destination", Some(destination)),
        ])
    });
    keyed("inventory", one)
}
