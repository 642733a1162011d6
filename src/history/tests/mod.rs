//! What is recorded comes back: after a query, a restart, a prune.

mod faults;
mod post;
mod tamper;

use chrono::{Duration, TimeZone};
use serde_json::json;

use super::error::During;
use super::*;
use crate::bucket::{AccountName, BucketId, BucketName, Region};
use crate::clock::ManualClock;
use crate::doc::Doc;
use crate::finding::Place;
use crate::past::{Fingerprint, Outcome};
use crate::report::{Repair, RepairResult, SourceState};
use crate::spec::PolicySeverity;
use crate::verdict::{Hold, Origin, SPEC};

/// The source of the good files.
pub(super) const HERE: &str = "https://git.example.com/specs branch `main`";

pub(super) fn noon() -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2026, 11, 22, 12, 0, 0).single().expect("exists")
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(noon()))
}

pub(super) fn bucket(name: &str) -> BucketId {
    BucketId { account: AccountName::default(), name: BucketName::parse(name).expect("legal") }
}

pub(super) fn repair(name: &str, at: Timestamp, result: RepairResult) -> (Timestamp, Event) {
    let doc = |status: &str| Doc::of(&json!({"status": status}));
    let (from, to) = (doc("Suspended"), doc("Enabled"));
    let place = Place { file: "buckets/data.yaml".into(), line: 3, column: 1 };
    let origins = vec![Origin::Spec(place), Origin::Policy("versioned".into())];
    let repair = Repair { setting: "versioning", at, changes: from.changes_to(&to), origins, to: Some(to), result };
    (at, Event::Repair { bucket: bucket(name), repair })
}

pub(super) fn drift(name: &str, policy: &str, setting: &'static str, at: Timestamp) -> (Timestamp, Event) {
    let (bucket, policy) = (bucket(name), policy.into());
    let detail = "versioning.status: Suspended -> Enabled".to_owned();
    (at, Event::DriftDetected { bucket, policy, setting, severity: PolicySeverity::High, detail, caused_by: None })
}

fn closed(name: &str, policy: &str, setting: &'static str, since: Timestamp) -> (Timestamp, Event) {
    (since + Duration::minutes(1), Event::DriftClosed { bucket: bucket(name), policy: policy.into(), setting, since })
}

pub(super) fn started() -> (Timestamp, Event) {
    (noon(), Event::Started { version: "0.1.0" })
}

pub(super) struct Dir(tempfile::TempDir);

impl Dir {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("the machine has a directory for such"))
    }

    pub(super) fn file(&self) -> std::path::PathBuf {
        self.0.path().join("data").join(FILE)
    }

    pub(super) fn open(&self) -> History {
        History::open(&self.file(), clock()).expect("opens")
    }

    /// A file with these events, closed.
    pub(super) async fn with(events: &[(Timestamp, Event)]) -> Self {
        let dir = Self::new();
        let history = dir.open();
        history.record(events);
        history.close().await.expect("written");
        dir
    }

    pub(super) fn read(&self) -> Store {
        Store::open_read_only(&self.file()).expect("reads").expect("is there")
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.file().parent().expect("has one")).expect("is there");
        let mut names: Vec<String> =
            entries.map(|it| it.expect("reads").file_name().into_string().expect("is text")).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn what_was_recorded_is_listed_newest_first_and_chained() {
    let dir = Dir::new();
    let history = dir.open();
    history.record(&[started(), repair("ai-data", noon() + Duration::seconds(5), RepairResult::Applied)]);
    let entries = history.list(Filter::default()).await.expect("lists");
    assert_eq!(
        entries.iter().map(|it| (it.seq, it.kind.as_str())).collect::<Vec<_>>(),
        [(2, "repair"), (1, "started")]
    );
    assert_eq!(entries[0].prev, entries[1].hash);
    assert_eq!(entries[0].bucket, Some(bucket("ai-data")));
    assert_eq!(history.head().await.expect("reads"), (2, entries[0].hash));
    let verified = history.verify(None).await.expect("reads").expect("holds");
    assert_eq!(verified, Verified { entries: 2, oldest: Some(1), head_hash: entries[0].hash });
    assert_eq!(history.degraded(), None);
}

