//! What object lock means, and what holds for any.

use proptest::prelude::*;

use super::*;
use crate::settings::laws;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn canonical(json: &str) -> Value {
    ObjectLock::canonical(of(json))
}

#[test]
fn the_old_word_and_the_mapping_say_the_same() {
    assert_eq!(of("true"), of(r#"{"enabled":true}"#));
    assert_eq!(of("false"), of(r#"{"enabled":false}"#));
    assert_eq!(canonical("false"), Value::default());
    laws::schema::<ObjectLock>("true", true);
    laws::schema::<ObjectLock>(r#"{"enabled":true,"defaultRetention":{"mode":"GOVERNANCE","days":30}}"#, true);
    laws::schema::<ObjectLock>(r#"{"enabled":true,"defaultRetention":"absent"}"#, true);
    laws::schema::<ObjectLock>(r#"{"enabled":true,"defaultRetention":{"mode":"governance","days":30}}"#, false);
    laws::schema::<ObjectLock>(r#""absent""#, false);
}

#[test]
fn a_default_retention_means_that_the_lock_is_on() {
    let lock = canonical(r#"{"defaultRetention":{"mode":"GOVERNANCE","days":30}}"#);
    assert_eq!(lock.enabled, Some(true));
    assert_eq!(canonical(r#"{"enabled":true,"defaultRetention":{}}"#), canonical("true"));
    let wish = |said| crate::doc::Doc::of(&of(said));
    assert!(asks_for_it(&wish(r#"{"defaultRetention":{"mode":"GOVERNANCE","days":30}}"#)));
    assert!(!asks_for_it(&wish("false")) && !asks_for_it(&wish(r#"{"defaultRetention":"absent"}"#)));
}

#[test]
fn a_zero_of_another_store_is_nothing() {
    let answered = canonical(r#"{"enabled":true,"defaultRetention":{"mode":"GOVERNANCE","days":30,"years":0}}"#);
    assert_eq!(answered, canonical(r#"{"defaultRetention":{"mode":"GOVERNANCE","days":30}}"#));
}

#[test]
fn a_retention_is_whole_and_what_nobody_names_stays() {
    let live = canonical(r#"{"defaultRetention":{"mode":"GOVERNANCE","days":30}}"#);
    let merge = |want| ObjectLock::canonical(ObjectLock::merge(&live, &of(want), Overlay::Whole));
    assert_eq!(merge("true"), live);
    let years = r#"{"defaultRetention":{"mode":"COMPLIANCE","years":1}}"#;
    assert_eq!(merge(years), canonical(years));
    assert_eq!(merge(r#"{"defaultRetention":"absent"}"#), canonical("true"));
}

#[test]
fn what_a_policy_asks_for_is_the_least() {
    let merge =
        |live: &str, want: &str| ObjectLock::canonical(ObjectLock::merge(&canonical(live), &of(want), Overlay::Within));
    let least = r#"{"defaultRetention":{"mode":"GOVERNANCE","days":30}}"#;
    let longer = r#"{"defaultRetention":{"mode":"COMPLIANCE","years":1}}"#;
    assert_eq!(merge(longer, least), canonical(longer));
    assert_eq!(merge(least, longer), canonical(longer));
    let both = r#"{"defaultRetention":{"mode":"COMPLIANCE","days":30}}"#;
    assert_eq!(merge(r#"{"defaultRetention":{"mode":"COMPLIANCE","days":7}}"#, least), canonical(both));
    assert_eq!(merge("true", least), canonical(least));
}

fn risk(from: &str, to: &str) -> Risk {
    ObjectLock::risk(&canonical(from), &canonical(to))
}

#[test]
fn the_lock_is_switched_on_with_an_approval_and_never_off() {
    let on = Risk::Guarded("object lock could never be switched off again, nor versioning suspended");
    assert_eq!(risk("false", "true"), on);
    assert_eq!(risk("true", "false"), Risk::Impossible("object lock can never be switched off"));
    assert_eq!(risk("true", "true"), Risk::Safe);
}

#[test]
fn a_weaker_retention_and_one_that_binds_everybody_are_guarded() {
    let of = |mode: &str, period: &str| format!(r#"{{"defaultRetention":{{"mode":"{mode}",{period}}}}}"#);
    let (month, year) = (of("GOVERNANCE", r#""days":30"#), of("GOVERNANCE", r#""years":1"#));
    let sooner = Risk::Guarded("new objects could be deleted sooner than today");
    let nobody = Risk::Guarded("nobody, not even the root user, could delete new objects before their time");
    assert_eq!(risk(&year, &month), sooner);
    assert_eq!(risk(&month, "true"), sooner);
    assert_eq!(risk(&month, &year), Risk::Safe);
    assert_eq!(risk("true", &month), Risk::Safe);
    assert_eq!(risk(&of("COMPLIANCE", r#""days":30"#), &month), sooner);
    assert_eq!(risk(&month, &of("COMPLIANCE", r#""days":30"#)), nobody);
    assert_eq!(risk(&of("COMPLIANCE", r#""days":30"#), &of("COMPLIANCE", r#""days":31"#)), nobody);
    let held = of("GOVERNANCE", r#""days":30,"defaultEventHold":{"days":7}"#);
    assert_eq!(risk(&held, &month), sooner, "an event hold is retention, too");
    assert_eq!(risk(&month, &held), Risk::Safe);
    let both = of("GOVERNANCE", r#""days":30,"years":1"#);
    assert!(matches!(risk(&month, &both), Risk::Impossible(_)));
}

#[test]
fn limits_of_s3_are_checked_before_s3_does() {
    let said = |json: &str| -> Vec<String> {
        ObjectLock::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
    };
    let retention = |inner: &str| said(&format!(r#"{{"defaultRetention":{{{inner}}}}}"#));
    assert_eq!(said(r#"{"enabled":true,"defaultRetention":{"mode":"GOVERNANCE","days":36500}}"#), [] as [&str; 0]);
    assert_eq!(retention(r#""mode":"COMPLIANCE","defaultEventHold":{"days":365}"#), [] as [&str; 0]);
    assert_eq!(said(r#"{"defaultRetention":"absent"}"#), [] as [&str; 0]);
    assert_eq!(
        said(r#"{"enabled":false,"defaultRetention":{"mode":"GOVERNANCE","days":1}}"#),
        ["/defaultRetention: a default retention without object lock"]
    );
    assert_eq!(retention(r#""days":1"#), ["/defaultRetention: a default retention without `mode`"]);
    assert_eq!(retention(r#""mode":"GOVERNANCE""#), ["/defaultRetention: a default retention without a period"]);
    assert_eq!(retention(r#""mode":"GOVERNANCE","days":1,"years":1"#), ["/defaultRetention: `days` beside `years`"]);
    assert_eq!(retention(r#""mode":"GOVERNANCE","days":0"#), ["/defaultRetention/days: 0 days"]);
    assert_eq!(retention(r#""mode":"GOVERNANCE","years":101"#), ["/defaultRetention/years: 101 years"]);
    assert_eq!(retention(r#""mode":"legal","days":1"#), ["/defaultRetention/mode: `legal` is not a mode of S3"]);
    assert_eq!(
        retention(r#""mode":"GOVERNANCE","days":7,"defaultEventHold":{"days":8}"#),
        ["/defaultRetention/defaultEventHold: an event hold longer than the default retention"]
    );
    assert_eq!(
        retention(r#""mode":"GOVERNANCE","days":7,"defaultEventHold":{}"#),
        ["/defaultRetention/defaultEventHold: an event hold without a period"]
    );
}

#[test]
fn the_lock_waits_for_versioning() {
    let versioning = |status: &str| {
        let doc = crate::doc::Doc::of(&serde_json::json!({ "status": status }));
        move |name: &str| (name == "versioning").then(|| doc.clone())
    };
    let on = canonical("true");
    let why = |others: &Others<'_>| ObjectLock::hindrance(&on, others).map(|it| it.why);
    assert_eq!(why(&versioning("Suspended")), Some("S3 locks objects only in a bucket whose versioning is on"));
    assert_eq!(why(&versioning("Enabled")), None);
    assert_eq!(why(&|_: &str| None), None, "what is not known hinders nothing");
}

fn value() -> impl Strategy<Value = Value> {
    let number = || prop::option::of(0..3_i32);
    let hold = (number(), number()).prop_map(|(days, years)| EventHold { days, years });
    let mode = prop::option::of(prop::sample::select(vec!["GOVERNANCE", "COMPLIANCE", "ODD"]).prop_map(Mode::from));
    let retention = (mode, number(), number(), prop::option::of(hold)).prop_map(|(mode, days, years, hold)| {
        Retention::For(DefaultRetention { mode, days, years, default_event_hold: hold })
    });
    let retention = prop_oneof![Just(Retention::Absent(Absent::Absent)), retention];
    (prop::option::of(any::<bool>()), prop::option::of(retention))
        .prop_map(|(enabled, default_retention)| Value { enabled, default_retention })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<ObjectLock>(&live, &want, Overlay::Whole);
        laws::hold::<ObjectLock>(&live, &want, Overlay::Within);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(value in value()) {
        let value = ObjectLock::canonical(value);
        prop_assume!(value.enabled == Some(true));
        prop_assert_eq!(ObjectLock::canonical(wire::from_sdk(wire::to_sdk(&value))), value);
    }
}
