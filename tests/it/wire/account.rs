//! An account's own settings over HTTP, and where S3 Control is asked at all.

use driftless::bucket::BucketId;
use driftless::cloud::Cloud;
use driftless::sandbox::{Answer, Fault, Operation};
use serde_json::json;

use super::*;
use crate::support::looped::{Rig, desired, document, held};

const BLOCK: &str = "publicAccessBlock";

fn of_account() -> Target {
    Target { id: BucketId::of_account(AccountName::default()), region: Region::us_east_1() }
}

fn block(said: Value) -> Doc {
    value(BLOCK, &said)
}

fn rig(cloud: AwsCloud) -> Rig {
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    rig
}

fn asks_for(spec: &str) -> Arc<driftless::desired::Desired> {
    desired(&document("Account", "default", spec))
}

#[tokio::test]
async fn the_block_of_an_account_is_read_and_written_and_only_named_switches_change() {
    let server = server().await;
    let cloud = connect(&server).await;
    let at = of_account();
    let nothing = cloud.read(&at, BLOCK).await.expect("an account without a block");
    assert_eq!(nothing, settings::named(BLOCK).default_doc());
    cloud.write(&at, BLOCK, &nothing, &block(json!("all"))).await.expect("taken");
    assert_eq!(server.account_block(&account()), Some([true; 4]));
    assert_eq!(cloud.read(&at, BLOCK).await.expect("a block"), block(json!("all")));
    assert_eq!(cloud.foreign_fields(&at, BLOCK), [] as [String; 0]);

    server.put_account_block(&account(), Some([false, true, false, false]));
    let swept = rig(cloud).sweep(&asks_for("{publicAccessBlock: {blockPublicPolicy: true}}")).await;
    assert_eq!((swept.report.repaired, swept.report.in_sync), (1, 1), "{:?}", swept.plans[0].last);
    assert_eq!(server.account_block(&account()), Some([false, true, true, false]));
}

#[tokio::test]
async fn a_sweep_of_an_account_alone_lists_no_bucket_and_costs_one_request() {
    let server = server().await;
    server.put_account_block(&account(), Some([true; 4]));
    let swept = rig(connect(&server).await).sweep(&asks_for("{publicAccessBlock: all}")).await;
    assert_eq!((swept.report.buckets, swept.report.in_sync), (1, 1));
    assert_eq!(server.requests(), BTreeMap::from([("GetAccountPublicAccessBlock", 1)]));
}

#[tokio::test]
async fn opening_an_account_waits_for_an_approval_and_nothing_is_written() {
    let server = server().await;
    server.put_account_block(&account(), Some([true; 4]));
    let rig = rig(connect(&server).await);
    let swept = rig.sweep(&asks_for("{publicAccessBlock: {ignorePublicAcls: false}}")).await;
    assert_eq!(held(&swept), ["@account publicAccessBlock needs-approval"]);
    assert_eq!(server.account_block(&account()), Some([true; 4]));

    let digest = swept.plans[0].last.held[0].digest.clone().expect("a digest");
    let text = document("Account", "default", "{publicAccessBlock: {ignorePublicAcls: false}}")
        + &document("Approval", "open", &format!("{{change: \"{digest}\", reason: a test, expires: 2026-12-01}}"));
    let swept = rig.sweep(&desired(&text)).await;
    assert_eq!(swept.report.repaired, 1);
    assert_eq!(server.account_block(&account()), Some([true, false, true, true]));
}

/// AWS Organizations can set the block of an account; S3 then refuses writes with no more than 403.
#[tokio::test]
async fn a_block_that_the_organization_sets_is_said_plainly() {
    let server = server().await;
    let refused = Answer::Error { status: 403, code: "AccessDenied".to_owned() };
    server.inject(Fault {
        operation: Some(Operation::PutAccountPublicAccessBlock),
        bucket: None,
        times: Some(1),
        answer: refused,
    });
    let cloud = connect(&server).await;
    let nothing = settings::named(BLOCK).default_doc();
    let error = cloud.write(&of_account(), BLOCK, &nothing, &block(json!("all"))).await.expect_err("refused");
    assert_eq!(error.kind, S3ErrorKind::Denied);
    assert_eq!(
        error.hint().expect("a hint"),
        "the role needs `s3:PutAccountPublicAccessBlock`; `driftless iam` prints all that it needs; where the role has \
         it, a policy of the organization sets the account's block, and the account's own cannot be changed"
    );
}

#[tokio::test]
async fn a_denied_read_is_unknown_and_names_the_action() {
    let server = server().await;
    let refused = Answer::Error { status: 403, code: "AccessDenied".to_owned() };
    server.inject(Fault {
        operation: Some(Operation::GetAccountPublicAccessBlock),
        bucket: None,
        times: None,
        answer: refused,
    });
    let swept = rig(connect(&server).await).sweep(&asks_for("{publicAccessBlock: all}")).await;
    assert_eq!((swept.report.unknown, swept.report.in_sync, swept.report.repaired), (1, 0, 0));
    let error = server.requests();
    assert_eq!(error, BTreeMap::from([("GetAccountPublicAccessBlock", 1)]), "nothing was written");
    let failed: Vec<_> = driftless::plan::failed_reads(&swept.plans[0].observed).collect();
    assert_eq!(failed[0].1.action.as_deref(), Some("s3:GetAccountPublicAccessBlock"));
}

