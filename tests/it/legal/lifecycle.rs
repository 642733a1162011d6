//! `lifecycle`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    let rule = prop::sample::select(vec![
        json!({"status": "Enabled", "expiration": {"days": 30}}),
        json!({"status": "Disabled", "filter": {"prefix": "tmp/"}, "expiration": {"days": 7}}),
        json!({"status": "Enabled", "filter": {"prefix": "raw/", "tags": {"keep": "no"}},
                    "noncurrentVersionExpiration": {"noncurrentDays": 9}}),
        json!({"status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 3}}),
        json!({"status": "Enabled", "filter": {"prefix": "big/", "objectSizeGreaterThan": 500}, "expiration": {"days": 9}}),
        json!({"status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 9, "newerNoncurrentVersions": 2}}),
        json!({"status": "Enabled", "transitions": [{"days": 90, "storageClass": "GLACIER"}]}),
    ]);
    prop::collection::btree_map("[a-c]", rule, 1..3)
        .prop_map(|rules| {
            let named = rules.into_iter().map(|(id, mut rule)| {
                rule["id"] = json!(id);
                rule
            });
            json!({"rules": named.collect::<Vec<_>>()})
        })
        .boxed()
}
