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

use driftless::setting::{Overlay, Problem};
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

/// Whether nothing at all is wrong with what a spec says of a setting.
fn is_legal(setting: &'static str, said: &Value) -> bool {
    let it = settings::named(setting);
    it.parse(said).is_ok_and(|doc| it.check(&doc).is_empty())
}

/// The legal ones among values that are made up field by field.
fn legal(setting: &'static str, values: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    values.prop_filter("a value that S3 takes", move |said| is_legal(setting, said)).boxed()
}

/// A tag or two of objects.
fn some_tags() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-b]", "[x-y]?", 1..3).prop_map(|tags| serde_json::json!(tags))
}

fn pick(values: Vec<Value>) -> BoxedStrategy<Value> {
    prop::sample::select(values).boxed()
}

fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let some = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    some.collect::<serde_json::Map<_, _>>().into()
}

/// One of some words, or nothing.
fn maybe<T: std::fmt::Debug + Clone + Into<Value> + 'static>(of: Vec<T>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(prop::sample::select(of).prop_map(Into::into))
}

/// Sets of configurations under ids, some of which shall be absent.
fn keyed(setting: &'static str, each: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    let one = prop_oneof![5 => each, 1 => Just(serde_json::json!({"absent": true}))];
    let sets = prop::collection::btree_map("[a-c]", one, 1..3).prop_map(|set| {
        let named = set.into_iter().map(|(id, mut one)| {
            one["id"] = id.into();
            one
        });
        serde_json::json!({"configurations": named.collect::<Vec<_>>()})
    });
    legal(setting, sets)
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

/// A live bucket of a legal kind "held what no spec can say", because its one form was one that the
/// checks of that very setting refuse; and so was the sum of what is live and what is wanted.
#[test]
fn the_one_form_of_a_legal_value_is_legal_and_so_is_every_merge() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut faults = std::collections::BTreeSet::new();
    for setting in settings::SETTINGS {
        let values = values(setting.name());
        let mut draw = || {
            let said = values.new_tree(&mut runner).unwrap().current();
            setting.parse(&said).expect("legal values have the form")
        };
        for _ in 0..256 {
            let (live, want) = (draw(), draw());
            let live = setting.merge(&setting.default_doc(), &live, Overlay::Whole);
            for (how, word) in [(Overlay::Whole, "a spec"), (Overlay::Within, "a policy")] {
                let to = setting.merge(&live, &want, how);
                for (doc, what) in [(&live, "alone"), (&to, word)] {
                    for problem in setting.check(doc).into_iter().filter(Problem::is_error) {
                        if !SUMS.iter().any(|(name, said)| *name == setting.name() && problem.message.contains(said)) {
                            faults.insert(format!("{}, {what}: {}", setting.name(), problem.message));
                        }
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Whether a fault is one of the sum of what several documents ask, each of which is legal.
pub fn is_of_a_sum(said: &str) -> bool {
    SUMS.iter().any(|(setting, fault)| said.contains(&format!("`{setting}/")) && said.contains(fault))
}

/// What S3 refuses of the sum of two values of which it takes each, and no merge can mend: it is told
/// where the documents meet, or the write is refused.
const SUMS: &[(&str, &str)] = &[
    ("notifications", "it takes events for the same keys as"),
    ("replication", ", too"),
    ("replication", "the prefix overlaps that of the rule"),
];
