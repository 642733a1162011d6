//! Where buckets live, as the loop sees it: found elsewhere, in a zone, in the account's own
//! namespace.

use driftless::cloud::S3ErrorKind;
use driftless::cloud::memory::{Effect, Fault, MemoryCloud};
use driftless::observed::Reading;
use driftless::plan::by_nature;
use driftless::setting::OnDirectoryBuckets;
use driftless::settings::SETTINGS;
use driftless::verdict::Verdict;
use serde_json::json;

use crate::support::looped::{Rig, bucket, desired, desired_with, document, held, id};

const SCRATCH: &str = "ai-scratch--usw2-az1--x-s3";

fn fault(verb: &'static str, kind: S3ErrorKind) -> Fault {
    Fault { verb, bucket: String::new(), setting: "", times: usize::MAX, effect: Effect::Fail(kind) }
}

#[tokio::test]
async fn a_bucket_that_a_read_finds_elsewhere_is_told_and_repaired_there() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("data"), "eu-west-1", &[]);
    cloud.hide_region(&id("data"));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired(&bucket("data", "{region: us-east-1, versioning: {status: Enabled}}"))).await;
    assert_eq!(held(&swept), ["data existence impossible"]);
    assert_eq!((swept.report.repaired, cloud.count("create")), (1, 0));
    let existence = &swept.plans[0].last.settings[0];
    assert_eq!(existence.verdict, Verdict::Drifted);
    assert_eq!(existence.detail.as_deref(), Some("lives in `eu-west-1`, not in `us-east-1`"));
}

#[tokio::test]
async fn the_tags_of_a_new_bucket_are_given_with_its_creation() {
    let cloud = MemoryCloud::default();
    let rig = Rig::over(&cloud);
    let spec = "{ignore: [tags.Cost], tags: {Name: data, Cost: x}, versioning: {status: Enabled}}";
    let swept = rig.sweep(&desired(&bucket("data", spec))).await;
    assert_eq!((swept.report.in_sync, swept.report.failed), (1, 0));
    let tags = cloud.get(&id("data"), "tags").expect("there").value();
    assert_eq!(tags, json!({"Name": "data"}), "what is ignored is not written");
    let wrote: Vec<&str> = cloud.asked().iter().filter(|it| it.verb == "write").map(|it| it.setting).collect();
    assert_eq!(wrote, ["versioning"]);
}

#[test]
fn every_setting_says_what_becomes_of_it_on_a_directory_bucket() {
    let there: Vec<&str> = SETTINGS
        .iter()
        .filter(|it| it.on_directory_buckets() == OnDirectoryBuckets::There)
        .map(|it| it.name())
        .collect();
    assert_eq!(there, ["encryption", "tags", "policy", "lifecycle"]);
    for setting in SETTINGS {
        assert_eq!(by_nature(&id("data").name, setting.name()), None, "a general purpose bucket is asked");
        let known = by_nature(&id(SCRATCH).name, setting.name());
        match setting.on_directory_buckets() {
            OnDirectoryBuckets::There => assert_eq!(known, None),
            OnDirectoryBuckets::Given => {
                assert_eq!(known, Some(Reading::Known(setting.given_on_directory_buckets())));
            }
            OnDirectoryBuckets::Lacking => {
                let Some(Reading::Unsupported(error)) = known else { panic!("{}: {known:?}", setting.name()) };
                assert_eq!(error.message, format!("directory buckets have no `{}`", setting.name()));
            }
        }
    }
}

