//! `website`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal};

fn word(of: &'static [&'static str]) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(prop::sample::select(of).prop_map(Value::from))
}

pub fn values() -> BoxedStrategy<Value> {
    let protocol = || word(&["http", "https"]);
    let condition = (word(&["old/", ""]), word(&["404", "500"]))
        .prop_map(|(prefix, code)| fields([("keyPrefixEquals", prefix), ("httpErrorCodeReturnedEquals", code)]));
    let redirect = (word(&["a.example"]), protocol(), word(&["new/"]), word(&["gone.html"]), word(&["301", "302"]));
    let redirect = redirect.prop_map(|(host, protocol, prefix, key, code)| {
        fields([
            ("hostName", host),
            ("protocol", protocol),
            ("replaceKeyPrefixWith", prefix),
            ("replaceKeyWith", key),
            ("httpRedirectCode", code),
        ])
    });
    let rule = (prop::option::of(condition), redirect)
        .prop_map(|(condition, redirect)| fields([("condition", condition), ("redirect", Some(redirect))]));
    let rules = prop::collection::vec(rule, 1..3).prop_map(|rules| json!(rules));
    let site = (prop::sample::select(vec!["index.html", "start.html"]), word(&["error.html"]), prop::option::of(rules))
        .prop_map(|(index, error, rules)| {
            fields([("indexDocument", Some(index.into())), ("errorDocument", error), ("routingRules", rules)])
        });
    let all = protocol().prop_map(|protocol| {
        let all = fields([("hostName", Some("example.com".into())), ("protocol", protocol)]);
        json!({ "redirectAllRequestsTo": all })
    });
    legal("website", prop_oneof![3 => site, 1 => all])
}
