//! Tests: what is read for a verdict, and when there is none.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;

/// The settings in their canonical forms.
pub(super) fn schema() -> Schema {
    let settings = json!({
        "publicAccessBlock": {"blockPublicAcls": "bool", "ignorePublicAcls": "bool", "blockPublicPolicy": "bool", "restrictPublicBuckets": "bool"},
        "versioning": {"status": "string"},
        "encryption": {"algorithm": "string", "kmsKeyId": "string", "bucketKey": "bool", "blockedEncryptionTypes": ["string"]},
        "tags": {"*": "string"},
        "objectOwnership": {"rule": "string"},
        "acl": {"grants": [{"grantee": "string", "permissions": ["string"]}]},
        "policy": {"version": "string", "statements": [{
            "id": "string", "sid": "string", "effect": "string", "public": "bool", "principal": {"*": ["string"]}, "notPrincipal": {"*": ["string"]},
            "actions": ["string"], "notActions": ["string"], "resources": ["string"], "notResources": ["string"],
            "conditions": {"*": {"*": ["string"]}}}]},
        "lifecycle": {"rules": [{"id": "string", "status": "string", "prefix": "string", "abortIncompleteMultipartUpload": {"days": "int"}}]},
        "logging": {"targetBucket": "string", "targetPrefix": "string"},
    });
    let settings = settings.as_object().expect("an object").clone();
    Schema::new(settings.into_iter().map(|(name, example)| (name, Type::by_example(&example))))
}

/// One setting as a test gives it.
#[derive(Clone)]
pub(super) enum Is {
    Known(Value),
    Absent,
    Unknown,
}

