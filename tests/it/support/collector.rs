//! An OpenTelemetry collector: a server on loopback that takes OTLP over HTTP and keeps it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// As it should.
    Well,
    /// Never: it reads, and keeps the connection.
    Never,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Posted {
    pub path: String,
    /// In lower case, `name: value`.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

pub struct Collector {
    pub address: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Collector {
    pub async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let kept = Arc::clone(&posted);
        let task = tokio::spawn(async move {
            let mut all = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                all.spawn(serve(stream, Arc::clone(&kept), answers));
            }
        });
        Self { address, posted, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that came so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().expect("nobody panics with it").clone()
    }

    fn decoded<T: Message + Default>(&self, path: &str) -> Vec<T> {
        let all = self.posted();
        let decode = |it: &Posted| T::decode(&*it.body).expect("is protobuf");
        all.iter().filter(|it| it.path == path).map(decode).collect()
    }

    pub fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.decoded("/v1/traces")
    }

    pub fn spans(&self) -> Vec<Span> {
        let scopes = self.traces().into_iter().flat_map(|it| it.resource_spans).flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).collect()
    }

    pub fn records(&self) -> Vec<LogRecord> {
        let all = self.decoded::<ExportLogsServiceRequest>("/v1/logs");
        let scopes = all.into_iter().flat_map(|it| it.resource_logs).flat_map(|it| it.scope_logs);
        scopes.flat_map(|it| it.log_records).collect()
    }
}

async fn serve(stream: TcpStream, posted: Arc<Mutex<Vec<Posted>>>, answers: Answers) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) if line.trim().is_empty() => break,
                Ok(_) => head.push(line.trim().to_owned()),
            }
        }
        let lower = |line: &String| line.to_ascii_lowercase();
        let headers: Vec<String> = head.iter().skip(1).map(lower).collect();
        let length = headers.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
        posted.lock().expect("nobody panics with it").push(Posted { path, headers, body });
        match answers {
            Answers::Never => std::future::pending().await,
            Answers::Well => {
                let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The value of an attribute as text; empty where there is none.
pub fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let value = attributes.iter().find(|it| it.key == name).and_then(|it| it.value.as_ref());
    value.map_or_else(String::new, text)
}

pub fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(it)) => it.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        other => panic!("an attribute is {other:?}"),
    }
}