#[tokio::test]
async fn a_filter_lets_through_what_fits_all_of_it() {
    let other = BucketId { account: AccountName::parse("prod").expect("legal"), ..bucket("web") };
    let held = Event::Held {
        bucket: other,
        setting: "tags",
        reason: Hold::NoRepair,
        detail: "d".to_owned(),
        origins: Vec::new(),
        approval: None,
    };
    let at = |minute: i64| noon() + Duration::minutes(minute);
    let dir = Dir::with(&[
        started(),
        repair("ai-data", at(1), RepairResult::Applied),
        drift("ai-logs", "private", "", at(2)),
        (at(3), held),
    ])
    .await;
    let store = dir.read();
    let list = |filter: Filter| -> Vec<u64> { store.list(&filter).expect("lists").iter().map(|it| it.seq).collect() };
    let all = Filter::default;
    assert_eq!(list(all()), [4, 3, 2, 1]);
    assert_eq!(list(Filter { bucket: Some("ai-data".into()), ..all() }), [2]);
    assert_eq!(list(Filter { bucket: Some("ai-*".into()), ..all() }), [3, 2]);
    assert_eq!(list(Filter { bucket: Some("prod/*".into()), ..all() }), [4]);
    assert_eq!(list(Filter { bucket: Some("default/web".into()), ..all() }), [0_u64; 0]);
    assert_eq!(list(Filter { policy: Some("versioned".into()), ..all() }), [2]);
    assert_eq!(list(Filter { policy: Some("private".into()), ..all() }), [3]);
    assert_eq!(list(Filter { policy: Some(SPEC.into()), ..all() }), [2], "its spec asked, too");
    assert_eq!(list(Filter { kind: Some("held".into()), ..all() }), [4]);
    assert_eq!(list(Filter { since: Some(at(1)), until: Some(at(3)), ..all() }), [3, 2]);
    assert_eq!(list(Filter { bucket: Some("ai-*".into()), limit: Some(1), ..all() }), [3]);
    let error = store.list(&Filter { bucket: Some("a[".into()), ..all() }).expect_err("no pattern");
    assert_eq!(error.to_string(), "illegal pattern `a[`: unclosed character class; missing ']'");
}

#[tokio::test]
async fn an_open_difference_is_known_again_after_a_restart() {
    let at = |minute: i64| noon() + Duration::minutes(minute);
    let dir = Dir::with(&[
        drift("data", "versioned", "", at(0)),
        drift("data", SPEC, "tags", at(1)),
        drift("gone", SPEC, "tags", at(1)),
        drift("gone", "private", "", at(1)),
        drift("data", "private", "", at(2)),
        closed("data", "private", "", at(2)),
        drift("data", "versioned", "", at(9)),
        (at(9), Event::Unmanaged { bucket: bucket("gone") }),
    ])
    .await;
    let open = dir.open().open_drifts().await.expect("reads");
    let open: Vec<_> = open.iter().map(|it| (it.bucket.name.as_str(), &*it.policy, &*it.setting, it.since)).collect();
    assert_eq!(
        open,
        [("data", "spec", "tags", at(1)), ("data", "versioned", "", at(0)), ("gone", "private", "", at(1))]
    );
}

#[tokio::test]
async fn the_latest_writes_are_known_again_after_a_restart() {
    let at = |minute: i64| noon() + Duration::minutes(minute);
    let dir = Dir::with(&[
        repair("data", at(-2000), RepairResult::Applied),
        repair("data", at(0), RepairResult::Applied),
        repair("data", at(1), RepairResult::Unproved { detail: String::new() }),
    ])
    .await;
    let history = dir.open();
    let repairs = history.recent_repairs(at(-3000)).await.expect("reads");
    let outcomes: Vec<_> = repairs.iter().map(|it| (it.at, it.outcome)).collect();
    assert_eq!(outcomes, [(at(0), Outcome::Applied), (at(1), Outcome::Unproved)], "a day is kept");
    assert_eq!(repairs[0].to, Fingerprint::of(&Doc::of(&json!({"status": "Enabled"}))));
    assert_eq!(history.recent_repairs(at(1)).await.expect("reads").len(), 1);
}

#[tokio::test]
async fn a_hundred_thousand_good_files_survive_a_restart_and_only_changes_are_written() {
    let dir = Dir::new();
    let history = dir.open();
    let files =
        (0..100_000).map(|n| (format!("buckets/{n:06}.yaml"), format!("name: data-{n}").into_bytes())).collect();
    history.put_good_files("a".repeat(40), HERE.into(), files, Vec::new()).await.expect("written");
    let changed = vec![("buckets/000001.yaml".to_owned(), b"name: new".to_vec())];
    let removed = vec!["buckets/000002.yaml".to_owned()];
    history.put_good_files("b".repeat(40), HERE.into(), changed, removed).await.expect("written");
    drop(history);

    let history = dir.open();
    assert_eq!(history.good_revision(HERE.into()).await.expect("reads"), Some("b".repeat(40)));
    let good = history.good_files(HERE.into()).await.expect("reads");
    assert_eq!(good.files.len(), 99_999);
    assert_eq!(good.files[1], ("buckets/000001.yaml".to_owned(), b"name: new".to_vec()));
    assert_eq!(good.damaged, [""; 0]);
    assert_eq!(good.files[0], ("buckets/000000.yaml".to_owned(), b"name: data-0".to_vec()));
    assert_eq!(good.files[2].0, "buckets/000003.yaml");
}

