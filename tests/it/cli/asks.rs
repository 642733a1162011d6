//! `status`, `history` and `sandbox`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::*;
use crate::support::daemon::wait;
use crate::support::git_repo::{self, Ends};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_how_the_fleet_stands_and_then_what_is_wrong() {
    let specs = [("a.yaml", spec("bucket-000000", "")), ("b.yaml", spec("bucket-000001", "  mode: observe\n"))];
    let files = specs.each_ref().map(|(path, text)| (*path, text.as_str()));
    let world = World::with(compliant(2), &files).await;
    let daemon = world.swept().await;
    let address = daemon.address.to_string();
    let ran = run(&world, &["status", "--address", &address]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!((lines[0], lines.len()), ("2 buckets: 2 in sync", 3), "{}", ran.out);
    let revision = world.repo.resolve("refs/heads/main").unwrap();
    let source = format!(
        "source ready: {} branch main at {} \"Change the specs\" by Ada <ada@example.com>; it answered ",
        world.repo.path.display(),
        &revision[..12]
    );
    assert!(lines[1].starts_with(&source), "{}", lines[1]);
    assert!(lines[2].starts_with("sweep: last one ") && lines[2].contains("; next in "), "{}", lines[2]);

    world.set_versioning("bucket-000001", "Suspended").await;
    world.push(&[files[0], files[1], ("c.yaml", "kind: Bukket\n")]);
    daemon.follow(&world.repo.resolve("refs/heads/main").unwrap()).await;
    daemon.bucket("bucket-000001", |it| it["inSync"] == false).await;
    let ran = run(&world, &["status", "--address", &format!("http://{address}/")]);
    assert_eq!(ran.code, Some(2));
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "2 buckets: 1 in sync, 1 drifted, 1 held");
    assert!(lines[4].starts_with("bucket-000001  drifted (versioned) for "), "{}", ran.out);
    assert!(lines[4].ends_with("; held: observe-only"), "{}", ran.out);
    assert!(lines[6].starts_with("c.yaml:1:"), "{}", ran.out);
    assert_eq!(run(&world, &["status", "--address", &address, "--output", "json"]).json()["buckets"]["drifted"], 1);

    let one = run(&world, &["status", "bucket-000001", "--address", &address]);
    assert_eq!(one.code, Some(2));
    assert!(one.out.starts_with("bucket-000001 in us-east-1: drifted; checked "), "{}", one.out);
    assert!(one.out.contains("\nspec: b.yaml:1\n"), "{}", one.out);
    assert!(one.out.contains("\nheld (observe-only): versioning: would be repaired; the mode is `observe`, asked for by policy versioned\n  status: Suspended -> Enabled\n"), "{}", one.out);
    assert_eq!(run(&world, &["status", "default/bucket-000000", "--address", &address]).code, Some(0));
    let none = run(&world, &["status", "ai-none", "--address", &address]);
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""));
    assert!(none.err.starts_with("no bucket `default/ai-none` is known\nhint: "), "{}", none.err);
    let illegal = run(&world, &["status", "No Bucket", "--address", &address]);
    assert_eq!(illegal.code, Some(1));
    assert!(illegal.err.contains("hint: "), "{}", illegal.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_without_a_daemon_says_how_to_start_one() {
    let ran = alone(&["status", "--address", "127.0.0.1:1"]);
    let said = "the daemon at 127.0.0.1:1 does not answer: connection refused (os error 111)\n\
                hint: start it with `driftless run`, or name its `http.listen` with --address\n";
    assert_eq!(ran, Ran { code: Some(1), out: String::new(), err: said.into() });
    let world = World::new(&[]).await;
    let ran = run(&world, &["status", "--address", &world.s3.address().to_string()]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("is no driftless: status "), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_the_daemon_comes_from_the_environment_and_is_no_field_for_other_commands() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    let daemon = world.swept().await;
    world.environment.push(("DRIFTLESS_ADDRESS".into(), daemon.address.to_string()));
    assert_eq!(run(&world, &["status"]).code, Some(0));
    let config = world.config_file().display().to_string();
    assert_eq!(run(&world, &["plan", "--config", &config]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_a_running_daemon_is_listed_and_verified() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    let daemon = world.swept().await;
    world.environment.push(("DRIFTLESS_DATA_DIR".into(), world.path("data").display().to_string()));
    let listed = wait("it is written", async || {
        let ran = run(&world, &["history"]);
        ran.out.contains("revision").then_some(ran)
    })
    .await;
    assert_eq!((listed.code, listed.err.as_str()), (Some(0), ""));
    assert!(listed.out.contains("started") && listed.out.contains("driftless 0.1.0"), "{}", listed.out);
    let verified = run(&world, &["history", "--verify"]);
    assert_eq!(verified.code, Some(0));
    assert!(verified.out.starts_with("verified "), "{}", verified.out);
    let other = "1".repeat(64);
    assert_eq!(run(&world, &["history", "--verify", "--expect-head", &other]).code, Some(2));
    let wrong = run(&world, &["history", "--since", "yesterday"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("`yesterday` is no time; write a span such as 24h"), "{}", wrong.err);
    daemon.stop().await;
}

#[test]
fn a_sandbox_says_where_it_listens_and_ends_in_good_order() {
    let home = tempfile::tempdir().unwrap();
    let mut command = program(home.path());
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--buckets", "3", "--name", "ai-{n}"]);
    let mut child = Ends(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("S3 at http://").and_then(|it| it.split(' ').next()).expect("an address");
    assert!(line.ends_with(" (3 buckets); any access key will do; Ctrl-C ends it\n"), "{line}");
    let scan: Ran =
        program(home.path()).args(["scan", "--endpoint", &format!("http://{address}")]).output().unwrap().into();
    assert_eq!(scan.code, Some(2), "{scan:?}");
    let taken: Ran = program(home.path()).args(["sandbox", "--listen", address]).output().unwrap().into();
    assert_eq!(taken.code, Some(1));
    assert!(taken.err.contains("another program listens there\nhint: "), "{}", taken.err);
    git_repo::run(Command::new("kill").args(["-TERM", &child.0.id().to_string()]), b"");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_sandbox_with_a_rate_that_is_none_is_refused() {
    let ran = alone(&["sandbox", "--listen", "127.0.0.1:0", "--errors", "30"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.err.contains("from 0 to 1"), "{}", ran.err);
}
