//! The smallest HTTP/1.1 client that a test of a server needs: one request, one connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The first header of that name, empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("the answer is text");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no end of the head in {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status line");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: body.to_owned() };
        if answer.header("transfer-encoding") == "chunked" && !body.is_empty() {
            answer.body = unchunked(body);
        }
        answer
    }
}

/// A body of chunks as a whole. It must have its end.
fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").expect("the size of a chunk");
        let size = usize::from_str_radix(size, 16).expect("a size in hexadecimal");
        if size == 0 {
            return body;
        }
        body += &after[..size];
        rest = after[size..].strip_prefix("\r\n").expect("the end of a chunk");
    }
}

/// Sends bytes as they are and reads until the server closes.
pub async fn raw(server: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(server).await.expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("the server answers");
    Answer::parse(&bytes)
}

/// Sends a request with further header lines.
pub async fn send(server: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Answer {
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    raw(server, &format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{more}\r\n")).await
}

/// Sends a form with further header lines.
pub async fn post(server: SocketAddr, path: &str, headers: &[&str], form: &str) -> Answer {
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = form.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    raw(server, &format!("{head}Content-Type: application/x-www-form-urlencoded\r\n{more}\r\n{form}")).await
}

/// Asks for a path.
pub async fn get(server: SocketAddr, path: &str) -> Answer {
    send(server, "GET", path, &[]).await
}
