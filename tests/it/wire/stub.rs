//! A server that answers what a test says, byte for byte, and takes down what it was asked: for the
//! answers of AWS that no other server here gives.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The region that it was signed for.
    pub region: String,
    pub body: String,
}

/// One answer: status, header lines, body.
pub struct Reply(pub u16, pub Vec<String>, pub String);

impl Reply {
    /// 200 with a document.
    pub fn ok(body: &str) -> Self {
        Self(200, Vec::new(), body.to_owned())
    }

    /// An error with this code and these elements besides.
    pub fn error(status: u16, code: &str, more: &str) -> Self {
        Self(status, Vec::new(), format!("<Error><Code>{code}</Code><Message>Asked for</Message>{more}</Error>"))
    }

    /// The same with where the bucket lives in the header.
    pub fn in_region(mut self, region: &str) -> Self {
        self.1.push(format!("x-amz-bucket-region: {region}"));
        self
    }
}

/// A stub and what it was asked so far.
pub struct Stub {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// Answers until the process ends.
    pub fn start(answer: impl Fn(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some(request) = read(&mut stream) else { continue };
                log.lock().expect("no panic").push(request.clone());
                let Reply(status, headers, body) = answer(&request);
                let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
                let length = body.len();
                let body = if request.method == "HEAD" { String::new() } else { body };
                let head =
                    format!("HTTP/1.1 {status} Stub\r\nContent-Length: {length}\r\nConnection: close\r\n{lines}\r\n");
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Self { url, asked }
    }

    /// What was asked since the last time, as `METHOD region`.
    pub fn take(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().expect("no panic"));
        asked.iter().map(|it| format!("{} {}", it.method, it.region)).collect()
    }

    /// All that was asked since the last time.
    pub fn all(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

fn read(stream: &mut impl Read) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|it| it.1.trim())
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or_default();
    while bytes.len() < end + 4 + length {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
    let mut words = head.lines().next()?.split(' ');
    let scope = header("authorization").and_then(|it| it.split_once("Credential=")).map_or("", |it| it.1);
    Some(Asked {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        region: scope.split('/').nth(2).unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&bytes[end + 4..]).into_owned(),
    })
}
