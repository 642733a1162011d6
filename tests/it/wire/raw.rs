//! A server that answers bytes, for what no server at hand does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server that runs as long as the test.
pub struct Raw {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// One request: `GET /data?versioning`, without what the SDK adds, and how many came before it on
/// its connection.
pub struct Asked<'a> {
    pub line: &'a str,
    pub before: usize,
}

impl Raw {
    /// What was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// How many requests so far began so.
    pub fn count(&self, beginning: &str) -> usize {
        self.asked().iter().filter(|line| line.starts_with(beginning)).count()
    }
}

/// Starts a server; `answer` gives the bytes for a request, head and body.
pub fn raw(answer: impl Fn(Asked<'_>) -> Vec<u8> + Send + Sync + 'static) -> Raw {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut before = 0;
                while let Some(line) = request(&mut stream) {
                    log.lock().expect("no panic").push(line.clone());
                    if stream.write_all(&answer(Asked { line: &line, before })).is_err() {
                        return;
                    }
                    before += 1;
                }
            });
        }
    });
    Raw { url, asked }
}

/// Reads one request with its body, and returns its line.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: Vec<&str> = query
        .split('&')
        .filter(|it| !it.is_empty() && !it.starts_with("x-id="))
        .map(|it| it.strip_suffix('=').unwrap_or(it))
        .collect();
    let path = path.strip_suffix('/').unwrap_or(path);
    Some(if query.is_empty() { format!("{method} {path}") } else { format!("{method} {path}?{}", query.join("&")) })
}

/// An answer with a body, on a connection that stays.
pub fn answer(status: u16, body: &str) -> Vec<u8> {
    answer_with(status, &[], body)
}

/// The same with further headers.
pub fn answer_with(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} Any\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An error as S3 writes it.
pub fn error(status: u16, code: &str) -> Vec<u8> {
    answer(status, &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>"))
}

/// What a store answers that does not know a sub-resource.
pub fn listing() -> Vec<u8> {
    answer(
        200,
        "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>data</Name>\
         <Prefix></Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>",
    )
}
