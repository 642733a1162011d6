//! The loop against S3 in memory, with everything that goes wrong there.
//!
//! One story of the loop after another, none of which needs the others: longer than other files.

use std::sync::Arc;
use std::time::Duration;

use driftless::bucket::{AccountName, Region};
use driftless::cloud::memory::{Effect, Fault, MemoryCloud};
use driftless::cloud::patient::{Patience, Patient};
use driftless::cloud::{BoxFuture, Cloud, Creation, Listed, Presence, S3Error, S3ErrorKind, Target, Unobserved};
use driftless::desired::Desired;
use driftless::doc::Doc;
use driftless::reconcile::FleetLimit;
use driftless::report::tell::DriftChange;
use driftless::report::{BucketState, RepairResult};
use driftless::verdict::{Hold, Verdict};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::looped::{Rig, bucket, desired, desired_with, document, held, id, now};

const KINDS: [S3ErrorKind; 6] = [
    S3ErrorKind::Denied,
    S3ErrorKind::NoSuchBucket,
    S3ErrorKind::Conflict,
    S3ErrorKind::Server,
    S3ErrorKind::Throttled,
    S3ErrorKind::Transport,
];

fn fault(verb: &'static str, bucket: &str, setting: &'static str, times: usize, effect: Effect) -> Fault {
    Fault { verb, bucket: bucket.to_owned(), setting, times, effect }
}

fn fail(verb: &'static str, bucket: &str, setting: &'static str, kind: S3ErrorKind) -> Fault {
    fault(verb, bucket, setting, usize::MAX, Effect::Fail(kind))
}

fn status(word: &str) -> Doc {
    Doc::of(&json!({ "status": word }))
}

