//! `import`: live fleets, and the files of other tools.

use std::collections::BTreeMap;
use std::path::Path;

use driftless::sandbox::Weather;
use driftless::settings::SETTINGS;
use proptest::prelude::*;

use super::*;
use crate::legal;
use crate::support::daemon::wait;

/// Every file below a folder, by its path.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(path) = left.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                all.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    all
}

fn error(code: &str) -> Answer {
    Answer::Error { status: 403, code: code.to_owned() }
}

/// A fleet as it grows over the years: every setting somewhere, with any legal value.
async fn messy(buckets: usize) -> World {
    let world = World::new(&[]).await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut specs = Vec::new();
    for n in 0..buckets {
        let mut text = format!(
            "apiVersion: driftless/v1\nkind: Bucket\nmetadata: {{name: messy-{n:02}}}\nspec:\n  region: us-east-1\n"
        );
        for (place, setting) in SETTINGS.iter().enumerate() {
            if (n + place) % 3 != 0 {
                let value = legal::values(setting.name()).new_tree(&mut runner).unwrap().current();
                // A bucket policy speaks of its own bucket.
                let value = value.to_string().replace(":::ai-data/", &format!(":::messy-{n:02}/"));
                text.push_str(&format!("  {}: {value}\n", setting.name()));
            }
        }
        specs.push((format!("{n}.yaml"), text));
    }
    let dir = folder(&world, "grown", &specs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>());
    let url = world.s3.url();
    // Some values refuse each other; what came of it is what is there.
    let ran = run(&world, &["apply", &dir, "--endpoint", &url, "--set", "policies.builtin=[]"]);
    assert_eq!(world.s3.bucket_names().len(), buckets, "{ran:?}");
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_messy_fleet_is_imported_and_the_plan_says_in_sync() {
    let world = messy(6).await;
    let url = world.s3.url();
    let before = world.writes();
    for (name, more) in [
        ("plain", &[][..]),
        ("full", &["--full"][..]),
        ("shared", &["--as-defaults"][..]),
        ("both", &["--full", "--as-defaults"][..]),
    ] {
        let out = world.path(name).display().to_string();
        let args = ["import", "--all", "--endpoint", &url, "--out", &out, "--set", "policies.builtin=[]"];
        let ran = run(&world, &[&args[..], more].concat());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{name}: {ran:?}");
        assert!(ran.out.starts_with("6 buckets imported\n"), "{}", ran.out);
        let plan = run(&world, &["plan", &out, "--endpoint", &url, "--set", "policies.builtin=[]"]);
        let said = Ran { code: Some(0), out: "6 buckets in sync\n".into(), err: String::new() };
        assert_eq!(plan, said, "{name}: {:#?}", files(&world.path(name)));
        // The same again is the same, byte for byte.
        let again = run(&world, &[&args[..], more].concat());
        assert!(again.code == Some(0) && again.out.contains("0 files written"), "{name}: {again:?}");
    }
    assert_eq!(world.writes(), before, "S3 is only read");
    assert!(files(&world.path("shared")).contains_key("defaults.yaml"));
    // What is recorded is what is there: the same specs are in sync with it, and others say the same.
    let live = world.path("live.yaml").display().to_string();
    let recorded = run(&world, &["record", "--endpoint", &url, "--out", &live]);
    assert_eq!(recorded.out, format!("6 buckets recorded in {live}\n"), "{recorded:?}");
    assert_eq!(world.writes(), before, "S3 is only read");
    for (name, more) in [("full", &["--set", "policies.builtin=[]"][..]), ("plain", &[][..])] {
        let out = world.path(name).display().to_string();
        let there = run(&world, &[&["plan", &out, "--endpoint", &url][..], more].concat());
        let without = run(&world, &[&["plan", &out, "--live", &live][..], more].concat());
        assert_eq!(without, there, "{name}");
    }
    // With the policies, the comments say what the plan then shows.
    let out = world.path("judged").display().to_string();
    let ran = run(&world, &["import", "--all", "--endpoint", &url, "--out", &out]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let plan = run(&world, &["plan", &out, "--endpoint", &url, "--output", "json"]).json();
    let all = files(&world.path("judged"));
    for bucket in plan["buckets"].as_array().unwrap() {
        let file = &all[&format!("buckets/{}.yaml", bucket["bucket"].as_str().unwrap())];
        let open = bucket["policies"].as_array().unwrap().iter().filter(|it| it["verdict"] == "drifted");
        for policy in open {
            let name = format!("policy `{}`", policy["policy"].as_str().unwrap());
            assert!(file.replace("\n  #", "").contains(&name), "{name} is not in {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_bucket_is_a_few_lines_with_what_policies_will_change() {
    let world = World::with(
        Options { buckets: vec![Prepared { compliant: false, ..Prepared::default() }], ..Options::default() },
        &[],
    )
    .await;
    let out = world.path("out").display().to_string();
    let ran = run(&world, &["import", "bucket-000000", "--endpoint", &world.s3.url(), "--out", &out]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.out.starts_with("1 bucket imported, 1 with comments\n1 file written to "), "{}", ran.out);
    let text = "\
apiVersion: driftless/v1
kind: Bucket
metadata:
  name: bucket-000000
spec:
  # policy `tagged` is not fulfilled: tag `Name` is missing, tag `Purpose` is missing
  region: us-east-1
  # policy `versioned` will change it: status: not set -> Enabled
";
    assert_eq!(files(&world.path("out")), BTreeMap::from([("buckets/bucket-000000.yaml".to_owned(), text.to_owned())]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_buckets_are_imported_and_in_sync() {
    let world = World::with(compliant(1000), &[]).await;
    let url = world.s3.url();
    let out = world.path("out").display().to_string();
    let ran = run(&world, &["import", "--all", "--as-defaults", "--endpoint", &url, "--out", &out]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let all = files(&world.path("out"));
    assert_eq!(all.len(), 1001, "a file for each, and one for what they share");
    let requests: u64 = world.s3.requests().values().sum();
    assert_eq!(
        ran.out,
        format!("1000 buckets imported\n1001 files written to {out}, {requests} requests made\n"),
        "the requests that are told are those that were made"
    );
    assert_eq!(
        all["buckets/bucket-000999.yaml"],
        "apiVersion: driftless/v1\nkind: Bucket\nmetadata:\n  name: bucket-000999\nspec: {}\n"
    );
    let plan = run(&world, &["plan", &out, "--endpoint", &url]);
    assert_eq!(plan, Ran { code: Some(0), out: "1000 buckets in sync\n".into(), err: String::new() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_bucket_stops_nothing_and_is_told() {
    let world = World::with(compliant(4), &[]).await;
    let fault = |operation, bucket: &str, answer| Fault { operation, bucket: Some(bucket.into()), times: None, answer };
    world.s3.inject(fault(Some(Operation::GetBucketTagging), "bucket-000001", error("AccessDenied")));
    world.s3.inject(fault(Some(Operation::GetBucketVersioning), "bucket-000002", Answer::Garbage));
    let url = world.s3.url();
    let out = world.path("out").display().to_string();
    let flags = ["--set", "limits.requestDeadline=1s", "--endpoint", &url, "--out", &out];
    let ran = run(&world, &[&["import", "--all"][..], &flags].concat());
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert!(
        ran.out.starts_with("4 buckets imported, 2 with comments, 2 not read whole\n4 files written"),
        "{}",
        ran.out
    );
    let all = files(&world.path("out"));
    let one = &all["buckets/bucket-000001.yaml"];
    assert!(one.contains("  # `tags` could not be read (denied): the role needs `s3:GetBucketTagging`\n"), "{one}");
    assert!(one.contains("  versioning: {status: Enabled}\n") && !one.contains("tags: {"), "{one}");
    let two = &all["buckets/bucket-000002.yaml"];
    assert!(
        two.contains("  # `versioning` could not be read (transport)\n") && two.contains("  tags: {Name: "),
        "{two}"
    );

    let ran = run(&world, &[&["import", "no-such-bucket", "bucket-000003"][..], &flags].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.err, "`no-such-bucket` was not read: there is no such bucket\n");
    assert!(ran.out.starts_with("1 bucket imported, 1 unreadable\n0 files written"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_there_is_kept_until_force_is_used() {
    let world = World::with(compliant(2), &[]).await;
    let url = world.s3.url();
    let out = folder(&world, "out/buckets", &[("bucket-000001.yaml", "# mine\n")]).replace("/buckets", "");
    let args = ["import", "--all", "--match", "*-000001", "--endpoint", &url, "--out", &out];
    let ran = run(&world, &args);
    let said =
        "`buckets/bucket-000001.yaml` is there already and is kept\nhint: --force replaces files that are there\n";
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), said), "{ran:?}");
    assert_eq!(
        files(&world.path("out")),
        BTreeMap::from([("buckets/bucket-000001.yaml".to_owned(), "# mine\n".to_owned())])
    );
    let ran = run(&world, &[&args[..], &["--force"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert!(files(&world.path("out"))["buckets/bucket-000001.yaml"].starts_with("apiVersion: driftless/v1\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_to_import_has_to_be_said() {
    let world = World::with(compliant(1), &[]).await;
    let url = world.s3.url();
    let said = |args: &[&str]| {
        let ran = run(&world, &[&["import", "--endpoint", &url][..], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        ran.err
    };
    assert_eq!(said(&[]), "nothing to import was named\nhint: name buckets, or say --all, or --from FORMAT FILE\n");
    assert_eq!(
        said(&["--all", "--match", "web-*"]),
        "no bucket matches\nhint: check the account, and the globs of --match\n"
    );
    assert!(said(&["--all", "--match", "a[b"]).starts_with("bad glob `a[b`: "));
    assert!(said(&["../../etc"]).starts_with("illegal bucket name `../../etc`"));
    assert_eq!(
        said(&["--all", "--account", "prod"]),
        "account `prod` is not one of the configuration\nhint: accounts: `default`\n"
    );
    assert_eq!(
        said(&["--from", "pulumi", "a.json"]),
        "`pulumi` is no format\nhint: formats: terraform, cloudformation, ack\n"
    );
    assert_eq!(world.writes(), 0);
}

/// A store may hold anything, and an account may be called so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_leads_out_of_the_folder() {
    let hostile = ["../../evil-{n}", "..", "a/../../b", "Upper_{n}"];
    let buckets = hostile.iter().map(|name| Prepared { name: (*name).to_owned(), ..Prepared::default() });
    let buckets = buckets.chain([Prepared::default()]).collect();
    let mut world = World::with(Options { buckets, ..Options::default() }, &[]).await;
    let account = json!({"name": "..", "endpoint": world.s3.url(), "pathStyle": true});
    let second = json!({"name": "second", "endpoint": world.s3.url(), "pathStyle": true});
    world.config["accounts"] = json!([account, second]);
    let config = world.config_file().display().to_string();
    let out = world.path("out/deep").display().to_string();
    let ran = run(&world, &["import", "--all", "--config", &config, "--out", &out]);
    let all = files(&world.path("out"));
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(names, ["deep/buckets/_./bucket-000000.yaml", "deep/buckets/second/bucket-000000.yaml"], "{ran:?}");
    assert!(all[names[0]].contains("  account: \"..\"\n"), "{}", all[names[0]]);
    assert_eq!(run(&world, &["validate", "--config", &config, &out]).code, Some(0));
}

/// Buckets with names that no spec can say were passed over without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_no_spec_can_name_is_told_and_counted() {
    let buckets = ["Old_Data", "a..b"].map(|name| Prepared { name: name.to_owned(), ..Prepared::default() });
    let buckets = buckets.into_iter().chain(compliant(1).buckets).collect();
    let world = World::with(Options { buckets, ..compliant(0) }, &[]).await;
    let url = world.s3.url();
    let out = world.path("out").display().to_string();
    let args = ["import", "--all", "--as-defaults", "--endpoint", &url, "--out", &out];
    let ran = run(&world, &args);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(
        ran.err,
        "a bucket is left out: illegal bucket name `Old_Data`: `O` is not allowed\n\
         a bucket is left out: illegal bucket name `a..b`: two dots stand side by side\n"
    );
    assert!(ran.out.starts_with("1 bucket imported, 2 left out for their names\n"), "{}", ran.out);
    let ran = run(&world, &[&args[..], &["--output", "json"]].concat());
    assert_eq!(ran.json()["illegal"], json!(["Old_Data", "a..b"]));
    let ran = run(&world, &[&args[..], &["--match", "Old*"]].concat());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.starts_with("0 buckets imported, 1 left out for its name\n"), "{}", ran.out);
}

/// One bucket of many that answers nothing: the others are imported and what they share is one file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_defaults_the_summary_tells_the_buckets_that_failed() {
    let world = World::with(compliant(50), &[]).await;
    let denied =
        Fault { operation: None, bucket: Some("bucket-000007".into()), times: None, answer: error("AccessDenied") };
    world.s3.inject(denied);
    let out = world.path("out").display().to_string();
    let ran = run(&world, &["import", "--all", "--as-defaults", "--endpoint", &world.s3.url(), "--out", &out]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out.starts_with("50 buckets imported, 1 with comments, 1 not read whole\n51 files written"),
        "{}",
        ran.out
    );
    let all = files(&world.path("out"));
    let failed = &all["buckets/bucket-000007.yaml"];
    assert!(
        failed.contains("`versioning` could not be read (denied)") && !failed.contains("versioning: {"),
        "{failed}"
    );
    assert!(all["defaults.yaml"].contains("exclude: {buckets: [bucket-000007]}"), "{}", all["defaults.yaml"]);
}

/// A file of another tool may say together what no bucket can have: the rest of the bucket was lost
/// with it.
#[test]
fn what_a_document_may_not_say_is_left_out_with_its_place_and_the_rest_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let replication = json!({"bucket": "ai-a", "role": "arn:aws:iam::111122223333:role/r", "rule": [{"id": "all",
        "status": "Enabled", "prefix": "", "destination": [{"bucket": "arn:aws:s3:::copies"}]}]});
    let resource = |kind: &str, attributes: serde_json::Value| json!({"mode": "managed", "type": kind, "name": "a", "instances": [{"attributes": attributes}]});
    let state = json!({"version": 4, "resources": [
        resource("aws_s3_bucket", json!({"bucket": "ai-a", "tags": {"team": "ml"}})),
        resource("aws_s3_bucket_versioning", json!({"bucket": "ai-a", "versioning_configuration": [{"status": "Suspended"}]})),
        resource("aws_s3_bucket_replication_configuration", replication),
        resource("aws_s3_account_public_access_block", json!({"account_id": "111122223333", "block_public_acls": true})),
    ]});
    let file = home.path().join("a.tfstate");
    std::fs::write(&file, state.to_string()).unwrap();
    let config = home.path().join("driftless.yaml");
    std::fs::write(&config, "source: {dir: .}\naccounts: [{name: prod, id: '111122223333'}]\n").unwrap();
    let out = home.path().join("out");
    let mut command = program(home.path());
    command.args(["import", "--set", "policies.builtin=[]", "--config"]).arg(&config).args(["--from", "terraform"]);
    let ran: Ran = command.arg(&file).arg("--out").arg(&out).output().unwrap().into();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.starts_with("1 bucket imported, 1 with comments\n2 files written to "), "{}", ran.out);
    let all = files(&out);
    let one = &all["buckets/ai-a.yaml"];
    assert!(one.contains("  tags: {team: ml}\n") && one.contains("  versioning: {status: Suspended}\n"), "{one}");
    assert!(
        !one.contains("\n  replication:") && one.contains("# `replication` is left out, as no spec may say it: "),
        "{one}"
    );
    assert!(all["accounts/prod.yaml"].contains("  publicAccessBlock: {blockPublicAcls: true}\n"), "{all:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_leaves_nothing_half_done() {
    let world = World::with(compliant(200), &[]).await;
    world.s3.set_weather(Weather { latency_ms: 200, ..Weather::default() });
    let out = world.path("out");
    let mut command = world.program();
    command.args(["import", "--all", "--endpoint", &world.s3.url(), "--out"]).arg(&out);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait("buckets are read", async || (world.s3.requests().values().sum::<u64>() > 5).then_some(())).await;
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ran: Ran = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap().into();
    assert_eq!(
        ran,
        Ran { code: Some(1), out: String::new(), err: "ended before its time: nothing was written\n".into() }
    );
    assert!(!out.exists());
}

#[test]
fn files_of_other_tools_become_specs_and_the_rest_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import");
    let run = |name: &str, args: &[&str]| -> Ran {
        let out = home.path().join(name);
        program(home.path()).arg("import").args(args).arg("--out").arg(&out).output().unwrap().into()
    };
    let state = format!("{fixtures}/inline.tfstate");
    let ran = run("terraform", &["--from", "terraform", &state]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.err.contains("aws_s3_bucket.site[0]: `a_field_of_tomorrow`: no setting of this version says it\n"),
        "{}",
        ran.err
    );
    assert!(ran.out.starts_with("2 buckets imported, "), "{}", ran.out);
    let all = files(&home.path().join("terraform"));
    assert_eq!(all.keys().collect::<Vec<_>>(), ["buckets/ai-docs.yaml", "buckets/ai-training-raw.yaml"]);
    assert!(all["buckets/ai-docs.yaml"].contains("  acl: public-read\n"), "{all:#?}");

    let ran = run("accounts", &["--from", "terraform", &state, "--account", "prod", "--match", "*-docs"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let all = files(&home.path().join("accounts"));
    assert_eq!(all.keys().collect::<Vec<_>>(), ["buckets/prod/ai-docs.yaml"]);
    assert!(all["buckets/prod/ai-docs.yaml"].contains("  account: prod\n"), "{all:#?}");

    let template = format!("{fixtures}/template.yaml");
    let given =
        ["--parameter", "LogBucket=access-logs", "--parameter", "Stage=prod", "--parameter", "AWS::Region=eu-west-1"];
    let ran =
        run("cloudformation", &[&["--from", "cloudformation", &template, "--output", "json"][..], &given].concat());
    assert_eq!((ran.code, ran.err.contains("Door: ")), (Some(2), true), "{ran:?}");
    let json = ran.json();
    assert_eq!(json["files"].as_array().unwrap().len(), 3, "{json:#}");
    assert_eq!(json["requests"], 0);

    let manifests = format!("{fixtures}/ack.yaml");
    let ran = run("ack", &["--from", "ack", &manifests, "--as-defaults"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(
        files(&home.path().join("ack")).keys().collect::<Vec<_>>(),
        ["buckets/ai-features.yaml", "buckets/ai-plain.yaml", "defaults.yaml"]
    );

    let ran = run("nothing", &["--from", "terraform", "/nowhere.tfstate"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.err, "/nowhere.tfstate cannot be read: no such file or directory (os error 2)\n");
    let ran = run("nothing", &["--from", "terraform", &manifests]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("cannot be read: it is no JSON: "), "{}", ran.err);
    assert!(!home.path().join("nothing").exists());
}
