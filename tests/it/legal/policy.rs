//! `policy`: values as a spec may write them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    let statement = prop::sample::select(vec![
        json!({"Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                    "Resource": "arn:aws:s3:::ai-data/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}),
        json!({"Sid": "read", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
                    "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::ai-data/*"}),
        json!({"Sid": "write", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
                    "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::ai-data/*"}),
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::ai-data/public/*"}),
    ]);
    prop::collection::btree_map("[a-d]", statement, 1..4)
        .prop_map(|them| {
            let mut statements: Vec<Value> = them.into_values().collect();
            statements.dedup();
            let mut sids = BTreeSet::new();
            statements.retain(|it| sids.insert(it["Sid"].to_string()));
            json!({"Version": "2012-10-17", "Statement": statements})
        })
        .boxed()
}
