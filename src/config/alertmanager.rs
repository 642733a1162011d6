//! Whether, where and how the agent pushes alerts by itself, and what a schema cannot say of it
//! (pure).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::notifications::{host_of, is_loopback};
use super::span::Span;

/// Alerts that the agent pushes to Alertmanager by itself: those of `deploy/prometheus/rules.yml`,
/// where no Prometheus evaluates them, or in case it fails.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AlertmanagerConfig {
    /// The address of Alertmanager; of a cluster, that of every member. Nothing is pushed without one.
    pub urls: Vec<String>,
    /// The user name, where it wants one.
    pub username: Option<String>,
    /// A file that holds the password. It is read for every push, so that it can be exchanged.
    pub password_file: Option<PathBuf>,
    /// A file that holds a token, in place of user name and password (`Authorization: Bearer`).
    pub token_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Span,
    /// Alerts are pushed after each sweep, and again after so long. An alert that is not pushed
    /// again for twice as long is over for Alertmanager: then the agent is gone.
    pub interval: Span,
    /// How long something must have been so before it is pushed, in place of what each rule says.
    pub wait: Option<Span>,
    /// Labels that all alerts get besides their own. Where Prometheus pushes the same alerts, write
    /// its `job` and `instance` for this agent and its `external_labels`, and Alertmanager takes both
    /// for one.
    pub labels: BTreeMap<String, String>,
    /// The address of Grafana, for the links to dashboards.
    pub grafana_url: Option<String>,
    /// The address of your copy of `docs/`, for the links to what to do.
    pub docs_url: Option<String>,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            username: None,
            password_file: None,
            token_file: None,
            timeout: Span(Duration::from_secs(10)),
            interval: Span(Duration::from_secs(60)),
            wait: None,
            labels: BTreeMap::new(),
            grafana_url: None,
            docs_url: None,
        }
    }
}

/// Labels that alerts have of their own.
const OWN: [&str; 10] =
    ["account", "alertname", "bucket", "policy", "reason", "region", "severity", "source", "state", "status"];

/// What a schema cannot say.
pub(super) fn check(config: &AlertmanagerConfig, say: &mut dyn FnMut(&str, String, Option<String>)) {
    let mut say = |field: &str, message: String, hint: &str| {
        say(&format!("/alertmanager{field}"), message, Some(hint.to_owned()));
    };
    let secret = config.password_file.is_some() || config.token_file.is_some();
    for (index, url) in config.urls.iter().enumerate() {
        // A password may have a slash in it, so that the whole of the address counts.
        let fault = if url.contains('@') { Err(credentials()) } else { address(url) };
        if let Err((message, hint)) = fault {
            say(&format!("/urls/{index}"), message, &hint);
        } else if secret
            && url
                .strip_prefix("http://")
                .is_some_and(|rest| !is_loopback(host_of(rest.split('/').next().unwrap_or_default())))
        {
            let message = format!("a secret would go to `{url}` unencrypted");
            say(&format!("/urls/{index}"), message, "write an https address");
        }
        if config.urls[..index].contains(url) {
            say(&format!("/urls/{index}"), "it is named twice".to_owned(), "name every member of the cluster once");
        }
    }
    for (field, url) in [("/grafanaUrl", &config.grafana_url), ("/docsUrl", &config.docs_url)] {
        if let Some(Err((message, hint))) = url.as_deref().map(address) {
            say(field, message, &hint);
        }
    }
    match (&config.username, &config.password_file, &config.token_file) {
        (Some(_), None, _) => say("", "`username` without `passwordFile`".to_owned(), "name the file of the password"),
        (None, Some(_), _) => say("", "`passwordFile` without `username`".to_owned(), "name the user"),
        (Some(_), Some(_), Some(_)) => say("", "both a password and a token".to_owned(), "name one"),
        _ => {}
    }
    for (field, span) in [("/timeout", config.timeout), ("/interval", config.interval)] {
        if span.0 < Duration::from_millis(100) {
            say(field, format!("`{span}` is too short"), "write at least `1s`");
        }
    }
    for name in config.labels.keys() {
        let field = format!("/labels/{}", name.replace('~', "~0").replace('/', "~1"));
        if !is_label(name) {
            say(&field, format!("`{name}` is no name of a label"), "write letters, digits and `_`, and no digit first");
        } else if OWN.contains(&&**name) {
            say(&field, format!("alerts have a label `{name}` of their own"), "take another name");
        }
    }
}

