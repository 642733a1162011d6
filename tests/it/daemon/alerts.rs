//! Alerts that the daemon pushes by itself, to a server that takes them as Alertmanager does.

use chrono::{DateTime, FixedOffset};
use driftless::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{World, compliant, spec, wait};
use crate::support::receiver::{Received, Receiver, Reply};

/// A bucket that drifts as soon as somebody else suspends its versioning, and is only watched.
fn watched() -> String {
    spec("bucket-000000", "  versioning: {status: Enabled}\n  mode: observe\n")
}

/// A world of which the alerts go to these.
async fn world(takers: &[&Receiver]) -> World {
    let mut world = World::with(compliant(1), &[("a.yaml", &watched())]).await;
    let urls: Vec<String> = takers.iter().map(|taker| taker.url("/alert/")).collect();
    world.config["alertmanager"] = json!({
        "urls": urls, "interval": "300ms", "wait": "0s", "labels": {"job": "driftless", "cluster": "eu"},
        "docsUrl": "https://docs.example.com/driftless", "grafanaUrl": "https://grafana.example.com/",
    });
    world.config["http"]["publicUrl"] = "https://driftless.example.com".into();
    world
}

fn now() -> DateTime<FixedOffset> {
    SystemClock.now().fixed_offset()
}

fn moment(value: &Value) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(value.as_str().expect("a moment")).expect("a moment")
}

/// What a request says of one alert.
fn in_it(came: &Received, name: &str, policy: &str) -> Option<Value> {
    let fits = |it: &&Value| it["labels"]["alertname"] == name && it["labels"]["policy"] == policy;
    came.json().as_array().expect("a list").iter().find(fits).cloned()
}

/// The first request, from a place on, that says of the drift what is wanted.
async fn says(taker: &Receiver, from: usize, wanted: impl Fn(&Value) -> bool) -> (usize, Value) {
    wait("the drift is told as wanted", async || {
        taker.received().iter().enumerate().skip(from).find_map(|(place, came)| {
            in_it(came, "DriftlessBucketDrifted", "spec").filter(|it| wanted(it)).map(|it| (place, it))
        })
    })
    .await
}

/// Whether an alert is over as soon as it is told.
fn is_over(alert: &Value) -> bool {
    moment(&alert["endsAt"]) <= now()
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_pushed_while_it_is_open_and_once_more_when_it_is_over() {
    let taker = Receiver::start().await;
    let world = world(&[&taker]).await;
    let daemon = world.swept().await;
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    let (place, alert) = says(&taker, 0, |_| true).await;
    let asked = &taker.received()[place];
    assert_eq!((&*asked.method, &*asked.path), ("POST", "/alert/api/v2/alerts"));
    assert_eq!(
        alert["labels"],
        json!({
            "account": "default", "alertname": "DriftlessBucketDrifted", "bucket": "bucket-000000", "cluster": "eu",
            "job": "driftless", "policy": "spec", "region": "us-east-1", "severity": "warning", "status": "drifted",
        })
    );
    assert_eq!(
        alert["annotations"],
        json!({
            "summary": "Bucket bucket-000000 is not as spec wants it",
            "description": "Bucket bucket-000000 has been drifted for 15 minutes: its repair is held or fails. Its page has \
                            the reason in one word.",
            "runbook_url": "https://docs.example.com/driftless/operations.md#driftlessbucketdrifted",
            "dashboard_url": "https://grafana.example.com/d/driftless-bucket?var-bucket=bucket-000000&var-account=default",
        })
    );
    assert_eq!(alert["generatorURL"], "https://driftless.example.com");
    let bucket = daemon.json("/api/v1/buckets/default/bucket-000000").await;
    let versioning = bucket["settings"].as_array().unwrap().iter().find(|it| it["setting"] == "versioning").unwrap();
    let (told, found) = (moment(&alert["startsAt"]), moment(&versioning["since"]));
    assert_eq!(told.timestamp_millis(), found.timestamp_millis(), "since it was found");
    // It is told again and again, and each time lives on for two intervals.
    let (again, later) = says(&taker, place + 1, |_| true).await;
    assert!(moment(&later["endsAt"]) > moment(&alert["endsAt"]));
    assert_eq!(later["startsAt"], alert["startsAt"]);

    world.set_versioning("bucket-000000", "Enabled").await;
    let before = now();
    daemon.sweep().await;
    let (over, last) = says(&taker, again, is_over).await;
    assert!(moment(&last["endsAt"]) >= before, "when it was seen to be over");
    // The watchdog goes on; the drift is not told any more.
    wait("it is told three times more", async || (taker.received().len() > over + 3).then_some(())).await;
    assert!(taker.received()[over + 1..].iter().all(|it| in_it(it, "DriftlessBucketDrifted", "spec").is_none()));
    assert!(daemon.metric("driftless_notifications_total{result=\"ok\",service=\"alertmanager\"}").await > 3.0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_open_before_a_restart_is_taken_back_after_it() {
    let taker = Receiver::start().await;
    let world = world(&[&taker]).await;
    world.set_versioning("bucket-000000", "Suspended").await;
    let daemon = world.swept().await;
    let (_, alert) = says(&taker, 0, |_| true).await;
    daemon.stop().await;
    world.set_versioning("bucket-000000", "Enabled").await;
    let place = taker.received().len();
    let daemon = world.swept().await;
    let (_, last) = says(&taker, place, is_over).await;
    assert_eq!((&last["labels"], &last["startsAt"]), (&alert["labels"], &alert["startsAt"]));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_that_fails_is_asked_again_and_holds_up_neither_the_other_nor_the_end() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port that accepts and never answers");
    let refuses = Receiver::start().await;
    refuses.next([
        Reply::Status(401, "who are you"),
        Reply::Status(500, ""),
        Reply::With(503, "", "Retry-After: 1".to_owned()),
    ]);
    let mut world = world(&[&refuses]).await;
    let silent = format!("http://{}", dead.local_addr().expect("an address"));
    world.config["alertmanager"]["urls"].as_array_mut().unwrap().push(silent.clone().into());
    std::fs::write(world.path("password"), "s3cret\n").expect("a file");
    world.config["alertmanager"]["username"] = "driftless".into();
    world.config["alertmanager"]["passwordFile"] = world.path("password").to_str().into();
    let daemon = world.swept().await;
    let log = daemon.said("takes alerts again").await;
    let said = "the receiver answered with status 401: who are you\n\
                hint: correct `username` and `passwordFile`, or `tokenFile`, under `alertmanager`";
    assert!(log.contains(said), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
    let came = refuses.received();
    assert!(came.len() >= 4 && came.iter().all(|it| it.header("authorization") == "Basic ZHJpZnRsZXNzOnMzY3JldA=="));
    assert!(daemon.metric("driftless_notifications_total{result=\"failed\",service=\"alertmanager\"}").await >= 3.0);
    // A request to the one that is silent is under way.
    let log = daemon.stop().await;
    assert!(!log.contains(&format!("Alertmanager at {silent} takes")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_is_told_at_the_start() {
    let taker = Receiver::start().await;
    let mut world = world(&[&taker]).await;
    world.config["alertmanager"]["tokenFile"] = "/nowhere/token".into();
    let mut daemon = world.begin(&[]);
    daemon.said("the file `/nowhere/token` cannot be read: no such file or directory").await;
    assert_eq!(daemon.ends().await.code(), Some(1));
}
