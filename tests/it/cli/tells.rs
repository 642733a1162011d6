//! `validate`, `iam`, `schema`, the help, and what no output may hold.

use super::*;

#[test]
fn the_help_of_every_command() {
    let mut all = alone(&["--help"]).out;
    for command in
        ["run", "plan", "apply", "scan", "validate", "import", "status", "history", "iam", "schema", "sandbox"]
    {
        let ran = alone(&[command, "--help"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        all += &format!("\n$ driftless {command} --help\n{}", ran.out);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_program_alone_shows_its_help_and_ends_with_two() {
    let ran = alone(&[]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.starts_with("Keeps S3 buckets exactly as git says and policy demands\n"), "{}", ran.err);
    let version = alone(&["--version"]);
    assert_eq!((version.code, version.out), (Some(0), format!("driftless {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_flag_or_a_command_that_is_none_is_said_with_what_was_meant() {
    let ran = alone(&["plan", "--buckets", "x"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("unexpected argument '--buckets'") && ran.err.contains("'--bucket'"), "{}", ran.err);
    let ran = alone(&["plna"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("unrecognized subcommand 'plna'") && ran.err.contains("'plan'"), "{}", ran.err);
    let ran = alone(&["plan", "--set", "mode"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("`mode` has no `=`: write `field.field=value`"), "{}", ran.err);
    let ran = alone(&["plan", "--output", "yaml"]);
    assert!(ran.err.contains("[possible values: text, json]"), "{}", ran.err);
}

#[test]
fn a_plan_of_nothing_says_what_to_name() {
    let ran = alone(&["plan"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("hint: "), "{}", ran.err);
    let ran = alone(&["plan", "/nowhere/specs"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("read of `/nowhere/specs` failed: no such file or directory"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_asks_nobody_and_puts_findings_on_stderr() {
    let world = World::new(&[]).await;
    let good = folder(&world, "good", &[("a.yaml", &spec("ai-data", "  versioning: {status: Enabled}\n"))]);
    let ran = run(&world, &["validate", &good]);
    assert_eq!(ran, Ran { code: Some(0), out: "1 bucket, 0 errors, 0 warnings\n".into(), err: String::new() });
    let bad = folder(&world, "bad", &[("a.yaml", &spec("AI_Data", "")), ("b.yaml", "kind: Bukket\n")]);
    let ran = run(&world, &["validate", &bad]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("a.yaml:4:9: ") && ran.err.contains("b.yaml:1:"), "{}", ran.err);
    assert!(ran.out.starts_with("0 buckets, "), "{}", ran.out);
    let json = run(&world, &["validate", &bad, "--output", "json"]);
    assert_eq!((json.code, json.err.as_str()), (Some(2), ""));
    assert_eq!(json.json()["findings"][0]["place"]["file"], "a.yaml");
    let nowhere = run(&world, &["validate", "/nowhere"]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""));
    assert_eq!(world.s3.requests().len(), 0);
}

/// One file that could not be opened ended the command before any file was checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_or_a_folder_that_may_not_be_read_is_a_finding_and_all_others_are_checked() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new(&[]).await;
    let dir =
        folder(&world, "specs", &[("a.yaml", ""), ("b.yaml", &spec("ai-data", "")), ("c.yaml", "kind: Bukket\n")]);
    folder(&world, "specs/team", &[("d.yaml", &spec("ai-more", ""))]);
    let fifo = world.path("specs/e.yaml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("specs/a.yaml", 0o000);
    mode("specs/team", 0o000);
    let ran = |args: &[&str]| -> Ran {
        let mut command = world.program();
        command.args(args);
        bound_by_modes(&command).output().unwrap().into()
    };
    let validated = ran(&["validate", &dir]);
    mode("specs/team", 0o700);
    assert_eq!(
        (validated.code, validated.out.as_str()),
        (Some(2), "1 bucket, 5 errors, 0 warnings\n"),
        "{validated:?}"
    );
    let denied = "the file is not read: it cannot be read: permission denied (os error 13)\n\
                  hint: let the user that runs driftless read it\n";
    assert!(validated.err.starts_with(&format!("a.yaml:1:1: {denied}c.yaml:1:")), "{}", validated.err);
    let rest = format!(
        "e.yaml:1:1: the file is not read: it is not a regular file\nhint: put a file there\nteam:1:1: {denied}"
    );
    assert!(validated.err.ends_with(&rest), "{}", validated.err);

    // The folder itself is all there is.
    mode("specs", 0o000);
    let nothing = ran(&["validate", &dir]);
    mode("specs", 0o700);
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(1), ""), "{nothing:?}");
    assert!(nothing.err.starts_with(&format!("read of `{dir}` failed: permission denied")), "{}", nothing.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warning_is_a_fault_for_those_who_are_strict() {
    let world = World::new(&[]).await;
    // The built-in policy wants it enabled, and wins.
    let text = spec("ai-data", "  versioning: {status: Suspended}\n");
    let dir = folder(&world, "specs", &[("a.yaml", &text)]);
    let ran = run(&world, &["validate", &dir]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "1 bucket, 0 errors, 1 warning\n"), "{ran:?}");
    assert!(ran.err.starts_with("a.yaml:8:"), "{}", ran.err);
    assert_eq!(run(&world, &["validate", "--strict", &dir]).code, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn iam_allows_what_the_specs_need_and_denies_what_is_never_done() {
    let world = World::new(&[]).await;
    let dir = folder(&world, "specs", &[("a.yaml", &spec("ai-data", "  lifecycle: absent\n"))]);
    let writer = run(&world, &["iam", &dir]);
    assert_eq!((writer.code, writer.err.as_str()), (Some(0), ""), "{writer:?}");
    assert!(
        writer.out.contains("s3:PutLifecycleConfiguration") && !writer.out.contains("s3:PutBucketCORS"),
        "{}",
        writer.out
    );
    assert!(writer.json()["Statement"].as_array().unwrap().iter().any(|it| it["Effect"] == "Deny"));
    let reader = run(&world, &["iam", &dir, "--role", "reader", "--partition", "aws-cn"]);
    assert!(!reader.out.contains("s3:PutLifecycle") && reader.out.contains("arn:aws-cn:s3:::*"), "{}", reader.out);
    assert_eq!(run(&world, &["iam", "/nowhere"]).code, Some(1));
    assert_eq!(world.s3.requests().len(), 0);
}

#[test]
fn there_is_a_schema_of_every_kind_and_of_the_configuration() {
    for kind in ["Bucket", "Account", "BucketDefaults", "Policy", "Exemption", "Approval", "Config"] {
        let ran = alone(&["schema", kind]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{kind}");
        assert!(ran.json()["$schema"].is_string(), "{kind}");
    }
    assert_eq!(alone(&["schema"]).json()["oneOf"].as_array().map(Vec::len), Some(6));
    let ran = alone(&["schema", "Bukket"]);
    let said = "there is no kind `Bukket`\nhint: did you mean `Bucket`?\n";
    assert_eq!(ran, Ran { code: Some(1), out: String::new(), err: said.into() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_seen_enough_makes_no_command_panic() {
    let world = World::with(compliant(300), &[]).await;
    let url = world.s3.url();
    let dir = folder(&world, "specs", &[("a.yaml", &spec("ai-data", ""))]);
    let commands: [&[&str]; 6] = [
        &["schema"],
        &["iam"],
        &["plan", &dir, "--endpoint", &url, "--output", "json"],
        &["scan", "--endpoint", &url, "--output", "json"],
        &["validate", &dir, "--output", "json"],
        &["--help"],
    ];
    for args in commands {
        let mut command = Command::new("bash");
        command.envs(world.program().get_envs().filter_map(|(name, value)| Some((name, value?)))).args([
            "-c",
            "\"$@\" | head -c 1 >/dev/null; echo \"${PIPESTATUS[0]}\"",
            "bash",
            env!("CARGO_BIN_EXE_driftless"),
        ]);
        let ran: Ran = command.args(args).output().unwrap().into();
        assert_eq!(ran.err, "", "{args:?}");
        assert!(["0\n", "2\n"].contains(&ran.out.as_str()), "{args:?}: {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_stands_in_any_output_however_much_is_logged() {
    let mut world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", ""))]).await;
    world.config["log"] = json!({"level": "trace"});
    world.environment.push(("AWS_SESSION_TOKEN".into(), "session-token-8f21".into()));
    world.set_versioning("bucket-000000", "Suspended").await;
    let daemon = world.swept().await;
    let secrets = [SECRET_KEY, TOKEN, "session-token-8f21"];
    let mut all = String::new();
    for path in ["/", "/metrics", "/api/v1/status", "/api/v1/source", "/api/v1/buckets/default/bucket-000000"] {
        all += &daemon.get(path).await.body;
    }
    daemon.sweep().await;
    let address = daemon.address.to_string();
    let config = world.config_file().display().to_string();
    let data = world.path("data").display().to_string();
    let commands: [&[&str]; 6] = [
        &["status", "--address", &address, "--output", "json"],
        &["history", "--data-dir", &data, "--output", "json"],
        &["plan", "--config", &config, "--output", "json"],
        &["run", "--check-config", "--config", &config],
        &["run", "--check-config", "--config", &config, "--set", "http.syncTokenFile=[]"],
        &["iam", "--config", &config],
    ];
    for args in commands {
        let ran = run(&world, args);
        all += &(ran.out + &ran.err);
    }
    all += &daemon.stop().await;
    assert!(all.contains("debug ") && all.contains("bucket-000000"), "there is something to find it in");
    for secret in secrets {
        let line = all.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
