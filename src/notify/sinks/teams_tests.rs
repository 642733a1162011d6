use super::*;
use crate::notify::sample;

fn plain(text: &str) -> Value {
    json!({"type": "TextRun", "text": text})
}

fn bold(text: &str) -> Value {
    json!({"type": "TextRun", "text": text, "weight": "Bolder"})
}

fn code(text: &str) -> Value {
    json!({"type": "RichTextBlock", "spacing": "None", "inlines": [{"type": "TextRun", "text": text, "fontType": "Monospace"}]})
}

#[test]
fn a_message_is_as_recorded_and_every_text_of_it_is_plain() {
    let message = message(&sample::full());
    let card = &message["attachments"][0]["content"];
    assert_eq!(message["type"], "message");
    assert_eq!(message["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    assert_eq!(
        card["body"],
        json!([
            block(
                json!([{"type": "TextRun", "text": "🔴 Held (needs-approval): versioning of ai-logs", "weight": "Bolder", "size": "Large"}])
            ),
            block(json!([bold("Bucket: "), plain("ai-logs")])),
            block(json!([bold("Asked for by: "), plain("<!channel>, spec")])),
            block(json!([bold("Severity: "), plain("high")])),
            block(json!([bold("Reason: "), plain("needs-approval")])),
            block(json!([
                bold("Revision: "),
                plain(
                    "4f1c2b7e9a0d Suspend <https://evil.example|here>  Bcc: all@example.com, by Ada <ada@example.com>"
                ),
            ])),
            block(json!([bold("Since: "), plain("2026-11-22 21:00:00 UTC")])),
            code("versioning.status: Enabled -> ```<b>Suspended</b>"),
            code("old versions would be kept & not made"),
            code("any more"),
            block(json!([bold("To do: "), plain("commit *this*")])),
            code("kind: Approval"),
            code("\u{a0}\u{a0}change: \"1f\""),
            block(
                json!([{"type": "TextRun", "text": "driftless, https://driftless.example.com", "isSubtle": true, "size": "Small"}])
            ),
        ])
    );
    assert_eq!(
        card["actions"],
        json!([{"type": "Action.OpenUrl", "title": "Open the page", "url": "https://driftless.example.com/buckets/default/ai-logs"}])
    );
    assert!(!message.to_string().contains("\"TextBlock\""), "a TextBlock reads Markdown");
}

#[test]
fn the_largest_message_fits_into_what_teams_takes() {
    let mut notice = sample::full();
    let long = "\u{1f600}\"\\\n".repeat(2000);
    notice.detail = Some(crate::notify::words::cut(&long, 2000));
    notice.changes = vec![sample::change(&long, &long); 10];
    notice.fix = Some(crate::notify::Fix { text: "do".to_owned(), document: Some(long) });
    let sent = message(&notice);
    assert!(sent.to_string().len() <= MOST_BYTES, "{}", sent.to_string().len());
    assert!(sent.to_string().contains("ai-logs"));
}