#[tokio::test]
async fn a_damaged_good_file_is_not_used() {
    let dir = Dir::new();
    let history = dir.open();
    let file = |path: &str| (path.to_owned(), b"kind: Bucket".to_vec());
    let both = vec![file("a.yaml"), file("b.yaml")];
    history.put_good_files("a".to_owned(), HERE.into(), both.clone(), Vec::new()).await.expect("written");
    let sql = "UPDATE good_file SET bytes = CAST('kind: Policy' AS BLOB) WHERE path = 'b.yaml'";
    history.ask(move |store| store.connection.execute_batch(sql).during("write")).await.expect("tampered");
    let good = history.good_files(HERE.into()).await.expect("reads");
    assert_eq!((good.files, good.damaged), (vec![file("a.yaml")], vec!["b.yaml".to_owned()]));
    // What is said anew is good again.
    let anew = vec![file("b.yaml")];
    history.put_good_files("b".to_owned(), HERE.into(), anew, Vec::new()).await.expect("written");
    assert_eq!(history.good_files(HERE.into()).await.expect("reads").files, both);
}

/// After `source.git.url` changed, a broken file of the new repository stood on the old one's.
#[tokio::test]
async fn the_good_files_of_another_source_are_not_used_and_go_when_this_one_has_its_own() {
    let dir = Dir::new();
    let history = dir.open();
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let (theirs, ours) = (vec![file("a.yaml", "theirs"), file("b.yaml", "theirs")], vec![file("b.yaml", "ours")]);
    history.put_good_files("a".to_owned(), "there".to_owned(), theirs.clone(), Vec::new()).await.expect("written");
    assert_eq!(history.good_revision(HERE.into()).await.expect("reads"), None);
    assert_eq!(history.good_files(HERE.into()).await.expect("reads"), GoodFiles::default());
    // Until then a return loses nothing.
    assert_eq!(history.good_files("there".to_owned()).await.expect("reads").files, theirs);
    history.put_good_files("b".to_owned(), HERE.into(), ours.clone(), Vec::new()).await.expect("written");
    drop(history);
    let history = dir.open();
    assert_eq!(history.good_files(HERE.into()).await.expect("reads").files, ours);
    assert_eq!(history.good_revision("there".to_owned()).await.expect("reads"), None);
}

/// A file that an older driftless wrote does not say whose its good files are.
#[tokio::test]
async fn good_files_from_before_their_source_was_kept_are_used_and_belong_to_it_from_then_on() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.file().parent().expect("it lies in one")).expect("made");
    let mut connection = rusqlite::Connection::open(dir.file()).expect("opens");
    let before = store::MIGRATIONS.iter().position(|it| it.contains("origin")).expect("is there");
    store::migrate(&mut connection, &store::MIGRATIONS[..before], 0).expect("made");
    connection.execute_batch("INSERT INTO good_revision VALUES (1, 'a')").expect("written");
    drop(connection);
    let history = dir.open();
    assert_eq!(history.good_revision(HERE.into()).await.expect("reads").as_deref(), Some("a"));
    history.put_good_files("b".to_owned(), HERE.into(), Vec::new(), Vec::new()).await.expect("written");
    assert_eq!(history.good_revision(HERE.into()).await.expect("reads").as_deref(), Some("b"));
    assert_eq!(history.good_revision("there".to_owned()).await.expect("reads"), None);
}

#[tokio::test]
async fn a_pruned_history_still_verifies_and_tells_that_it_was_pruned() {
    let day = |n: i64| noon() - Duration::days(100) + Duration::minutes(n);
    let events: Vec<_> = (0..3000).map(|n| repair("data", day(n), RepairResult::Applied)).collect();
    let dir = Dir::with(&events).await;
    let history = dir.open();
    assert_eq!(history.prune(day(500), noon()).await.expect("prunes"), 500);
    assert_eq!(history.prune(day(500), noon()).await.expect("prunes"), 0);
    let verified = history.verify(None).await.expect("reads").expect("holds");
    assert_eq!((verified.entries, verified.oldest), (2501, Some(501)));
    let newest = history.list(Filter { limit: Some(1), ..Filter::default() }).await.expect("lists").remove(0);
    assert_eq!((newest.kind.as_str(), newest.line().as_str()), ("pruned", "entries up to 500"));
    let gone = history.prune(noon() + Duration::days(9000), noon() + Duration::days(9000)).await.expect("prunes");
    assert_eq!(gone, 2501 - ALWAYS_KEPT, "a clock that is wrong does not empty the history");
    history.record(&[started()]);
    assert!(history.verify(None).await.expect("reads").is_ok());
}