/// Two buckets whose versioning is suspended and shall be on.
fn two() -> (MemoryCloud, Arc<Desired>) {
    let cloud = MemoryCloud::default();
    for name in ["ai-one", "ai-two"] {
        cloud.put(&id(name), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
    }
    let spec = "{versioning: {status: Enabled}, tags: {Name: data}}";
    (cloud, desired(&[bucket("ai-one", spec), bucket("ai-two", spec)].concat()))
}

/// The second bucket was repaired whatever happened to the first.
#[track_caller]
fn second_is_whole(cloud: &MemoryCloud) {
    assert_eq!(cloud.get(&id("ai-two"), "versioning"), Some(status("Enabled")));
    assert_eq!(cloud.get(&id("ai-two"), "tags"), Some(Doc::of(&json!({"Name": "data"}))));
}

#[tokio::test]
async fn a_read_that_fails_is_unknown_and_hides_nothing_else() {
    for kind in KINDS {
        let (cloud, desired) = two();
        cloud.fail(fail("read", "ai-one", "tags", kind));
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        let first = &swept.plans[0].last;
        let verdict = |setting: &str| first.settings.iter().find(|it| it.setting == setting).map(|it| it.verdict);
        assert_eq!(verdict("tags"), Some(Verdict::Unknown), "{kind:?}");
        assert_eq!(verdict("versioning"), Some(Verdict::Compliant), "{kind:?}");
        assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Enabled")), "{kind:?}");
        assert!(
            !cloud.asked().iter().any(|ask| ask.verb == "write" && ask.object == "ai-one" && ask.setting == "tags")
        );
        second_is_whole(&cloud);
        assert_eq!((swept.report.unknown, swept.report.in_sync), (1, 1), "{kind:?}");
        let report = rig.board.bucket(&id("ai-one")).expect("on the board");
        assert_eq!((report.errors.len(), report.errors[0].setting, report.errors[0].error.kind), (1, "tags", kind));
    }
}

#[tokio::test]
async fn a_write_that_fails_is_told_waited_for_and_stops_nothing_else() {
    for kind in KINDS {
        let (cloud, desired) = two();
        cloud.fail(fail("write", "ai-one", "versioning", kind));
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        second_is_whole(&cloud);
        assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Suspended")), "{kind:?}");
        assert_eq!(cloud.get(&id("ai-one"), "tags"), Some(Doc::of(&json!({"Name": "data"}))), "{kind:?}");
        assert_eq!((swept.report.failed, swept.report.drifted), (1, 1), "{kind:?}: {:?}", swept.plans[0].repairs);
        let reason = if kind == S3ErrorKind::Throttled { "throttled" } else { "backing-off" };
        assert_eq!(held(&swept), [format!("ai-one versioning {reason}")], "{kind:?}");

        cloud.forget_asked();
        let again = rig.sweep(&desired).await;
        assert_eq!((cloud.count("write"), held(&again)), (0, held(&swept)), "it waits: {kind:?}");
        rig.pass(chrono::Duration::seconds(31));
        let _ = rig.sweep(&desired).await;
        assert_eq!(cloud.count("write"), 1, "then it is tried once more: {kind:?}");
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_listed_is_unknown_and_creates_nothing() {
    for kind in [S3ErrorKind::Server, S3ErrorKind::Throttled, S3ErrorKind::Transport, S3ErrorKind::Credentials] {
        let (cloud, desired) = two();
        cloud.fail(fail("list", "default", "", kind));
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        assert_eq!((swept.report.unknown, swept.report.errors.len()), (2, 1), "{kind:?}");
        assert_eq!(cloud.count("write") + cloud.count("create") + cloud.count("read"), 0, "{kind:?}");
        assert_eq!(rig.board.bucket(&id("ai-one")).expect("a report").state, BucketState::Unreachable);
        assert!(rig.board.last_success().is_none(), "such a sweep is no success");
    }
}

#[tokio::test]
async fn who_may_not_list_looks_at_each_bucket_by_its_name() {
    let (cloud, _) = two();
    let spec = "{versioning: {status: Enabled}}";
    let names = ["ai-one", "ai-two", "ai-new"];
    let desired = desired(&names.map(|name| bucket(name, spec)).concat());
    cloud.fail(fail("list", "default", "", S3ErrorKind::Denied));
    let swept = Rig::over(&cloud).sweep(&desired).await;
    // Each once, and the new one before it is made, and after it to prove that it was.
    assert_eq!((cloud.count("head"), cloud.count("create")), (5, 1));
    assert_eq!((swept.report.in_sync, swept.report.errors.len()), (3, 1));
    assert_eq!(
        swept.report.errors[0].hint().as_deref(),
        Some("the role needs `s3:ListAllMyBuckets`; `driftless iam` prints all that it needs")
    );
    for name in names {
        assert_eq!(cloud.get(&id(name), "versioning"), Some(status("Enabled")));
    }
}

#[tokio::test]
async fn a_look_by_name_that_fails_is_unknown_and_never_creates() {
    for kind in KINDS {
        let (cloud, _) = two();
        let spec = "{versioning: {status: Enabled}, tags: {Name: data}}";
        let desired = desired(&["ai-two", "ai-gone"].map(|name| bucket(name, spec)).concat());
        cloud.fail(fail("head", "ai-gone", "", kind));
        let swept = Rig::over(&cloud).sweep(&desired).await;
        assert_eq!(cloud.count("create"), 0, "{kind:?}");
        second_is_whole(&cloud);
        // Who is denied a name that its own list has not, asks for somebody else's.
        let foreign = kind == S3ErrorKind::Denied;
        assert_eq!((swept.report.unknown, swept.report.held), if foreign { (0, 1) } else { (1, 0) }, "{kind:?}");
    }
}

#[tokio::test]
async fn a_creation_that_fails_is_told_and_tried_ever_more_rarely() {
    for kind in [S3ErrorKind::Denied, S3ErrorKind::Conflict, S3ErrorKind::Server, S3ErrorKind::Invalid] {
        let (cloud, _) = two();
        let spec = "{versioning: {status: Enabled}, tags: {Name: data}}";
        let desired = desired(&["ai-two", "ai-new"].map(|name| bucket(name, spec)).concat());
        cloud.fail(fail("create", "ai-new", "", kind));
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        second_is_whole(&cloud);
        assert_eq!((swept.report.failed, cloud.count("create")), (1, 1), "{kind:?}");
        assert_eq!(held(&swept), ["ai-new existence backing-off"], "{kind:?}");
        let _ = rig.sweep(&desired).await;
        assert_eq!(cloud.count("create"), 1, "it waits: {kind:?}");
        rig.pass(chrono::Duration::seconds(31));
        let _ = rig.sweep(&desired).await;
        assert_eq!(cloud.count("create"), 2, "{kind:?}");
        let said = rig.notes.take();
        assert!(said.contains(&"repair ai-new existence failed".to_owned()), "{said:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_somebody_removes_again_and_again_is_not_made_for_ever() {
    let cloud = MemoryCloud::default();
    let desired = desired(&bucket("ai-new", "{}"));
    // It is taken, and is gone when it is looked for.
    cloud.fail(fault("create", "ai-new", "", usize::MAX, Effect::Forget));
    let rig = Rig::over(&cloud);
    for _ in 0..6 {
        let _ = rig.sweep(&desired).await;
        rig.pass(chrono::Duration::minutes(5));
    }
    assert_eq!(cloud.count("create"), 3);
    assert_eq!(held(&rig.sweep(&desired).await), ["ai-new existence fighting"]);
}

#[tokio::test]
async fn a_panic_in_one_bucket_ends_that_bucket_only() {
    for verb in ["read", "write"] {
        let (cloud, desired) = two();
        cloud.fail(fault(verb, "ai-one", "", 1, Effect::Panic));
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        second_is_whole(&cloud);
        assert_eq!((*rig.notes.panics.lock().unwrap(), swept.report.unknown), (1, 1), "{verb}");
        let again = rig.sweep(&desired).await;
        assert_eq!((again.report.in_sync, again.report.unknown), (2, 0), "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_ends_as_unknown_and_delays_nobody_else() {
    for verb in ["read", "write", "head", "create", "list"] {
        let (cloud, _) = two();
        let spec = "{versioning: {status: Enabled}, tags: {Name: data}}";
        let desired = desired(&["ai-one", "ai-two", "ai-new"].map(|name| bucket(name, spec)).concat());
        let of = match verb {
            "head" | "create" => "ai-new",
            "list" => "default",
            _ => "ai-one",
        };
        cloud.fail(fault(verb, of, "", usize::MAX, Effect::Hang));
        let mut rig = Rig::over(&cloud);
        let patient =
            Patient::new(cloud.clone(), Patience::default(), [], Arc::new(Unobserved), CancellationToken::new());
        rig.wrapped = Some(Arc::new(patient));
        let begun = tokio::time::Instant::now();
        let swept = rig.sweep(&desired).await;
        assert!(begun.elapsed() < Duration::from_secs(400), "{verb} took {:?}", begun.elapsed());
        match verb {
            "list" => assert_eq!((swept.report.unknown, cloud.count("create")), (3, 0)),
            _ => second_is_whole(&cloud),
        }
        if verb == "read" {
            let report = rig.board.bucket(&id("ai-one")).expect("a report");
            let said = report.errors[0].error.to_string();
            assert!(
                said.starts_with("versioning on `ai-one` failed: no usable answer: nothing came within "),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn a_change_of_somebody_else_between_plan_and_write_is_planned_anew() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", &[("tags", json!({"Name": "old"}))]);
    let desired = desired(&bucket("ai-one", "{tags: {Name: data}}"));
    // The plan's read, and then, before the one that stands before the write, somebody adds a tag.
    cloud.fail(fault("read", "ai-one", "tags", 1, Effect::Change(Doc::of(&json!({"Name": "old"})))));
    cloud.fail(fault("read", "ai-one", "tags", 1, Effect::Change(Doc::of(&json!({"Name": "old", "Team": "b"})))));
    let swept = Rig::over(&cloud).sweep(&desired).await;
    assert_eq!(cloud.get(&id("ai-one"), "tags"), Some(Doc::of(&json!({"Name": "data", "Team": "b"}))));
    assert_eq!((cloud.count("write"), swept.report.repaired, swept.report.in_sync), (1, 1, 1));
}

#[tokio::test]
async fn somebody_who_never_rests_ends_the_rounds_of_a_sweep() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", &[]);
    let desired = desired(&bucket("ai-one", "{tags: {Name: data}}"));
    for turn in 0..40 {
        cloud.fail(fault("read", "", "tags", 1, Effect::Change(Doc::of(&json!({"Turn": turn.to_string()})))));
    }
    let swept = Rig::over(&cloud).sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.in_sync), (0, 0), "never written over blindly");
    assert!(cloud.count("read") < 20, "{}", cloud.count("read"));
}

#[tokio::test]
async fn a_write_that_stores_nothing_is_no_repair_and_is_not_repeated_in_a_loop() {
    let (cloud, desired) = two();
    cloud.fail(fault("write", "ai-one", "versioning", usize::MAX, Effect::Forget));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired).await;
    second_is_whole(&cloud);
    let unproved: Vec<&RepairResult> =
        swept.plans[0].repairs.iter().filter(|it| it.setting == "versioning").map(|it| &it.result).collect();
    let detail = "the store took the write and kept what it had (status: Suspended -> Enabled)".to_owned();
    assert!(
        !unproved.is_empty() && unproved.iter().all(|it| **it == RepairResult::Unproved { detail: detail.clone() })
    );
    for _ in 0..5 {
        let _ = rig.sweep(&desired).await;
        rig.pass(chrono::Duration::minutes(5));
    }
    let writes = cloud
        .asked()
        .iter()
        .filter(|ask| ask.verb == "write" && ask.object == "ai-one" && ask.setting == "versioning")
        .count();
    assert_eq!(writes, 3);
    let last = rig.sweep(&desired).await;
    assert_eq!(held(&last), ["ai-one versioning fighting"]);
    assert_eq!(
        last.plans[0].last.held[0].detail,
        "written 3 times in 1 h and never read back as written; next attempt at 2026-11-22 13:00:00 UTC"
    );
}

/// A creation that S3 took and did not make once counted as a bucket made, unseen by any read.
#[tokio::test]
async fn a_bucket_counts_as_made_only_when_it_is_seen_to_be_there() {
    let (cloud, _) = two();
    let desired = desired(&bucket("ai-new", "{versioning: {status: Enabled}}"));
    cloud.fail(fault("create", "ai-new", "", 1, Effect::Forget));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired).await;
    let detail = "the store said that it made the bucket, and it is not there".to_owned();
    assert_eq!(swept.plans[0].repairs[0].result, RepairResult::Unproved { detail });
    assert_eq!((swept.report.repaired, cloud.count("write")), (0, 0));
}

#[tokio::test]
async fn another_controller_that_writes_back_is_fought_three_times_and_no_more() {
    let (cloud, desired) = two();
    let rig = Rig::over(&cloud);
    for _ in 0..10 {
        cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
        let _ = rig.sweep(&desired).await;
        rig.pass(chrono::Duration::minutes(1));
    }
    let writes = cloud
        .asked()
        .iter()
        .filter(|ask| ask.verb == "write" && ask.object == "ai-one" && ask.setting == "versioning")
        .count();
    assert_eq!(writes, 3);
    second_is_whole(&cloud);
    let said = rig.notes.take();
    assert_eq!(said.iter().filter(|line| *line == "held ai-one versioning fighting").count(), 1, "said once: {said:?}");
    // The truce ends by itself.
    rig.pass(chrono::Duration::hours(1));
    assert_eq!(held(&rig.sweep(&desired).await), [] as [String; 0]);
}

fn fleet(count: usize) -> (MemoryCloud, String) {
    let cloud = MemoryCloud::default();
    let mut text = String::new();
    for n in 0..count {
        let name = format!("ai-data-{n:02}");
        cloud.put(&id(&name), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
        text.push_str(&bucket(&name, "{versioning: {status: Enabled}}"));
    }
    (cloud, text)
}

const FEW: FleetLimit = FleetLimit { percent: 10.0, least: 2 };

#[tokio::test]
async fn a_revision_that_changes_too_much_of_the_fleet_changes_nothing() {
    let (cloud, text) = fleet(10);
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated(&desired(&text)).await;
    assert_eq!((cloud.count("write"), swept.report.held), (0, 10));
    assert!(held(&swept).iter().all(|line| line.ends_with("versioning over-limit")));
    assert_eq!(
        swept.plans[0].last.held[0].detail,
        "at least 10 of 10 buckets would change in one sweep, and 2 may; an Approval with `fleet: 10` lets it happen"
    );
    assert_eq!(rig.board.breakers(), [("fleet", Hold::OverLimit)]);

    let approval = document("Approval", "all", "{fleet: 10, reason: meant, expires: 2026-12-01}");
    let swept = rig.gated(&desired(&format!("{text}{approval}"))).await;
    assert_eq!((cloud.count("write"), swept.report.held, swept.report.in_sync), (10, 0, 10));
    assert_eq!(rig.board.breakers(), []);
}

#[tokio::test]
async fn an_approval_for_fewer_or_one_that_expired_opens_no_gate() {
    for approval in
        ["{fleet: 9, reason: meant, expires: 2026-12-01}", "{fleet: 10, reason: meant, expires: 2026-11-01}"]
    {
        let (cloud, text) = fleet(10);
        let mut rig = Rig::over(&cloud);
        rig.limit = FEW;
        let _ = rig.gated(&desired(&format!("{text}{}", document("Approval", "all", approval)))).await;
        assert_eq!(cloud.count("write"), 0, "{approval}");
    }
}

#[tokio::test]
async fn drift_of_too_much_of_the_fleet_is_repaired_as_far_as_the_limit() {
    let (cloud, text) = fleet(10);
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let desired = desired(&text);
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.repaired, swept.report.held), (2, 2, 8));
    assert_eq!(rig.board.breakers(), [("fleet", Hold::OverLimit)]);
    for _ in 0..4 {
        let _ = rig.sweep(&desired).await;
    }
    assert_eq!(cloud.count("write"), 10, "two a sweep, and all in the end");
    assert_eq!(rig.board.breakers(), []);
}

#[tokio::test]
async fn new_buckets_count_as_changes_of_the_fleet() {
    let cloud = MemoryCloud::default();
    let text: String = (0..5).map(|n| bucket(&format!("ai-new-{n}"), "{}")).collect();
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated(&desired(&text)).await;
    assert_eq!((cloud.count("create"), swept.report.held), (0, 5));
}

#[tokio::test]
async fn an_approval_releases_the_change_that_was_shown_and_no_other() {
    let cloud = MemoryCloud::default();
    for name in ["ai-one", "ai-two"] {
        cloud.put(&id(name), "us-east-1", &[("versioning", json!({"status": "Enabled"}))]);
    }
    let text = ["ai-one", "ai-two"].map(|name| bucket(name, "{versioning: {status: Suspended}}")).concat();
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired(&text)).await;
    assert_eq!(held(&swept), ["ai-one versioning needs-approval", "ai-two versioning needs-approval"]);
    let report = rig.board.bucket(&id("ai-one")).expect("a report");
    let document = report.held[0].approval.clone().expect("the text to commit");
    let desired = desired(&format!("{text}---\n{document}"));
    let swept = rig.sweep(&desired).await;
    assert_eq!(held(&swept), ["ai-two versioning needs-approval"]);
    assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Suspended")));
    assert_eq!(cloud.get(&id("ai-two"), "versioning"), Some(status("Enabled")));
}

/// S3 in memory that asks for the end of the daemon in the middle of the first write.
struct Ending(MemoryCloud, CancellationToken);

impl Cloud for Ending {
    fn list<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.0.list(account)
    }
    fn list_directories<'a>(
        &'a self,
        account: &'a AccountName,
        region: &'a Region,
    ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
        self.0.list_directories(account, region)
    }
    fn found_at(&self, target: &Target) -> Option<Region> {
        self.0.found_at(target)
    }
    fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.foreign_fields(target, setting)
    }
    fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
        self.0.remarks(target, setting)
    }
    fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
        self.0.head(target)
    }
    fn create<'a>(&'a self, target: &'a Target, creation: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            self.1.cancel();
            self.0.create(target, creation).await
        })
    }
    fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.0.read(target, setting).await
        })
    }
    fn write<'a>(
        &'a self,
        target: &'a Target,
        setting: &'static str,
        seen: &'a Doc,
        to: &'a Doc,
    ) -> BoxFuture<'a, Result<(), S3Error>> {
        Box::pin(async move {
            self.1.cancel();
            tokio::task::yield_now().await;
            self.0.write(target, setting, seen, to).await
        })
    }
}

