//! How it ends, and when it says that it is not well.

use std::time::{Duration, Instant};

use super::*;

/// What a service manager waits for at the least before it kills.
const SOON: Duration = Duration::from_secs(8);

async fn unversioned() -> World {
    let options = Options { buckets: vec![Prepared { compliant: false, ..Prepared::default() }], ..Options::default() };
    World::with(options, &[("a.yaml", &spec("bucket-000000", "  versioning: {status: Enabled}\n"))]).await
}

/// A request that nobody answers, and the daemon that made it.
async fn hanging(world: &World, operation: Operation) -> Daemon {
    world.s3.inject(Fault { operation: Some(operation), bucket: None, times: None, answer: Answer::Hang });
    let daemon = world.start().await;
    wait("the request", async || (world.s3.count(operation) > 0).then_some(())).await;
    daemon
}

async fn ends_soon(mut daemon: Daemon) -> String {
    let begun = Instant::now();
    daemon.terminate();
    let status = daemon.ends().await;
    let log = daemon.said("ended in good order").await;
    assert!(begun.elapsed() < SOON, "it took {:?}\n{log}", begun.elapsed());
    assert_eq!(status.code(), Some(0), "{log}");
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_under_way_is_finished_proved_and_taken_down_before_the_end() {
    let world = unversioned().await;
    world.s3.set_weather(Weather { latency_ms: 700, ..Weather::default() });
    let daemon = world.start().await;
    wait("the write", async || (world.asked(Operation::PutBucketVersioning, "bucket-000000") > 0).then_some(())).await;
    let log = ends_soon(daemon).await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    assert!(log.contains("SIGTERM: ending; a write under way is finished first"), "{log}");
    assert!(log.contains("bucket-000000: versioning repaired and read back"), "{log}");
    assert_eq!(world.asked(Operation::PutBucketTagging, "bucket-000000"), 0, "no further write is begun");
    let history = world.program().args(["history", "--kind", "repair", "--data-dir"]).arg(world.path("data")).output();
    let listed = String::from_utf8(history.unwrap().stdout).unwrap();
    assert!(listed.contains("  repair  bucket-000000  versioning (asked by "), "{listed}");
    assert!(listed.contains("\n                    status: not set -> Enabled\n"), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_is_never_answered_holds_the_end_up_for_seconds_only() {
    let world = unversioned().await;
    let mut daemon = hanging(&world, Operation::PutBucketVersioning).await;
    let begun = Instant::now();
    daemon.terminate();
    let status = daemon.ends().await;
    assert!(begun.elapsed() < Duration::from_secs(18), "it took {:?}", begun.elapsed());
    let log = daemon.said("ended in good order").await;
    assert_eq!(status.code(), Some(0));
    assert!(log.contains("versioning was not repaired: "), "{log}");
    assert!(log.contains("nothing came within 10 s"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_twice_is_obeyed_at_once() {
    let world = unversioned().await;
    let mut daemon = hanging(&world, Operation::PutBucketVersioning).await;
    daemon.terminate();
    daemon.said("SIGTERM: ending").await;
    let begun = Instant::now();
    daemon.terminate();
    let status = daemon.ends().await;
    assert!(begun.elapsed() < SOON);
    assert_eq!(status.code(), Some(1));
    daemon.said("SIGTERM again: ended at once; a write under way may or may not have been made").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_never_comes_does_not_hold_the_end_up() {
    let world = unversioned().await;
    ends_soon(hanging(&world, Operation::ListBuckets).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_never_comes_does_not_hold_the_end_up() {
    let world = unversioned().await;
    ends_soon(hanging(&world, Operation::GetBucketVersioning).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_git_server_that_never_answers_does_not_hold_the_end_up() {
    let mut world = unversioned().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.config["source"]["git"]["url"] = json!(format!("http://{}/specs.git", silent.local_addr().unwrap()));
    let daemon = world.start().await;
    let _taken = silent.accept().await.unwrap();
    ends_soon(daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_stands_still_is_not_ready_and_a_living_loop_is_not_killed_for_it() {
    let mut world = unversioned().await;
    world.config["limits"] = json!({"stuckAfter": "1s"});
    let daemon = world.swept().await;
    assert_eq!(daemon.get("/readyz").await.status, 200);
    world.s3.inject(Fault::always(Operation::GetBucketVersioning, "bucket-000000", Answer::Hang));
    daemon.sync().await;
    let said = wait("it is stuck", async || {
        let ready = daemon.get("/readyz").await;
        (ready.status == 503).then_some(ready.body)
    })
    .await;
    assert!(said.starts_with("the sweep is stuck: 0 of 1 buckets done, none for "), "{said}");
    assert_eq!(daemon.get("/healthz").await.status, 200);
    ends_soon(daemon).await;
}
