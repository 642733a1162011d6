//! What is written, when, and what is said of it.

use super::*;
use crate::support::git_repo::file;

const VERSIONED: &str = "  versioning: {status: Enabled}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_makes_the_buckets_that_it_declares_and_a_second_sweep_writes_nothing() {
    let world = World::new(&[("a.yaml", &spec("ai-data", VERSIONED)), ("b.yaml", &spec("ai-logs", ""))]).await;
    let daemon = world.swept().await;
    assert_eq!(world.s3.bucket_names(), ["ai-data", "ai-logs"]);
    assert_eq!((world.versioning("ai-data"), world.versioning("ai-logs")), ("Enabled".into(), "Enabled".into()));
    let status = daemon.json("/api/v1/status").await;
    assert_eq!((&status["ready"], &status["buckets"]["inSync"]), (&json!(true), &json!(2)));
    assert_eq!(daemon.get("/readyz").await.status, 200);
    let log = daemon.log();
    assert_eq!(lines(&log, "ai-data", "created in us-east-1, asked for by a.yaml:1").len(), 1, "{log}");
    assert!(log.contains("driftless 0.1.0 begins"), "{log}");
    let before = world.writes();
    daemon.sweep().await;
    daemon.sweep().await;
    assert_eq!(world.writes(), before);
    assert_eq!(lines(&daemon.log(), "ai-data", "drift from").len(), 1, "a bucket that is not there is one drift");
    assert!(daemon.stop().await.contains("driftless ended in good order"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_repaired_at_the_next_due_sweep_and_the_log_says_bucket_setting_from_to_and_who_asked() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    world.config["schedule"]["cron"] = json!("* * * * * *");
    let daemon = world.swept().await;
    assert_eq!(world.writes(), 0);
    world.set_versioning("bucket-000000", "Suspended").await;
    let log = daemon.said("repaired and read back").await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    let said = "bucket-000000: versioning repaired and read back, asked for by a.yaml:8 and policy versioned\n    \
                versioning.status: Suspended -> Enabled\n";
    assert!(log.contains(said), "{log}");
    assert!(daemon.metric("driftless_repairs_total{policy=\"spec\",result=\"applied\"}").await > 0.0);
    assert!(daemon.metric("driftless_sweep_total{result=\"ok\"}").await > 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_repaired_on_demand_for_whoever_knows_the_token_and_for_nobody_else() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    let daemon = world.swept().await;
    world.set_versioning("bucket-000000", "Suspended").await;
    let wrong = crate::support::http::send(daemon.address, "POST", "/api/v1/sync", &["Authorization: Bearer no"]).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(world.versioning("bucket-000000"), "Suspended");
    daemon.sweep().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pushed_commit_is_fetched_at_once_when_somebody_asks() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    let daemon = world.swept().await;
    let more = spec("bucket-000000", "  encryption: {algorithm: AES256, bucketKey: true}\n");
    let revision = world.push(&[("a.yaml", &more), ("b.yaml", &spec("ai-new", ""))]);
    daemon.follow(&revision).await;
    assert!(world.s3.bucket_names().contains(&"ai-new".to_owned()));
    let log = daemon.log();
    assert!(log.contains(&format!("revision {} is in force: Change the specs, by Ada", &revision[..12])), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pushed_commit_is_fetched_by_itself() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    world.config["source"]["interval"] = json!("300ms");
    let daemon = world.swept().await;
    world.push(&[("a.yaml", &spec("bucket-000000", VERSIONED)), ("b.yaml", &spec("ai-new", ""))]);
    daemon.bucket("ai-new", |it| it["inSync"] == true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_needs_approval_waits_for_the_very_document_that_the_log_and_the_api_show() {
    let suspended = spec("bucket-000000", "  versioning: {status: Suspended}\n");
    let mut world = World::with(compliant(1), &[("a.yaml", &suspended)]).await;
    world.config["policies"] = json!({"builtin": ["private", "encrypted", "tagged"]});
    let daemon = world.swept().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    assert_eq!(world.writes(), 0);
    let bucket = daemon.bucket("bucket-000000", |it| !it["held"].is_null()).await;
    let held = &bucket["held"][0];
    assert_eq!((&held["reason"], &held["setting"]), (&json!("needs-approval"), &json!("versioning")));
    let approval = held["approval"].as_str().expect("a document");
    // The page may show it a moment before the log does.
    daemon.said("bucket-000000: held (needs-approval): versioning: ").await;
    daemon.said(", asked for by a.yaml:8\n").await;
    for line in approval.lines() {
        daemon.said(line).await;
    }
    assert_eq!(daemon.metric("driftless_repairs_total{policy=\"spec\",result=\"held\"}").await, 1.0);
    daemon.sweep().await;
    assert_eq!(
        daemon.metric("driftless_repairs_total{policy=\"spec\",result=\"held\"}").await,
        1.0,
        "once, when it begins"
    );
    assert_eq!(daemon.metric("driftless_held{reason=\"needs-approval\"}").await, 1.0);
    let status = world.program().args(["status", "bucket-000000", "--address", &daemon.address.to_string()]).output();
    let shown = String::from_utf8(status.unwrap().stdout).unwrap();
    assert!(approval.lines().all(|line| shown.contains(line)), "{shown}");

    let approved = approval.replace("TELL WHY", "the data is copied elsewhere");
    let revision = world.push(&[("a.yaml", &suspended), ("approvals/one.yaml", &approved)]);
    daemon.follow(&revision).await;
    daemon.bucket("bucket-000000", |it| it["inSync"] == true).await;
    assert_eq!(world.versioning("bucket-000000"), "Suspended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_observes_writes_nothing_until_a_commit_says_so() {
    let observe = "  mode: observe\n  versioning: {status: Enabled}\n";
    let options =
        Options { buckets: vec![Prepared { count: 2, compliant: false, ..Prepared::default() }], ..Options::default() };
    let files = |mode: &str| {
        [
            ("a.yaml", spec("bucket-000000", &observe.replace("observe", mode))),
            ("b.yaml", spec("bucket-000001", observe)),
        ]
    };
    let push = |world: &World, mode: &str| {
        let files = files(mode);
        world.push(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>())
    };
    let world = World::with(options, &[]).await;
    push(&world, "observe");
    let daemon = world.swept().await;
    let bucket = daemon.bucket("bucket-000000", |it| !it["held"].is_null()).await;
    let held: Vec<&Value> = bucket["held"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(held, ["observe-only", "observe-only"]);
    assert_eq!(daemon.metric("driftless_repairs_total{policy=\"spec\",result=\"observe-only\"}").await, 4.0);
    daemon.sweep().await;
    assert_eq!(world.writes(), 0);
    let revision = push(&world, "enforce");
    daemon.follow(&revision).await;
    daemon.bucket("bucket-000000", |it| it["inSync"] == true).await;
    assert_eq!(
        (world.versioning("bucket-000000"), world.versioning("bucket-000001")),
        ("Enabled".into(), String::new())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_only_observes_writes_nothing_whatever_the_specs_say() {
    let mut world = World::new(&[("a.yaml", &spec("ai-data", VERSIONED))]).await;
    world.environment.push(("DRIFTLESS_MODE".into(), "observe".into()));
    world.config["schedule"]["cron"] = json!("* * * * * *");
    let daemon = world.swept().await;
    daemon.until("/api/v1/status", |it| it["sweep"]["last"]["cause"] == "schedule").await;
    assert_eq!((world.writes(), world.s3.bucket_names().len()), (0, 0));
    let bucket = daemon.json("/api/v1/buckets/default/ai-data").await;
    assert_eq!(bucket["held"][0]["detail"], "the bucket does not exist and would be created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_writes_back_again_and_again_is_a_fight_which_outlives_a_restart() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    world.config["limits"] = json!({"fightRepairs": 2});
    let daemon = world.swept().await;
    for _ in 0..2 {
        world.set_versioning("bucket-000000", "Suspended").await;
        daemon.sweep().await;
        assert_eq!(world.versioning("bucket-000000"), "Enabled");
    }
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    let fought = |it: &Value| it["held"][0]["reason"] == "fighting";
    let bucket = daemon.bucket("bucket-000000", fought).await;
    let since =
        bucket["policies"].as_array().unwrap().iter().find(|it| it["policy"] == "versioned").unwrap()["since"].clone();
    // As precise as the history keeps it.
    let micros = |since: &Value| since.as_str().unwrap()[..26].to_owned();
    assert_eq!(daemon.metric("driftless_fights_total{policy=\"versioned\"}").await, 1.0);
    assert_eq!(daemon.metric("driftless_fights_total{policy=\"spec\"}").await, 0.0);
    assert_eq!(world.versioning("bucket-000000"), "Suspended");
    daemon.stop().await;

    let before = world.writes();
    let daemon = world.swept().await;
    let bucket = daemon.bucket("bucket-000000", fought).await;
    let policy = bucket["policies"].as_array().unwrap().iter().find(|it| it["policy"] == "versioned").unwrap();
    assert_eq!(
        (micros(&policy["since"]), world.writes()),
        (micros(&since), before),
        "the fight and its time are remembered"
    );
    daemon.stop().await;
    let verify = world.program().args(["history", "--verify", "--data-dir"]).arg(world.path("data")).output().unwrap();
    assert_eq!(verify.status.code(), Some(0), "{verify:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_would_change_too_much_is_held_in_every_sweep_and_across_a_restart() {
    let options =
        Options { buckets: vec![Prepared { count: 12, compliant: true, ..Prepared::default() }], ..Options::default() };
    let specs = |more: &str| -> Vec<(String, String)> {
        (0..12).map(|n| (format!("b{n:02}.yaml"), spec(&format!("bucket-{n:06}"), more))).collect()
    };
    fn files(specs: &[(String, String)]) -> Vec<(&str, &str)> {
        specs.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
    }
    let mut world = World::with(options, &files(&specs(""))).await;
    world.config["limits"] = json!({"changedLeast": 3});
    let daemon = world.swept().await;
    assert_eq!(world.writes(), 0);
    let retagged =
        specs("").into_iter().map(|(path, text)| (path, text.replace("Distributed", "Central"))).collect::<Vec<_>>();
    let revision = world.push(&files(&retagged));
    daemon.follow(&revision).await;
    assert_eq!(world.writes(), 0);
    let bucket = daemon.bucket("bucket-000007", |it| !it["held"].is_null()).await;
    assert_eq!(bucket["held"][0]["reason"], "over-limit");
    daemon.sweep().await;
    daemon.sweep().await;
    assert_eq!(world.writes(), 0, "a later sweep obeys no part of it either");
    assert_eq!(lines(&daemon.log(), "bucket-000007", "held (over-limit)").len(), 1, "it is said once");
    daemon.stop().await;
    let daemon = world.swept().await;
    daemon.sweep().await;
    assert_eq!(world.writes(), 0, "nor does a daemon that was started anew");
    let approval = "apiVersion: driftless/v1\nkind: Approval\nmetadata: {name: retag}\nspec: {fleet: 12, reason: meant, expires: 2099-01-01}\n";
    let mut approved = files(&retagged);
    approved.push(("approval.yaml", approval));
    daemon.follow(&world.push(&approved)).await;
    daemon.until("/api/v1/status", |it| it["buckets"]["inSync"] == 12).await;
    assert_eq!(world.writes(), 12);
}

/// Twelve buckets that comply, of which three may change in a sweep.
async fn twelve(specs: &[(String, String)]) -> World {
    let mut world = World::with(compliant(12), &files(specs)).await;
    world.config["limits"] = json!({"changedLeast": 3});
    world
}

fn specs_of_twelve(purpose: &str) -> Vec<(String, String)> {
    let more = format!("{VERSIONED}  publicAccessBlock: all\n");
    let spec = |n| spec(&format!("bucket-{n:06}"), &more).replace("Distributed", purpose);
    (0..12).map(|n| (format!("b{n:02}.yaml"), spec(n))).collect()
}

fn files(specs: &[(String, String)]) -> Vec<(&str, &str)> {
    specs.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

/// A daemon that was started anew took whatever differed for a revision that asks too much, and
/// never repaired drift beyond the limit again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_beyond_the_limit_is_repaired_limit_by_limit_after_a_restart_too() {
    let world = twelve(&specs_of_twelve("Distributed")).await;
    world.swept().await.stop().await;
    for n in 0..12 {
        world.set_versioning(&format!("bucket-{n:06}"), "Suspended").await;
    }
    let before = world.writes();
    let daemon = world.swept().await;
    assert_eq!(world.writes() - before, 3);
    for writes in [6, 9, 12, 12] {
        daemon.sweep().await;
        assert_eq!(world.writes() - before, writes);
    }
    assert_eq!(daemon.json("/api/v1/status").await["buckets"]["inSync"], 12);
}

/// While a commit was held that asked too much, a bucket that somebody opened to the world stayed
/// open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_public_access_block_is_closed_while_a_commit_is_held_and_the_commit_stays_held_after_a_restart() {
    let world = twelve(&specs_of_twelve("Distributed")).await;
    let daemon = world.swept().await;
    daemon.follow(&world.push(&files(&specs_of_twelve("Central")))).await;
    let before = world.writes();
    let open = async || {
        world.tamper("DELETE /bucket-000007?publicAccessBlock", "").await;
        assert_eq!(world.s3.body("bucket-000007", "publicAccessBlock"), None);
    };
    let closed = || world.s3.body("bucket-000007", "publicAccessBlock").is_some();
    open().await;
    daemon.sweep().await;
    assert!(closed());
    assert_eq!(world.writes() - before, 2, "somebody's, and the one that closes it");
    let bucket = daemon.bucket("bucket-000007", |it| !it["held"].is_null()).await;
    assert_eq!((&bucket["held"][0]["setting"], &bucket["held"][0]["reason"]), (&json!("tags"), &json!("over-limit")));
    daemon.stop().await;

    // What the commit before it asked for is read again, so that drift is told from what is held.
    open().await;
    let daemon = world.swept().await;
    assert_eq!((world.writes() - before, closed()), (4, true));
    open().await;
    daemon.sweep().await;
    assert_eq!((world.writes() - before, closed()), (6, true));
    let bucket = daemon.bucket("bucket-000007", |it| !it["held"].is_null()).await;
    assert_eq!((&bucket["held"][0]["setting"], &bucket["held"][0]["reason"]), (&json!("tags"), &json!("over-limit")));
    assert_eq!(daemon.json("/api/v1/status").await["buckets"]["inSync"], 0);
}

/// An older form stood in for a file of the commit that passed, and is not kept: what that commit
/// asked for cannot be told, and nothing is taken for drift.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_of_the_commit_that_passed_is_said_and_held_with_the_one_that_did_not() {
    let specs = specs_of_twelve("Distributed");
    let world = twelve(&specs).await;
    let daemon = world.swept().await;
    let mut faulty = files(&specs);
    faulty[3].1 = "kind: Bucket\n";
    daemon.follow(&world.push(&faulty)).await;
    daemon.follow(&world.push(&files(&specs_of_twelve("Central")))).await;
    daemon.stop().await;
    world.tamper("DELETE /bucket-000007?publicAccessBlock", "").await;
    let before = world.writes();
    let daemon = world.swept().await;
    daemon.sweep().await;
    assert_eq!(world.writes() - before, 0);
    let said = "is not known any more: a file of it was at fault; until";
    assert_eq!(daemon.log().matches(said).count(), 1, "{}", daemon.log());
    // One that takes it back has one bucket to change, and passes.
    daemon.follow(&world.push(&files(&specs_of_twelve("Distributed")))).await;
    assert_eq!(world.writes() - before, 1);
}

/// Three commits were pushed at once, and the last was named for what the first had changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_that_one_of_several_commits_caused_names_that_one() {
    let specs = |first: &str, second: &str| {
        [("a.yaml", spec("bucket-000000", first)), ("b.yaml", spec("bucket-000001", second))]
    };
    let entries = |specs: &[(&str, String)]| specs.iter().map(|(path, text)| file(path, text)).collect::<Vec<_>>();
    let begun = specs(VERSIONED, VERSIONED);
    let world = World::with(compliant(2), &begun.each_ref().map(|(path, text)| (*path, text.as_str()))).await;
    let daemon = world.swept().await;
    let closed = format!("{VERSIONED}  requestPayer: {{payer: Requester}}\n");
    let first = world.repo.commit("main", "The first", &entries(&specs(&closed, VERSIONED)), false);
    world.repo.commit(
        "main",
        "The second",
        &entries(&specs(&closed, &closed.replace("Requester", "BucketOwner"))),
        false,
    );
    let third = world.repo.commit("main", "The third", &entries(&specs(&closed, &closed)), false);
    daemon.follow(&third).await;
    let since = |bucket: &str| {
        let log = daemon.log();
        let line = lines(&log, bucket, "drift from its spec (requestPayer), since ").pop().unwrap_or_default();
        line.split_once("since ").and_then(|(_, rest)| rest.split_once(':')).map(|(who, _)| who.to_owned())
    };
    assert_eq!(since("bucket-000000"), Some(format!("revision {}", &first[..12])));
    assert_eq!(since("bucket-000001"), Some(format!("one of 2 commits up to {}", &third[..12])));
}