#[tokio::test]
async fn the_end_of_the_daemon_finishes_the_write_under_way_proves_it_and_begins_no_other() {
    let (cloud, _) = two();
    let desired = desired(&bucket("ai-one", "{versioning: {status: Enabled}, tags: {Name: data}}"));
    let mut rig = Rig::over(&cloud);
    rig.wrapped = Some(Arc::new(Ending(cloud.clone(), rig.stop.clone())));
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.repaired, swept.report.interrupted), (1, 1, true));
    assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Enabled")));
    let said = rig.notes.take();
    assert!(said.contains(&"repair ai-one versioning applied".to_owned()), "what was written is told: {said:?}");
}

#[tokio::test]
async fn a_bucket_made_while_the_daemon_ends_is_told() {
    let cloud = MemoryCloud::default();
    let desired = desired(&bucket("ai-new", "{versioning: {status: Enabled}}"));
    let mut rig = Rig::over(&cloud);
    rig.wrapped = Some(Arc::new(Ending(cloud.clone(), rig.stop.clone())));
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("create"), cloud.count("write")), (1, 0));
    assert!(swept.report.interrupted);
    let said = rig.notes.take();
    assert!(said.contains(&"created ai-new".to_owned()), "{said:?}");
}

#[tokio::test]
async fn a_daemon_that_is_to_end_begins_nothing_and_forgets_nobody() {
    let (cloud, desired) = two();
    let rig = Rig::over(&cloud);
    let _ = rig.sweep(&desired).await;
    cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
    cloud.forget_asked();
    rig.stop.cancel();
    let swept = rig.sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.interrupted), (0, true));
    assert_eq!(rig.board.buckets().len(), 2);
    assert!(!rig.notes.take().iter().any(|line| line.starts_with("unmanaged")));
}

