//! Legal values of every setting, one file each: what the properties are shown with, in memory and
//! on servers.

mod abac;
mod accelerate;
mod acl;
mod analytics;
mod cors;
mod encryption;
mod intelligent_tiering;
mod inventory;
mod lifecycle;
mod logging;
mod metadata;
mod metrics;
mod notifications;
mod object_lock;
mod object_ownership;
mod policy;
mod public_access_block;
mod replication;
mod request_payer;
mod tags;
mod versioning;
mod website;

use driftless::settings;
use proptest::prelude::*;
use serde_json::Value;

/// Makes the strategy of a setting.
type Strategies = fn() -> BoxedStrategy<Value>;

/// The strategies, in the order of the table of settings.
static LEGAL: &[(&str, Strategies)] = &[
    ("publicAccessBlock", public_access_block::values),
    ("versioning", versioning::values),
    ("encryption", encryption::values),
    ("tags", tags::values),
    ("abac", abac::values),
    ("objectOwnership", object_ownership::values),
    ("acl", acl::values),
    ("policy", policy::values),
    ("lifecycle", lifecycle::values),
    ("logging", logging::values),
    ("website", website::values),
    ("cors", cors::values),
    ("objectLock", object_lock::values),
    ("replication", replication::values),
    ("notifications", notifications::values),
    ("inventory", inventory::values),
    ("analytics", analytics::values),
    ("metrics", metrics::values),
    ("intelligentTiering", intelligent_tiering::values),
    ("accelerate", accelerate::values),
    ("requestPayer", request_payer::values),
    ("metadata", metadata::values),
];

/// Values of a setting as a spec may write them, each without a fault.
pub fn values(setting: &str) -> BoxedStrategy<Value> {
    let known = LEGAL.iter().find(|(name, _)| *name == setting);
    known.unwrap_or_else(|| panic!("no legal values for the setting `{setting}`: add tests/it/legal/")).1()
}

fn pick(values: Vec<Value>) -> BoxedStrategy<Value> {
    prop::sample::select(values).boxed()
}

fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let some = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    some.collect::<serde_json::Map<_, _>>().into()
}

/// Sets of configurations under ids, some of which shall be absent.
fn keyed(each: Vec<Value>) -> BoxedStrategy<Value> {
    let one = prop_oneof![5 => prop::sample::select(each), 1 => Just(serde_json::json!({"absent": true}))];
    prop::collection::btree_map("[a-c]", one, 1..3)
        .prop_map(|set| {
            let named = set.into_iter().map(|(id, mut one)| {
                one["id"] = id.into();
                one
            });
            serde_json::json!({"configurations": named.collect::<Vec<_>>()})
        })
        .boxed()
}

#[test]
fn every_setting_has_legal_values_and_they_are_legal() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    assert_eq!(LEGAL.len(), settings::SETTINGS.len());
    for setting in settings::SETTINGS {
        let values = values(setting.name());
        for _ in 0..64 {
            let said = values.new_tree(&mut runner).unwrap().current();
            let doc = setting.parse(&said).unwrap_or_else(|error| panic!("{}: {error}: {said}", setting.name()));
            assert_eq!(setting.check(&doc), [], "{}: {said}", setting.name());
        }
    }
}
