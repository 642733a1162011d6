//! What is obeyed of git, and what stays in force when it cannot be had or is not obeyed.

use super::*;

const VERSIONED: &str = "  versioning: {status: Enabled}\n";

async fn one() -> World {
    World::with(compliant(2), &[("a.yaml", &spec("bucket-000000", VERSIONED)), ("b.yaml", &spec("bucket-000001", ""))])
        .await
}

async fn source_is(daemon: &Daemon, state: &str) -> Value {
    daemon.until("/api/v1/source", |it| it["state"] == state).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_repository_is_away_the_last_good_revision_is_kept_up_and_it_is_ready_when_it_comes_back() {
    let world = one().await;
    let daemon = world.swept().await;
    let away = world.repo.folder.path().join("away.git");
    std::fs::rename(&world.repo.path, &away).unwrap();
    daemon.sync().await;
    let source = source_is(&daemon, "stale").await;
    assert!(source["detail"].as_str().unwrap().contains("stays in force"), "{source:#}");
    assert_eq!(daemon.get("/readyz").await.status, 200);
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    std::fs::rename(&away, &world.repo.path).unwrap();
    daemon.sync().await;
    source_is(&daemon, "ready").await;
    daemon.said("the source is ready: it answers again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_started_while_the_repository_is_away_watches_what_was_in_force() {
    let world = one().await;
    let daemon = world.swept().await;
    daemon.stop().await;
    world.set_versioning("bucket-000000", "Suspended").await;
    std::fs::rename(&world.repo.path, world.repo.folder.path().join("away.git")).unwrap();
    let daemon = world.swept().await;
    source_is(&daemon, "stale").await;
    daemon.bucket("bucket-000000", |it| it["inSync"] == true).await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_freezes_its_bucket_on_its_last_good_spec_and_the_rest_goes_on() {
    let world = one().await;
    let daemon = world.swept().await;
    let bad = spec("bucket-000000", "  versioning: {status: Enbled}\n");
    let good = spec("bucket-000001", "").replace("Distributed", "Central");
    let revision = world.push(&[("a.yaml", &bad), ("b.yaml", &good)]);
    daemon.follow(&revision).await;
    daemon.bucket("bucket-000001", |it| it["inSync"] == true).await;
    assert!(world.s3.body("bucket-000001", "tagging").unwrap().contains("Central"));
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled", "its last good spec is in force");
    assert_eq!(daemon.json("/api/v1/buckets/default/bucket-000000").await["state"], "invalid");
    let findings = daemon.json("/api/v1/findings").await;
    assert_eq!(findings["errors"], 1, "{findings:#}");
    let place = &findings["findings"][0]["place"];
    assert_eq!((&place["file"], &place["line"]), (&json!("a.yaml"), &json!(8)));
    assert_eq!(daemon.metric("driftless_spec_errors{source=\"default\"}").await, 1.0);
    assert!(daemon.log().contains("ERROR a.yaml:8:"), "{}", daemon.log());

    // The good spec outlives a restart, too.
    daemon.stop().await;
    let daemon = world.swept().await;
    assert_eq!(daemon.json("/api/v1/buckets/default/bucket-000000").await["state"], "invalid");
    daemon.follow(&world.push(&[("a.yaml", &spec("bucket-000000", "")), ("b.yaml", &good)])).await;
    daemon.bucket("bucket-000000", |it| it["state"] == "managed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_whose_spec_is_removed_is_managed_no_more_and_stays_as_it_is() {
    let world = one().await;
    let daemon = world.swept().await;
    let revision = world.push(&[("a.yaml", &spec("bucket-000000", VERSIONED))]);
    daemon.follow(&revision).await;
    daemon.said("bucket-000001: no spec declares it any more; it stays as it is, unwatched").await;
    assert_eq!(daemon.get("/api/v1/buckets/default/bucket-000001").await.status, 404);
    world.set_versioning("bucket-000001", "Suspended").await;
    daemon.sweep().await;
    assert_eq!((world.versioning("bucket-000001"), world.writes()), ("Suspended".into(), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_tree_is_held_until_the_configuration_accepts_it() {
    let mut world = one().await;
    let daemon = world.swept().await;
    let empty = world.push(&[("README.md", "nothing")]);
    daemon.sync().await;
    let source = source_is(&daemon, "held").await;
    assert_eq!(source["heldRevision"], empty);
    assert_eq!(source["hint"], format!("when this was meant, set the source's `accept: {}`", &empty[..12]));
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    assert_eq!(daemon.log().matches("the source is held").count(), 1, "it is said once");
    daemon.stop().await;
    world.config["source"]["accept"] = json!(empty[..12]);
    let daemon = world.swept().await;
    daemon.until("/api/v1/source", |it| it["revision"] == empty).await;
    daemon.until("/api/v1/status", |it| it["buckets"]["total"] == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_loses_most_of_its_buckets_is_held_until_an_approval_says_how_many() {
    let join = |count: usize| -> String {
        (0..count).map(|n| format!("{}---\n", spec(&format!("bucket-{n:06}"), ""))).collect()
    };
    let world = World::with(compliant(12), &[("all.yaml", &join(12))]).await;
    let daemon = world.swept().await;
    world.push(&[("all.yaml", &join(2))]);
    daemon.sync().await;
    let source = source_is(&daemon, "held").await;
    assert!(source["detail"].as_str().unwrap().ends_with("10 of 12 buckets would no longer be managed"), "{source:#}");
    assert_eq!(source["hint"], "when this was meant, commit an Approval with `removals: 10`");
    assert_eq!(daemon.json("/api/v1/status").await["buckets"]["total"], 12);
    let approval = "apiVersion: driftless/v1\nkind: Approval\nmetadata: {name: fewer}\nspec: {removals: 10, reason: meant, expires: 2099-01-01}\n";
    let revision = world.push(&[("all.yaml", &join(2)), ("approval.yaml", approval)]);
    daemon.follow(&revision).await;
    daemon.until("/api/v1/status", |it| it["buckets"]["total"] == 2).await;
    assert_eq!(world.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_push_is_held_and_forgotten_when_it_is_taken_back() {
    let mut world = one().await;
    let daemon = world.swept().await;
    let first = world.repo.resolve("refs/heads/main").unwrap();
    let files = [
        crate::support::git_repo::file("a.yaml", &spec("bucket-000000", "")),
        crate::support::git_repo::file("b.yaml", &spec("bucket-000001", "")),
    ];
    let forced = world.repo.commit("main", "Another history", &files, true);
    daemon.sync().await;
    let source = source_is(&daemon, "held").await;
    assert!(source["detail"].as_str().unwrap().contains("history was rewritten"), "{source:#}");
    world.repo.git(&["update-ref", "refs/heads/main", &first]);
    daemon.sync().await;
    let source = source_is(&daemon, "ready").await;
    assert_eq!((&source["revision"], &source["heldRevision"]), (&json!(first), &Value::Null));
    world.repo.git(&["update-ref", "refs/heads/main", &forced]);
    daemon.sync().await;
    source_is(&daemon, "held").await;
    daemon.stop().await;
    world.config["source"]["accept"] = json!(forced);
    let daemon = world.swept().await;
    daemon.until("/api/v1/source", |it| it["revision"] == forced && it["state"] == "ready").await;
    daemon.said("is obeyed although history was rewritten").await;
}
