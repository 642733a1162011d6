//! What is said when a bucket is made, and what becomes of it where a store does not listen.

use driftless::bucket::Namespace;
use driftless::cloud::{Cloud, Creation, Presence};
use driftless::sandbox::{Fault, Operation};

use super::stub::{Reply, Stub};
use super::*;
use crate::support::looped::{Rig, bucket, desired};

fn tagged() -> Creation {
    Creation { tags: BTreeMap::from([("team".to_owned(), "ml".to_owned())]), ..Creation::default() }
}

fn bare() -> Arc<dyn Observer> {
    Arc::new(Counted::default())
}

#[tokio::test]
async fn the_tags_of_the_spec_are_given_in_the_request_that_makes_the_bucket() {
    let server = server().await;
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let swept = rig.sweep(&desired(&bucket("made", "{tags: {team: ml}, objectOwnership: BucketOwnerPreferred}"))).await;
    assert_eq!((swept.report.in_sync, swept.report.failed), (1, 0), "{:?}", swept.plans[0].last);
    assert_eq!(server.count(Operation::PutBucketTagging), 0, "they were there at once");
    assert_eq!(server.count(Operation::PutBucketOwnershipControls), 0);
    assert_eq!(server.count(Operation::GetBucketTagging), 1, "and that was proved by reading");
}

/// An organisation's policy denies what is made without tags.
#[tokio::test]
async fn a_creation_that_is_denied_without_tags_and_with_them_tells_of_the_one_with_them() {
    let stub = Stub::start(|asked| {
        let said = if asked.body.contains("<Tags>") { "with" } else { "without" };
        Reply(403, Vec::new(), format!("<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>"))
    });
    let cloud = connect_to(&stub.url, &bare()).await;
    let error = cloud.create(&target("made"), &tagged()).await.expect_err("denied");
    assert_eq!((error.kind, error.message.as_str()), (S3ErrorKind::Denied, "with"));
    assert_eq!(stub.take().len(), 2);
}

#[tokio::test]
async fn a_store_that_refuses_tags_at_creation_makes_the_bucket_without_and_is_not_asked_again() {
    for (status, code) in [(400, "MalformedXML"), (400, "UnsupportedArgument"), (501, "NotImplemented")] {
        let stub = Stub::start(move |asked| match asked.body.contains("<Tags>") {
            true => Reply::error(status, code, ""),
            false => Reply::ok(""),
        });
        let cloud = connect_to(&stub.url, &bare()).await;
        cloud.create(&target("first"), &tagged()).await.unwrap_or_else(|error| panic!("{code}: {error}"));
        assert_eq!(stub.take().len(), 2, "{code}");
        cloud.create(&target("second"), &tagged()).await.expect("made");
        assert_eq!(stub.take().len(), 1, "{code}: it is known now");
    }
    // A role that may make buckets and not tag them can learn to.
    let stub = Stub::start(|asked| match asked.body.contains("<Tags>") {
        true => Reply::error(403, "AccessDenied", ""),
        false => Reply::ok(""),
    });
    let cloud = connect_to(&stub.url, &bare()).await;
    for name in ["first", "second"] {
        cloud.create(&target(name), &tagged()).await.expect("made without");
        assert_eq!(stub.take().len(), 2);
    }
}

