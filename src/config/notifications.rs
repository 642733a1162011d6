//! Who is told, and of what: the sinks of the notifications, and what a schema cannot say of them
//! (pure). Destinations stand here and nowhere else: no document of the repository names one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::destinations::{self, GithubConfig, GitlabConfig, SnsConfig};
use super::span::Span;
use crate::notify::Happening;
use crate::spec::{PolicySeverity, select};

/// A place where people are told: exactly one of `slack`, `teams`, `webhook`, `pagerduty`, `email`,
/// `github`, `gitlab` and `sns`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationConfig {
    /// Its name, in the log and for `driftless notify --test NAME`. What was told is remembered by it.
    #[schemars(length(min = 1, max = 63), pattern(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// A channel of Slack.
    pub slack: Option<SlackConfig>,
    /// A channel of Microsoft Teams.
    pub teams: Option<TeamsConfig>,
    /// A program of your own, told by signed JSON.
    pub webhook: Option<WebhookConfig>,
    /// PagerDuty, through its Events API v2.
    pub pagerduty: Option<PagerdutyConfig>,
    /// Mail.
    pub email: Option<EmailConfig>,
    /// The statuses of commits on GitHub.
    pub github: Option<GithubConfig>,
    /// The statuses of commits on GitLab.
    pub gitlab: Option<GitlabConfig>,
    /// A topic of AWS SNS.
    pub sns: Option<SnsConfig>,
    /// Of what it is told: what fits one of these rules. Without any, of everything but `revision`.
    #[serde(default)]
    pub when: Vec<WhenConfig>,
    /// Whether it is also told when a trouble is over.
    #[serde(default = "yes")]
    pub resolved: bool,
    /// Whether messages tell the values, `from` and `to`, or only which fields differ. They may name
    /// accounts and people.
    #[serde(default = "yes")]
    pub values: bool,
    /// How long one attempt may take.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// How long a message is tried again; then it is given up, and said so.
    #[serde(default = "default_give_up_after")]
    pub give_up_after: Span,
}

/// A channel of Slack: the address of an incoming webhook, which is a secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlackConfig {
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// The name of an environment variable that holds the address.
    pub url_env: Option<String>,
}

/// A channel of Microsoft Teams: the address that a workflow of the kind "when a Teams webhook
/// request is received" gives, which is a secret.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamsConfig {
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// The name of an environment variable that holds the address.
    pub url_env: Option<String>,
}

/// A program of your own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its address, where that is no secret. Exactly one of `url`, `urlFile` and `urlEnv`.
    pub url: Option<String>,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// The name of an environment variable that holds the address.
    pub url_env: Option<String>,
    /// A file that holds the secret of the signature.
    pub secret_file: Option<PathBuf>,
    /// The name of an environment variable that holds the secret of the signature.
    pub secret_env: Option<String>,
}

/// A service of PagerDuty.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PagerdutyConfig {
    /// A file that holds the integration key.
    pub routing_key_file: Option<PathBuf>,
    /// The name of an environment variable that holds the integration key.
    pub routing_key_env: Option<String>,
    /// The address of the Events API; `https://events.eu.pagerduty.com/v2/enqueue` for accounts in
    /// the EU.
    #[serde(default = "pagerduty_url")]
    pub url: String,
}

/// Mail by SMTP.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailConfig {
    /// The mail server.
    #[schemars(length(min = 1))]
    pub host: String,
    /// Its port. Default 587 for `starttls`, 465 for `tls`, 25 for `none`.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// How the connection is secured.
    #[serde(default)]
    pub security: MailSecurity,
    /// The user name, where the server wants one.
    pub username: Option<String>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The name of an environment variable that holds the password.
    pub password_env: Option<String>,
    /// The name by which the agent greets the server (`EHLO`). Default: this machine's, where that is
    /// fully qualified, else the domain of `from`.
    pub helo: Option<String>,
    /// The sender: `driftless@example.com`, or with a name before it: `driftless <driftless@example.com>`.
    pub from: String,
    /// Who is told.
    #[schemars(length(min = 1, max = 50))]
    pub to: Vec<String>,
}