/// Evaluates over a bucket of which the settings named are as given and all others unread.
pub(super) fn over<T>(settings: &[(&str, Is)], ask: impl FnOnce(&Facts<'_>) -> Outcome<T>) -> Outcome<T> {
    let schema = schema();
    let labels = BTreeMap::from([("team".to_owned(), "ml".to_owned())]);
    let identity =
        Identity { name: "data", arn: "arn:aws:s3:::data", account: "default", region: "us-east-1", labels: &labels };
    let now = DateTime::from_timestamp(1_795_000_000, 0).expect("in range");
    let mut facts = Facts::new(&schema, &identity, now);
    for (name, is) in settings {
        facts.set(
            name,
            match is {
                Is::Known(value) => Seen::Known(value),
                Is::Absent => Seen::Absent,
                Is::Unknown => Seen::Unknown,
            },
        );
    }
    ask(&facts)
}

pub(super) fn decide(source: &str, settings: &[(&str, Is)]) -> Outcome<bool> {
    let expression =
        Expression::compile(source, &schema(), &Type::Bool).unwrap_or_else(|it| panic!("{source}: {it:?}"));
    over(settings, |facts| expression.decide(facts, &Value::Null))
}

fn known(value: Value) -> Is {
    Is::Known(value)
}

fn needs(setting: &str) -> Outcome<bool> {
    Outcome::Needs(setting.into())
}

fn unknown(setting: &str) -> Outcome<bool> {
    Outcome::Unknown(setting.into())
}

const YES: Outcome<bool> = Outcome::Value(true);
const NO: Outcome<bool> = Outcome::Value(false);

#[test]
fn a_setting_that_nobody_read_is_asked_for() {
    assert_eq!(decide("bucket.versioning.status == 'Enabled'", &[]), needs("versioning"));
    assert_eq!(decide("has(bucket.versioning)", &[]), needs("versioning"));
    assert_eq!(decide("!has(bucket.versioning)", &[]), needs("versioning"));
    assert_eq!(decide("has(bucket.versioning.status)", &[]), needs("versioning"));
    assert_eq!(decide("bucket['versioning'].status == 'Enabled'", &[]), needs("versioning"));
    assert_eq!(decide("bucket.?versioning.?status.orValue('') == 'Enabled'", &[]), needs("versioning"));
    assert_eq!(decide("bucket[?'versioning'].hasValue()", &[]), needs("versioning"));
    assert_eq!(decide("'a' in bucket.tags", &[]), needs("tags"));
    assert_eq!(decide("bucket.tags.all(k, k != '')", &[]), needs("tags"));
}

#[test]
fn what_is_known_without_a_read_needs_none() {
    assert_eq!(
        decide("bucket.name == 'data' && bucket.region.startsWith('us-') && bucket.labels.team == 'ml'", &[]),
        YES
    );
    assert_eq!(decide("bucket.arn + '/*' == 'arn:aws:s3:::data/*' && bucket.account == 'default'", &[]), YES);
    assert_eq!(decide("now > timestamp('2026-01-01T00:00:00Z')", &[]), YES);
}

#[test]
fn a_verdict_that_stands_reads_nothing_more() {
    assert_eq!(decide("true || has(bucket.policy)", &[]), YES);
    assert_eq!(decide("has(bucket.policy) || true", &[]), YES, "whatever the policy says");
    assert_eq!(decide("has(bucket.policy) && bucket.name == 'other'", &[]), NO);
    assert_eq!(decide("has(bucket.policy) && has(bucket.acl) || bucket.name == 'data'", &[]), YES);
    assert_eq!(decide("['a', 'b'].exists(x, has(bucket.policy) || x == 'b')", &[]), YES);
    assert_eq!(decide("['a', 'b'].all(x, has(bucket.policy) && x == 'a')", &[]), NO);
}

#[test]
fn the_first_setting_that_the_result_depends_on_is_asked_for() {
    assert_eq!(decide("has(bucket.policy) || has(bucket.acl)", &[]), needs("policy"));
    let no_policy = [("policy", Is::Absent)];
    assert_eq!(decide("has(bucket.policy) || has(bucket.acl)", &no_policy), needs("acl"));
    // The left side holds whatever the policy says, so reading it would be for nothing.
    assert_eq!(decide("(has(bucket.policy) || true) && has(bucket.acl)", &[]), needs("acl"));
    assert_eq!(decide("(has(bucket.policy) && false) || has(bucket.acl)", &[]), needs("acl"));
    assert_eq!(decide("['a'].exists(x, has(bucket.policy) || x == 'a') && has(bucket.acl)", &[]), needs("acl"));
    assert_eq!(decide("((has(bucket.policy) || true) ? 'a' : 'b') == 'a' && has(bucket.acl)", &[]), needs("acl"));
}

#[test]
fn an_unknown_setting_decides_only_what_depends_on_it() {
    let denied = [("policy", Is::Unknown)];
    assert_eq!(decide("has(bucket.policy)", &denied), unknown("policy"));
    assert_eq!(decide("bucket.?policy.hasValue()", &denied), unknown("policy"));
    assert_eq!(decide("has(bucket.policy) || bucket.name == 'data'", &denied), YES);
    assert_eq!(decide("has(bucket.policy) || bucket.name == 'other'", &denied), unknown("policy"));
    assert_eq!(decide("has(bucket.policy) || has(bucket.acl)", &denied), needs("acl"), "the ACL could settle it");
    assert_eq!(decide("has(bucket.acl) || has(bucket.policy)", &denied), needs("acl"));
    let both = [("policy", Is::Unknown), ("acl", Is::Absent)];
    assert_eq!(decide("has(bucket.policy) || has(bucket.acl)", &both), unknown("policy"));
    // Absorbed on the left, so the failure on the right is the expression's own.
    assert_eq!(
        decide(
            "(has(bucket.policy) || true) && bucket.tags['a'] == ''",
            &[("policy", Is::Unknown), ("tags", Is::Absent)]
        ),
        Outcome::Failed(Failure::Error("there is no `a`".into()))
    );
}

#[test]
fn nothing_set_is_absent_and_a_map_is_always_there() {
    for nothing in [known(json!({})), known(json!({"status": null})), Is::Absent] {
        assert_eq!(decide("has(bucket.versioning)", &[("versioning", nothing)]), NO);
    }
    for nothing in [known(json!({})), Is::Absent] {
        assert_eq!(decide("has(bucket.tags) && !('Name' in bucket.tags)", &[("tags", nothing)]), YES);
    }
    let absent_field = known(json!({"grants": []}));
    assert_eq!(decide("has(bucket.acl) && bucket.acl.grants.size() == 0", &[("acl", absent_field)]), YES);
}

/// Lists and maps of a document are values of ours, those that an expression makes are the
/// language's: an operator takes either on either side.
#[test]
fn documents_and_what_expressions_make_are_compared_alike() {
    let grants = json!({"grants": [{"grantee": "AllUsers", "permissions": ["READ", "WRITE"]}]});
    let settings = [("acl", known(grants)), ("tags", known(json!({"a": "1"})))];
    for holds in [
        "bucket.acl.grants[0].permissions == ['READ', 'WRITE']",
        "['READ', 'WRITE'] == bucket.acl.grants[0].permissions",
        "bucket.acl.grants[0].permissions != ['READ']",
        "['READ'] != bucket.acl.grants[0].permissions",
        "bucket.acl.grants.map(g, g.grantee) == ['AllUsers']",
        "['AllUsers'] == bucket.acl.grants.map(g, g.grantee)",
        "bucket.acl.grants[0].permissions in [['READ', 'WRITE']]",
        "bucket.acl.grants[0] in bucket.acl.grants",
        "bucket.acl.grants.filter(g, true) == bucket.acl.grants",
        "bucket.acl.grants == bucket.acl.grants.filter(g, true)",
        "bucket.acl.grants[0].permissions + ['x'] == ['READ', 'WRITE', 'x']",
        "['x'] + bucket.acl.grants[0].permissions == ['x', 'READ', 'WRITE']",
        "'READ WRITE'.split(' ') == bucket.acl.grants[0].permissions",
        "bucket.acl.grants[0].permissions.join() == 'READWRITE'",
        "bucket.acl.grants[0].permissions.map(p, p).size() == size(bucket.acl.grants[0].permissions)",
        "bucket.tags == bucket.tags && bucket.tags != bucket.labels",
        "bucket.tags.map(k, bucket.tags[k]) == ['1']",
        "(bucket.name == 'data' ? ['READ', 'WRITE'] : []) == bucket.acl.grants[0].permissions",
    ] {
        assert_eq!(decide(holds, &settings), YES, "{holds}");
    }
}

#[test]
fn a_field_that_is_not_there_is_the_policys_fault() {
    let outcome = decide("bucket.versioning.status == 'Enabled'", &[("versioning", Is::Absent)]);
    assert_eq!(outcome, Outcome::Failed(Failure::Error("there is no `versioning`".into())));
}

#[test]
fn what_is_learned_later_is_seen_by_what_was_made_before() {
    let schema = schema();
    let labels = BTreeMap::new();
    let identity = Identity { name: "data", arn: "", account: "", region: "", labels: &labels };
    let expression =
        Expression::compile("bucket.versioning.status == 'Enabled'", &schema, &Type::Bool).expect("compiles");
    let value = json!({"status": "Enabled"});
    let mut facts = Facts::new(&schema, &identity, DateTime::UNIX_EPOCH);
    assert_eq!(expression.decide(&facts, &Value::Null), needs("versioning"));
    facts.set("versioning", Seen::Known(&value));
    assert_eq!(expression.decide(&facts, &Value::Null), YES);
}

#[test]
fn expressions_and_facts_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Expression>();
    crosses::<Facts<'static>>();
    crosses::<Schema>();
}
