//! The agent's configuration: one YAML file, every field also by environment and by flag.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bucket::{AccountId, AccountName, Region};
use crate::finding::{Finding, Place};
use crate::spec::Mode;
use crate::spec::check::Checker;
use crate::spec::yaml;

pub mod alertmanager;
mod chosen;
pub mod destinations;
mod limits;
pub mod notifications;
mod overrides;
pub mod schedule;
pub mod span;
mod telemetry;

#[cfg(feature = "daemon")]
pub(crate) use limits::{collector, without_secrets};
pub use overrides::{ENVIRONMENT, Override};
pub use telemetry::{OtlpProtocol, TelemetryConfig};

use span::Span;

/// The configuration of the agent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "driftless agent configuration")]
pub struct Config {
    /// Where the specs are.
    pub source: SourceConfig,
    /// The accounts whose buckets are managed; the first is that of specs that name none.
    #[serde(default = "one_account")]
    #[schemars(length(min = 1))]
    pub accounts: Vec<AccountConfig>,
    /// When every bucket is checked.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Whether differences are repaired (`enforce`) or only told (`observe`).
    #[serde(default)]
    pub mode: Mode,
    /// The policies.
    #[serde(default)]
    pub policies: PoliciesConfig,
    /// How much may happen at once.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Where the page, the API and the metrics are served.
    #[serde(default)]
    pub http: HttpConfig,
    /// The metrics.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// Alerts that the agent pushes by itself.
    #[serde(default)]
    pub alertmanager: alertmanager::AlertmanagerConfig,
    /// The history.
    #[serde(default)]
    pub history: HistoryConfig,
    /// The folder of the history and of the copy of the repository; nothing else is kept. Only
    /// the agent's user may enter it.
    #[serde(default = "default_data_dir")]
    pub data_dir: PathBuf,
    /// The log.
    #[serde(default)]
    pub log: LogConfig,
    /// Where people are told of drift, and of what else happens. See `docs/notifications.md`.
    #[serde(default)]
    pub notifications: Vec<notifications::NotificationConfig>,
    /// Traces and logs for an OpenTelemetry collector.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// Where the specs are: exactly one of `git` and `dir`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceConfig {
    /// A git repository.
    pub git: Option<GitConfig>,
    /// A folder, for work on one's own machine.
    pub dir: Option<PathBuf>,
    /// How often it is looked at, with jitter.
    #[serde(default = "default_interval")]
    pub interval: Span,
    /// How long one look may take; then it is ended, said, and tried again later.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// A revision that is held (its history was rewritten, or most files are gone) and that is
    /// meant: 7 or more of its first characters.
    #[schemars(length(min = 7))]
    pub accept: Option<String>,
}

/// A git repository.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitConfig {
    /// `https://…`, `ssh://…`, `user@host:path`, or a path on this machine.
    pub url: String,
    /// The branch to follow. `main` when neither tag nor commit is named.
    pub branch: Option<String>,
    /// The tag to follow.
    pub tag: Option<String>,
    /// The commit to stay on, in full.
    pub commit: Option<String>,
    /// The folder inside the repository; all of it when nothing is said.
    #[serde(default)]
    pub path: String,
    /// A file that holds the token for https.
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable that holds the token for https.
    pub token_env: Option<String>,
    /// The user name that goes with the token. Default `x-access-token`.
    pub username: Option<String>,
    /// The private key for ssh.
    pub ssh_key_file: Option<PathBuf>,
    /// A file that holds the passphrase of the key.
    pub ssh_passphrase_file: Option<PathBuf>,
    /// The `known_hosts` file for ssh. Required for ssh; there is no switch to go without.
    pub known_hosts_file: Option<PathBuf>,
    /// A file of certificate authorities (PEM) to trust for https besides the system's.
    pub ca_file: Option<PathBuf>,
    /// What to do when the history was rewritten (a force-push): `hold` the last good revision,
    /// or `accept` the new one.
    #[serde(default)]
    pub rewritten_history: Rewritten,
}

/// What to do with a revision whose history was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rewritten {
    /// The last good revision stays in force.
    #[default]
    Hold,
    /// It is obeyed, with a warning.
    Accept,
}

