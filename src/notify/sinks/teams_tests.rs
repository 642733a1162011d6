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

/// A card of 24 KB, which Teams refuses with 413, was sent whole.
#[test]
fn a_card_that_teams_would_refuse_is_made_smaller() {
    let mut notice = sample::full();
    notice.fix = Some(crate::notify::Fix { text: "do".to_owned(), document: Some("key: value\n".repeat(190)) });
    assert!(card(&notice).to_string().len() > 20_811, "a text of that length was seen to be refused");
    let sent = message(&notice).to_string();
    assert!(sent.len() <= 20_000 && !sent.contains("key: value") && sent.contains("To do: "), "{sent}");
}

/// "Microsoft Teams endpoint returned HTTP error 413" in an answer of 200 counted as delivered.
#[test]
fn a_failure_in_the_body_of_an_answer_is_one() {
    let within = |status: &str| {
        let said = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error";
        status_within(&format!("{said} {status} with ContextId tcid=1,server=A,cv=b.."))
    };
    assert_eq!([within("400"), within("413"), within("429")], [Some(400), Some(413), Some(429)]);
    assert_eq!([within("none"), within("99999"), status_within("1"), status_within("")], [None; 4]);
}
