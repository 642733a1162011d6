use std::sync::Arc;

use chrono::TimeZone;
use clap::Parser;
use serde_json::json;

use super::*;
use crate::bucket::{AccountName, BucketId, BucketName};
use crate::clock::ManualClock;
use crate::doc::Doc;
use crate::history::History;
use crate::report::{Event, Repair, RepairResult};
use crate::verdict::{Hold, Origin};

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: HistoryArgs,
}

fn noon() -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).single().expect("exists")
}

fn events() -> Vec<(Timestamp, Event)> {
    let bucket =
        |name: &str| BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("legal") };
    let doc = |status: &str| Doc::of(&json!({"status": status}));
    let (from, to) = (doc("Suspended"), doc("Enabled"));
    let at = noon() - Duration::hours(2);
    let repair = Repair {
        setting: "versioning",
        at,
        changes: from.changes_to(&to),
        origins: vec![Origin::Policy("versioned".into())],
        to: Some(to),
        result: RepairResult::Applied,
    };
    let held = Event::Held {
        bucket: bucket("web"),
        setting: "tags",
        reason: Hold::NoRepair,
        detail: "policy tagged: no value".to_owned(),
        origins: Vec::new(),
        approval: None,
    };
    vec![
        (noon() - Duration::days(3), Event::Started { version: "0.1.0" }),
        (at, Event::Repair { bucket: bucket("ai-model-data"), repair }),
        (noon() - Duration::hours(1), held),
    ]
}

