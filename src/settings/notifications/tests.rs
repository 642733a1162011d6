use proptest::prelude::*;

use super::*;
use crate::bucket::Region;
use crate::doc::Doc;
use crate::settings::laws;

fn of(json: serde_json::Value) -> Value {
    serde_json::from_value(json).expect("a value")
}

fn canonical(json: serde_json::Value) -> Value {
    Notifications::canonical(of(json))
}

fn merged(live: serde_json::Value, want: serde_json::Value, how: Overlay) -> Value {
    Notifications::canonical(Notifications::merge(&canonical(live), &of(want), how))
}

fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:123456789012:{name}")
}

/// A queue that is told of what is made under a prefix.
fn to(id: &str, name: &str, prefix: &str) -> serde_json::Value {
    serde_json::json!({"id": id, "arn": queue(name), "events": ["s3:ObjectCreated:*"], "filter": {"prefix": prefix}})
}

fn nameless(name: &str, prefix: &str) -> serde_json::Value {
    let mut it = to("", name, prefix);
    it.as_object_mut().expect("an object").remove("id");
    it
}

use serde_json::json;

/// Normalisation rule 9: the order of events and an empty filter mean nothing.
#[test]
fn a_notification_has_one_form() {
    let one = json!({"queues": [{"id": "a", "arn": queue("q"), "events": ["s3:ObjectTagging:Put", "s3:ObjectAcl:Put"],
        "filter": {"prefix": "", "suffix": ".tar"}}], "eventBridge": false});
    let other = json!({"queues": [{"id": "a", "arn": queue("q"), "filter": {"suffix": ".tar"},
        "events": ["s3:ObjectAcl:Put", "s3:ObjectTagging:Put", "s3:ObjectAcl:Put"]}]});
    assert_eq!(canonical(one), canonical(other));
    assert_eq!(Doc::of(&canonical(json!({"topics": [], "queues": []}))).as_str(), "{}");
    let empty = json!({"queues": [{"id": "", "arn": queue("q"), "events": ["s3:ObjectAcl:Put"], "filter": {}}]});
    let short = json!({"queues": [{"arn": queue("q"), "events": ["s3:ObjectAcl:Put"]}]});
    assert_eq!(canonical(empty), canonical(short));
}

/// Pain 14, terraform-provider-aws#501: whoever wrote last took everybody else's notifications
/// away.
#[test]
fn pain_14_notifications_of_others_stay_whoever_speaks() {
    let live = json!({"queues": [to("theirs", "t", "t/"), to("ours", "old", "o/")],
        "topics": [{"id": "mail", "arn": "arn:aws:sns:us-east-1:123456789012:mail", "events": ["s3:Replication:*"]}]});
    let want = json!({"queues": [to("ours", "new", "o/")]});
    for how in [Overlay::Whole, Overlay::Within] {
        let to = merged(live.clone(), want.clone(), how);
        assert_eq!(Doc::of(&to).as_str(), Doc::of(&canonical(live.clone())).as_str().replace(":old", ":new"));
    }
}

/// Pain 15, aws-controllers-k8s/community#1673: EventBridge could not be set, and a write of
/// anything else switched it off.
#[test]
fn pain_15_event_bridge_is_kept_and_can_be_set() {
    let want = json!({"queues": [to("ours", "q", "o/")]});
    assert_eq!(merged(json!({"eventBridge": true}), want.clone(), Overlay::Whole).event_bridge, Some(true));
    let both = merged(want, json!({"eventBridge": true}), Overlay::Whole);
    assert_eq!((both.event_bridge, both.queues.map(|it| it.len())), (Some(true), Some(1)));
    assert_eq!(merged(json!({"eventBridge": true}), json!({"eventBridge": false}), Overlay::Whole), Value::default());
}

#[test]
fn one_is_removed_by_its_id_and_wherever_it_stands() {
    let live = json!({"queues": [to("old", "q", "o/"), to("theirs", "t", "t/")]});
    let left = canonical(json!({"queues": [to("theirs", "t", "t/")]}));
    for list in ["queues", "topics", "lambdaFunctions"] {
        assert_eq!(merged(live.clone(), json!({list: [{"id": "old", "absent": true}]}), Overlay::Whole), left);
    }
    assert_eq!(
        merged(live.clone(), json!({"queues": [{"id": "none", "absent": true}]}), Overlay::Whole),
        canonical(live)
    );
}

