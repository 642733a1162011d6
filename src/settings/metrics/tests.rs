use proptest::prelude::*;

use super::*;
use crate::doc::Doc;
use crate::setting::Overlay;
use crate::settings::laws;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn set(elements: &str) -> Value {
    of(&format!(r#"{{"configurations":[{elements}]}}"#))
}

#[test]
fn metrics_have_one_form() {
    for form in [
        r#"{"id":"a"}"#,
        r#"{"id":"a","filter":{}}"#,
        r#"{"id":"a","filter":{"prefix":"","tags":{},"accessPointArn":""}}"#,
    ] {
        assert_eq!(Doc::of(&Metrics::canonical(set(form))).as_str(), r#"{"configurations":[{"id":"a"}]}"#, "{form}");
    }
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    laws::schema::<Metrics>(r#"{"configurations":[{"id":"a","filter":{"prefix":"a","tags":{"b":"c"}}}]}"#, true);
    laws::schema::<Metrics>(r#"{"configurations":[{"id":"a","absent":true}]}"#, true);
    laws::schema::<Metrics>(r#"{"configurations":[{"filter":{"prefix":"a"}}]}"#, false);
    laws::schema::<Metrics>(r#"{"configurations":[{"id":"a","filter":{"accessPoint":"x"}}]}"#, false);
}

#[test]
fn an_access_point_that_is_none_is_refused_before() {
    let said = |arn: &str| {
        let value = set(&format!(r#"{{"id":"a","filter":{{"accessPointArn":"{arn}"}}}}"#));
        Metrics::check(&value).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect::<Vec<_>>()
    };
    assert_eq!(said("arn:aws:s3:us-east-1:111122223333:accesspoint/training"), [] as [&str; 0]);
    for bad in [
        "training",
        "arn:aws:s3:::data",
        "arn:aws:s3:us-east-1:1:accesspoint/a",
        "arn:aws:s3:us-east-1:111122223333:accesspoint/",
        "arn:aws:sqs:us-east-1:111122223333:accesspoint/a",
    ] {
        let told = format!("/configurations/0/filter/accessPointArn: `{bad}` is not the ARN of an access point");
        assert_eq!(said(bad), [told]);
    }
}

fn one() -> impl Strategy<Value = Configuration> {
    let text = || prop::option::of("[a-b]{0,2}");
    let tags = prop::option::of(prop::collection::btree_map("[a-c]", "[a-b]?", 0..3));
    let filter =
        (text(), tags, text()).prop_map(|(prefix, tags, access_point_arn)| Filter { prefix, tags, access_point_arn });
    ("[a-c]", prop::option::weighted(0.2, Just(true)), prop::option::of(filter))
        .prop_map(|(id, absent, filter)| Configuration { id, absent, filter })
}

fn value() -> impl Strategy<Value = Value> {
    prop::option::of(prop::collection::vec(one(), 0..4)).prop_map(|configurations| Value { configurations })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Metrics>(&live, &want, Overlay::Whole);
        laws::hold::<Metrics>(&live, &want, Overlay::Within);
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
    use aws_sdk_s3::types::MetricsFilter;
    let sent = |filter: &str| {
        let set = Metrics::canonical(set(&format!(r#"{{"id":"a","filter":{filter}}}"#)));
        wire::to_sdk(&set.configurations.expect("one")[0]).expect("a configuration").filter
    };
    assert_eq!(sent("{}"), None);
    assert_eq!(sent(r#"{"prefix":"a"}"#), Some(MetricsFilter::Prefix("a".to_owned())));
    assert_eq!(sent(r#"{"accessPointArn":"a"}"#), Some(MetricsFilter::AccessPointArn("a".to_owned())));
    assert!(matches!(sent(r#"{"tags":{"a":"1"}}"#), Some(MetricsFilter::Tag(_))));
    for several in [
        r#"{"prefix":"p","accessPointArn":"a"}"#,
        r#"{"prefix":"p","tags":{"a":"1"}}"#,
        r#"{"tags":{"a":"1","b":"2"}}"#,
        r#"{"tags":{"a":"1"},"accessPointArn":"a"}"#,
    ] {
        assert!(matches!(sent(several), Some(MetricsFilter::And(_))), "{several}");
    }
}
