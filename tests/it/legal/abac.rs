//! `abac`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![json!({"status": "Enabled"}), json!({"status": "Disabled"})])
}
