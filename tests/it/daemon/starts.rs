//! What it says when it cannot begin, and what it takes from file, environment and flags.

use std::process::Output;

use super::*;
use crate::support::daemon::program;

/// Runs it to its end: exit code and what it said.
fn ended(world: &World, args: &[&str]) -> (Option<i32>, String) {
    let output = world.program().arg("run").arg("--config").arg(world.config_file()).args(args).output().unwrap();
    said(&output)
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr.clone()).unwrap())
}

/// What a configuration's text is answered with; `FILE` stands for its path.
fn checked(text: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("driftless.yaml");
    std::fs::write(&path, text).unwrap();
    let output = program(folder.path()).args(["run", "--check-config", "--config"]).arg(&path).output().unwrap();
    let (code, text) = said(&output);
    (code, text.replace(&path.display().to_string(), "FILE"))
}

#[test]
fn a_bad_configuration_is_refused_with_every_fault_at_its_place_and_a_hint() {
    let cases = [
        ("", "FILE:1:1: `source` is missing in the document\nhint: add `source`: Where the specs are\n"),
        (
            "source: {}\n",
            "FILE:1:1: no source\nhint: write `git: {url: …}`, or `dir: …` for work on one's own machine\n",
        ),
        ("source: {dir: a, git: {url: b}}\n", "FILE:1:1: both `git` and `dir`\nhint: name one source\n"),
        (
            "source: {dir: a}\nschedule: {cron: \"* * *\"}\n",
            "FILE:2:12: `* * *` is no cron expression: 3 fields\n\
             hint: write five fields (minute hour day month weekday), such as `*/5 * * * *`, or six with seconds first\n",
        ),
        (
            "source: {dir: a}\nschedule:\n  zone: Europe/Berlim\n",
            "FILE:3:3: there is no time zone `Europe/Berlim`\nhint: did you mean `Europe/Berlin`?\n",
        ),
        (
            "source: {git: {url: \"https://me:secret@git.example.com/specs\"}}\n",
            "FILE:1:16: credentials do not belong in the address of a repository\n\
             hint: take what stands before the `@` out of the address and name it in the source's credentials\n",
        ),
        ("source: {dir: a}\nmoed: observe\n", "FILE:2:1: unknown field `moed`\nhint: did you mean `mode`?\n"),
        (
            "source: {dir: a, interval: 0s}\nlog: {level: lots}\n",
            "FILE:1:18: `0s` is too short\nhint: write at least `1s`\n\
             FILE:2:7: `lots` is no level\nhint: write `error`, `warn`, `info`, `debug` or `trace`\n",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(checked(text), (Some(2), expected.to_owned()), "{text}");
    }
    let (code, said) = checked("source: {dir: a}\nlimits: {concurrency: many}\n");
    assert_eq!(code, Some(2));
    assert!(said.starts_with("FILE:2:23: "), "{said}");
}

#[test]
fn a_configuration_that_is_not_there_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = program(folder.path()).args(["run", "--config", "/nowhere.yaml"]).output().unwrap();
    let expected = "/nowhere.yaml:1:1: the configuration cannot be read: no such file or directory (os error 2)\n\
                    hint: name another file with `--config`\n";
    assert_eq!(said(&output), (Some(2), expected.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_said_with_what_to_do() {
    let mut world = World::new(&[]).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Held by the S3 server, for one.
    world.config["http"]["listen"] = json!(world.s3.address());
    let (code, log) = ended(&world, &[]);
    let port = world.s3.address().port();
    assert_eq!(code, Some(1));
    let expected = format!(
        "cannot listen on 127.0.0.1:{port}: another program listens there\n\
         hint: end the program on port {port}, or set `http.listen` to another port; port 0 takes a free one\n"
    );
    assert!(log.ends_with(&expected), "{log}");
    world.config["http"]["listen"] = json!(taken);
    world.config["http"]["metricsListen"] = json!(world.s3.address());
    assert!(ended(&world, &[]).1.contains("or set `http.metricsListen` to another port"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_that_cannot_be_made_is_said_with_what_to_do() {
    let mut world = World::new(&[]).await;
    std::fs::write(world.path("file"), "").unwrap();
    let dir = world.path("file").join("data");
    world.config["dataDir"] = json!(dir);
    let expected = format!(
        "the data folder `{}` cannot be made: not a directory (os error 20)\n\
         hint: set `dataDir` to a folder that the agent may write to\n",
        dir.display()
    );
    assert_eq!(ended(&world, &[]), (Some(1), expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_read_is_empty_or_short_is_said_with_what_to_do() {
    let mut world = World::new(&[]).await;
    std::fs::write(world.path("token"), " \n").unwrap();
    let hint = "hint: write at least 16 characters: `openssl rand -hex 32`\n";
    assert!(ended(&world, &[]).1.contains(&format!("is empty\n{hint}")));
    std::fs::write(world.path("token"), "fifteen-letters\n").unwrap();
    let (code, log) = ended(&world, &[]);
    assert!(code == Some(1) && log.contains(&format!("is too short\n{hint}")), "{log}");
    assert!(!log.contains("fifteen"), "{log}");
    world.config["http"]["syncTokenFile"] = json!("/nowhere/token");
    let (code, log) = ended(&world, &[]);
    assert_eq!(code, Some(1));
    assert!(log.contains("the token for syncs cannot be read from `/nowhere/token`"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_cannot_be_written_is_told_and_stops_nothing() {
    let world =
        World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", "  versioning: {status: Enabled}\n"))]).await;
    std::fs::create_dir_all(world.path("data").join("history.db")).unwrap();
    let daemon = world.swept().await;
    daemon.said("the history is kept in memory only, until the daemon ends").await;
    wait("the metric", async || (daemon.metric("driftless_history_degraded").await == 1.0).then_some(())).await;
    world.set_versioning("bucket-000000", "Suspended").await;
    daemon.sweep().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_come_from_the_file_then_the_environment_then_the_flags() {
    let mut world = World::new(&[("sub/a.yaml", &spec("ai-data", "")), ("b.yaml", &spec("ai-other", ""))]).await;
    let url = world.s3.url();
    world.config["accounts"] = json!([{"endpoint": "http://127.0.0.1:1", "pathStyle": true}]);
    world.config["mode"] = json!("observe");
    for (name, value) in [
        ("DRIFTLESS_ACCOUNTS__0__ENDPOINT", url.as_str()),
        ("DRIFTLESS_SOURCE__GIT__PATH", "sub"),
        ("DRIFTLESS_MODE", "observe"),
        ("DRIFTLESS_SCHEDULE__CRON", "* * * * * *"),
    ] {
        world.environment.push((name.to_owned(), value.to_owned()));
    }
    let mut daemon = world.begin(&["--set", "mode=enforce", "--set", "schedule.cron=0 0 1 1 *"]);
    daemon.listens().await;
    daemon.swept().await;
    assert_eq!(world.s3.bucket_names(), ["ai-data"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_of_the_commands_and_of_kubernetes_are_no_fields_and_what_looks_like_one_is_a_fault() {
    let mut world = World::new(&[]).await;
    for (name, value) in [
        ("DRIFTLESS_ADDRESS", "127.0.0.1:1"),
        ("DRIFTLESS_SANDBOX_LISTEN", "127.0.0.1:1"),
        ("DRIFTLESS_SERVICE_HOST", "10.0.0.1"),
        ("DRIFTLESS_SERVICE_PORT", "9464"),
        ("DRIFTLESS_SERVICE_PORT_HTTP", "9464"),
        ("DRIFTLESS_PORT", "tcp://10.0.0.1:9464"),
        ("DRIFTLESS_PORT_9464_TCP_ADDR", "10.0.0.1"),
        ("DRIFTLESS_METRICS_SERVICE_HOST", "10.0.0.1"),
        ("DRIFTLESS_METRICS_PORT_9464_TCP_PROTO", "tcp"),
        ("DRIFTLESS_WITHOUT_NETWORK", "1"),
    ] {
        world.environment.push((name.to_owned(), value.to_owned()));
    }
    assert_eq!(ended(&world, &["--check-config"]), (Some(0), String::new()));
    world.environment =
        vec![("DRIFTLESS_LOG_LEVEL".into(), "debug".into()), ("DRIFTLESS_MOED".into(), "observe".into())];
    let expected = "DRIFTLESS_LOG_LEVEL:1:1: unknown field `logLevel`\n\
                    hint: two underscores part the fields: DRIFTLESS_LOG__LEVEL\n";
    let (code, log) = ended(&world, &["--check-config"]);
    assert_eq!(code, Some(2));
    assert!(log.starts_with(expected), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_can_listen_apart_and_are_then_nowhere_else() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    world.config["http"]["metricsListen"] = json!("127.0.0.1:0");
    let daemon = world.swept().await;
    let log = daemon.log();
    let address = log.split_once("metrics at http://").unwrap().1.split('/').next().unwrap().parse().unwrap();
    assert_ne!(daemon.address, address);
    assert_eq!(daemon.get("/metrics").await.status, 404);
    assert!(crate::support::http::get(address, "/metrics").await.body.contains("driftless_build_info"));
    assert_eq!(crate::support::http::get(address, "/").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_for_machines_is_one_object_a_line() {
    let mut world =
        World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", "  versioning: {status: Enabled}\n"))]).await;
    world.config["log"] = json!({"format": "json"});
    world.set_versioning("bucket-000000", "Suspended").await;
    let daemon = world.start().await;
    let log = daemon.said("repaired and read back").await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let repair = lines.iter().find(|it| it["message"].as_str().is_some_and(|it| it.contains("read back"))).unwrap();
    assert_eq!((&repair["bucket.name"], &repair["setting"]), (&json!("bucket-000000"), &json!("versioning")));
}
