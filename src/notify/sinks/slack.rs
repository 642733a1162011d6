//! Slack, by an incoming webhook with Block Kit.
//!
//! What Slack allows: 50 blocks a message, 3000 characters a section, 150 a header. `&`, `<` and `>`
//! are what its mrkdwn is steered by ("Formatting text for app surfaces"); everything hostile is
//! escaped, and `verbatim` keeps addresses and names in it from becoming links.

use serde_json::{Value, json};

use crate::notify::http::Client;
use crate::notify::notice::{Notice, State};
use crate::notify::sink::{Failure, Sending, Sink, secret};
use crate::notify::words;
use crate::source::git::SecretRef;
use crate::spec::PolicySeverity;

/// Characters of a section.
const MOST_SECTION: usize = 3000;

/// Characters of a header.
const MOST_HEADER: usize = 150;

/// A channel of Slack.
pub struct Slack {
    /// Where its address is kept.
    pub url: SecretRef,
    /// The client.
    pub client: Client,
}

impl Sink for Slack {
    fn service(&self) -> &'static str {
        "slack"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let url = secret(&self.url)?;
            let body = message(notice).to_string();
            self.client.post(&url, "application/json", &[], body).await.map(drop).map_err(hinted)
        })
    }
}

/// What Slack's own words for a refusal mean.
fn hinted(failure: Failure) -> Failure {
    let hint = [
        ("no_service", "the webhook was removed: make a new one, and put its address into the file"),
        ("channel_is_archived", "the channel is archived: make a webhook for another"),
        ("channel_not_found", "the channel is gone: make a webhook for another"),
        ("action_prohibited", "an administrator of the workspace forbids it"),
        ("invalid_token", "the address is not whole: copy it again"),
    ];
    match hint.iter().find(|(word, _)| failure.message.contains(word)) {
        Some((_, hint)) => failure.hint(*hint),
        None => failure,
    }
}

/// The sign before a title, by which a list of messages is read at a glance.
pub(super) fn sign(notice: &Notice) -> &'static str {
    match (notice.state, notice.severity) {
        (State::Resolved, _) => "✅",
        (_, PolicySeverity::Critical | PolicySeverity::High) => "🔴",
        (_, PolicySeverity::Medium) => "🟠",
        (_, PolicySeverity::Low | PolicySeverity::Info) => "🔵",
    }
}

/// The message as Slack takes it.
pub fn message(notice: &Notice) -> Value {
    let title = format!("{} {}", sign(notice), notice.title);
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": words::cut(&title, MOST_HEADER), "emoji": false},
    })];
    let facts = words::facts(notice);
    let facts: Vec<String> = facts.iter().map(|(name, value)| format!("*{name}:* {}", inline(value, 800))).collect();
    blocks.push(section(&facts.join("\n")));
    let changes = words::changes(notice);
    if !changes.is_empty() {
        blocks.push(section(&code(&changes.join("\n"))));
    }
    if let Some(detail) = &notice.detail {
        blocks.push(section(&code(&words::plain(detail))));
    }
    if let Some(fix) = &notice.fix {
        blocks.push(section(&format!("*To do:* {}", inline(&fix.text, 1000))));
        if let Some(document) = &fix.document {
            blocks.push(section(&code(&words::plain(document))));
        }
    }
    if let Some(url) = &notice.url {
        blocks.push(section(&format!("<{}|Open the page>", link(url))));
    }
    blocks.push(json!({
        "type": "context",
        "elements": [{"type": "plain_text", "text": words::cut(&words::line(&format!("driftless, {}", notice.instance)), 200), "emoji": false}],
    }));
    json!({"text": escape(&title), "blocks": blocks})
}

fn section(text: &str) -> Value {
    debug_assert!(text.chars().count() <= MOST_SECTION, "{text}");
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// Text without the characters that steer Slack.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Hostile text in a line, of bounded length after it was escaped. A character without width keeps
/// `*bold*` and the like from being read as more than text.
fn inline(text: &str, most: usize) -> String {
    let tame = |text: &str| {
        let mut tame = String::new();
        for c in words::line(text).chars() {
            if matches!(c, '*' | '_' | '~' | '`') {
                tame.push('\u{200b}');
            }
            tame.push(c);
        }
        escape(&tame)
    };
    bounded(text, most, tame)
}

/// Hostile text of several lines, as it stands.
fn code(text: &str) -> String {
    let tame = |text: &str| escape(&text.replace('`', "'"));
    format!("```{}```", bounded(text, MOST_SECTION - 10, tame))
}

/// Text that is not longer than so many characters after it was made tame: what is cut off is whole
/// characters of the text, not half an escape.
fn bounded(text: &str, most: usize, tame: impl Fn(&str) -> String) -> String {
    let mut keep = text.chars().count().min(most);
    loop {
        let tamed = tame(&words::cut(text, keep));
        let length = tamed.chars().count();
        if length <= most || keep == 0 {
            return tamed;
        }
        keep -= (length - most).div_ceil(6).max(1).min(keep);
    }
}

/// An address between the brackets of a link.
fn link(url: &str) -> String {
    escape(&url.replace('|', "%7C").replace('<', "%3C").replace('>', "%3E"))
}

#[cfg(test)]
#[path = "slack_tests.rs"]
mod tests;