#[test]
fn a_bucket_adds_to_its_defaults_and_overrules_them_by_id() {
    let below =
        of(json!({"queues": [to("a", "q", "a/"), to("b", "q", "b/"), nameless("n", "n/")], "eventBridge": true}));
    let above =
        of(json!({"queues": [to("b", "other", "b/"), nameless("n", "n/")], "topics": [{"id": "a", "absent": true}],
        "eventBridge": false}));
    let both =
        of(json!({"queues": [nameless("n", "n/"), to("b", "other", "b/")], "topics": [{"id": "a", "absent": true}],
        "eventBridge": false}));
    assert_eq!(Notifications::join(&below, &above), both);
    assert_eq!(Notifications::join(&below, &Value::default()).queues.map(|it| it.len()), Some(3));
}

#[test]
fn an_id_moves_from_one_list_to_another() {
    let live = json!({"queues": [to("a", "q", "o/")]});
    let topic =
        json!({"topics": [{"id": "a", "arn": "arn:aws:sns:us-east-1:123456789012:t", "events": ["s3:ObjectAcl:Put"]}]});
    assert_eq!(merged(live, topic.clone(), Overlay::Whole), canonical(topic));
}

/// Normalisation rule 9: the id may be one that S3 made up.
#[test]
fn without_an_id_what_says_the_same_is_found_whatever_its_id_is() {
    let live = json!({"queues": [to("NWQyYjM4", "q", "o/")]});
    assert_eq!(merged(live.clone(), json!({"queues": [nameless("q", "o/")]}), Overlay::Whole), canonical(live));
}

#[test]
fn without_an_id_a_new_one_gets_an_id_that_stays_the_same_and_goes_with_the_spec() {
    let theirs = json!({"queues": [to("theirs", "t", "t/")]});
    let first = merged(theirs.clone(), json!({"queues": [nameless("q", "o/")]}), Overlay::Whole);
    let ids: Vec<String> = first.list(Kind::Queue).iter().filter_map(|it| it.id.clone()).collect();
    assert_eq!(ids, ["driftless-4e16a1f263aa0f17", "theirs"]);
    let live = serde_json::to_value(&first).expect("JSON");
    assert_eq!(merged(live.clone(), json!({"queues": [nameless("q", "o/")]}), Overlay::Whole), first);
    // Another content is another notification, and the first one is not left behind.
    let second = merged(live.clone(), json!({"queues": [nameless("q", "p/")]}), Overlay::Whole);
    assert_eq!(second.list(Kind::Queue).len(), 2);
    assert!(second.list(Kind::Queue).iter().all(|it| it.prefix() != "o/"));
    // A policy takes nothing away.
    assert_eq!(merged(live, json!({"queues": [nameless("q", "p/")]}), Overlay::Within).list(Kind::Queue).len(), 3);
}

#[test]
fn what_nobody_is_told_of_any_more_is_guarded() {
    let risk = |from: serde_json::Value, to: serde_json::Value| Notifications::risk(&canonical(from), &canonical(to));
    let two = json!({"queues": [to("a", "q", "a/"), to("b", "q", "b/")]});
    let one = json!({"queues": [to("a", "q", "a/")]});
    assert_eq!(risk(two.clone(), one.clone()), Risk::Safe);
    assert_eq!(risk(one.clone(), two.clone()), Risk::Safe);
    assert!(matches!(risk(two, json!({})), Risk::Guarded(said) if said.starts_with("nobody")));
    let bridge = json!({"eventBridge": true});
    assert!(matches!(risk(bridge.clone(), json!({})), Risk::Guarded(said) if said.contains("EventBridge")));
    assert_eq!(risk(json!({}), bridge), Risk::Safe);
}

/// S3 would refuse it at night; the one that is there belongs to somebody whom no spec names.
#[test]
fn what_overlaps_with_one_that_is_there_is_impossible() {
    let from = canonical(json!({"queues": [to("theirs", "t", "raw/")]}));
    let to_of = |prefix: &str| canonical(json!({"queues": [to("theirs", "t", "raw/"), to("ours", "q", prefix)]}));
    assert!(matches!(Notifications::risk(&from, &to_of("raw/new/")), Risk::Impossible(_)));
    assert_eq!(Notifications::risk(&from, &to_of("cooked/")), Risk::Safe);
    // A store that takes both has both, and that is no reason to hold something else.
    let both = to_of("raw/new/");
    let more = Value { event_bridge: Some(true), ..both.clone() };
    assert_eq!(Notifications::risk(&both, &more), Risk::Safe);
}

