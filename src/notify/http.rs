//! The client of the sinks that speak HTTP: one request, no redirect followed, an answer of
//! bounded size, and failures that hold no address.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::http::{Request, Uri, header};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::sink::{Failure, Retry};
use crate::config::notifications::{check_address, host_of, link_local};

/// So much of an answer is read; what comes after is nobody's concern.
const MOST_BYTES: usize = 64 * 1024;

/// No receiver is waited for longer than this because it says so.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

/// One client for all sinks.
#[derive(Clone)]
pub struct Client(hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// An answer with a status of 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as far as it is text, at most 64 KiB.
    pub body: String,
}

/// An answer of any status.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The status.
    pub status: u16,
    headers: header::HeaderMap,
    /// The body, as far as it is text, at most 64 KiB.
    pub body: String,
}

impl Client {
    /// A client that trusts the system's certificate authorities.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new() -> Result<Self, Failure> {
        let tls = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots().map_err(|error| {
            let said = error.to_string().to_lowercase();
            Failure::new(format!("the certificate authorities of the system cannot be read: {said}"), Retry::WhenMended)
                .hint("install them (Debian: ca-certificates), or name their file in SSL_CERT_FILE")
        })?;
        // Which schemes are allowed where is said by `check_address`.
        let connector = tls.https_or_http().enable_http1().build();
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self(client))
    }

    /// Posts a body. The deadline is the caller's.
    ///
    /// # Errors
    /// What went wrong, and whether to try again. The address may be a secret and is in no text.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        headers: &[(&'static str, String)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, Failure> {
        check_address(url).map_err(|(message, hint)| Failure::new(message, Retry::WhenMended).hint(hint))?;
        self.exchange(url, content_type, headers, body).await?.taken()
    }

    /// Posts a body, to plain http on other machines as well: whoever asks for that has checked the
    /// address. The deadline is the caller's. The body of the answer is without the address.
    ///
    /// # Errors
    /// Why there is no answer. The address may be a secret and is in no text.
    pub async fn exchange(
        &self,
        url: &str,
        content_type: &str,
        headers: &[(&'static str, String)],
        body: impl Into<Bytes>,
    ) -> Result<Answered, Failure> {
        let mut request = Request::post(uri(url)?)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, concat!("driftless/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body.into())).map_err(|_| {
            Failure::new("the request has a header that is not allowed", Retry::WhenMended)
                .hint("a secret with a line break or other control characters in it does not fit a header")
        })?;
        not_link_local(url).await?;
        let answer = self.0.request(request).await.map_err(|error| transport(&error))?;
        let (parts, body) = answer.into_parts();
        let read = Limited::new(body, MOST_BYTES).collect().await;
        // What was taken was taken, whatever became of the rest of the answer.
        let body = read.map(|it| String::from_utf8_lossy(&it.to_bytes()).into_owned()).unwrap_or_default();
        Ok(Answered { status: parts.status.as_u16(), headers: parts.headers, body: scrubbed(body, url) })
    }
}

impl Answered {
    /// A header, when there is one that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What was taken.
    ///
    /// # Errors
    /// What the status says, when that is not 2xx.
    pub fn taken(self) -> Result<Answer, Failure> {
        let after = self.header("retry-after").and_then(|text| retry_after(text, self.header("date")));
        let Self { status, body, .. } = self;
        if (200..300).contains(&status) { Ok(Answer { status, body }) } else { Err(refusal(status, &body, after)) }
    }
}

/// What a receiver says, without the address: some say it back, and it may be a secret.
fn scrubbed(said: String, url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let asked = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
    let asked = asked.split('#').next().unwrap_or_default();
    let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
    // Without its first slash, a short one may be any word.
    let long = |text: &str| if text.len() >= 6 { text.to_owned() } else { String::new() };
    let parts = [url.to_owned(), asked.to_owned(), path.to_owned(), long(path.trim_matches('/')), long(query)];
    parts.iter().filter(|it| it.len() > 1).fold(said, |said, it| {
        // Some writers of JSON escape each slash.
        said.replace(it, "…").replace(&it.replace('/', "\\/"), "…")
    })
}

fn uri(url: &str) -> Result<Uri, Failure> {
    url.parse::<Uri>().map_err(|_| {
        Failure::new("the address is none", Retry::WhenMended).hint("write `https://host/path`, percent-encoded")
    })
}

/// A name may lead to where clouds keep credentials, too.
async fn not_link_local(url: &str) -> Result<(), Failure> {
    let uri = uri(url)?;
    let host = host_of(uri.authority().map_or("", |it| it.as_str())).to_owned();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    let found = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|error| {
        let said = error.to_string().to_lowercase();
        Failure::new(format!("the name of the receiver cannot be resolved: {said}"), Retry::Later)
    })?;
    if found.into_iter().any(|it| link_local(it.ip())) {
        return Err(Failure::new("the name of the receiver leads to a link-local address", Retry::WhenMended)
            .hint("clouds keep credentials at such addresses; name another host"));
    }
    Ok(())
}

