//! From an HTTP request to an operation, and from its outcome to an HTTP answer.
//!
//! Nothing is guessed: a method, a query word or a path that is not known is 501 and touches
//! nothing. On real servers such a DELETE has deleted buckets.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::buckets;
use super::config::{Versioning, Word, Write};
use super::control;
use super::directory;
use super::faults::{Answer, Strike};
use super::keyed;
use super::operation::Operation;
use super::refusal::Refusal;
use super::rules::MINIMUM_SIZE_HEADER;
use super::s3control;
use crate::bucket::AccountId;

/// The largest body that is read: S3's largest configuration is under 1 MiB.
const LARGEST: usize = 1 << 20;

/// One server: the state, and the end of its serving.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: CancellationToken,
}

/// One request, understood.
pub(super) struct Call {
    pub(super) operation: Operation,
    /// Empty when it concerns none.
    pub(super) bucket: String,
    query: Vec<(String, String)>,
    pub(super) account: AccountId,
    /// The region in the scope of the signature.
    pub(super) signed_region: Option<String>,
    pub(super) headers: HeaderMap,
    /// Method and target, of what is not known.
    pub(super) line: Option<String>,
}

impl Call {
    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn parse(parts: Parts, shared: &Shared) -> Self {
        let query = parse_query(parts.uri.query().unwrap_or_default());
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let path = decode(parts.uri.path().strip_prefix('/').unwrap_or_default());
        if let Some(path) = path.strip_prefix(s3control::VERSION) {
            return Self::of_control(&parts, path, query, shared);
        }
        let (bucket, key) = match virtual_host(host) {
            Some(bucket) => (bucket.to_owned(), path.as_str()),
            None => path.split_once('/').map_or((path.clone(), ""), |(bucket, key)| (bucket.to_owned(), key)),
        };
        let operation = if key.is_empty() { route(&parts.method, &bucket, &query) } else { Operation::Unknown };
        let (access_key, signed_region) = scope(&parts.headers, &query);
        Self {
            operation,
            line: (operation == Operation::Unknown).then(|| format!("{} {}", parts.method, parts.uri)),
            bucket,
            account: shared.account(access_key.as_deref()),
            signed_region,
            query,
            headers: parts.headers,
        }
    }
}

impl Call {
    /// A request to S3 Control. Whatever the host says: an account's number may stand in it.
    fn of_control(parts: &Parts, path: &str, query: Vec<(String, String)>, shared: &Shared) -> Self {
        let (operation, bucket) = s3control::route(&parts.method, path, &query);
        let (access_key, signed_region) = scope(&parts.headers, &query);
        Self {
            operation,
            line: (operation == Operation::Unknown).then(|| format!("{} {}", parts.method, parts.uri)),
            bucket,
            account: shared.account(access_key.as_deref()),
            signed_region,
            query,
            headers: parts.headers.clone(),
        }
    }

    /// Every value of a parameter of the query.
    pub(super) fn queries(&self, name: &str) -> Vec<String> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }
}

/// The operation that a request means, by its method and every word of its query.
fn route(method: &Method, bucket: &str, query: &[(String, String)]) -> Operation {
    let signature = |key: &str| key.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
    // `x-id` is how the SDKs name the operation; it means nothing to S3.
    let mut words = query.iter().filter(|(key, _)| key != "x-id" && !signature(key));
    if bucket.is_empty() {
        const PAGING: [&str; 4] = ["max-buckets", "continuation-token", "prefix", "bucket-region"];
        // On AWS it has an endpoint of its own; here only its parameter tells it apart.
        if *method == Method::GET && query.iter().any(|(key, _)| key == "max-directory-buckets") {
            let paged = words.all(|(key, _)| matches!(key.as_str(), "max-directory-buckets" | "continuation-token"));
            return if paged { Operation::ListDirectoryBuckets } else { Operation::Unknown };
        }
        let paged = words.all(|(key, _)| PAGING.contains(&key.as_str()));
        return if *method == Method::GET && paged { Operation::ListBuckets } else { Operation::Unknown };
    }
    let words: Vec<&(String, String)> = words.collect();
    let operation = match words.split_first() {
        // A GET without a word lists objects, of which there are none here.
        None if *method != Method::GET => Operation::route(method, None),
        Some(((word, value), parameters)) if value.is_empty() => match Word::parse(word) {
            Some(word) if keyed::is_keyed(word) => keyed::route(method, word, parameters),
            Some(word) if parameters.is_empty() => Operation::route(method, Some(word)),
            _ => None,
        },
        _ => None,
    };
    operation.unwrap_or(Operation::Unknown)
}

/// The bucket in `bucket.localhost:9000`, `bucket.s3.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`.
fn virtual_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if let Some(bucket) = name.strip_suffix(".localhost") {
        return Some(bucket);
    }
    let name = name.strip_suffix(".amazonaws.com")?;
    name.strip_suffix(".s3").or_else(|| {
        let (bucket, region) = name.rsplit_once(".s3.")?;
        (!region.contains('.')).then_some(bucket)
    })
}

