//! Tests: the built-in policies, and what people write beside them.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::lazy::{Is, decide, over, schema};
use super::*;

/// A policy of `policies/`, as far as expressions go.
struct Policy {
    assert: Expression,
    message: Expression,
    params: Value,
}

fn source(name: &str) -> Value {
    let text = match name {
        "private" => include_str!("../../policies/private.yaml"),
        "versioned" => include_str!("../../policies/versioned.yaml"),
        "encrypted" => include_str!("../../policies/encrypted.yaml"),
        "tagged" => include_str!("../../policies/tagged.yaml"),
        other => panic!("no policy {other}"),
    };
    serde_yaml::from_str(text).expect("a document")
}

/// Compiles a policy over a schema. It has no fault, and none shows over made-up buckets.
fn load(name: &str, schema: &Schema) -> Policy {
    let spec = &source(name)["spec"];
    let params = spec.get("parameters").cloned().unwrap_or(Value::Null);
    let schema = schema.with_params(&params);
    let compile = |key: &str, want: &Type| {
        let source = spec[key].as_str().unwrap_or_else(|| panic!("{name} has {key}"));
        Expression::compile(source, &schema, want).unwrap_or_else(|faults| panic!("{name}: {key}: {faults:?}"))
    };
    let (assert, message) = (compile("assert", &Type::Bool), compile("message", &Type::String));
    assert_eq!(probe(&assert, Some(&message), &schema, &params), [], "{name}");
    Policy { assert, message, params }
}

impl Policy {
    fn decide(&self, settings: &[(&str, Is)]) -> Outcome<bool> {
        over(settings, |facts| self.assert.decide(facts, &self.params))
    }

    fn tell(&self, settings: &[(&str, Is)]) -> String {
        match over(settings, |facts| self.message.tell(facts, &self.params)) {
            Outcome::Value(text) => text,
            other => panic!("a message, not {other:?}"),
        }
    }
}

fn known(value: Value) -> Is {
    Is::Known(value)
}

fn block(on: bool) -> (&'static str, Is) {
    let switches = ["blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"];
    ("publicAccessBlock", known(switches.iter().map(|it| ((*it).to_owned(), json!(on))).collect()))
}

fn needs(setting: &str) -> Outcome<bool> {
    Outcome::Needs(setting.into())
}

const YES: Outcome<bool> = Outcome::Value(true);
const NO: Outcome<bool> = Outcome::Value(false);

#[test]
fn each_built_in_policy_names_itself() {
    for name in ["private", "versioned", "encrypted", "tagged"] {
        let document = source(name);
        assert_eq!(document["apiVersion"], "driftless/v1");
        assert_eq!(document["kind"], "Policy");
        assert_eq!(document["metadata"]["name"], name);
        for annotation in ["title", "severity", "controls"] {
            assert!(document["metadata"]["annotations"][annotation].is_string(), "{name} has {annotation}");
        }
        assert_eq!(document["spec"]["mode"], "enforce");
        assert!(document["spec"].get("require").is_some() != document["spec"].get("assert").is_some(), "{name}");
    }
}

/// The same over the schemas of the settings as they are, and not as these tests write them.
#[test]
fn built_in_policies_compile_over_the_settings_there_are() {
    let real = Schema::of_settings(crate::settings::SETTINGS);
    let written = schema();
    // A setting that the table does not have yet is seen as these tests write it.
    let absent = written.settings().filter(|name| !real.settings().any(|it| it == *name));
    let all = real.settings().map(|name| (name, &real)).chain(absent.map(|name| (name, &written)));
    let both = Schema::new(all.map(|(name, of)| (name.to_owned(), of.bucket[name].clone())));
    for name in ["private", "encrypted", "tagged"] {
        load(name, &both);
    }
}

#[test]
fn private_is_decided_by_one_read_while_the_block_stands() {
    let private = load("private", &schema());
    assert_eq!(private.decide(&[]), needs("publicAccessBlock"));
    assert_eq!(private.decide(&[block(true)]), YES);
}

