//! `notifications`: values as a spec may write them. Each id has a prefix of its own, so that none
//! overlaps with another.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    let arns = vec![
        ("topics", "arn:aws:sns:us-east-1:123456789012:mail"),
        ("queues", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("queues", "arn:aws:sqs:us-east-1:210987654321:index"),
        ("lambdaFunctions", "arn:aws:lambda:us-east-1:123456789012:function:index:live"),
    ];
    let events = prop::sample::select(vec![
        json!(["s3:ObjectCreated:*"]),
        json!(["s3:ObjectRemoved:Delete", "s3:ObjectCreated:Put"]),
        json!(["s3:LifecycleExpiration:*"]),
    ]);
    let one = (prop::sample::select(arns), events, prop::option::of(Just(".tar")), prop::bool::weighted(0.2));
    let named = prop::collection::btree_map("[a-d]", one, 0..4);
    // `d` has no id of its own.
    (named, prop::option::of(any::<bool>()))
        .prop_map(|(named, bridge)| {
            let mut value = serde_json::Map::new();
            for (id, ((list, arn), events, suffix, absent)) in named {
                let mut filter = json!({"prefix": format!("{id}/")});
                if let Some(suffix) = suffix {
                    filter["suffix"] = suffix.into();
                }
                let mut it = json!({"arn": arn, "events": events, "filter": filter});
                if id != "d" {
                    it["id"] = id.as_str().into();
                }
                let it = if absent && id != "d" { json!({"id": id, "absent": true}) } else { it };
                let all = value.entry(list).or_insert_with(|| json!([]));
                all.as_array_mut().expect("a list").push(it);
            }
            if let Some(bridge) = bridge {
                value.insert("eventBridge".to_owned(), bridge.into());
            }
            value.into()
        })
        .boxed()
}
