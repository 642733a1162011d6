//! What holds for any replication rules.

use proptest::prelude::*;

use super::*;
use crate::settings::laws;

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(vec!["Enabled", "Disabled", "Odd"]).prop_map(Status::from)
}

fn switch() -> impl Strategy<Value = Option<Switch>> {
    prop::option::of(status().prop_map(|status| Switch { status }))
}

fn minutes() -> impl Strategy<Value = Option<Minutes>> {
    prop::option::of(prop::sample::select(vec![15, 30]).prop_map(|minutes| Minutes { minutes }))
}

fn filter() -> impl Strategy<Value = Option<Filter>> {
    let tags = prop::option::of(prop::collection::btree_map("[a-b]", "[a-b]?", 0..3));
    prop::option::of((prop::option::of("[a-b]{0,2}"), tags).prop_map(|(prefix, tags)| Filter { prefix, tags }))
}

fn destination() -> impl Strategy<Value = Destination> {
    let key =
        prop::option::of(prop::option::of("k").prop_map(|key| EncryptionConfiguration { replica_kms_key_id: key }));
    let time = prop::option::of((status(), minutes()).prop_map(|(status, time)| ReplicationTime { status, time }));
    let metrics = prop::option::of(
        (status(), minutes()).prop_map(|(status, event_threshold)| Metrics { status, event_threshold }),
    );
    let class = prop::option::of(prop::sample::select(vec!["STANDARD", "ODD"]).prop_map(StorageClass::from));
    let owner = prop::option::of(Just(AccessControlTranslation { owner: Owner::Destination }));
    ("[x-y]", prop::option::of("1"), class, owner, key, time, metrics).prop_map(
        |(bucket, account, class, owner, key, time, metrics)| Destination {
            bucket,
            account,
            storage_class: class,
            access_control_translation: owner,
            encryption_configuration: key,
            replication_time: time,
            metrics,
        },
    )
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let criteria = prop::option::of((switch(), switch()).prop_map(|(kms, replicas)| SourceSelectionCriteria {
        sse_kms_encrypted_objects: kms,
        replica_modifications: replicas,
    }));
    let scope = (filter(), prop::option::of("[a-b]{0,1}"), prop::option::of(0..4), switch());
    ("[a-c]{0,1}", status(), scope, criteria, switch(), destination()).prop_map(
        |(id, status, (filter, prefix, priority, markers), criteria, existing, destination)| Rule {
            id,
            status,
            priority,
            filter,
            prefix,
            delete_marker_replication: markers,
            source_selection_criteria: criteria,
            existing_object_replication: existing,
            destination,
        },
    )
}

/// Rules of which most are of the first version.
fn plain_rule() -> impl Strategy<Value = Rule> {
    any_rule().prop_map(|rule| Rule { filter: None, priority: None, delete_marker_replication: None, ..rule })
}

fn value() -> impl Strategy<Value = Value> {
    let rules = prop::collection::vec(prop_oneof![any_rule(), plain_rule()], 0..4);
    (prop::option::of("[r-s]{0,1}"), prop::option::of(rules)).prop_map(|(role, rules)| Value { role, rules })
}

proptest! {
    #[test]
    fn the_laws_hold(live in value(), want in value()) {
        laws::hold::<Replication>(&live, &want, Overlay::Whole);
        laws::hold::<Replication>(&live, &want, Overlay::Within);
    }

    #[test]
    fn nothing_changed_is_safe(value in value()) {
        let value = Replication::canonical(value);
        prop_assert_eq!(Replication::risk(&value, &value), Risk::Safe);
    }

    /// Where S3 held rules of one version and a spec or policy speaks, it is given one version.
    #[test]
    fn a_merge_never_mixes_the_versions(live in value(), want in value()) {
        prop_assume!(want.rules.is_some());
        for how in [Overlay::Whole, Overlay::Within] {
            let to = Replication::canonical(Replication::merge(&Replication::canonical(live.clone()), &want, how));
            let mut versions: Vec<bool> = to.rules.iter().flatten().map(Rule::has_filter).collect();
            versions.dedup();
            prop_assert!(versions.len() < 2, "{:?}", to);
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_is_sent_reads_back(value in value()) {
        let value = Replication::canonical(value);
        prop_assume!(value.rules.is_some());
        let sent = wire::to_sdk(&value).expect("a configuration");
        prop_assert_eq!(Replication::canonical(wire::from_sdk(sent)), value);
    }
}
