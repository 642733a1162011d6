//! `objectLock`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal};

/// `days` or `years`.
fn period(longest: i32) -> impl Strategy<Value = [(&'static str, Option<Value>); 2]> {
    prop_oneof![
        3 => (1..longest).prop_map(|days: i32| [("days", Some(days.into())), ("years", None)]),
        1 => (1..10_i32).prop_map(|years| [("days", None), ("years", Some(years.into()))]),
    ]
}

fn retention() -> impl Strategy<Value = Value> {
    let hold = period(400).prop_map(fields);
    let mode = prop::sample::select(vec!["GOVERNANCE", "COMPLIANCE"]);
    // A period, an event hold, or both.
    let both = (mode, prop::option::weighted(0.8, period(36_501)), prop::option::weighted(0.3, hold));
    both.prop_map(|(mode, period, hold)| {
        let [days, years] = period.unwrap_or([("days", None), ("years", None)]);
        fields([("mode", Some(mode.into())), days, years, ("defaultEventHold", hold)])
    })
}

pub fn values() -> BoxedStrategy<Value> {
    let retention = prop_oneof![4 => retention(), 1 => Just(json!("absent"))];
    let long =
        (prop::option::of(Just(true)), prop::option::weighted(0.8, retention)).prop_map(|(enabled, retention)| {
            fields([("enabled", enabled.map(Value::from)), ("defaultRetention", retention)])
        });
    legal("objectLock", prop_oneof![1 => Just(json!(true)), 6 => long])
}
