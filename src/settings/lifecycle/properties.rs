//! What holds for any lifecycle rules.

use proptest::prelude::*;

use super::*;
use crate::settings::laws;

fn date() -> impl Strategy<Value = Option<Date>> {
    let dates = vec!["2030-01-01", "2030-01-01T00:00:00Z", "2030-01-01T10:00:00Z", "2031-06-30T00:00:00.5Z"];
    prop::option::of(prop::sample::select(dates).prop_map(|date| Date(date.to_owned())))
}

fn number() -> impl Strategy<Value = Option<i32>> {
    prop::option::of(0..4)
}

fn class() -> impl Strategy<Value = StorageClass> {
    prop::sample::select(vec!["GLACIER", "STANDARD_IA", "GLACIER_XR"]).prop_map(StorageClass::from)
}

fn filter() -> impl Strategy<Value = Filter> {
    let tags = prop::option::of(prop::collection::btree_map("[a-b]", "[a-b]?", 0..3));
    let size = || prop::option::of(0..3_i64);
    (prop::option::of("[a-b]{0,2}"), tags, size(), size()).prop_map(
        |(prefix, tags, object_size_greater_than, object_size_less_than)| Filter {
            prefix,
            tags,
            object_size_greater_than,
            object_size_less_than,
        },
    )
}

fn expiration() -> impl Strategy<Value = Expiration> {
    (number(), date(), prop::option::of(any::<bool>()))
        .prop_map(|(days, date, expired_object_delete_marker)| Expiration { days, date, expired_object_delete_marker })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let transition =
        (number(), date(), class()).prop_map(|(days, date, storage_class)| Transition { days, date, storage_class });
    let noncurrent =
        (number(), number(), class()).prop_map(|(noncurrent_days, newer_noncurrent_versions, storage_class)| {
            NoncurrentVersionTransition { noncurrent_days, newer_noncurrent_versions, storage_class }
        });
    let noncurrent_expiration = (number(), number()).prop_map(|(noncurrent_days, newer_noncurrent_versions)| {
        NoncurrentVersionExpiration { noncurrent_days, newer_noncurrent_versions }
    });
    let abort = (1..4).prop_map(|days_after_initiation| AbortIncompleteMultipartUpload { days_after_initiation });
    (
        ("[a-c]{0,1}", prop::sample::select(vec!["Enabled", "Disabled", "Odd"]).prop_map(Status::from)),
        (prop::option::of(filter()), prop::option::of("[a-b]{0,1}")),
        (prop::option::of(expiration()), prop::option::of(noncurrent_expiration)),
        prop::option::of(prop::collection::vec(transition, 0..3)),
        prop::option::of(prop::collection::vec(noncurrent, 0..3)),
        prop::option::of(abort),
    )
        .prop_map(|((id, status), (filter, prefix), (expiration, noncurrent), transitions, moves, abort)| Rule {
            id,
            status,
            filter,
            prefix,
            expiration,
            noncurrent_version_expiration: noncurrent,
            transitions,
            noncurrent_version_transitions: moves,
            abort_incomplete_multipart_upload: abort,
        })
}

fn value() -> impl Strategy<Value = Value> {
    let size = prop::sample::select(vec!["all_storage_classes_128K", "varies_by_storage_class", "odd"]);
    (prop::option::of(prop::collection::vec(any_rule(), 0..4)), prop::option::of(size)).prop_map(|(rules, size)| {
        Value { rules, transition_default_minimum_object_size: size.map(MinimumObjectSize::from) }
    })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Lifecycle>(&live, &want, Overlay::Whole);
        laws::hold::<Lifecycle>(&live, &want, Overlay::Within);
    }

    #[test]
    fn nothing_changed_is_safe(value in value()) {
        let value = Lifecycle::canonical(value);
        prop_assert_eq!(Lifecycle::risk(&value, &value), Risk::Safe);
    }

    #[test]
    fn to_delete_nothing_is_safe(from in value()) {
        prop_assert_eq!(Lifecycle::risk(&Lifecycle::canonical(from), &Value::default()), Risk::Safe);
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(value in value()) {
        let value = Lifecycle::canonical(value);
        prop_assume!(value.rules.is_some());
        let sent = wire::to_sdk(&value).expect("a configuration").rules;
        let minimum = wire::minimum_to_send(&value, &value);
        prop_assert_eq!(Lifecycle::canonical(wire::from_sdk(sent, minimum)), value);
    }
}
