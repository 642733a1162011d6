use proptest::prelude::*;

use super::*;
use crate::doc::Doc;
use crate::settings::laws;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn canonical(json: &str) -> Value {
    Logging::canonical(of(json))
}

fn merged(live: &str, want: &str) -> Value {
    Logging::canonical(Logging::merge(&canonical(live), &of(want), Overlay::Whole))
}

const READER: &str = r#"{"grantee":{"type":"CanonicalUser","id":"a"},"permission":"READ"}"#;

/// Normalisation rule 7: an empty object and none at all are one.
#[test]
fn no_logging_has_one_form() {
    assert_eq!(Doc::of(&canonical("{}")).as_str(), "{}");
    assert_eq!(canonical(r#"{"targetPrefix":"","targetGrants":[]}"#), Value::default());
}

/// Pain 3, aws-controllers-k8s/community#2870: permanent drift, because S3 answered the
/// defaults that the spec had left out.
#[test]
fn pain_3_defaults_that_s3_fills_in_are_no_drift() {
    let short = canonical(r#"{"targetBucket":"logs"}"#);
    let simple = r#"{"targetBucket":"logs","targetPrefix":"","targetObjectKeyFormat":{"simplePrefix":{}}}"#;
    assert_eq!(canonical(simple), short);
    let bare = canonical(r#"{"targetBucket":"logs","targetObjectKeyFormat":{"partitionedPrefix":{}}}"#);
    assert_eq!(
        Doc::of(&bare).as_str(),
        r#"{"targetBucket":"logs","targetPrefix":"","targetObjectKeyFormat":{"partitionedPrefix":{"partitionDateSource":"EventTime"}}}"#
    );
}

/// Pain 1, crossplane-contrib/provider-upjet-aws#2063: a field that S3 answered and nobody had
/// declared was taken away again and again. ACK ignores the key format to this day.
#[test]
fn pain_1_what_nobody_declared_is_carried_over() {
    let live = format!(
        r#"{{"targetBucket":"old","targetPrefix":"p/","targetGrants":[{READER}],"targetObjectKeyFormat":{{"partitionedPrefix":{{"partitionDateSource":"DeliveryTime"}}}}}}"#
    );
    let to = merged(&live, r#"{"targetBucket":"logs"}"#);
    assert_eq!(to, canonical(&live.replace("old", "logs")));
}

#[test]
fn an_empty_text_of_a_grantee_says_nothing() {
    let empty = READER.replace(r#""id":"a""#, r#""id":"a","uri":"""#);
    let of = |grant: &str| canonical(&format!(r#"{{"targetBucket":"logs","targetGrants":[{grant}]}}"#));
    assert_eq!(of(&empty), of(READER));
}

#[test]
fn a_format_that_is_named_replaces_the_other() {
    let live = r#"{"targetBucket":"logs","targetObjectKeyFormat":{"partitionedPrefix":{}}}"#;
    let to = merged(live, r#"{"targetObjectKeyFormat":{"simplePrefix":{}}}"#);
    assert_eq!(to, canonical(r#"{"targetBucket":"logs"}"#));
}

#[test]
fn a_policy_adds_grants_and_a_spec_names_all() {
    let live = canonical(&format!(r#"{{"targetBucket":"logs","targetGrants":[{READER}]}}"#));
    let want = of(&format!(r#"{{"targetGrants":[{}]}}"#, READER.replace("READ", "WRITE")));
    let grants = |how| Logging::canonical(Logging::merge(&live, &want, how)).target_grants.expect("grants").len();
    assert_eq!((grants(Overlay::Within), grants(Overlay::Whole)), (2, 1));
}

#[test]
fn what_s3_would_refuse_is_refused_before() {
    let said = |json: &str| -> Vec<String> {
        Logging::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
    };
    assert_eq!(
        said(r#"{"targetBucket":"My_Logs"}"#),
        ["/targetBucket: illegal bucket name `My_Logs`: `M` is not allowed"]
    );
    assert_eq!(
        said(&format!(r#"{{"targetPrefix":"{}"}}"#, "a".repeat(1025))),
        ["/targetPrefix: the prefix has 1025 bytes"]
    );
    assert_eq!(
        said(r#"{"targetObjectKeyFormat":{"simplePrefix":{},"partitionedPrefix":{}}}"#),
        ["/targetObjectKeyFormat: a log has one format of keys"]
    );
    assert_eq!(
        said(r#"{"targetObjectKeyFormat":{"partitionedPrefix":{"partitionDateSource":"Now"}}}"#),
        ["/targetObjectKeyFormat/partitionedPrefix/partitionDateSource: `Now` is not a date source of S3"]
    );
    assert_eq!(
        said(r#"{"targetGrants":[{"grantee":{"type":"Group","id":"a"},"permission":"FULL"}]}"#),
        [
            "/targetGrants/0/grantee: the grantee is not named as its type says",
            "/targetGrants/0/permission: `FULL` is not a permission of S3"
        ]
    );
    let good = format!(
        r#"{{"targetBucket":"logs","targetPrefix":"a/","targetGrants":[{READER}],"targetObjectKeyFormat":{{"simplePrefix":{{}}}}}}"#
    );
    assert_eq!(Logging::check(&of(&good)), []);
}

#[test]
fn a_typo_is_found() {
    assert!(serde_json::from_str::<Value>(r#"{"targetBukket":"logs"}"#).is_err());
}

/// Logging is turned off by an empty status; on LocalStack a DELETE of `?logging` deletes the
/// bucket.
#[cfg(feature = "aws")]
#[test]
fn absent_is_an_empty_status() {
    assert_eq!(wire::to_sdk(&Value::default()).expect("a status").logging_enabled, None);
    assert_eq!(wire::from_sdk(None), Value::default());
}

#[cfg(feature = "aws")]
#[test]
fn a_prefix_without_a_target_is_not_sent() {
    assert!(wire::to_sdk(&of(r#"{"targetPrefix":"a/"}"#)).is_err());
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    let partitioned = r#"{"targetObjectKeyFormat":{"partitionedPrefix":{"partitionDateSource":"DeliveryTime"}}}"#;
    laws::schema::<Logging>(partitioned, true);
    laws::schema::<Logging>(&partitioned.replace("DeliveryTime", "Now"), false);
    laws::schema::<Logging>(&format!(r#"{{"targetBucket":"logs","targetGrants":[{READER}]}}"#), true);
    laws::schema::<Logging>(r#"{"targetObjectKeyFormat":{"simplePrefix":{"a":1}}}"#, false);
}

fn format() -> impl Strategy<Value = KeyFormat> {
    let source = prop::option::of(prop::sample::select(vec!["EventTime", "DeliveryTime", "Later"]));
    let partitioned =
        source.prop_map(|it| PartitionedPrefix { partition_date_source: it.map(PartitionDateSource::from) });
    let simple = prop::option::of(Just(SimplePrefix {}));
    (simple, prop::option::of(partitioned))
        .prop_map(|(simple_prefix, partitioned_prefix)| KeyFormat { simple_prefix, partitioned_prefix })
}

fn grant() -> impl Strategy<Value = Grant> {
    let text = || prop::option::of("[a-c]{0,3}");
    let kind = prop::sample::select(vec!["CanonicalUser", "Group", "AmazonCustomerByEmail"]);
    let permission = prop::sample::select(vec!["FULL_CONTROL", "READ", "WRITE", "OTHER"]);
    (kind, text(), text(), text(), permission).prop_map(|(kind, id, uri, email_address, permission)| Grant {
        grantee: Grantee { kind: kind.into(), id, uri, email_address },
        permission: permission.into(),
    })
}

fn value() -> impl Strategy<Value = Value> {
    let text = || prop::option::of("[a-c/]{0,4}");
    (text(), text(), prop::option::of(format()), prop::option::of(prop::collection::vec(grant(), 0..3))).prop_map(
        |(target_bucket, target_prefix, target_object_key_format, target_grants)| Value {
            target_bucket,
            target_prefix,
            target_object_key_format,
            target_grants,
        },
    )
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Logging>(&live, &want, Overlay::Whole);
        laws::hold::<Logging>(&live, &want, Overlay::Within);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(value in value()) {
        let value = Logging::canonical(value);
        prop_assume!(value.target_bucket.is_some());
        let sent = wire::to_sdk(&value).expect("a status");
        prop_assert_eq!(Logging::canonical(wire::from_sdk(sent.logging_enabled)), value);
    }
}

/// A prefix alone passed `validate`, and the SDK refused to build the request in every sweep.
#[test]
fn a_log_without_a_target_is_hindered_and_a_live_target_completes_it() {
    let hindered = |live: &str, want: &str| {
        let live = Logging::canonical(serde_json::from_str(live).expect("a value"));
        let to = Logging::merge(&live, &serde_json::from_str(want).expect("a value"), Overlay::Whole);
        Logging::hindrance(&Logging::canonical(to), &|_| None).map(|it| it.why)
    };
    let why = Some("S3 keeps no log without a bucket that takes it");
    assert_eq!(hindered("{}", r#"{"targetPrefix":"a/"}"#), why);
    assert_eq!(hindered("{}", r#"{"targetObjectKeyFormat":{"partitionedPrefix":{}}}"#), why);
    assert_eq!(hindered(r#"{"targetBucket":"access-logs"}"#, r#"{"targetPrefix":"a/"}"#), None);
    assert_eq!(hindered("{}", "{}"), None);
}
