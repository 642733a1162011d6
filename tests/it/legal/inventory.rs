//! `inventory`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    let to = json!({"bucket": "arn:aws:s3:::lists", "format": "CSV"});
    super::keyed(vec![
        json!({"schedule": "Weekly", "includedObjectVersions": "Current", "destination": to}),
        json!({"schedule": "Daily", "includedObjectVersions": "All", "isEnabled": false, "destination": to}),
        json!({"schedule": "Daily", "includedObjectVersions": "All", "filter": {"prefix": "raw/"},
            "optionalFields": ["Size", "ETag", "StorageClass"],
            "destination": {"bucket": "arn:aws:s3:::lists", "format": "Parquet", "accountId": "111122223333",
                "prefix": "a/", "encryption": {"type": "SSE-S3"}}}),
    ])
}
