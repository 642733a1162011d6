//! `tags`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

pub fn values() -> BoxedStrategy<Value> {
    prop::collection::btree_map("[A-D]", "[a-b]", 1..4).prop_map(|tags| json!(tags)).boxed()
}
