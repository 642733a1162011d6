//! What protects data, from a spec to the server: the order in which S3 takes it.

use driftless::cloud::Cloud;
use driftless::cloud::memory::MemoryCloud;

use super::*;
use crate::support::looped::{Rig, bucket, desired, held};

const COPIES: &str = r#"{role: "arn:aws:iam::111111111111:role/copier", rules: [{id: all, status: Enabled, priority: 1,
  filter: {}, deleteMarkerReplication: {status: Disabled}, destination: {bucket: "arn:aws:s3:::access-logs"}}]}"#;

async fn rig(server: &Running) -> Rig {
    let mut rig = Rig::over(&MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(server).await));
    rig
}

fn writes(server: &Running) -> Vec<&'static str> {
    let asked = server.log().into_iter().map(|it| it.operation.name());
    asked.filter(|it| !it.starts_with("Get") && !it.starts_with("Head") && !it.starts_with("List")).collect()
}

#[tokio::test]
async fn a_new_bucket_is_made_with_object_lock_and_replication_in_one_sweep() {
    let server = server().await;
    let rig = rig(&server).await;
    let lock = "{enabled: true, defaultRetention: {mode: COMPLIANCE, days: 30}}";
    let spec = format!("{{versioning: {{status: Enabled}}, objectLock: {lock}, replication: {COPIES}}}");
    let desired = desired(&bucket("models", &spec));
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.failed, swept.report.in_sync), (0, 1), "{:?}", swept.plans[0].last);
    assert_eq!(writes(&server), ["CreateBucket", "PutObjectLockConfiguration", "PutBucketReplication"]);
    let body = server.body("models", "object-lock").expect("a lock");
    assert!(body.contains("<Mode>COMPLIANCE</Mode><Days>30</Days>"), "{body}");
    server.forget_requests();
    let _ = rig.sweep(&desired).await;
    assert_eq!(writes(&server), [] as [&str; 0]);
}

/// Pain 22: S3 refuses replication until versioning is on.
#[tokio::test]
async fn versioning_is_switched_on_before_replication_and_replication_goes_before_it_is_suspended() {
    let server = server().await;
    let rig = rig(&server).await;
    let on = format!("{{versioning: {{status: Enabled}}, replication: {COPIES}}}");
    let swept = rig.sweep(&desired(&bucket("data", &on))).await;
    assert_eq!((swept.report.failed, swept.report.in_sync), (0, 1), "{:?}", swept.plans[0].last);
    assert_eq!(writes(&server), ["PutBucketVersioning", "PutBucketReplication"]);

    let off = bucket("data", "{versioning: {status: Suspended}, replication: absent}");
    let swept = rig.sweep(&desired(&off)).await;
    assert_eq!(held(&swept), ["data versioning impossible", "data replication needs-approval"]);
    let approve = |digest: &str| {
        let spec = format!("{{change: \"{digest}\", reason: tested, expires: 2026-12-01}}");
        crate::support::looped::document("Approval", &format!("a{digest}"), &spec)
    };
    let digest = swept.plans[0].last.held.iter().find_map(|it| it.digest.clone()).expect("a digest");
    let text = format!("{off}{}", approve(&digest));
    server.forget_requests();
    let swept = rig.sweep(&desired(&text)).await;
    // With the replication gone, versioning waits for its own approval.
    assert_eq!(held(&swept), ["data versioning needs-approval"]);
    let digest = swept.plans[0].last.held.iter().find_map(|it| it.digest.clone()).expect("a digest");
    let swept = rig.sweep(&desired(&format!("{text}{}", approve(&digest)))).await;
    assert_eq!((swept.report.failed, swept.report.in_sync), (0, 1), "{:?}", swept.plans[0].last);
    assert_eq!(writes(&server), ["DeleteBucketReplication", "PutBucketVersioning"]);
}

#[tokio::test]
async fn object_lock_is_switched_on_for_a_bucket_that_is_there_and_versioning_stays_from_then_on() {
    let server = server().await;
    let cloud = connect(&server).await;
    let at = target("access-logs");
    let (off, on) = (value("objectLock", &serde_json::json!({})), value("objectLock", &serde_json::json!(true)));
    assert_eq!(cloud.read(&at, "objectLock").await.expect("a value"), off);
    cloud.write(&at, "objectLock", &off, &on).await.expect("taken");
    assert_eq!(cloud.read(&at, "objectLock").await.expect("a value"), on);
    let refused = cloud.write(&at, "objectLock", &on, &off).await.expect_err("never");
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (S3ErrorKind::Forbidden, "object lock can never be switched off")
    );
    let text = bucket("access-logs", "{versioning: {status: Suspended}, objectLock: true}");
    let swept = rig(&server).await.sweep(&desired(&text)).await;
    assert_eq!(held(&swept), ["access-logs versioning impossible"]);
}
