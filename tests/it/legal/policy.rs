//! `policy`: values as a spec may write them, field by field.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal};

/// One text, or a list of them.
fn one_or_many(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let many = prop::sample::subsequence(of, 1..=of.len().min(3));
    (many, any::<bool>()).prop_map(|(many, bare)| match many.as_slice() {
        [only] if bare => json!(only),
        many => json!(many),
    })
}

fn principal() -> impl Strategy<Value = Value> {
    const ACCOUNTS: &[&str] = &[
        "111122223333",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::444455556666:role/reader",
        "arn:aws:iam::444455556666:user/ann",
        "*",
    ];
    const SERVICES: &[&str] = &["logging.s3.amazonaws.com", "cloudfront.amazonaws.com"];
    prop_oneof![
        2 => Just(json!("*")),
        4 => one_or_many(ACCOUNTS).prop_map(|who| json!({"AWS": who})),
        2 => one_or_many(SERVICES).prop_map(|who| json!({"Service": who})),
        1 => (one_or_many(ACCOUNTS), one_or_many(SERVICES)).prop_map(|(who, what)| json!({"AWS": who, "Service": what})),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        any::<bool>().prop_map(|on| ("Bool", "aws:SecureTransport", json!(on))),
        Just(("Bool", "aws:securetransport", json!("false"))),
        one_or_many(&["10.0.0.0/8", "192.0.2.7"]).prop_map(|it| ("IpAddress", "aws:SourceIp", it)),
        one_or_many(&["raw/*", "home/${aws:username}/*"]).prop_map(|it| ("StringLike", "s3:prefix", it)),
        (1..13).prop_map(|version| ("NumericLessThan", "s3:TlsVersion", json!(version))),
        one_or_many(&["o-a1b2c3d4e5"]).prop_map(|it| ("StringEquals", "aws:PrincipalOrgID", it)),
        one_or_many(&["aws:kms", "AES256"]).prop_map(|it| (
            "ForAllValues:StringNotEqualsIfExists",
            "s3:x-amz-server-side-encryption",
            it
        )),
    ];
    prop::collection::vec(one, 1..3).prop_map(|all| {
        let mut conditions = json!({});
        for (operator, key, value) in all {
            conditions[operator][key] = value;
        }
        conditions
    })
}

fn statement() -> impl Strategy<Value = Value> {
    const OF_OBJECTS: &[&str] = &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:getobjectversion", "s3:*"];
    const OF_BUCKETS: &[&str] = &["s3:ListBucket", "s3:GetBucketPolicy", "s3:Get*", "*"];
    const OBJECTS: &[&str] = &["arn:aws:s3:::ai-data/*", "arn:aws:s3:::ai-data/public/*", "arn:aws:s3:::ai-data/a/b?c"];
    let scope = prop_oneof![
        3 => (one_or_many(OF_OBJECTS), one_or_many(OBJECTS)),
        1 => (one_or_many(OF_BUCKETS), one_or_many(&["arn:aws:s3:::ai-data"])),
    ];
    let turned = || prop::bool::weighted(0.15);
    let sid = prop::option::of(prop::sample::select(vec!["tls", "read", "write", ""]));
    let effect = prop::sample::select(vec!["Allow", "Deny"]);
    let all = (sid, effect, principal(), scope, prop::option::of(condition()), (turned(), turned(), turned()));
    all.prop_map(|(sid, effect, principal, (action, resource), condition, (not_who, not_what, not_where))| {
        let either = |not: bool, plain: &'static str, turned: &'static str| if not { turned } else { plain };
        fields([
            ("Sid", sid.map(Value::from)),
            ("Effect", Some(effect.into())),
            (either(not_who, "Principal", "NotPrincipal"), Some(principal)),
            (either(not_what, "Action", "NotAction"), Some(action)),
            (either(not_where, "Resource", "NotResource"), Some(resource)),
            ("Condition", condition),
        ])
    })
}

pub fn values() -> BoxedStrategy<Value> {
    let version = prop_oneof![8 => Just(Some("2012-10-17")), 1 => Just(Some("2008-10-17")), 1 => Just(None)];
    let id = prop::option::weighted(0.2, prop::sample::select(vec!["access", "old"]));
    let all = (version, id, prop::collection::vec(statement(), 1..4)).prop_map(|(version, id, mut statements)| {
        let mut sids = BTreeSet::new();
        statements.retain(|it| it["Sid"].as_str().is_none_or(|sid| sid.is_empty() || sids.insert(sid.to_owned())));
        fields([
            ("Version", version.map(Value::from)),
            ("Id", id.map(Value::from)),
            ("Statement", Some(statements.into())),
        ])
    });
    legal("policy", all)
}
