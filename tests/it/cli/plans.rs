//! `plan`, `apply` and `scan`.

use super::*;

const VERSIONED: &str = "  versioning: {status: Enabled}\n";

/// A bucket that complies, one whose versioning is suspended, and one that is not there.
async fn three() -> (World, String) {
    let world = World::with(compliant(2), &[]).await;
    world.set_versioning("bucket-000001", "Suspended").await;
    let specs =
        ["bucket-000000", "bucket-000001", "ai-new"].map(|name| (format!("{name}.yaml"), spec(name, VERSIONED)));
    let dir = folder(&world, "specs", &specs.each_ref().map(|(path, text)| (path.as_str(), text.as_str())));
    world.s3.forget_requests();
    (world, dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_what_would_be_done_and_sends_nothing_that_changes_anything() {
    let (world, dir) = three().await;
    let url = world.s3.url();
    let ran = run(&world, &["plan", &dir, "--endpoint", &url]);
    let expected = "\
ai-new (us-east-1)
  + create in us-east-1; asked for by ai-new.yaml:1
      versioning: {\"status\":\"Enabled\"}
      tags: {\"Name\":\"AI Model Data Storage\",\"Purpose\":\"Distributed AI Model Training\"}
bucket-000001 (us-east-1)
  ~ versioning  asked for by bucket-000001.yaml:8 and policy versioned
      status: Suspended -> Enabled
  policy versioned (low): drifted: versioning.status: Suspended -> Enabled
1 bucket to create, 1 setting to repair, 1 bucket in sync
";
    assert_eq!(ran, Ran { code: Some(2), out: expected.into(), err: String::new() });
    assert_eq!(world.writes(), 0, "{:?}", world.s3.requests());
    let json = run(&world, &["plan", &dir, "--endpoint", &url, "--output", "json"]);
    assert_eq!(json.code, Some(2));
    assert_eq!(
        json.json()["summary"],
        json!({"inSync": 1, "create": 1, "repair": 1, "held": 0, "unknown": 0, "repaired": 0, "failed": 0})
    );
    assert_eq!(world.writes(), 0, "{:?}", world.s3.requests());
    assert_eq!(world.s3.bucket_names().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_can_look_at_some_buckets_only() {
    let (world, dir) = three().await;
    let url = world.s3.url();
    let ran = run(&world, &["plan", &dir, "--endpoint", &url, "--bucket", "bucket-00000[0]"]);
    assert_eq!(ran, Ran { code: Some(0), out: "1 bucket in sync\n".into(), err: String::new() });
    let ran = run(&world, &["plan", &dir, "--endpoint", &url, "--bucket", "ai-*", "--bucket", "bucket-000000"]);
    assert_eq!((ran.code, ran.out.lines().last()), (Some(2), Some("1 bucket to create, 1 bucket in sync")));
    let ran = run(&world, &["plan", &dir, "--endpoint", &url, "--bucket", "web-*"]);
    let said = "no declared bucket matches web-*\nhint: name a bucket of the specs, or a glob such as 'ai-*'\n";
    assert_eq!(ran, Ran { code: Some(1), out: String::new(), err: said.into() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_on_a_revision_is_of_that_revision() {
    let world = World::with(compliant(1), &[("a.yaml", &spec("bucket-000000", VERSIONED))]).await;
    let first = world.repo.resolve("refs/heads/main").unwrap();
    world.push(&[("a.yaml", &spec("bucket-000000", "  versioning: {status: Suspended}\n"))]);
    let config = world.config_file().display().to_string();
    let now = run(&world, &["plan", "--config", &config]);
    assert_eq!(now.code, Some(0), "the built-in policy wins: {now:?}");
    let now = run(&world, &["plan", "--config", &config, "--set", "policies.builtin=[]"]);
    assert_eq!(now.code, Some(2), "{now:?}");
    assert!(now.out.contains("held (needs-approval)") && now.out.contains("kind: Approval"), "{}", now.out);
    let then = run(&world, &["plan", "--config", &config, "--revision", &first]);
    assert_eq!((then.code, then.out.as_str()), (Some(0), "1 bucket in sync\n"), "{then:?}");
    let nowhere = run(&world, &["plan", "--config", &config, "--revision", &"3".repeat(40)]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""), "{nowhere:?}");
    assert_eq!(world.writes(), 0);
}

/// The README promised plans on recorded values, and nothing recorded them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_on_what_was_recorded_is_the_plan_on_what_is_there() {
    let (world, dir) = three().await;
    let url = world.s3.url();
    let file = format!("{dir}/../live.yaml");
    let ran = run(&world, &["record", "--endpoint", &url, "--out", &file]);
    assert_eq!(ran, Ran { code: Some(0), out: format!("2 buckets recorded in {file}\n"), err: String::new() });
    assert_eq!(world.writes(), 0, "{:?}", world.s3.requests());
    let there = run(&world, &["plan", &dir, "--endpoint", &url]);
    world.s3.forget_requests();
    let recorded = run(&world, &["plan", &dir, "--live", &file]);
    assert_eq!((there.code, &there), (Some(2), &recorded));
    assert!(world.s3.requests().is_empty(), "{:?}", world.s3.requests());
    let nowhere = run(&world, &["record", "--endpoint", "http://127.0.0.1:9", "--out", "/dev/full"]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_on_recorded_values_asks_nobody() {
    let (world, dir) = three().await;
    let live = "buckets:\n  bucket-000000:\n    versioning: {status: Suspended}\n    tags: denied\n";
    let live = format!("{}/live.yaml", folder(&world, "recorded", &[("live.yaml", live)]));
    let ran = run(&world, &["plan", &dir, "--live", &live, "--bucket", "bucket-000000"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains(
        "  ~ versioning  asked for by bucket-000000.yaml:8 and policy versioned\n      status: Suspended -> Enabled\n"
    ));
    assert!(ran.out.contains("  ? tags  unknown: "), "{}", ran.out);
    assert_eq!(world.s3.requests().len(), 0);
    let wrong = format!("{}/live.yaml", folder(&world, "wrong", &[("live.yaml", "bukets: {}\n")]));
    let ran = run(&world, &["plan", &dir, "--live", &wrong]);
    let said = format!("{wrong}:1:1: unknown field `bukets`\nhint: did you mean `buckets`?\n");
    assert_eq!(ran, Ran { code: Some(1), out: String::new(), err: said });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_ends_with_one_and_says_which_permission_is_missing() {
    let (world, dir) = three().await;
    let denied = Answer::Error { status: 403, code: "AccessDenied".into() };
    world.s3.inject(Fault::always(Operation::GetBucketTagging, "bucket-000000", denied));
    let ran = run(&world, &["plan", &dir, "--endpoint", &world.s3.url(), "--bucket", "bucket-000000"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("  ? tags  unknown: ") && ran.out.contains("s3:GetBucketTagging"), "{}", ran.out);
    let ran = run(&world, &["plan", &dir, "--endpoint", "http://127.0.0.1:1", "--set", "limits.requestDeadline=1s"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("ListBuckets on `default` failed"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_stand_on_stderr_and_the_plan_of_the_rest_on_stdout() {
    let (world, _) = three().await;
    let bad = spec("bucket-000001", "  versoning: {status: Enabled}\n");
    let dir = folder(&world, "bad", &[("a.yaml", &spec("bucket-000000", VERSIONED)), ("b.yaml", &bad)]);
    let ran = run(&world, &["plan", &dir, "--endpoint", &world.s3.url()]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), "1 bucket in sync\n"), "{ran:?}");
    assert!(ran.err.contains("b.yaml:8:3: unknown field `versoning`\n"), "{}", ran.err);
    assert!(ran.err.contains("hint: did you mean `versioning`?"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apply_does_what_the_plan_said_and_a_second_one_does_nothing() {
    let (world, dir) = three().await;
    let url = world.s3.url();
    let ran = run(&world, &["apply", &dir, "--endpoint", &url]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .contains("  = versioning  done; asked for by bucket-000001.yaml:8 and policy versioned\n      status: Suspended -> Enabled\n")
    );
    assert_eq!((world.versioning("bucket-000001"), world.versioning("ai-new")), ("Enabled".into(), "Enabled".into()));
    let writes = world.writes();
    let again = run(&world, &["apply", &dir, "--endpoint", &url]);
    assert_eq!(again, Ran { code: Some(0), out: "3 buckets in sync\n".into(), err: String::new() });
    assert_eq!(world.writes(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_judges_every_bucket_without_a_spec_and_changes_nothing() {
    let options = Options {
        buckets: vec![
            Prepared { count: 2, ..Prepared::default() },
            Prepared { name: "web-{n}".into(), compliant: false, ..Prepared::default() },
        ],
        ..Options::default()
    };
    let world = World::with(options, &[]).await;
    let ran = run(&world, &["scan", "--endpoint", &world.s3.url()]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.out.contains("web-000000 (us-east-1)\n"), "{}", ran.out);
    assert!(ran.out.contains("policy versioned (low): drifted: versioning.status: not set -> Enabled"), "{}", ran.out);
    assert!(ran.out.lines().last().unwrap().contains("2 buckets in sync"), "{}", ran.out);
    assert_eq!(world.writes(), 0, "{:?}", world.s3.requests());
    let json = run(&world, &["scan", "--endpoint", &world.s3.url(), "--output", "json"]).json();
    assert_eq!(json["buckets"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_credentials_every_command_that_asks_s3_says_so() {
    let (world, dir) = three().await;
    let ran: Ran = world
        .program()
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .args(["plan", &dir, "--endpoint", &world.s3.url()])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("hint: "), "{}", ran.err);
}