#[tokio::test]
async fn a_creation_that_may_have_been_made_or_lies_elsewhere_is_not_repeated() {
    for (status, code) in [(500, "InternalError"), (503, "SlowDown"), (409, "BucketAlreadyOwnedByYou")] {
        let stub = Stub::start(move |_| Reply::error(status, code, ""));
        let cloud = connect_to(&stub.url, &bare()).await;
        cloud.create(&target("made"), &tagged()).await.expect_err(code);
        assert_eq!(stub.take().len(), 1, "{code}");
    }
    // It would be made in another region than the spec says.
    let stub = Stub::start(|_| Reply::error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"));
    let cloud = connect_to(&stub.url, &bare()).await;
    let error = cloud.create(&target("made"), &Creation::default()).await.expect_err("elsewhere");
    assert_eq!((error.kind, stub.take()), (S3ErrorKind::WrongRegion, vec!["PUT us-east-1".to_owned()]));
}

/// Ceph's gateway takes the ownership and the tags of a creation and keeps neither.
#[tokio::test]
async fn what_a_store_forgot_at_creation_is_found_by_reading_and_written() {
    let cloud = driftless::cloud::memory::MemoryCloud::default();
    cloud.forget_creations();
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired(&bucket("made", "{tags: {team: ml}, objectOwnership: BucketOwnerEnforced}"))).await;
    assert_eq!((swept.report.in_sync, swept.report.repaired), (1, 3), "{:?}", swept.plans[0].last);
    let again = rig.sweep(&desired(&bucket("made", "{tags: {team: ml}, objectOwnership: BucketOwnerEnforced}"))).await;
    assert_eq!(again.report.repaired, 0);
}

#[tokio::test]
async fn a_bucket_of_the_accounts_own_namespace_is_made_with_the_header_that_its_name_needs() {
    let server = server().await;
    let cloud = connect(&server).await;
    let own = |name: &str, namespace| {
        let (name, creation) = (name.to_owned(), Creation { namespace, ..Creation::default() });
        let cloud = &cloud;
        async move { cloud.create(&target(&name), &creation).await }
    };
    let name = format!("ai-data-{ALICE}-us-east-1-an");
    let error = own(&name, None).await.expect_err("no header");
    assert_eq!(error.code, "MissingNamespaceHeader");
    let said = "the name is one of an account's own namespace; write `namespace: account-regional`";
    assert_eq!(error.hint().as_deref(), Some(said));
    let error = own("plain", Some(Namespace::AccountRegional)).await.expect_err("no suffix");
    assert_eq!(error.code, "InvalidNamespaceHeader");
    let said =
        "names in the account's own namespace end in `-ACCOUNT-REGION-an`, with this account and the bucket's region";
    assert_eq!(error.hint().as_deref(), Some(said));
    assert_eq!(server.bucket_names().len(), 3, "nothing was made");
    own(&name, Some(Namespace::AccountRegional)).await.expect("made");
    let error = own(&name, Some(Namespace::AccountRegional)).await.expect_err("it is ours already");
    assert_eq!(error.code, "BucketAlreadyOwnedByYou");

    // The name alone says it in a spec.
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let name = format!("ai-logs-{ALICE}-eu-west-1-an");
    let swept = rig.sweep(&desired(&bucket(&name, "{versioning: {status: Enabled}}"))).await;
    assert_eq!((swept.report.in_sync, swept.report.failed), (1, 0), "{:?}", swept.plans[0].last);
    let there = Target { id: id(&name), region: Region::parse("eu-west-1").expect("legal") };
    assert_eq!(cloud.head(&there).await.expect("there"), Presence::Here(Some(there.region.clone())));
}

const SCRATCH: &str = "ai-scratch--use1-az4--x-s3";

#[tokio::test]
async fn a_directory_bucket_is_made_configured_and_watched() {
    let server = server().await;
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let spec =
        "{encryption: {algorithm: AES256}, lifecycle: {rules: [{id: old, status: Enabled, expiration: {days: 9}}]}}";
    let desired = desired(&bucket(SCRATCH, spec));
    let swept = rig.sweep(&desired).await;
    assert_eq!(
        (swept.report.in_sync, swept.report.failed),
        (1, 0),
        "{:?} {:?}",
        swept.plans[0].last,
        swept.plans[0].repairs
    );
    assert!(server.body(SCRATCH, "lifecycle").is_some_and(|body| body.contains("<Days>9</Days>")));
    let asked: Vec<&str> = server.requests().into_keys().collect();
    assert_eq!(
        asked,
        [
            "CreateBucket",
            "GetBucketEncryption",
            "GetBucketLifecycleConfiguration",
            "ListBuckets",
            "ListDirectoryBuckets",
            "PutBucketLifecycleConfiguration"
        ],
        "nothing that would open a session with its objects"
    );
    server.forget_requests();
    let again = rig.sweep(&desired).await;
    assert_eq!((again.report.in_sync, again.report.repaired), (1, 0));
    assert_eq!(server.count(Operation::CreateBucket), 0);
}

