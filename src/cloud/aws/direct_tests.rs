//! What reads that go directly claim.

use std::sync::atomic::AtomicUsize;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::super::wired::{Asked, Network, cloud, signed_by, target};
use crate::clock::Clock;
use crate::cloud::{Cloud, S3ErrorKind};
use crate::settings::SETTINGS;

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
const OWN: &str = "http://127.0.0.1:9000";

fn refused() -> Network {
    Network::that_answers(403, DENIED)
}

/// What a store goes by: not the time, and not how often the SDK has tried.
fn sense(mut asked: Asked) -> Asked {
    for name in ["amz-sdk-invocation-id", "amz-sdk-request", "x-amz-date"] {
        asked.headers.remove(name);
    }
    let scope = asked.headers.remove("authorization").expect("it is signed");
    let scope = scope.split(", ").next().expect("the credential comes first").to_owned();
    // The day may end between two requests.
    let scope = scope.split('/').enumerate().filter(|(at, _)| *at != 1).map(|(_, part)| part);
    asked.headers.insert("scope".to_owned(), scope.collect::<Vec<_>>().join("/"));
    asked
}

/// A read that is asked for otherwise than the SDK asks would be another read.
#[tokio::test]
async fn what_is_asked_directly_is_what_the_sdk_asks() {
    for endpoint in [None, Some(OWN), Some("https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com")] {
        let network = refused();
        let warm = cloud(endpoint, &network);
        let _ = warm.list(&target("data").id.account).await;
        assert!(network.asked().iter().all(Asked::whole));
        for setting in SETTINGS {
            for name in ["data", "data.of.models"] {
                let said = format!("{} of {name} at {endpoint:?}", setting.name());
                let failed = warm.read(&target(name), setting.name()).await.expect_err(&said);
                let direct = network.asked();
                let cold = cloud(endpoint, &network);
                let whole = cold.read(&target(name), setting.name()).await.expect_err(&said);
                assert_eq!(failed, whole, "{said}");
                let asked = network.asked();
                // The keyed sets are few, and lists.
                let keyed = ["analytics", "inventory", "metrics", "intelligentTiering"].contains(&setting.name());
                assert!(direct.iter().all(|it| it.whole() == keyed), "{said}: {direct:?}");
                assert!(asked[0].whole(), "{said}");
                let sense = |asked: Vec<Asked>| asked.into_iter().map(sense).collect::<Vec<_>>();
                let (direct, mut whole) = (sense(direct), sense(asked));
                for asked in &mut whole {
                    // The SDK counts there what the request uses of it.
                    let agent = direct[0].headers["user-agent"].clone();
                    asked.headers.insert("user-agent".to_owned(), agent);
                    let agent = direct[0].headers["x-amz-user-agent"].clone();
                    asked.headers.insert("x-amz-user-agent".to_owned(), agent);
                }
                assert_eq!(direct, whole, "{said}");
            }
        }
    }
}

#[tokio::test]
async fn every_header_that_matters_is_signed() {
    let network = refused();
    let cloud = cloud(None, &network);
    for _ in 0..2 {
        cloud.read(&target("data"), "versioning").await.expect_err("denied");
    }
    let signed = network.asked()[1].headers["authorization"].clone();
    let signed = signed.split("SignedHeaders=").nth(1).and_then(|it| it.split(',').next()).expect("they are named");
    let signed: Vec<&str> = signed.split(';').collect();
    for name in ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-expected-bucket-owner", "x-amz-security-token"] {
        assert!(signed.contains(&name), "{name}: {signed:?}");
    }
}

#[tokio::test]
async fn directory_buckets_go_the_whole_way() {
    let network = refused();
    let cloud = cloud(None, &network);
    for _ in 0..3 {
        cloud.read(&target("data--use1-az4--x-s3"), "encryption").await.expect_err("denied");
    }
    assert!(network.asked().iter().all(Asked::whole));
}

/// The SDK makes up for a clock that goes wrong, and for that it has to see the answers.
#[tokio::test]
async fn an_answer_that_blames_the_clock_is_asked_for_again_the_whole_way_and_so_are_those_after_it() {
    let network = refused();
    let cloud = cloud(None, &network);
    for _ in 0..2 {
        cloud.read(&target("data"), "versioning").await.expect_err("denied");
    }
    assert_eq!(network.asked().iter().map(Asked::whole).collect::<Vec<_>>(), [true, false]);
    network.now_answers(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
    let error = cloud.read(&target("data"), "versioning").await.expect_err("the clock");
    assert_eq!(error.kind, S3ErrorKind::Credentials);
    assert_eq!(network.asked().iter().map(Asked::whole).collect::<Vec<_>>(), [false, true]);
    network.now_answers(403, DENIED);
    for setting in ["versioning", "tags"] {
        cloud.read(&target("data"), setting).await.expect_err("denied");
    }
    assert!(network.asked().iter().all(Asked::whole));
}

/// Keys that are good for an hour, or were so until a while ago.
#[derive(Debug)]
struct Keys {
    given: AtomicUsize,
    lasting: bool,
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let n = self.given.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let hour = Duration::from_secs(3600);
        let now = SystemTime::from(crate::clock::SystemClock.now());
        let until = if self.lasting { now + hour } else { now };
        future::ProvideCredentials::ready(Ok(Credentials::new(format!("KEY{n}"), "s", None, Some(until), "test")))
    }
}

async fn keys_of_three_reads(lasting: bool) -> Vec<String> {
    let network = refused();
    let keys = SharedCredentialsProvider::new(Keys { given: AtomicUsize::new(0), lasting });
    let cloud = signed_by(keys, Some(OWN), &network);
    for _ in 0..3 {
        cloud.read(&target("data"), "versioning").await.expect_err("denied");
    }
    let key = |it: &Asked| it.headers["authorization"].split(['=', '/']).nth(1).expect("a key").to_owned();
    network.asked().iter().map(key).collect()
}

#[tokio::test]
async fn credentials_are_asked_for_once_and_anew_when_their_time_is_over() {
    assert_eq!(keys_of_three_reads(true).await, ["KEY0"; 3]);
    assert_eq!(keys_of_three_reads(false).await, ["KEY0", "KEY1", "KEY2"]);
}

/// Keys that cannot be had, or not for the moment.
#[derive(Debug)]
struct NoKeys {
    asked: AtomicUsize,
    lacking: bool,
}

impl ProvideCredentials for NoKeys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        let until = SystemTime::from(crate::clock::SystemClock.now());
        future::ProvideCredentials::ready(match (first, self.lacking) {
            (true, _) => Ok(Credentials::new("KEY", "s", None, Some(until), "test")),
            (_, true) => Err(CredentialsError::not_loaded("there are none")),
            (_, false) => Err(CredentialsError::provider_timed_out(Duration::from_secs(5))),
        })
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_are_told_as_the_sdk_tells_them() {
    for lacking in [true, false] {
        let network = refused();
        let provider = || SharedCredentialsProvider::new(NoKeys { asked: AtomicUsize::new(0), lacking });
        let cloud = signed_by(provider(), Some(OWN), &network);
        cloud.read(&target("data"), "versioning").await.expect_err("denied");
        let direct = cloud.read(&target("data"), "versioning").await.expect_err("no keys");
        // HeadBucket goes the whole way.
        let whole = cloud.head(&target("data")).await.expect_err("no keys");
        assert_eq!((direct.kind, direct.status), (whole.kind, whole.status), "{direct} {whole}");
        assert_eq!(direct.kind, S3ErrorKind::Credentials);
        assert_eq!(network.asked().len(), 1);
    }
}
