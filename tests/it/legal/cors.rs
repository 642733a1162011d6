//! `cors`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal};

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::subsequence(of, 1..of.len()).prop_map(|some| json!(some))
}

pub fn values() -> BoxedStrategy<Value> {
    let rule = (
        prop::option::of(prop::sample::select(vec!["web", "notebooks"])),
        some(&["GET", "HEAD", "PUT", "POST", "DELETE"]),
        some(&["*", "https://a.example", "https://*.b.example"]),
        prop::option::of(some(&["*", "Authorization", "x-amz-*"])),
        prop::option::of(some(&["ETag", "x-amz-request-id", "Content-Length"])),
        prop::option::of(0..90_000),
    );
    let rule = rule.prop_map(|(id, methods, origins, headers, exposed, age)| {
        fields([
            ("id", id.map(Value::from)),
            ("allowedMethods", Some(methods)),
            ("allowedOrigins", Some(origins)),
            ("allowedHeaders", headers),
            ("exposeHeaders", exposed),
            ("maxAgeSeconds", age.map(Value::from)),
        ])
    });
    legal("cors", prop::collection::vec(rule, 1..4).prop_map(|rules| json!({"rules": rules})))
}
