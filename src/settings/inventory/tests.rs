use proptest::prelude::*;

use super::*;
use crate::doc::Doc;
use crate::setting::{Overlay, Problem};
use crate::settings::laws;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn set(elements: &str) -> Value {
    of(&format!(r#"{{"configurations":[{elements}]}}"#))
}

const TO: &str = r#""destination":{"bucket":"arn:aws:s3:::lists","format":"Parquet"}"#;

fn weekly(fields: &str) -> String {
    format!(r#"{{"id":"weekly","schedule":"Weekly","includedObjectVersions":"Current",{TO}{fields}}}"#)
}

#[test]
fn an_inventory_has_one_form() {
    let forms = [
        weekly(""),
        weekly(r#","isEnabled":true"#),
        weekly(r#","filter":{}"#),
        weekly(r#","filter":{"prefix":""},"optionalFields":[]"#),
        weekly("").replace(r#""Parquet""#, r#""Parquet","prefix":"","accountId":"""#),
    ];
    for form in &forms {
        assert_eq!(
            Doc::of(&Inventory::canonical(set(form))).as_str(),
            concat!(
                r#"{"configurations":[{"id":"weekly","isEnabled":true,"schedule":"Weekly","#,
                r#""includedObjectVersions":"Current","destination":{"bucket":"arn:aws:s3:::lists","format":"Parquet"}}]}"#
            ),
            "{form}"
        );
    }
    let fields = |list: &str| Inventory::canonical(set(&weekly(&format!(r#","optionalFields":{list}"#))));
    assert_eq!(fields(r#"["Size","ETag"]"#), fields(r#"["ETag","Size","ETag"]"#), "the order means nothing");
    assert_eq!(Inventory::canonical(of(r#"{"configurations":[]}"#)), Value::default());
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    let whole = |it: &str| format!(r#"{{"configurations":[{it}]}}"#);
    laws::schema::<Inventory>(&whole(&weekly(r#","optionalFields":["Size","ObjectLockEventHoldStatus"]"#)), true);
    laws::schema::<Inventory>(&whole(r#"{"id":"old","absent":true}"#), true);
    laws::schema::<Inventory>(&whole(r#"{"absent":true}"#), false);
    laws::schema::<Inventory>(&whole(&weekly("").replace(r#""Weekly""#, r#""Monthly""#)), false);
    laws::schema::<Inventory>(&whole(&weekly(r#","optionalFields":["Sise"]"#)), false);
    laws::schema::<Inventory>(&whole(&weekly(r#","enabled":true"#)), false);
}

/// Each list is written once, and batch jobs begin with it: an inventory of yesterday cannot be
/// had today.
#[test]
fn an_inventory_that_ends_is_guarded_and_everything_else_is_safe() {
    let one = |json: &str| Inventory::canonical(set(json));
    let guarded = Risk::Guarded("an inventory would end, and its lists of past days cannot be made later");
    let on = one(&weekly(""));
    let off = one(&weekly(r#","isEnabled":false"#));
    assert_eq!(Inventory::risk(&on, &Value::default()), guarded);
    assert_eq!(Inventory::risk(&on, &off), guarded);
    assert_eq!(Inventory::risk(&on, &one(&weekly("").replace("\"weekly\"", "\"w\""))), guarded, "another id");
    let daily = one(&weekly(r#","optionalFields":["Size"]"#).replace("\"Weekly\"", "\"Daily\""));
    for (from, to) in [(&on, &daily), (&daily, &on), (&Value::default(), &on), (&off, &Value::default()), (&off, &on)] {
        assert_eq!(Inventory::risk(from, to), Risk::Safe);
    }
}

fn said(elements: &str) -> Vec<String> {
    let told = |it: Problem| format!("{}: {}; {}", it.pointer, it.message, it.hint.unwrap_or_default());
    Inventory::check(&set(elements)).into_iter().map(told).collect()
}

#[test]
fn inventories_that_s3_would_refuse_are_refused_before() {
    assert_eq!(said(&weekly("")), [] as [&str; 0]);
    assert_eq!(said(r#"{"id":"old","absent":true}"#), [] as [&str; 0]);
    assert_eq!(
        said(r#"{"id":"a"}"#),
        [
            "/configurations/0: `schedule` is missing; write `Daily` or `Weekly`",
            "/configurations/0: `includedObjectVersions` is missing; write `Current`, or `All` to list old versions, too",
            "/configurations/0: `destination` is missing; say where the lists go",
        ]
    );
    assert_eq!(
        said(&weekly("").replace(r#""bucket":"arn:aws:s3:::lists","format":"Parquet""#, "")),
        [
            "/configurations/0/destination: `bucket` is missing; name the bucket that takes the lists: `arn:aws:s3:::NAME`",
            "/configurations/0/destination: `format` is missing; write `CSV`, `ORC` or `Parquet`",
        ]
    );
    let bucket = |arn: &str| said(&weekly("").replace("arn:aws:s3:::lists", arn));
    let at = "/configurations/0/destination/bucket";
    assert_eq!(bucket("lists"), [format!("{at}: `lists` is not the ARN of a bucket; write `arn:aws:s3:::lists`")]);
    assert_eq!(
        bucket("s3://x"),
        [format!("{at}: `s3://x` is not the ARN of a bucket; write it as `arn:aws:s3:::NAME`")]
    );
    assert_eq!(
        bucket("arn:aws:s3:::lists/x"),
        [format!(
            "{at}: illegal bucket name `lists/x`: `/` is not allowed; use lower-case letters, digits, hyphens and dots"
        )]
    );
    assert_eq!(bucket("arn:aws-cn:s3:::lists"), [] as [&str; 0]);
    let to = |more: &str| said(&weekly("").replace(r#""Parquet""#, &format!(r#""Parquet",{more}"#)));
    let at = "/configurations/0/destination";
    assert_eq!(
        to(r#""accountId":"12""#),
        [format!("{at}/accountId: illegal account id `12`; write twelve digits, in quotes")]
    );
    assert_eq!(to(r#""encryption":{"type":"SSE-S3"}"#), [] as [&str; 0]);
    assert_eq!(
        to(r#""encryption":{"type":"SSE-KMS","keyId":"arn:aws:kms:us-east-1:111122223333:key/a"}"#),
        [] as [&str; 0]
    );
    assert_eq!(
        to(r#""encryption":{"type":"SSE-KMS"}"#),
        [format!("{at}/encryption: `SSE-KMS` without a key; name the key: `keyId: arn:aws:kms:…`")]
    );
    assert_eq!(
        to(r#""encryption":{"type":"SSE-KMS","keyId":"alias/aws/s3"}"#),
        [format!(
            "{at}/encryption/keyId: `alias/aws/s3` is not a customer managed key; \
             S3 writes lists with keys of your own only: name its ARN"
        )]
    );
    assert_eq!(
        to(r#""encryption":{"type":"SSE-S3","keyId":"k"}"#),
        [format!("{at}/encryption/keyId: a KMS key beside `SSE-S3`; leave it out, or write `type: SSE-KMS`")]
    );
    let long = "é".repeat(513);
    assert_eq!(
        said(&weekly(&format!(r#","filter":{{"prefix":"{long}"}}"#))),
        ["/configurations/0/filter/prefix: the prefix has 1026 bytes; keys of objects have at most 1024"]
    );
    let odd = weekly(r#","optionalFields":["Size","Colour"]"#).replace("\"Weekly\"", "\"Hourly\"");
    let odd = odd.replace("\"Current\"", "\"Last\"").replace("Parquet", "XLS");
    let messages: Vec<String> =
        said(&odd).into_iter().filter_map(|it| Some(it.split_once(';')?.0.to_owned())).collect();
    assert_eq!(
        messages,
        [
            "/configurations/0/schedule: `Hourly` is not a schedule of S3",
            "/configurations/0/includedObjectVersions: `Last` is not a choice of versions of S3",
            "/configurations/0/optionalFields/1: `Colour` is not a field of S3's lists",
            "/configurations/0/destination/format: `XLS` is not a format of S3's lists",
        ]
    );
}

fn one() -> impl Strategy<Value = Configuration> {
    let text = || prop::option::of("[a-b]{0,2}");
    let encryption = prop::option::of(prop_oneof![
        Just(Encryption { kind: EncryptionType::S3, key_id: None }),
        Just(Encryption { kind: EncryptionType::Kms, key_id: Some("k".to_owned()) }),
    ]);
    let field = prop::sample::select(vec!["Size", "ETag", "Colour"]).prop_map(OptionalField::from);
    let destination = (text(), text(), encryption).prop_map(|(account_id, prefix, encryption)| Destination {
        bucket: Some("arn:aws:s3:::lists".to_owned()),
        account_id,
        format: Some(Format::Csv),
        prefix,
        encryption,
    });
    (
        ("[a-c]", prop::option::weighted(0.2, Just(true)), prop::option::of(any::<bool>())),
        prop::sample::select(vec!["Daily", "Weekly", "Hourly"]).prop_map(Schedule::from),
        prop::sample::select(vec!["All", "Current"]).prop_map(Versions::from),
        prop::option::of(text().prop_map(|prefix| Filter { prefix })),
        prop::option::of(prop::collection::vec(field, 0..3)),
        destination,
    )
        .prop_map(|((id, absent, is_enabled), schedule, versions, filter, optional_fields, destination)| {
            Configuration {
                id,
                absent,
                is_enabled,
                schedule: Some(schedule),
                included_object_versions: Some(versions),
                filter,
                optional_fields,
                destination: Some(destination),
            }
        })
}

fn value() -> impl Strategy<Value = Value> {
    prop::option::of(prop::collection::vec(one(), 0..4)).prop_map(|configurations| Value { configurations })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Inventory>(&live, &want, Overlay::Whole);
        laws::hold::<Inventory>(&live, &want, Overlay::Within);
    }

    #[test]
    fn nothing_changed_is_safe(value in value()) {
        let value = Inventory::canonical(value);
        prop_assert_eq!(Inventory::risk(&value, &value), Risk::Safe);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(one in one()) {
        let one = one.canonical();
        let sent = wire::to_sdk(&one).expect("a configuration");
        prop_assert_eq!(wire::from_sdk(sent).canonical(), one);
    }
}
