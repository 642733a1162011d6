//! `metadata`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fields;

pub fn values() -> BoxedStrategy<Value> {
    let key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    let encryption = || {
        prop::option::of(prop::sample::select(vec![
            json!({"algorithm": "AES256"}),
            json!({"algorithm": "aws:kms", "kmsKeyArn": key}),
        ]))
    };
    let expiration = prop::option::of(prop::sample::select(vec![
        json!({"expiration": "DISABLED"}),
        json!({"expiration": "ENABLED", "days": 7}),
        json!({"expiration": "ENABLED", "days": 365}),
    ]));
    let state = || prop::sample::select(vec![json!("ENABLED"), json!("DISABLED")]);
    let journal = (expiration, encryption())
        .prop_map(|(expiration, encryption)| fields([("recordExpiration", expiration), ("encryption", encryption)]));
    let inventory = (state(), encryption())
        .prop_map(|(state, encryption)| fields([("state", Some(state)), ("encryption", encryption)]));
    let role = prop::option::of(Just(json!("arn:aws:iam::123456789012:role/annotations")));
    let annotation = (state(), role, encryption()).prop_map(|(state, role, encryption)| {
        fields([("state", Some(state)), ("role", role), ("encryption", encryption)])
    });
    (prop::option::of(journal), prop::option::of(inventory), prop::option::of(annotation))
        .prop_map(|(journal, inventory, annotation)| {
            fields([("journalTable", journal), ("inventoryTable", inventory), ("annotationTable", annotation)])
        })
        .boxed()
}
