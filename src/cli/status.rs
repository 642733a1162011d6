//! `driftless status`: how the fleet stands, asked of a running daemon.

mod news;
mod stream;
mod text;
mod watch;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::color::Look;
use super::progress::Progress;
use super::session::{Failed, complain};
use super::{CANNOT_TELL, ConfigArgs, DRIFT, IN_SYNC, Output};
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::clock::{Clock, SystemClock};
use crate::config::{HttpConfig, Override};

/// Shows how the fleet stands and what is wrong, or all of one bucket, as the running daemon sees
/// it.
///
/// Ends with 0 when everything is in sync, with 2 when something drifted, is held, or the
/// documents have a fault, with 1 when it could not be told. With --watch it ends on Ctrl-C, with 0.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// One bucket: NAME, or ACCOUNT/NAME.
    #[arg(value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// The daemon's address. Default: what the configuration says, where one is named, or
    /// 127.0.0.1:9464.
    #[arg(long, value_name = "HOST:PORT", env = "DRIFTLESS_ADDRESS")]
    pub address: Option<String>,
    /// Goes on and shows what changes: in place on a terminal, a line a change elsewhere.
    #[arg(long, short)]
    pub watch: bool,
    /// How to print. Watched as `json`, each change is one line.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// How many buckets are listed of those with which something is wrong.
const LISTED: usize = 20;

/// Runs the command.
pub async fn run(config: &ConfigArgs, args: &StatusArgs) -> ExitCode {
    let Ok(address) = address_of(config, args.address.as_deref()) else { return ExitCode::from(CANNOT_TELL) };
    let address = address.as_str();
    if args.watch {
        return match watched(address, args.bucket.as_deref()).await {
            Ok(what) => watch::run(address, what, args.output).await,
            Err(Failed) => ExitCode::from(CANNOT_TELL),
        };
    }
    let shown = match &args.bucket {
        None => fleet(address, args.output).await,
        Some(bucket) => one(address, bucket, args.output).await,
    };
    ExitCode::from(shown.unwrap_or(CANNOT_TELL))
}

/// Where the daemon is: as it is said, or as its configuration says.
pub(super) fn address_of(config: &ConfigArgs, said: Option<&str>) -> Result<String, Failed> {
    if let Some(said) = said {
        // As people paste it from a browser.
        return Ok(said.trim_start_matches("http://").trim_end_matches('/').to_owned());
    }
    if !config.is_named() {
        return Ok(HttpConfig::default().listen.to_string());
    }
    // Where the specs are is of no concern here.
    let anywhere =
        Override { path: vec!["source".to_owned()], value: "{dir: .}".to_owned(), from: "status".to_owned() };
    let defaults = if config.config.is_some() { vec![] } else { vec![anywhere] };
    let config = config.load(&defaults).map_err(|findings| {
        super::print_findings(&findings);
        Failed
    })?;
    let mut listen = config.http.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Ok(listen.to_string())
}

/// What is to be watched. That the daemon is there now is asked for: a wrong address would be waited
/// for in vain.
async fn watched(address: &str, bucket: Option<&str>) -> Result<watch::What, Failed> {
    ask(address, "/api/v1/status").await?;
    match bucket {
        None => Ok(watch::What::Fleet),
        Some(bucket) => {
            let id = named(address, bucket).await?;
            ask(address, &format!("/api/v1/buckets/{}/{}", id.account, id.name)).await?;
            Ok(watch::What::Bucket(id))
        }
    }
}

async fn fleet(address: &str, output: Output) -> Result<u8, Failed> {
    let status = ask(address, "/api/v1/status").await?;
    match output {
        Output::Json => super::say(format_args!("{status:#}")),
        Output::Text => {
            let worst = ask(address, &format!("/api/v1/buckets?sort=worst&limit={LISTED}")).await?;
            let findings = ask(address, "/api/v1/findings").await?;
            super::say_in(Look::Status, text::fleet(&status, &worst, &findings, SystemClock.now()).trim_end());
        }
    }
    Ok(fleet_code(&status))
}

/// The bucket that people name as NAME or ACCOUNT/NAME.
async fn named(address: &str, bucket: &str) -> Result<BucketId, Failed> {
    let (account, name) = match bucket.split_once('/') {
        Some((account, name)) => (Some(account), name),
        None => (None, bucket),
    };
    let name = BucketName::known(name).map_err(|error| complain(&error.message, Some(&error.hint)))?;
    let account = match account {
        Some(account) => AccountName::parse(account).map_err(|error| complain(&error.message, Some(&error.hint)))?,
        None => account_of(address, &name).await?,
    };
    Ok(BucketId { account, name })
}

