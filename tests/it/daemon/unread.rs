//! Files of a revision that cannot be read, and whose the last good ones are.

use crate::support::git_repo::{Entry, Repo, entry, file};

use super::*;

const VERSIONED: &str = "  versioning: {status: Enabled}\n";

fn bucket(number: usize) -> String {
    format!("bucket-{number:06}")
}

/// Buckets of these files, one each, swept once.
async fn world(files: &[&str]) -> World {
    let specs: Vec<(&str, String)> =
        files.iter().enumerate().map(|(n, path)| (*path, spec(&bucket(n), VERSIONED))).collect();
    let specs: Vec<(&str, &str)> = specs.iter().map(|(path, text)| (*path, text.as_str())).collect();
    World::with(compliant(files.len()), &specs).await
}

/// Somebody changes every bucket; the next sweep repairs it.
async fn all_are_repaired(world: &World, daemon: &Daemon, buckets: usize) {
    for n in 0..buckets {
        world.set_versioning(&bucket(n), "Suspended").await;
    }
    daemon.sweep().await;
    for n in 0..buckets {
        assert_eq!(world.versioning(&bucket(n)), "Enabled", "{}", bucket(n));
    }
}

async fn findings(daemon: &Daemon) -> Vec<String> {
    let said = daemon.json("/api/v1/findings").await;
    let place = |it: &Value| format!("{}:{}", it["place"]["file"].as_str().unwrap(), it["place"]["line"]);
    let line = |it: &Value| format!("{}: {}", place(it), it["message"].as_str().unwrap());
    said["findings"].as_array().unwrap().iter().map(line).collect()
}

