//! `replication`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    let with = |mut rule: Value, more: Value| {
        let (rule_fields, more) = (rule.as_object_mut().expect("a rule"), more.as_object().expect("fields"));
        rule_fields.extend(more.clone());
        rule
    };
    let copies = json!({"bucket": "arn:aws:s3:::copies"});
    let second = json!({"status": "Enabled", "filter": {}, "deleteMarkerReplication": {"status": "Disabled"},
        "destination": copies});
    let rule = prop::sample::select(vec![
        second.clone(),
        with(second.clone(), json!({"status": "Disabled", "filter": {"prefix": "raw/"}})),
        with(second.clone(), json!({"deleteMarkerReplication": {"status": "Enabled"}})),
        with(second.clone(), json!({"filter": {"prefix": "raw/", "tags": {"keep": "yes"}}})),
        with(
            second.clone(),
            json!({"destination": {"bucket": "arn:aws:s3:::copies", "storageClass": "GLACIER_IR",
            "replicationTime": {"status": "Enabled"}, "metrics": {"status": "Enabled"}}}),
        ),
        with(
            second,
            json!({
            "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"},
                "replicaModifications": {"status": "Enabled"}},
            "destination": {"bucket": "arn:aws:s3:::copies", "account": "222222222222",
                "accessControlTranslation": {"owner": "Destination"},
                "encryptionConfiguration": {"replicaKmsKeyId": "arn:aws:kms:us-east-1:222222222222:key/1a2b"}}}),
        ),
    ]);
    let second = prop::collection::btree_map("[a-c]", rule, 1..3).prop_map(move |rules| {
        let numbered = rules.into_iter().zip(1..);
        numbered.map(|((id, rule), priority)| with(rule, json!({"id": id, "priority": priority}))).collect()
    });
    let first = json!({"id": "a", "status": "Enabled", "prefix": "", "destination": copies});
    let rules = prop_oneof![4 => second, 1 => Just(vec![first])];
    let role = prop::sample::select(vec!["replication", "copier"]);
    (role, rules)
        .prop_map(|(role, rules)| json!({"role": format!("arn:aws:iam::111122223333:role/{role}"), "rules": rules}))
        .boxed()
}
