//! The daemon from end to end: what it tells, once, and how it goes on when nobody listens.

use driftless::clock::Clock as _;
use driftless::sandbox::{Options, Prepared};
use serde_json::{Value, json};

use super::signed;
use crate::support::daemon::{World, spec, wait};
use crate::support::receiver::{Receiver, Reply};

const VERSIONED: &str = "  versioning: {status: Enabled}\n";
const SECRET: &str = "webhook-secret-5d1f0c";

/// Thirty buckets that are as their specs say, observed only.
async fn world(receiver: &Receiver) -> World {
    let names: Vec<String> = (0..30).map(|n| format!("ai-{n:02}")).collect();
    let buckets = names.iter().map(|name| Prepared { name: name.clone(), ..Prepared::default() }).collect();
    let mut world = World::with(Options { buckets, ..Options::default() }, &[]).await;
    let specs: Vec<(String, String)> =
        names.iter().map(|name| (format!("{name}.yaml"), spec(name, VERSIONED))).collect();
    world.push(&specs.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    std::fs::write(world.path("hook"), SECRET).expect("a secret");
    world.config["mode"] = json!("observe");
    world.config["limits"] = json!({"changedPercent": 100});
    world.config["notifications"] =
        json!([{"name": "hook", "webhook": {"url": receiver.url("/hook"), "secretFile": world.path("hook")}}]);
    world
}

async fn suspend_all(world: &World) {
    for n in 0..30 {
        world.set_versioning(&format!("ai-{n:02}"), "Suspended").await;
    }
}

fn told(it: &crate::support::receiver::Received) -> (String, String) {
    let body = it.json();
    let text = |field: &str| body[field].as_str().expect("text").to_owned();
    (text("state"), text("title"))
}

fn said(state: &str, title: &str) -> (String, String) {
    (state.to_owned(), title.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_buckets_that_drift_from_one_change_are_one_message_also_after_a_restart() {
    let receiver = Receiver::start().await;
    let mut world = world(&receiver).await;
    let daemon = world.swept().await;
    suspend_all(&world).await;
    daemon.sweep().await;
    let received = receiver.wait(1).await;
    assert_eq!(told(&received[0]), said("open", "Drift: versioning of 30 buckets differs"));
    let body = received[0].json();
    assert_eq!((&body["bucketCount"], &body["happening"]), (&json!(30), &json!("drift")));
    assert_eq!(body["buckets"].as_array().map(Vec::len), Some(10));
    assert_eq!(body["changes"], json!([{"path": "status", "from": "Suspended", "to": "Enabled"}]));
    let expected = signed(SECRET, received[0].header("x-driftless-timestamp"), &received[0].body);
    assert_eq!(received[0].header("x-driftless-signature-256"), expected);
    assert_eq!(daemon.metric("driftless_notifications_total{result=\"ok\",service=\"webhook\"}").await, 1.0);
    let log = daemon.stop().await;
    assert!(!log.contains(SECRET));

    // Nothing is new after a restart; what comes then is told, so that the message before it would
    // have been seen.
    let daemon = world.swept().await;
    world
        .tamper("PUT /ai-07?tagging", "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet/></Tagging>")
        .await;
    daemon.sweep().await;
    let received = receiver.wait(2).await;
    assert!(received[1].json()["setting"] == "tags", "{received:#?}");
    assert_eq!(received[1].json()["buckets"], json!([{"account": "default", "name": "ai-07"}]));
    daemon.stop().await;

    // Driftless may repair from now on, and says that it did.
    world.config["mode"] = json!("enforce");
    let daemon = world.swept().await;
    let received = receiver.wait(4).await;
    let over: Vec<_> = received[2..].iter().map(told).collect();
    assert!(over.contains(&said("resolved", "Over: drift of versioning in 30 buckets")), "{over:?}");
    assert!(over.iter().all(|(state, _)| state == "resolved"), "{over:?}");
    assert!(received[2..].iter().all(|it| it.json()["detail"] == "driftless repaired it."), "{received:#?}");
    assert_eq!(received[2..].iter().filter(|it| it.json()["key"] == received[0].json()["key"]).count(), 1);

    // What it repairs at once is told once.
    suspend_all(&world).await;
    daemon.sweep().await;
    let received = receiver.wait(5).await;
    assert_eq!(told(&received[4]), said("resolved", "Repaired: versioning of 30 buckets"));
    daemon.stop().await;
    assert_eq!(receiver.received().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_sink_holds_nobody_up_and_gets_its_message_after_a_restart() {
    let (receiver, good) = (Receiver::start().await, Receiver::start().await);
    let mut world = world(&receiver).await;
    let list = world.config["notifications"].as_array_mut().expect("a list");
    let mut other: Value = list[0].clone();
    other["name"] = json!("good");
    other["webhook"]["url"] = json!(good.url("/"));
    list.push(other);
    list[0]["timeout"] = json!("1s");
    receiver.always(Some(Reply::Hang));
    let daemon = world.swept().await;
    suspend_all(&world).await;
    daemon.sweep().await;
    good.wait(1).await;
    let failed = "driftless_notifications_total{result=\"failed\",service=\"webhook\"}";
    wait("a failure is counted", async || (daemon.metric(failed).await >= 2.0).then_some(())).await;
    daemon.sweep().await;
    let log = daemon.stop().await;
    assert_eq!(log.matches("notifications of `hook` do not arrive").count(), 1, "{log}");
    assert!(log.contains("hint: look whether it can be reached from here, or raise `timeout`"), "{log}");
    let first = receiver.received()[0].header("idempotency-key").to_owned();

    receiver.always(None);
    let before = receiver.received().len();
    let daemon = world.swept().await;
    let received = receiver.wait(before + 1).await;
    assert_eq!(received[before].header("idempotency-key"), first, "it is the same message");
    assert_eq!(told(&received[before]), said("open", "Drift: versioning of 30 buckets differs"));
    daemon.stop().await;
    assert_eq!(good.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_with_faults_is_told_and_that_they_are_gone() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    let daemon = world.swept().await;
    let good: Vec<(String, String)> =
        (0..30).map(|n| format!("ai-{n:02}")).map(|name| (format!("{name}.yaml"), spec(&name, VERSIONED))).collect();
    let mut files: Vec<(&str, &str)> = good.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(("odd.yaml", "apiVersion: driftless/v1\nkind: Bukket\n"));
    let revision = world.push(&files);
    daemon.follow(&revision).await;
    let received = receiver.wait(1).await;
    assert_eq!(told(&received[0]), said("open", "Faults in the documents"));
    assert!(received[0].json()["detail"].as_str().expect("words").starts_with("odd.yaml:2:7: "), "{received:#?}");
    files.pop();
    let revision = world.push(&files);
    daemon.follow(&revision).await;
    assert_eq!(told(&receiver.wait(2).await[1]), said("resolved", "The documents have no faults any more"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_message_says_how_it_went_and_what_to_do() {
    let receiver = Receiver::start().await;
    let mut world = world(&receiver).await;
    std::fs::write(world.path("slack"), receiver.url("/slack")).expect("an address");
    let list = world.config["notifications"].as_array_mut().expect("a list");
    list.push(json!({"name": "chat", "slack": {"urlFile": world.folder.path().join("slack")}}));
    let config = world.config_file();
    let run = async |words: &[&str]| {
        let mut command = world.program();
        command.arg("notify").arg("--config").arg(&config).args(words);
        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let both = "hook (webhook): the test message was taken\nchat (slack): the test message was taken\n";
    assert_eq!(run(&["--test"]).await, (Some(0), both.to_owned(), String::new()));
    assert_eq!(receiver.received().len(), 2);
    receiver.next([Reply::Status(404, "no_service")]);
    let (code, out, err) = run(&["--test", "chat"]).await;
    assert_eq!((code, &*out), (Some(1), ""));
    assert_eq!(
        err,
        "chat (slack): the receiver answered with status 404: no_service\n\
         hint: the webhook was removed: make a new one, and put its address into the file\n"
    );
    let (code, _, err) = run(&["--test", "chit"]).await;
    assert_eq!((code, &*err), (Some(1), "no notification is named `chit`\nhint: there are `hook`, `chat`\n"));
}

/// Nobody could try out whether alerts reach Alertmanager: `--test` left the block `alertmanager` out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_alert_says_whether_alertmanager_takes_alerts_and_is_over_as_it_comes() {
    let receiver = Receiver::start().await;
    let mut world = world(&receiver).await;
    std::fs::write(world.path("token"), "a-token").expect("a token");
    world.config["alertmanager"] =
        json!({"urls": [receiver.url("/am/")], "tokenFile": world.path("token"), "labels": {"cluster": "eu"}});
    let config = world.config_file();
    let run = async |words: &[&str]| {
        let mut command = world.program();
        command.arg("notify").arg("--config").arg(&config).args(words);
        let output = tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let url = receiver.url("/am/");
    let alert = format!("alertmanager ({url}): the test alert was taken\n");
    let both = format!("hook (webhook): the test message was taken\n{alert}");
    assert_eq!(run(&["--test"]).await, (Some(0), both, String::new()));
    assert_eq!(run(&["--test", "alertmanager"]).await, (Some(0), alert, String::new()));
    let [_, it, _] = &receiver.received()[..] else { panic!("three") };
    assert_eq!((it.method.as_str(), it.path.as_str()), ("POST", "/am/api/v2/alerts"));
    assert_eq!(it.header("authorization"), "Bearer a-token");
    let alerts = it.json();
    let alert = &alerts[0];
    assert_eq!(alerts.as_array().map(Vec::len), Some(1));
    assert_eq!(alert["labels"], json!({"alertname": "DriftlessTest", "severity": "info", "cluster": "eu"}));
    assert_eq!(alert["annotations"]["summary"], "Nothing is wrong. Somebody ran `driftless notify --test`.");
    let ends: chrono::DateTime<chrono::Utc> = alert["endsAt"].as_str().expect("a moment").parse().expect("a moment");
    assert_eq!(alert["startsAt"], alert["endsAt"]);
    assert!(
        driftless::clock::SystemClock.now() - ends > chrono::Duration::minutes(50),
        "whatever its clock says: {ends}"
    );
    receiver.next([Reply::Status(401, "no")]);
    let (code, out, err) = run(&["--test", "alertmanager"]).await;
    assert_eq!((code, &*out), (Some(1), ""));
    assert_eq!(
        err,
        format!(
            "alertmanager ({url}): the receiver answered with status 401: no\n\
             hint: correct `username` and `passwordFile`, or `tokenFile`, under `alertmanager`\n"
        )
    );
    let (_, _, err) = run(&["--test", "chit"]).await;
    assert_eq!(err, "no notification is named `chit`\nhint: there are `hook`, `alertmanager`\n");
}
