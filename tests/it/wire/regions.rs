//! Buckets that live elsewhere, as AWS documents its answers, and lists as stores give them.

use driftless::cloud::{Cloud, Presence};
use serde_json::json;

use super::stub::{Reply, Stub};
use super::*;
use crate::support::looped::{Rig, bucket, desired, held};

const ON: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

fn region(name: &str) -> Region {
    Region::parse(name).expect("legal")
}

/// A bucket that lives in eu-west-1 and answers everywhere else with this.
fn lives_elsewhere(refusal: impl Fn() -> Reply + Send + 'static) -> Stub {
    Stub::start(move |asked| if asked.region == "eu-west-1" { Reply::ok(ON) } else { refusal() })
}

async fn cloud_and_counts(stub: &Stub) -> (AwsCloud, Arc<Counted>) {
    let counted = Arc::new(Counted::default());
    let observer: Arc<dyn Observer> = Arc::clone(&counted) as Arc<dyn Observer>;
    (connect_to(&stub.url, &observer).await, counted)
}

fn attempts(counted: &Counted) -> usize {
    counted.0.lock().expect("no panic").values().sum()
}

#[tokio::test]
async fn every_way_in_which_s3_says_that_a_bucket_lives_elsewhere_is_followed_once_and_remembered() {
    type Refusal = fn() -> Reply;
    let ways: [(&str, Refusal); 6] = [
        ("301 with the header", || Reply::error(301, "PermanentRedirect", "").in_region("eu-west-1")),
        ("301 with the endpoint only", || {
            Reply::error(301, "PermanentRedirect", "<Endpoint>data.s3.eu-west-1.amazonaws.com</Endpoint>")
        }),
        ("400 with the region", || Reply::error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")),
        ("400 of a location constraint", || {
            Reply::error(400, "IllegalLocationConstraintException", "").in_region("eu-west-1")
        }),
        ("403 with the header", || Reply::error(403, "AccessDenied", "").in_region("eu-west-1")),
        ("404 with the header", || Reply::error(404, "NoSuchBucket", "").in_region("eu-west-1")),
    ];
    for (way, refusal) in ways {
        let stub = lives_elsewhere(refusal);
        let (cloud, counted) = cloud_and_counts(&stub).await;
        let at = target("data");
        let doc = cloud.read(&at, "versioning").await.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!(doc, value("versioning", &json!({"status": "Enabled"})), "{way}");
        assert_eq!(stub.take(), ["GET us-east-1", "GET eu-west-1"], "{way}");
        assert_eq!(cloud.found_at(&at), Some(region("eu-west-1")), "{way}");
        cloud.read(&at, "versioning").await.expect("a value");
        assert_eq!(stub.take(), ["GET eu-west-1"], "{way}: it is remembered");
        assert_eq!(attempts(&counted), 3, "{way}: each attempt counts");
        assert_eq!(cloud.head(&at).await.expect("there"), Presence::Here(Some(region("eu-west-1"))), "{way}");
    }
}

#[tokio::test]
async fn a_redirect_that_does_not_say_where_is_looked_up_by_the_bucket_itself() {
    let stub = Stub::start(|asked| match (asked.method.as_str(), asked.region.as_str()) {
        ("HEAD", _) => Reply(301, Vec::new(), String::new()).in_region("eu-west-1"),
        (_, "eu-west-1") => Reply::ok(ON),
        _ => Reply::error(301, "PermanentRedirect", ""),
    });
    let (cloud, _) = cloud_and_counts(&stub).await;
    cloud.read(&target("data"), "versioning").await.expect("a value");
    assert_eq!(stub.take(), ["GET us-east-1", "HEAD us-east-1", "GET eu-west-1"]);
}

#[tokio::test]
async fn two_regions_that_name_each_other_end_with_a_failure() {
    let stub = Stub::start(|asked| {
        let other = if asked.region == "eu-west-1" { "us-east-1" } else { "eu-west-1" };
        Reply::error(301, "PermanentRedirect", "").in_region(other)
    });
    let (cloud, _) = cloud_and_counts(&stub).await;
    let at = target("data");
    let error = cloud.read(&at, "versioning").await.expect_err("nowhere");
    assert_eq!(
        error.to_string(),
        "GetBucketVersioning on `data` failed: the bucket lives in another region \
         (PermanentRedirect, status 301): Asked for"
    );
    assert_eq!(stub.take(), ["GET us-east-1", "GET eu-west-1"]);
    assert_eq!(cloud.found_at(&at), None);
}

#[tokio::test]
async fn a_redirected_write_is_made_once() {
    let stub = lives_elsewhere(|| Reply::error(301, "PermanentRedirect", "").in_region("eu-west-1"));
    let (cloud, counted) = cloud_and_counts(&stub).await;
    let (off, on) = (value("versioning", &json!({})), value("versioning", &json!({"status": "Enabled"})));
    cloud.write(&target("data"), "versioning", &off, &on).await.expect("taken");
    let asked = stub.all();
    let puts: Vec<(&str, &str)> = asked.iter().map(|it| (it.method.as_str(), it.region.as_str())).collect();
    assert_eq!(puts, [("PUT", "us-east-1"), ("PUT", "eu-west-1")], "the first was refused, the second taken");
    assert_eq!(asked[0].body, asked[1].body);
    assert_eq!(attempts(&counted), 2);
}

/// A write that failed otherwise may have been made, so it is not sent anywhere else.
#[tokio::test]
async fn a_write_that_may_have_been_made_is_not_followed() {
    let stub = Stub::start(|_| Reply::error(500, "InternalError", "").in_region("eu-west-1"));
    let (cloud, _) = cloud_and_counts(&stub).await;
    let (off, on) = (value("versioning", &json!({})), value("versioning", &json!({"status": "Enabled"})));
    let error = cloud.write(&target("data"), "versioning", &off, &on).await.expect_err("it failed");
    assert_eq!(error.kind, S3ErrorKind::Server);
    assert_eq!(stub.take(), ["PUT us-east-1"]);
}

fn list_of(buckets: &str, token: &str) -> Reply {
    Reply::ok(&format!("<ListAllMyBucketsResult><Buckets>{buckets}</Buckets>{token}</ListAllMyBucketsResult>"))
}

#[tokio::test]
async fn what_was_found_is_forgotten_when_the_list_says_otherwise() {
    let moved = |asked: &super::stub::Asked| match asked.target.split(['?', '&']).next() {
        Some("/") => list_of("<Bucket><Name>data</Name><BucketRegion>ap-south-1</BucketRegion></Bucket>", ""),
        _ if asked.region == "eu-west-1" => Reply::ok(ON),
        _ => Reply::error(301, "PermanentRedirect", "").in_region("eu-west-1"),
    };
    let stub = Stub::start(moved);
    let (cloud, _) = cloud_and_counts(&stub).await;
    let at = target("data");
    cloud.read(&at, "versioning").await.expect("a value");
    assert_eq!(cloud.found_at(&at), Some(region("eu-west-1")));
    cloud.list(&AccountName::default()).await.expect("a list");
    assert_eq!(cloud.found_at(&at), None);
}

#[tokio::test]
async fn a_store_that_ignores_paging_gives_each_bucket_once() {
    let buckets = "<Bucket><Name>data</Name></Bucket><Bucket><Name>logs</Name></Bucket>";
    let stub = Stub::start(move |asked| {
        // All of them on every page, the second of which is the last.
        let token =
            if asked.target.contains("continuation-token") { "" } else { "<ContinuationToken>t</ContinuationToken>" };
        list_of(buckets, token)
    });
    let (cloud, _) = cloud_and_counts(&stub).await;
    let listed = cloud.list(&AccountName::default()).await.expect("a list");
    assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["data", "logs"]);
    assert_eq!(stub.take().len(), 2);
}