#[tokio::test]
async fn a_difference_is_opened_once_keeps_its_first_time_and_is_closed_once() {
    let (cloud, _) = two();
    let spec = |mode: &str| desired(&bucket("ai-one", &format!("{{mode: {mode}, versioning: {{status: Enabled}}}}")));
    let rig = Rig::over(&cloud);
    let observing = spec("observe");
    for _ in 0..3 {
        let _ = rig.sweep(&observing).await;
        rig.pass(chrono::Duration::minutes(10));
    }
    // What cannot be read closes nothing.
    cloud.fail(fault("read", "ai-one", "versioning", 1, Effect::Fail(S3ErrorKind::Server)));
    let _ = rig.sweep(&observing).await;
    let report = rig.board.bucket(&id("ai-one")).expect("a report");
    let line = report.settings.iter().find(|it| it.setting == "versioning").expect("a line");
    assert_eq!((line.verdict, line.since), (Verdict::Unknown, Some(now())));
    let _ = rig.sweep(&spec("enforce")).await;
    let said = rig.notes.take();
    let of = |word: &str| said.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((of("drift-detected"), of("drift-closed"), of("repair")), (1, 1, 1), "{said:?}");
    assert_eq!(of("held"), 1, "a hold that stays is told once: {said:?}");
    let drift = rig.notes.drift.lock().unwrap().clone();
    assert!(
        matches!(&drift[..], [DriftChange::Opened { .. }, DriftChange::Closed { since, .. }] if *since == now()),
        "{drift:?}"
    );
}

