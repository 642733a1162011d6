//! A server that takes what is posted to it down, and answers as a test has it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What came.
#[derive(Debug, Clone)]
pub struct Came {
    /// Method and target.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Came {
    /// The header of that name, empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

/// An answer: the status, headers, the body.
pub type Says = (u16, &'static [(&'static str, &'static str)], &'static str);

/// The server. It ends with the test.
pub struct Taker {
    address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
    answers: Arc<Mutex<VecDeque<Says>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Taker {
    /// Answers 200 with an empty object, but first with these, one after the other.
    pub async fn saying(answers: &[Says]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (came, answers) = (Arc::default(), Arc::new(Mutex::new(answers.iter().copied().collect())));
        let (theirs, said) = (Arc::clone(&came), Arc::clone(&answers));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client may go when it likes.
                tokio::spawn(take(stream, Arc::clone(&theirs), Arc::clone(&said)));
            }
        });
        Self { address, came, answers, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has it answer so from now on, one after the other, before 200.
    pub fn says(&self, answers: &[Says]) {
        self.answers.lock().expect("nobody panics with it").extend(answers);
    }

    /// Everything that came so far.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().expect("nobody panics with it").clone()
    }
}

async fn take(mut stream: TcpStream, came: Arc<Mutex<Vec<Came>>>, answers: Arc<Mutex<VecDeque<Says>>>) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, mut body) = loop {
        stream.read_buf(&mut bytes).await.ok().filter(|read| *read > 0)?;
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break (String::from_utf8(bytes[..end].to_vec()).ok()?, bytes[end + 4..].to_vec());
        }
    };
    let mut lines = head.split("\r\n");
    let line = lines.next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    while body.len() < length {
        stream.read_buf(&mut body).await.ok().filter(|read| *read > 0)?;
    }
    let body = String::from_utf8(body).ok()?;
    let (status, more, text) = {
        let said = answers.lock().expect("nobody panics with it").pop_front();
        came.lock().expect("nobody panics with it").push(Came { line, headers, body });
        said.unwrap_or((200, &[], "{}"))
    };
    let more: String = more.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let answer = format!(
        "HTTP/1.1 {status} As asked\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await.ok()
}
