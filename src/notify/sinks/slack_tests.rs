use super::*;
use crate::notify::sample;

#[test]
fn a_message_is_as_recorded_and_nothing_hostile_steers_slack() {
    assert_eq!(
        message(&sample::full()),
        json!({
            "text": "🔴 Held (needs-approval): versioning of ai-logs",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "🔴 Held (needs-approval): versioning of ai-logs", "emoji": false}},
                {"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
                    "*Bucket:* ai-logs\n*Asked for by:* &lt;!channel&gt;, spec\n*Severity:* high\n*Reason:* needs-approval\n\
                     *Revision:* 4f1c2b7e9a0d Suspend &lt;https://evil.example|here&gt;  Bcc: all@example.com, by Ada &lt;ada@example.com&gt;\n\
                     *Since:* 2026-11-22 21:00:00 UTC"}},
                {"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
                    "```versioning.status: Enabled -&gt; '''&lt;b&gt;Suspended&lt;/b&gt;```"}},
                {"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
                    "```old versions would be kept &amp; not made\nany more```"}},
                {"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
                    "*To do:* commit \u{200b}*this\u{200b}*"}},
                {"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
                    "```kind: Approval\n  change: \"1f\"\n```"}},
                {"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text":
                    "<https://driftless.example.com/buckets/default/ai-logs|Open the page>"}},
                {"type": "context", "elements": [{"type": "plain_text", "text": "driftless, https://driftless.example.com", "emoji": false}]},
            ],
        })
    );
}

#[test]
fn the_largest_message_stays_within_the_limits_of_slack() {
    let mut notice = sample::full();
    let long = "&<*`é\n".repeat(5000);
    notice.title = crate::notify::words::cut(&long, 250);
    notice.detail = Some(long.clone());
    notice.policies = vec![long.clone(); 50];
    notice.changes = vec![sample::change(&long, &long); 10];
    notice.fix = Some(crate::notify::Fix { text: long.clone(), document: Some(long) });
    let message = message(&notice);
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50);
    for block in blocks {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        let most = if block["type"] == "header" { MOST_HEADER } else { MOST_SECTION };
        assert!(text.chars().count() <= most, "{}", text.chars().count());
        let steering = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        let of_a_link = text.starts_with("<https://driftless.example.com/");
        assert!(block["text"]["type"] == "plain_text" || of_a_link || !steering.contains(['&', '<', '>']), "{text}");
    }
}

#[test]
fn a_refusal_of_slack_says_what_to_do() {
    let refused =
        Failure::new("the receiver answered with status 404: no_service", crate::notify::sink::Retry::WhenMended);
    assert_eq!(
        hinted(refused).hint.as_deref(),
        Some("the webhook was removed: make a new one, and put its address into the file")
    );
}
