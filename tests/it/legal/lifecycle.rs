//! `lifecycle`: values as a spec may write them, field by field.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, legal, some_tags};

const CLASSES: [&str; 6] =
    ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];
const DATES: [&str; 3] = ["2030-01-31", "2030-06-30T00:00:00Z", "2031-01-01"];

/// Moves are legal together less often than not, so some are made one by one.
const DAYS: [i32; 5] = [0, 30, 60, 90, 365];

fn option<T: std::fmt::Debug + Clone + Into<Value> + 'static>(of: Vec<T>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(prop::sample::select(of).prop_map(Into::into))
}

fn filter() -> impl Strategy<Value = Value> {
    let prefix = option(vec!["", "raw/", "tmp/"]);
    let (larger, smaller) = (option(vec![0_i64, 500, 131_072]), option(vec![501_i64, 1_000_000]));
    (prefix, prop::option::weighted(0.3, some_tags()), larger, smaller).prop_map(|(prefix, tags, larger, smaller)| {
        fields([("prefix", prefix), ("tags", tags), ("objectSizeGreaterThan", larger), ("objectSizeLessThan", smaller)])
    })
}

fn expiration() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (1..800).prop_map(|days| json!({"days": days})),
        2 => prop::sample::select(DATES.to_vec()).prop_map(|date| json!({"date": date})),
        1 => any::<bool>().prop_map(|marker| json!({"expiredObjectDeleteMarker": marker})),
        1 => (1..800).prop_map(|days| json!({"days": days, "expiredObjectDeleteMarker": false})),
    ]
}

fn moves() -> impl Strategy<Value = Value> {
    let by_days = (prop::sample::select(CLASSES.to_vec()), prop::sample::select(DAYS.to_vec()))
        .prop_map(|(class, days)| json!({"days": days, "storageClass": class}));
    let by_date = (prop::sample::select(CLASSES.to_vec()), prop::sample::select(DATES.to_vec()))
        .prop_map(|(class, date)| json!({"date": date, "storageClass": class}));
    prop_oneof![
        4 => prop::collection::vec(by_days, 1..3),
        1 => prop::collection::vec(by_date, 1..3),
    ]
    .prop_map(Value::from)
}

fn old_moves() -> impl Strategy<Value = Value> {
    let class = prop::sample::select(CLASSES.to_vec());
    let one = (class, prop::sample::select(DAYS.to_vec()), option(vec![1, 2, 100])).prop_map(|(class, days, kept)| {
        fields([
            ("noncurrentDays", Some(days.into())),
            ("newerNoncurrentVersions", kept),
            ("storageClass", Some(class.into())),
        ])
    });
    prop::collection::vec(one, 1..3).prop_map(Value::from)
}

fn rule() -> impl Strategy<Value = Value> {
    let old_end = (1..800, option(vec![1, 2, 100])).prop_map(|(days, kept): (i32, _)| {
        fields([("noncurrentDays", Some(days.into())), ("newerNoncurrentVersions", kept)])
    });
    let abort = (1..30).prop_map(|days| json!({"daysAfterInitiation": days}));
    // Either the old place of the prefix or the new one.
    let place = prop_oneof![
        5 => prop::option::of(filter()).prop_map(|filter| (filter, None)),
        1 => prop::sample::select(vec!["", "old/"]).prop_map(|prefix| (None, Some(Value::from(prefix)))),
    ];
    let some = (
        prop::sample::select(vec!["Enabled", "Disabled"]),
        place,
        prop::option::of(expiration()),
        prop::option::of(old_end),
        prop::option::of(moves()),
        prop::option::weighted(0.3, old_moves()),
        prop::option::weighted(0.3, abort),
    );
    let rule = some.prop_map(|(status, (filter, prefix), expiration, old_end, moves, old_moves, abort)| {
        fields([
            ("status", Some(status.into())),
            ("filter", filter),
            ("prefix", prefix),
            ("expiration", expiration),
            ("noncurrentVersionExpiration", old_end),
            ("transitions", moves),
            ("noncurrentVersionTransitions", old_moves),
            ("abortIncompleteMultipartUpload", abort),
        ])
    });
    rule.prop_filter("a rule that S3 takes", |rule| {
        let mut rule = rule.clone();
        rule["id"] = json!("a");
        super::is_legal("lifecycle", &json!({"rules": [rule]}))
    })
}

pub fn values() -> BoxedStrategy<Value> {
    let sizes = prop::sample::select(vec!["all_storage_classes_128K", "varies_by_storage_class"]);
    let value = (prop::collection::btree_map("[a-d]", rule(), 1..4), prop::option::weighted(0.3, sizes));
    let value = value.prop_map(|(rules, size)| {
        let named = rules.into_iter().map(|(id, mut rule)| {
            rule["id"] = json!(id);
            rule
        });
        fields([
            ("rules", Some(named.collect::<Vec<_>>().into())),
            ("transitionDefaultMinimumObjectSize", size.map(Value::from)),
        ])
    });
    legal("lifecycle", value)
}