async fn written(events: &[(Timestamp, Event)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("the machine has a directory for such");
    let history = History::open(&dir.path().join(FILE), Arc::new(ManualClock::at(noon()))).expect("opens");
    history.record(events);
    history.close().await.expect("written");
    dir
}

fn run_in(dir: &std::path::Path, args: &[&str]) -> anyhow::Result<(u8, String)> {
    let dir = dir.to_str().expect("is text");
    let all = ["history", "--data-dir", dir].into_iter().chain(args.iter().copied());
    let command = Command::try_parse_from(all).expect("parses");
    let mut out = Vec::new();
    let path = command.args.data_dir.as_ref().expect("it is named").join(FILE);
    let code = print(&path, &command.args, noon(), false, &mut out)?;
    Ok((code, String::from_utf8(out).expect("is text")))
}

#[tokio::test]
async fn entries_stand_under_their_day_in_columns_and_changes_on_lines_of_their_own() {
    let dir = written(&events()).await;
    let expected = "\
Sunday 2026-11-22 (UTC)
  11:00:00  held     web            tags no-repair: policy tagged: no value
  10:00:00  repair   ai-model-data  versioning (asked by policy versioned)
                     status: Suspended -> Enabled

Thursday 2026-11-19 (UTC)
  12:00:00  started  -              driftless 0.1.0
";
    assert_eq!(run_in(dir.path(), &[]).expect("reads"), (0, expected.to_owned()));
}

#[tokio::test]
async fn options_narrow_the_list() {
    let dir = written(&events()).await;
    let entry = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let count = |args: &[&str]| run_in(dir.path(), args).expect("reads").1.lines().filter(entry).count();
    assert_eq!(count(&["--since", "24h"]), 2);
    assert_eq!(count(&["--since", "2026-11-19"]), 3);
    assert_eq!(count(&["--until", "2026-11-22T10:30:00Z"]), 2);
    assert_eq!(count(&["--limit", "1"]), 1);
    assert_eq!(count(&["--limit", "0"]), 3);
    assert_eq!(count(&["ai-*"]), 1);
    assert_eq!(count(&["--setting", "versioning"]), 1);
    assert_eq!(count(&["--setting", "tags", "--kind", "held"]), 1);
    assert_eq!(count(&["--setting", "encryption"]), 0);
    assert!(run_in(dir.path(), &["--policy", "versioned"]).expect("reads").1.contains("ai-model-data"));
    assert!(run_in(dir.path(), &["--kind", "held"]).expect("reads").1.contains("web"));
    let nothing = (0, "nothing in the history fits\n".to_owned());
    assert_eq!(run_in(dir.path(), &["no-such-bucket"]).expect("reads"), nothing);
}

#[tokio::test]
async fn json_has_every_field_of_every_entry() {
    let dir = written(&events()).await;
    let (code, text) = run_in(dir.path(), &["--output", "json", "--kind", "repair"]).expect("reads");
    let entries: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    let entry = &entries[0];
    assert_eq!((code, entry["seq"].as_u64(), entry["kind"].as_str()), (0, Some(2), Some("repair")));
    assert_eq!(entry["bucket"], json!({"account": "default", "name": "ai-model-data"}));
    let changes = json!([{"path": "status", "from": "Suspended", "to": "Enabled"}]);
    assert_eq!(entry["event"]["repair"]["changes"], changes);
    assert_eq!(entry["hash"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn no_history_yet_is_no_failure_and_no_history_at_all_is_one() {
    let nothing = (0, "no history yet\n".to_owned());
    let dir = tempfile::tempdir().expect("the machine has a directory for such");
    // A wrong path, and a record that somebody deleted, counted as verified.
    let zeros = "0".repeat(64);
    for args in [&[][..], &["--verify"], &["--output", "json"], &["--verify", "--expect-head", &zeros]] {
        let error = run_in(dir.path(), args).expect_err("cannot be told");
        assert_eq!(
            error.to_string(),
            format!(
                "there is no history at `{}`\nhint: name the daemon's folder with --data-dir, the file with --db, or \
                 its configuration with --config",
                dir.path().join(FILE).display()
            )
        );
    }
    assert!(std::fs::read_dir(dir.path()).expect("reads").next().is_none(), "looking makes no file");
    let empty = written(&[]).await;
    assert_eq!(run_in(empty.path(), &[]).expect("reads"), nothing);
}

/// A kind that there is not was looked for, and nothing found.
#[test]
fn words_that_there_are_not_are_refused_with_those_that_there_are() {
    assert_eq!(super::kind("repair").as_deref(), Ok("repair"));
    assert_eq!(super::kind("repairs"), Err("there is no kind of entry `repairs`; did you mean `repair`?".to_owned()));
    assert_eq!(
        super::setting("versionning"),
        Err("there is no setting `versionning`; did you mean `versioning`?".to_owned())
    );
    assert!(super::setting("existence").is_ok() && super::setting("tags").is_ok());
}

#[tokio::test]
async fn verify_prints_a_head_that_a_later_verify_takes_and_a_break_ends_with_two() {
    let dir = written(&events()).await;
    let (code, text) = run_in(dir.path(), &["--verify"]).expect("reads");
    let head = text.trim().strip_prefix("verified 3 entries; head ").expect("says so").to_owned();
    assert_eq!(code, 0);
    assert_eq!(run_in(dir.path(), &["--verify", "--expect-head", &head]).expect("reads").0, 0);

    let connection = rusqlite::Connection::open(dir.path().join(FILE)).expect("opens");
    connection.execute("UPDATE entry SET json = '{}' WHERE seq = 2", []).expect("tampered");
    let said = "the history is broken at entry 2: it is not as it was recorded\n";
    assert_eq!(run_in(dir.path(), &["--verify"]).expect("reads"), (2, said.to_owned()));
    let said = "{\"entry\":2,\"verified\":false,\"what\":\"it is not as it was recorded\"}\n";
    assert_eq!(run_in(dir.path(), &["--verify", "--output", "json"]).expect("reads"), (2, said.to_owned()));
}

#[test]
fn what_is_no_history_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().expect("the machine has a directory for such");
    let file = dir.path().join(FILE);
    std::fs::write(&file, "this is no database, and long enough to be taken for one ".repeat(20)).expect("written");
    let error = run_in(dir.path(), &[]).expect_err("is none");
    assert_eq!(error.to_string(), "the history is damaged: file is not a database");
    std::fs::remove_file(&file).expect("removed");
    rusqlite::Connection::open(&file).and_then(|it| it.execute_batch("CREATE TABLE t (a)")).expect("made");
    let error = run_in(dir.path(), &[]).expect_err("is none");
    let said = format!("`{}` is no history of driftless\nhint: name another data directory", file.display());
    assert_eq!(error.to_string(), said);
}

#[test]
fn times_are_spans_dates_or_moments() {
    let check = |text: &str, moment: Timestamp| assert_eq!(When::parse(text).map(|it| it.moment(noon())), Ok(moment));
    check("90s", noon() - Duration::seconds(90));
    check("30m", noon() - Duration::minutes(30));
    check("7d", noon() - Duration::days(7));
    check("2w", noon() - Duration::days(14));
    check("2026-11-22", noon() - Duration::hours(12));
    check("2026-11-22T13:00:00+01:00", noon());
    check("9999999999d", Timestamp::UNIX_EPOCH);
    for wrong in ["", "h", "-1h", "5y", "24", "tomorrow", "2026-13-01", "9999999999999999d", "ü"] {
        let said = format!("`{wrong}` is no time; write a span such as 24h, or a date such as 2026-11-22");
        assert_eq!(When::parse(wrong), Err(said));
    }
}

#[tokio::test]
async fn what_is_too_wide_is_cut_and_json_has_all_of_it() {
    let mut events = events();
    let (long, doc) = ("x".repeat(400), |text: &str| Doc::of(&json!({"policy": text})));
    let (_, Event::Repair { repair, .. }) = &mut events[1] else { panic!("the second is a repair") };
    repair.changes = doc("short").changes_to(&doc(&long));
    let dir = written(&events).await;
    let (_, text) = run_in(dir.path(), &[]).expect("reads");
    let widest = text.lines().map(|line| line.chars().count()).max().expect("there are lines");
    assert!(widest <= 200, "{text}");
    let line = text.lines().find(|line| line.contains("policy: short -> xxx")).expect("the change has a line");
    assert!(line.ends_with("x…"), "{line}");
    let (_, whole) = run_in(dir.path(), &["--output", "json"]).expect("reads");
    assert!(whole.contains(&long));
}

#[tokio::test]
async fn colours_change_no_word_of_it() {
    let dir = written(&events()).await;
    let path = dir.path().join(FILE);
    let command = Command::try_parse_from(["history"]).expect("parses");
    let told = |colored| {
        let mut out = Vec::new();
        print(&path, &command.args, noon(), colored, &mut out).expect("reads");
        String::from_utf8(out).expect("is text")
    };
    assert!(told(true).contains("\u{1b}[32mrepair\u{1b}[0m"), "{}", told(true));
    assert_eq!(color::without(&told(true)), told(false));
}
