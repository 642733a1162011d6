//! What Prometheus is told, over a small fleet with each kind of trouble in it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::Duration;
use driftless::board::Board;
use driftless::bucket::AccountName;
use driftless::clock::{ManualClock, SystemClock};
use driftless::cloud::S3ErrorKind;
use driftless::metrics::{
    Detail, FAMILIES, FetchOp, FetchResult, Metrics, MetricsOptions, NotificationResult, RepairOutcome,
};
use driftless::report::{Cause, SourceState};
use driftless::spec::PolicySeverity;

use crate::support::fleet;

fn options(detail: Detail) -> MetricsOptions {
    MetricsOptions { detail, version: "0.1.0", commit: "4f1c2b7", process: false, ..MetricsOptions::default() }
}

fn over(board: Arc<Board>, detail: Detail) -> Metrics {
    Metrics::new(board, Arc::new(ManualClock::at(fleet::now())), options(detail))
}

/// Metrics of a daemon that has worked for a while.
fn fed(detail: Detail) -> Metrics {
    let metrics = over(fleet::board(), detail);
    let account = AccountName::default();
    metrics.request(&account, "GetBucketVersioning", None, 0.02);
    metrics.request(&account, "GetBucketVersioning", Some(S3ErrorKind::Throttled), 0.5);
    metrics.request(&account, "GetBucketTagging", Some(S3ErrorKind::Denied), 0.02);
    metrics.concurrency_limit(&account, 24.0);
    metrics.drift_detected("versioned", PolicySeverity::Low);
    metrics.drift_closed("versioned", 42.0);
    metrics.repair("versioned", RepairOutcome::Applied, 0.2);
    metrics.repair("spec", RepairOutcome::Held, 0.0);
    metrics.fight("private");
    metrics.sweep_ended(&fleet::sweep());
    metrics.fetch(FetchOp::Fetch, FetchResult::Unchanged, 0.3);
    metrics.begin_notifications("slack");
    metrics.notification("slack", NotificationResult::Failed);
    metrics.notification("slack", NotificationResult::Ok);
    metrics.panic();
    metrics.history_degraded(true);
    metrics
}

#[test]
fn the_exposition_is_as_recorded() {
    insta::assert_snapshot!("exposition_bucket", fed(Detail::Bucket).render());
    insta::assert_snapshot!("exposition_policy", fed(Detail::Policy).render());
    insta::assert_snapshot!("exposition_summary", fed(Detail::Summary).render());
}

#[test]
fn prometheus_accepts_the_exposition_of_every_level() {
    if std::env::var_os("DRIFTLESS_WITHOUT_PROMTOOL").is_some() {
        return;
    }
    for detail in Detail::ALL {
        let text = fed(detail).render() + &process_metrics();
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool is there (Debian: apt-get install prometheus), or DRIFTLESS_WITHOUT_PROMTOOL=1 is set");
        promtool.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("promtool reads");
        let output = promtool.wait_with_output().expect("promtool ends");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", detail.word());
    }
}

