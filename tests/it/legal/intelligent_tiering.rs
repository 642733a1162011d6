//! `intelligentTiering`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, keyed, maybe, some_tags};

pub fn values() -> BoxedStrategy<Value> {
    let filter = (maybe(vec!["", "raw/"]), prop::option::of(some_tags()));
    let filter = filter.prop_map(|(prefix, tags)| fields([("prefix", prefix), ("tags", tags)]));
    let tiers = prop::sample::subsequence(vec![("ARCHIVE_ACCESS", 90), ("DEEP_ARCHIVE_ACCESS", 180)], 1..=2);
    let tiers = (tiers, any::<bool>(), 0..500).prop_map(|(mut tiers, turned, more)| {
        // As people write them, in any order.
        if turned {
            tiers.reverse();
        }
        tiers.iter().map(|(tier, least)| json!({"accessTier": tier, "days": least + more})).collect::<Value>()
    });
    let one = (prop::sample::select(vec!["Enabled", "Disabled"]), prop::option::of(filter), tiers);
    let one = one.prop_map(|(status, filter, tiers)| {
        fields([("status", Some(status.into())), ("filter", filter), ("tierings", Some(tiers))])
    });
    keyed("intelligentTiering", one)
}
