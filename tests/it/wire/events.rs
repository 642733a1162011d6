//! Notifications and S3 Metadata over HTTP: what is odd about each.

use driftless::cloud::Cloud;
use driftless::sandbox::{Answer, Fault, Operation};
use driftless::settings;
use driftless::verdict::Verdict;
use serde_json::json;

use super::golden::stub;
use super::*;
use crate::support::looped::{Rig, bucket, desired, held};

async fn write(cloud: &driftless::cloud::aws::AwsCloud, setting: &'static str, said: &Value) {
    let at = target("data");
    let seen = cloud.read(&at, setting).await.expect("a value");
    cloud.write(&at, setting, &seen, &value(setting, said)).await.expect("taken");
}

fn made(server: &Running) -> Vec<(&'static str, u64)> {
    server.requests().into_iter().filter(|(operation, _)| !operation.starts_with("Get")).collect()
}

/// moto answers an unset notification with no body at all, which the SDK cannot parse.
#[tokio::test]
async fn an_answer_without_a_body_is_no_notification_and_no_other_setting() {
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let cloud = connect_to(&stub(String::new()), &observer).await;
    let at = target("data");
    let found = cloud.read(&at, "notifications").await.expect("none");
    assert_eq!(found, settings::named("notifications").default_doc());
    let error = cloud.read(&at, "requestPayer").await.expect_err("no answer");
    assert_eq!(error.kind, S3ErrorKind::Transport);
}

#[tokio::test]
async fn a_destination_that_s3_cannot_reach_is_invalid_and_the_hint_says_what_to_look_at() {
    let server = server().await;
    let cloud = connect(&server).await;
    let refused = Answer::Error { status: 400, code: "InvalidArgument".to_owned() };
    server.inject(Fault::once(Operation::PutBucketNotificationConfiguration, "data", refused));
    let (from, to) = (value("notifications", &json!({})), value("notifications", &json!({"eventBridge": true})));
    let error = cloud.write(&target("data"), "notifications", &from, &to).await.expect_err("refused");
    assert_eq!(error.kind, S3ErrorKind::Invalid);
    assert_eq!(
        error.hint().expect("a hint"),
        "each topic, queue and function must be there, in the bucket's region, and its policy, and that of its KMS \
         key, must let `s3.amazonaws.com` in; other stores know only some of them"
    );
}

/// moto takes EventBridge and stores nothing.
#[tokio::test]
async fn event_bridge_that_is_taken_and_not_stored_is_said_and_not_sent_in_a_loop() {
    let server = server().await;
    server.inject(Fault::always(Operation::PutBucketNotificationConfiguration, "data", Answer::StoreNothing));
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let desired = desired(&bucket("data", "{notifications: {eventBridge: true}}"));
    for _ in 0..6 {
        let swept = rig.sweep(&desired).await;
        assert_eq!((swept.report.repaired, swept.report.in_sync), (0, 0));
        rig.pass(chrono::Duration::minutes(5));
    }
    assert_eq!(server.count(Operation::PutBucketNotificationConfiguration), 3);
    assert_eq!(held(&rig.sweep(&desired).await), ["data notifications fighting"]);
}

/// S3 replaces the whole document and has no If-Match (terraform-provider-aws#48509): what somebody
/// else adds between the plan and the write is planned anew and kept.
#[tokio::test]
async fn pain_14_what_somebody_adds_meanwhile_is_kept() {
    let server = server().await;
    let cloud = connect(&server).await;
    let queue = |id: &str| {
        json!({"id": id, "arn": "arn:aws:sqs:us-east-1:111111111111:q", "events": ["s3:ObjectCreated:*"],
            "filter": {"prefix": format!("{id}/")}})
    };
    write(&cloud, "notifications", &json!({"queues": [queue("theirs")]})).await;
    let spec = json!({"notifications": {"queues": [queue("ours")]}}).to_string();
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    let swept = rig.sweep(&desired(&bucket("data", &spec))).await;
    assert_eq!((swept.report.repaired, swept.report.in_sync), (1, 1), "{:?}", swept.plans[0].last);
    let cloud = connect(&server).await;
    let found = cloud.read(&target("data"), "notifications").await.expect("a value");
    assert_eq!(found, value("notifications", &json!({"queues": [queue("ours"), queue("theirs")]})));
}

