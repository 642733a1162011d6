//! `logging`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal};

pub fn values() -> BoxedStrategy<Value> {
    let target = prop::sample::select(vec!["access-logs", "other-logs"]);
    let prefix = prop::option::of(prop::sample::select(vec!["", "s3/", "ai/data/"]));
    let format = prop::option::of(prop::sample::select(vec![
        json!({"simplePrefix": {}}),
        json!({"partitionedPrefix": {}}),
        json!({"partitionedPrefix": {"partitionDateSource": "EventTime"}}),
        json!({"partitionedPrefix": {"partitionDateSource": "DeliveryTime"}}),
    ]));
    let value = (target, prefix, format).prop_map(|(target, prefix, format)| {
        fields([
            ("targetBucket", Some(target.into())),
            ("targetPrefix", prefix.map(Value::from)),
            ("targetObjectKeyFormat", format),
        ])
    });
    legal("logging", value)
}
