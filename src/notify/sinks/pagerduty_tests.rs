use super::*;
use crate::notify::sample;

#[test]
fn a_trouble_triggers_and_its_end_resolves_the_same_alert() {
    let notice = sample::full();
    let triggered = event(&notice).expect("an event");
    assert_eq!(
        triggered,
        json!({
            "event_action": "trigger",
            "dedup_key": "driftless-22",
            "client": "driftless",
            "client_url": "https://driftless.example.com/buckets/default/ai-logs",
            "links": [{"href": "https://driftless.example.com/buckets/default/ai-logs", "text": "Open the page"}],
            "payload": {
                "summary": "Held (needs-approval): versioning of ai-logs",
                "source": "ai-logs",
                "severity": "error",
                "timestamp": "2026-11-22T21:30:00.000Z",
                "component": "versioning",
                "group": "<!channel>, spec",
                "class": "held",
                "custom_details": {
                    "Asked for by": "<!channel>, spec",
                    "Bucket": "ai-logs",
                    "Changes": "versioning.status: Enabled -> ```<b>Suspended</b>",
                    "Detail": "old versions would be kept & not made\nany more",
                    "Document": "kind: Approval\n  change: \"1f\"\n",
                    "Reason": "needs-approval",
                    "Revision": "4f1c2b7e9a0d Suspend <https://evil.example|here>  Bcc: all@example.com, by Ada <ada@example.com>",
                    "Severity": "high",
                    "Since": "2026-11-22 21:00:00 UTC",
                    "To do": "commit *this*",
                },
            },
        })
    );
    let over = Notice { state: State::Resolved, ..notice };
    assert_eq!(event(&over), Some(json!({"event_action": "resolve", "dedup_key": "driftless-22"})));
}

#[test]
fn nobody_is_woken_by_what_was_repaired_at_once() {
    let notice = Notice { happening: Happening::Repaired, state: State::Resolved, ..sample::full() };
    assert_eq!(event(&notice), None);
}

/// Each commit woke somebody: that its buckets are being checked triggered an alert.
#[test]
fn a_revision_triggers_an_alert_only_once_it_came_out_badly() {
    use super::super::commit::tests::notice;
    let of = |outcome, state| {
        let told = Notice { happening: Happening::Revision, state, ..notice(outcome) };
        event(&told).map(|it| it["event_action"].clone())
    };
    assert_eq!(of(Outcome::Pending, State::Open), None);
    assert_eq!(of(Outcome::Bad, State::Open), Some(json!("trigger")));
    assert_eq!(of(Outcome::Refused, State::Open), Some(json!("trigger")));
    assert_eq!(of(Outcome::Good, State::Resolved), Some(json!("resolve")));
}

#[test]
fn severities_are_those_of_pagerduty() {
    let words: Vec<&str> = PolicySeverity::ALL.into_iter().map(severity).collect();
    assert_eq!(words, ["info", "info", "warning", "error", "critical"]);
}

#[test]
fn a_refused_key_is_tried_again_and_never_told() {
    let said = "the receiver answered with status 400: routing_key: s3cret is malformed";
    let failure = told_apart(Failure::new(said, Retry::Never), "s3cret");
    assert_eq!(failure.retry, Retry::WhenMended);
    assert_eq!(failure.message, "the receiver answered with status 400: routing_key: … is malformed");
}