/// How a connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS after a greeting in the clear; without TLS nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// None: only for a server on the same machine.
    None,
}

/// A rule: everything that it names must fit.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WhenConfig {
    /// Of `drift`, `repaired`, `held`, `failed`, `unknown`, `source`, `breaker` and `revision`; all but
    /// `revision` when nothing is said.
    pub on: Option<Vec<Happening>>,
    /// So bad, or worse.
    pub severity: Option<PolicySeverity>,
    /// Globs on the policy that asked; `spec` for what a bucket's own spec says.
    pub policies: Vec<String>,
    /// Globs on the name of the bucket.
    pub buckets: Vec<String>,
    /// Globs on the account.
    pub accounts: Vec<String>,
    /// Globs on the region.
    pub regions: Vec<String>,
    /// Labels that the bucket's spec carries; the value is a glob.
    pub labels: BTreeMap<String, String>,
    /// Tags that the bucket's spec asks for; the value is a glob.
    pub tags: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

fn default_timeout() -> Span {
    Span(Duration::from_secs(10))
}

fn default_give_up_after() -> Span {
    Span(Duration::from_secs(86_400))
}

fn pagerduty_url() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

/// Says a fault at a JSON pointer, with a hint.
type Say<'a> = dyn FnMut(&str, String, Option<String>) + 'a;

/// What a schema cannot say.
pub(super) fn check(sinks: &[NotificationConfig], say: &mut Say<'_>) {
    let mut names = BTreeSet::new();
    for (index, sink) in sinks.iter().enumerate() {
        let at = format!("/notifications/{index}");
        if !names.insert(&sink.name) {
            let hint = "give each a `name` of its own: what was told is remembered by it".to_owned();
            say(&format!("{at}/name"), format!("two notifications are named `{}`", sink.name), Some(hint));
        }
        let kinds = kinds(sink);
        if kinds.len() != 1 {
            let message = match kinds.as_slice() {
                [] => format!("the notification `{}` goes nowhere", sink.name),
                several => format!("the notification `{}` names {}", sink.name, several.join(" and ")),
            };
            say(&at, message, Some(format!("name exactly one of {}", KINDS.join(", "))));
        }
        for (field, span, least, most) in [
            ("timeout", sink.timeout, Duration::from_millis(100), Duration::from_secs(120)),
            ("giveUpAfter", sink.give_up_after, Duration::from_secs(1), Duration::from_secs(7 * 86_400)),
        ] {
            if span.0 < least || span.0 > most {
                let hint = format!("write at least `{}` and at most `{}`", Span(least), Span(most));
                say(&format!("{at}/{field}"), format!("`{span}` is out of range"), Some(hint));
            }
        }
        if sink.pagerduty.is_some() && !sink.resolved {
            let hint = "leave `resolved` out: an alert ends when driftless says that its trouble is over".to_owned();
            let message = "without `resolved`, alerts of PagerDuty would stay open for ever".to_owned();
            say(&format!("{at}/resolved"), message, Some(hint));
        }
        destinations(sink, &at, say);
        for (place, rule) in sink.when.iter().enumerate() {
            rule_check(rule, &format!("{at}/when/{place}"), say);
        }
    }
}

/// The kinds of sinks, by their fields.
const KINDS: [&str; 8] = ["slack", "teams", "webhook", "pagerduty", "email", "github", "gitlab", "sns"];

/// The kinds that a notification names.
fn kinds(sink: &NotificationConfig) -> Vec<&'static str> {
    let named = [
        sink.slack.is_some(),
        sink.teams.is_some(),
        sink.webhook.is_some(),
        sink.pagerduty.is_some(),
        sink.email.is_some(),
        sink.github.is_some(),
        sink.gitlab.is_some(),
        sink.sns.is_some(),
    ];
    KINDS.into_iter().zip(named).filter_map(|(kind, named)| named.then_some(kind)).collect()
}

