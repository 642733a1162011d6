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
        && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
    {
        let endpoint = without_secrets(endpoint);
        let hint = Some(format!("did you mean `http://{endpoint}`?"));
        say("/telemetry/endpoint", format!("`{endpoint}` is not an http or https address"), hint);
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

/// An address as it may be shown: a name and a password that somebody wrote into it are left out,
/// and what follows the path, where tokens stand.
fn without_secrets(address: &str) -> String {
    let shown = address.split(['?', '#']).next().unwrap_or_default();
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
        let text = "source: {dir: .}\naccounts: [{name: a, endpoint: \"ftp://me:s3cret@host/\"}]\n\
            http: {publicUrl: \"me:s3cret@host\"}\ntelemetry: {endpoint: \"me:s3cret@host\"}\n";
        let faults = super::super::parse("driftless.yaml", text, &[]).expect_err("three faults");
        assert_eq!(faults.len(), 3, "{faults:#?}");
        for fault in faults {
            assert!(!format!("{fault:?}").contains("s3cret"), "{fault:?}");
        }
    }
}
