//! `encryption`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal};

pub fn values() -> BoxedStrategy<Value> {
    let algorithm = prop::sample::select(vec!["AES256", "aws:kms", "aws:kms:dsse"]);
    let key = prop::sample::select(vec![
        "alias/a",
        "alias/b",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "mrk-1234abcd12ab34cd56ef1234567890ab",
        "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-east-1:123456789012:alias/a",
    ]);
    let blocked = prop::sample::select(vec![json!([]), json!(["NONE"]), json!(["SSE-C"])]);
    let some = (
        prop::option::weighted(0.8, algorithm),
        prop::option::of(key),
        prop::option::of(any::<bool>()),
        prop::option::weighted(0.6, blocked),
    );
    let value = some.prop_map(|(algorithm, key, bucket_key, blocked)| {
        fields([
            ("algorithm", algorithm.map(Value::from)),
            ("kmsKeyId", key.map(Value::from)),
            ("bucketKey", bucket_key.map(Value::from)),
            ("blockedEncryptionTypes", blocked),
        ])
    });
    legal("encryption", value)
}
