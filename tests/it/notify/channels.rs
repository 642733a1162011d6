//! The daemon from end to end, told by Slack, Teams and PagerDuty: drift, its message, the repair, and
//! that it is over.

use serde_json::{Value, json};

use crate::support::daemon::{World, compliant, spec};
use crate::support::receiver::{Received, Receiver, Reply};

const BUCKET: &str = "bucket-000000";
const KEY: &str = "R0UT1NGKEY-5d1f0c";
const PAGE: &str = "https://driftless.example.com";

/// The text of a card, a line for each block.
fn lines(card: &Value) -> Vec<String> {
    let blocks = card["body"].as_array().expect("blocks");
    let line = |block: &Value| {
        let runs = block["inlines"].as_array().expect("runs");
        runs.iter().map(|it| it["text"].as_str().expect("text")).collect::<String>()
    };
    blocks.iter().map(line).collect()
}

fn card(it: &Received) -> Value {
    let body = it.json();
    assert_eq!(body["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    body["attachments"][0]["content"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_teams_and_pagerduty_are_told_of_drift_and_that_it_was_repaired() {
    let (slack, teams, pager) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    teams.always(Some(Reply::Status(202, "")));
    pager.always(Some(Reply::Status(202, "{\"status\":\"success\"}")));
    let watched = spec(BUCKET, "  versioning: {status: Enabled}\n  mode: observe\n");
    let mut world = World::with(compliant(1), &[("a.yaml", &watched)]).await;
    for (name, secret) in [
        ("slack", slack.url("/services/T0/B0/s3cret-word")),
        ("teams", teams.url("/hook?sig=s3cret-word")),
        ("key", KEY.to_owned()),
    ] {
        std::fs::write(world.path(name), secret).expect("a secret");
    }
    world.config["http"]["publicUrl"] = PAGE.into();
    world.config["notifications"] = json!([
        {"name": "chat", "slack": {"urlFile": world.path("slack")}},
        {"name": "team", "teams": {"urlFile": world.path("teams")}},
        {"name": "oncall", "pagerduty": {"routingKeyFile": world.path("key"), "url": pager.url("/v2/enqueue")}},
    ]);
    let daemon = world.swept().await;

    // Drift.
    world.set_versioning(BUCKET, "Suspended").await;
    daemon.sweep().await;
    let (title, page) =
        (format!("🟠 Drift: versioning of {BUCKET} differs"), format!("{PAGE}/buckets/default/{BUCKET}"));
    let change = "versioning.status: Suspended -> Enabled";

    let [it] = &slack.wait(1).await[..] else { panic!("one") };
    assert_eq!((it.method.as_str(), it.path.as_str()), ("POST", "/services/T0/B0/s3cret-word"));
    let message = it.json();
    assert_eq!(message["text"], title);
    let blocks = message["blocks"].as_array().expect("blocks");
    assert_eq!(blocks[0], json!({"type": "header", "text": {"type": "plain_text", "text": title, "emoji": false}}));
    let texts: Vec<&str> = blocks.iter().filter_map(|it| it["text"]["text"].as_str()).collect();
    assert!(texts[1].starts_with(&format!("*Bucket:* {BUCKET}\n*Asked for by:* ")), "{texts:#?}");
    assert!(texts[1].contains("\n*Severity:* medium\n*Reason:* observe-only\n"), "{texts:#?}");
    assert_eq!(texts[2], format!("```{}```", change.replace('>', "&gt;")));
    assert_eq!(texts.last(), Some(&&*format!("<{page}|Open the page>")));

    let [it] = &teams.wait(1).await[..] else { panic!("one") };
    assert_eq!(it.path, "/hook?sig=s3cret-word");
    let told = card(it);
    assert_eq!((&told["type"], &told["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    let said = lines(&told);
    assert_eq!(said[..2], [title, format!("Bucket: {BUCKET}")]);
    assert!(said.contains(&"Severity: medium".to_owned()) && said.contains(&change.to_owned()), "{said:#?}");
    assert_eq!(told["actions"], json!([{"type": "Action.OpenUrl", "title": "Open the page", "url": page}]));

    let [it] = &pager.wait(1).await[..] else { panic!("one") };
    let event = it.json();
    assert_eq!((it.path.as_str(), &event["routing_key"]), ("/v2/enqueue", &json!(KEY)));
    assert_eq!((&event["event_action"], &event["client_url"]), (&json!("trigger"), &json!(page)));
    let dedup = event["dedup_key"].as_str().expect("a key").to_owned();
    assert!(dedup.starts_with("driftless-"), "{dedup}");
    let payload = &event["payload"];
    assert_eq!(payload["summary"], format!("Drift: versioning of {BUCKET} differs"));
    assert_eq!((&payload["source"], &payload["severity"]), (&json!(BUCKET), &json!("warning")));
    assert_eq!((&payload["component"], &payload["class"]), (&json!("versioning"), &json!("drift")));
    assert_eq!(
        (&payload["custom_details"]["Changes"], &payload["custom_details"]["Severity"]),
        (&json!(change), &json!("medium"))
    );

    // A commit lets driftless repair it.
    let revision = world.push(&[("a.yaml", &spec(BUCKET, "  versioning: {status: Enabled}\n"))]);
    daemon.follow(&revision).await;
    assert_eq!(world.versioning(BUCKET), "Enabled");
    let over = format!("✅ Over: drift of versioning in {BUCKET}");

    let [_, it] = &slack.wait(2).await[..] else { panic!("two") };
    let message = it.json();
    assert_eq!(message["text"], over);
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.iter().any(|it| it["text"]["text"] == "```driftless repaired it.```"), "{blocks:#?}");

    let [_, it] = &teams.wait(2).await[..] else { panic!("two") };
    let said = lines(&card(it));
    assert_eq!(said[0], over);
    assert!(said.contains(&"driftless repaired it.".to_owned()), "{said:#?}");

    let [_, it] = &pager.wait(2).await[..] else { panic!("two") };
    assert_eq!(it.json(), json!({"event_action": "resolve", "dedup_key": dedup, "routing_key": KEY}));

    for service in ["slack", "teams", "pagerduty"] {
        let series =
            |result: &str| format!("driftless_notifications_total{{result=\"{result}\",service=\"{service}\"}}");
        assert_eq!(daemon.metric(&series("ok")).await, 2.0, "{service}");
        assert_eq!(daemon.metric(&series("failed")).await, 0.0, "{service}");
    }
    let log = daemon.stop().await;
    assert!(!log.contains("s3cret-word") && !log.contains(KEY), "{log}");
}