/// An account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountConfig {
    /// The name by which specs call it.
    #[serde(default)]
    #[schemars(with = "String")]
    pub name: AccountName,
    /// Its twelve digits. Every request then names the owner that it expects.
    #[schemars(with = "Option<String>")]
    pub id: Option<AccountId>,
    /// The region of buckets that name none.
    #[serde(default = "Region::us_east_1")]
    #[schemars(with = "String")]
    pub region: Region,
    /// The address of an S3-compatible store; AWS when nothing is said.
    pub endpoint: Option<String>,
    /// The address of S3 Control, where it is not AWS's own: of a store that has one, or of a VPC
    /// endpoint. Without it, a store with an `endpoint` is never asked for what S3 Control holds
    /// (the settings of accounts).
    pub s3_control_endpoint: Option<String>,
    /// Whether the bucket stands in the path and not in the host name. Most stores need it.
    #[serde(default)]
    pub path_style: bool,
    /// A profile of the shared AWS configuration files.
    pub profile: Option<String>,
    /// The ARN of the role to assume for reading, and for writing when `writerRole` is not named.
    pub role: Option<String>,
    /// The ARN of the role to assume for the seconds of a write.
    pub writer_role: Option<String>,
    /// The external id that the roles' trust policies ask for.
    pub external_id: Option<String>,
    /// Requests a second, at most; those that wait go in the order in which they came.
    #[schemars(range(min = 0.1))]
    pub requests_per_second: Option<f64>,
    /// Requests under way at once, at most; the number starts low and grows while S3 refuses none.
    #[schemars(range(min = 1, max = 4096))]
    pub max_concurrency: Option<usize>,
}

fn one_account() -> Vec<AccountConfig> {
    vec![serde_json::from_value(serde_json::json!({})).expect("every field has a default")]
}

/// When every bucket is checked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// A cron expression: five fields (minute hour day month weekday), or six or seven with
    /// seconds before and the year behind.
    pub cron: String,
    /// The IANA time zone in which it is meant.
    pub zone: String,
    /// Each sweep begins up to so much later, so that agents do not all ask at once.
    pub jitter: Span,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { cron: "*/5 * * * *".to_owned(), zone: "UTC".to_owned(), jitter: Span(Duration::from_secs(10)) }
    }
}

/// The policies that need no document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PoliciesConfig {
    /// The built-in policies that are in force: `private`, `versioned`, `encrypted`, `tagged`.
    pub builtin: Vec<String>,
    /// Whether buckets without a spec are judged by the policies too. They are never written.
    pub undeclared: bool,
    /// Parameters of built-in policies, by policy, over their own.
    pub parameters: BTreeMap<String, serde_json::Map<String, Value>>,
}

impl Default for PoliciesConfig {
    fn default() -> Self {
        let builtin = ["private", "versioned", "encrypted", "tagged"].map(str::to_owned).to_vec();
        Self { builtin, undeclared: false, parameters: BTreeMap::new() }
    }
}

/// How much may happen at once.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Buckets that are looked at at once.
    #[schemars(range(min = 1, max = 4096))]
    pub concurrency: usize,
    /// Buckets that one sweep may change, in percent of those that specs declare.
    #[schemars(range(min = 0, max = 100))]
    pub changed_percent: f64,
    /// So many may always change.
    pub changed_least: usize,
    /// The same write, so often within `fightWindow`, is a fight with somebody else and is stopped.
    #[schemars(range(min = 1))]
    pub fight_repairs: usize,
    /// The window in which repeated writes are counted.
    pub fight_window: Span,
    /// A sweep in which no bucket was finished for so long is stuck, and the agent not ready.
    pub stuck_after: Span,
    /// How long all attempts of one request may take, without the wait for its turn.
    pub request_deadline: Span,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            concurrency: 64,
            changed_percent: 10.0,
            changed_least: 10,
            fight_repairs: 3,
            fight_window: Span(Duration::from_secs(3600)),
            stuck_after: Span(Duration::from_secs(600)),
            request_deadline: Span(Duration::from_secs(60)),
        }
    }
}

/// Where the page, the API and the metrics are served.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The address of the page and the API, and of the metrics when these have none of their own.
    #[schemars(schema_with = "listen_schema")]
    pub listen: SocketAddr,
    /// An address for the metrics alone.
    #[schemars(schema_with = "optional_listen_schema")]
    pub metrics_listen: Option<SocketAddr>,
    /// A file that holds the token for `POST /api/v1/sync`, 16 characters or more. Without it nobody
    /// can ask for a sweep.
    pub sync_token_file: Option<PathBuf>,
    /// The address by which people reach the page, such as `https://driftless.example.com`; messages
    /// link to it, and page and API are answered by its name.
    pub public_url: Option<String>,
}

