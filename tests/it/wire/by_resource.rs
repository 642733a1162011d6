//! Tags where they decide access: S3 refuses the set, and they are written one by one.

use driftless::cloud::Cloud;
use driftless::sandbox::{Answer, Fault, Operation};
use serde_json::json;

use super::*;
use crate::support::looped::{Rig, bucket, desired_with};

fn tags(said: Value) -> Doc {
    value("tags", &said)
}

async fn enable(cloud: &AwsCloud) {
    let (off, on) = (value("abac", &json!({})), value("abac", &json!({"status": "Enabled"})));
    cloud.write(&target("data"), "abac", &off, &on).await.expect("taken");
}

async fn write(cloud: &AwsCloud, to: Value) {
    let at = target("data");
    let seen = cloud.read(&at, "tags").await.expect("tags");
    cloud.write(&at, "tags", &seen, &tags(to.clone())).await.unwrap_or_else(|error| panic!("{error}: {to}"));
    assert_eq!(cloud.read(&at, "tags").await.expect("tags"), tags(to));
}

#[tokio::test]
async fn pain_17_with_abac_tags_are_added_and_removed_by_s3_control() {
    let server = server().await;
    let cloud = connect(&server).await;
    write(&cloud, json!({"Name": "data", "Old": "1", "Same": ""})).await;
    enable(&cloud).await;
    server.forget_requests();
    write(&cloud, json!({"Name": "new", "Same": "", "Odd": "a + b = c/d @ e_f.g:h-i", "Grüße": "日本"})).await;
    let asked: Vec<&str> = server.log().into_iter().map(|it| it.operation.name()).collect();
    let expected = [
        "GetBucketTagging",
        "GetBucketTagging",
        "PutBucketTagging",
        "GetBucketAbac",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
        "GetBucketTagging",
    ];
    assert_eq!(asked, expected);

    // All of them can go, and odd keys find their way through the address.
    write(&cloud, json!({})).await;
    assert_eq!(server.count(Operation::UntagResource), 2);
    assert_eq!(server.bucket_names(), ["access-logs", "data", "data-old"]);
}

#[tokio::test]
async fn pain_17_without_abac_and_on_a_compliant_bucket_it_costs_nothing_more() {
    let server = server().await;
    let cloud = connect(&server).await;
    write(&cloud, json!({"Name": "data"})).await;
    let once = BTreeMap::from([("GetBucketTagging", 3), ("PutBucketTagging", 1)]);
    assert_eq!(server.requests(), once);
    enable(&cloud).await;
    server.forget_requests();
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    let swept = rig.sweep(&desired_with(&bucket("data", "{tags: {Name: data}}"), "policies: {builtin: []}")).await;
    assert_eq!(swept.report.in_sync, 1);
    assert_eq!(server.requests(), BTreeMap::from([("GetBucketTagging", 1), ("ListBuckets", 1)]));
}

#[tokio::test]
async fn tags_of_aws_itself_and_of_somebody_else_meanwhile_stay() {
    let server = server().await;
    let cloud = connect(&server).await;
    write(&cloud, json!({"Name": "data"})).await;
    enable(&cloud).await;
    let system = BTreeMap::from([
        ("aws:cloudformation:stack-name".to_owned(), "web".to_owned()),
        ("Somebodys".to_owned(), "new".to_owned()),
    ]);
    let seen = cloud.read(&target("data"), "tags").await.expect("tags");
    assert!(server.plant_system_tags("data", &system));
    cloud.write(&target("data"), "tags", &seen, &tags(json!({"Purpose": "x"}))).await.expect("taken");
    let body = server.body("data", "tagging").expect("tags");
    for key in ["aws:cloudformation:stack-name", "Somebodys", "Purpose"] {
        assert!(body.contains(key), "{key}: {body}");
    }
    assert!(!body.contains("<Key>Name</Key>"), "{body}");
}

fn refuse(server: &Running, operation: Operation, status: u16, code: &str) {
    server.inject(Fault::once(operation, "data", Answer::Error { status, code: code.to_owned() }));
}

async fn fails(cloud: &AwsCloud) -> driftless::cloud::S3Error {
    let at = target("data");
    let seen = cloud.read(&at, "tags").await.expect("tags");
    cloud.write(&at, "tags", &seen, &tags(json!({"Name": "x"}))).await.expect_err("refused")
}

#[tokio::test]
async fn a_refusal_that_has_nothing_to_do_with_abac_is_told_as_it_is() {
    let server = server().await;
    let cloud = connect(&server).await;
    for (status, code, kind) in [
        (400, "InvalidTag", S3ErrorKind::Invalid),
        (403, "AccessDenied", S3ErrorKind::Denied),
        (405, "MethodNotAllowed", S3ErrorKind::Unsupported),
        (409, "OperationAborted", S3ErrorKind::Conflict),
        (503, "SlowDown", S3ErrorKind::Throttled),
    ] {
        refuse(&server, Operation::PutBucketTagging, status, code);
        let error = fails(&cloud).await;
        assert_eq!((error.operation.as_str(), error.kind), ("PutBucketTagging", kind), "{error}");
    }
    assert_eq!(server.count(Operation::TagResource), 0);
    // What passes by itself is not asked about.
    assert_eq!(server.count(Operation::GetBucketAbac), 3);
}

#[tokio::test]
async fn whatever_is_missing_is_named_by_its_action() {
    let server = server().await;
    let cloud = connect(&server).await;
    enable(&cloud).await;
    for (operation, action) in [
        (Operation::GetBucketAbac, "s3:GetBucketAbac"),
        (Operation::ListTagsForResource, "s3:ListTagsForResource"),
        (Operation::TagResource, "s3:TagResource"),
    ] {
        refuse(&server, operation, 403, "AccessDenied");
        let error = fails(&cloud).await;
        assert_eq!(error.kind, S3ErrorKind::Denied, "{error}");
        assert_eq!(error.action.as_deref(), Some(action));
    }
    write(&cloud, json!({"Name": "x"})).await;
    refuse(&server, Operation::UntagResource, 403, "AccessDenied");
    let seen = cloud.read(&target("data"), "tags").await.expect("tags");
    let error = cloud.write(&target("data"), "tags", &seen, &tags(json!({}))).await.expect_err("refused");
    assert_eq!(error.action.as_deref(), Some("s3:UntagResource"));
}

#[tokio::test]
async fn a_role_that_may_tag_by_s3_control_only_is_enough() {
    let server = server().await;
    let cloud = connect(&server).await;
    enable(&cloud).await;
    refuse(&server, Operation::PutBucketTagging, 403, "AccessDenied");
    write(&cloud, json!({"Name": "x"})).await;
}

#[tokio::test]
async fn without_a_read_in_this_pass_no_tag_is_removed_by_s3_control() {
    let server = server().await;
    let cloud = connect(&server).await;
    write(&cloud, json!({"Name": "x"})).await;
    enable(&cloud).await;
    let nothing = tags(json!({}));
    let error = cloud.write(&target("data"), "tags", &nothing, &nothing).await.expect_err("no proof");
    assert_eq!(error.kind, S3ErrorKind::Forbidden, "{error}");
    assert_eq!((server.count(Operation::UntagResource), server.count(Operation::DeleteBucketTagging)), (0, 0));
}
