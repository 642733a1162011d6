//! `acl`: values as a spec may write them, grantee by grantee.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::legal;

pub fn values() -> BoxedStrategy<Value> {
    let canned = prop::sample::select(vec![json!("private"), json!("public-read"), json!("log-delivery-write")]);
    let grantees = ["AllUsers", "AuthenticatedUsers", "LogDelivery"].map(str::to_owned).into_iter();
    let grantees: Vec<String> = grantees.chain(["a", "b"].map(|letter| format!("id:{}", letter.repeat(64)))).collect();
    let permissions = prop::sample::subsequence(vec!["READ", "READ_ACP", "WRITE", "WRITE_ACP", "FULL_CONTROL"], 1..4);
    let grants = prop::collection::btree_map(prop::sample::select(grantees), permissions, 0..4).prop_map(|grants| {
        let each = grants.into_iter().map(|(who, may)| json!({"grantee": who, "permissions": may}));
        json!({"grants": each.collect::<Vec<_>>()})
    });
    legal("acl", prop_oneof![1 => canned, 2 => grants])
}