#[tokio::test]
async fn directory_buckets_are_listed_apart_and_only_where_a_spec_names_one() {
    let server = server().await;
    let cloud = connect(&server).await;
    let at = target(SCRATCH);
    assert_eq!(cloud.head(&at).await.expect("a list"), Presence::Missing);
    cloud.create(&at, &tagged()).await.expect("made");
    assert_eq!(cloud.head(&at).await.expect("a list"), Presence::Here(Some(Region::us_east_1())));
    let error = cloud.create(&at, &Creation::default()).await.expect_err("it is there");
    assert_eq!(error.code, "BucketAlreadyOwnedByYou");
    let listed = cloud.list(&AccountName::default()).await.expect("a list");
    assert!(!listed.iter().any(|it| it.name.as_str() == SCRATCH), "{listed:?}");
    let elsewhere = Region::parse("us-west-2").expect("legal");
    assert_eq!(cloud.list_directories(&AccountName::default(), &elsewhere).await.expect("a list"), []);

    server.forget_requests();
    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(connect(&server).await));
    let _ = rig.sweep(&desired(&bucket("data", "{versioning: {status: Enabled}}"))).await;
    assert_eq!(server.count(Operation::ListDirectoryBuckets), 0);
}

#[tokio::test]
async fn a_denied_read_of_a_directory_bucket_names_the_action_that_it_needs() {
    let server = server().await;
    let cloud = connect(&server).await;
    cloud.create(&target(SCRATCH), &Creation::default()).await.expect("made");
    let denied = driftless::sandbox::Answer::Error { status: 403, code: "AccessDenied".to_owned() };
    server.inject(Fault::once(Operation::GetBucketEncryption, SCRATCH, denied));
    let error = cloud.read(&target(SCRATCH), "encryption").await.expect_err("denied");
    assert_eq!(error.action.as_deref(), Some("s3express:GetEncryptionConfiguration"));
}

/// On an own endpoint the SDK would put such a name into the host name, which need not exist.
#[tokio::test]
async fn on_an_own_endpoint_a_name_of_a_directory_bucket_stands_in_the_path() {
    let stub = Stub::start(|asked| match asked.method.as_str() {
        // A store that knows no directory buckets lists all buckets instead.
        "GET" if asked.target.starts_with("/?") => {
            Reply::ok("<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>")
        }
        _ => Reply::error(404, "NoSuchBucket", ""),
    });
    let url = stub.url.replace("127.0.0.1", "localhost");
    let cloud = connect_to(&url, &bare()).await;
    let error = cloud.read(&target(SCRATCH), "encryption").await.expect_err("not there");
    assert_eq!(error.kind, S3ErrorKind::NoSuchBucket, "{error}");
    assert_eq!(stub.all()[0].target, format!("/{SCRATCH}/?encryption"));
    let error = cloud.head(&target(SCRATCH)).await.expect_err("no such list");
    assert_eq!(
        error.to_string(),
        "ListDirectoryBuckets on `default` failed: not supported by this store (status 200): \
         the store lists something else than directory buckets"
    );

    let mut rig = Rig::over(&driftless::cloud::memory::MemoryCloud::default());
    rig.wrapped = Some(Arc::new(cloud));
    stub.all();
    let swept = rig.sweep(&desired(&bucket(SCRATCH, "{encryption: {algorithm: AES256}}"))).await;
    assert_eq!(swept.report.unknown, 1);
    assert!(stub.all().iter().all(|asked| asked.method == "GET"), "nothing is made where nobody knows what it is");
}