/// Whether Prometheus takes it for the name of a label.
fn is_label(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && !name.starts_with("__") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What is wrong with an address that a path is put behind, and what to write.
pub(super) fn address(url: &str) -> Result<(), (String, String)> {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        // Not the address itself, here and below, as it may hold a secret.
        let hint = "write it as `https://alertmanager.example.com/prefix`".to_owned();
        return Err(("it is not an http or https address".to_owned(), hint));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(credentials());
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '%' | '"' | '<' | '>' | '\\');
    if host.is_empty() || rest.contains(odd) {
        let hint = "write it as `https://alertmanager.example.com/prefix`".to_owned();
        return Err(("it is no address of a server and a folder".to_owned(), hint));
    }
    Ok(())
}

fn credentials() -> (String, String) {
    ("the address holds credentials".to_owned(), "name the file of the password in `passwordFile`".to_owned())
}

#[cfg(test)]
mod tests {
    /// What is said of a block `alertmanager`.
    fn faults(block: &str) -> Vec<String> {
        let text = format!("source: {{dir: .}}\nalertmanager:\n{block}");
        let read = super::super::parse("driftless.yaml", &text, &[]);
        read.err().into_iter().flatten().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn what_can_be_meant_is_taken() {
        for block in [
            "  urls: [\"https://a.example.com\", \"http://10.0.0.1:9093/alertmanager/\"]",
            "  urls: [\"https://a.example.com\"]\n  username: u\n  passwordFile: /p",
            "  urls: [\"http://127.0.0.1:9093\", \"http://[::1]:9093\", \"http://localhost\"]\n  tokenFile: /t",
            "  labels: {job: driftless, instance: \"10.0.0.1:9464\", cluster: eu}\n  wait: 0s\n  interval: 30s",
        ] {
            assert_eq!(faults(block), Vec::<String>::new(), "{block}");
        }
    }

    #[test]
    fn every_fault_has_its_place_and_says_what_to_write() {
        for (block, said) in [
            (
                "  urls: [\"alertmanager:9093\"]",
                "driftless.yaml:3:10: it is not an http or https address\n\
                 hint: write it as `https://alertmanager.example.com/prefix`",
            ),
            (
                "  urls: [\"https://u:p@a.example.com\"]",
                "driftless.yaml:3:10: the address holds credentials\n\
                 hint: name the file of the password in `passwordFile`",
            ),
            (
                "  urls: [\"https://a.example.com?x=y\"]",
                "driftless.yaml:3:10: it is no address of a server and a folder\n\
                 hint: write it as `https://alertmanager.example.com/prefix`",
            ),
            (
                "  urls: [\"http://a.example.com\"]\n  tokenFile: /t",
                "driftless.yaml:3:10: a secret would go to `http://a.example.com` unencrypted\n\
                 hint: write an https address",
            ),
            (
                "  urls: [\"https://a\", \"https://a\"]",
                "driftless.yaml:3:23: it is named twice\nhint: name every member of the cluster once",
            ),
            (
                "  grafanaUrl: grafana",
                "driftless.yaml:3:3: it is not an http or https address\n\
                 hint: write it as `https://alertmanager.example.com/prefix`",
            ),
            (
                "  username: u",
                "driftless.yaml:2:1: `username` without `passwordFile`\nhint: name the file of the password",
            ),
            ("  passwordFile: /p", "driftless.yaml:2:1: `passwordFile` without `username`\nhint: name the user"),
            (
                "  {username: u, passwordFile: /p, tokenFile: /t}",
                "driftless.yaml:2:1: both a password and a token\nhint: name one",
            ),
            ("  interval: 1ms", "driftless.yaml:3:3: `1ms` is too short\nhint: write at least `1s`"),
            (
                "  labels: {\"data centre\": x}",
                "driftless.yaml:3:12: `data centre` is no name of a label\n\
                 hint: write letters, digits and `_`, and no digit first",
            ),
            (
                "  labels: {severity: page}",
                "driftless.yaml:3:12: alerts have a label `severity` of their own\nhint: take another name",
            ),
        ] {
            assert_eq!(faults(block), [said], "{block}");
        }
    }

    /// An address with a mistake was shown whole, with the password or the token in it.
    #[test]
    fn no_fault_shows_a_secret_in_an_address() {
        for url in [
            "u:s3cret@a.example.com:9093",
            "ftp://u:s3cret@a",
            "https://a?token=s3cret",
            "https://u:s3cret@a",
            "https://u:s3/cret@a",
        ] {
            let faults = faults(&format!("  urls: [\"{url}\"]"));
            assert!(faults.len() == 1 && !faults[0].contains("s3cret"), "{faults:?}");
        }
    }
}
