use super::*;
use crate::doc::Doc;
use crate::settings::laws;

fn of(json: &str) -> Value {
    serde_json::from_str(json).expect("a value")
}

fn canonical(json: &str) -> Value {
    Lifecycle::canonical(of(json))
}

/// One rule `a` with these fields beside.
fn rule(fields: &str) -> String {
    format!(r#"{{"rules":[{{"id":"a","status":"Enabled",{fields}}}]}}"#)
}

/// One rule that expires objects, and the size of those too small to move.
fn sized(size: &str) -> String {
    let rules = rule(EXPIRES);
    let rules = rules.strip_suffix('}').expect("an object");
    format!(r#"{rules},"transitionDefaultMinimumObjectSize":"{size}"}}"#)
}

fn merged(live: &str, want: &str, how: Overlay) -> Value {
    Lifecycle::canonical(Lifecycle::merge(&canonical(live), &of(want), how))
}

const EXPIRES: &str = r#""expiration":{"days":30}"#;

#[test]
fn a_rule_has_one_form() {
    let said = r#"{"rules":[
        {"id":"b","status":"Disabled","filter":{},"expiration":{"date":"2030-01-01T00:00:00Z"}},
        {"id":"a","status":"Enabled","prefix":"logs/","transitions":[
            {"days":90,"storageClass":"GLACIER"},{"days":30,"storageClass":"STANDARD_IA"}]}],
        "transitionDefaultMinimumObjectSize":"all_storage_classes_128K"}"#;
    assert_eq!(
        Doc::of(&canonical(said)).as_str(),
        concat!(
            r#"{"rules":[{"id":"a","status":"Enabled","filter":{"prefix":"logs/"},"transitions":["#,
            r#"{"days":30,"storageClass":"STANDARD_IA"},{"days":90,"storageClass":"GLACIER"}]},"#,
            r#"{"id":"b","status":"Disabled","filter":{"prefix":""},"expiration":{"date":"2030-01-01"}}]}"#
        )
    );
}

