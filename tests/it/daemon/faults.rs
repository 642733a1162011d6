//! S3 that refuses, fails, talks nonsense or says nothing, and buckets that are not ours.

use std::collections::BTreeMap;

use driftless::bucket::AccountId;

use super::*;

const VERSIONED: &str = "  versioning: {status: Enabled}\n";

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn error(status: u16, code: &str) -> Answer {
    Answer::Error { status, code: code.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_one_bucket_is_unknown_there_and_the_others_are_repaired() {
    let cases = [
        ("ai-denied", error(403, "AccessDenied"), "denied"),
        ("ai-failing", error(500, "InternalError"), "server"),
        ("ai-busy", error(503, "SlowDown"), "throttled"),
        ("ai-html", Answer::Html { status: 502 }, "server"),
        ("ai-garbage", Answer::Garbage, "transport"),
        ("ai-portal", Answer::Html { status: 200 }, "transport"),
        ("ai-silent", Answer::Hang, "transport"),
        ("ai-half", Answer::HalfBody, "transport"),
        ("ai-gone", error(404, "NoSuchBucket"), "no-such-bucket"),
        ("ai-lost", error(404, "NoSuchKey"), "other"),
    ];
    let mut specs: Vec<(String, String)> =
        cases.iter().map(|(name, ..)| (format!("{name}.yaml"), spec(name, VERSIONED))).collect();
    specs.push(("good.yaml".into(), spec("ai-good", VERSIONED)));
    let names: Vec<&str> = cases.iter().map(|(name, ..)| *name).chain(["ai-good"]).collect();
    let buckets = names.iter().map(|name| Prepared { name: (*name).to_owned(), ..Prepared::default() }).collect();
    let mut world = World::with(Options { buckets, ..Options::default() }, &[]).await;
    world.push(&specs.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    // The last of several attempts may end by the deadline instead of by its answer: the longer, the rarer.
    world.config["limits"] = json!({"requestDeadline": "5s"});
    for (name, answer, _) in &cases {
        world.s3.inject(Fault::always(Operation::GetBucketVersioning, name, answer.clone()));
    }
    world.set_versioning("ai-good", "Suspended").await;
    let daemon = world.swept().await;
    assert_eq!(world.versioning("ai-good"), "Enabled");
    assert_eq!(world.asked(Operation::PutBucketVersioning, "ai-good"), 2, "once by somebody, once repaired");
    for (name, _, kind) in &cases {
        let bucket = daemon.json(&format!("/api/v1/buckets/default/{name}")).await;
        assert_eq!(bucket["verdict"], "unknown", "{bucket:#}");
        let policies = bucket["policies"].as_array().unwrap();
        let verdict = |policy: &str| policies.iter().find(|it| it["policy"] == policy).unwrap()["verdict"].clone();
        assert_eq!((verdict("versioned"), verdict("encrypted")), (json!("unknown"), json!("compliant")), "{name}");
        let error = &bucket["errors"][0];
        assert_eq!(error["setting"], "versioning");
        assert_eq!(error["error"]["kind"], *kind, "{error:#}");
        if *name == "ai-denied" {
            assert_eq!(error["error"]["action"], "s3:GetBucketVersioning");
            assert!(error["hint"].as_str().unwrap().contains("s3:GetBucketVersioning"), "{error:#}");
        }
        assert_eq!(world.asked(Operation::PutBucketVersioning, name), 0);
        let series = format!(
            "driftless_bucket_policy_status{{account=\"default\",region=\"us-east-1\",bucket=\"{name}\",policy=\"versioned\",status=\"unknown\"}}"
        );
        assert_eq!(daemon.metric(&series).await, 1.0, "{name}");
    }
    let requests = |result: &str| {
        format!(
            "driftless_aws_requests_total{{account=\"default\",operation=\"GetBucketVersioning\",result=\"{result}\"}}"
        )
    };
    assert_eq!(daemon.metric(&requests("denied")).await, 1.0);
    assert!(daemon.metric(&requests("server")).await >= 2.0);
    let status = daemon.json("/api/v1/status").await;
    assert_eq!((&status["buckets"]["unknown"], &status["buckets"]["inSync"]), (&json!(cases.len()), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_document_in_place_of_a_setting_is_unsupported_there_and_the_others_are_repaired() {
    let world = World::with(
        compliant(2),
        &[("a.yaml", &spec("bucket-000000", VERSIONED)), ("b.yaml", &spec("bucket-000001", VERSIONED))],
    )
    .await;
    world.s3.inject(Fault::always(Operation::GetBucketVersioning, "bucket-000000", Answer::WrongRoot));
    for name in ["bucket-000000", "bucket-000001"] {
        world.set_versioning(name, "Suspended").await;
    }
    let daemon = world.swept().await;
    assert_eq!(
        (world.versioning("bucket-000000"), world.versioning("bucket-000001")),
        ("Suspended".into(), "Enabled".into())
    );
    let bucket = daemon.json("/api/v1/buckets/default/bucket-000000").await;
    let verdict = |policy: &str| {
        let policies = bucket["policies"].as_array().unwrap();
        policies.iter().find(|it| it["policy"] == policy).unwrap()["verdict"].clone()
    };
    assert_eq!((verdict("versioned"), verdict("encrypted")), (json!("unsupported"), json!("compliant")), "{bucket:#}");
    let setting = bucket["settings"].as_array().unwrap().iter().find(|it| it["setting"] == "versioning").unwrap();
    assert_eq!(setting["detail"], "the store has no such setting", "{bucket:#}");
    // When the store answers rightly again, a day or a restart later, nothing is lost.
    world.s3.clear_faults();
    daemon.stop().await;
    std::fs::remove_file(world.path("data/history.db")).unwrap();
    let daemon = world.swept().await;
    daemon.bucket("bucket-000000", |it| it["inSync"] == true).await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_s3_refuses_is_said_and_made_later_and_holds_up_no_other() {
    let refused = [
        ("bucket-000000", error(409, "InvalidBucketState"), "unexpected answer (InvalidBucketState, status 409"),
        ("bucket-000001", error(404, "NoSuchBucket"), "no such bucket (NoSuchBucket, status 404"),
        ("bucket-000002", Answer::Html { status: 404 }, "unexpected answer (status 404"),
    ];
    let names: Vec<String> = (0..6).map(|n| format!("bucket-{n:06}")).collect();
    let specs: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), spec(name, VERSIONED))).collect();
    let files: Vec<(String, &str)> = specs.iter().map(|(name, text)| (format!("{name}.yaml"), text.as_str())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let world = World::with(compliant(6), &files).await;
    for name in &names {
        world.set_versioning(name, "Suspended").await;
    }
    let before = world.asked(Operation::PutBucketVersioning, "bucket-000003");
    for (name, answer, _) in &refused {
        world.s3.inject(Fault::always(Operation::PutBucketVersioning, name, answer.clone()));
    }
    // Another change of the bucket is under way, and then it is done.
    let conflict = Fault::once(Operation::PutBucketVersioning, "bucket-000003", error(409, "OperationAborted"));
    world.s3.inject(Fault { times: Some(2), ..conflict });
    // Half an answer to a write is no answer, but what was written is read.
    world.s3.inject(Fault::always(Operation::PutBucketVersioning, "bucket-000004", Answer::HalfBody));
    let daemon = world.swept().await;
    let log = daemon.log();
    for (name, _, said) in &refused {
        let line = format!("{name}: versioning was not repaired: PutBucketVersioning on `{name}` failed: {said}");
        assert!(log.contains(&line), "{line}\n{log}");
        assert_eq!(world.versioning(name), "Suspended");
        let bucket = daemon.json(&format!("/api/v1/buckets/default/{name}")).await;
        assert_eq!((&bucket["verdict"], &bucket["held"][0]["reason"]), (&json!("drifted"), &json!("backing-off")));
    }
    for name in &names[3..] {
        assert_eq!(world.versioning(name), "Enabled", "{name}");
        assert_eq!(daemon.json(&format!("/api/v1/buckets/default/{name}")).await["inSync"], true, "{name}");
    }
    assert_eq!(world.asked(Operation::PutBucketVersioning, "bucket-000003") - before, 3);
    // Without the history nothing is known of failed attempts, so that nothing waits for their pause.
    world.s3.clear_faults();
    daemon.stop().await;
    std::fs::remove_file(world.path("data/history.db")).unwrap();
    let daemon = world.swept().await;
    for name in &names {
        daemon.bucket(name, |it| it["inSync"] == true).await;
        assert_eq!(world.versioning(name), "Enabled", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_may_not_be_listed_is_said_with_the_permission_and_its_buckets_are_watched() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    world.set_versioning("bucket-000000", "Suspended").await;
    let denied = Fault {
        operation: Some(Operation::ListBuckets),
        bucket: None,
        times: None,
        answer: error(403, "AccessDenied"),
    };
    world.s3.inject(denied);
    let daemon = world.swept().await;
    assert_eq!(world.versioning("bucket-000000"), "Enabled");
    let log = daemon.said("s3:ListAllMyBuckets").await;
    assert!(log.contains("ERROR ListBuckets on `default`"), "{log}");
    assert_eq!(daemon.metric("driftless_sweep_total{result=\"failed\"}").await, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttle_lowers_the_limit_of_the_account_and_it_grows_again() {
    let specs: Vec<(String, String)> =
        (0..40).map(|n| (format!("b{n}.yaml"), spec(&format!("bucket-{n:06}"), VERSIONED))).collect();
    let mut world = World::with(compliant(40), &[]).await;
    world.push(&specs.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    world.config["limits"] = json!({"concurrency": 40});
    world.config["accounts"][0]["maxConcurrency"] = json!(8);
    world.s3.set_weather(Weather { latency_ms: 5, ..Weather::default() });
    let daemon = world.swept().await;
    let limit = "driftless_aws_concurrency_limit{account=\"default\"}";
    assert_eq!(daemon.metric(limit).await, 8.0);
    world.s3.inject(Fault::once(Operation::GetBucketVersioning, "bucket-000007", error(503, "SlowDown")));
    daemon.sync().await;
    wait("the limit falls", async || (daemon.metric(limit).await < 8.0).then_some(())).await;
    assert!(daemon.metric("driftless_aws_throttles_total{account=\"default\"}").await >= 1.0);
    wait("the limit grows", async || {
        daemon.sweep().await;
        (daemon.metric(limit).await >= 7.0).then_some(())
    })
    .await;
    assert_eq!(daemon.json("/api/v1/status").await["buckets"]["inSync"], 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_belongs_to_somebody_else_is_held_as_impossible_and_never_taken_over() {
    let theirs = Prepared {
        name: "ai-theirs".into(),
        account: account("222222222222"),
        compliant: false,
        ..Prepared::default()
    };
    let options = Options {
        buckets: vec![theirs],
        accounts: BTreeMap::from([("AKIDEXAMPLE".to_owned(), account("111111111111"))]),
        ..Options::default()
    };
    let world =
        World::with(options, &[("a.yaml", &spec("ai-theirs", VERSIONED)), ("b.yaml", &spec("ai-ours", ""))]).await;
    let daemon = world.swept().await;
    let bucket = daemon.bucket("ai-theirs", |it| !it["held"].is_null()).await;
    assert_eq!(bucket["held"][0]["reason"], "impossible");
    assert_eq!(
        bucket["held"][0]["detail"],
        "the name belongs to another account (or the role lacks `s3:ListBucket`); choose another name"
    );
    assert_eq!(bucket["state"], "unreachable");
    daemon.sweep().await;
    let writes =
        world.s3.log().into_iter().filter(|it| it.bucket == "ai-theirs" && it.operation.name().starts_with("Put"));
    assert_eq!(writes.count(), 0);
    assert_eq!(world.asked(Operation::CreateBucket, "ai-theirs"), 0);
    assert_eq!(daemon.json("/api/v1/buckets/default/ai-ours").await["inSync"], true);
}

/// Two accounts with profiles of their own, in files that only the environment names.
async fn two_accounts(first_id: &str) -> World {
    let prepared = |name: &str, id: &str| Prepared { name: name.into(), account: account(id), ..Prepared::default() };
    let options = Options {
        buckets: vec![prepared("ai-one", "111111111111"), prepared("ai-two", "222222222222")],
        accounts: [("AKIDONE", "111111111111"), ("AKIDTWO", "222222222222"), ("AKIDEXAMPLE", "333333333333")]
            .map(|(key, id)| (key.to_owned(), account(id)))
            .into(),
        ..Options::default()
    };
    let in_account = |name: &str, account: &str| {
        spec(name, VERSIONED).replace("  region:", &format!("  account: {account}\n  region:"))
    };
    let specs = [("a.yaml", in_account("ai-one", "one")), ("b.yaml", in_account("ai-two", "two"))];
    let mut world = World::with(options, &[("a.yaml", &specs[0].1), ("b.yaml", &specs[1].1)]).await;
    let url = world.s3.url();
    world.config["accounts"] = json!([
        {"name": "one", "profile": "one", "id": first_id, "endpoint": url, "pathStyle": true},
        {"name": "two", "profile": "two", "id": "222222222222", "endpoint": url, "pathStyle": true},
    ]);
    let keys = |name: &str, key: &str| format!("[{name}]\naws_access_key_id = {key}\naws_secret_access_key = secret\n");
    std::fs::write(world.path("credentials"), keys("one", "AKIDONE") + &keys("two", "AKIDTWO")).unwrap();
    std::fs::write(world.path("aws-config"), "[profile one]\n[profile two]\n").unwrap();
    for (name, file) in [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "aws-config")] {
        world.environment.push((name.into(), world.path(file).display().to_string()));
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_account_is_asked_with_its_own_profile_whatever_keys_the_environment_holds() {
    let world = two_accounts("111111111111").await;
    let daemon = world.swept().await;
    for (account, id) in [("one", "111111111111"), ("two", "222222222222")] {
        let bucket = daemon.json(&format!("/api/v1/buckets/{account}/ai-{account}")).await;
        assert_eq!(bucket["inSync"], true, "{bucket:#}");
        let asked = world.s3.log().into_iter().filter(|it| it.bucket == format!("ai-{account}"));
        assert!(asked.map(|it| it.account.to_string()).all(|it| it == id));
    }
    assert_eq!(world.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_of_another_owner_than_the_configuration_expects_is_unknown_and_not_written() {
    let world = two_accounts("999999999999").await;
    let daemon = world.swept().await;
    let bucket = daemon.json("/api/v1/buckets/one/ai-one").await;
    assert_eq!((&bucket["verdict"], &bucket["errors"][0]["error"]["kind"]), (&json!("unknown"), &json!("denied")));
    assert_eq!(daemon.json("/api/v1/buckets/two/ai-two").await["inSync"], true);
    assert_eq!(world.writes(), 0);
}

/// The file, and then its folder, as they stand on a disk that may only be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_may_only_be_read_is_told_and_what_is_in_it_still_counts() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    world.swept().await.stop().await;
    let (data, file) = (world.path("data"), world.path("data/history.db"));
    let mode = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // The good form of a file that is broken now stands in the history alone.
    world.push(&[("a.yaml", &spec("bucket-000000", "  versioning: {status: Enbled}\n"))]);
    let before = std::fs::read(&file).unwrap();
    let why = format!("cannot write the history `{}`: it is read-only", file.display());
    for (of_file, of_folder) in [(0o444, 0o700), (0o600, 0o555)] {
        world.set_versioning("bucket-000000", "Suspended").await;
        let journal = world.path("data/history.db-journal");
        assert!(!journal.exists() || std::fs::remove_file(&journal).is_ok());
        mode(&file, of_file);
        mode(&data, of_folder);
        let mut command = world.program();
        command.arg("run").arg("--config").arg(world.config_file());
        let mut daemon = Daemon::spawn(bound_by_modes(&command));
        daemon.listens().await;
        daemon.swept().await;
        let log = daemon.said("the history is kept in memory only, until the daemon ends").await;
        assert!(log.contains(&why), "{why}\n{log}");
        assert_eq!(daemon.metric("driftless_history_degraded").await, 1.0);
        daemon.bucket("bucket-000000", |it| it["state"] == "invalid" && it["inSync"] == true).await;
        assert_eq!(world.versioning("bucket-000000"), "Enabled");
        daemon.stop().await;
        mode(&data, 0o700);
        assert_eq!(std::fs::read(&file).unwrap(), before, "it was not written");
    }
    mode(&file, 0o600);
    let daemon = world.swept().await;
    assert_eq!(daemon.metric("driftless_history_degraded").await, 0.0);
    daemon.bucket("bucket-000000", |it| it["state"] == "invalid").await;
}

/// A disk that is full, as far as a test can have one: the history's file may grow no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_cannot_be_written_is_said_and_keeps_no_repair_from_being_made() {
    let buckets: Vec<String> = (0..10).map(|n| format!("bucket-{n:06}")).collect();
    let specs: Vec<(String, String)> =
        buckets.iter().map(|name| (format!("{name}.yaml"), spec(name, "  versioning: {status: Enabled}\n"))).collect();
    let specs: Vec<(&str, &str)> = specs.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let world = World::with(compliant(10), &specs).await;
    world.swept().await.stop().await;
    for name in &buckets {
        world.set_versioning(name, "Suspended").await;
    }

    let history = std::fs::metadata(world.path("data/history.db")).expect("a history").len();
    let whole = world.program();
    let mut command = std::process::Command::new("sh");
    command.env_clear().envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // The signal of the limit is passed over, so that a write fails as on a full disk.
    let limited = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", history / 512);
    command.args(["-c", &limited]).arg(whole.get_program()).arg("run").arg("--config").arg(world.config_file());
    let mut daemon = Daemon::spawn(command);
    daemon.listens().await;
    daemon.swept().await;
    for name in &buckets {
        assert_eq!(world.versioning(name), "Enabled", "{name}");
    }
    wait("the history is said to be degraded", async || {
        (daemon.metric("driftless_history_degraded").await == 1.0).then_some(())
    })
    .await;
    let log = daemon.said("the history cannot be written; entries wait in memory: ").await;
    assert_eq!(lines(&log, "history", "entries wait in memory").len(), 1, "said once: {log}");
    // What was repaired stays repaired, and the daemon goes on.
    let before = world.writes();
    daemon.sweep().await;
    assert_eq!(world.writes(), before);
    drop(daemon);

    // With room again, the chain is whole, and what was done meanwhile is in it or was told.
    let log = world.swept().await.stop().await;
    assert!(log.contains("the history ends at entry"), "{log}");
}
