//! The daemon's stream of events (server-sent events, HTML Living Standard, section 9.2): it says
//! that something is new, and not what.

use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a connection and the head of an answer may take.
const OPENING: Duration = Duration::from_secs(10);
/// The daemon says every 15 s that the stream lives; one that is silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(40);

/// An open stream. It ends with its owner.
pub(super) struct Stream {
    body: Incoming,
    parser: Parser,
    waiting: Vec<u64>,
    /// When the last piece of it came.
    heard: Instant,
    connection: JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Closed {
    /// Nobody listens there.
    Refused(String),
    /// Something else is wrong with the connection.
    Silent(String),
    /// The daemon is there, and gives no stream.
    None(String),
}

impl Stream {
    /// Opens the stream.
    pub(super) async fn open(address: &str) -> Result<Self, Closed> {
        let opening = async {
            let socket = TcpStream::connect(address).await.map_err(|error| {
                let said = error.to_string().to_lowercase();
                match error.kind() {
                    std::io::ErrorKind::ConnectionRefused => Closed::Refused(said),
                    _ => Closed::Silent(said),
                }
            })?;
            let silent = |error: hyper::Error| Closed::Silent(error.to_string());
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(silent)?;
            let connection = tokio::spawn(async move {
                // Its end is the end of the stream, which is seen there.
                let _ = connection.await;
            });
            let request = hyper::Request::get("/api/v1/events")
                .header("host", address)
                .header("accept", "text/event-stream")
                .body(Empty::<Bytes>::new())
                .map_err(|error| Closed::Silent(error.to_string()))?;
            let answer = sender.send_request(request).await.map_err(silent)?;
            let kind = answer.headers().get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
            if answer.status() != 200 || !kind.starts_with("text/event-stream") {
                return Err(Closed::None(format!(
                    "the stream of events was answered with status {}",
                    answer.status().as_u16()
                )));
            }
            Ok(Self {
                body: answer.into_body(),
                parser: Parser::default(),
                waiting: Vec::new(),
                heard: Instant::now(),
                connection,
            })
        };
        timeout(OPENING, opening)
            .await
            .unwrap_or_else(|_| Err(Closed::Silent(format!("nothing came within {} s", OPENING.as_secs()))))
    }

    /// The version of the board that the next event tells; none at the end.
    pub(super) async fn next(&mut self) -> Option<u64> {
        loop {
            if let Some(version) = self.waiting.pop() {
                // What happened in between is in the newest.
                self.waiting.clear();
                return Some(version);
            }
            // By the moment of the last frame: whoever waits here may begin anew every second.
            let frame = timeout_at(self.heard + SILENCE, self.body.frame()).await.ok()??.ok()?;
            self.heard = Instant::now();
            if let Some(bytes) = frame.data_ref() {
                self.waiting = self.parser.push(bytes);
            }
        }
    }
}

/// Reads events from pieces of text that begin and end anywhere (pure).
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    data: String,
}

impl Parser {
    /// The versions that whole events tell, oldest first.
    fn push(&mut self, bytes: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                // Lines of the daemon are short; what is long is none of them.
                if self.line.len() < 1024 {
                    self.line.push(*byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).trim_end_matches('\r').to_owned();
            self.line.clear();
            if line.is_empty() {
                found.extend(self.data.trim().parse::<u64>().ok());
                self.data.clear();
            } else if let Some(data) = line.strip_prefix("data:") {
                data.clone_into(&mut self.data);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_their_pieces_end() {
        let text = "retry: 3000\nevent: board\nid: 7\ndata: 7\n\n: nothing is new\n\nevent: board\r\ndata: 12\r\n\r\n";
        assert_eq!(Parser::default().push(text.as_bytes()), [7, 12]);
        let mut parser = Parser::default();
        let one_by_one: Vec<u64> = text.bytes().flat_map(|byte| parser.push(&[byte])).collect();
        assert_eq!(one_by_one, [7, 12]);
    }

    #[test]
    fn what_is_no_event_of_ours_is_passed_over() {
        assert_eq!(Parser::default().push(b"data: soon\n\nid: 4\n\ndata: 5"), [0_u64; 0]);
        let long = [b"x".repeat(1 << 16), b"\n\ndata: 3\n\n".to_vec()].concat();
        let mut parser = Parser::default();
        assert_eq!(parser.push(&long), [3]);
        assert!(parser.line.capacity() <= 2048);
    }

    #[tokio::test]
    async fn where_nobody_listens_is_told_apart_from_silence() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let closed = Stream::open(&address).await.err();
        assert_eq!(closed, Some(Closed::Refused("connection refused (os error 111)".to_owned())));
    }
}