#[test]
fn private_judges_acl_and_policy_where_the_block_does_not_stand() {
    let private = load("private", &schema());
    let nobody = ("acl", known(json!({"grants": []})));
    let everybody = ("acl", known(json!({"grants": [{"grantee": "AllUsers", "permissions": ["READ"]}]})));
    let open = (
        "policy",
        known(
            json!({"statements": [{"effect": "Allow", "public": true, "principal": {"AWS": ["*"]}, "conditions": {}}]}),
        ),
    );
    let closed = (
        "policy",
        known(
            json!({"statements": [{"effect": "Allow", "public": false, "principal": {"AWS": ["111122223333"]}, "conditions": {}}]}),
        ),
    );
    for block in [block(false), ("publicAccessBlock", Is::Absent)] {
        assert_eq!(private.decide(std::slice::from_ref(&block)), needs("acl"));
        assert_eq!(private.decide(&[block.clone(), nobody.clone()]), needs("policy"));
        assert_eq!(private.decide(&[block.clone(), nobody.clone(), closed.clone()]), YES);
        assert_eq!(private.decide(&[block.clone(), nobody.clone(), ("policy", Is::Absent)]), YES);
        assert_eq!(private.decide(&[block.clone(), ("acl", Is::Absent), ("policy", Is::Absent)]), YES);
        let public = [block.clone(), nobody.clone(), open.clone()];
        assert_eq!(private.decide(&public), NO);
        assert_eq!(
            private.tell(&public),
            "the public access block does not stand, and the bucket policy allows everybody"
        );
        assert_eq!(private.decide(&[block.clone(), everybody.clone()]), needs("objectOwnership"));
        let enforced = ("objectOwnership", known(json!({"rule": "BucketOwnerEnforced"})));
        assert_eq!(private.decide(&[block.clone(), everybody.clone(), enforced]), needs("policy"));
        let writer = ("objectOwnership", known(json!({"rule": "ObjectWriter"})));
        let public = [block.clone(), everybody.clone(), writer];
        assert_eq!(private.decide(&public), NO, "whatever the policy says");
        assert_eq!(
            private.tell(&public),
            "the public access block does not stand, and the ACL grants access to everybody"
        );
    }
}

#[test]
fn private_is_unknown_only_while_it_depends_on_what_was_denied() {
    let private = load("private", &schema());
    let denied = |setting: &'static str| (setting, Is::Unknown);
    let nobody = ("acl", known(json!({"grants": []})));
    assert_eq!(private.decide(&[denied("publicAccessBlock")]), needs("acl"), "the rest could settle it");
    let rest = [denied("publicAccessBlock"), nobody.clone(), ("policy", Is::Absent)];
    assert_eq!(private.decide(&rest), YES, "nothing is public, whatever the block says");
    let open =
        ("policy", known(json!({"statements": [{"effect": "Allow", "public": true, "principal": {"AWS": ["*"]}}]})));
    let rest = [denied("publicAccessBlock"), nobody.clone(), open.clone()];
    assert_eq!(private.decide(&rest), Outcome::Unknown("publicAccessBlock".into()));
    assert_eq!(private.decide(&[block(false), denied("acl"), open]), NO, "the policy alone lets them in");
    assert_eq!(private.decide(&[block(false), denied("acl"), ("policy", Is::Absent)]), needs("objectOwnership"));
}

#[test]
fn encrypted_takes_any_algorithm_of_the_list() {
    let encrypted = load("encrypted", &schema());
    let with = |algorithm: &str| [("encryption", known(json!({"algorithm": algorithm, "blockedEncryptionTypes": []})))];
    for algorithm in ["AES256", "aws:kms", "aws:kms:dsse"] {
        assert_eq!(encrypted.decide(&with(algorithm)), YES);
    }
    assert_eq!(encrypted.decide(&with("aws:fsx")), NO);
    assert_eq!(
        encrypted.tell(&with("aws:fsx")),
        "the default encryption is aws:fsx, not AES256 or aws:kms or aws:kms:dsse"
    );
    let only = Policy { params: json!({"algorithms": ["aws:kms"]}), ..load("encrypted", &schema()) };
    assert_eq!(only.decide(&with("AES256")), NO);
    assert_eq!(only.tell(&with("AES256")), "the default encryption is AES256, not aws:kms");
    assert_eq!(encrypted.decide(&[]), needs("encryption"));
}

