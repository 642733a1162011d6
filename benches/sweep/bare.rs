//! A bare HTTP/1.1 client: the same reads, signed and parsed, over connections that stay open.
//! What is left when nobody generalises.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use quick_xml::events::Event;
use tokio::net::TcpStream;

use crate::Job;
use crate::process::{Meter, Usage};

const READS: [(&str, &str); crate::READS] = [
    ("publicAccessBlock", "BlockPublicAcls"),
    ("versioning", "Status"),
    ("encryption", "SSEAlgorithm"),
    ("tagging", "Key"),
];

pub async fn run(job: &Job) -> Vec<Usage> {
    let identity: Identity =
        Credentials::builder().access_key_id("bench").secret_access_key("bench").provider_name("bench").build().into();
    let address: Arc<str> = job.endpoint.trim_start_matches("http://").into();
    let mut usages = Vec::with_capacity(job.sweeps);
    for _ in 0..job.sweeps {
        let names: Arc<[String]> = job.names().collect();
        let next = Arc::new(AtomicUsize::new(0));
        let meter = Meter::start();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..job.concurrency {
            workers.spawn(work(Arc::clone(&address), identity.clone(), Arc::clone(&names), Arc::clone(&next)));
        }
        let read: usize = workers.join_all().await.into_iter().sum();
        usages.push(meter.stop());
        assert_eq!(read, job.buckets, "every bucket is read");
    }
    usages
}

async fn work(address: Arc<str>, identity: Identity, names: Arc<[String]>, next: Arc<AtomicUsize>) -> usize {
    let stream = TcpStream::connect(&*address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket of TCP");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let mut read = 0;
    while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
        for (sub_resource, element) in READS {
            get(&mut sender, &address, &identity, name, sub_resource, element).await;
        }
        read += 1;
    }
    read
}

#[allow(clippy::disallowed_methods)] // A signature is of now.
async fn get(
    sender: &mut SendRequest<Empty<Bytes>>,
    address: &str,
    identity: &Identity,
    bucket: &str,
    sub_resource: &str,
    element: &str,
) {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder()
        .identity(identity)
        .region("us-east-1")
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .expect("every field is set")
        .into();
    let uri = format!("http://{address}/{bucket}?{sub_resource}");
    let body = SignableBody::Bytes(&[]);
    let signable = SignableRequest::new("GET", &*uri, [("host", address)].into_iter(), body).expect("a legal request");
    let (instructions, _) = sign(signable, &params).expect("it can be signed").into_parts();
    let mut request = http::Request::get(format!("/{bucket}?{sub_resource}"))
        .header("host", address)
        .body(Empty::new())
        .expect("a legal request");
    instructions.apply_to_request_http1x(&mut request);

    sender.ready().await.expect("the connection stays open");
    let answer = sender.send_request(request).await.expect("an answer");
    assert!(answer.status().is_success(), "{bucket} {sub_resource}: {}", answer.status());
    let body = answer.into_body().collect().await.expect("the whole answer").to_bytes();
    assert!(holds(&body, element), "{bucket} {sub_resource} says `{element}`");
}

/// Reads the whole document, and says whether an element is in it.
fn holds(body: &[u8], element: &str) -> bool {
    let mut reader = quick_xml::Reader::from_reader(body);
    let mut found = false;
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) => found |= start.local_name().as_ref() == element,
            Event::Eof => return found,
            _ => {}
        }
    }
}
