//! `objectLock`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::pick;

pub fn values() -> BoxedStrategy<Value> {
    pick(vec![
        json!(true),
        json!({"enabled": true}),
        json!({"enabled": true, "defaultRetention": {"mode": "GOVERNANCE", "days": 30}}),
        json!({"defaultRetention": {"mode": "GOVERNANCE", "years": 1}}),
        json!({"enabled": true, "defaultRetention": {"mode": "COMPLIANCE", "days": 7}}),
        json!({"enabled": true, "defaultRetention": {"mode": "COMPLIANCE", "days": 90, "defaultEventHold": {"days": 30}}}),
        json!({"enabled": true, "defaultRetention": "absent"}),
    ])
}