#[tokio::test]
async fn the_built_in_policies_hold_on_a_directory_bucket_as_far_as_they_can() {
    let cloud = MemoryCloud::default();
    cloud.put(&id(SCRATCH), "us-west-2", &[("encryption", json!({"algorithm": "AES256"}))]);
    cloud.fail(Fault { setting: "tags", ..fault("read", S3ErrorKind::Unsupported) });
    let rig = Rig::over(&cloud);
    let desired = desired_with(&bucket(SCRATCH, "{encryption: {algorithm: AES256}}"), "mode: enforce");
    let swept = rig.sweep(&desired).await;
    let verdicts: Vec<(&str, Verdict)> =
        swept.plans[0].last.policies.iter().map(|it| (&*it.policy, it.verdict)).collect();
    let expected = [
        ("encrypted", Verdict::Compliant),
        ("private", Verdict::Compliant),
        ("tagged", Verdict::Unsupported),
        ("versioned", Verdict::Unsupported),
    ];
    assert_eq!(verdicts, expected);
    let versioned = &swept.plans[0].last.policies[3];
    assert_eq!(versioned.detail.as_deref(), Some("directory buckets have no `versioning`"));
    assert_eq!((swept.report.in_sync, swept.report.held), (1, 0));
    let read: Vec<&str> = cloud.asked().iter().filter(|it| it.verb == "read").map(|it| it.setting).collect();
    assert_eq!(read, ["encryption", "tags"], "what it has by nature is not asked for");
}

#[tokio::test]
async fn what_a_directory_bucket_has_by_nature_is_never_written_whoever_asks() {
    let cloud = MemoryCloud::default();
    cloud.put(&id(SCRATCH), "us-west-2", &[]);
    let rig = Rig::over(&cloud);
    let policy = document("Policy", "writers", "{require: {objectOwnership: ObjectWriter}}");
    let swept = rig.sweep(&desired(&format!("{}{policy}", bucket(SCRATCH, "{}")))).await;
    assert_eq!(held(&swept), [format!("{SCRATCH} objectOwnership impossible")]);
    assert_eq!(swept.plans[0].last.held[0].detail, "`objectOwnership` of a directory bucket cannot be changed");
    assert_eq!(cloud.count("write"), 0);
}

#[tokio::test]
async fn directory_buckets_are_listed_once_a_region_and_only_where_specs_name_some() {
    let cloud = MemoryCloud::default();
    let rig = Rig::over(&cloud);
    let all: String = [SCRATCH, "b--usw2-az2--x-s3", "c--use1-az4--x-s3", "plain"]
        .map(|name| bucket(name, "{encryption: {algorithm: AES256}}"))
        .concat();
    let swept = rig.sweep(&desired(&all)).await;
    assert_eq!((swept.report.in_sync, swept.report.failed), (4, 0), "{:?}", held(&swept));
    assert_eq!((cloud.count("list-directories"), cloud.count("list"), cloud.count("create")), (2, 1, 4));
    assert_eq!(swept.plans.iter().filter(|it| it.wish.region.as_str() == "us-west-2").count(), 2);

    cloud.forget_asked();
    let again = rig.sweep(&desired(&all)).await;
    assert_eq!((again.report.in_sync, cloud.count("create")), (4, 0));
    let _ = rig.sweep(&desired(&bucket("plain", "{encryption: {algorithm: AES256}}"))).await;
    assert_eq!(cloud.count("list-directories"), 2);
}

#[tokio::test]
async fn a_denied_list_of_directory_buckets_leaves_them_unknown_and_stops_nothing_else() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("plain"), "us-east-1", &[]);
    cloud.fail(fault("list-directories", S3ErrorKind::Denied));
    let rig = Rig::over(&cloud);
    let both: String = [SCRATCH, "plain"].map(|name| bucket(name, "{encryption: {algorithm: AES256}}")).concat();
    let swept = rig.sweep(&desired(&both)).await;
    assert_eq!((swept.report.in_sync, swept.report.unknown, cloud.count("create")), (1, 1, 0));
    let error = &swept.report.errors[0];
    assert_eq!(error.action.as_deref(), Some("s3express:ListAllMyDirectoryBuckets"));
}

/// What is said of a document alone, under a configuration with one account.
fn says(text: &str, expected: &[&str]) {
    let files = std::collections::BTreeMap::from([("a.yaml".to_owned(), text.as_bytes().to_vec())]);
    let config = crate::support::looped::configuration("accounts: [{id: \"111122223333\"}]");
    let (_, findings) = crate::support::looped::desired_of(&files, &(), &config);
    let said: Vec<String> = findings.iter().map(ToString::to_string).filter(|it| !it.contains("not managed")).collect();
    assert_eq!(said, expected);
}

