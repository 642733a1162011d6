//! `acl`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![
        json!("private"),
        json!("public-read"),
        json!("log-delivery-write"),
        json!({"grants": [{"grantee": "AllUsers", "permission": "READ"}]}),
        json!({"grants": [{"grantee": format!("id:{}", "a".repeat(64)), "permissions": ["READ", "WRITE"]}]}),
    ])
}
