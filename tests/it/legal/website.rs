//! `website`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![
        json!({"indexDocument": "index.html"}),
        json!({"indexDocument": "index.html", "errorDocument": "error.html"}),
        json!({"redirectAllRequestsTo": {"hostName": "example.com", "protocol": "https"}}),
        json!({"indexDocument": "index.html", "routingRules":
                [{"condition": {"keyPrefixEquals": "old/"}, "redirect": {"replaceKeyPrefixWith": "new/"}}]}),
    ])
}