fn destinations(sink: &NotificationConfig, at: &str, say: &mut Say<'_>) {
    if let Some(it) = &sink.slack {
        secret(&format!("{at}/slack"), "url", &it.url_file, &it.url_env, say);
    }
    if let Some(it) = &sink.teams {
        secret(&format!("{at}/teams"), "url", &it.url_file, &it.url_env, say);
    }
    if let Some(it) = &sink.webhook {
        match &it.url {
            Some(_) if it.url_file.is_some() || it.url_env.is_some() => {
                let hint = "name one: an address with a token in it stands in a file or a variable".to_owned();
                say(&format!("{at}/webhook"), "`url`, and `urlFile` or `urlEnv`".to_owned(), Some(hint));
            }
            Some(url) => address(url, &format!("{at}/webhook/url"), say),
            None if it.url_file.is_none() && it.url_env.is_none() => {
                let hint = "name one of `url`, and `urlFile` or `urlEnv` where it is a secret".to_owned();
                say(&format!("{at}/webhook"), "no address".to_owned(), Some(hint));
            }
            None => secret(&format!("{at}/webhook"), "url", &it.url_file, &it.url_env, say),
        }
        secret(&format!("{at}/webhook"), "secret", &it.secret_file, &it.secret_env, say);
    }
    if let Some(it) = &sink.pagerduty {
        address(&it.url, &format!("{at}/pagerduty/url"), say);
        secret(&format!("{at}/pagerduty"), "routingKey", &it.routing_key_file, &it.routing_key_env, say);
    }
    if let Some(it) = &sink.email {
        mail(it, &format!("{at}/email"), say);
    }
    destinations::check(sink, at, say);
}

fn mail(it: &EmailConfig, at: &str, say: &mut Say<'_>) {
    if it.security == MailSecurity::None && !is_loopback(&it.host) {
        let hint = "write `security: starttls`, or `tls`; a relay on this machine may go without".to_owned();
        say(&format!("{at}/security"), format!("mail to `{}` would go in the clear", it.host), Some(hint));
    }
    match (&it.username, it.password_file.is_some() || it.password_env.is_some()) {
        (Some(_), _) => secret(at, "password", &it.password_file, &it.password_env, say),
        (None, true) => {
            say(at, "a password without `username`".to_owned(), Some("add `username`".to_owned()));
        }
        (None, false) => {}
    }
    if let Some(name) = it.helo.as_ref().filter(|it| !is_domain(it)) {
        let hint = "write the full name of this machine, such as `driftless.example.com`".to_owned();
        say(&format!("{at}/helo"), format!("`{}` is no fully qualified name", name.escape_debug()), Some(hint));
    }
    let people = it.to.iter().enumerate().map(|(place, to)| (format!("{at}/to/{place}"), to));
    for (pointer, text) in std::iter::once((format!("{at}/from"), &it.from)).chain(people) {
        if !is_mailbox(text) {
            let hint = "write `name@example.com`, or `Name <name@example.com>`".to_owned();
            say(&pointer, format!("`{}` is no mail address", text.escape_debug()), Some(hint));
        }
    }
}

/// Exactly one of `<name>File` and `<name>Env`.
pub(super) fn secret(at: &str, name: &str, file: &Option<PathBuf>, env: &Option<String>, say: &mut Say<'_>) {
    let message = match (file, env) {
        (Some(_), Some(_)) => format!("both `{name}File` and `{name}Env`"),
        (None, None) => format!("neither `{name}File` nor `{name}Env`"),
        _ => return,
    };
    say(at, message, Some("name one: secrets stand in a file or a variable, never here".to_owned()));
}

/// An address that messages may be sent to.
pub(super) fn address(url: &str, at: &str, say: &mut Say<'_>) {
    if let Err((message, hint)) = check_address(url) {
        say(at, message, Some(hint));
    }
}

