//! `analytics`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    super::keyed(vec![
        json!({}),
        json!({"filter": {"prefix": "raw/"}}),
        json!({"filter": {"tags": {"team": "ml"}}}),
        json!({"filter": {"prefix": "raw/", "tags": {"team": "ml", "x": ""}},
            "dataExport": {"destination": {"bucket": "arn:aws:s3:::lists", "prefix": "a/"}}}),
    ])
}
