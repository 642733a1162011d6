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

/// A configuration `a` with these tiers and these fields beside.
fn tiers(tiers: &[(&str, i32)], fields: &str) -> String {
    let tiers: Vec<String> =
        tiers.iter().map(|(tier, days)| format!(r#"{{"accessTier":"{tier}","days":{days}}}"#)).collect();
    format!(r#"{{"id":"a","status":"Enabled","tierings":[{}]{fields}}}"#, tiers.join(","))
}

const ARCHIVE: &str = "ARCHIVE_ACCESS";
const DEEP: &str = "DEEP_ARCHIVE_ACCESS";

#[test]
fn a_configuration_has_one_form() {
    for form in [
        tiers(&[(ARCHIVE, 90), (DEEP, 180)], ""),
        tiers(&[(DEEP, 180), (ARCHIVE, 90)], r#","filter":{}"#),
        tiers(&[(ARCHIVE, 90), (DEEP, 180)], r#","filter":{"prefix":"","tags":{}}"#),
    ] {
        assert_eq!(
            Doc::of(&IntelligentTiering::canonical(set(&form))).as_str(),
            concat!(
                r#"{"configurations":[{"id":"a","status":"Enabled","tierings":[{"accessTier":"ARCHIVE_ACCESS","days":90},"#,
                r#"{"accessTier":"DEEP_ARCHIVE_ACCESS","days":180}]}]}"#
            ),
            "{form}"
        );
    }
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    let whole = |it: &str| format!(r#"{{"configurations":[{it}]}}"#);
    laws::schema::<IntelligentTiering>(&whole(&tiers(&[(ARCHIVE, 90)], "")), true);
    laws::schema::<IntelligentTiering>(&whole(r#"{"id":"a","absent":true}"#), true);
    laws::schema::<IntelligentTiering>(&whole(&tiers(&[("ARCHIVE", 90)], "")), false);
    laws::schema::<IntelligentTiering>(&whole(r#"{"id":"a","tierings":[{"days":90}]}"#), false);
    laws::schema::<IntelligentTiering>(&whole(&tiers(&[], "").replace("Enabled", "On")), false);
}

fn risk(from: &str, to: &str) -> Risk {
    IntelligentTiering::risk(&IntelligentTiering::canonical(set(from)), &IntelligentTiering::canonical(set(to)))
}

const GUARDED: Risk = Risk::Guarded("objects would be archived, and could not be read before somebody restores them");

#[test]
fn what_archives_more_objects_or_sooner_is_guarded() {
    let year = tiers(&[(ARCHIVE, 365)], "");
    assert_eq!(risk("", &year), GUARDED, "new");
    assert_eq!(risk(&year, &tiers(&[(ARCHIVE, 364)], "")), GUARDED, "sooner");
    assert_eq!(risk(&year, &tiers(&[(ARCHIVE, 365), (DEEP, 730)], "")), GUARDED, "deeper");
    assert_eq!(risk(&year.replace("Enabled", "Disabled"), &year), GUARDED, "turned on");
    assert_eq!(risk(&year.replace("Enabled", "Odd"), &year), GUARDED, "who knows whether it acts");
    assert_eq!(risk(&year, &year.replace("Enabled", "Odd").replace("\"a\"", "\"b\"").replace("365", "90")), GUARDED);
    let raw = tiers(&[(ARCHIVE, 365)], r#","filter":{"prefix":"raw/"}"#);
    assert_eq!(risk(&raw, &year), GUARDED, "wider");
    assert_eq!(risk(&raw, &raw.replace("raw/", "tmp/")), GUARDED, "others");
    let tagged = tiers(&[(ARCHIVE, 365)], r#","filter":{"tags":{"a":"1"}}"#);
    assert_eq!(risk(&tagged, &tagged.replace("\"1\"", "\"2\"")), GUARDED);
}

#[test]
fn what_archives_no_more_is_safe() {
    let half = tiers(&[(ARCHIVE, 180), (DEEP, 365)], "");
    assert_eq!(risk(&half, ""), Risk::Safe, "removed");
    assert_eq!(risk(&half, &half.replace("Enabled", "Disabled")), Risk::Safe);
    assert_eq!(risk(&half, &half.replace("\"a\"", "\"b\"")), Risk::Safe, "another name");
    assert_eq!(risk(&half, &tiers(&[(ARCHIVE, 181)], "")), Risk::Safe, "later, and one tier fewer");
    assert_eq!(risk(&half, &tiers(&[(DEEP, 365)], r#","filter":{"prefix":"raw/"}"#)), Risk::Safe, "narrower");
    assert_eq!(risk("", &half.replace("Enabled", "Disabled")), Risk::Safe, "it does nothing");
}

fn said(elements: &str) -> Vec<String> {
    let told = |it: Problem| format!("{}: {}; {}", it.pointer, it.message, it.hint.unwrap_or_default());
    IntelligentTiering::check(&set(elements)).into_iter().map(told).collect()
}

#[test]
fn tiers_that_s3_would_refuse_are_refused_before() {
    for (tier, days) in [(ARCHIVE, 90), (ARCHIVE, 730), (DEEP, 180), (DEEP, 730)] {
        assert_eq!(said(&tiers(&[(tier, days)], "")), [] as [&str; 0]);
    }
    let days = |tier: &str, days: i32, hint: &str| {
        let told = format!("/configurations/0/tierings/0/days: objects go to `{tier}` after {days} days; {hint}");
        assert_eq!(said(&tiers(&[(tier, days)], "")), [told]);
    };
    days(ARCHIVE, 89, "use 90 to 730 days");
    days(ARCHIVE, 731, "use 90 to 730 days");
    days(DEEP, 179, "use 180 to 730 days");
    days(DEEP, 731, "use 180 to 730 days");
    assert_eq!(
        said(&tiers(&[(ARCHIVE, 90), (ARCHIVE, 91)], "")),
        ["/configurations/0/tierings/1/accessTier: a second time `ARCHIVE_ACCESS`; leave one of the two"]
    );
    assert_eq!(
        said(&tiers(&[("ATTIC", 90)], "").replace("Enabled", "On")),
        [
            "/configurations/0/status: `On` is not a status of S3; use `Enabled` and `Disabled`",
            "/configurations/0/tierings/0/accessTier: `ATTIC` is not an archive tier of S3; use `ARCHIVE_ACCESS` and `DEEP_ARCHIVE_ACCESS`",
        ]
    );
    assert_eq!(
        said(r#"{"id":"a"}"#),
        [
            "/configurations/0: `status` is missing; write `Enabled` or `Disabled`",
            "/configurations/0: no archive tier; say when objects go where: `tierings: [{accessTier: ARCHIVE_ACCESS, days: 90}]`",
        ]
    );
}

fn one() -> impl Strategy<Value = Configuration> {
    let text = prop::option::of("[a-b]{0,2}");
    let tags = prop::option::of(prop::collection::btree_map("[a-c]", "[a-b]?", 0..3));
    let filter = (text, tags).prop_map(|(prefix, tags)| Filter { prefix, tags });
    let tier = prop::sample::select(vec![ARCHIVE, DEEP, "ATTIC"]).prop_map(AccessTier::from);
    let tiering = (tier, 90..93).prop_map(|(access_tier, days)| Tiering { access_tier, days });
    (
        ("[a-c]", prop::option::weighted(0.2, Just(true))),
        prop::sample::select(vec!["Enabled", "Disabled", "Odd"]).prop_map(Status::from),
        prop::option::of(filter),
        prop::collection::vec(tiering, 1..3),
    )
        .prop_map(|((id, absent), status, filter, tierings)| Configuration {
            id,
            absent,
            status: Some(status),
            filter,
            tierings: Some(tierings),
        })
}

fn value() -> impl Strategy<Value = Value> {
    prop::option::of(prop::collection::vec(one(), 0..4)).prop_map(|configurations| Value { configurations })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<IntelligentTiering>(&live, &want, Overlay::Whole);
        laws::hold::<IntelligentTiering>(&live, &want, Overlay::Within);
    }

    #[test]
    fn to_archive_nothing_is_safe(from in value()) {
        let from = IntelligentTiering::canonical(from);
        prop_assert_eq!(IntelligentTiering::risk(&from, &from), Risk::Safe);
        prop_assert_eq!(IntelligentTiering::risk(&from, &Value::default()), Risk::Safe);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(one in one()) {
        let one = one.canonical();
        let sent = wire::to_sdk(&one).expect("a configuration");
        prop_assert_eq!(wire::from_sdk(sent).canonical(), one);
    }
}

#[cfg(feature = "aws")]
#[test]
fn several_predicates_stand_in_and_and_one_does_not() {
    let sent = |filter: &str| {
        let set = IntelligentTiering::canonical(set(&tiers(&[(ARCHIVE, 90)], &format!(r#","filter":{filter}"#))));
        wire::to_sdk(&set.configurations.expect("one")[0]).expect("a configuration").filter
    };
    assert_eq!(sent("{}"), None);
    let prefix = sent(r#"{"prefix":"a"}"#).expect("a filter");
    assert_eq!((prefix.prefix(), prefix.tag(), prefix.and()), (Some("a"), None, None));
    let tag = sent(r#"{"tags":{"a":"1"}}"#).expect("a filter");
    assert_eq!((tag.prefix(), tag.tag().map(|it| it.key()), tag.and()), (None, Some("a"), None));
    for several in [r#"{"prefix":"p","tags":{"a":"1"}}"#, r#"{"tags":{"a":"1","b":"2"}}"#] {
        let filter = sent(several).expect("a filter");
        assert!(filter.and().is_some() && filter.prefix().is_none() && filter.tag().is_none(), "{several}");
    }
}
