use super::*;
use crate::notify::sample;

fn sent(notice: &Notice) -> String {
    let to = ["Team <team@example.com>".to_owned(), "ops@example.com".to_owned()];
    let message = message(notice, "driftless <driftless@example.com>", &to).expect("a mail");
    String::from_utf8(message.formatted()).expect("text")
}

/// The headers, each on a line of its own, as a receiver reads them.
fn headers(mail: &str) -> Vec<String> {
    let (head, _) = mail.split_once("\r\n\r\n").expect("a head");
    let unfolded = head.replace("\r\n ", " ");
    unfolded.split("\r\n").map(str::to_owned).filter(|it| !it.starts_with("Content-Type")).collect()
}

#[test]
fn the_head_is_as_recorded() {
    assert_eq!(
        headers(&sent(&sample::full())),
        [
            "Message-ID: <driftless-11@example.com>",
            "References: <driftless-22@example.com>",
            "Date: Sun, 22 Nov 2026 21:30:00 +0000",
            "Subject: [driftless high] Held (needs-approval): versioning of ai-logs",
            "From: driftless <driftless@example.com>",
            "To: Team <team@example.com>, ops@example.com",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
        ]
    );
}

#[test]
fn no_hostile_text_becomes_a_header_or_html() {
    let mut notice = sample::full();
    notice.title = "x\r\nBcc: all@example.com\r\n\r\n<script>".to_owned();
    notice.instance = "a\r\nTo: all@example.com".to_owned();
    notice.key = "k".to_owned();
    let mail = sent(&notice);
    let names: Vec<String> =
        headers(&mail).iter().map(|it| it.split(':').next().unwrap_or_default().to_lowercase()).collect();
    assert!(!names.contains(&"bcc".to_owned()) && names.iter().filter(|it| *it == "to").count() == 1, "{names:?}");
    let html = page(&notice).into_string();
    assert!(!html.contains("<script>") && !html.contains("<!channel>") && html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn the_text_says_all_that_there_is() {
    assert_eq!(
        words::text(&sample::full()),
        "Held (needs-approval): versioning of ai-logs\n\n\
         Bucket: ai-logs\n\
         Asked for by: <!channel>, spec\n\
         Severity: high\n\
         Reason: needs-approval\n\
         Revision: 4f1c2b7e9a0d Suspend <https://evil.example|here>  Bcc: all@example.com, by Ada <ada@example.com>\n\
         Since: 2026-11-22 21:00:00 UTC\n\n    \
         versioning.status: Enabled -> ```<b>Suspended</b>\n\n\
         old versions would be kept & not made\n\
         any more\n\n\
         To do: commit *this*\n\n    \
         kind: Approval\n      \
         change: \"1f\"\n\n\
         https://driftless.example.com/buckets/default/ai-logs\n\n\
         -- \n\
         driftless, https://driftless.example.com\n"
    );
}

/// Every mail greeted with `EHLO [127.0.0.1]`, which relays turn away.
#[test]
fn the_agent_greets_with_a_full_name_wherever_there_is_one() {
    let from = "driftless <driftless@example.com>";
    let name = |it: ClientId| it.to_string();
    assert_eq!(name(hello(Some("mx.example.org"), "host.example.net", from)), "mx.example.org");
    assert_eq!(name(hello(None, "host.example.net", from)), "host.example.net");
    for machine in ["", "web-7f9c", "localhost.localdomain", "mac.local", "10.0.0.1"] {
        assert_eq!(name(hello(None, machine, from)), "example.com", "{machine}");
    }
    assert_eq!(name(hello(None, "web-7f9c", "driftless@localhost")), "[127.0.0.1]");
}