#[test]
fn what_a_spec_says_against_the_name_of_its_bucket_is_told_at_its_place() {
    says(
        &bucket(SCRATCH, "{region: us-east-1}"),
        &["a.yaml:5:16: zone `usw2-az1` of the bucket's name lies in `us-west-2`, not in `us-east-1`\n\
           hint: correct one of the two; without `region` the name says it"],
    );
    says(&bucket(SCRATCH, "{region: us-west-2}"), &[]);
    says(
        &bucket(SCRATCH, "{objectLock: true, namespace: global}"),
        &[
            "a.yaml:5:8: directory buckets have no `objectLock`\nhint: leave it out, or use a general purpose bucket",
            "a.yaml:5:37: directory buckets have no `namespace`\nhint: leave it out: their names belong to a zone",
        ],
    );
    says(
        &bucket("ai-111122223333-eu-west-1-an", "{region: us-east-1}"),
        &["a.yaml:5:16: the bucket's name says `eu-west-1`, not `us-east-1`\n\
           hint: correct one of the two; without `region` the name says it"],
    );
    says(&bucket("ai-111122223333-eu-west-1-an", "{namespace: account-regional}"), &[]);
    says(
        &bucket("ai-111122223333-eu-west-1-an", "{namespace: global}"),
        &["a.yaml:5:19: names that end in `-ACCOUNT-REGION-an` are not global (S3: InvalidNamespaceHeader)\n\
           hint: leave `namespace` out, or choose another name"],
    );
    says(
        &bucket("ai-data", "{namespace: account-regional}"),
        &[
            "a.yaml:5:19: the name does not end as names of the account's own namespace do (S3: InvalidNamespaceHeader)\n\
           hint: let it end in `-111122223333-REGION-an`",
        ],
    );
    says(
        &bucket("ai-444455556666-eu-west-1-an", "{}"),
        &["a.yaml:4:18: the name belongs to account `444455556666`, and this one is `111122223333`\n\
           hint: only that account can make it; here names end in `-111122223333-eu-west-1-an`"],
    );
    says(
        &bucket("ai-data", "{namespace: regional}"),
        &["a.yaml:5:19: `namespace` cannot be `regional`\nhint: allowed: `global`, `account-regional`"],
    );
}

/// A queue in another region was only told where the bucket's own document named its region; else S3
/// refused the notifications at night.
#[test]
fn what_is_elsewhere_is_told_wherever_the_bucket_has_its_region_from() {
    let queue = r#"{queues: [{arn: "arn:aws:sqs:eu-west-1:111122223333:q", events: ["s3:ObjectCreated:*"]}]}"#;
    let spec = bucket("ai-data", &format!("{{notifications: {queue}}}"));
    let elsewhere = "a.yaml:5:8: `notifications/queues/0/arn` of `ai-data`: the queue is in eu-west-1, the bucket in \
                     us-east-1\nhint: S3 takes only one of the bucket's own region";
    says(&spec, &[elsewhere]);
    let defaults = |more: &str| document("BucketDefaults", "all", &format!("{{match: {{buckets: ['*']}}, {more}}}"));
    says(&format!("{spec}{}", defaults("region: eu-west-1")), &[]);
    says(&format!("{spec}{}", defaults("region: us-east-1")), &[elsewhere]);
    // Told once, and at its place, where the document says both.
    let both = bucket("ai-data", &format!("{{region: us-east-1, notifications: {queue}}}"));
    says(
        &both,
        &["a.yaml:5:53: the queue is in eu-west-1, the bucket in us-east-1\n\
           hint: S3 takes only one of the bucket's own region"],
    );
    // What defaults say for many does not go with every name.
    let dotted = format!("{}{}", bucket("ai.data", "{}"), defaults("accelerate: {status: Enabled}"));
    says(
        &dotted,
        &["a.yaml:10:33: `accelerate/status` of `ai.data`: the name `ai.data` has a dot in it\n\
           hint: S3 accelerates no such bucket: leave `accelerate` out, or say `Suspended`"],
    );
}
