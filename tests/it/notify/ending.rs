//! The end of the daemon while a message is under way, and what no log may hold.

use serde_json::json;

use crate::support::daemon::{World, compliant, spec};
use crate::support::receiver::{Receiver, Reply};

const BUCKET: &str = "bucket-000000";
const SECRET: &str = "SECRETPW-77c1";

async fn world(receiver: &Receiver) -> World {
    let watched = spec(BUCKET, "  versioning: {status: Enabled}\n  mode: observe\n");
    let mut world = World::with(compliant(1), &[("a.yaml", &watched)]).await;
    std::fs::write(world.path("hook"), "a-secret").expect("a secret");
    world.config["notifications"] =
        json!([{"name": "hook", "webhook": {"url": receiver.url("/hook"), "secretFile": world.path("hook")}}]);
    world
}

/// The receiver answered a second after SIGTERM, and got the message once more after the restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_under_way_at_the_end_comes_once() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    let mut daemon = world.swept().await;
    receiver.next([Reply::Held]);
    world.set_versioning(BUCKET, "Suspended").await;
    daemon.sweep().await;
    let received = receiver.wait(1).await;
    assert_eq!(received[0].json()["title"], format!("Drift: versioning of {BUCKET} differs"));
    daemon.terminate();
    daemon.said("SIGTERM: ending").await;
    receiver.release();
    assert_eq!(daemon.ends().await.code(), Some(0));
    let log = daemon.said("ended in good order").await;
    assert!(!log.contains("do not arrive"), "{log}");

    // What comes next after the restart is another message.
    let daemon = world.swept().await;
    world.set_versioning(BUCKET, "Enabled").await;
    daemon.sweep().await;
    let received = receiver.wait(2).await;
    assert_eq!(received[1].json()["title"], format!("Over: drift of versioning in {BUCKET}"));
    daemon.stop().await;
    assert_eq!(receiver.received().len(), 2);
}

/// A receiver that never answers does not keep the daemon from its end, and has the same message again
/// after the restart, by which it can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_answers_is_broken_off_and_comes_again_under_the_same_key() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    let mut daemon = world.swept().await;
    receiver.next([Reply::Hang]);
    world.set_versioning(BUCKET, "Suspended").await;
    daemon.sweep().await;
    receiver.wait(1).await;
    let begun = std::time::Instant::now();
    daemon.terminate();
    assert_eq!(daemon.ends().await.code(), Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(8), "it took {:?}", begun.elapsed());
    let daemon = world.swept().await;
    let received = receiver.wait(2).await;
    assert_eq!(received[0].header("idempotency-key"), received[1].header("idempotency-key"));
    daemon.stop().await;
}

/// `telemetry.endpoint: http://u:PASSWORD@host` passed `--check-config`, and the log showed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_in_an_address_for_telemetry_reaches_no_log() {
    let receiver = Receiver::start().await;
    let mut world = world(&receiver).await;
    let address = format!("http://u:{SECRET}@127.0.0.1:1");
    world.environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), address.clone()));
    let daemon = world.swept().await;
    let said = "are not sent: what `OTEL_EXPORTER_OTLP_ENDPOINT` holds cannot be used: the address holds credentials";
    daemon.said(&format!("traces {said}")).await;
    daemon.said(&format!("logs {said}")).await;
    let log = daemon.stop().await;
    assert!(!log.contains(SECRET) && !log.contains("cannot be sent"), "{log}");

    world.config["telemetry"] = json!({"endpoint": address});
    let file = world.config_file();
    let checked = world.program().args(["run", "--check-config", "--config"]).arg(file).output().expect("it runs");
    let said = String::from_utf8(checked.stderr).expect("text") + &String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("hint: a secret stands in a header: name its file in `telemetry.headersFile`"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}
