use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::bucket::Region;
use crate::doc::Doc;
use crate::settings::laws;

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1a2b";
const ROLE: &str = "arn:aws:iam::123456789012:role/annotations";

fn of(json: serde_json::Value) -> Value {
    serde_json::from_value(json).expect("a value")
}

fn canonical(json: serde_json::Value) -> Value {
    Metadata::canonical(of(json))
}

fn merged(live: serde_json::Value, want: serde_json::Value) -> Value {
    Metadata::canonical(Metadata::merge(&canonical(live), &of(want), Overlay::Whole))
}

#[test]
fn a_policy_overrules_the_encryption_of_a_table_that_is_still_to_be_made() {
    let said = |algorithm: &str| {
        of(json!({"inventoryTable": {"state": "ENABLED", "encryption": {"algorithm": algorithm,
            "kmsKeyArn": (algorithm == "aws:kms").then_some("arn:aws:kms:us-east-1:123456789012:key/1a2b")}}}))
    };
    let by_spec = Metadata::canonical(Metadata::merge(&Value::default(), &said("AES256"), Overlay::Whole));
    let both = Metadata::canonical(Metadata::merge(&by_spec, &said("aws:kms"), Overlay::Within));
    let table = |value: &Value| value.inventory_table.clone().expect("a table").encryption;
    assert_eq!(table(&both), table(&said("aws:kms")));
    // A spec that names the table and not how it is encrypted left the policy without a word: the
    // table was taken for one that is there, and made as S3 makes it.
    let bare = of(json!({"inventoryTable": {"state": "ENABLED"}}));
    let by_spec = Metadata::canonical(Metadata::merge(&Value::default(), &bare, Overlay::Whole));
    let policy = of(json!({"journalTable": {"encryption": {"algorithm": "aws:kms", "kmsKeyArn": KEY}},
        "inventoryTable": {"state": "ENABLED", "encryption": {"algorithm": "aws:kms", "kmsKeyArn": KEY}}}));
    let both = Metadata::canonical(Metadata::merge(&by_spec, &policy, Overlay::Within));
    let kms = Some(Encryption { algorithm: Algorithm::Kms, kms_key_arn: Some(KEY.to_owned()) });
    assert_eq!(table(&both), kms);
    assert_eq!(both.journal_table.as_ref().expect("a journal comes with every table").encryption, kms);
    // In either order, and the key of an algorithm does not outlive it.
    let first = Metadata::canonical(Metadata::merge(&Value::default(), &policy, Overlay::Within));
    assert_eq!(table(&Metadata::merge(&first, &bare, Overlay::Whole)), kms);
    assert_eq!(table(&Metadata::merge(&first, &said("AES256"), Overlay::Whole)), table(&said("AES256")));
    // One that is there keeps what nobody can see.
    let there = Metadata::canonical(of(json!({"inventoryTable": {"state": "ENABLED"}})));
    assert_eq!(table(&Metadata::merge(&there, &said("aws:kms"), Overlay::Within)), None);
}

#[test]
fn a_table_that_is_off_is_none_and_a_configuration_has_a_journal() {
    assert_eq!(canonical(json!({"inventoryTable": {"state": "DISABLED"}})), Value::default());
    let bare = canonical(json!({"journalTable": {}}));
    assert_eq!(Doc::of(&bare).as_str(), r#"{"journalTable":{"recordExpiration":{"expiration":"DISABLED"}}}"#);
    let off = json!({"journalTable": {}, "annotationTable": {"state": "DISABLED", "role": ROLE},
        "inventoryTable": {"state": "DISABLED"}});
    assert_eq!(canonical(off), bare);
    assert!(canonical(json!({"inventoryTable": {"state": "ENABLED"}})).journal_table.is_some());
    let days = json!({"journalTable": {"recordExpiration": {"expiration": "DISABLED", "days": 9}}});
    assert_eq!(canonical(days), bare);
}

#[test]
fn what_nobody_named_stays() {
    let live = json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 9}},
        "annotationTable": {"state": "ENABLED", "role": ROLE}});
    let to = merged(live.clone(), json!({"inventoryTable": {"state": "ENABLED"}}));
    let mut expected = live;
    expected["inventoryTable"] = json!({"state": "ENABLED", "encryption": {"algorithm": "default"}});
    assert_eq!(to, canonical(expected), "a new table, of which nobody says how it is encrypted");
    let off = merged(
        json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 9}}}),
        json!({"journalTable": {"recordExpiration": {"expiration": "DISABLED"}}}),
    );
    assert_eq!(off, canonical(json!({"journalTable": {}})));
}