/// Why there is no answer. The errors of hyper hold no address, their sources may.
fn transport(error: &hyper_util::client::legacy::Error) -> Failure {
    let mut said = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(it) = source {
        said = it.to_string().to_lowercase();
        source = it.source();
    }
    let what = if error.is_connect() { "the receiver cannot be reached" } else { "the receiver gave no answer" };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Failure::new(format!("{what}{said}"), Retry::Later)
}

/// What a status that is not 2xx means.
pub(super) fn refusal(status: u16, body: &str, after: Option<Duration>) -> Failure {
    let said = super::words::cut(&super::words::line(body), 200);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let failure = |retry| Failure::new(format!("the receiver answered with status {status}{said}"), retry);
    match status {
        429 | 503 if after.is_some() => failure(Retry::After(after.unwrap_or_default())),
        408 | 425 | 429 | 500..=599 => failure(Retry::Later),
        300..=399 => failure(Retry::WhenMended).hint("redirects are not followed: name the address that it leads to"),
        401 | 403 | 404 | 407 | 410 => {
            failure(Retry::WhenMended).hint("the address or the secret is not, or no longer, valid: make it anew")
        }
        _ => failure(Retry::Never),
    }
}

/// Seconds, or a date, which is held against the receiver's own clock: its answer says the time.
fn retry_after(text: &str, now: Option<&str>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        let sensible = seconds.is_finite() && seconds >= 0.0;
        return sensible.then(|| Duration::from_secs_f64(seconds.min(1e6)).min(MOST_PATIENCE));
    }
    let date = |text| chrono::DateTime::parse_from_rfc2822(text).ok();
    let left = date(text)? - date(now?.trim())?;
    Some(left.to_std().unwrap_or_default().min(MOST_PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        let retry = |status, after| refusal(status, "", after).retry;
        assert_eq!(retry(500, None), Retry::Later);
        assert_eq!(retry(429, Some(Duration::from_secs(7))), Retry::After(Duration::from_secs(7)));
        assert_eq!(retry(429, None), Retry::Later);
        assert_eq!(retry(404, None), Retry::WhenMended);
        assert_eq!(retry(302, None), Retry::WhenMended);
        assert_eq!(retry(400, None), Retry::Never);
        assert_eq!(
            refusal(400, "invalid\npayload", None).message,
            "the receiver answered with status 400: invalid payload"
        );
    }

    #[test]
    fn a_pause_that_a_receiver_asks_for_is_bounded() {
        assert_eq!(retry_after(" 30 ", None), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("99999999999999", None), Some(MOST_PATIENCE));
        for odd in ["-1", "nan", "soon", "Sun, 22 Nov 2026 21:30:00 GMT"] {
            assert_eq!(retry_after(odd, None), None, "{odd}");
        }
        let now = Some("Sun, 22 Nov 2026 21:29:00 GMT");
        assert_eq!(retry_after("Sun, 22 Nov 2026 21:30:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("Sun, 22 Nov 2026 21:28:00 GMT", now), Some(Duration::ZERO), "it is over");
        assert_eq!(retry_after("Mon, 22 Nov 2027 21:28:00 GMT", now), Some(MOST_PATIENCE));
    }

    #[tokio::test]
    async fn no_failure_tells_an_address_that_may_be_a_secret() {
        let client = Client::new().expect("a client");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        for url in [format!("http://{free}/services/T0/B0/s3cret"), "https://s3cret.invalid/x y".to_owned()] {
            let failure = client.post(&url, "application/json", &[], "{}").await.expect_err("nobody is there");
            assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
        }
    }

    /// The path of an address, which is its secret, got into the log by a relay that says it back.
    #[tokio::test]
    async fn a_receiver_that_says_the_address_back_does_not_bring_it_into_a_failure() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let client = Client::new().expect("a client");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/services/T0/s3cret?sig=s3cret-too", listener.local_addr().expect("an address"));
        let whole = url.clone();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut read = [0; 4096];
            let n = stream.read(&mut read).await.expect("a request");
            let request = String::from_utf8_lossy(&read[..n]).into_owned();
            let asked = request.split(' ').nth(1).expect("a path").to_owned();
            let path = asked.split('?').next().expect("a path");
            let escaped = path.replace('/', "\\/");
            let body = format!("no {asked} {path} {whole} {escaped} {} {}", &path[1..], &asked[path.len() + 1..]);
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("sent");
            stream.shutdown().await.expect("sent");
        });
        let failure = client.post(&url, "application/json", &[], "{}").await.expect_err("refused");
        answering.await.expect("answered");
        assert_eq!(failure.message, "the receiver answered with status 400: no … … … … … …");
    }
}