#[tokio::test]
async fn a_store_that_gives_the_same_token_for_ever_ends_with_an_error() {
    for tokens in [&["same"][..], &["odd", "even"]] {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let stub = Stub::start(move |_| {
            let turn = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let token = tokens[turn % tokens.len()];
            list_of("<Bucket><Name>data</Name></Bucket>", &format!("<ContinuationToken>{token}</ContinuationToken>"))
        });
        let (cloud, _) = cloud_and_counts(&stub).await;
        let error = cloud.list(&AccountName::default()).await.expect_err("it has no end");
        assert_eq!(
            error.to_string(),
            "ListBuckets on `default` failed: unexpected answer (EndlessList, status 200): \
             the list has no end, as the store gives a token that it gave before; \
             what came of it is not used, so no bucket is taken for missing"
        );
        assert_eq!(stub.take().len(), tokens.len() + 1);
    }
}

/// The embedded server holds the bucket in eu-west-1; the spec says us-east-1, and the list of
/// buckets may not be read.
#[tokio::test]
async fn a_spec_that_names_another_region_is_a_finding_and_never_a_new_bucket() {
    let server = server().await;
    let eu = Prepared {
        name: "abroad".to_owned(),
        account: account(),
        region: Some(region("eu-west-1")),
        compliant: false,
        ..Prepared::default()
    };
    server.prepare(&eu);
    let desired = desired(&bucket("abroad", "{region: us-east-1, versioning: {status: Enabled}}"));
    for listed in [true, false] {
        server.reset();
        if !listed {
            let denied = driftless::sandbox::Answer::Error { status: 403, code: "AccessDenied".to_owned() };
            let list = driftless::sandbox::Operation::ListBuckets;
            server.inject(driftless::sandbox::Fault {
                operation: Some(list),
                bucket: None,
                times: None,
                answer: denied,
            });
        }
        let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
        rig.wrapped = Some(Arc::new(connect(&server).await));
        let swept = rig.sweep(&desired).await;
        assert_eq!(held(&swept), ["abroad existence impossible"], "listed: {listed}");
        assert_eq!(
            swept.plans[0].last.held[0].detail,
            "the bucket lives in `eu-west-1`, not in `us-east-1`; a bucket cannot move, so correct `region` in its spec"
        );
        assert_eq!(server.count(driftless::sandbox::Operation::CreateBucket), 0);
        // What can be repaired is, where the bucket is.
        assert!(server.body("abroad", "versioning").is_some_and(|body| body.contains("Enabled")));
    }
}

/// The list of a store need not say where a bucket is; the first read finds it out.
#[tokio::test]
async fn a_bucket_that_is_found_elsewhere_while_it_is_read_is_a_finding() {
    let stub = Stub::start(|asked| match asked.target.split(['?', '&']).next() {
        Some("/") => list_of("<Bucket><Name>data</Name></Bucket>", ""),
        _ if asked.region == "eu-west-1" => Reply::ok(ON),
        _ => Reply::error(301, "PermanentRedirect", "").in_region("eu-west-1"),
    });
    let (cloud, _) = cloud_and_counts(&stub).await;
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    let desired = desired(&bucket("data", "{versioning: {status: Enabled}}"));
    for sweep in ["first", "second"] {
        let swept = rig.sweep(&desired).await;
        assert_eq!(held(&swept), ["data existence impossible"], "{sweep}");
        assert_eq!(swept.plans[0].last.policies.len() + swept.plans[0].last.steps.len(), 0, "{sweep}");
    }
    assert_eq!(stub.take(), ["GET us-east-1", "GET us-east-1", "GET eu-west-1", "GET us-east-1", "GET eu-west-1"]);
}
