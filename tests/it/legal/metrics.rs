//! `metrics`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::Value;

use super::{fields, keyed, maybe, some_tags};

pub fn values() -> BoxedStrategy<Value> {
    let point = maybe(vec![
        "arn:aws:s3:us-east-1:111122223333:accesspoint/a",
        "arn:aws-cn:s3:cn-north-1:111122223333:accesspoint/training",
    ]);
    let filter = (maybe(vec!["", "raw/"]), prop::option::of(some_tags()), point);
    let filter = filter
        .prop_map(|(prefix, tags, point)| fields([("prefix", prefix), ("tags", tags), ("accessPointArn", point)]));
    keyed("metrics", prop::option::of(filter).prop_map(|filter| fields([("filter", filter)])))
}
