//! `cors`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![
        json!({"rules": [{"allowedMethods": ["GET"], "allowedOrigins": ["*"]}]}),
        json!({"rules": [{"id": "web", "allowedMethods": ["PUT", "GET"], "allowedOrigins": ["https://a.example"],
                "maxAgeSeconds": 60}]}),
        json!({"rules": [{"id": "web", "allowedMethods": ["GET"], "allowedOrigins": ["https://b.example"]},
                {"allowedMethods": ["HEAD"], "allowedOrigins": ["*"], "exposeHeaders": ["ETag"]}]}),
    ])
}
