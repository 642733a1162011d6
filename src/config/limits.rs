//! What a schema cannot say of a configuration: what goes together, what can be meant (pure).

use std::time::Duration;

use super::{Config, schedule};
use crate::bucket::Region;
use crate::source::GitUrl;

/// What a schema cannot say.
pub(super) fn check(config: &Config, say: &mut dyn FnMut(&str, String, Option<String>)) {
    let source = &config.source;
    match (&source.git, &source.dir) {
        (Some(_), Some(_)) => {
            say("/source", "both `git` and `dir`".to_owned(), Some("name one source".to_owned()));
        }
        (None, None) => say(
            "/source",
            "no source".to_owned(),
            Some("write `git: {url: …}`, or `dir: …` for work on one's own machine".to_owned()),
        ),
        _ => {}
    }
    if let (Some(git), None) = (&source.git, &source.dir)
        && let Err(illegal) = git.url.parse::<GitUrl>()
    {
        say("/source/git/url", illegal.message, illegal.hint.map(str::to_owned));
    }
    if let Some(git) = &source.git {
        let named = [git.branch.is_some(), git.tag.is_some(), git.commit.is_some()].iter().filter(|it| **it).count();
        if named > 1 {
            say("/source/git", "more than one of `branch`, `tag` and `commit`".to_owned(), Some("name one".to_owned()));
        }
    }
    for (pointer, span) in [("/source/interval", source.interval), ("/source/timeout", source.timeout)] {
        if span.0 < Duration::from_millis(100) {
            say(pointer, format!("`{span}` is too short"), Some("write at least `1s`".to_owned()));
        }
    }
    if let Some(level) = &config.log.level {
        // A word alone that is no level would be taken for a module, and all others would be mute.
        let is_one =
            |part: &str| part.contains('=') || part.trim().parse::<tracing::level_filters::LevelFilter>().is_ok();
        if !level.split(',').all(is_one) || level.parse::<tracing_subscriber::filter::Targets>().is_err() {
            let hint = "write `error`, `warn`, `info`, `debug` or `trace`".to_owned();
            say("/log/level", format!("`{level}` is no level"), Some(hint));
        }
    }
    if let Some(endpoint) = &config.telemetry.endpoint
        && let Err(what) = collector(endpoint)
    {
        let (message, hint) = match what {
            NoCollector::NoHttp => {
                let endpoint = without_secrets(endpoint);
                let message = format!("`{endpoint}` is not an http or https address");
                (message, format!("did you mean `http://{endpoint}`?"))
            }
            NoCollector::Secrets => {
                let hint = "a secret stands in a header: name its file in `telemetry.headersFile`";
                (what.to_string(), hint.to_owned())
            }
            NoCollector::NoServer => (what.to_string(), "write it as `https://otel.example.com:4318`".to_owned()),
        };
        say("/telemetry/endpoint", message, Some(hint));
    }
    for error in schedule::faults(&config.schedule.cron, &config.schedule.zone) {
        let pointer = match error {
            schedule::Error::Zone { .. } => "/schedule/zone",
            schedule::Error::Cron { .. } => "/schedule/cron",
        };
        say(pointer, error.to_string(), error.hint());
    }
    for (index, account) in config.accounts.iter().enumerate() {
        if config.accounts.iter().take(index).any(|other| other.name == account.name) {
            say(
                &format!("/accounts/{index}"),
                format!("two accounts are named `{}`", account.name),
                Some("give each a `name` of its own".to_owned()),
            );
        }
        if account.endpoint.is_none()
            && let Err(error) = Region::parse_known(account.region.as_str())
        {
            say(&format!("/accounts/{index}/region"), error.message, Some(error.hint));
        }
        for (field, endpoint) in [("endpoint", &account.endpoint), ("s3ControlEndpoint", &account.s3_control_endpoint)]
        {
            if let Some(endpoint) = endpoint
                && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
            {
                let endpoint = without_secrets(endpoint);
                say(
                    &format!("/accounts/{index}/{field}"),
                    format!("`{endpoint}` is not an http or https address"),
                    Some(format!("did you mean `https://{endpoint}`?")),
                );
            }
        }
        // AWS says whose the credentials are; a store of one's own is not asked.
        if account.s3_control_endpoint.is_some() && account.endpoint.is_some() && account.id.is_none() {
            say(
                &format!("/accounts/{index}/s3ControlEndpoint"),
                "`s3ControlEndpoint` without the account's `id`".to_owned(),
                Some("every request to S3 Control names the account: write its twelve digits as `id`".to_owned()),
            );
        }
    }
    super::alertmanager::check(&config.alertmanager, say);
    if let Some(Err((message, _))) = config.http.public_url.as_deref().map(super::alertmanager::address) {
        say("/http/publicUrl", message, Some("write it as `https://driftless.example.com`".to_owned()));
    }
    super::notifications::check(&config.notifications, say);
    for (index, sink) in config.notifications.iter().enumerate() {
        if sink.tells_commits() && config.source.dir.is_some() {
            let message = "a folder has no commits whose status could be told".to_owned();
            say(&format!("/notifications/{index}"), message, Some("commit statuses need `source.git`".to_owned()));
        }
    }
    let builtin = ["private", "versioned", "encrypted", "tagged"];
    for (index, name) in config.policies.builtin.iter().enumerate() {
        if !builtin.contains(&name.as_str()) {
            let hint = crate::finding::did_you_mean(name, builtin)
                .map_or_else(|| format!("there are {}", builtin.join(", ")), |near| format!("did you mean `{near}`?"));
            say(&format!("/policies/builtin/{index}"), format!("there is no built-in policy `{name}`"), Some(hint));
        }
    }
}

