//! The stream that tells of news.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::usual;
use crate::support::fleet;
use crate::support::http::get;

/// No test waits longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream that is open.
struct Open(BufReader<TcpStream>);

impl Open {
    async fn at(server: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(server).await.expect("the server listens");
        let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {server}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        Self(BufReader::new(stream))
    }

    /// The rest of the first line that begins so; none when the stream ends before.
    async fn line(&mut self, begins: &str) -> Option<String> {
        let wanted = async {
            loop {
                let mut line = String::new();
                if self.0.read_line(&mut line).await.ok()? == 0 {
                    return None;
                }
                if let Some(rest) = line.trim_end().strip_prefix(begins) {
                    return Some(rest.to_owned());
                }
            }
        };
        timeout(PATIENCE, wanted).await.unwrap_or_else(|_| panic!("no line begins with {begins:?} and no end comes"))
    }

    async fn version(&mut self) -> u64 {
        self.line("data: ").await.expect("an event").parse().expect("a number")
    }
}

#[tokio::test]
async fn a_stream_says_where_the_board_is_and_then_each_change() {
    let server = usual().await;
    let mut stream = Open::at(server.at).await;
    assert_eq!(stream.line("content-type: ").await.as_deref(), Some("text/event-stream"));
    let first = stream.version().await;
    assert_eq!(first, server.board.version());
    server.board.put_bucket(fleet::bucket("default", "one-more"));
    server.board.put_bucket(fleet::bucket("default", "and-another"));
    let mut version = first;
    while version < first + 2 {
        version = stream.version().await;
    }
    assert_eq!(version, first + 2);
}

#[tokio::test]
async fn a_page_says_which_board_it_shows() {
    let server = usual().await;
    for path in ["/", "/buckets/default/checkpoints", "/policies", "/policies/tagged", "/source", "/held", "/endpoints"]
    {
        let html = get(server.at, path).await.body;
        assert!(html.contains(&format!("<html lang=\"en\" data-board=\"{}\">", server.board.version())), "{path}");
    }
}

#[tokio::test]
async fn open_streams_end_when_the_server_is_to_end() {
    let mut server = usual().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = Open::at(server.at).await;
        stream.version().await;
        streams.push(stream);
    }
    server.shutdown.cancel();
    // The end of the body, in good order: not a connection cut off.
    for stream in &mut streams {
        assert_eq!(stream.line("0").await.as_deref(), Some(""));
    }
    timeout(PATIENCE, &mut server.task).await.expect("it ends").expect("in good order");
}

#[tokio::test]
async fn too_many_streams_keep_nobody_out_who_asks_for_a_page() {
    let server = usual().await;
    let mut streams = Vec::new();
    for _ in 0..64 {
        let mut stream = Open::at(server.at).await;
        stream.version().await;
        streams.push(stream);
    }
    let refused = get(server.at, "/api/v1/events").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["error"], "64 streams are open, and no more are possible");
    assert_eq!(get(server.at, "/").await.status, 200);
}
