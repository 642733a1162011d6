//! What replication rules mean, and which S3 refuses.

use super::*;
use crate::doc::Doc;
use crate::settings::laws;

const ROLE: &str = "arn:aws:iam::111122223333:role/replication";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1a2b";

fn of(rules: &str) -> Value {
    serde_json::from_str(&format!(r#"{{"role":"{ROLE}","rules":[{rules}]}}"#)).expect("a value")
}

fn canonical(rules: &str) -> Value {
    Replication::canonical(of(rules))
}

/// A rule of the second version, with further fields.
fn second(further: &str) -> String {
    format!(
        r#"{{"id":"a","status":"Enabled","priority":1,"filter":{{}},"deleteMarkerReplication":{{"status":"Disabled"}},
        "destination":{{"bucket":"arn:aws:s3:::copies"}}{further}}}"#
    )
}

/// A rule of the first version.
fn first(prefix: &str) -> String {
    format!(r#"{{"id":"a","status":"Enabled","prefix":"{prefix}","destination":{{"bucket":"arn:aws:s3:::copies"}}}}"#)
}

/// The second version's rule with another destination.
fn to(destination: &str) -> String {
    second("")
        .replace(r#"{"bucket":"arn:aws:s3:::copies"}"#, &format!(r#"{{"bucket":"arn:aws:s3:::copies",{destination}}}"#))
}

fn merge(live: &str, want: &str, how: Overlay) -> Value {
    Replication::canonical(Replication::merge(&canonical(live), &of(want), how))
}

#[test]
fn what_s3_fills_in_is_no_difference() {
    let said = to(r#""replicationTime":{"status":"Enabled"},"metrics":{"status":"Enabled"}"#);
    let answered = to(
        r#""replicationTime":{"status":"Enabled","time":{"minutes":15}},"metrics":{"status":"Enabled","eventThreshold":{"minutes":15}}"#,
    );
    assert_eq!(canonical(&said), canonical(&answered));
    let off = to(r#""replicationTime":{"status":"Disabled","time":{"minutes":15}},"metrics":{"status":"Disabled"}"#);
    assert_eq!(canonical(&off), canonical(&second("")));
    let off = second(
        r#","existingObjectReplication":{"status":"Disabled"},"sourceSelectionCriteria":{"replicaModifications":{"status":"Disabled"}}"#,
    );
    assert_eq!(canonical(&off), canonical(&second("")));
}

#[test]
fn spellings_of_a_filter_are_one() {
    let filter = |filter: &str| canonical(&second("").replace(r#""filter":{}"#, filter));
    assert_eq!(filter(r#""filter":{"prefix":""}"#), filter(r#""filter":{}"#));
    assert_eq!(filter(r#""filter":{"tags":{}}"#), filter(r#""filter":{}"#));
    assert_eq!(filter(r#""filter":{},"prefix":"raw/""#), filter(r#""filter":{"prefix":"raw/"}"#));
    assert_ne!(filter(r#""filter":{"prefix":"raw/"}"#), filter(r#""filter":{}"#));
    // Ceph drops an empty filter and keeps the rest of the rule.
    let dropped = second("").replace(r#""filter":{},"#, "");
    assert_eq!(canonical(&dropped), canonical(&second("")));
}

#[test]
fn an_empty_configuration_is_none() {
    let empty = Value { role: Some(String::new()), rules: Some(Vec::new()) };
    assert_eq!(Replication::canonical(empty), Value::default());
    assert_eq!(Replication::canonical(of("")), Value::default());
}

/// `s3-settings.md` rule 10: a rule of the first version copies delete markers, and so means one of
/// the second version that does.
#[test]
fn both_versions_of_a_rule_are_one_where_they_mean_the_same() {
    let marks = second("").replace("Disabled", "Enabled");
    for (live, want) in [(first(""), marks.clone()), (marks.clone(), first(""))] {
        for how in [Overlay::Whole, Overlay::Within] {
            assert_eq!(merge(&live, &want, how), canonical(&live), "{want} on {live}");
        }
    }
    let to = merge(&first(""), &second(""), Overlay::Whole);
    assert_eq!(to, canonical(&second("")), "who does not copy delete markers means something else");
    let to = merge(&first("raw/"), &marks, Overlay::Whole);
    assert_eq!(to, canonical(&marks), "nor who means other objects");
    let other = marks.replace(r#""priority":1"#, r#""priority":2"#);
    assert_eq!(merge(&marks, &other, Overlay::Whole), canonical(&other), "priorities that both say count");
}

/// S3 refuses a mixture, so a policy that adds a rule of the other version brings all to the second.
#[test]
fn a_policy_that_adds_a_rule_mixes_no_versions() {
    let added = second("").replace(r#""id":"a""#, r#""id":"b""#);
    let to = merge(&first("raw/"), &added, Overlay::Within);
    let kept = second("")
        .replace("Disabled", "Enabled")
        .replace(r#""filter":{}"#, r#""filter":{"prefix":"raw/"}"#)
        .replace(r#""priority":1"#, r#""priority":2"#);
    assert_eq!(to, canonical(&format!("{kept},{added}")));
    assert_eq!(Replication::canonical(Replication::merge(&to, &of(&added), Overlay::Within)), to);
}

#[test]
fn a_spec_names_all_rules_and_a_policy_adds_its_own() {
    let other = second("").replace(r#""id":"a""#, r#""id":"b""#).replace(r#""priority":1"#, r#""priority":2"#);
    assert_eq!(merge(&second(""), &other, Overlay::Whole), canonical(&other));
    assert_eq!(merge(&second(""), &other, Overlay::Within), canonical(&format!("{},{other}", second(""))));
}

fn guarded(from: &str, to: &str) -> &'static str {
    match Replication::risk(&canonical(from), &canonical(to)) {
        Risk::Guarded(why) => why,
        Risk::Safe => "",
        Risk::Impossible(why) => panic!("{why}"),
    }
}

#[test]
fn what_stops_copies_is_guarded() {
    let stops = "objects that are copied today would no longer be";
    let raw = second("").replace(r#""filter":{}"#, r#""filter":{"prefix":"raw/"}"#);
    let off = second("").replacen("Enabled", "Disabled", 1);
    let tagged = second("").replace(r#""filter":{}"#, r#""filter":{"tags":{"keep":"yes"}}"#);
    let elsewhere = second("").replace("copies", "elsewhere");
    for to in ["", raw.as_str(), &off, &tagged, &elsewhere] {
        assert_eq!(guarded(&second(""), to), stops, "{to}");
    }
    assert_eq!(guarded(&raw, &second("")), "", "more is copied");
    assert_eq!(guarded(&tagged, &second("")), "");
    assert_eq!(guarded(&off, ""), "", "nothing was copied");
    assert_eq!(guarded("", &second("")), "");
    assert_eq!(guarded(&first(""), &second("")), "");
    let kms = second(r#","sourceSelectionCriteria":{"sseKmsEncryptedObjects":{"status":"Enabled"}}"#);
    assert_eq!(guarded(&kms, &second("")), stops, "objects under KMS are copied only when a rule asks for them");
    assert_eq!(guarded(&second(""), &kms), "");
    let mut role = canonical(&second(""));
    role.role = Some("arn:aws:iam::111122223333:role/other".to_owned());
    let said = "copies would stop if the new role may do less than the one of today";
    assert_eq!(Replication::risk(&canonical(&second("")), &role), Risk::Guarded(said));
}

#[test]
fn what_spoils_copies_or_gives_them_away_is_guarded() {
    let marks = second("").replacen("\"Disabled\"", "\"Enabled\"", 1);
    assert_eq!(guarded(&second(""), &marks), "what is deleted here would be deleted in the copies, too");
    assert_eq!(guarded(&marks, &second("")), "");
    assert_eq!(guarded("", &marks), "", "a first copy of deletions deletes nothing");
    let kms = |key: &str| {
        to(&format!(r#""encryptionConfiguration":{{"replicaKmsKeyId":"{key}"}}"#)).replacen(
            r#""priority":1"#,
            r#""priority":1,"sourceSelectionCriteria":{"sseKmsEncryptedObjects":{"status":"Enabled"}}"#,
            1,
        )
    };
    let locked = "readers of the copies without leave to use the new key would be locked out";
    assert_eq!(guarded(&kms(KEY), &kms("arn:aws:kms:eu-central-1:111122223333:key/other")), locked);
    let theirs = to(r#""account":"222222222222","accessControlTranslation":{"owner":"Destination"}"#);
    assert_eq!(guarded(&second(""), &theirs), "copies would belong to another account than today");
    assert_eq!(guarded(&second(""), &to(r#""storageClass":"GLACIER""#)), "");
}

fn said(rules: &str) -> Vec<String> {
    Replication::check(&of(rules)).into_iter().map(|it| format!("{}: {}", it.pointer, it.message)).collect()
}

#[test]
fn what_s3_takes_has_no_fault() {
    let all = second(
        r#","sourceSelectionCriteria":{"sseKmsEncryptedObjects":{"status":"Enabled"},"replicaModifications":{"status":"Enabled"}}"#,
    )
    .replace(
        r#"{"bucket":"arn:aws:s3:::copies"}"#,
        &format!(
            r#"{{"bucket":"arn:aws:s3:::copies","account":"222222222222","storageClass":"GLACIER_IR",
            "accessControlTranslation":{{"owner":"Destination"}},"encryptionConfiguration":{{"replicaKmsKeyId":"{KEY}"}},
            "replicationTime":{{"status":"Enabled","time":{{"minutes":15}}}},
            "metrics":{{"status":"Enabled","eventThreshold":{{"minutes":15}}}}}}"#
        ),
    );
    for good in [all, first("raw/"), second(""), to(r#""metrics":{"status":"Enabled"}"#)] {
        assert_eq!(said(&good), [] as [&str; 0], "{good}");
        laws::schema::<Replication>(&format!(r#"{{"role":"{ROLE}","rules":[{good}]}}"#), true);
    }
}

#[test]
fn rules_of_s3_about_versions_of_rules_are_checked() {
    let b = |rule: String| rule.replace(r#""id":"a""#, r#""id":"b""#);
    assert_eq!(said(&second("").replace(r#""priority":1,"#, "")), ["/rules/0: a filter without `priority`"]);
    assert_eq!(
        said(&second("").replace(r#""deleteMarkerReplication":{"status":"Disabled"},"#, "")),
        ["/rules/0: a filter without `deleteMarkerReplication`"]
    );
    let tagged = second("").replace(r#""filter":{}"#, r#""filter":{"tags":{"a":"b"}}"#).replace("Disabled", "Enabled");
    assert_eq!(said(&tagged), ["/rules/0/deleteMarkerReplication: delete markers with a filter on tags"]);
    assert_eq!(
        said(&first("").replace(r#""prefix":"""#, r#""prefix":"","priority":1"#)),
        ["/rules/0/priority: `priority` without a filter"]
    );
    assert_eq!(said(&first("").replace(r#""prefix":"","#, "")), ["/rules/0: neither a filter nor a prefix"]);
    assert_eq!(said(&second(r#","prefix":"raw/""#)), ["/rules/0/prefix: a prefix beside a filter"]);
    assert_eq!(
        said(&format!("{},{}", second(""), b(first("")))),
        ["/rules/1: rules with and without a filter in one bucket"]
    );
    assert_eq!(
        said(&format!("{},{}", second(""), b(second("")))),
        ["/rules/1/priority: the rule `a` has the priority 1, too"]
    );
    assert_eq!(
        said(&format!("{},{}", first("raw/"), b(first("raw/x")))),
        ["/rules/1/prefix: the prefix overlaps that of the rule `a`"]
    );
    assert_eq!(
        said(&format!("{},{}", first("a"), b(first("b")).replace("copies", "elsewhere"))),
        ["/rules/1/destination/bucket: a second destination beside that of the rule `a`"]
    );
    assert_eq!(
        said(&second(r#","existingObjectReplication":{"status":"Enabled"}"#)),
        ["/rules/0/existingObjectReplication: replication of existing objects in a rule"]
    );
    assert_eq!(
        said(&second("").replace(r#""priority":1"#, r#""priority":-1"#)),
        ["/rules/0/priority: the priority is -1"]
    );
}

#[test]
fn rules_of_s3_about_destinations_are_checked() {
    let at = "/rules/0/destination";
    assert_eq!(
        said(&second("").replace("arn:aws:s3:::copies", "copies")),
        [format!("{at}/bucket: `copies` is not the ARN of a bucket")]
    );
    assert_eq!(said(&to(r#""account":"1234""#)), [format!("{at}/account: `1234` is not the id of an account")]);
    assert_eq!(
        said(&to(r#""accessControlTranslation":{"owner":"Destination"}"#)),
        [format!("{at}/accessControlTranslation: another owner without `account`")]
    );
    assert_eq!(
        said(&to(r#""storageClass":"FSX_OPENZFS""#)),
        [format!("{at}/storageClass: `FSX_OPENZFS` is not a storage class for copies")]
    );
    assert_eq!(
        said(&to(&format!(r#""encryptionConfiguration":{{"replicaKmsKeyId":"{KEY}"}}"#))),
        [format!("{at}/encryptionConfiguration: a key for copies of objects that no rule copies")]
    );
    assert_eq!(
        said(&second(r#","sourceSelectionCriteria":{"sseKmsEncryptedObjects":{"status":"Enabled"}}"#)),
        ["/rules/0/sourceSelectionCriteria/sseKmsEncryptedObjects: objects under KMS without a key for their copies"]
    );
    assert_eq!(
        said(&to(r#""replicationTime":{"status":"Enabled"}"#)),
        [format!("{at}/replicationTime: `replicationTime` without `metrics`")]
    );
    assert_eq!(
        said(&to(r#""metrics":{"status":"Enabled","eventThreshold":{"minutes":15}}"#)),
        [format!("{at}/metrics/eventThreshold: a threshold without `replicationTime`")]
    );
    assert_eq!(
        said(&to(r#""replicationTime":{"status":"Enabled","time":{"minutes":30}},"metrics":{"status":"Enabled"}"#)),
        [format!("{at}/replicationTime/time/minutes: 30 minutes")]
    );
}

#[test]
fn limits_of_s3_are_checked_before_s3_does() {
    assert_eq!(said(""), ["/rules: no rule"]);
    assert_eq!(said(&second("").replace(r#""id":"a""#, r#""id":"""#)), ["/rules/0/id: the rule has no id"]);
    let long = second("").replace(r#""id":"a""#, &format!(r#""id":"{}""#, "x".repeat(256)));
    assert_eq!(said(&long), ["/rules/0/id: the id has 256 characters"]);
    let twice = format!("{},{}", second(""), second("").replace(r#""priority":1"#, r#""priority":2"#));
    assert_eq!(said(&twice), ["/rules/1/id: a second rule has the id `a`"]);
    let prefix = second("").replace(r#""filter":{}"#, &format!(r#""filter":{{"prefix":"{}"}}"#, "x".repeat(1025)));
    assert_eq!(said(&prefix), ["/rules/0/filter/prefix: the prefix has 1025 characters"]);
    let many = |prefix: usize, rules: usize| -> Vec<String> {
        let rule = |n: usize| {
            second("")
                .replace(r#""id":"a""#, &format!(r#""id":"{n}""#))
                .replace(r#""priority":1"#, &format!(r#""priority":{n}"#))
                .replace(r#""filter":{}"#, &format!(r#""filter":{{"prefix":"{}"}}"#, "x".repeat(prefix)))
        };
        said(&(0..rules).map(rule).collect::<Vec<_>>().join(","))
    };
    assert_eq!(many(1, 1000), [] as [&str; 0]);
    assert_eq!(many(1, 1001), ["/rules: 1001 replication rules"]);
    let large = many(1024, 1700);
    assert!(large[1].starts_with("/rules: about 2") && large[1].ends_with(" bytes of XML"), "{large:?}");
    let mut other = of(&second(""));
    other.role = Some("replication".to_owned());
    assert_eq!(Replication::check(&other)[0].message, "`replication` is not the ARN of an IAM role");
}

#[test]
fn stores_with_arns_of_their_own_are_taken() {
    let minio = second("").replace("arn:aws:s3:::copies", "arn:minio:replication::7a1b:copies");
    assert_eq!(said(&minio), [] as [&str; 0]);
}

#[test]
fn rules_wait_for_versioning_and_for_a_role() {
    let versioning = |status: &str| {
        let doc = Doc::of(&serde_json::json!({ "status": status }));
        move |name: &str| (name == "versioning").then(|| doc.clone())
    };
    let to = canonical(&second(""));
    let why = |others: &Others<'_>| Replication::hindrance(&to, others).map(|it| it.why);
    assert_eq!(why(&versioning("Suspended")), Some("S3 copies objects only out of a bucket whose versioning is on"));
    assert_eq!((why(&versioning("Enabled")), why(&|_: &str| None)), (None, None));
    let without = Value { role: None, ..to.clone() };
    let why = Replication::hindrance(&without, &versioning("Enabled")).map(|it| it.why);
    assert_eq!(why, Some("S3 copies nothing without a role to assume"));
    assert_eq!(Replication::hindrance(&Value::default(), &versioning("Suspended")), None, "taking it away is free");
}

/// A live rule that copies nothing under KMS but names a key could not be said by any spec, and a spec
/// of that kind was written without the criteria, which S3 refuses.
#[test]
fn a_key_keeps_the_word_on_objects_under_kms() {
    let key = format!(r#","encryptionConfiguration":{{"replicaKmsKeyId":"{KEY}"}}"#);
    let with = |criteria: &str, key: &str| {
        second(criteria).replace(r#""arn:aws:s3:::copies"}"#, &format!(r#""arn:aws:s3:::copies"{key}}}"#))
    };
    let off = r#","sourceSelectionCriteria":{"sseKmsEncryptedObjects":{"status":"Disabled"}}"#;
    let kept = canonical(&with(off, &key));
    assert_eq!(Replication::check(&kept), []);
    assert_eq!(canonical(&with("", &key)), kept, "a store that says nothing of it");
    let rule = &kept.rules.as_ref().expect("rules")[0];
    let criteria = rule.source_selection_criteria.as_ref().expect("criteria");
    assert_eq!(criteria.sse_kms_encrypted_objects, Some(Switch::OFF));
    assert_eq!(canonical(&with(off, "")), canonical(&with("", "")), "without a key it says nothing");
    let empty = r#","encryptionConfiguration":{"replicaKmsKeyId":""}"#;
    assert_eq!(canonical(&with(off, empty)), canonical(&with("", "")), "nor does an empty key");
}

/// A bucket that copies into itself passed `validate`; S3 refuses it.
#[test]
fn a_bucket_is_not_copied_into_itself() {
    let beside = |bucket: &str, region: Option<&str>| Beside {
        bucket: crate::bucket::BucketName::parse(bucket).ok(),
        region: region.and_then(|it| crate::bucket::Region::parse(it).ok()),
        ..Beside::default()
    };
    let says = |bucket: &str, region| -> Vec<(String, String)> {
        let problems = Replication::check_beside(&of(&second("")), &beside(bucket, region));
        problems.into_iter().map(|it| (it.pointer, it.message)).collect()
    };
    let at = "/rules/0/destination/bucket".to_owned();
    assert_eq!(says("copies", None), [(at, "the rule `a` copies the bucket into itself".to_owned())]);
    assert_eq!(says("data", None), []);
    assert_eq!(says("copies", Some("default")), [], "zones of Ceph share the names of buckets");
}

/// The rule of a policy beside one of the same priority that stood there was written in every sweep, and
/// S3 refused it.
#[test]
fn rules_that_s3_refuses_beside_each_other_are_hindered() {
    let why = |value: &Value| Replication::hindrance(value, &|_| None).map(|it| it.why);
    let other = second("").replace(r#""id":"a""#, r#""id":"b""#);
    let to = merge(&second(""), &other, Overlay::Within);
    assert_eq!(why(&to), Some("S3 takes no two rules of one priority"));
    let to = merge(&second(""), &other.replace(r#""priority":1"#, r#""priority":2"#), Overlay::Within);
    assert_eq!(why(&to), None);
    let to = merge(&first("raw/"), &first("raw/new/").replace(r#""id":"a""#, r#""id":"b""#), Overlay::Within);
    assert_eq!(why(&to), Some("S3 takes no two rules without a filter whose prefixes overlap"));
}