/// Whether messages may be sent to an address: https, or http on this machine; no name and password
/// in it, and not the addresses at which clouds keep credentials.
///
/// # Errors
/// What is wrong with it, without what may be secret in it; and what to write instead.
pub fn check_address(url: &str) -> Result<(), (String, String)> {
    let said = |message: &str, hint: &str| Err((message.to_owned(), hint.to_owned()));
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
        _ => return said("the address does not begin with `https://`", "write `https://…`"),
    };
    if url.len() > 2048 || url.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return said("the address holds characters that no address has", "percent-encode them");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return said("a name or a password in the address", "leave them out; secrets stand in files or variables");
    }
    let host = host_of(authority);
    if host.is_empty() {
        return said("the address has no host", "write `https://host/path`");
    }
    if scheme == "http" && !is_loopback(host) {
        return said("plain http to another machine", "write `https://…`; http is for this machine alone");
    }
    if is_link_local(host) {
        let hint = "clouds keep credentials at such addresses; name another host";
        return said("the address is link-local", hint);
    }
    Ok(())
}

/// The host of `host:port`, without the brackets of IPv6.
pub(crate) fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

fn is_link_local(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok_and(link_local)
}

/// Whether an address is one at which clouds keep credentials.
pub(crate) fn link_local(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(it) => it.is_link_local(),
        std::net::IpAddr::V6(it) => {
            it.is_unicast_link_local()
                || it.to_ipv4_mapped().is_some_and(|it| it.is_link_local())
                || it.segments()[..2] == [0xfd00, 0x0ec2]
        }
    }
}

/// Whether a mail server takes it for the name of a machine: fully qualified ("Simple Mail Transfer
/// Protocol", RFC 5321, 4.1.1.1 and 2.3.5), and no name that every machine has.
pub(crate) fn is_domain(name: &str) -> bool {
    let label = |it: &str| {
        let legal = it.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        legal && (1..=63).contains(&it.len()) && !it.starts_with('-') && !it.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let anybodys = ["localhost", "localdomain", "local"].contains(&&*last) || last.chars().all(|c| c.is_ascii_digit());
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && !anybodys
}

fn is_mailbox(text: &str) -> bool {
    let address = match text.strip_suffix('>').map(|it| it.rsplit_once('<')) {
        Some(Some((_, address))) => address,
        Some(None) => return false,
        None => text,
    };
    let clean = !text.chars().any(char::is_control) && !address.contains([' ', '<', '>', ',', ';']);
    let parts = address.rsplit_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    clean && parts && address.len() <= 254
}

fn rule_check(rule: &WhenConfig, at: &str, say: &mut Say<'_>) {
    let lists = [
        ("policies", &rule.policies),
        ("buckets", &rule.buckets),
        ("accounts", &rule.accounts),
        ("regions", &rule.regions),
    ];
    let globs = lists.into_iter().flat_map(|(field, globs)| {
        globs.iter().enumerate().map(move |(place, glob)| (format!("{at}/{field}/{place}"), glob))
    });
    let pairs = [("labels", &rule.labels), ("tags", &rule.tags)].into_iter().flat_map(|(field, map)| {
        map.iter().map(move |(key, glob)| (format!("{at}/{field}/{}", key.replace('~', "~0").replace('/', "~1")), glob))
    });
    for (pointer, glob) in globs.chain(pairs) {
        if let Err(what) = select::check_glob(glob) {
            let hint = "`*` stands for any text, `?` for one character".to_owned();
            say(&pointer, format!("`{glob}` is no pattern: {what}"), Some(hint));
        }
    }
    if rule.on.as_ref().is_some_and(Vec::is_empty) {
        let hint = "name what happens, or leave `on` out".to_owned();
        say(&format!("{at}/on"), "the rule fits nothing".to_owned(), Some(hint));
    }
}

#[cfg(test)]
mod tests;
