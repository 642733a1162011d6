//! What holds for every policy.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::doc::Doc;

fn canonical(said: Json) -> Value {
    Policy::canonical(serde_json::from_value(said).expect("a document"))
}

fn merge(live: &Value, want: Json, how: Overlay) -> Value {
    Policy::canonical(Policy::merge(live, &serde_json::from_value(want).expect("a document"), how))
}

fn any_case(word: &'static str) -> impl Strategy<Value = String> {
    any::<u64>().prop_map(move |bits| {
        let flip = |(place, letter): (usize, char)| {
            if bits >> (place % 64) & 1 == 1 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
        };
        word.chars().enumerate().map(flip).collect()
    })
}

fn any_action() -> impl Strategy<Value = String> {
    prop_oneof![
        any_case("s3:getobject"),
        any_case("s3:putobjectacl"),
        any_case("s3:get*"),
        any_case("s3:*tagging"),
        any_case("s3:unheardof"),
        Just("*".to_owned()),
    ]
}

fn any_condition() -> impl Strategy<Value = (String, String, Json)> {
    let operator = prop_oneof![
        any_case("bool"),
        any_case("stringequals"),
        any_case("foranyvalue:stringlikeifexists"),
        any_case("ipaddress"),
        any_case("unheardof"),
    ];
    let key =
        prop_oneof![any_case("aws:securetransport"), any_case("s3:existingobjecttag/x"), any_case("aws:sourceip")];
    let value = prop_oneof![
        Just(json!(true)),
        Just(json!(7)),
        Just(json!("203.0.113.7")),
        Just(json!(["b", "a", "b"])),
        Just(json!("${aws:username}")),
        Just(json!([])),
    ];
    (operator, key, value)
}

fn any_statement() -> impl Strategy<Value = Json> {
    let principal = prop::sample::select(vec![
        json!("*"),
        json!({"AWS": "123456789012"}),
        json!({"AWS": ["arn:aws-cn:iam::123456789012:root", "AROAJ56KQXD2NPEXAMPLE"]}),
        json!({"Service": "logging.s3.amazonaws.com", "AWS": []}),
        json!({"CanonicalUser": "abc", "AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}),
        json!({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}),
        json!({"CanonicalUser": "abc"}),
    ]);
    (
        prop::sample::select(vec![json!(null), json!(""), json!("A"), json!("B")]),
        prop::sample::select(vec!["Allow", "Deny"]),
        principal,
        prop::collection::vec(any_action(), 1..3),
        prop::collection::vec(any_condition(), 0..3),
        any::<[bool; 3]>(),
    )
        .prop_map(|(sid, effect, principal, actions, conditions, [not, one, nowhere])| {
            let mut said = json!({"Effect": effect, "Action": actions});
            if !sid.is_null() {
                said["Sid"] = sid;
            }
            said[if not { "NotPrincipal" } else { "Principal" }] = principal;
            if one {
                said["Action"] = json!(actions[0]);
            }
            let resource = json!(["arn:aws:s3:::data/*", "arn:aws:s3:::data"]);
            said[if nowhere { "NotResource" } else { "Resource" }] = resource;
            for (operator, key, value) in conditions {
                said["Condition"][operator][key] = value;
            }
            said
        })
}

fn any_document() -> impl Strategy<Value = Json> {
    let version = prop::sample::select(vec![json!(null), json!("2012-10-17"), json!("2008-10-17")]);
    (version, prop::collection::vec(any_statement(), 0..4)).prop_map(|(version, statements)| {
        let mut said = json!({"Statement": statements});
        if !version.is_null() {
            said["Version"] = version;
        }
        said
    })
}

proptest! {
    #[test]
    fn canonical_is_idempotent_and_survives_its_text_and_s3(document in any_document()) {
        let once = canonical(document);
        prop_assert_eq!(&Policy::canonical(once.clone()), &once);
        prop_assert_eq!(&Doc::of(&once).parse::<Value>().expect("a doc of policy"), &once);
        prop_assert_eq!(&canonical(render(&once)), &once);
        prop_assert!(Doc::of(&once).changes_to(&Doc::of(&once)).is_empty());
        prop_assert_eq!(Policy::risk(&once, &once), Risk::Safe);
    }

    #[test]
    fn merging_twice_is_merging_once(live in any_document(), want in any_document(), whole in any::<bool>()) {
        let how = if whole { Overlay::Whole } else { Overlay::Within };
        let once = merge(&canonical(live), want.clone(), how);
        prop_assert_eq!(merge(&once, want, how), once);
    }

    #[test]
    fn the_order_of_statements_does_not_matter(mut document in any_document()) {
        let one = canonical(document.clone());
        document["Statement"].as_array_mut().expect("a list").reverse();
        prop_assert_eq!(canonical(document), one);
    }
}
