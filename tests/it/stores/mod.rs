//! Every setting on every S3 server: what is written is read back, one repair is enough, and what
//! a server lacks is known to be lacking.
//!
//! The tests here run against the embedded server, and against the one that `DRIFTLESS_STORE` names
//! (`NAME URL KEY SECRET`): `tests/outside` starts the others and runs this binary for each. New
//! settings take part by themselves, with the values of `tests/it/legal/`.

mod deviations;
mod repairs;
mod round_trip;
mod server;
mod table;

use driftless::setting::{AnySetting, Overlay};
use driftless::settings;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::legal;

/// Values of a setting for a bucket: the same ones in every run.
fn cases(setting: &str, bucket: &str, count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let values = legal::values(setting);
    let mut cases: Vec<Value> = Vec::new();
    // Few values are drawn again and again.
    for _ in 0..8 * count {
        let said = values.new_tree(&mut runner).expect("a value").current();
        let said = serde_json::from_str(&said.to_string().replace("ai-data", bucket)).expect("JSON");
        if cases.len() < count && !cases.contains(&said) {
            cases.push(said);
        }
    }
    cases
}

/// Pairs of a live value and a wish, each drawn for itself: the same ones in every run.
fn pairs(setting: &str, bucket: &str, count: usize) -> Vec<(Value, Value)> {
    let mut runner = TestRunner::deterministic();
    let values = legal::values(setting);
    let mut draw = || {
        let said = values.new_tree(&mut runner).expect("a value").current();
        serde_json::from_str::<Value>(&said.to_string().replace("ai-data", bucket)).expect("JSON")
    };
    (0..count).map(|_| (draw(), draw())).collect()
}

/// A value as a spec says it, over what a bucket has.
fn whole(setting: &dyn AnySetting, live: &driftless::doc::Doc, said: &Value) -> driftless::doc::Doc {
    setting.merge(live, &setting.parse(said).expect("legal values have the form"), Overlay::Whole)
}

/// What has to be so before a setting can take every value.
fn before(setting: &'static str) -> Vec<(&'static str, Value)> {
    let open = json!({"blockPublicAcls": false, "ignorePublicAcls": false, "blockPublicPolicy": false,
        "restrictPublicBuckets": false});
    let after = settings::named(setting).after();
    let mut steps = Vec::new();
    if matches!(setting, "acl" | "policy") || after.contains(&"publicAccessBlock") {
        steps.push(("publicAccessBlock", open));
    }
    if setting == "acl" || after.contains(&"objectOwnership") {
        steps.push(("objectOwnership", json!("ObjectWriter")));
    }
    if after.contains(&"versioning") {
        steps.push(("versioning", json!({"status": "Enabled"})));
    }
    steps.retain(|(name, _)| *name != setting);
    steps
}

/// The buckets that a value names besides its own: they have to be there.
fn others(value: &Value, own: &str) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if let (Some(name), true) = (value.as_str(), key.to_lowercase().contains("bucket")) {
                    found.push(name.trim_start_matches("arn:aws:s3:::").to_owned());
                }
                found.extend(others(value, own));
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(|item| others(item, own))),
        Value::String(text) => {
            found.extend(text.strip_prefix("arn:aws:s3:::").and_then(|rest| rest.split('/').next()).map(str::to_owned));
        }
        _ => {}
    }
    found.retain(|name| name != own && driftless::bucket::BucketName::parse(name).is_ok());
    found
}