/// The metrics of this process alone.
fn process_metrics() -> String {
    let options = MetricsOptions { process: true, ..options(Detail::Summary) };
    let text = Metrics::new(Arc::default(), Arc::new(SystemClock), options).render();
    let lines = text.lines().filter(|line| line.contains("driftless_process_"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_its_memory_cpu_files_and_start() {
    let text = process_metrics();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().expect("a value").parse().expect("a number")
    };
    assert!(value("driftless_process_resident_memory_bytes ") > 1e6);
    assert!(value("driftless_process_open_fds ") >= 3.0);
    assert!(value("driftless_process_cpu_seconds_total ") >= 0.0);
    assert!(value("driftless_process_start_time_seconds ") > 1.7e9);
}

#[test]
fn every_metric_is_in_the_exposition_and_every_line_of_it_in_the_table() {
    let text = fed(Detail::Bucket).render() + &process_metrics();
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    names.sort_unstable();
    let in_table: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(names, in_table);
}

/// The lines of one metric, without its help.
fn lines(text: &str, name: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
}

#[test]
fn series_of_things_that_are_gone_disappear() {
    let board = fleet::board();
    let metrics = over(Arc::clone(&board), Detail::Bucket);
    metrics.drift_detected("private", PolicySeverity::Critical);
    assert!(metrics.render().contains("bucket=\"ai-training-raw\""));
    board.keep_buckets(|id| id.name.as_str() != "ai-training-raw");
    board.put_policies(fleet::cards().into_iter().filter(|card| &*card.name != "private").collect());
    board.keep_buckets(|_| false);
    let text = metrics.render();
    assert_eq!(lines(&text, "driftless_bucket_"), Vec::<String>::new());
    assert!(!text.contains("policy=\"private\""), "{text}");
    assert!(text.contains("driftless_drift_detected_total{policy=\"versioned\",severity=\"low\"} 0"));
}

#[test]
fn counters_of_a_new_policy_begin_at_zero() {
    let board = Arc::new(Board::default());
    let metrics = over(Arc::clone(&board), Detail::Bucket);
    assert!(!metrics.render().contains("policy=\"private\""));
    board.put_policies(fleet::cards());
    let text = metrics.render();
    for line in [
        "driftless_drift_detected_total{policy=\"private\",severity=\"critical\"} 0",
        "driftless_repairs_total{policy=\"private\",result=\"failed\"} 0",
        "driftless_fights_total{policy=\"private\"} 0",
        "driftless_drift_open_duration_seconds_count{policy=\"private\"} 0",
        "driftless_policy_buckets{policy=\"private\",severity=\"critical\",status=\"drifted\"} 0",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn a_policy_that_becomes_worse_leaves_no_series_under_its_old_severity() {
    let board = fleet::board();
    let metrics = over(Arc::clone(&board), Detail::Bucket);
    let mut cards = fleet::cards();
    cards[1].severity = PolicySeverity::High;
    board.put_policies(cards);
    let series = lines(&metrics.render(), "driftless_drift_detected_total{policy=\"private\"");
    assert_eq!(series, ["driftless_drift_detected_total{policy=\"private\",severity=\"high\"} 0"]);
}

#[test]
fn a_board_with_nothing_on_it_invents_no_timestamp() {
    let text = over(Arc::default(), Detail::Bucket).render();
    assert_eq!(lines(&text, "driftless_source_last_success"), Vec::<String>::new());
    assert_eq!(lines(&text, "driftless_sweep_last_success"), Vec::<String>::new());
    assert_eq!(lines(&text, "driftless_source_info"), Vec::<String>::new());
    assert!(text.contains("driftless_source_state{source=\"default\",state=\"failed\"} 1"));
    assert!(text.contains("driftless_sweep_longest_running_seconds 0"));
}

#[test]
fn a_sweep_under_way_tells_how_long_it_runs_and_never_less_than_nothing() {
    let board = fleet::board();
    board.begin_sweep(Cause::Schedule, fleet::ago(11), 9);
    let metrics = over(Arc::clone(&board), Detail::Summary);
    assert_eq!(
        lines(&metrics.render(), "driftless_sweep_longest_running_seconds"),
        ["driftless_sweep_longest_running_seconds 660"]
    );
    // The clock was put back.
    board.begin_sweep(Cause::Schedule, fleet::ago(-11), 9);
    assert_eq!(
        lines(&metrics.render(), "driftless_sweep_longest_running_seconds"),
        ["driftless_sweep_longest_running_seconds 0"]
    );
}

#[test]
fn exactly_one_state_of_the_source_is_one() {
    for state in SourceState::ALL {
        let board = fleet::board();
        board.put_source(driftless::report::SourceReport { state, ..fleet::source() });
        let text = over(board, Detail::Summary).render();
        let ones: Vec<String> =
            lines(&text, "driftless_source_state{").into_iter().filter(|line| line.ends_with(" 1")).collect();
        assert_eq!(ones, [format!("driftless_source_state{{source=\"default\",state=\"{}\"}} 1", state.word())]);
    }
}

#[test]
fn exposure_grows_while_drift_is_open_and_is_counted_once() {
    let board = fleet::board();
    let clock = Arc::new(ManualClock::at(fleet::now()));
    let metrics = Metrics::new(Arc::clone(&board), clock.clone(), options(Detail::Summary));
    let exposed = |policy: &str| -> f64 {
        let wanted = format!("driftless_exposure_seconds_total{{policy=\"{policy}\"}} ");
        let text = metrics.render();
        text.lines().find_map(|line| line.strip_prefix(&*wanted)?.parse().ok()).expect("the policy has the series")
    };
    // Drift that is older than the process is counted from its beginning on.
    assert_eq!((exposed("private"), exposed("tagged")), (0.0, 0.0));
    clock.set(fleet::now() + Duration::seconds(30));
    assert_eq!((exposed("private"), exposed("private"), exposed("tagged")), (30.0, 30.0, 0.0));
    // Two settings of two buckets: one is suspended, and stays open all the same.
    assert_eq!(exposed("spec"), 60.0);
    // Ten more seconds, of which no scrape knew when the drift went.
    clock.set(fleet::now() + Duration::seconds(40));
    metrics.exposed("private", fleet::ago(60), fleet::now() + Duration::seconds(40));
    board.keep_buckets(|_| false);
    assert_eq!(exposed("private"), 40.0);
    // Drift that came and went between two scrapes.
    clock.set(fleet::now() + Duration::seconds(60));
    metrics.exposed("tagged", fleet::now() + Duration::seconds(50), fleet::now() + Duration::seconds(54));
    assert_eq!((exposed("private"), exposed("tagged")), (40.0, 4.0));
    clock.set(fleet::now() + Duration::seconds(999));
    assert_eq!((exposed("private"), exposed("tagged")), (40.0, 4.0));
}

/// Five settings of one bucket counted five seconds a second, although its exposure is one.
#[test]
fn a_bucket_with_many_settings_that_differ_is_exposed_once() {
    let board = Arc::new(Board::default());
    let clock = Arc::new(ManualClock::at(fleet::now()));
    let metrics = Metrics::new(Arc::clone(&board), clock.clone(), options(Detail::Summary));
    let mut report = fleet::bucket("default", "ai-model-data");
    for (name, since) in [("encryption", 3), ("tags", 1), ("versioning", 2)] {
        let setting = fleet::setting(&mut report, name);
        (setting.verdict, setting.since) = (driftless::verdict::Verdict::Drifted, Some(fleet::ago(since)));
    }
    board.put_bucket(report);
    clock.set(fleet::now() + Duration::seconds(30));
    assert_eq!(
        lines(&metrics.render(), "driftless_exposure_seconds_total{policy=\"spec\"}"),
        ["driftless_exposure_seconds_total{policy=\"spec\"} 30"]
    );
}

/// A policy called `spec` once gave two series of one name with two values; Prometheus refuses the
/// whole scrape for such.
#[test]
fn no_exposition_has_a_series_twice() {
    let large = over(fleet::large(300), Detail::Bucket).render();
    for text in Detail::ALL.map(|detail| fed(detail).render()).into_iter().chain([large]) {
        let mut series: Vec<&str> =
            text.lines().filter(|it| !it.starts_with('#')).filter_map(|it| Some(it.rsplit_once(' ')?.0)).collect();
        let all = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), all);
    }
}

#[test]
fn no_name_from_git_can_forge_a_series() {
    let board = fleet::board();
    let mut cards = fleet::cards();
    cards[0].name = "x\"} 1\ndriftless_task_panics_total 99\n#".into();
    board.put_policies(cards);
    let metrics = over(board, Detail::Bucket);
    metrics.drift_detected("y\"} 1\ndriftless_task_panics_total 98\n#", PolicySeverity::Low);
    assert_eq!(lines(&metrics.render(), "driftless_task_panics_total"), ["driftless_task_panics_total 0"]);
}

#[test]
fn neither_commit_message_nor_author_nor_error_text_is_a_label() {
    let text = fed(Detail::Bucket).render();
    for words in ["Encrypt the experiments", "Ada", "AccessDenied", "arn:", "4442587FB7D0A2F9"] {
        assert!(!text.contains(words), "{words}");
    }
    assert_eq!(text.matches("4f1c2b7e9a0d3c5b6e8f1a2b3c4d5e6f70819203").count(), 1);
}

/// The table of the metrics, and what each level of detail costs.
fn document() -> String {
    let mut text = String::from(
        "# Metrics\n\nServed at `/metrics`. The names, the labels and their values are API. Written by a test from the code \
         that\nserves them; `BLESS=1 cargo test --test it metrics` writes it anew.\n\n\
         | Metric | Type | Labels | What it says |\n| --- | --- | --- | --- |\n",
    );
    for family in FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ =
            writeln!(text, "| `{}` | {} | {} | {} |", family.name, family.kind.word(), labels.join(", "), family.help);
    }
    let words = |words: Vec<&str>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    use driftless::report::BucketState;
    use driftless::verdict::{Hold, Verdict};
    text.push_str("\n## Values of labels\n\n| Metric | Label | Values |\n| --- | --- | --- |\n");
    for (metric, label, values) in [
        ("driftless_aws_requests_total", "result", "`ok` and the kinds of failure: `denied`, `credentials`, `no-such-bucket`, `foreign`, `wrong-region`, `throttled`, `conflict`, `unsupported`, `invalid`, `server`, `transport`, `forbidden`, `other`".to_owned()),
        ("driftless_breaker_open, driftless_held", "reason", words(Hold::ALL.map(Hold::word).into())),
        ("driftless_bucket_policy_status, driftless_bucket_setting_status, driftless_policy_buckets", "status", words(Verdict::ALL.map(Verdict::word).into())),
        ("driftless_buckets", "state", words(BucketState::ALL.map(BucketState::word).into())),
        ("driftless_notifications_total", "result", words(NotificationResult::ALL.map(NotificationResult::word).into())),
        ("driftless_notifications_total", "service", "the kind of the sink, such as `slack` or `email`".to_owned()),
        ("driftless_repairs_total", "result", words(RepairOutcome::ALL.map(RepairOutcome::word).into())),
        ("driftless_source_fetch_total", "op", words(FetchOp::ALL.map(FetchOp::word).into())),
        ("driftless_source_fetch_total", "result", words(FetchResult::ALL.map(FetchResult::word).into())),
        ("driftless_source_state", "state", words(SourceState::ALL.map(SourceState::word).into())),
        ("driftless_sweep_total", "result", words(vec!["ok", "failed", "interrupted"])),
    ] {
        let metrics: Vec<String> = metric.split(", ").map(|name| format!("`{name}`")).collect();
        let _ = writeln!(text, "| {} | `{label}` | {values} |", metrics.join(", "));
    }
    text.push_str(
        "\n## What is not here\n\n\
         - No `leader`: there is no election. Of two daemons over the same buckets each works for itself; `driftless_build_info`\n  \
         counts them, and `DriftlessSweepMissing` tells of one that is down.\n\
         - No count of webhook requests: there is no webhook endpoint. A push is noticed at the next look at the source, and\n  \
         `POST /api/v1/sync` asks for one at once.\n\
         - No `verified` of the source: the signature of a commit is shown, with the key that it names, and not verified.\n",
    );
    text.push_str(
        "\n## Detail\n\n`bucket` tells every bucket under every policy. `policy` tells only those that are not compliant. \
         `summary` tells\nno bucket by its name. Counts per policy and status (`driftless_policy_buckets`) are always there. \
         Measured\nwith four policies and a spec, one bucket in a hundred drifted, the process's own metrics left out:\n\n\
         | Buckets | Detail | Series | Bytes |\n| ---: | --- | ---: | ---: |\n",
    );
    for buckets in [100, 5000, 100_000] {
        let board = fleet::large(buckets);
        for detail in Detail::ALL {
            // In pieces: the largest is half a gigabyte.
            let (mut series, mut bytes, mut begins) = (0, 0, true);
            over(Arc::clone(&board), detail).render_to(&mut |piece| {
                for byte in piece.bytes() {
                    series += usize::from(begins && byte != b'#');
                    begins = byte == b'\n';
                }
                bytes += piece.len();
                true
            });
            let _ = writeln!(text, "| {buckets} | `{}` | {series} | {bytes} |", detail.word());
        }
    }
    text
}

#[test]
fn the_documentation_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let text = document();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).expect("docs/ can be written");
    }
    let written = std::fs::read_to_string(path).expect("docs/metrics.md is there");
    assert!(written == text, "docs/metrics.md is not what the code says; BLESS=1 writes it anew");
}