#[tokio::test]
async fn a_gated_sweep_tells_each_difference_once_too() {
    let (cloud, desired) = two();
    let rig = Rig::over(&cloud);
    let _ = rig.gated(&desired).await;
    let said = rig.notes.take();
    let of = |word: &str| said.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((of("drift-detected"), of("drift-closed"), of("repair")), (4, 4, 4), "{said:?}");
}

#[tokio::test]
async fn a_bucket_that_leaves_the_specs_is_told_and_left_as_it_is() {
    let (cloud, desired_both) = two();
    let rig = Rig::over(&cloud);
    let _ = rig.sweep(&desired_both).await;
    cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
    cloud.forget_asked();
    rig.notes.take();
    let _ = rig.sweep(&desired(&bucket("ai-two", "{versioning: {status: Enabled}}"))).await;
    assert_eq!(rig.notes.take(), ["unmanaged ai-one"]);
    assert!(!cloud.asked().iter().any(|ask| ask.object == "ai-one"), "{:?}", cloud.asked());
    assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Suspended")));
    assert!(rig.board.bucket(&id("ai-one")).is_none());
}

#[tokio::test]
async fn a_name_of_another_account_is_never_adopted() {
    for listing in [true, false] {
        let (cloud, _) = two();
        cloud.put_foreign("ai-theirs");
        let desired = desired(
            &["ai-two", "ai-theirs"]
                .map(|name| bucket(name, "{versioning: {status: Enabled}, tags: {Name: data}}"))
                .concat(),
        );
        if !listing {
            cloud.fail(fail("list", "default", "", S3ErrorKind::Denied));
        }
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        second_is_whole(&cloud);
        assert_eq!(held(&swept), ["ai-theirs existence impossible"]);
        let touched = |verb: &str| cloud.asked().iter().any(|ask| ask.verb == verb && ask.object == "ai-theirs");
        assert!(!touched("read") && !touched("write") && !touched("create"));
        assert_eq!(rig.board.bucket(&id("ai-theirs")).expect("a report").state, BucketState::Unreachable);
    }
}