#[test]
fn no_rules_have_one_form() {
    assert_eq!(Doc::of(&canonical(r#"{"rules":[]}"#)).as_str(), "{}");
}

/// Normalisation rule 3, the filter.
#[test]
fn a_filter_that_filters_nothing_has_one_form() {
    let none = canonical(&rule(EXPIRES));
    for said in [
        r#""prefix":"""#,
        r#""filter":{}"#,
        r#""filter":{"prefix":""}"#,
        r#""filter":{"tags":{}}"#,
        r#""prefix":"","filter":{}"#,
    ] {
        assert_eq!(canonical(&rule(&format!("{said},{EXPIRES}"))), none, "{said}");
    }
    let larger_than_nothing = rule(&format!(r#""filter":{{"objectSizeGreaterThan":0}},{EXPIRES}"#));
    assert_ne!(canonical(&larger_than_nothing), none, "empty objects are left out");
}

/// Pain 9, terraform-provider-aws#41460: an update of the provider showed drift in rules that
/// nobody had touched, because an empty filter, no number of versions and zero days had become
/// other forms of themselves.
#[test]
fn pain_9_forms_of_the_same_rule_are_no_drift() {
    let days = canonical(&rule(
        r#""noncurrentVersionTransitions":[{"noncurrentDays":0,"storageClass":"INTELLIGENT_TIERING"}]"#,
    ));
    let zero = rule(
        r#""filter":{},"noncurrentVersionTransitions":[{"noncurrentDays":0,"newerNoncurrentVersions":0,"storageClass":"INTELLIGENT_TIERING"}]"#,
    );
    assert_eq!(canonical(&zero), days);
    let kept = &days.rules.expect("rules")[0].noncurrent_version_transitions.clone().expect("transitions")[0];
    assert_eq!(kept.noncurrent_days, Some(0), "zero days are a number of days");
    let noncurrent =
        |more: &str| canonical(&rule(&format!(r#""noncurrentVersionExpiration":{{"noncurrentDays":7{more}}}"#)));
    assert_eq!(noncurrent(r#","newerNoncurrentVersions":0"#), noncurrent(""));
}

/// Pain 9, terraform-provider-aws#41764: lifecycle showed drift with nothing changed. Rules are a
/// set, and a store may answer them in any order.
#[test]
fn pain_9_the_order_of_rules_is_no_drift() {
    let two = |one: &str, other: &str| {
        let rule = |id: &str| format!(r#"{{"id":"{id}","status":"Enabled",{EXPIRES}}}"#);
        canonical(&format!(r#"{{"rules":[{},{}]}}"#, rule(one), rule(other)))
    };
    assert_eq!(two("a", "b"), two("b", "a"));
}

/// Pain 9, pulumi/pulumi-aws#2128: `expiredObjectDeleteMarker` beside `days` comes back from S3 in
/// another form, and every run wanted to write it again.
#[test]
fn pain_9_a_marker_beside_days_is_no_drift() {
    let both = rule(r#""expiration":{"days":30,"expiredObjectDeleteMarker":true}"#);
    assert_eq!(canonical(&both), canonical(&rule(EXPIRES)));
    assert_eq!(said(&both), ["/rules/0/expiration: more than one of `days`, `date` and `expiredObjectDeleteMarker`"]);
}

/// Pain 9, pulumi/pulumi-aws#2024: every refresh showed a difference in rules that nobody had
/// touched. A date is a day, and S3 answers it as an instant.
#[test]
fn pain_9_midnight_utc_is_no_drift() {
    let date = |date: &str| canonical(&rule(&format!(r#""expiration":{{"date":"{date}"}}"#)));
    for same in ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000Z", "2030-01-01T02:00:00+02:00"] {
        assert_eq!(date(same), date("2030-01-01"), "{same}");
    }
    assert_ne!(date("2030-01-01T02:00:00Z"), date("2030-01-01"));
}

/// Pain 10, terraform-provider-aws#46021 and #49019: Ceph and MinIO never answer the header of the
/// smallest size, and the tool waited three minutes for it and failed.
#[test]
fn pain_10_a_store_without_the_header_is_in_sync() {
    let live = canonical(&rule(EXPIRES));
    let want = sized("all_storage_classes_128K");
    assert_eq!(merged(&rule(EXPIRES), &want, Overlay::Whole), live);
}

#[cfg(feature = "aws")]
#[test]
fn pain_10_the_header_is_sent_only_where_it_says_something() {
    let sent = |from: &str, to: &str| {
        wire::minimum_to_send(&canonical(from), &canonical(to)).map(|size| size.as_str().to_owned())
    };
    let varies = r#"{"transitionDefaultMinimumObjectSize":"varies_by_storage_class"}"#;
    assert_eq!(sent("{}", "{}"), None);
    assert_eq!(sent("{}", varies).as_deref(), Some("varies_by_storage_class"));
    assert_eq!(sent(varies, varies).as_deref(), Some("varies_by_storage_class"));
    assert_eq!(sent(varies, "{}").as_deref(), Some("all_storage_classes_128K"));
}

/// Pain 3, terraform-provider-aws#41460 and cloudposse/terraform-aws-s3-bucket#267: buckets older
/// than September 2024 answer `varies_by_storage_class`, and tools wanted to write the new default
/// over it, though nobody had asked for either.
#[test]
fn pain_3_the_size_that_nobody_named_stays() {
    let live = sized("varies_by_storage_class");
    assert_eq!(merged(&live, &rule(EXPIRES), Overlay::Whole), canonical(&live));
    assert_eq!(merged(&live, r#"{"rules":[]}"#, Overlay::Whole), Value::default(), "it goes with the last rule");
}

/// Pain 5, crossplane-contrib/provider-upjet-aws#1986: the tool said `Synced`, and the bucket had
/// no rule at all. What S3 answers is compared, never what was sent.
#[test]
fn pain_5_a_rule_that_was_never_stored_is_drift() {
    let want = rule(
        r#""abortIncompleteMultipartUpload":{"daysAfterInitiation":2},"filter":{"prefix":""},"transitions":[{"days":0,"storageClass":"INTELLIGENT_TIERING"}]"#,
    );
    assert_ne!(merged("{}", &want, Overlay::Whole), canonical("{}"));
    let stored = want.replace(r#","filter":{"prefix":""}"#, "");
    assert_eq!(merged(&stored, &want, Overlay::Whole), canonical(&stored));
}

/// Pain 1, crossplane-contrib/provider-upjet-aws#2063: a value that S3 added was a value that the
/// tool did not know, so that it wrote its own again and again.
#[test]
fn pain_1_a_word_that_s3_adds_later_survives() {
    let live = rule(r#""transitions":[{"days":1,"storageClass":"GLACIER_XR"}]"#);
    let other =
        r#"{"rules":[{"id":"b","status":"Enabled","abortIncompleteMultipartUpload":{"daysAfterInitiation":7}}]}"#;
    let to = merged(&live, other, Overlay::Within);
    let class = &to.rules.expect("rules")[0].transitions.clone().expect("transitions")[0].storage_class;
    assert_eq!(*class, StorageClass::Other("GLACIER_XR".to_owned()));
}

/// Pain 7, pulumi/pulumi-aws#6244: rules that another resource had declared were deleted by one
/// that declared none.
#[test]
fn pain_7_a_policy_leaves_the_rules_of_others() {
    let live = r#"{"rules":[
        {"id":"a","status":"Enabled","expiration":{"days":30}},
        {"id":"p","status":"Disabled","abortIncompleteMultipartUpload":{"daysAfterInitiation":30}}]}"#;
    let want =
        r#"{"rules":[{"id":"p","status":"Enabled","abortIncompleteMultipartUpload":{"daysAfterInitiation":7}}]}"#;
    let to = merged(live, want, Overlay::Within).rules.expect("rules");
    assert_eq!(
        to,
        canonical(live).rules.expect("rules")[..1]
            .iter()
            .chain(&canonical(want).rules.expect("rules"))
            .cloned()
            .collect::<Vec<_>>()
    );
    assert_eq!(merged(live, want, Overlay::Whole), canonical(want), "a spec names all rules");
}

/// Pain 9, terraform-provider-aws#28770 and #35656: the old form of a prefix got lost beside a
/// filter, and a rule that deleted the objects of one folder deleted those of the whole bucket.
#[test]
fn pain_9_a_prefix_in_the_old_place_is_never_lost() {
    let new = canonical(&rule(&format!(r#""filter":{{"prefix":"tmp/"}},{EXPIRES}"#)));
    for old in [r#""prefix":"tmp/""#, r#""prefix":"tmp/","filter":{}"#, r#""prefix":"tmp/","filter":{"prefix":""}"#] {
        assert_eq!(canonical(&rule(&format!("{old},{EXPIRES}"))), new, "{old}");
    }
}

#[test]
fn a_typo_is_found() {
    assert!(serde_json::from_str::<Value>(&rule(r#""expiraton":{"days":1}"#)).is_err());
    assert!(serde_json::from_str::<Value>(r#"{"rules":[{"status":"Enabled"}]}"#).is_err(), "a rule without an id");
}

#[test]
fn the_schema_takes_what_a_spec_may_say() {
    laws::schema::<Lifecycle>(&sized("varies_by_storage_class"), true);
    laws::schema::<Lifecycle>(&rule(r#""transitions":[{"days":0,"storageClass":"GLACIER_IR"}]"#), true);
    laws::schema::<Lifecycle>(&rule(r#""transitions":[{"days":0,"storageClass":"GLACIER_XR"}]"#), false);
    laws::schema::<Lifecycle>(&rule(EXPIRES).replace("Enabled", "On"), false);
    laws::schema::<Lifecycle>(&rule(EXPIRES).replace(r#""id":"a","#, ""), false);
    laws::schema::<Lifecycle>(&rule(r#""filter":{"prefixx":"a"}"#), false);
}

fn risk(from: &str, to: &str) -> Risk {
    Lifecycle::risk(&canonical(from), &canonical(to))
}

const GUARDED: Risk = Risk::Guarded("objects would be deleted");

#[test]
fn what_deletes_more_objects_is_guarded() {
    let days = |days: u8| rule(&format!(r#""expiration":{{"days":{days}}}"#));
    assert_eq!(risk("{}", &days(30)), GUARDED);
    assert_eq!(risk(&days(30), &days(29)), GUARDED, "shorter");
    assert_eq!(risk(&days(30).replace("Enabled", "Disabled"), &days(30)), GUARDED, "enabled");
    assert_eq!(risk(&days(30), &rule(r#""expiration":{"date":"2030-01-01"}"#)), GUARDED, "days and dates");
    let date = |date: &str| rule(&format!(r#""expiration":{{"date":"{date}"}}"#));
    assert_eq!(risk(&date("2030-01-02"), &date("2030-01-01")), GUARDED, "sooner");
    let noncurrent = |days: u8, kept: u8| {
        rule(&format!(r#""noncurrentVersionExpiration":{{"noncurrentDays":{days},"newerNoncurrentVersions":{kept}}}"#))
    };
    assert_eq!(risk("{}", &noncurrent(7, 3)), GUARDED);
    assert_eq!(risk(&days(1), &noncurrent(7, 3)), GUARDED, "current versions are others");
    assert_eq!(risk(&noncurrent(7, 3), &noncurrent(6, 3)), GUARDED);
    assert_eq!(risk(&noncurrent(7, 3), &noncurrent(7, 2)), GUARDED);
    let filter = |filter: &str| rule(&format!(r#""filter":{filter},{EXPIRES}"#));
    assert_eq!(risk(&filter(r#"{"prefix":"a/"}"#), &filter(r#"{"prefix":"b/"}"#)), GUARDED);
    assert_eq!(risk(&filter(r#"{"prefix":"a/"}"#), &filter("{}")), GUARDED, "wider");
    assert_eq!(risk(&filter(r#"{"tags":{"a":"1"}}"#), &filter(r#"{"tags":{"a":"2"}}"#)), GUARDED);
    assert_eq!(risk(&filter(r#"{"objectSizeGreaterThan":9}"#), &filter(r#"{"objectSizeGreaterThan":8}"#)), GUARDED);
    assert_eq!(risk(&filter(r#"{"objectSizeLessThan":9}"#), &filter("{}")), GUARDED);
}

#[test]
fn what_deletes_no_more_objects_is_safe() {
    let days = |days: u8| rule(&format!(r#""expiration":{{"days":{days}}}"#));
    assert_eq!(risk(&days(30), "{}"), Risk::Safe, "removed");
    assert_eq!(risk(&days(30), &days(31)), Risk::Safe, "longer");
    assert_eq!(risk(&days(30), &days(30).replace(r#""a""#, r#""b""#)), Risk::Safe, "another name");
    assert_eq!(risk("{}", &days(30).replace("Enabled", "Disabled")), Risk::Safe, "disabled");
    let filter = |filter: &str| rule(&format!(r#""filter":{filter},{EXPIRES}"#));
    assert_eq!(risk(&filter("{}"), &filter(r#"{"prefix":"a/","tags":{"a":"1"},"objectSizeLessThan":9}"#)), Risk::Safe);
    let noncurrent = |days: u8, kept: u8| {
        rule(&format!(r#""noncurrentVersionExpiration":{{"noncurrentDays":{days},"newerNoncurrentVersions":{kept}}}"#))
    };
    assert_eq!(risk(&noncurrent(7, 3), &noncurrent(8, 4)), Risk::Safe);
    let uploads = r#""abortIncompleteMultipartUpload":{"daysAfterInitiation":7}"#;
    let marker = r#""expiration":{"expiredObjectDeleteMarker":true}"#;
    let transition = r#""transitions":[{"days":0,"storageClass":"GLACIER_IR"}]"#;
    for harmless in [uploads, marker, transition] {
        assert_eq!(risk("{}", &rule(harmless)), Risk::Safe, "{harmless}");
    }
}

/// The size alone passed `validate`, and every sweep tried to write it.
#[test]
fn a_size_without_a_rule_is_hindered() {
    let why = |json: &str| Lifecycle::hindrance(&canonical(json), &|_| None).map(|it| it.why);
    let said = Some("S3 keeps `transitionDefaultMinimumObjectSize` only beside a rule");
    assert_eq!(why(r#"{"transitionDefaultMinimumObjectSize":"varies_by_storage_class"}"#), said);
    assert_eq!(why(&sized("varies_by_storage_class")), None);
    assert_eq!(why("{}"), None);
}

/// A status that this version does not know might act, and might not.
#[test]
fn an_unknown_status_counts_where_that_is_the_careful_way() {
    let odd = rule(EXPIRES).replace("Enabled", "Odd");
    assert_eq!(risk("{}", &odd), GUARDED);
    assert_eq!(risk(&odd, &rule(EXPIRES)), GUARDED);
}

fn said(json: &str) -> Vec<String> {
    Lifecycle::check(&of(json)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
}

#[test]
fn rules_of_which_s3_would_make_nothing_are_refused_before() {
    let many = vec![format!(r#"{{"id":"a","status":"Enabled",{EXPIRES}}}"#); 1001].join(",");
    let many = said(&format!(r#"{{"rules":[{many}]}}"#));
    assert_eq!(many[..2], ["/rules: 1001 lifecycle rules", "/rules/1/id: a second rule has the id `a`"]);
    assert_eq!(said(&rule(EXPIRES).replace(r#""a""#, r#""""#)), ["/rules/0/id: the rule has no id"]);
    let long = format!(r#""{}""#, "a".repeat(256));
    assert_eq!(said(&rule(EXPIRES).replace(r#""a""#, &long)), ["/rules/0/id: the id has 256 characters"]);
    assert_eq!(said(&rule(r#""transitions":[]"#)), ["/rules/0: the rule `a` does nothing"]);
    let odd = rule(EXPIRES).replace("Enabled", "enabled");
    assert_eq!(said(&odd), ["/rules/0/status: `enabled` is not a status of S3"]);
    assert_eq!(
        said(r#"{"transitionDefaultMinimumObjectSize":"none"}"#),
        ["/transitionDefaultMinimumObjectSize: `none` is not a default of S3"]
    );
}

#[test]
fn filters_that_s3_would_refuse_are_refused_before() {
    let filter = |filter: &str| said(&rule(&format!(r#""filter":{filter},{EXPIRES}"#)));
    let long = format!(r#"{{"prefix":"{}"}}"#, "é".repeat(513));
    assert_eq!(filter(&long), ["/rules/0/filter/prefix: the prefix has 1026 bytes"]);
    assert_eq!(
        filter(r#"{"objectSizeGreaterThan":-1,"objectSizeLessThan":-2}"#),
        [
            "/rules/0/filter/objectSizeGreaterThan: -1 bytes",
            "/rules/0/filter/objectSizeLessThan: -2 bytes",
            "/rules/0/filter/objectSizeLessThan: no object is larger than -1 and smaller than -2 bytes",
        ]
    );
    assert_eq!(filter(r#"{"tags":{"":"x"}}"#), ["/rules/0/filter/tags/: the tag key has 0 characters"]);
    assert_eq!(
        filter(&format!(r#"{{"tags":{{"a/b":"{}"}}}}"#, "x".repeat(257))),
        ["/rules/0/filter/tags/a~1b: the value of tag `a/b` has 257 characters"]
    );
    assert_eq!(
        said(&rule(&format!(r#""prefix":"a","filter":{{"prefix":"b"}},{EXPIRES}"#))),
        ["/rules/0/prefix: a prefix beside a filter"]
    );
}

#[test]
fn actions_that_s3_would_refuse_are_refused_before() {
    let action = |action: &str| said(&rule(action));
    assert_eq!(action(r#""expiration":{"days":0}"#), ["/rules/0/expiration/days: 0 days"]);
    assert_eq!(action(r#""expiration":{"date":"soon"}"#), ["/rules/0/expiration/date: `soon` is not a date"]);
    assert_eq!(
        action(r#""expiration":{"date":"2030-01-01T09:00:00Z"}"#),
        ["/rules/0/expiration/date: `2030-01-01T09:00:00Z` is not midnight UTC"]
    );
    assert_eq!(
        action(r#""expiration":{"days":1,"date":"2030-01-01"}"#),
        ["/rules/0/expiration: more than one of `days`, `date` and `expiredObjectDeleteMarker`"]
    );
    assert_eq!(
        action(r#""noncurrentVersionExpiration":{"newerNoncurrentVersions":101}"#),
        [
            "/rules/0/noncurrentVersionExpiration: no `noncurrentDays`",
            "/rules/0/noncurrentVersionExpiration/newerNoncurrentVersions: 101 versions",
        ]
    );
    assert_eq!(
        action(r#""noncurrentVersionExpiration":{"noncurrentDays":0}"#),
        ["/rules/0/noncurrentVersionExpiration/noncurrentDays: 0 days"]
    );
    assert_eq!(
        action(
            r#""filter":{"tags":{"a":"1"},"objectSizeLessThan":9},"expiration":{"expiredObjectDeleteMarker":true},"abortIncompleteMultipartUpload":{"daysAfterInitiation":0}"#
        ),
        [
            "/rules/0/expiration/expiredObjectDeleteMarker: delete markers with a filter on tags",
            "/rules/0/abortIncompleteMultipartUpload/daysAfterInitiation: 0 days",
            "/rules/0/abortIncompleteMultipartUpload: incomplete uploads with a filter on tags",
            "/rules/0/abortIncompleteMultipartUpload: incomplete uploads with a filter on object size",
        ]
    );
}

#[test]
fn transitions_that_s3_would_refuse_are_refused_before() {
    let moves = |list: &str, more: &str| said(&rule(&format!(r#""transitions":[{list}]{more}"#)));
    let to = |days: i32, class: &str| format!(r#"{{"days":{days},"storageClass":"{class}"}}"#);
    assert_eq!(
        moves(&to(29, "STANDARD_IA"), ""),
        ["/rules/0/transitions/0/days: objects move to `STANDARD_IA` after 29 days"]
    );
    assert_eq!(moves(&to(-1, "GLACIER"), ""), ["/rules/0/transitions/0/days: -1 days"]);
    assert_eq!(
        moves(r#"{"storageClass":"GLACIER"}"#, ""),
        ["/rules/0/transitions/0: a transition needs either `days` or `date`"]
    );
    assert_eq!(
        moves(&to(1, "STANDARD"), ""),
        ["/rules/0/transitions/0/storageClass: `STANDARD` is not a storage class that objects can move to"]
    );
    assert_eq!(
        moves(&[to(1, "GLACIER"), to(9, "GLACIER")].join(","), ""),
        ["/rules/0/transitions/1/storageClass: a second move to `GLACIER`"]
    );
    assert_eq!(
        moves(&[to(90, "STANDARD_IA"), to(30, "GLACIER")].join(","), ""),
        ["/rules/0/transitions/0/storageClass: objects cannot move from `GLACIER` to `STANDARD_IA`"]
    );
    assert_eq!(
        moves(&[to(30, "ONEZONE_IA"), to(90, "GLACIER_IR")].join(","), ""),
        ["/rules/0/transitions/1/storageClass: objects cannot move from `ONEZONE_IA` to `GLACIER_IR`"]
    );
    assert_eq!(
        moves(&[to(30, "STANDARD_IA"), to(59, "GLACIER")].join(","), ""),
        ["/rules/0/transitions/1: objects move on from `STANDARD_IA` to `GLACIER` after 29 days"]
    );
    assert_eq!(
        moves(&to(30, "GLACIER"), r#","expiration":{"days":30}"#),
        ["/rules/0/expiration: objects are deleted before they move to `GLACIER`"]
    );
    let date = r#"{"date":"2030-01-01","storageClass":"GLACIER"}"#;
    assert_eq!(moves(date, r#","expiration":{"days":30}"#), ["/rules/0: days and dates in one rule"]);
    assert_eq!(moves(&format!("{date},{}", to(9, "DEEP_ARCHIVE")), ""), ["/rules/0: days and dates in one rule"]);
    let noncurrent = r#""noncurrentVersionTransitions":[{"noncurrentDays":3,"storageClass":"ONEZONE_IA"},{"storageClass":"GLACIER"}],"noncurrentVersionExpiration":{"noncurrentDays":3}"#;
    assert_eq!(
        said(&rule(noncurrent)),
        [
            "/rules/0/noncurrentVersionTransitions/1: no `noncurrentDays`",
            "/rules/0/noncurrentVersionTransitions/0/noncurrentDays: objects move to `ONEZONE_IA` after 3 days",
            "/rules/0/noncurrentVersionExpiration: noncurrent versions are deleted before they move to `ONEZONE_IA`",
        ]
    );
}

#[test]
fn what_s3_takes_is_not_refused() {
    let whole = r#"{"rules":[{"id":"a","status":"Enabled",
        "filter":{"prefix":"a/","tags":{"a":"1"},"objectSizeGreaterThan":0,"objectSizeLessThan":9},
        "transitions":[{"days":0,"storageClass":"INTELLIGENT_TIERING"},{"days":90,"storageClass":"DEEP_ARCHIVE"}],
        "expiration":{"days":91},
        "noncurrentVersionTransitions":[{"noncurrentDays":30,"storageClass":"STANDARD_IA","newerNoncurrentVersions":1},
            {"noncurrentDays":60,"storageClass":"GLACIER"}],
        "noncurrentVersionExpiration":{"noncurrentDays":61,"newerNoncurrentVersions":100}},
        {"id":"b","status":"Disabled","prefix":"b/","expiration":{"expiredObjectDeleteMarker":true},
        "abortIncompleteMultipartUpload":{"daysAfterInitiation":1}},
        {"id":"c","status":"Enabled","transitions":[{"date":"2030-01-01","storageClass":"GLACIER"}],
        "expiration":{"date":"2030-01-02T00:00:00Z"}}],
        "transitionDefaultMinimumObjectSize":"varies_by_storage_class"}"#;
    assert_eq!(said(whole), Vec::<String>::new());
}

#[cfg(feature = "aws")]
mod wire_form {
    use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule, LifecycleRuleFilter};

    use super::*;

    fn sent(filter: &str) -> LifecycleRuleFilter {
        let value = canonical(&rule(&format!(r#""filter":{filter},{EXPIRES}"#)));
        let rules = wire::to_sdk(&value).expect("a configuration").rules;
        rules[0].filter.clone().expect("a filter")
    }

    /// S3 refuses `And` around one predicate, and takes each tag for one.
    #[test]
    fn several_predicates_stand_in_and_and_one_does_not() {
        assert_eq!(sent("{}").prefix(), Some(""));
        assert_eq!(sent(r#"{"prefix":"a"}"#).prefix(), Some("a"));
        let tag = sent(r#"{"tags":{"a":"1"}}"#);
        assert_eq!((tag.tag().map(|it| it.key()), tag.and()), (Some("a"), None));
        assert_eq!(sent(r#"{"objectSizeLessThan":9}"#).object_size_less_than(), Some(9));
        let tags = sent(r#"{"tags":{"a":"1","b":"2"}}"#).and.expect("and");
        assert_eq!((tags.tags().len(), tags.prefix()), (2, None));
        let sizes = sent(r#"{"objectSizeGreaterThan":0,"objectSizeLessThan":9}"#).and.expect("and");
        assert_eq!((sizes.object_size_greater_than(), sizes.object_size_less_than()), (Some(0), Some(9)));
        assert_eq!(sent(r#"{"prefix":"a","tags":{"a":"1"}}"#).and.expect("and").prefix(), Some("a"));
    }

    #[expect(deprecated, reason = "rules of before 2016 still have their prefix there")]
    /// Rules of before 2016 have a bare prefix, and Ceph answers an empty filter as none at all.
    #[test]
    fn old_and_bare_rules_are_read() {
        let sdk = LifecycleRule::builder().id("a").status(ExpirationStatus::Enabled);
        let old = sdk.clone().prefix("a/").build().expect("a rule");
        let read = |rule| Lifecycle::canonical(wire::from_sdk(vec![rule], None)).rules.expect("rules").remove(0);
        assert_eq!(read(old).filter.expect("a filter").prefix.as_deref(), Some("a/"));
        assert_eq!(read(sdk.build().expect("a rule")).filter.expect("a filter").prefix.as_deref(), Some(""));
    }

    #[test]
    fn a_date_that_is_none_is_not_sent() {
        let value = canonical(&rule(r#""expiration":{"date":"soon"}"#));
        let said = wire::to_sdk(&value).expect_err("no date").to_string();
        assert_eq!(said, "invalid field in input: date (details: `soon` is not a date)");
    }
}