#[test]
fn two_overlap_when_an_event_of_a_key_would_go_to_both() {
    let it = |event: &str, prefix: &str, suffix: &str| {
        Notification {
            events: Some(vec![event.into()]),
            filter: Some(Filter { prefix: Some(prefix.to_owned()), suffix: Some(suffix.to_owned()) }),
            ..Notification::default()
        }
        .canonical()
    };
    let overlap = |a: (&str, &str, &str), b: (&str, &str, &str)| {
        let (a, b) = (it(a.0, a.1, a.2), it(b.0, b.1, b.2));
        assert_eq!(check::overlap(&a, &b), check::overlap(&b, &a));
        check::overlap(&a, &b)
    };
    let made = "s3:ObjectCreated:*";
    assert!(overlap((made, "", ""), (made, "images/", ".jpg")));
    assert!(overlap((made, "images", ""), (made, "", ".jpg")));
    assert!(overlap((made, "images/", ".jpg"), ("s3:ObjectCreated:Put", "images/cats/", "t.jpg")));
    assert!(!overlap((made, "images/", ".jpg"), (made, "images/", ".png")));
    assert!(!overlap((made, "images/", ""), (made, "videos/", "")));
    assert!(!overlap(("s3:ObjectCreated:Put", "", ""), ("s3:ObjectCreated:Copy", "", "")));
    assert!(!overlap((made, "", ""), ("s3:ObjectRemoved:*", "", "")));
}

fn problems(json: serde_json::Value) -> Vec<String> {
    Notifications::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
}

#[test]
fn a_destination_that_is_none_is_refused() {
    let with = |list: &str, arn: &str| json!({list: [{"id": "a", "arn": arn, "events": ["s3:ObjectAcl:Put"]}]});
    assert_eq!(problems(with("queues", "jobs")), ["/queues/0/arn: `jobs` is not the ARN of a queue"]);
    let topic = "arn:aws:sns:us-east-1:123456789012:t";
    assert_eq!(problems(with("topics", topic)), [] as [&str; 0]);
    assert_eq!(problems(with("queues", topic)), [format!("/queues/0/arn: `{topic}` is not the ARN of a queue")]);
    assert_eq!(problems(with("queues", &queue("q.fifo"))), ["/queues/0/arn: S3 cannot send to a FIFO queue"]);
    let function = "arn:aws:lambda:us-east-1:123456789012:function:index:live";
    assert_eq!(problems(with("lambdaFunctions", function)), [] as [&str; 0]);
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:index";
    assert_eq!(
        problems(with("lambdaFunctions", layer)),
        [format!("/lambdaFunctions/0/arn: `{layer}` is not the ARN of a function")]
    );
    let nowhere = "arn:aws:sqs::123456789012:q";
    assert_eq!(problems(with("queues", nowhere)), [format!("/queues/0/arn: `{nowhere}` is not the ARN of a queue")]);
    assert_eq!(
        problems(json!({"queues": [{"id": "a"}]})),
        ["/queues/0: it has no `arn`", "/queues/0: it has no events"]
    );
}

#[test]
fn ids_are_short_and_unique_across_the_lists() {
    let topic = json!({"id": "a", "arn": "arn:aws:sns:us-east-1:123456789012:t", "events": ["s3:ObjectAcl:Put"]});
    assert_eq!(
        problems(json!({"topics": [topic], "queues": [to("a", "q", "a/")]})),
        ["/queues/0/id: a second notification has the id `a`"]
    );
    assert_eq!(
        problems(json!({"queues": [to(&"x".repeat(256), "q", "a/")]})),
        ["/queues/0/id: the id has 256 characters"]
    );
    assert_eq!(problems(json!({"queues": [to("", "q", "a/")]})), ["/queues/0/id: the id is empty"]);
    let many: Vec<_> = (100..201).map(|n| to(&n.to_string(), "q", &n.to_string())).collect();
    assert_eq!(problems(json!({"queues": many})), [": 101 notifications"]);
}

#[test]
fn absent_stands_with_an_id_and_alone() {
    let said = |it: serde_json::Value| problems(json!({"queues": [it]}));
    assert_eq!(said(json!({"id": "old", "absent": true})), [] as [&str; 0]);
    assert_eq!(said(json!({"id": "old", "absent": false})), ["/queues/0/absent: `absent` can only be true"]);
    assert_eq!(said(json!({"absent": true})), ["/queues/0: it is not said which notification shall be absent"]);
    assert_eq!(
        said(json!({"id": "old", "absent": true, "arn": queue("q")})),
        ["/queues/0: a notification that shall be absent says more than its id"]
    );
}