#[tokio::test]
async fn an_entry_dated_in_the_future_holds_no_pruning_back() {
    let mut events = vec![started(); 3000];
    events[10].0 = noon() + Duration::days(9000);
    let dir = Dir::with(&events).await;
    let later = noon() + Duration::days(10);
    assert_eq!(dir.open().prune(later, later).await.expect("prunes"), 2000);
}

#[tokio::test]
async fn every_event_has_a_line_that_tells_it() {
    let at = noon();
    let error = crate::cloud::S3Error {
        operation: "PutBucketVersioning".to_owned(),
        object: "data".to_owned(),
        kind: crate::cloud::S3ErrorKind::Denied,
        code: "AccessDenied".to_owned(),
        status: 403,
        request_id: None,
        message: String::new(),
        action: None,
    };
    let revision = Event::Revision {
        revision: "0123456789abcdef0123".to_owned(),
        subject: "Add\u{1b}[31m data".to_owned(),
        author: "Jane".to_owned(),
        findings: 2,
    };
    let of_a_folder = Event::Revision {
        revision: "fedcba9876543210".to_owned(),
        subject: String::new(),
        author: String::new(),
        findings: 0,
    };
    let created = Event::Created {
        bucket: bucket("data"),
        region: Region::us_east_1(),
        origins: vec![Origin::Policy("private".into())],
    };
    let held = Event::Held {
        bucket: bucket("data"),
        setting: "tags",
        reason: Hold::Fighting,
        detail: "repaired 3 times".to_owned(),
        origins: vec![Origin::Policy("tagged".into())],
        approval: None,
    };
    let events = [
        started(),
        (at, revision),
        (at, of_a_folder),
        (at, Event::Source { state: SourceState::Stale, detail: "no route".to_owned() }),
        (at, created),
        drift("data", "versioned", "", at),
        drift("data", SPEC, "versioning", at),
        closed("data", SPEC, "versioning", at),
        repair("data", at, RepairResult::Applied),
        repair("data", at, RepairResult::Unproved { detail: "status: Enabled -> Suspended".to_owned() }),
        repair("data", at, RepairResult::Failed { error }),
        (at, held),
        (at, Event::Unmanaged { bucket: bucket("data") }),
        (at, Event::Stopped),
    ];
    let dir = Dir::with(&events).await;
    let mut lines: Vec<String> = dir
        .read()
        .list(&Filter::default())
        .expect("lists")
        .iter()
        .map(|it| format!("{} {}", it.kind, it.line()))
        .collect();
    lines.reverse();
    let change = "versioning status: Suspended -> Enabled";
    let asked = "(asked by buckets/data.yaml:3, policy versioned)";
    assert_eq!(
        lines,
        [
            "started driftless 0.1.0".to_owned(),
            "revision 0123456789ab Add [31m data (Jane, 2 findings)".to_owned(),
            "revision fedcba987654".to_owned(),
            "source stale: no route".to_owned(),
            "created in us-east-1 (asked by policy private)".to_owned(),
            "drift-detected versioned: versioning.status: Suspended -> Enabled (high)".to_owned(),
            "drift-detected spec versioning: versioning.status: Suspended -> Enabled (high)".to_owned(),
            "drift-closed spec versioning, open since 2026-11-22 12:00:00Z".to_owned(),
            format!("repair {change} {asked}"),
            format!("repair {change} [not proved: status: Enabled -> Suspended] {asked}"),
            format!(
                "repair {change} [failed: PutBucketVersioning on `data` failed: access denied (AccessDenied, status 403)] {asked}"
            ),
            "held tags fighting: repaired 3 times (asked by policy tagged)".to_owned(),
            "unmanaged ".to_owned(),
            "stopped ".to_owned(),
        ]
    );
}

#[tokio::test]
async fn the_kind_of_an_entry_is_the_tag_of_its_event() {
    let (_, event) = drift("data", "private", "", noon());
    for event in [event, started().1, repair("data", noon(), RepairResult::Applied).1, Event::Stopped] {
        assert_eq!(serde_json::to_value(&event).expect("is data")["event"], event.word());
    }
}

#[tokio::test]
async fn what_is_kept_under_a_name_is_there_after_a_restart_and_replaces_what_was() {
    let dir = Dir::with(&[started()]).await;
    for text in ["one", "two"] {
        let history = History::open(&dir.file(), clock()).expect("opens");
        history.put_cached("endpoints", text.to_owned()).await.expect("written");
        history.close().await.expect("closed");
    }
    let history = History::open(&dir.file(), clock()).expect("opens");
    assert_eq!(history.cached("endpoints").await.expect("reads"), Some("two".to_owned()));
    assert_eq!(history.cached("other").await.expect("reads"), None);
}
