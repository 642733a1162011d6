//! PagerDuty, by its Events API v2: a trouble triggers an alert, its end resolves it. The key of the
//! cause is the `dedup_key`, so that a trouble that changes stays one alert, also after a restart.

use serde_json::{Value, json};

use crate::notify::http::Client;
use crate::notify::notice::{Happening, Notice, Outcome, State};
use crate::notify::sink::{Failure, Retry, Sending, Sink, secret};
use crate::notify::words;
use crate::source::git::SecretRef;
use crate::spec::PolicySeverity;

/// A service of PagerDuty.
pub struct Pagerduty {
    /// The address of the API.
    pub url: String,
    /// Where the integration key is kept.
    pub routing_key: SecretRef,
    /// The client.
    pub client: Client,
}

impl Sink for Pagerduty {
    fn service(&self) -> &'static str {
        "pagerduty"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let key = secret(&self.routing_key)?;
            let Some(mut event) = event(notice) else { return Ok(()) };
            event["routing_key"] = key.as_str().into();
            self.client
                .post(&self.url, "application/json", &[], event.to_string())
                .await
                .map(drop)
                .map_err(|failure| told_apart(failure, &key))
        })
    }

    fn test<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            self.send(notice).await?;
            self.send(&Notice { state: State::Resolved, ..notice.clone() }).await
        })
    }
}

/// A refusal of the key is no refusal of the message. Nor may the key be in it, which PagerDuty could
/// send back.
fn told_apart(mut failure: Failure, key: &str) -> Failure {
    failure.message = failure.message.replace(key, "…");
    if failure.retry == Retry::Never && failure.message.contains("routing_key") {
        failure.retry = Retry::WhenMended;
        return failure.hint("the integration key is not that of an Events API v2 integration");
    }
    failure
}

/// The severity as PagerDuty knows it.
fn severity(severity: PolicySeverity) -> &'static str {
    match severity {
        PolicySeverity::Critical => "critical",
        PolicySeverity::High => "error",
        PolicySeverity::Medium => "warning",
        PolicySeverity::Low | PolicySeverity::Info => "info",
    }
}

/// The event, without the key; none for what never was a trouble that stayed, nor for a revision of
/// which nobody knows yet how it comes out.
pub fn event(notice: &Notice) -> Option<Value> {
    let pending = notice.standing.as_ref().is_some_and(|it| it.outcome == Outcome::Pending);
    if notice.happening == Happening::Repaired || pending {
        return None;
    }
    if notice.state == State::Resolved {
        return Some(json!({"event_action": "resolve", "dedup_key": notice.key}));
    }
    let mut details = serde_json::Map::new();
    for (name, value) in words::facts(notice) {
        details.insert(name.to_owned(), value.into());
    }
    let changes = words::changes(notice);
    if !changes.is_empty() {
        details.insert("Changes".to_owned(), changes.join("\n").into());
    }
    if let Some(detail) = &notice.detail {
        details.insert("Detail".to_owned(), words::plain(detail).into());
    }
    if let Some(fix) = &notice.fix {
        details.insert("To do".to_owned(), words::line(&fix.text).into());
        if let Some(document) = &fix.document {
            details.insert("Document".to_owned(), words::plain(document).into());
        }
    }
    let source = match notice.buckets.as_slice() {
        [only] if notice.bucket_count == 1 => only.to_string(),
        _ => notice.instance.clone(),
    };
    let mut event = json!({
        "event_action": "trigger",
        "dedup_key": notice.key,
        "client": "driftless",
        "payload": {
            "summary": words::cut(&notice.title, 1024),
            "source": words::cut(&words::line(&source), 255),
            "severity": severity(notice.severity),
            "timestamp": notice.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "component": notice.setting.as_deref().unwrap_or("source"),
            "group": words::cut(&words::line(&notice.policies.join(", ")), 255),
            "class": notice.happening.word(),
            "custom_details": details,
        },
    });
    if let Some(url) = &notice.url {
        event["client_url"] = url.as_str().into();
        event["links"] = json!([{"href": url, "text": "Open the page"}]);
    }
    Some(event)
}

#[cfg(test)]
#[path = "pagerduty_tests.rs"]
mod tests;