async fn one(address: &str, bucket: &str, output: Output) -> Result<u8, Failed> {
    let BucketId { account, name } = named(address, bucket).await?;
    let bucket = ask(address, &format!("/api/v1/buckets/{account}/{name}")).await?;
    match output {
        Output::Json => super::say(format_args!("{bucket:#}")),
        Output::Text => super::say_in(Look::Status, text::bucket(&bucket, SystemClock.now()).trim_end()),
    }
    Ok(match (bucket["inSync"].as_bool(), bucket["verdict"].as_str()) {
        (Some(true), _) => IN_SYNC,
        (_, Some("unknown")) if bucket["held"].as_array().is_none_or(Vec::is_empty) => CANNOT_TELL,
        _ => DRIFT,
    })
}

/// The only account that has a bucket of this name; the default one when none has.
async fn account_of(address: &str, name: &BucketName) -> Result<AccountName, Failed> {
    let found = ask(address, &format!("/api/v1/buckets?q={name}&sort=name&limit=1000")).await?;
    let rows = found["buckets"].as_array().cloned().unwrap_or_default();
    let accounts: Vec<AccountName> = rows
        .iter()
        .filter(|row| row["id"]["name"] == name.as_str())
        .filter_map(|row| AccountName::parse(row["id"]["account"].as_str()?).ok())
        .collect();
    match accounts.as_slice() {
        [] => Ok(AccountName::default()),
        [only] => Ok(only.clone()),
        several => {
            let names: Vec<String> = several.iter().map(|account| format!("{account}/{name}")).collect();
            Err(complain(
                format!("several accounts have a bucket `{name}`"),
                Some(&format!("name one: {}", names.join(", "))),
            ))
        }
    }
}

/// How the command ends: what is wrong outweighs what is not known.
fn fleet_code(status: &Value) -> u8 {
    let some = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64).unwrap_or(0) > 0;
    let state = status.pointer("/source/state").and_then(Value::as_str).unwrap_or_default();
    let wrong = ["/buckets/drifted", "/buckets/held", "/buckets/invalid", "/source/errors"].iter().any(|it| some(it));
    if wrong || state == "held" {
        DRIFT
    } else if some("/buckets/unknown") || state != "ready" || status["ready"] != true {
        CANNOT_TELL
    } else {
        IN_SYNC
    }
}

/// What the daemon answers; a refusal or silence has been printed.
pub(super) async fn ask(address: &str, path: &str) -> Result<Value, Failed> {
    let progress = Progress::begin("asking the daemon");
    let answer = get(address, path).await;
    drop(progress);
    let (status, body) = answer.map_err(|error| {
        complain(
            format!("the daemon at {address} does not answer: {error}"),
            Some("start it with `driftless run`, or name its `http.listen` with --address"),
        )
    })?;
    if status == 200 {
        return Ok(body);
    }
    let said = body.get("error").and_then(Value::as_str).map_or_else(
        || format!("what answers at {address} is no driftless: status {status} for {path}"),
        str::to_owned,
    );
    Err(complain(said, body.get("hint").and_then(Value::as_str)))
}

/// One GET; the answer's status and JSON.
pub(super) async fn get(address: &str, path: &str) -> Result<(u16, Value), String> {
    let said = |error: std::io::Error| error.to_string().to_lowercase();
    let talk = async {
        let mut stream = TcpStream::connect(address).await.map_err(said)?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(said)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(said)?;
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or("half an answer")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("an answer that is not HTTP")?;
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(&answer[end + 4..]) } else { answer[end + 4..].to_vec() };
        match serde_json::from_slice(&body) {
            Ok(body) => Ok((status, body)),
            Err(_) if status != 200 => Ok((status, Value::Null)),
            Err(_) => Err("an answer that is not JSON".to_owned()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(buckets: Value, source: &str, ready: bool) -> u8 {
        fleet_code(&json!({"buckets": buckets, "source": {"state": source, "errors": 0}, "ready": ready}))
    }

    #[test]
    fn a_daemon_that_has_not_looked_yet_is_not_in_sync() {
        assert_eq!(code(json!({"total": 0}), "failed", false), CANNOT_TELL);
        assert_eq!(code(json!({"total": 1, "inSync": 1}), "ready", true), IN_SYNC);
    }

    #[test]
    fn what_is_wrong_outweighs_what_is_not_known() {
        assert_eq!(code(json!({"drifted": 1, "unknown": 1}), "ready", true), DRIFT);
        assert_eq!(code(json!({"unknown": 1}), "ready", true), CANNOT_TELL);
        assert_eq!(code(json!({"inSync": 1}), "held", true), DRIFT);
        assert_eq!(code(json!({"inSync": 1}), "stale", true), CANNOT_TELL);
    }
}
