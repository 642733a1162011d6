//! `metrics`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    super::keyed(vec![
        json!({}),
        json!({"filter": {"prefix": "raw/"}}),
        json!({"filter": {"accessPointArn": "arn:aws:s3:us-east-1:111122223333:accesspoint/a"}}),
        json!({"filter": {"prefix": "raw/", "tags": {"team": "ml"}}}),
    ])
}