#[test]
fn an_event_that_s3_does_not_know_is_refused_with_the_nearest() {
    let found = Notifications::check(&of(json!({"queues": [{"arn": queue("q"), "events": ["s3:ObjectCreate:*"]}]})));
    assert_eq!(
        found,
        [Problem::at("/queues/0/events/0", "`s3:ObjectCreate:*` is not an event of S3")
            .hint("did you mean `s3:ObjectCreated:*`?")]
    );
    assert_eq!(
        problems(json!({"queues": [{"arn": queue("q"), "events": []}]})),
        ["/queues/0/events: it has no events"]
    );
}

#[test]
fn a_filter_has_no_wildcards_and_is_no_longer_than_a_key() {
    let with = |filter: serde_json::Value| {
        problems(json!({"queues": [{"arn": queue("q"), "events": ["s3:ObjectAcl:Put"], "filter": filter}]}))
    };
    assert_eq!(with(json!({"prefix": "raw/*"})), ["/queues/0/filter/prefix: a `*` in the prefix"]);
    assert_eq!(with(json!({"suffix": "a".repeat(1025)})), ["/queues/0/filter/suffix: the suffix has 1025 bytes"]);
}

#[test]
fn two_that_take_the_same_events_are_refused_in_the_pull_request() {
    assert_eq!(
        problems(json!({"queues": [to("a", "q", "raw/"), to("b", "q", "raw/new/")]})),
        ["/queues/1: it takes events for the same keys as `a`"]
    );
    assert_eq!(
        problems(json!({"queues": [nameless("q", "raw/"), to("b", "q", "raw/")]})),
        ["/queues/1: it says the same as queues/0"]
    );
    let function = json!({"id": "f", "arn": "arn:aws:lambda:us-east-1:123456789012:function:f", "events": ["s3:ObjectCreated:Put"]});
    assert_eq!(
        problems(json!({"queues": [to("a", "q", "raw/")], "lambdaFunctions": [function]})),
        ["/lambdaFunctions/0: it takes events for the same keys as `a`"]
    );
}