/// A server that ignores the expected owner and answers for every name.
#[tokio::test]
async fn a_bucket_that_answers_and_is_not_in_our_list_is_not_ours() {
    struct Careless(MemoryCloud);
    impl Cloud for Careless {
        fn list<'a>(&'a self, _: &'a AccountName) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn list_directories<'a>(
            &'a self,
            account: &'a AccountName,
            region: &'a Region,
        ) -> BoxFuture<'a, Result<Vec<Listed>, S3Error>> {
            self.0.list_directories(account, region)
        }
        fn found_at(&self, target: &Target) -> Option<Region> {
            self.0.found_at(target)
        }
        fn foreign_fields(&self, target: &Target, setting: &'static str) -> Vec<String> {
            self.0.foreign_fields(target, setting)
        }
        fn remarks(&self, target: &Target, setting: &'static str) -> Vec<String> {
            self.0.remarks(target, setting)
        }
        fn head<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Presence, S3Error>> {
            self.0.head(target)
        }
        fn create<'a>(&'a self, target: &'a Target, it: &'a Creation) -> BoxFuture<'a, Result<(), S3Error>> {
            self.0.create(target, it)
        }
        fn read<'a>(&'a self, target: &'a Target, setting: &'static str) -> BoxFuture<'a, Result<Doc, S3Error>> {
            self.0.read(target, setting)
        }
        fn write<'a>(
            &'a self,
            target: &'a Target,
            setting: &'static str,
            seen: &'a Doc,
            to: &'a Doc,
        ) -> BoxFuture<'a, Result<(), S3Error>> {
            self.0.write(target, setting, seen, to)
        }
    }
    let (cloud, desired) = two();
    let mut rig = Rig::over(&cloud);
    rig.wrapped = Some(Arc::new(Careless(cloud.clone())));
    let swept = rig.sweep(&desired).await;
    assert_eq!(held(&swept), ["ai-one existence impossible", "ai-two existence impossible"]);
    assert_eq!(cloud.count("read") + cloud.count("write") + cloud.count("create"), 0);
}

