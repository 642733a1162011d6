//! Each sink at a receiver of its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use driftless::clock::{Clock, ManualClock};
use driftless::config;
use driftless::notify::deliver::attempt;
use driftless::notify::sink::{Failure, Place, Retry};
use driftless::notify::{Happening, Notice, State};
use serde_json::{Value, json};

use super::signed;
use crate::support::receiver::{Receiver, Reply};

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-22T21:30:00Z".parse().expect("a moment")
}

/// The sink of a configuration, and the folder of its secret.
pub(super) fn place(sink: Value, secret: &str) -> (Place, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), format!("{secret}\n")).expect("a secret");
    let file = folder.path().join("secret").display().to_string();
    let mut sink: Value = serde_json::from_str(&sink.to_string().replace("SECRET", &file)).expect("JSON");
    sink["name"] = json!("it");
    sink["timeout"] = sink.get("timeout").cloned().unwrap_or(json!("30s"));
    let config = json!({"source": {"dir": "."}, "notifications": [sink]}).to_string();
    let config = config::parse("driftless.yaml", &config, &[]).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(now()));
    let mut places = Place::all(&config.notifications, &clock).expect("a client");
    (places.remove(0), folder)
}

pub(super) fn notice() -> Notice {
    let test = Notice::test("https://driftless.example.com", Some("https://driftless.example.com".to_owned()), now());
    Notice { id: "driftless-1".to_owned(), key: "driftless-cause".to_owned(), ..test }
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_openssl_agrees_and_says_which_message_it_is() {
    let receiver = Receiver::start().await;
    let (place, _folder) =
        place(json!({"webhook": {"url": receiver.url("/hook?a=b"), "secretFile": "SECRET"}}), "s3cret");
    attempt(&place, &notice()).await.expect("it is taken");
    let [it] = &receiver.received()[..] else { panic!("one") };
    assert_eq!((it.method.as_str(), it.path.as_str()), ("POST", "/hook?a=b"));
    assert_eq!(it.header("content-type"), "application/json");
    assert_eq!((it.header("idempotency-key"), it.header("x-driftless-event")), ("driftless-1", "drift"));
    assert_eq!(it.header("x-driftless-timestamp"), now().timestamp().to_string());
    let expected = signed("s3cret", it.header("x-driftless-timestamp"), &it.body);
    assert_eq!(it.header("x-driftless-signature-256"), expected);
    let body = it.json();
    assert_eq!(
        (&body["version"], &body["key"], &body["state"]),
        (&json!(1), &json!("driftless-cause"), &json!("open"))
    );
}

#[tokio::test]
async fn a_secret_that_is_changed_needs_no_restart() {
    let receiver = Receiver::start().await;
    let (place, folder) = place(json!({"webhook": {"url": receiver.url("/"), "secretFile": "SECRET"}}), "old");
    let file = folder.path().join("secret");
    std::fs::remove_file(&file).expect("it was there");
    let failure = attempt(&place, &notice()).await.expect_err("no secret");
    assert_eq!(failure.retry, Retry::WhenMended);
    assert!(failure.message.starts_with(&format!("the file `{}` cannot be read", file.display())), "{failure}");
    std::fs::write(&file, "new").expect("a secret");
    attempt(&place, &notice()).await.expect("it is taken");
    let it = &receiver.received()[0];
    assert_eq!(it.header("x-driftless-signature-256"), signed("new", it.header("x-driftless-timestamp"), &it.body));
}

/// A receiver with a token in its address forced a secret into the configuration.
#[tokio::test]
async fn the_address_of_a_webhook_may_be_a_secret_as_well() {
    let receiver = Receiver::start().await;
    let url = receiver.url("/hook/s3cret");
    let (place, _folder) = place(json!({"webhook": {"urlFile": "SECRET", "secretFile": "SECRET"}}), &url);
    attempt(&place, &notice()).await.expect("it is taken");
    let it = &receiver.received()[0];
    assert_eq!(it.path, "/hook/s3cret");
    assert_eq!(it.header("x-driftless-signature-256"), signed(&url, it.header("x-driftless-timestamp"), &it.body));
}

async fn refused(reply: Reply) -> Failure {
    let receiver = Receiver::start().await;
    receiver.always(Some(reply));
    let sink = json!({"slack": {"urlFile": "SECRET"}, "timeout": "2s"});
    let (place, _folder) = place(sink, &receiver.url("/services/T0/B0/s3cret-word"));
    let failure = attempt(&place, &notice()).await.expect_err("it is refused");
    assert!(!format!("{failure:?}").contains("s3cret-word"), "{failure:?}");
    failure
}

#[tokio::test]
async fn every_refusal_says_whether_to_try_again() {
    assert_eq!(refused(Reply::Status(500, "")).await.retry, Retry::Later);
    let after = refused(Reply::With(429, "slow down", "Retry-After: 7".to_owned())).await;
    assert_eq!(after.retry, Retry::After(std::time::Duration::from_secs(7)));
    assert_eq!(refused(Reply::Status(400, "invalid_blocks")).await.retry, Retry::Never);
    let gone = refused(Reply::Status(404, "no_service")).await;
    assert_eq!(gone.message, "the receiver answered with status 404: no_service");
    let hint = "the webhook was removed: make a new one, and put its address into the file";
    assert_eq!((gone.retry, gone.hint.as_deref()), (Retry::WhenMended, Some(hint)));
    let silent = refused(Reply::Hang).await;
    assert_eq!((silent.retry, silent.message.as_str()), (Retry::Later, "the receiver did not answer within 2s"));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Receiver::start().await;
    let failure = refused(Reply::With(307, "", format!("Location: {}", elsewhere.url("/")))).await;
    assert_eq!(failure.hint.as_deref(), Some("redirects are not followed: name the address that it leads to"));
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let receiver = Receiver::start().await;
    receiver.always(Some(Reply::Endless));
    let (place, _folder) = place(json!({"webhook": {"url": receiver.url("/"), "secretFile": "SECRET"}}), "s");
    attempt(&place, &notice()).await.expect("it was taken, whatever is said after");
}

#[tokio::test]
async fn slack_and_teams_get_what_they_read() {
    let receiver = Receiver::start().await;
    let (slack, _one) = place(json!({"slack": {"urlFile": "SECRET"}}), &receiver.url("/slack"));
    let (teams, _two) = place(json!({"teams": {"urlFile": "SECRET"}}), &receiver.url("/teams"));
    attempt(&slack, &notice()).await.expect("it is taken");
    receiver.next([Reply::Status(202, "")]);
    attempt(&teams, &notice()).await.expect("it is taken");
    let [to_slack, to_teams] = &receiver.received()[..] else { panic!("two") };
    assert_eq!((to_slack.path.as_str(), to_teams.path.as_str()), ("/slack", "/teams"));
    assert_eq!(to_slack.json()["blocks"][0]["type"], "header");
    assert_eq!(to_teams.json()["attachments"][0]["content"]["type"], "AdaptiveCard");
}

/// What Teams refused with 400 or 413 counted as delivered, as the gateway answered 200 all the same.
#[tokio::test]
async fn what_teams_says_of_a_failure_in_an_answer_of_200_is_one() {
    let receiver = Receiver::start().await;
    let (teams, _folder) = place(json!({"teams": {"urlFile": "SECRET"}}), &receiver.url("/teams"));
    let said = |status: &'static str| Reply::Status(200, status);
    for (status, retry) in [
        (
            said("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"),
            Retry::Later,
        ),
        (
            said(
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId tcid=1",
            ),
            Retry::Never,
        ),
        (
            said(
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 400 with ContextId tcid=1",
            ),
            Retry::Never,
        ),
        (
            said("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 404"),
            Retry::WhenMended,
        ),
    ] {
        receiver.next([status]);
        assert_eq!(attempt(&teams, &notice()).await.expect_err("it says so").retry, retry);
    }
    receiver.next([said("1")]);
    attempt(&teams, &notice()).await.expect("it is taken");
}

#[tokio::test]
async fn pagerduty_is_told_of_the_end_by_the_same_key_and_a_test_wakes_nobody_for_long() {
    let receiver = Receiver::start().await;
    receiver.always(Some(Reply::Status(202, "{\"status\":\"success\"}")));
    let sink = json!({"pagerduty": {"url": receiver.url("/v2/enqueue"), "routingKeyFile": "SECRET"}});
    let (place, _folder) = place(sink, "R0UT1NGKEY");
    attempt(&place, &notice()).await.expect("it is taken");
    attempt(&place, &Notice { state: State::Resolved, ..notice() }).await.expect("it is taken");
    let quiet = Notice { happening: Happening::Repaired, state: State::Resolved, ..notice() };
    attempt(&place, &quiet).await.expect("it is nothing to PagerDuty");
    place.sink.test(&notice()).await.expect("it is taken");
    let said: Vec<(Value, Value, Value)> = receiver
        .received()
        .iter()
        .map(|it| it.json())
        .map(|it| (it["event_action"].clone(), it["dedup_key"].clone(), it["routing_key"].clone()))
        .collect();
    let event = |action: &str| (json!(action), json!("driftless-cause"), json!("R0UT1NGKEY"));
    assert_eq!(said, ["trigger", "resolve", "trigger", "resolve"].map(event));
}