#[test]
fn tagged_says_which_tags_are_missing_and_which_do_not_match() {
    let tagged = load("tagged", &schema());
    let with = |tags: Value| [("tags", known(tags))];
    assert_eq!(tagged.decide(&with(json!({"Name": "a", "Purpose": "b", "Other": "c"}))), YES);
    for tags in [json!({}), json!({"Name": "", "Purpose": "b"}), json!({"name": "a", "Purpose": "b"})] {
        assert_eq!(tagged.decide(&with(tags)), NO);
    }
    assert_eq!(tagged.tell(&with(json!({"Name": ""}))), "tag `Name` is missing, tag `Purpose` is missing");
    let params = json!({"required": {"cost-center": "^[0-9]{5}$", "owner": "", "team": "^ml-"}, "values": {}});
    let strict = Policy { params, ..load("tagged", &schema()) };
    let tags = with(json!({"cost-center": "1234", "owner": "any"}));
    assert_eq!(strict.decide(&tags), NO);
    assert_eq!(strict.tell(&tags), "tag `team` is missing, tag `cost-center` does not match `^[0-9]{5}$`");
    assert_eq!(strict.decide(&with(json!({"cost-center": "12345", "owner": "x", "team": "ml-1"}))), YES);
}

/// What people write beside the built-in ones: each with a bucket that satisfies it and one that
/// does not.
#[test]
fn policies_that_people_write_are_decided() {
    let check = |source: &str, settings: &[(&str, Value)], expected: Outcome<bool>| {
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, known(value.clone()))).collect();
        assert_eq!(decide(source, &settings), expected, "{source}");
        let compiled = Expression::compile(source, &schema(), &Type::Bool).expect("compiles");
        assert_eq!(probe(&compiled, None, &schema(), &Value::Null), [], "{source}");
    };

    let kms_with_key = "has(bucket.encryption) && has(bucket.encryption.algorithm)
        && (bucket.encryption.algorithm == 'AES256'
            || bucket.encryption.algorithm in ['aws:kms', 'aws:kms:dsse'] && has(bucket.encryption.kmsKeyId))";
    check(kms_with_key, &[("encryption", json!({"algorithm": "aws:kms", "kmsKeyId": "k"}))], YES);
    check(kms_with_key, &[("encryption", json!({"algorithm": "aws:kms"}))], NO);

    let tags = r#""owner" in bucket.tags && bucket.tags.owner.matches("^[a-z0-9.-]+@acme[.]example$")
        && "cost-center" in bucket.tags && bucket.tags["cost-center"].matches("^[0-9]{5}$")"#;
    check(tags, &[("tags", json!({"owner": "a@acme.example", "cost-center": "12345"}))], YES);
    check(tags, &[("tags", json!({"owner": "a@acme.example", "cost-center": "1234"}))], NO);

    let tls_only = r#"has(bucket.policy) && bucket.policy.statements.exists(s,
        s.?effect.orValue("") == "Deny"
        && has(s.principal) && "AWS" in s.principal && "*" in s.principal["AWS"]
        && has(s.actions) && "s3:*" in s.actions
        && has(s.resources) && bucket.arn in s.resources && bucket.arn + "/*" in s.resources
        // this condition and no other: a second one would narrow the denial
        && s.conditions.size() == 1 && "Bool" in s.conditions && s.conditions["Bool"].size() == 1
        && "aws:securetransport" in s.conditions["Bool"]
        && "false" in s.conditions["Bool"]["aws:securetransport"])"#;
    let denies = |conditions: Value| {
        json!({"statements": [{"effect": "Deny", "principal": {"AWS": ["*"]}, "actions": ["s3:*"],
            "resources": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"], "conditions": conditions}]})
    };
    check(tls_only, &[("policy", denies(json!({"Bool": {"aws:securetransport": ["false"]}})))], YES);
    let narrowed = json!({"Bool": {"aws:securetransport": ["false"]}, "StringEquals": {"aws:sourcevpc": ["vpc-1"]}});
    check(tls_only, &[("policy", denies(narrowed))], NO);

    let no_public = r#"(!has(bucket.acl) || !bucket.acl.grants.exists(g, g.grantee in ["AllUsers", "AuthenticatedUsers"]))
        && (!has(bucket.policy) || !bucket.policy.statements.exists(s, s.public))"#;
    check(no_public, &[("acl", json!({"grants": []})), ("policy", json!({"statements": []}))], YES);
    check(no_public, &[("acl", json!({"grants": [{"grantee": "AllUsers", "permissions": ["READ"]}]}))], NO);

    let abort_uploads = "has(bucket.lifecycle) && bucket.lifecycle.rules.exists(r,
        r.?status.orValue('') == 'Enabled' && r.?prefix.orValue('') == ''
        && r.?abortIncompleteMultipartUpload.?days.orValue(100) <= 7)";
    let rule = |days: u32| json!({"rules": [{"id": "abort", "status": "Enabled", "abortIncompleteMultipartUpload": {"days": days}}]});
    check(abort_uploads, &[("lifecycle", rule(7))], YES);
    check(abort_uploads, &[("lifecycle", rule(8))], NO);

    let logging =
        "has(bucket.logging) && has(bucket.logging.targetBucket) && bucket.logging.targetBucket != bucket.name";
    check(logging, &[("logging", json!({"targetBucket": "logs"}))], YES);
    check(logging, &[("logging", json!({"targetBucket": "data"}))], NO);
    check(logging, &[("logging", json!({}))], NO);

    let exempt_until = r#"!("driftless:exempt-until" in bucket.tags)
        || (bucket.tags["driftless:exempt-until"].matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
            && timestamp(bucket.tags["driftless:exempt-until"] + "T00:00:00Z") > now)"#;
    check(exempt_until, &[("tags", json!({}))], YES);
    check(exempt_until, &[("tags", json!({"driftless:exempt-until": "2027-01-31"}))], YES);
    check(exempt_until, &[("tags", json!({"driftless:exempt-until": "2026-01-31"}))], NO);
    check(exempt_until, &[("tags", json!({"driftless:exempt-until": "soon"}))], NO);

    let versioned = "bucket.?versioning.?status.orValue('Suspended') == 'Enabled'";
    check(versioned, &[("versioning", json!({"status": "Enabled"}))], YES);
    check(versioned, &[("versioning", json!({}))], NO);
}

#[test]
fn a_field_used_without_asking_is_found_when_it_is_loaded() {
    let found = |assert: &str, message: Option<&str>| {
        let params = json!({"pattern": "["});
        let schema = schema().with_params(&params);
        let assert = Expression::compile(assert, &schema, &Type::Bool).expect("compiles");
        let message = message.map(|it| Expression::compile(it, &schema, &Type::String).expect("compiles"));
        let faults = probe(&assert, message.as_ref(), &schema, &params);
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        found("bucket.versioning.status == 'Enabled'", None),
        ["1:7: over a bucket with nothing set: the expression failed: there is no `versioning`\n\
             hint: ask before, with `has(….versioning)` or `\"versioning\" in …`",]
    );
    assert_eq!(
        found("bucket.name == 'y' && true || bucket.tags.owner == 'x'", None),
        ["1:42: over a bucket with nothing set: the expression failed: there is no `owner`\n\
             hint: ask before, with `has(….owner)` or `\"owner\" in …`",]
    );
    // Hidden by `||` unless the other side is false: found where `logging` is set alone.
    assert_eq!(found("!has(bucket.logging) || bucket.versioning.status == 'Enabled'", None).len(), 1);
    assert_eq!(
        found("has(bucket.logging)", Some("'logs of ' + bucket.logging.targetBucket")).len(),
        1,
        "the message is for buckets without logging"
    );
    assert_eq!(
        found("bucket.tags.all(k, k.matches(params.pattern))", None),
        [
            "1:1: over a bucket with everything set: the expression failed: matches: bad pattern `[`: unclosed character class"
        ]
    );
    assert!(found("has(bucket.logging)", Some("'logging is off'")).is_empty());
}

#[test]
fn facts_of_a_bucket_are_shared_by_its_policies() {
    let (schema, labels) = (schema(), BTreeMap::new());
    let identity =
        Identity { name: "data", arn: "arn:aws:s3:::data", account: "default", region: "us-east-1", labels: &labels };
    let (_, Is::Known(block)) = block(true) else { panic!("known") };
    let (encryption, tags) = (json!({"algorithm": "AES256"}), json!({"Name": "a", "Purpose": "b"}));
    let mut facts = Facts::new(&schema, &identity, DateTime::UNIX_EPOCH);
    facts.set("publicAccessBlock", Seen::Known(&block));
    facts.set("encryption", Seen::Known(&encryption));
    facts.set("tags", Seen::Known(&tags));
    for name in ["private", "encrypted", "tagged"] {
        let policy = load(name, &schema);
        assert_eq!(policy.assert.decide(&facts, &policy.params), YES, "{name}, with three reads in all");
    }
}