/// S3 takes the encryption of a table when it makes it and never answers it (terraform-provider-aws
/// keeps it in its state). There is no state here, so it is sent then and compared never.
#[test]
fn encryption_is_sent_with_a_new_table_and_asks_for_nothing_afterwards() {
    let want = json!({"journalTable": {"encryption": {"algorithm": "aws:kms", "kmsKeyArn": KEY}},
        "inventoryTable": {"state": "ENABLED", "encryption": {"algorithm": "AES256"}}});
    let to = merged(json!({}), want.clone());
    assert_eq!(to.encryptions().len(), 2);
    let live = serde_json::to_value(Metadata::canonical(Metadata::shown(to))).expect("JSON");
    assert!(!live.to_string().contains("encryption"), "{live}");
    assert_eq!(merged(live.clone(), want), canonical(live.clone()));
    // A table that comes later is encrypted as was said.
    let more = json!({"annotationTable": {"state": "ENABLED", "encryption": {"algorithm": "AES256"}}});
    assert_eq!(merged(live, more).encryptions().len(), 1);
}

#[test]
fn switching_off_is_guarded_and_switching_on_is_safe() {
    let risk = |from: serde_json::Value, to: serde_json::Value| Metadata::risk(&canonical(from), &canonical(to));
    let journal = json!({"journalTable": {}});
    let both = json!({"journalTable": {}, "inventoryTable": {"state": "ENABLED"}});
    let annotated = json!({"journalTable": {}, "annotationTable": {"state": "ENABLED"}});
    assert_eq!(risk(json!({}), both.clone()), Risk::Safe);
    assert_eq!(risk(journal.clone(), both.clone()), Risk::Safe);
    for (from, to) in [(both, journal.clone()), (annotated, journal.clone()), (journal, json!({}))] {
        assert!(matches!(risk(from, to), Risk::Guarded(said) if said.contains("by hand")));
    }
}

#[test]
fn records_that_would_go_sooner_are_guarded() {
    let with = |days: Option<i32>| match days {
        Some(days) => json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": days}}}),
        None => json!({"journalTable": {}}),
    };
    let risk = |from, to| Metadata::risk(&canonical(with(from)), &canonical(with(to)));
    for (from, to) in [(None, Some(365)), (Some(365), Some(30))] {
        assert_eq!(risk(from, to), Risk::Guarded("records of the journal would be deleted sooner, and for good"));
    }
    for (from, to) in [(Some(30), Some(365)), (Some(30), None)] {
        assert_eq!(risk(from, to), Risk::Safe);
    }
    assert_eq!(Metadata::risk(&Value::default(), &canonical(with(Some(7)))), Risk::Safe);
}

