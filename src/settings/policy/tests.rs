//! What the canonical form, the merge and the pains of policies claim.

use serde_json::{Value as Json, json};

use super::*;
use crate::doc::Doc;

fn of(said: Json) -> Value {
    serde_json::from_value(said).expect("a document")
}

fn canonical(said: Json) -> Value {
    Policy::canonical(of(said))
}

fn merge(live: &Value, want: Json, how: Overlay) -> Value {
    Policy::canonical(Policy::merge(live, &of(want), how))
}

/// A document of one statement: a good one with some elements replaced; `null` takes one away.
fn with(elements: Json) -> Json {
    let mut statement = json!({"Sid": "S", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/r"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"});
    let fields = statement.as_object_mut().expect("a statement");
    for (element, said) in elements.as_object().expect("elements") {
        if said.is_null() {
            fields.remove(element);
        } else {
            fields.insert(element.clone(), said.clone());
        }
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

fn tls() -> Json {
    json!({"Sid": "TLS", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
}

#[test]
fn the_canonical_document() {
    let said = json!({"Version": "2012-10-17", "Statement": tls()});
    assert_eq!(
        serde_json::to_value(canonical(said)).expect("plain data"),
        json!({"version": "2012-10-17", "statements": [{
            "id": "TLS", "public": false, "sid": "TLS", "effect": "Deny", "principal": {"AWS": ["*"]},
            "actions": ["s3:*"], "resources": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
            "conditions": {"Bool": {"aws:securetransport": ["false"]}}}]})
    );
    assert_eq!(Doc::of(&Policy::canonical(Value::default())).as_str(), r#"{"statements":[]}"#);
    assert_eq!(canonical(json!({"Version": "2012-10-17", "Statement": []})), Policy::canonical(Value::default()));
}

/// Normalisation rule 5: pairs that look different and mean the same.
#[test]
fn documents_that_mean_the_same_have_one_form() {
    let two = |first: Json, second: Json| json!({"Version": "2012-10-17", "Statement": [first, second]});
    let nameless = || with(json!({"Sid": null}))["Statement"][0].clone();
    let condition = |condition: Json| with(json!({"Condition": condition}));
    let pairs: Vec<(&str, Json, Json)> = vec![
        ("text", json!(with(json!({})).to_string()), with(json!({}))),
        (
            "one statement",
            json!({"Version": "2012-10-17", "Statement": tls()}),
            json!({"Version": "2012-10-17", "Statement": [tls()]}),
        ),
        ("order of statements", two(tls(), nameless()), two(nameless(), tls())),
        ("the same twice", two(nameless(), nameless()), with(json!({"Sid": ""}))),
        ("no sid", with(json!({"Sid": ""})), with(json!({"Sid": null}))),
        ("no version", json!({"Statement": tls()}), json!({"Version": "2008-10-17", "Statement": tls()})),
        ("everybody", with(json!({"Principal": "*"})), with(json!({"Principal": {"AWS": ["*"]}}))),
        (
            "account",
            with(json!({"Principal": {"AWS": "123456789012"}})),
            with(json!({"Principal": {"AWS": ["arn:aws:iam::123456789012:root"]}})),
        ),
        (
            "account elsewhere",
            with(json!({"Principal": {"AWS": "123456789012"}})),
            with(json!({"Principal": {"AWS": "arn:aws-us-gov:iam::123456789012:root"}})),
        ),
        (
            "not an account",
            with(json!({"Principal": null, "NotPrincipal": {"AWS": "123456789012"}})),
            with(json!({"Principal": null, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}})),
        ),
        (
            "order of principals",
            with(json!({"Principal": {"AWS": ["1", "2"]}})),
            with(json!({"Principal": {"AWS": ["2", "1", "2"]}})),
        ),
        ("case of actions", with(json!({"Action": "S3:getobject"})), with(json!({"Action": ["s3:GetObject"]}))),
        (
            "case of patterns",
            with(json!({"Action": ["s3:PUT*", "s3:get*"]})),
            with(json!({"Action": ["s3:Get*", "s3:Put*"]})),
        ),
        (
            "order of resources",
            with(json!({"Resource": ["arn:aws:s3:::b", "arn:aws:s3:::a"]})),
            with(json!({"Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]})),
        ),
        (
            "boolean",
            condition(json!({"Bool": {"aws:SecureTransport": false}})),
            condition(json!({"bool": {"AWS:securetransport": ["False"]}})),
        ),
        (
            "number",
            condition(json!({"NumericLessThan": {"s3:TlsVersion": 1.2}})),
            condition(json!({"numericlessthan": {"s3:tlsversion": "1.2"}})),
        ),
        (
            "one address",
            condition(json!({"IpAddress": {"aws:SourceIp": "203.0.113.7"}})),
            condition(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.7/32"]}})),
        ),
        ("no condition", condition(json!({})), with(json!({}))),
        ("nothing of an operator", condition(json!({"Bool": {}})), with(json!({}))),
        (
            "order of values",
            condition(json!({"StringEquals": {"aws:SourceVpc": ["a", "b"]}})),
            condition(json!({"StringEquals": {"aws:SourceVpc": ["b", "a"]}})),
        ),
    ];
    for (what, one, other) in pairs {
        assert_ne!(one, other, "{what}: the pair is no pair");
        assert_eq!(Doc::of(&canonical(one)), Doc::of(&canonical(other)), "{what}");
    }
}

#[test]
fn documents_that_look_alike_and_differ_stay_two() {
    let condition = |condition: Json| with(json!({"Condition": condition}));
    let pairs: Vec<(&str, Json, Json)> = vec![
        ("effect", with(json!({"Effect": "Deny"})), with(json!({}))),
        (
            "not principal",
            with(json!({"Principal": null, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:role/r"}})),
            with(json!({})),
        ),
        ("not action", with(json!({"Action": null, "NotAction": "s3:GetObject"})), with(json!({}))),
        ("not resource", with(json!({"Resource": null, "NotResource": "arn:aws:s3:::data/*"})), with(json!({}))),
        ("wildcard action", with(json!({"Action": "s3:GetObject*"})), with(json!({}))),
        ("bucket and objects", with(json!({"Resource": "arn:aws:s3:::data"})), with(json!({}))),
        (
            "case of resources",
            with(json!({"Resource": "arn:aws:s3:::data/A"})),
            with(json!({"Resource": "arn:aws:s3:::data/a"})),
        ),
        ("role and account", with(json!({"Principal": {"AWS": "123456789012"}})), with(json!({}))),
        (
            "two accounts",
            with(json!({"Principal": {"AWS": "123456789012"}})),
            with(json!({"Principal": {"AWS": "123456789013"}})),
        ),
        (
            "role called root",
            with(json!({"Principal": {"AWS": "arn:aws:iam::123456789012:role/root"}})),
            with(json!({"Principal": {"AWS": "123456789012"}})),
        ),
        (
            "kind of principal",
            with(json!({"Principal": {"CanonicalUser": "123456789012"}})),
            with(json!({"Principal": {"AWS": "123456789012"}})),
        ),
        (
            "everybody and one",
            with(json!({"Principal": {"AWS": ["*", "123456789012"]}})),
            with(json!({"Principal": "*"})),
        ),
        ("condition or none", condition(json!({"Bool": {"aws:SecureTransport": "true"}})), with(json!({}))),
        (
            "operator",
            condition(json!({"StringEquals": {"aws:SourceVpc": "v"}})),
            condition(json!({"StringLike": {"aws:SourceVpc": "v"}})),
        ),
        (
            "negation",
            condition(json!({"StringEquals": {"aws:SourceVpc": "v"}})),
            condition(json!({"StringNotEquals": {"aws:SourceVpc": "v"}})),
        ),
        (
            "if it exists",
            condition(json!({"StringEquals": {"aws:SourceVpc": "v"}})),
            condition(json!({"StringEqualsIfExists": {"aws:SourceVpc": "v"}})),
        ),
        (
            "for all or any",
            condition(json!({"ForAllValues:StringEquals": {"aws:TagKeys": "v"}})),
            condition(json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "v"}})),
        ),
        (
            "key",
            condition(json!({"StringEquals": {"aws:SourceVpc": "v"}})),
            condition(json!({"StringEquals": {"aws:SourceVpce": "v"}})),
        ),
        (
            "case of a value",
            condition(json!({"StringEquals": {"aws:SourceVpc": "v"}})),
            condition(json!({"StringEquals": {"aws:SourceVpc": "V"}})),
        ),
        (
            "case of a tag",
            condition(json!({"StringEquals": {"s3:ExistingObjectTag/a": "v"}})),
            condition(json!({"StringEquals": {"s3:ExistingObjectTag/A": "v"}})),
        ),
        (
            "a second condition",
            condition(json!({"Bool": {"aws:SecureTransport": "false"}})),
            condition(json!({"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceVpc": "v"}})),
        ),
        (
            "two that differ in case",
            condition(json!({"StringEquals": {"aws:SourceVpc": "v", "AWS:SourceVpc": "w"}})),
            condition(json!({"StringEquals": {"aws:SourceVpc": ["v", "w"]}})),
        ),
        (
            "version",
            json!({"Version": "2008-10-17", "Statement": tls()}),
            json!({"Version": "2012-10-17", "Statement": tls()}),
        ),
    ];
    for (what, one, other) in pairs {
        assert_ne!(Doc::of(&canonical(one)), Doc::of(&canonical(other)), "{what}");
    }
}

/// Normalisation rule 5: what S3 answers when it was told a CloudFront identity's canonical user.
#[test]
fn a_canonical_user_that_s3_answers_as_an_origin_access_identity_is_no_drift() {
    let oai = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE";
    let live = canonical(with(json!({"Principal": {"AWS": oai}})));
    let want = with(json!({"Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}}));
    for how in [Overlay::Whole, Overlay::Within] {
        assert_eq!(merge(&live, want.clone(), how), live);
    }
    // Two for one, another kind of ARN, or another action: not the same.
    let two = canonical(with(json!({"Principal": {"AWS": [oai, format!("{oai}2")]}})));
    assert_ne!(merge(&two, want.clone(), Overlay::Whole), two);
    let role = canonical(with(json!({})));
    assert_ne!(merge(&role, want.clone(), Overlay::Whole), role);
    let other = canonical(with(json!({"Principal": {"AWS": oai}, "Action": "s3:PutObject"})));
    assert_ne!(merge(&other, want, Overlay::Whole), other);
    // Named by its ARN, it is compared exactly.
    let exact = with(json!({"Principal": {"AWS": format!("{oai}2")}}));
    assert_ne!(merge(&live, exact, Overlay::Whole), live);
}

/// Normalisation rule 5: a principal that was deleted is named, and a role of a name like it is not.
/// The ARN, which the document wants as well, answered for the id too, and a statement was lost.
#[test]
fn a_statement_that_stands_word_for_word_answers_for_no_other() {
    let oai = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1";
    let statement = |principal: Json| with(json!({"Sid": null, "Principal": principal}))["Statement"][0].clone();
    let want = json!({"Statement": [statement(json!({"CanonicalUser": "abc"})), statement(json!({"AWS": oai}))]});
    let live = canonical(want.clone());
    assert_eq!(merge(&live, want.clone(), Overlay::Whole), live);
    let one = canonical(json!({"Statement": [statement(json!({"AWS": oai}))]}));
    assert_eq!(merge(&one, want, Overlay::Whole).statements.map_or(0, |it| it.len()), 2);
}

#[test]
fn principals_that_are_no_more_are_told() {
    let policy = canonical(with(json!({"Principal": {"AWS": [
        "AROAJ56KQXD2NPEXAMPLE", "AIDACKCEVSQ6C2EXAMPLE", "123456789012",
        "arn:aws:iam::123456789012:role/AROAJ56KQXD2NPEXAMPLE"]}})));
    assert_eq!(dangling(&policy), ["AIDACKCEVSQ6C2EXAMPLE", "AROAJ56KQXD2NPEXAMPLE"]);
    assert!(dangling(&canonical(with(json!({})))).is_empty());
}

/// Pain 12, terraform-provider-aws#13144: S3 answers a policy in another order than it was told,
/// and it was written again at every run.
#[test]
fn pain_12_a_policy_that_s3_rewrote_is_no_drift() {
    let spec = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["123456789012", "210987654321"]}, "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]},
        tls()], "Version": "2012-10-17"});
    let answered = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "TLS", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::data/*", "arn:aws:s3:::data"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "", "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::210987654321:root", "arn:aws:iam::123456789012:root"]},
            "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::data/*", "arn:aws:s3:::data"]}]});
    let live = canonical(answered);
    let to = merge(&live, spec, Overlay::Whole);
    assert!(Doc::of(&live).changes_to(&Doc::of(&to)).is_empty());
}

/// Pain 12, aws-controllers-k8s/community#2070: alarms went off for a policy that had not changed;
/// what did change is told statement by statement.
#[test]
fn pain_12_a_change_is_told_statement_by_statement() {
    let reader = |action: &str| json!({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": action, "Resource": "*"});
    let mut changed = tls();
    changed["Action"] = json!(["s3:*", "s3:GetObject"]);
    let from = Doc::of(&canonical(json!({"Statement": [tls(), reader("s3:GetObject"), reader("s3:PutObject")]})));
    let to = Doc::of(&canonical(json!({"Statement": [reader("s3:PutObject"), changed]})));
    let says: Vec<String> = from.changes_to(&to).iter().map(ToString::to_string).collect();
    assert_eq!(says.len(), 2, "{says:?}");
    let gone = "statements[allow-3c87f75b]: {actions: [s3:GetObject],";
    assert!(says[0].starts_with(gone) && says[0].ends_with(" -> not set"), "{}", says[0]);
    assert_eq!(says[1], "statements[TLS].actions[s3:GetObject]: not set -> s3:GetObject");
}

/// Pain 7, pulumi-aws#6244: what one owner declared deleted what another had added.
#[test]
fn pain_7_a_policy_adds_its_statement_and_keeps_those_of_others() {
    let live = canonical(with(json!({})));
    let to = merge(&live, json!({"Version": "2012-10-17", "Statement": [tls()]}), Overlay::Within);
    let sids: Vec<_> = to.statements.iter().flatten().map(|statement| statement.sid.clone()).collect();
    assert_eq!(sids, [Some("S".to_owned()), Some("TLS".to_owned())]);
    assert_eq!(Policy::risk(&live, &to), Risk::Safe);
}

#[test]
fn a_statement_that_a_policy_wants_is_not_added_twice() {
    let mut named = tls();
    named["Sid"] = json!("DenyInsecure");
    let mut broader = named.clone();
    broader["Resource"] = json!("*");
    let want = json!({"Version": "2012-10-17", "Statement": [tls()]});
    for there in [named, broader] {
        let live = canonical(json!({"Version": "2012-10-17", "Statement": [there]}));
        assert_eq!(merge(&live, want.clone(), Overlay::Within), live);
    }
    let mut narrower = tls();
    narrower["Resource"] = json!("arn:aws:s3:::data");
    let live = canonical(json!({"Version": "2012-10-17", "Statement": [narrower]}));
    assert_eq!(merge(&live, want.clone(), Overlay::Within), canonical(want));
}

#[test]
fn a_statement_that_gives_way_to_one_of_its_name_stands_for_no_other() {
    let deny =
        |sid: Json, action: &str| with(json!({"Sid": sid, "Effect": "Deny", "Action": action}))["Statement"][0].clone();
    let live = canonical(json!({"Statement": [deny(json!("B"), "*")]}));
    let named = with(json!({"Sid": "B"}))["Statement"][0].clone();
    let want = json!({"Statement": [deny(json!(null), "s3:GetObject"), named]});
    assert_eq!(merge(&live, want.clone(), Overlay::Within), canonical(want));
}

#[test]
fn a_policy_does_not_give_the_variables_of_others_a_meaning() {
    let old = |resource: &str| {
        let mut said = with(json!({ "Resource": resource }));
        said["Version"] = json!("2008-10-17");
        canonical(said)
    };
    let (theirs, plain) = (old("arn:aws:s3:::data/${aws:username}"), old("arn:aws:s3:::data/*"));
    let version = |live: &Value, want: Json| merge(live, want, Overlay::Within).version;
    let tls = json!({"Version": "2012-10-17", "Statement": [tls()]});
    let own = with(json!({"Sid": "Own", "Resource": "arn:aws:s3:::data/home/${aws:username}"}));
    assert_eq!(version(&theirs, own.clone()).as_deref(), Some("2008-10-17"));
    assert_eq!(version(&plain, own).as_deref(), Some("2012-10-17"));
    assert_eq!(version(&plain, tls.clone()).as_deref(), Some("2008-10-17"));
    assert_eq!(version(&Policy::canonical(Value::default()), tls).as_deref(), Some("2012-10-17"));
}

#[test]
fn a_spec_is_the_whole_document_but_for_what_it_does_not_name() {
    let mut live = with(json!({"Sid": "Theirs"}));
    live["Id"] = json!("named-by-somebody");
    let live = canonical(live);
    let to = merge(&live, json!({"Statement": [tls()]}), Overlay::Whole);
    assert_eq!(to.statements.as_ref().map(Vec::len), Some(1));
    assert_eq!(to.id.as_deref(), Some("named-by-somebody"));
    assert_eq!(to.version.as_deref(), Some("2012-10-17"));
    assert_eq!(merge(&live, json!({}), Overlay::Whole), live);
}

#[test]
fn a_doc_is_read_back_as_what_it_was() {
    let value =
        canonical(json!({"Version": "2012-10-17", "Id": "x", "Statement": [tls(), with(json!({}))["Statement"][0]]}));
    assert_eq!(Doc::of(&value).parse::<Value>().expect("a doc of policy"), value);
    let partial = of(json!({"Statement": {"Effect": "Deny"}}));
    assert_eq!(Doc::of(&partial).parse::<Value>().expect("a doc of policy"), partial);
    assert_eq!(Doc::of(&of(json!({"file": "p.json"}))).as_str(), r#"{"file":"p.json"}"#);
}

#[test]
fn the_schema_knows_typos_from_elements() {
    let mut generator = schemars::SchemaGenerator::default();
    let schema = generator.root_schema_for::<Value>();
    let validator = jsonschema::validator_for(schema.as_value()).expect("a schema");
    assert!(validator.is_valid(&with(json!({}))));
    assert!(validator.is_valid(&json!({"Version": "2012-10-17", "Statement": tls()})));
    assert!(validator.is_valid(&json!({"file": "policy.json"})));
    assert!(validator.is_valid(&json!(with(json!({})).to_string())));
    assert!(!validator.is_valid(&with(json!({"Efect": "Deny"}))));
    assert!(!validator.is_valid(&json!({"Version": "2012-10-17", "Statements": []})));
    assert!(!validator.is_valid(&json!({"File": "policy.json"})));
}