/// A file that the source refuses was taken for one that is gone: its buckets were watched no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_grows_a_symlink_and_a_submodule_freeze_their_buckets_also_after_a_restart() {
    let world = world(&["grows.yaml", "link.yaml", "team/deep/c.yaml", "good.yaml"]).await;
    let daemon = world.swept().await;
    let large = format!("{}{}", spec(&bucket(0), VERSIONED), "#".repeat(6_000_000));
    let good = spec(&bucket(3), VERSIONED).replace("Distributed", "Central");
    let revision = world.repo.push(&[
        file("grows.yaml", &large),
        entry("120000", b"link.yaml", b"good.yaml"),
        entry("160000", b"team", "2".repeat(40).as_bytes()),
        file("good.yaml", &good),
    ]);
    daemon.follow(&revision).await;
    daemon.bucket(&bucket(3), |it| it["inSync"] == true).await;
    assert!(world.s3.body(&bucket(3), "tagging").unwrap().contains("Central"), "the others go on");
    let frozen = async |daemon: &Daemon| {
        assert_eq!(
            findings(daemon).await,
            [
                &*format!("grows.yaml:1: the file is not read: it has {} bytes, the limit is 5000000", large.len()),
                "link.yaml:1: the file is not read: it is a symlink",
                "team:1: the file is not read: it is a submodule",
            ]
        );
        let mut states = Vec::new();
        for n in 0..4 {
            let found = daemon.json(&format!("/api/v1/buckets/default/{}", bucket(n))).await;
            states.push(found["state"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(states, ["invalid", "invalid", "invalid", "managed"]);
        all_are_repaired(&world, daemon, 4).await;
        assert_eq!(daemon.metric("driftless_spec_errors{source=\"default\"}").await, 3.0);
        assert!(!daemon.log().contains("no spec declares it any more"), "{}", daemon.log());
    };
    frozen(&daemon).await;
    assert!(daemon.log().contains("hint: split the file"), "{}", daemon.log());

    // Their good forms outlive a restart, and another revision in which they are as unreadable.
    daemon.stop().await;
    let daemon = world.swept().await;
    frozen(&daemon).await;
    let revision = world.repo.push(&[
        file("grows.yaml", &large),
        entry("120000", b"link.yaml", b"good.yaml"),
        entry("160000", b"team", "3".repeat(40).as_bytes()),
        file("good.yaml", &spec(&bucket(3), VERSIONED)),
    ]);
    daemon.follow(&revision).await;
    frozen(&daemon).await;

    // A file that is gone is no fault.
    let revision = world.repo.push(&[file("grows.yaml", &spec(&bucket(0), VERSIONED)), file("good.yaml", &good)]);
    daemon.follow(&revision).await;
    daemon.bucket(&bucket(0), |it| it["state"] == "managed").await;
    daemon.said("bucket-000001: no spec declares it any more; it stays as it is, unwatched").await;
    daemon.said("bucket-000002: no spec declares it any more; it stays as it is, unwatched").await;
}

/// The only file became a symlink, and the revision was held as one without any files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_of_which_nothing_can_be_read_is_in_force_with_every_bucket_frozen() {
    let world = world(&["a.yaml"]).await;
    let daemon = world.swept().await;
    daemon.follow(&world.repo.push(&[entry("120000", b"a.yaml", b"b.yaml")])).await;
    assert_eq!(daemon.json("/api/v1/source").await["state"], "ready");
    assert_eq!(daemon.json("/api/v1/buckets/default/bucket-000000").await["state"], "invalid");
    all_are_repaired(&world, &daemon, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_bomb_and_a_file_that_is_no_text_freeze_their_buckets_and_the_rest_goes_on() {
    let world = world(&["bomb.yaml", "latin.yaml", "good.yaml"]).await;
    let daemon = world.swept().await;
    let mut bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..20 {
        let aliases = vec![format!("*l{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("l{n}: &l{n} [{aliases}]\n"));
    }
    let latin = spec(&bucket(1), VERSIONED).replace("Data", "Dat\u{e9}").chars().map(|c| c as u8).collect::<Vec<_>>();
    let good = spec(&bucket(2), VERSIONED).replace("Distributed", "Central");
    let files: [Entry; 3] =
        [file("bomb.yaml", &bomb), entry("100644", b"latin.yaml", &latin), file("good.yaml", &good)];
    daemon.follow(&world.repo.push(&files)).await;
    assert_eq!(
        findings(&daemon).await,
        [
            "bomb.yaml:6: with this alias expanded the file has more than 200000 values",
            "latin.yaml:7: the byte 0xe9 is no UTF-8",
        ]
    );
    let log = daemon.log();
    assert!(log.contains("hint: split the file, and write values out instead of aliases of aliases"), "{log}");
    assert!(log.contains("hint: save the file as UTF-8"), "{log}");
    daemon.bucket(&bucket(2), |it| it["inSync"] == true).await;
    assert!(world.s3.body(&bucket(2), "tagging").unwrap().contains("Central"));
    for n in 0..2 {
        let state = daemon.json(&format!("/api/v1/buckets/default/{}", bucket(n))).await["state"].clone();
        assert_eq!(state, "invalid", "{}", bucket(n));
    }
    all_are_repaired(&world, &daemon, 3).await;
    assert_eq!(daemon.json("/api/v1/status").await["buckets"]["total"], 3);
}

/// A broken file of a new repository stood on the old one's file of the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_of_another_repository_or_path_does_not_fall_back_on_the_file_of_the_one_before() {
    let bad = spec(&bucket(0), "  versioning: {status: Enbled}\n");
    let mut world = world(&["a.yaml", "old/a.yaml"]).await;
    let both = [file("old/a.yaml", &spec(&bucket(0), VERSIONED)), file("new/a.yaml", &bad)];
    world.repo.push(&both);
    world.config["source"]["git"]["path"] = json!("old");
    let daemon = world.swept().await;
    assert_eq!(daemon.json("/api/v1/buckets/default/bucket-000000").await["state"], "managed");
    daemon.stop().await;

    let other = Repo::new();
    other.push(&[file("old/a.yaml", &bad), file("old/b.yaml", &spec(&bucket(1), VERSIONED))]);
    let one = world.config.clone();
    for (field, value) in [("url", json!(other.path)), ("path", json!("new"))] {
        world.config = one.clone();
        world.config["source"]["git"][field] = value;
        let daemon = world.start().await;
        let log =
            daemon.said("bucket `bucket-000000` is not managed: its file has an error and no earlier good form").await;
        assert!(log.contains("a.yaml:8:24: `status` cannot be `Enbled`"), "{log}");
        assert!(!log.contains("goes on, until the source says otherwise"), "{log}");
        daemon.until("/api/v1/source", |it| it["state"] == "ready").await;
        assert_eq!(daemon.get("/api/v1/buckets/default/bucket-000000").await.status, 404, "{field}");
        daemon.stop().await;
        // Back on the one before, whose files are good.
        world.config = one.clone();
        let daemon = world.swept().await;
        daemon.bucket(&bucket(0), |it| it["state"] == "managed").await;
        daemon.stop().await;
    }
}

/// A revision that would lose most buckets was read and parsed anew at every look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_is_held_is_parsed_once_until_there_is_another() {
    let join = |count: usize| (0..count).map(|n| format!("{}---\n", spec(&bucket(n), ""))).collect::<String>();
    let world = World::with(compliant(12), &[("all.yaml", &join(12))]).await;
    let daemon = world.swept().await;
    let first = world.repo.resolve("refs/heads/main").unwrap();
    let count = async |op: &str, result: &str| {
        let series = format!("driftless_source_fetch_total{{op=\"{op}\",result=\"{result}\",source=\"default\"}}");
        daemon.metric(&series).await
    };
    let look = async || {
        let before = count("fetch", "held").await + count("fetch", "new").await + count("fetch", "unchanged").await;
        daemon.sync().await;
        wait("another look at the source", async || {
            let now = count("fetch", "held").await + count("fetch", "new").await + count("fetch", "unchanged").await;
            (now > before).then_some(())
        })
        .await;
    };
    let shrunk = world.push(&[("all.yaml", &join(2))]);
    let held = async || {
        daemon.until("/api/v1/source", |it| it["state"] == "held" && it["heldRevision"] == shrunk).await;
    };
    daemon.sync().await;
    held().await;
    let parsed = async || count("load", "held").await + count("load", "new").await;
    assert_eq!((count("load", "held").await, parsed().await), (1.0, 2.0));
    for _ in 0..3 {
        look().await;
        held().await;
    }
    assert_eq!(parsed().await, 2.0, "it was parsed again");
    assert_eq!(count("fetch", "held").await, 3.0);
    assert_eq!(daemon.log().matches("the source is held").count(), 1, "it is said once");

    // Taken back and pushed again, it is another decision.
    world.repo.git(&["update-ref", "refs/heads/main", &first]);
    daemon.sync().await;
    daemon.until("/api/v1/source", |it| it["state"] == "ready").await;
    world.repo.git(&["update-ref", "refs/heads/main", &shrunk]);
    daemon.sync().await;
    held().await;
    assert_eq!(parsed().await, 3.0);
    let approval = "apiVersion: driftless/v1\nkind: Approval\nmetadata: {name: fewer}\nspec: {removals: 10, reason: meant, expires: 2099-01-01}\n";
    daemon.follow(&world.push(&[("all.yaml", &join(2)), ("approval.yaml", approval)])).await;
    daemon.until("/api/v1/status", |it| it["buckets"]["total"] == 2).await;
}