#[test]
fn tables_of_the_first_generation_are_neither_adopted_nor_removed() {
    let legacy = canonical(json!({"legacy": true, "journalTable": {}}));
    assert_eq!(Doc::of(&legacy).as_str(), r#"{"legacy":true}"#);
    for want in [json!({"journalTable": {}}), json!({"inventoryTable": {"state": "ENABLED"}})] {
        let to = Metadata::canonical(Metadata::merge(&legacy, &of(want), Overlay::Whole));
        assert_ne!(to, legacy);
        assert!(matches!(Metadata::risk(&legacy, &to), Risk::Impossible(said) if said.contains("first generation")));
    }
    assert!(matches!(Metadata::risk(&legacy, &Value::default()), Risk::Impossible(_)));
    assert_eq!(Metadata::merge(&legacy, &Value::default(), Overlay::Whole), legacy);
}

#[test]
fn what_s3_would_refuse_is_refused_before() {
    let said = |json: serde_json::Value| -> Vec<String> {
        Metadata::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
    };
    let expiring = |it: serde_json::Value| said(json!({"journalTable": {"recordExpiration": it}}));
    let at = "/journalTable/recordExpiration";
    assert_eq!(expiring(json!({"expiration": "ENABLED"})), [format!("{at}: records expire, and it is not said when")]);
    assert_eq!(
        expiring(json!({"expiration": "ENABLED", "days": 6})),
        [format!("{at}/days: records expire after 6 days")]
    );
    assert_eq!(
        expiring(json!({"expiration": "DISABLED", "days": 9})),
        [format!("{at}/days: days after which records do not expire")]
    );
    assert_eq!(expiring(json!({"expiration": "ENABLED", "days": 7})), [] as [&str; 0]);
    let encrypted = |it: serde_json::Value| said(json!({"inventoryTable": {"state": "ENABLED", "encryption": it}}));
    let at = "/inventoryTable/encryption";
    assert_eq!(encrypted(json!({"algorithm": "aws:kms"})), [format!("{at}: `aws:kms` without a key")]);
    assert_eq!(
        encrypted(json!({"algorithm": "AES256", "kmsKeyArn": KEY})),
        [format!("{at}/kmsKeyArn: a key of KMS beside `AES256`")]
    );
    assert_eq!(
        encrypted(json!({"algorithm": "aws:kms", "kmsKeyArn": "alias/data"})),
        [format!("{at}/kmsKeyArn: `alias/data` is not the ARN of a key")]
    );
    assert_eq!(encrypted(json!({"algorithm": "aws:kms", "kmsKeyArn": KEY})), [] as [&str; 0]);
    assert_eq!(
        said(json!({"annotationTable": {"state": "ENABLED", "role": "annotations"}})),
        ["/annotationTable/role: `annotations` is not the ARN of a role"]
    );
    assert_eq!(said(json!({"annotationTable": {"state": "ENABLED", "role": ROLE}})), [] as [&str; 0]);
}

#[test]
fn a_key_of_another_region_is_refused() {
    let want = of(json!({"journalTable": {"encryption": {"algorithm": "aws:kms", "kmsKeyArn": KEY}}}));
    let beside = |region: &str| Beside { region: Region::parse(region).ok(), ..Beside::default() };
    let problems = Metadata::check_beside(&want, &beside("eu-west-1"));
    let said: Vec<(&str, &str)> = problems.iter().map(|it| (it.pointer.as_str(), it.message.as_str())).collect();
    let expected = ("/journalTable/encryption/kmsKeyArn", "the key is in us-east-1, the bucket in eu-west-1");
    assert_eq!(said, [expected]);
    assert_eq!(Metadata::check_beside(&want, &beside("us-east-1")), []);
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    laws::schema::<Metadata>(r#"{"journalTable":{}}"#, true);
    laws::schema::<Metadata>(r#"{"inventoryTable":{"state":"ENABLED"}}"#, true);
    laws::schema::<Metadata>(r#"{"inventoryTable":{"state":"on"}}"#, false);
    laws::schema::<Metadata>(r#"{"inventoryTable":{}}"#, false);
    laws::schema::<Metadata>(r#"{"legacy":true}"#, false);
}

/// A state is told and never compared.
#[cfg(feature = "aws")]
#[test]
fn a_table_that_s3_could_not_make_is_told() {
    use aws_sdk_s3::types::{
        DestinationResult, ErrorDetails, JournalTableConfigurationResult, MetadataConfigurationResult,
        S3TablesBucketType,
    };
    let of = |status: &str, error: Option<ErrorDetails>, kind: S3TablesBucketType| {
        let journal = JournalTableConfigurationResult::builder()
            .table_status(status)
            .table_name("journal")
            .set_error(error)
            .build()
            .expect("a journal");
        let place = DestinationResult::builder().table_bucket_type(kind).table_bucket_arn("arn:t").build();
        MetadataConfigurationResult::builder()
            .journal_table_configuration_result(journal)
            .destination_result(place)
            .build()
    };
    let (ours, theirs) = (S3TablesBucketType::Aws, S3TablesBucketType::Customer);
    for status in ["CREATING", "BACKFILLING", "ACTIVE"] {
        assert_eq!(wire::remarks(&of(status, None, ours.clone())), [] as [&str; 0], "{status}");
    }
    let error = ErrorDetails::builder().error_code("AccessDeniedCreatingResources").error_message("no leave").build();
    let failed = of("FAILED", Some(error), ours.clone());
    let said = "the journal table failed: AccessDeniedCreatingResources: no leave";
    assert_eq!(wire::remarks(&failed), [said]);
    let value = |it| Metadata::canonical(wire::from_sdk(it));
    assert_eq!(value(failed), value(of("ACTIVE", None, ours)));
    let legacy = of("ACTIVE", None, theirs);
    assert_eq!(
        wire::remarks(&legacy),
        ["metadata tables of the first generation are written into arn:t; they are left alone"]
    );
    assert_eq!(value(legacy), canonical(json!({"legacy": true})));
}

fn state() -> impl Strategy<Value = State> {
    prop::sample::select(vec!["ENABLED", "DISABLED", "LATER"]).prop_map(State::from)
}

fn encryption() -> impl Strategy<Value = Option<Encryption>> {
    let algorithm = prop::sample::select(vec!["AES256", "aws:kms"]);
    let of = (algorithm, prop::option::of("[a-b]"))
        .prop_map(|(algorithm, kms_key_arn)| Encryption { algorithm: algorithm.into(), kms_key_arn });
    prop::option::of(of)
}

fn value() -> impl Strategy<Value = Value> {
    let expiration =
        (state(), prop::option::of(1..30_i32)).prop_map(|(expiration, days)| RecordExpiration { expiration, days });
    let journal = (prop::option::of(expiration), encryption())
        .prop_map(|(record_expiration, encryption)| Journal { record_expiration, encryption });
    let inventory = (state(), encryption()).prop_map(|(state, encryption)| Inventory { state, encryption });
    let annotation = (state(), prop::option::of("[a-b]"), encryption())
        .prop_map(|(state, role, encryption)| Annotation { state, role, encryption });
    (
        prop::option::of(journal),
        prop::option::of(inventory),
        prop::option::of(annotation),
        prop::option::weighted(0.1, any::<bool>()),
    )
        .prop_map(|(journal_table, inventory_table, annotation_table, legacy)| Value {
            journal_table,
            inventory_table,
            annotation_table,
            legacy,
        })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        let want = Value { legacy: None, ..want };
        laws::hold::<Metadata>(&live, &want, Overlay::Whole);
        laws::hold::<Metadata>(&live, &want, Overlay::Within);
    }

    #[test]
    fn what_is_shown_is_shown_again(value in value()) {
        let shown = Metadata::canonical(Metadata::shown(Metadata::canonical(value)));
        prop_assert_eq!(Metadata::canonical(Metadata::shown(shown.clone())), shown);
    }
}
