//! `publicAccessBlock`: values as a spec may write them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fields;

pub fn values() -> BoxedStrategy<Value> {
    let switch = || prop::option::of(any::<bool>());
    let some = (switch(), switch(), switch(), switch()).prop_map(|(a, b, c, d)| {
        fields([
            ("blockPublicAcls", a.map(Value::from)),
            ("ignorePublicAcls", b.map(Value::from)),
            ("blockPublicPolicy", c.map(Value::from)),
            ("restrictPublicBuckets", d.map(Value::from)),
        ])
    });
    prop_oneof![Just(json!("all")), some].boxed()
}