/// On a store with an address of its own, the first part of a path is a bucket.
#[tokio::test]
async fn a_store_whose_s3_control_nobody_names_is_never_asked_and_lacks_the_setting() {
    let server = server().await;
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let alone = AccountOptions { control_endpoint: None, ..options(&server.url()) };
    let swept = rig(connect_with(alone, &observer).await).sweep(&asks_for("{publicAccessBlock: all}")).await;
    assert_eq!(server.requests(), BTreeMap::new());
    let verdicts: Vec<_> = swept.plans[0].last.settings.iter().map(|it| (it.setting, it.verdict.word())).collect();
    assert_eq!(verdicts, [(BLOCK, "unsupported")]);
    assert_eq!(swept.report.repaired + swept.report.failed, 0);
}

/// As Ceph answers: 404 NoSuchBucket, in the form of S3 and not of S3 Control.
#[tokio::test]
async fn a_store_that_takes_the_path_for_a_bucket_lacks_the_setting_and_is_written_nothing() {
    let body = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><BucketName>v20180820</BucketName></Error>";
    let (url, asked) = super::golden::stub_of("404 Not Found", body.to_owned());
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let swept = rig(connect_to(&url, &observer).await).sweep(&asks_for("{publicAccessBlock: all}")).await;
    let verdicts: Vec<_> = swept.plans[0].last.settings.iter().map(|it| (it.setting, it.verdict.word())).collect();
    assert_eq!(verdicts, [(BLOCK, "unsupported")]);
    let asked = asked.lock().expect("no panic").clone();
    assert_eq!(asked, ["GET /v20180820/configuration/publicAccessBlock HTTP/1.1"]);
}

#[tokio::test]
async fn every_answer_about_an_account_is_taken_for_what_it_is() {
    let server = server().await;
    let cloud = connect(&server).await;
    let error = |status, code: &str| Answer::Error { status, code: code.to_owned() };
    for (answer, kind) in [
        (error(403, "AccessDenied"), S3ErrorKind::Denied),
        (error(404, "NoSuchBucket"), S3ErrorKind::Unsupported),
        (error(404, "NoSuchKey"), S3ErrorKind::Unsupported),
        (error(405, "MethodNotAllowed"), S3ErrorKind::Unsupported),
        (error(500, "InternalError"), S3ErrorKind::Server),
        (error(503, "SlowDown"), S3ErrorKind::Throttled),
        (error(403, "SignatureDoesNotMatch"), S3ErrorKind::Credentials),
        (Answer::Html { status: 502 }, S3ErrorKind::Server),
        (Answer::Garbage, S3ErrorKind::Transport),
        (Answer::HalfBody, S3ErrorKind::Transport),
        (Answer::WrongRoot, S3ErrorKind::Unsupported),
    ] {
        let said = format!("{answer:?}");
        server.put_account_block(&account(), Some([true; 4]));
        server.inject(Fault { operation: None, bucket: None, times: Some(1), answer });
        let failed = cloud.read(&of_account(), BLOCK).await;
        let failed = failed.err().unwrap_or_else(|| panic!("{said} was taken for a value"));
        assert_eq!(failed.kind, kind, "{said}: {failed}");
        assert!(cloud.read(&of_account(), BLOCK).await.is_ok(), "{said}: and the next one is good");
    }
}

#[tokio::test]
async fn without_its_number_an_account_is_not_asked() {
    let server = server().await;
    let observer: Arc<dyn Observer> = Arc::new(Counted::default());
    let nameless = AccountOptions { id: None, ..options(&server.url()) };
    let cloud = connect_with(nameless, &observer).await;
    let error = cloud.read(&of_account(), BLOCK).await.expect_err("no number");
    assert_eq!(
        error.to_string(),
        "publicAccessBlock on `@account` failed: unexpected answer: the account's number is not known; write its `id` \
         into the configuration"
    );
    assert_eq!(server.requests(), BTreeMap::new());
}

#[tokio::test]
async fn the_client_of_s3_control_sends_five_requests_and_no_other() {
    let server = server().await;
    let cloud = connect(&server).await;
    let client = cloud.control_client(&target("data"));
    let id = account().to_string();
    macro_rules! refused {
        ($($request:expr;)*) => {
            $({
                let error = format!("{:?}", $request.send().await.expect_err("stopped"));
                assert!(error.contains("nothing allows this request to S3 Control"), "{}: {error}", stringify!($request));
            })*
        };
    }
    refused! {
        client.delete_public_access_block().account_id(&id);
        client.delete_bucket().account_id(&id).bucket("data");
        client.delete_access_point().account_id(&id).name("data");
        client.delete_bucket_tagging().account_id(&id).bucket("data");
        client.delete_storage_lens_configuration().account_id(&id).config_id("data");
        client.list_access_points().account_id(&id);
        client.untag_resource().account_id(&id).resource_arn("arn:aws:s3:::data").tag_keys("Name");
        client.get_public_access_block().account_id("222222222222");
    }
    assert_eq!(server.requests(), BTreeMap::new(), "nothing reached the wire");
    client.list_tags_for_resource().account_id(&id).resource_arn("arn:aws:s3:::data").send().await.expect("allowed");
}