/// Access key and region in the scope of a signature, in the header or in the query.
fn scope(headers: &HeaderMap, query: &[(String, String)]) -> (Option<String>, Option<String>) {
    let in_header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let in_header = in_header.and_then(|value| value.split_once("Credential=")).map(|(_, rest)| rest);
    let in_query = query.iter().find(|(key, _)| key.eq_ignore_ascii_case("x-amz-credential"));
    let Some(text) = in_header.or(in_query.map(|(_, value)| value.as_str())) else { return (None, None) };
    let mut parts = text.split([',', ' ']).next().unwrap_or_default().split('/');
    let (key, _date, region) = (parts.next(), parts.next(), parts.next());
    (key.map(str::to_owned), region.filter(|region| !region.is_empty()).map(str::to_owned))
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(&key.replace('+', " ")), decode(&value.replace('+', " "))))
        .collect()
}

/// Undoes percent-encoding. What is none stays.
fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    body: Bytes,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: Bytes::new(), content_type: "", headers: Vec::new() }
    }

    /// 200 with a document.
    pub(super) fn xml(body: Bytes) -> Self {
        Self { status: 200, body, content_type: "application/xml", headers: Vec::new() }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers one request.
pub(super) async fn answer(State(server): State<Server>, request: Request) -> Response {
    let arrived = tokio::time::Instant::now();
    let (parts, body) = request.into_parts();
    if let Some(path) = parts.uri.path().strip_prefix("/_sandbox/") {
        let path = path.to_owned();
        return control::answer(&server.shared, &parts.method, &path, axum::body::to_bytes(body, LARGEST).await.ok());
    }
    let shared = &*server.shared;
    let request_id = shared.next_request_id();
    let has_no_body = parts.method == Method::HEAD;
    let call = Call::parse(parts, shared);
    shared.ledger.note(&call);
    let bucket = Some(call.bucket.as_str()).filter(|bucket| !bucket.is_empty());
    let refuse = |refusal: &Refusal| refused(refusal, &call, request_id, has_no_body);

    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return refuse(&Refusal::new(400, "MaxMessageLengthExceeded", "Your request was too big."));
    };
    let (wait, strike) = shared.faults.draw(call.operation, bucket);
    if !wait.is_zero() {
        // A latency is what an answer takes in all, its own work included.
        tokio::time::sleep_until(arrived + wait).await;
    }
    let fault = shared.faults.take(call.operation, bucket);
    let commit = match &fault {
        Some(Answer::Error { status, code }) => return refuse(&Refusal::new(*status, code.clone(), "Asked for")),
        Some(Answer::Redirect { region }) => return refuse(&Refusal::redirect(&call.bucket, region)),
        Some(Answer::Html { status }) => {
            return sent(*status, "text/html", Bytes::from_static(b"<html><body>error</body></html>"), request_id);
        }
        Some(Answer::Garbage) => {
            return sent(200, "application/xml", Bytes::from_static(b"\x00\x01<<< not xml"), request_id);
        }
        Some(Answer::WrongRoot) => {
            let name = super::xml::Node::leaf("Name", call.bucket.as_str());
            let listing = super::xml::Node::of("ListBucketResult", vec![name]).document();
            return sent(200, "application/xml", listing, request_id);
        }
        Some(Answer::Hang) => {
            server.stop.cancelled().await;
            return refuse(&Refusal::internal());
        }
        Some(Answer::StoreNothing) => false,
        Some(Answer::HalfBody) | None => true,
    };
    match strike {
        Strike::Throttle => return refuse(&Refusal::slow_down()),
        Strike::Error => return refuse(&Refusal::internal()),
        Strike::None => {}
    }
    let response = match perform(shared, &call, &body, request_id, commit) {
        Ok(reply) => reply_with(reply, request_id),
        Err(refusal) => refuse(&refusal),
    };
    if fault == Some(Answer::HalfBody) { halved(response).await } else { response }
}