/// An IP address and a port. Names are refused: what they lead to may change while the agent runs.
fn listen_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let octet = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
    let port = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4})";
    schemars::json_schema!({
        "type": "string",
        "pattern": format!(r"^({octet}(\.{octet}){{3}}|\[[0-9a-fA-F:.]+\]):{port}$"),
        "examples": ["127.0.0.1:9464", "0.0.0.0:9464", "[::1]:9464"]
    })
}

fn optional_listen_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let mut schema = listen_schema(generator);
    schema.insert("type".to_owned(), serde_json::json!(["string", "null"]));
    schema
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            metrics_listen: None,
            sync_token_file: None,
            public_url: None,
        }
    }
}

/// The metrics.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// How fine they are: a series per `bucket`, per `policy` with single buckets only where
    /// something is wrong, or a `summary`.
    pub detail: DetailConfig,
}

/// How fine the metrics are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DetailConfig {
    /// Every bucket.
    #[default]
    Bucket,
    /// Single buckets only where something is wrong.
    Policy,
    /// Counts only.
    Summary,
}

/// The history.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Entries older than this are dropped.
    pub keep: Span,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { keep: Span(Duration::from_secs(400 * 86_400)) }
    }
}

/// The log.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LogConfig {
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives by module. Default `info`.
    pub level: Option<String>,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The folder of the history and of the copy of the repository where nobody says another.
pub fn default_data_dir() -> PathBuf {
    PathBuf::from("/var/lib/driftless")
}

fn default_interval() -> Span {
    Span(Duration::from_secs(60))
}

fn default_timeout() -> Span {
    Span(Duration::from_secs(60))
}

/// The JSON Schema of the file.
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>().to_value()
}

/// Reads the configuration: the file's text, then the environment, then the flags over it.
///
/// # Errors
/// Every fault at once, each with its place and what to write instead.
pub fn parse(file: &str, text: &str, overrides: &[Override]) -> Result<Config, Vec<Finding>> {
    let file: Arc<str> = file.into();
    let at = |line, column| Place { file: Arc::clone(&file), line, column };
    let parsed = yaml::parse(text, &at);
    let mut findings = parsed.findings;
    if parsed.documents.len() > 1 {
        findings.push(Finding::error(at(1, 1), "more than one document").hint("write one document, without `---`"));
    }
    let mut document = parsed.documents.into_iter().next().unwrap_or_else(|| yaml::Node::empty(at(1, 1)));
    let schema = schema();
    for it in overrides {
        match it.node(&schema) {
            Ok(node) => document = document.with_path(&it.path, node),
            Err(faults) => findings.extend(faults),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let checker = Checker::of(schema);
    let json = document.to_json();
    let faults = checker.check(&document, &json);
    // What cannot be read is left out, so that the rest is checked all the same.
    let mut readable = json;
    faults.iter().for_each(|fault| remove(&mut readable, &fault.pointer));
    let config = serde_json::from_value::<Config>(readable);
    let mut findings: Vec<Finding> = Vec::new();
    match &config {
        Ok(config) => limits::check(config, &mut |pointer, message, hint| {
            // Of what was left out nothing more is known.
            if !faults.iter().any(|fault| fault.pointer.starts_with(pointer)) {
                let mut finding = Finding::error(document.find(pointer).place().clone(), message);
                finding.hint = hint;
                findings.push(finding);
            }
        }),
        Err(error) if faults.is_empty() => {
            findings.push(Finding::error(document.at.clone(), error.to_string()));
        }
        Err(_) => {}
    }
    findings.extend(faults.into_iter().map(|fault| fault.finding));
    findings.sort();
    match config {
        Ok(config) if findings.is_empty() => Ok(config),
        _ => Err(findings),
    }
}

/// Takes out what a JSON pointer leads to.
fn remove(json: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let name = last.replace("~1", "/").replace("~0", "~");
    match json.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&name)),
        Some(Value::Array(list)) => {
            if let Some(element) = name.parse::<usize>().ok().filter(|place| *place < list.len()) {
                list.remove(element);
            }
        }
        _ => {}
    }
}

/// Reads the file at `path`, with the environment and flags over it.
///
/// # Errors
/// Every fault at once; a file that cannot be read is one.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Config, Vec<Finding>> {
    let name = path.display().to_string();
    let start = || Place { file: name.as_str().into(), line: 1, column: 1 };
    let bytes = std::fs::read(path).map_err(|error| {
        vec![
            Finding::error(start(), format!("the configuration cannot be read: {}", error.to_string().to_lowercase()))
                .hint("name another file with `--config`"),
        ]
    })?;
    let text = yaml::decode(&name.as_str().into(), &bytes).map_err(|finding| vec![finding])?;
    parse(&name, text, overrides)
}
