//! Receivers of notifications on the loopback interface, that speak the protocol: one for HTTP and
//! one for mail. Each keeps what it was sent, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    /// The only header of that name; empty when there is none.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let all: Vec<&str> =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        assert!(all.len() <= 1, "{name}: {all:?}");
        all.first().copied().unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16, &'static str),
    /// With a further header line.
    With(u16, &'static str, String),
    /// A body without end.
    Endless,
    /// Nothing, ever.
    Hang,
    /// 200, and not before [`Receiver::release`].
    Held,
}

#[derive(Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    next: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Reply>>,
    release: tokio::sync::Notify,
}

/// A receiver that speaks HTTP.
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner::default());
        let theirs = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&theirs)));
            }
        });
        Self { address, inner }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests so, one after another; then as always.
    pub fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.inner.next.lock().unwrap().extend(replies);
    }

    /// Answers every request so that is not told otherwise; 200 when nothing is said.
    pub fn always(&self, reply: Option<Reply>) {
        *self.inner.otherwise.lock().unwrap() = reply;
    }

    /// Lets one answer go that is held.
    pub fn release(&self) {
        self.inner.release.notify_one();
    }

    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    /// Waits until so many requests came, and gives all.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        let begun = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "waited in vain for {count} requests: {received:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn answer(stream: TcpStream, inner: Arc<Inner>) {
    let mut stream = BufReader::new(stream);
    loop {
        let Some(received) = request(&mut stream).await else { return };
        inner.received.lock().unwrap().push(received);
        let next = inner.next.lock().unwrap().pop_front();
        let reply = next.or_else(|| inner.otherwise.lock().unwrap().clone()).unwrap_or(Reply::Status(200, "ok"));
        let (status, body, more) = match reply {
            Reply::Status(status, body) => (status, body, String::new()),
            Reply::With(status, body, header) => (status, body, format!("{header}\r\n")),
            Reply::Endless => {
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
                let mut more = stream.get_mut().write_all(head.as_bytes()).await;
                while more.is_ok() {
                    more = stream.get_mut().write_all(&[b'x'; 65536]).await;
                }
                return;
            }
            Reply::Hang => std::future::pending().await,
            Reply::Held => {
                inner.release.notified().await;
                (200, "ok", String::new())
            }
        };
        let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n{more}\r\n{body}", body.len());
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { method, path, headers, body: String::from_utf8(body).expect("text") })
}

/// A mail server: what it lets a client say, and what it was sent.
pub struct MailServer {
    pub address: SocketAddr,
    /// The commands, and each mail as one text.
    said: Arc<Mutex<Vec<String>>>,
    refusals: Arc<Mutex<Refusals>>,
}

/// How commands begin that are not obeyed, and what is answered; `.` is the end of a mail.
type Refusals = Vec<(&'static str, &'static str)>;

impl MailServer {
    /// `refuses` is a command that it answers with 5xx, such as `AUTH`.
    pub async fn start(refuses: &'static str) -> Self {
        let server = Self::open().await;
        if !refuses.is_empty() {
            server.refuses(vec![(refuses, "535 5.7.8 not you")]);
        }
        server
    }

    /// One that takes everything.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = Self { address, said: Arc::default(), refusals: Arc::default() };
        let (said, refusals) = (Arc::clone(&server.said), Arc::clone(&server.refusals));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (said, refusals) = (Arc::clone(&said), Arc::clone(&refusals));
                tokio::spawn(async move { drop(converse(stream, &said, &refusals).await) });
            }
        });
        server
    }

    /// Refuses these from now on, and nothing else.
    pub fn refuses(&self, refusals: Refusals) {
        *self.refusals.lock().unwrap() = refusals;
    }

    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// The commands of this name, whole.
    pub fn commands(&self, name: &str) -> Vec<String> {
        self.said().into_iter().filter(|it| !it.contains("\r\n") && it.starts_with(name)).collect()
    }

    /// The mails that it was sent.
    pub fn mails(&self) -> Vec<String> {
        self.said().into_iter().filter(|it| it.ends_with("\r\n.\r\n")).collect()
    }
}

async fn converse(stream: TcpStream, said: &Mutex<Vec<String>>, refusals: &Mutex<Refusals>) -> std::io::Result<()> {
    let refusal = |line: &str| {
        let refusals = refusals.lock().unwrap();
        refusals.iter().find(|(begin, _)| line.starts_with(begin)).map(|(_, answer)| format!("{answer}\r\n"))
    };
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"220 mail.example.com ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        said.lock().unwrap().push(line.clone());
        let word = line.split(' ').next().unwrap_or_default().to_uppercase();
        let fine = match &*word {
            "EHLO" => "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH" => "235 2.7.0 welcome\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 2.0.0 bye\r\n",
            _ => "250 2.0.0 fine\r\n",
        };
        let refused = refusal(&line);
        stream.get_mut().write_all(refused.as_deref().unwrap_or(fine).as_bytes()).await?;
        match &*word {
            "QUIT" => return Ok(()),
            "DATA" if refused.is_none() => {
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut mail).await? == 0 {
                        return Ok(());
                    }
                }
                said.lock().unwrap().push(mail);
                let answer = refusal(".").unwrap_or_else(|| "250 2.0.0 taken\r\n".to_owned());
                stream.get_mut().write_all(answer.as_bytes()).await?;
            }
            _ => {}
        }
    }
}