#[tokio::test]
async fn metadata_is_made_once_changed_table_by_table_and_removed() {
    let server = server().await;
    let cloud = connect(&server).await;
    let mut steps = Vec::new();
    for said in [
        json!({"journalTable": {}, "inventoryTable": {"state": "ENABLED", "encryption": {"algorithm": "AES256"}}}),
        json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 9}}, "inventoryTable": {"state": "ENABLED"}}),
        json!({"journalTable": {"recordExpiration": {"expiration": "ENABLED", "days": 9}},
            "annotationTable": {"state": "ENABLED", "role": "arn:aws:iam::111111111111:role/r"}}),
        json!({}),
    ] {
        write(&cloud, "metadata", &said).await;
        steps.push(made(&server));
        server.forget_requests();
        let found = cloud.read(&target("data"), "metadata").await.expect("a value");
        let shown = settings::named("metadata").shown(&value("metadata", &said));
        assert_eq!(found, shown, "{said}");
    }
    assert_eq!(
        steps,
        [
            vec![("CreateBucketMetadataConfiguration", 1)],
            vec![("UpdateBucketMetadataJournalTableConfiguration", 1)],
            vec![
                ("UpdateBucketMetadataAnnotationTableConfiguration", 1),
                ("UpdateBucketMetadataInventoryTableConfiguration", 1)
            ],
            vec![("DeleteBucketMetadataConfiguration", 1), ("HeadBucket", 1)],
        ]
    );
}

/// Not even by whoever gets past the plan.
#[tokio::test]
async fn a_configuration_of_the_first_generation_is_never_written() {
    let server = server().await;
    let cloud = connect(&server).await;
    let legacy = settings::named("metadata").canonical(&Doc::of(&json!({"legacy": true})));
    for said in [json!({}), json!({"journalTable": {}})] {
        let to = value("metadata", &said);
        let error = cloud.write(&target("data"), "metadata", &legacy, &to).await.expect_err("left alone");
        assert_eq!(error.kind, S3ErrorKind::Forbidden);
    }
    assert_eq!(server.requests(), BTreeMap::new());
}

/// The tables of a configuration that was removed are in the way of new ones.
#[tokio::test]
async fn a_table_that_s3_could_not_make_is_told_and_is_no_drift() {
    let server = server().await;
    let cloud = connect(&server).await;
    let at = target("data");
    write(&cloud, "metadata", &json!({"journalTable": {}})).await;
    assert_eq!(cloud.remarks(&at, "metadata"), [] as [String; 0]);
    write(&cloud, "metadata", &json!({})).await;
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    let encryption = json!({"algorithm": "aws:kms", "kmsKeyArn": "arn:aws:kms:us-east-1:111111111111:key/1a2b"});
    let spec = json!({"metadata": {"journalTable": {"encryption": encryption}}}).to_string();
    let desired = desired(&bucket("data", &spec));
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.repaired, swept.report.in_sync), (1, 1), "encryption is sent and cannot be proved");
    let again = rig.sweep(&desired).await;
    assert_eq!((again.report.repaired, held(&again)), (0, vec![]));
    let verdicts = &again.plans[0].last.settings;
    let told = verdicts.iter().find(|it| it.setting == "metadata").expect("a verdict");
    assert_eq!(told.verdict, Verdict::Compliant);
    let said = "the journal table failed: JournalTableAlreadyExists: A table with the name journal already exists";
    assert_eq!(told.detail.as_deref(), Some(said));
}
