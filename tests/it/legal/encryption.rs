//! `encryption`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![
        json!({"algorithm": "AES256"}),
        json!({"algorithm": "AES256", "blockedEncryptionTypes": ["SSE-C"]}),
        json!({"blockedEncryptionTypes": ["SSE-C"]}),
        json!({"blockedEncryptionTypes": ["NONE"]}),
        json!({"algorithm": "aws:kms"}),
        json!({"algorithm": "aws:kms", "kmsKeyId": "alias/a", "bucketKey": true}),
        json!({"algorithm": "aws:kms", "kmsKeyId": "alias/b"}),
        json!({"algorithm": "aws:kms:dsse", "kmsKeyId": "alias/a"}),
    ])
}