/// Why traces and logs cannot be sent to an address. What is wrong is said without the address, which
/// may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCollector {
    /// It does not begin as one.
    #[error("it is not an http or https address")]
    NoHttp,
    /// It holds what secrets are written into: a name and a password, or what follows the path.
    #[error("the address holds credentials, or more than a server and a folder")]
    Secrets,
    /// It has no host, or characters that no address has.
    #[error("it is no address of a server and a folder")]
    NoServer,
}

/// Whether traces and logs can be sent to an address: it stands in the log, so nothing that may be a
/// secret may be in it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn collector(address: &str) -> Result<(), NoCollector> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let rest = rest.ok_or(NoCollector::NoHttp)?;
    // A password may have a slash in it, so that the whole of the address counts.
    if rest.contains(['@', '?', '#']) {
        return Err(NoCollector::Secrets);
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || crate::finding::is_invisible(c);
    if rest.starts_with(['/', ':']) || rest.is_empty() || rest.contains(odd) {
        return Err(NoCollector::NoServer);
    }
    Ok(())
}

/// An address as it may be shown: a name and a password that somebody wrote into it are left out,
/// and what follows the path, where tokens stand.
pub(crate) fn without_secrets(address: &str) -> String {
    let (shown, rest) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
    // Either mark may stand in a password as well, and an `@` in a token.
    if rest.contains('@') {
        return "…".to_owned();
    }
    let shown = shown.rsplit_once('@').map_or(shown.to_owned(), |(_, host)| format!("…@{host}"));
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A password that was written into an address stood in the fault of it, and so in the log.
    #[test]
    fn what_is_wrong_with_an_address_is_said_without_the_secrets_in_it() {
        assert_eq!(without_secrets("s3.example.com"), "s3.example.com");
        assert_eq!(without_secrets("me:s3@cret@host/a?token=s3cret#s3cret"), "…@host/a");
        for odd in ["me:s3cret?s3cret@host", "me:s3cret#s3cret@host", "host?token=s3@cret"] {
            assert_eq!(without_secrets(odd), "…");
        }
        let text = "source: {dir: .}\naccounts: [{name: a, endpoint: \"ftp://me:s3cret@host/\"}]\n\
            http: {publicUrl: \"me:s3cret@host\"}\ntelemetry: {endpoint: \"me:s3cret@host\"}\n";
        let faults = super::super::parse("driftless.yaml", text, &[]).expect_err("three faults");
        assert_eq!(faults.len(), 3, "{faults:#?}");
        for fault in faults {
            assert!(!format!("{fault:?}").contains("s3cret"), "{fault:?}");
        }
    }

    /// `http://u:PASSWORD@host` passed the check of the configuration, and the log showed it whole.
    #[test]
    fn an_address_for_telemetry_with_what_may_be_a_secret_in_it_is_refused_and_not_shown() {
        let faults = |address: &str| {
            let text = format!("source: {{dir: .}}\ntelemetry: {{endpoint: {address:?}}}\n");
            let read = super::super::parse("driftless.yaml", &text, &[]);
            read.err().into_iter().flatten().map(|fault| fault.to_string()).collect::<Vec<_>>()
        };
        for secret in
            ["http://u:s3cret@127.0.0.1:1", "https://u:s3/cret@host", "http://a?key=s3cret", "https://a/b#s3cret"]
        {
            assert_eq!(
                faults(secret),
                ["driftless.yaml:2:13: the address holds credentials, or more than a server and a folder\n\
                  hint: a secret stands in a header: name its file in `telemetry.headersFile`"],
                "{secret}"
            );
        }
        for none in ["http://", "https:///a", "http://a b"] {
            assert_eq!(
                faults(none),
                ["driftless.yaml:2:13: it is no address of a server and a folder\n\
                  hint: write it as `https://otel.example.com:4318`"],
                "{none}"
            );
        }
        for good in ["http://localhost:4318", "https://otel.example.com/otlp/", "http://[::1]:4318"] {
            assert_eq!(faults(good), Vec::<String>::new(), "{good}");
        }
    }
}
