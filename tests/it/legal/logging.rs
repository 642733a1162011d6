//! `logging`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![
        json!({"targetBucket": "access-logs", "targetPrefix": "s3/"}),
        json!({"targetBucket": "other-logs", "targetPrefix": ""}),
        json!({"targetBucket": "access-logs", "targetPrefix": "s3/",
                "targetObjectKeyFormat": {"partitionedPrefix": {"partitionDateSource": "DeliveryTime"}}}),
    ])
}