/// Does what the call says. Without `commit` it judges and answers, and stores nothing.
fn perform(shared: &Shared, call: &Call, body: &[u8], number: u64, commit: bool) -> Result<Reply, Refusal> {
    use Operation::{
        CreateBucket, DeleteBucket, GetBucketLocation, HeadBucket, ListBuckets, ListDirectoryBuckets, Unknown,
    };
    match call.operation {
        Unknown => return Err(Refusal::not_implemented()),
        ListBuckets => return buckets::list(&shared.read(), call, &shared.region),
        ListDirectoryBuckets => return directory::list(&shared.read(), call, &shared.region),
        HeadBucket => return buckets::head(&shared.read(), call),
        GetBucketLocation => return buckets::location(&shared.read(), call),
        operation if s3control::owns(operation) => return s3control::perform(shared, call, body, commit),
        _ => {}
    }
    if let Some(word) = call.operation.word().filter(|_| !call.operation.writes()) {
        let buckets = shared.read();
        let config = &buckets::find(&buckets, call)?.config;
        if keyed::is_keyed(word) {
            let page = call.query("continuation-token");
            return keyed::get(config, word, call.query("id"), page).map(Reply::xml);
        }
        let reply = Reply::xml(config.get(word, &call.bucket)?);
        return Ok(match word {
            Word::Policy => Reply { content_type: "application/json", ..reply },
            Word::Lifecycle => reply.header(MINIMUM_SIZE_HEADER, config.minimum_size),
            _ => reply,
        });
    }
    let mut all = shared.write();
    let takes_logs = |target: &str| {
        let here = all.get(&*call.bucket);
        here.zip(all.get(target))
            .is_some_and(|(here, target)| here.owner == target.owner && here.region == target.region)
    };
    let keeps_versions = |name: &str| all.get(name).map(|it| it.config.versioning == Versioning::Enabled);
    let write = Write {
        bucket: &call.bucket,
        id: call.query("id"),
        owner: &call.account,
        headers: &call.headers,
        body,
        number,
        account: shared.block_of(&call.account),
        takes_logs: &takes_logs,
        keeps_versions: &keeps_versions,
    };
    let name: Arc<str> = call.bucket.as_str().into();
    match (call.operation, call.operation.word()) {
        (CreateBucket, _) => {
            let bucket = buckets::create(&all, call, &write, &shared.region, shared.clock.now())?;
            if commit {
                all.insert(name, bucket);
            }
            Ok(Reply::empty(200).header("location", format!("/{}", call.bucket)))
        }
        (DeleteBucket, _) => {
            buckets::find(&all, call)?;
            if commit {
                all.remove(&name);
            }
            Ok(Reply::empty(204))
        }
        (operation, Some(word)) => {
            let mut config = (*buckets::find(&all, call)?.config).clone();
            let puts = Operation::route(&Method::DELETE, Some(word)) != Some(operation);
            if puts {
                directory::judge(&call.bucket, word, &write)?;
                config.put(word, &write)?;
            } else if let Some(id) = write.id.filter(|_| keyed::is_keyed(word)) {
                keyed::delete(&mut config, word, id)?;
            } else {
                config.delete(word, &call.account)?;
            }
            let minimum_size = config.minimum_size;
            if let Some(bucket) = all.get_mut(&name).filter(|_| commit) {
                bucket.config = Arc::new(config);
            }
            Ok(match (puts, word) {
                (true, Word::Lifecycle) => Reply::empty(200).header(MINIMUM_SIZE_HEADER, minimum_size),
                (true, Word::Policy) | (false, _) => Reply::empty(204),
                (true, _) => Reply::empty(200),
            })
        }
        (_, None) => Err(Refusal::not_implemented()),
    }
}

fn request_id_of(number: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("{number:016X}")).expect("digits are legal in a header")
}

fn sent(status: u16, content_type: &'static str, body: Bytes, number: u64) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response.headers_mut().insert(HeaderName::from_static("x-amz-request-id"), request_id_of(number));
    response
}

fn reply_with(reply: Reply, number: u64) -> Response {
    let mut response = sent(reply.status, reply.content_type, reply.body, number);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn refused(refusal: &Refusal, call: &Call, number: u64, has_no_body: bool) -> Response {
    let mut response = if has_no_body {
        sent(refusal.status, "application/xml", Bytes::new(), number)
    } else {
        let document = buckets::error_document(refusal, &call.bucket, &format!("{number:016X}"));
        let document = if s3control::owns(call.operation) { s3control::wrapped(&document) } else { document };
        sent(refusal.status, "application/xml", document.into(), number)
    };
    if let Some(region) = refusal.region.as_deref().and_then(|region| HeaderValue::from_str(region).ok()) {
        response.headers_mut().insert(HeaderName::from_static("x-amz-bucket-region"), region);
    }
    response
}

/// The same answer, announced whole, of which half arrives before the connection ends.
async fn halved(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    // An answer without a body announces one.
    let announced = whole.len().max(64);
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(announced));
    let half = whole.slice(..whole.len() / 2);
    let stream = futures_util::stream::unfold(Some(half), |half| async move {
        let half = half?;
        if half.is_empty() {
            // One turn of the runtime, in which the first half is flushed.
            tokio::task::yield_now().await;
            return Some((Err(std::io::Error::other("the other half is left out on purpose")), None));
        }
        Some((Ok::<_, std::io::Error>(half), Some(Bytes::new())))
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

/// The service of one server.
pub(super) fn router(server: Server) -> axum::Router<()> {
    axum::Router::new().fallback(answer).with_state(server)
}
