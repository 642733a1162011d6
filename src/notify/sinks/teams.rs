//! Microsoft Teams, by a workflow that takes an Adaptive Card ("Post a card in a chat or channel").
//!
//! Teams takes "approximately 28 KB" a message ("Create Incoming Webhooks"), and it is measured after a
//! conversion of its own: 413 is said to come from about 20,800 bytes on. Every text stands in a `RichTextBlock`, of which the runs are plain:
//! a `TextBlock` would read Markdown in it.

use serde_json::{Value, json};

use crate::notify::http::{Client, refusal};
use crate::notify::notice::Notice;
use crate::notify::sink::{Sending, Sink, secret};
use crate::notify::words;
use crate::source::git::SecretRef;

/// Bytes of a message, a little less than Teams was ever seen to refuse.
const MOST_BYTES: usize = 20_000;

/// A channel of Teams.
pub struct Teams {
    /// Where its address is kept.
    pub url: SecretRef,
    /// The client.
    pub client: Client,
}

impl Sink for Teams {
    fn service(&self) -> &'static str {
        "teams"
    }

    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let url = secret(&self.url)?;
            let answer = self.client.post(&url, "application/json", &[], message(notice).to_string()).await?;
            // Some gateways of Teams say 200 and tell of the failure in the body.
            status_within(&answer.body).map_or(Ok(()), |status| Err(refusal(status, &answer.body, None)))
        })
    }
}

/// The status of Teams itself, of which a gateway tells in the body of its answer.
fn status_within(body: &str) -> Option<u16> {
    let (_, after) = body.split_once("returned HTTP error ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|status| !(200..300).contains(status))
}

/// The message as Teams takes it: the less important parts are left out until it fits.
pub fn message(notice: &Notice) -> Value {
    let mut lean = notice.clone();
    for step in 0..4 {
        let card = card(&lean);
        if card.to_string().len() <= MOST_BYTES {
            return card;
        }
        match step {
            0 => lean.fix.iter_mut().for_each(|fix| fix.document = None),
            1 => lean.detail = None,
            2 => lean.changes.clear(),
            _ => {}
        }
    }
    lean.buckets.clear();
    lean.policies.truncate(10);
    card(&lean)
}

fn card(notice: &Notice) -> Value {
    let title = format!("{} {}", super::slack::sign(notice), notice.title);
    let mut body = vec![block(json!([{"type": "TextRun", "text": title, "weight": "Bolder", "size": "Large"}]))];
    for (name, value) in words::facts(notice) {
        let name = json!({"type": "TextRun", "text": format!("{name}: "), "weight": "Bolder"});
        body.push(block(json!([name, {"type": "TextRun", "text": value}])));
    }
    body.extend(words::changes(notice).iter().map(|it| mono(it)));
    if let Some(detail) = &notice.detail {
        body.extend(words::plain(detail).lines().map(mono));
    }
    if let Some(fix) = &notice.fix {
        let name = json!({"type": "TextRun", "text": "To do: ", "weight": "Bolder"});
        body.push(block(json!([name, {"type": "TextRun", "text": words::line(&fix.text)}])));
        body.extend(fix.document.iter().flat_map(|it| it.lines()).map(mono));
    }
    let instance = words::line(&format!("driftless, {}", notice.instance));
    body.push(block(json!([{"type": "TextRun", "text": instance, "isSubtle": true, "size": "Small"}])));
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    });
    if let Some(url) = &notice.url {
        content["actions"] = json!([{"type": "Action.OpenUrl", "title": "Open the page", "url": url}]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": content,
        }],
    })
}

fn block(inlines: Value) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines})
}

fn mono(line: &str) -> Value {
    // The first space of a run is not shown.
    let text = words::line(line).replace('\t', " ");
    let indent = line.len() - line.trim_start_matches(' ').len();
    let text = format!("{}{text}", "\u{a0}".repeat(indent.min(40)));
    json!({"type": "RichTextBlock", "spacing": "None", "inlines": [{"type": "TextRun", "text": text, "fontType": "Monospace"}]})
}

#[cfg(test)]
#[path = "teams_tests.rs"]
mod tests;
