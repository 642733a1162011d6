//! `replication`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, is_legal, legal, some_tags};

const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1a2b";

fn status() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["Enabled", "Disabled"]).prop_map(|status| json!({"status": status}))
}

fn with(mut value: Value, key: &str, more: Option<Value>) -> Value {
    if let Some(more) = more {
        value[key] = more;
    }
    value
}

fn destination() -> impl Strategy<Value = Value> {
    let class = prop::option::of(prop::sample::select(vec!["STANDARD", "GLACIER_IR", "DEEP_ARCHIVE"]));
    let key = prop::option::of(Just(json!({"replicaKmsKeyId": KEY})));
    let quarter = || prop::option::of(Just(json!({"minutes": 15})));
    let time = prop::option::weighted(0.4, (status(), quarter()).prop_map(|(it, time)| with(it, "time", time)));
    let metrics =
        prop::option::of((status(), quarter()).prop_map(|(it, threshold)| with(it, "eventThreshold", threshold)));
    let account = prop::option::of(Just(Value::from("222222222222")));
    let owner = prop::option::weighted(0.3, Just(json!({"owner": "Destination"})));
    (account, class, owner, key, time, metrics).prop_map(|(account, class, owner, key, time, metrics)| {
        fields([
            ("bucket", Some("arn:aws:s3:::copies".into())),
            ("account", account),
            ("storageClass", class.map(Value::from)),
            ("accessControlTranslation", owner),
            ("encryptionConfiguration", key),
            ("replicationTime", time),
            ("metrics", metrics),
        ])
    })
}

/// What rules of both versions have in common.
fn common() -> impl Strategy<Value = Value> {
    let criteria = (prop::option::of(status()), prop::option::of(status()))
        .prop_map(|(kms, replicas)| fields([("sseKmsEncryptedObjects", kms), ("replicaModifications", replicas)]));
    let existing = prop::option::weighted(0.1, Just(json!({"status": "Disabled"})));
    (status(), prop::option::of(criteria), existing, destination()).prop_map(
        |(status, criteria, existing, destination)| {
            let rule = json!({"status": status["status"], "destination": destination});
            with(with(rule, "sourceSelectionCriteria", criteria), "existingObjectReplication", existing)
        },
    )
}

/// A rule that S3 takes when it is alone.
fn alone(rule: &Value) -> bool {
    let mut rule = rule.clone();
    rule["id"] = json!("a");
    is_legal("replication", &json!({"rules": [rule]}))
}

fn second() -> impl Strategy<Value = Value> {
    let prefix = prop::option::of(prop::sample::select(vec!["", "raw/", "models/"]));
    let filter = (prefix, prop::option::weighted(0.3, some_tags()))
        .prop_map(|(prefix, tags)| fields([("prefix", prefix.map(Value::from)), ("tags", tags)]));
    let rule = (common(), filter, status()).prop_map(|(mut rule, filter, markers)| {
        rule["filter"] = filter;
        rule["deleteMarkerReplication"] = markers;
        rule["priority"] = json!(1);
        rule
    });
    rule.prop_filter("a rule that S3 takes", alone)
}

fn first() -> impl Strategy<Value = Value> {
    let rule = common().prop_map(|mut rule| {
        rule["prefix"] = json!("");
        rule
    });
    rule.prop_filter("a rule that S3 takes", alone)
}

pub fn values() -> BoxedStrategy<Value> {
    let second = prop::collection::btree_map("[a-c]", second(), 1..3).prop_map(|rules| {
        // By the id, so that rules of two documents have priorities of their own, too.
        let numbered = rules.into_iter().map(|(id, mut rule)| {
            rule["priority"] = json!(id.bytes().map(u32::from).sum::<u32>());
            rule["id"] = json!(id);
            rule
        });
        numbered.collect::<Vec<Value>>()
    });
    // Rules of the first version have prefixes that do not overlap.
    let first = prop::collection::vec(first(), 1..3).prop_map(|rules| {
        let several = rules.len() > 1;
        let named = rules.into_iter().zip(["a", "b"]).map(|(mut rule, id)| {
            rule["id"] = json!(id);
            rule["prefix"] = if several { json!(format!("{id}/")) } else { json!("") };
            rule
        });
        named.collect::<Vec<Value>>()
    });
    let rules = prop_oneof![4 => second, 1 => first];
    let role = prop::sample::select(vec!["replication", "copier"]);
    let value = (role, rules)
        .prop_map(|(role, rules)| json!({"role": format!("arn:aws:iam::111122223333:role/{role}"), "rules": rules}));
    legal("replication", value)
}
