//! `driftless status`: how the fleet stands, asked of a running daemon.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CANNOT_TELL, DRIFT, IN_SYNC, Output};

/// Shows how the fleet stands, or one bucket, as the running daemon sees it.
///
/// Ends with 0 when everything is in sync, with 2 when something is not, with 1 when the daemon
/// does not answer.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// One bucket: NAME, or ACCOUNT/NAME.
    #[arg(value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// The daemon's address.
    #[arg(long, default_value = "127.0.0.1:9464", env = "DRIFTLESS_ADDRESS")]
    pub address: String,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Runs the command.
pub async fn run(args: &StatusArgs) -> ExitCode {
    let path = match &args.bucket {
        None => "/api/v1/status".to_owned(),
        Some(name) if name.contains('/') => format!("/api/v1/buckets/{name}"),
        Some(name) => format!("/api/v1/buckets/default/{name}"),
    };
    let (status, body) = match get(&args.address, &path).await {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("the daemon at {} does not answer: {error}", args.address);
            eprintln!("hint: start it with `driftless run`, or name its `http.listen` with --address");
            return ExitCode::from(CANNOT_TELL);
        }
    };
    if status != 200 {
        let said = body.get("error").and_then(Value::as_str).unwrap_or("it refused");
        eprintln!("{said}");
        if let Some(hint) = body.get("hint").and_then(Value::as_str) {
            eprintln!("hint: {hint}");
        }
        return ExitCode::from(CANNOT_TELL);
    }
    match args.output {
        Output::Json => println!("{body:#}"),
        Output::Text => print!("{}", text(&body, 0)),
    }
    ExitCode::from(if in_sync(&body) { IN_SYNC } else { DRIFT })
}

fn in_sync(body: &Value) -> bool {
    if let Some(in_sync) = body.get("inSync").and_then(Value::as_bool) {
        return in_sync;
    }
    let count = |name: &str| body.pointer(&format!("/buckets/{name}")).and_then(Value::as_u64).unwrap_or(0);
    ["drifted", "unknown", "held"].iter().all(|name| count(name) == 0)
}

/// A JSON object as an outline: one line a field, nested ones below.
fn text(value: &Value, depth: usize) -> String {
    let pad = "  ".repeat(depth);
    let short = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some("-".to_owned()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(list) if list.is_empty() => Some("none".to_owned()),
        _ => None,
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match short(value) {
                Some(said) => format!("{pad}{name}: {said}\n"),
                None => format!("{pad}{name}:\n{}", text(value, depth + 1)),
            })
            .collect(),
        Value::Array(list) => list
            .iter()
            .map(|value| match short(value) {
                Some(said) => format!("{pad}- {said}\n"),
                None => format!("{pad}-\n{}", text(value, depth + 1)),
            })
            .collect(),
        other => format!("{pad}{other}\n"),
    }
}

/// One GET; the answer's status and JSON.
pub(super) async fn get(address: &str, path: &str) -> Result<(u16, Value), String> {
    let talk = async {
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string().to_lowercase())?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string().to_lowercase())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(|error| error.to_string().to_lowercase())?;
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or("half an answer")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("an answer that is not HTTP")?;
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(&answer[end + 4..]) } else { answer[end + 4..].to_vec() };
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok((status, body))
    };
    tokio::time::timeout(Duration::from_secs(10), talk)
        .await
        .unwrap_or_else(|_| Err("nothing came within 10 s".to_owned()))
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|it| it == b"\r\n") {
        let size = std::str::from_utf8(&body[..line]).ok().and_then(|hex| usize::from_str_radix(hex.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let from = line + 2;
        let Some(chunk) = body.get(from..from + size) else { break };
        whole.extend_from_slice(chunk);
        body = body.get(from + size + 2..).unwrap_or_default();
    }
    whole
}