#[test]
fn destinations_are_in_one_region_and_in_the_buckets() {
    let mut far = to("far", "q", "far/");
    far["arn"] = "arn:aws:sqs:eu-west-1:123456789012:q".into();
    let both = json!({"queues": [to("near", "q", "near/"), far]});
    assert_eq!(problems(both.clone()), ["/queues/1/arn: a destination in eu-west-1 beside one in us-east-1"]);
    let beside = |region: &str| Beside { region: Region::parse(region).ok(), ..Beside::default() };
    let said: Vec<String> = Notifications::check_beside(&of(both), &beside("us-east-1"))
        .into_iter()
        .map(|it| format!("{}: {}", it.pointer, it.message))
        .collect();
    assert_eq!(said, ["/queues/1/arn: the queue is in eu-west-1, the bucket in us-east-1"]);
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    laws::schema::<Notifications>(&json!({"queues": [to("a", "q", "a/")], "eventBridge": true}).to_string(), true);
    laws::schema::<Notifications>(r#"{"topics":[{"id":"old","absent":true}]}"#, true);
    laws::schema::<Notifications>(r#"{"queues":[{"events":["s3:ObjectAnnotation:*"]}]}"#, true);
    laws::schema::<Notifications>(r#"{"queues":[{"events":["s3:ObjectCreated"]}]}"#, false);
    laws::schema::<Notifications>(r#"{"queues":[{"queueArn":"a"}]}"#, false);
    laws::schema::<Notifications>(r#"{"eventBridge":{}}"#, false);
}

/// Every event of the SDK is a word of ours, so that none that AWS has today has to be foreign.
#[cfg(feature = "aws")]
#[test]
fn every_event_that_the_sdk_knows_can_be_said() {
    let mut theirs: Vec<&str> = aws_sdk_s3::types::Event::values().to_vec();
    let mut ours = Event::KNOWN.to_vec();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, theirs);
}

/// A dead queue of another team keeps nobody from writing; a new one is tried.
#[cfg(feature = "aws")]
#[test]
fn only_destinations_that_were_there_before_are_not_tried() {
    let known = |from: serde_json::Value, to: serde_json::Value| wire::known(&canonical(from), &canonical(to));
    let (a, b) = (to("a", "q", "a/"), to("b", "other", "b/"));
    assert!(known(json!({"queues": [a.clone(), b.clone()]}), json!({"queues": [a.clone()]})));
    assert!(known(json!({"queues": [a.clone()]}), json!({"queues": [a.clone()], "eventBridge": true})));
    assert!(!known(json!({"queues": [a.clone()]}), json!({"queues": [a, b.clone()]})));
    assert!(!known(json!({}), json!({"queues": [b]})));
    assert!(!known(json!({}), json!({"eventBridge": true})));
}

/// AWS answers `Prefix` where `prefix` was sent (normalisation rule 9).
#[cfg(feature = "aws")]
#[test]
fn the_names_of_filter_rules_are_taken_in_any_case_and_unknown_ones_not_at_all() {
    use aws_sdk_s3::types::{
        FilterRule, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    };
    let answer = |rules: &[(&str, &str)]| {
        let rules = rules.iter().map(|(name, value)| FilterRule::builder().name((*name).into()).value(*value).build());
        let key = S3KeyFilter::builder().set_filter_rules(Some(rules.collect())).build();
        let filter = NotificationConfigurationFilter::builder().key(key).build();
        let sdk = QueueConfiguration::builder().id("a").queue_arn("q").events("s3:ObjectAcl:Put".into()).filter(filter);
        let sdk = NotificationConfiguration::builder().queue_configurations(sdk.build().expect("a queue")).build();
        wire::from_sdk(sdk)
    };
    let small = answer(&[("prefix", "p"), ("suffix", "s")]).expect("a value");
    assert_eq!(answer(&[("Suffix", "s"), ("PREFIX", "p")]).expect("a value"), small);
    assert_eq!(answer(&[("Size", "9")]), Err("the filter `size` is not one that this version knows".to_owned()));
    assert_eq!(answer(&[("Prefix", "a"), ("prefix", "b")]), Err("a filter has two rules `prefix`".to_owned()));
}

fn notification() -> impl Strategy<Value = Notification> {
    let text = || prop::option::of("[a-c]{0,2}");
    let event = prop::sample::select(vec!["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:Later"]);
    let events = prop::option::of(prop::collection::vec(event, 0..3));
    let filter = prop::option::of((text(), text()).prop_map(|(prefix, suffix)| Filter { prefix, suffix }));
    let id = prop::option::of(prop::sample::select(vec!["a", "b", "driftless-0", ""]));
    let absent = prop::option::weighted(0.2, any::<bool>());
    (id, prop::option::of("[a-b]"), events, filter, absent).prop_map(|(id, arn, events, filter, absent)| Notification {
        id: id.map(str::to_owned),
        arn,
        events: events.map(|it| it.into_iter().map(Event::from).collect()),
        filter,
        absent,
    })
}

fn value() -> impl Strategy<Value = Value> {
    let list = || prop::option::of(prop::collection::vec(notification(), 0..3));
    (list(), list(), list(), prop::option::of(any::<bool>())).prop_map(
        |(topics, queues, lambda_functions, event_bridge)| Value { topics, queues, lambda_functions, event_bridge },
    )
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Notifications>(&live, &want, Overlay::Whole);
        laws::hold::<Notifications>(&live, &want, Overlay::Within);
    }

    /// Law 2: what nobody names stays, whatever is wanted.
    #[test]
    fn whoever_is_not_named_stays(live in value(), want in value()) {
        let live = Notifications::canonical(live);
        let to = Notifications::canonical(Notifications::merge(&live, &want, Overlay::Whole)).all();
        let named: Vec<String> = want.all().into_iter().filter_map(|(_, it)| it.id).collect();
        for (kind, it) in live.all() {
            let theirs = it.id.as_ref().is_some_and(|id| !id.starts_with(OURS) && !named.contains(id));
            prop_assert!(!theirs || to.contains(&(kind, it.clone())), "{it:?} is gone");
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(value in value()) {
        let mut value = Notifications::canonical(value);
        let whole = |it: &mut Option<Vec<Notification>>| it.iter_mut().flatten().for_each(|it| {
            it.arn.get_or_insert_with(|| "x".to_owned());
            it.events.get_or_insert_with(|| vec![Event::Transition]);
        });
        whole(&mut value.topics);
        whole(&mut value.queues);
        whole(&mut value.lambda_functions);
        let value = Notifications::canonical(value);
        let sent = wire::to_sdk(&value).expect("a configuration");
        prop_assert_eq!(Notifications::canonical(wire::from_sdk(sent).expect("a value")), value);
    }
}