#[tokio::test]
async fn a_clock_that_jumps_neither_ends_a_fight_nor_makes_it_last_for_ever() {
    let (cloud, desired) = two();
    let rig = Rig::over(&cloud);
    for _ in 0..4 {
        cloud.set(&id("ai-one"), "versioning", &json!({"status": "Suspended"}));
        let _ = rig.sweep(&desired).await;
    }
    assert_eq!(held(&rig.sweep(&desired).await), ["ai-one versioning fighting"]);
    rig.pass(chrono::Duration::days(-400));
    assert_eq!(held(&rig.sweep(&desired).await), ["ai-one versioning fighting"], "a year back");
    rig.pass(chrono::Duration::minutes(61));
    assert_eq!(held(&rig.sweep(&desired).await), [] as [String; 0], "one window later it is over");
    rig.pass(chrono::Duration::days(4000));
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.in_sync, swept.report.repaired), (2, 0));
}

#[tokio::test]
async fn a_suspended_bucket_keeps_its_difference_open_and_unwritten() {
    let (cloud, _) = two();
    let spec = "{suspend: {reason: migration, until: 2026-11-25}, versioning: {status: Enabled}}";
    let desired = desired(&bucket("ai-one", spec));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired).await;
    assert_eq!((held(&swept), cloud.count("write")), (vec!["ai-one versioning suspended".to_owned()], 0));
    let report = rig.board.bucket(&id("ai-one")).expect("a report");
    assert_eq!(
        report.settings.iter().find(|it| it.setting == "versioning").map(|it| it.verdict),
        Some(Verdict::Suspended)
    );
    rig.pass(chrono::Duration::days(5));
    let swept = rig.sweep(&desired).await;
    assert_eq!((held(&swept), cloud.count("write")), (vec![], 1), "it ends by itself");
}

