//! The tags of directory buckets: S3 Control alone has them, so it is asked for them, and told what
//! differs.

use driftless::cloud::{Cloud, Creation};
use driftless::report::RepairResult;
use driftless::sandbox::{Answer, Fault, Operation};
use serde_json::json;

use super::stub::{Reply, Stub};
use super::*;
use crate::support::looped::{Rig, bucket, desired_with};

const SCRATCH: &str = "ai-scratch--use1-az4--x-s3";

fn tags(said: Value) -> Doc {
    value("tags", &said)
}

/// A directory bucket with one tag.
async fn made(cloud: &AwsCloud) {
    let tags = BTreeMap::from([("Name".to_owned(), "Scratch".to_owned())]);
    cloud.create(&target(SCRATCH), &Creation { tags, ..Creation::default() }).await.expect("made");
}

async fn write(cloud: &AwsCloud, to: Value) -> Result<(), driftless::cloud::S3Error> {
    let at = target(SCRATCH);
    let seen = cloud.read(&at, "tags").await.expect("tags");
    cloud.write(&at, "tags", &seen, &tags(to)).await
}

#[tokio::test]
async fn the_tags_of_a_directory_bucket_are_read_added_and_removed_by_s3_control() {
    let server = server().await;
    let cloud = connect(&server).await;
    made(&cloud).await;
    assert_eq!(cloud.read(&target(SCRATCH), "tags").await.expect("tags"), tags(json!({"Name": "Scratch"})));
    server.forget_requests();
    write(&cloud, json!({"Purpose": "a + b = c/d", "Team": "ml"})).await.expect("taken");
    let asked: Vec<&str> = server.log().into_iter().map(|it| it.operation.name()).collect();
    assert_eq!(asked, ["ListTagsForResource", "ListTagsForResource", "TagResource", "UntagResource"]);
    let expected = tags(json!({"Purpose": "a + b = c/d", "Team": "ml"}));
    assert_eq!(cloud.read(&target(SCRATCH), "tags").await.expect("tags"), expected);
    write(&cloud, json!({})).await.expect("taken");
    assert_eq!(cloud.read(&target(SCRATCH), "tags").await.expect("tags"), tags(json!({})));
    assert_eq!(server.bucket_names(), ["access-logs", SCRATCH, "data", "data-old"]);
}

/// Tags were given when the bucket was made and never looked at again: whoever changed them was
/// told by nobody.
#[tokio::test]
async fn a_directory_bucket_whose_tags_were_changed_is_repaired() {
    let server = server().await;
    made(&connect(&server).await).await;
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let spec = bucket(SCRATCH, "{tags: {Name: AI Scratch, Purpose: Checkpoints}}");
    let desired = desired_with(&spec, "policies: {builtin: [tagged]}\nmode: enforce");
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.in_sync, swept.report.repaired), (1, 1), "{:?}", swept.plans[0].last);
    assert_eq!(swept.plans[0].repairs[0].result, RepairResult::Applied);
    server.forget_requests();
    let again = rig.sweep(&desired).await;
    assert_eq!((again.report.in_sync, again.report.repaired), (1, 0));
    let once = BTreeMap::from([("ListBuckets", 1), ("ListDirectoryBuckets", 1), ("ListTagsForResource", 1)]);
    assert_eq!(server.requests(), once);
}

#[tokio::test]
async fn no_tag_of_a_directory_bucket_is_removed_that_was_not_read_in_this_pass() {
    let server = server().await;
    let cloud = connect(&server).await;
    made(&cloud).await;
    let seen = tags(json!({"Name": "Scratch"}));
    // Somebody adds a tag between the read and the write: it stays.
    write(&cloud, json!({"Name": "Scratch", "Somebodys": "new"})).await.expect("taken");
    cloud.write(&target(SCRATCH), "tags", &seen, &tags(json!({"Purpose": "x"}))).await.expect("taken");
    let expected = tags(json!({"Purpose": "x", "Somebodys": "new"}));
    assert_eq!(cloud.read(&target(SCRATCH), "tags").await.expect("tags"), expected);
    server.forget_requests();
    let nothing = tags(json!({}));
    cloud.write(&target(SCRATCH), "tags", &nothing, &nothing).await.expect("nothing to do");
    assert_eq!(server.requests(), BTreeMap::from([("ListTagsForResource", 1)]));
}

#[tokio::test]
async fn whatever_is_missing_is_named_by_the_action_of_directory_buckets() {
    let server = server().await;
    let cloud = connect(&server).await;
    made(&cloud).await;
    let denied = || Answer::Error { status: 403, code: "AccessDenied".to_owned() };
    server.inject(Fault::once(Operation::ListTagsForResource, SCRATCH, denied()));
    let error = cloud.read(&target(SCRATCH), "tags").await.expect_err("denied");
    assert_eq!(error.action.as_deref(), Some("s3express:ListTagsForResource"));
    for (operation, action) in
        [(Operation::TagResource, "s3express:TagResource"), (Operation::UntagResource, "s3express:UntagResource")]
    {
        server.inject(Fault::once(operation, SCRATCH, denied()));
        let error = write(&cloud, json!({"Purpose": "x"})).await.expect_err("denied");
        assert_eq!((error.kind, error.action.as_deref()), (S3ErrorKind::Denied, Some(action)), "{error}");
    }
}

#[tokio::test]
async fn a_store_that_names_no_s3_control_has_no_tags_of_directory_buckets_and_is_asked_nothing() {
    let stub = Stub::start(|_| Reply::error(500, "InternalError", ""));
    let without = AccountOptions { control_endpoint: None, ..options(&stub.url) };
    let cloud = connect_with(without, &(Arc::new(Counted::default()) as Arc<dyn Observer>)).await;
    let error = cloud.read(&target(SCRATCH), "tags").await.expect_err("nowhere");
    assert_eq!(
        error.to_string(),
        "ListTagsForResource on `ai-scratch--use1-az4--x-s3` failed: not supported by this store: `s3ControlEndpoint` of \
         the account is not configured, and its store is not AWS"
    );
    assert_eq!(stub.all(), []);
}
