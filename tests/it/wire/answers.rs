//! What each answer of S3, and each answer that is none, means.

use std::time::Duration;

use driftless::cloud::Cloud;
use driftless::cloud::patient::{Patience, Patient};
use driftless::sandbox::{Answer, Fault, Operation};
use driftless::settings::SETTINGS;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::support::looped::{Rig, bucket, desired};

fn next(server: &Running, answer: Answer) {
    server.inject(Fault { operation: None, bucket: Some("data".to_owned()), times: Some(1), answer });
}

fn error(status: u16, code: &str) -> Answer {
    Answer::Error { status, code: code.to_owned() }
}

#[tokio::test]
async fn every_setting_takes_every_answer_for_what_it_is() {
    let server = server().await;
    let cloud = connect(&server).await;
    for setting in SETTINGS {
        for (answer, kind) in [
            (error(403, "AccessDenied"), S3ErrorKind::Denied),
            (error(404, "NoSuchBucket"), S3ErrorKind::NoSuchBucket),
            (error(409, "OperationAborted"), S3ErrorKind::Conflict),
            (error(500, "InternalError"), S3ErrorKind::Server),
            (error(405, "MethodNotAllowed"), S3ErrorKind::Unsupported),
            (error(501, "NotImplemented"), S3ErrorKind::Unsupported),
            (error(503, "SlowDown"), S3ErrorKind::Throttled),
            (error(403, "SignatureDoesNotMatch"), S3ErrorKind::Credentials),
            (Answer::Html { status: 502 }, S3ErrorKind::Server),
            (Answer::Garbage, S3ErrorKind::Transport),
            (Answer::HalfBody, S3ErrorKind::Transport),
            (Answer::WrongRoot, S3ErrorKind::Unsupported),
            (Answer::Redirect { region: "eu-west-1".to_owned() }, S3ErrorKind::WrongRegion),
        ] {
            // Half of nothing is nothing: these answer a fresh bucket with an error and no body of their own.
            let said = format!("{}: {answer:?}", setting.name());
            next(&server, answer);
            let failed = cloud.read(&target("data"), setting.name()).await;
            let failed = failed.err().unwrap_or_else(|| panic!("{said} was taken for a value"));
            assert_eq!(failed.kind, kind, "{said}: {failed}");
            if kind == S3ErrorKind::Denied {
                let hint = format!("the role needs `{}`; `driftless iam` prints all that it needs", setting.reads()[0]);
                assert_eq!(failed.hint(), Some(hint));
            }
            assert!(cloud.read(&target("data"), setting.name()).await.is_ok(), "{said}: and the next one is good");
        }
    }
}

#[tokio::test]
async fn a_conflict_is_waited_out_and_a_hang_ends_at_its_deadline() {
    let server = server().await;
    let patience = Patience {
        // Long enough for three answers on a machine that does ten things besides.
        attempt: Duration::from_secs(1),
        deadline: Duration::from_secs(3),
        first: Duration::from_millis(1),
        longest: Duration::from_millis(5),
        ..Patience::default()
    };
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let cloud = connect(&server).await;
    let cloud = Patient::new(cloud, patience, [], observer, CancellationToken::new());
    let (off, on) = (value("versioning", &json!({})), value("versioning", &json!({"status": "Enabled"})));
    for _ in 0..2 {
        server.inject(Fault::once(Operation::PutBucketVersioning, "data", error(409, "OperationAborted")));
    }
    cloud.write(&target("data"), "versioning", &off, &on).await.expect("the third is taken");
    assert_eq!(server.count(Operation::PutBucketVersioning), 3);

    server.inject(Fault::always(Operation::GetBucketVersioning, "data", Answer::Hang));
    let failed = cloud.read(&target("data"), "versioning").await.expect_err("nothing comes");
    let said = failed.to_string();
    assert!(said.starts_with("versioning on `data` failed: no usable answer: nothing came within "), "{said}");
}

#[tokio::test]
async fn a_redirect_to_another_region_is_followed() {
    let server = server().await;
    let cloud = connect(&server).await;
    let moved = Answer::Redirect { region: "eu-west-1".to_owned() };
    server.inject(Fault::once(Operation::GetBucketVersioning, "data", moved));
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    let swept = rig.sweep(&desired(&bucket("data", "{versioning: {status: Enabled}}"))).await;
    assert_eq!((swept.report.in_sync, swept.report.repaired), (1, 1), "{:?}", swept.plans[0].last);
}

#[tokio::test]
async fn a_name_of_another_account_is_told_and_touched_by_nobody() {
    let server = server().await;
    let theirs = AccountId::parse("222222222222").expect("an account");
    server.prepare(&Prepared { name: "theirs".to_owned(), account: theirs, compliant: false, ..Prepared::default() });
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let swept = rig.sweep(&desired(&bucket("theirs", "{versioning: {status: Enabled}}"))).await;
    assert_eq!(crate::support::looped::held(&swept), ["theirs existence impossible"]);
    let asked: Vec<&str> = server.requests().into_keys().collect();
    assert_eq!(asked, ["HeadBucket", "ListBuckets"]);
}
