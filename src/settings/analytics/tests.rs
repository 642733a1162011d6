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

#[test]
fn an_analysis_has_one_form() {
    for form in [
        r#"{"id":"a","dataExport":{"destination":{"bucket":"arn:aws:s3:::lists"}}}"#,
        r#"{"id":"a","filter":{},"dataExport":{"outputSchemaVersion":"V_1","destination":{"bucket":"arn:aws:s3:::lists","format":"CSV","prefix":""}}}"#,
        r#"{"id":"a","filter":{"prefix":"","tags":{}},"dataExport":{"destination":{"bucket":"arn:aws:s3:::lists","accountId":""}}}"#,
    ] {
        assert_eq!(
            Doc::of(&Analytics::canonical(set(form))).as_str(),
            concat!(
                r#"{"configurations":[{"id":"a","dataExport":{"outputSchemaVersion":"V_1","#,
                r#""destination":{"bucket":"arn:aws:s3:::lists","format":"CSV"}}}]}"#
            ),
            "{form}"
        );
    }
    assert_eq!(Analytics::canonical(of(r#"{"configurations":[]}"#)), Value::default());
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    laws::schema::<Analytics>(r#"{"configurations":[{"id":"a"},{"id":"b","absent":true}]}"#, true);
    laws::schema::<Analytics>(r#"{"configurations":[{"id":"a","dataExport":{}}]}"#, false);
    laws::schema::<Analytics>(r#"{"configurations":[{"filter":{"prefix":"a"}}]}"#, false);
    let format = r#"{"configurations":[{"id":"a","dataExport":{"destination":{"bucket":"b","format":"ORC"}}}]}"#;
    laws::schema::<Analytics>(format, false);
}

fn said(elements: &str) -> Vec<String> {
    let told = |it: Problem| format!("{}: {}; {}", it.pointer, it.message, it.hint.unwrap_or_default());
    Analytics::check(&set(elements)).into_iter().map(told).collect()
}

#[test]
fn analyses_that_s3_would_refuse_are_refused_before() {
    assert_eq!(said(r#"{"id":"a"}"#), [] as [&str; 0]);
    assert_eq!(
        said(
            r#"{"id":"a","dataExport":{"outputSchemaVersion":"V_2","destination":{"bucket":"lists","accountId":"x","format":"ORC"}}}"#
        ),
        [
            "/configurations/0/dataExport/outputSchemaVersion: `V_2` is not a version of S3's form; use `V_1`",
            "/configurations/0/dataExport/destination/bucket: `lists` is not the ARN of a bucket; write `arn:aws:s3:::lists`",
            "/configurations/0/dataExport/destination/accountId: illegal account id `x`; write twelve digits, in quotes",
            "/configurations/0/dataExport/destination/format: `ORC` is not a format of S3's analyses; use `CSV`",
        ]
    );
    let tags: Vec<String> = (0..11).map(|n| format!(r#""k{n}":"v""#)).collect();
    let tags = format!(r#"{{"id":"a","filter":{{"tags":{{{}}}}}}}"#, tags.join(","));
    assert_eq!(said(&tags), ["/configurations/0/filter/tags: 11 tags; an object has at most 10"]);
    let long = "x".repeat(257);
    assert_eq!(
        said(&format!(r#"{{"id":"a","filter":{{"tags":{{"":"v","a/b":"{long}"}}}}}}"#)),
        [
            "/configurations/0/filter/tags/: the tag key has 0 characters; use 1 to 128 characters",
            "/configurations/0/filter/tags/a~1b: the value of tag `a/b` has 257 characters; use at most 256 characters",
        ]
    );
}

fn one() -> impl Strategy<Value = Configuration> {
    let text = || prop::option::of("[a-b]{0,2}");
    let tags = prop::option::of(prop::collection::btree_map("[a-c]", "[a-b]?", 0..3));
    let filter = (text(), tags).prop_map(|(prefix, tags)| Filter { prefix, tags });
    let version = prop::option::of(prop::sample::select(vec!["V_1", "V_2"]).prop_map(SchemaVersion::from));
    let export = (version, text(), text()).prop_map(|(output_schema_version, account_id, prefix)| DataExport {
        output_schema_version,
        destination: Destination { bucket: "b".to_owned(), account_id, format: None, prefix },
    });
    ("[a-c]", prop::option::weighted(0.2, Just(true)), prop::option::of(filter), prop::option::of(export))
        .prop_map(|(id, absent, filter, data_export)| Configuration { id, absent, filter, data_export })
}

fn value() -> impl Strategy<Value = Value> {
    prop::option::of(prop::collection::vec(one(), 0..4)).prop_map(|configurations| Value { configurations })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Analytics>(&live, &want, Overlay::Whole);
        laws::hold::<Analytics>(&live, &want, Overlay::Within);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(one in one()) {
        let one = one.canonical();
        let sent = wire::to_sdk(&one).expect("a configuration");
        prop_assert!(sent.storage_class_analysis.is_some(), "S3 demands it, be it empty");
        prop_assert_eq!(wire::from_sdk(sent).canonical(), one);
    }
}

#[cfg(feature = "aws")]
#[test]
fn several_predicates_stand_in_and_and_one_does_not() {
    use aws_sdk_s3::types::AnalyticsFilter;
    let sent = |filter: &str| {
        let set = Analytics::canonical(set(&format!(r#"{{"id":"a","filter":{filter}}}"#)));
        wire::to_sdk(&set.configurations.expect("one")[0]).expect("a configuration").filter
    };
    assert_eq!(sent("{}"), None);
    assert_eq!(sent(r#"{"prefix":"a"}"#), Some(AnalyticsFilter::Prefix("a".to_owned())));
    assert!(matches!(sent(r#"{"tags":{"a":"1"}}"#), Some(AnalyticsFilter::Tag(_))));
    let and = |filter| sent(filter).and_then(|it| it.as_and().ok().cloned()).expect("and");
    assert_eq!(
        (and(r#"{"prefix":"p","tags":{"a":"1"}}"#).prefix(), and(r#"{"tags":{"a":"1","b":"2"}}"#).tags().len()),
        (Some("p"), 2)
    );
}
