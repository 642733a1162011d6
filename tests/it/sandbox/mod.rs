//! The embedded S3 server, driven over HTTP by the official client and by hand.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use driftless::bucket::AccountId;
use driftless::sandbox::{Options, Prepared, Running, Sandbox};

mod access;
mod buckets;
mod directory;
mod documents;
mod faults;
mod keyed;
mod replication;
mod routing;
mod s3control;
mod settings;

/// The account of the access key `alice`.
const ALICE: &str = "111111111111";
/// The account of the access key `bob`.
const BOB: &str = "222222222222";

/// A server on which `alice` owns the new bucket `data` in us-east-1.
async fn server() -> Running {
    let accounts = [("alice", ALICE), ("bob", BOB)];
    let account = |id: &str| AccountId::parse(id).expect("an account");
    let data = Prepared { name: "data".to_owned(), account: account(ALICE), compliant: false, ..Prepared::default() };
    let options = Options {
        accounts: accounts.into_iter().map(|(key, id)| (key.to_owned(), account(id))).collect(),
        buckets: vec![data],
        ..Options::default()
    };
    Sandbox::start(options).await.expect("a free port on the loopback interface")
}

fn client_of(server: &Running, key: &str, region: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new(key, "secret", None, None, "test"))
        .region(Region::new(region.to_owned()))
        .endpoint_url(server.url())
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(20)).build())
        .build();
    Client::from_conf(config)
}

fn alice(server: &Running) -> Client {
    client_of(server, "alice", "us-east-1")
}

/// Status and code of a refusal.
#[track_caller]
fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(result: Result<T, SdkError<E, HttpResponse>>) -> (u16, String) {
    let error = result.expect_err("a refusal");
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.meta().code().unwrap_or_default().to_owned())
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// An answer, read by hand.
#[derive(Debug)]
struct Raw {
    status: u16,
    head: String,
    body: String,
}

impl Raw {
    /// Status and code of a refusal.
    fn refusal(&self) -> (u16, String) {
        let code = self.body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        (self.status, code.map(|(code, _)| code.to_owned()).unwrap_or_default())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// Sends a request byte for byte as `alice`, and reads until the connection ends.
async fn raw(server: &Running, line: &str, headers: &str, body: &str) -> Raw {
    let (address, text) = (
        server.address(),
        format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=alice/20261122/us-east-1/s3/aws4_request, Signature=0\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    exchange(address, text).await
}

async fn exchange(address: SocketAddr, text: String) -> Raw {
    let read = move || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(text.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = tokio::task::spawn_blocking(read).await.expect("no panic").expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

/// A PUT of a sub-resource of the bucket `data`.
async fn put(server: &Running, word: &str, body: &str) -> (u16, String) {
    raw(server, &format!("PUT /data?{word}"), "", body).await.refusal()
}

/// What a GET of a sub-resource of the bucket `data` answers, without declaration and namespace.
async fn get(server: &Running, word: &str) -> String {
    let answer = raw(server, &format!("GET /data?{word}"), "", "").await;
    if answer.status != 200 {
        return format!("{:?}", answer.refusal());
    }
    let body = answer.body.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "");
    body.replace(" xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"", "")
}