/// Read in full: the four policies, and nothing else.
#[tokio::test]
async fn a_compliant_bucket_under_the_four_policies_is_read_four_times() {
    let cloud = MemoryCloud::default();
    let good = [
        ("versioning", json!({"status": "Enabled"})),
        ("publicAccessBlock", json!("all")),
        ("tags", json!({"Name": "data", "Purpose": "training"})),
    ];
    cloud.put(
        &id("ai-one"),
        "us-east-1",
        &good.map(|(name, value)| (name, driftless::settings::named(name).parse(&value).unwrap().value())),
    );
    let desired = desired_with(&bucket("ai-one", "{}"), "");
    let swept = Rig::over(&cloud).sweep(&desired).await;
    assert_eq!((swept.report.in_sync, cloud.count("read"), cloud.count("list"), cloud.asked().len()), (1, 4, 1, 5));
}

/// Law 3 and 9: what a spec and a policy want of one setting is settled before anything is written.
#[tokio::test]
async fn a_spec_that_an_enforced_expression_forbids_is_never_written() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", &[("logging", json!({"targetBucket": "logs", "targetPrefix": "s3/"}))]);
    let policy = "{match: {buckets: ['*']}, assert: 'has(bucket.logging) && has(bucket.logging.targetBucket)', repair: {logging: {targetBucket: logs, targetPrefix: s3/}}}";
    let desired = desired(&[bucket("ai-one", "{logging: absent}"), document("Policy", "logged", policy)].concat());
    let swept = Rig::over(&cloud).sweep(&desired).await;
    assert_eq!((cloud.count("write"), swept.report.in_sync), (0, 1), "{:?}", swept.plans[0].last);
}

#[tokio::test]
async fn a_field_that_this_version_does_not_know_is_not_removed_unless_a_person_agrees() {
    let (cloud, desired_both) = two();
    cloud.put_strange_field(&id("ai-one"), "versioning", "Fancy");
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired_both).await;
    second_is_whole(&cloud);
    assert_eq!(cloud.get(&id("ai-one"), "versioning"), Some(status("Suspended")));
    assert_eq!(held(&swept), ["ai-one versioning needs-approval"]);
    let hold = &rig.board.bucket(&id("ai-one")).expect("a report").held[0];
    assert_eq!(hold.detail, "S3 returned `Fancy`, which this version does not know and would remove");
    let spec = bucket("ai-one", "{versioning: {status: Enabled}, tags: {Name: data}}");
    let approval = hold.approval.as_deref().expect("the text to commit");
    let swept = rig.sweep(&desired(&format!("{spec}---\n{approval}"))).await;
    assert_eq!((held(&swept), cloud.get(&id("ai-one"), "versioning")), (vec![], Some(status("Enabled"))));
}
