//! What is told, how often, and whose buckets are nobody's business.

use driftless::apply::{Applied, Proof, apply};
use driftless::plan::Step;
use driftless::report::{CausedBy, Event};
use driftless::source::Revision;

use super::*;

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

/// What is wanted under a revision.
fn by(commit: &str, text: &str) -> Arc<Desired> {
    let mut desired = Arc::unwrap_or_clone(desired(text));
    desired.revision = Some(Arc::new(Revision {
        id: commit.to_owned(),
        author: "Ada <ada@example.com>".to_owned(),
        message: "Keep every version".to_owned(),
        committed_at: None,
        signature: None,
    }));
    Arc::new(desired)
}

/// The causes of the differences that were found, by setting or policy; forgets them.
fn causes(rig: &Rig) -> Vec<(String, Option<CausedBy>)> {
    let events = std::mem::take(&mut *rig.notes.events.lock().expect("no panic"));
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::DriftDetected { policy, setting, caused_by, .. } => Some((format!("{policy} {setting}"), caused_by)),
            _ => None,
        })
        .collect()
}

/// Nobody need have touched a bucket that differs: a commit may want something else of it. The page
/// sent people to CloudTrail all the same.
#[tokio::test]
async fn a_difference_that_a_commit_makes_names_the_commit_and_one_that_somebody_makes_names_none() {
    let cloud = MemoryCloud::default();
    let live = [("versioning", json!({"status": "Suspended"})), ("tags", json!({"Name": "data"}))];
    cloud.put(&id("ai-one"), "us-east-1", &live);
    let rig = Rig::over(&cloud);
    let before = "{mode: observe, tags: {Name: data}}";
    let after = "{mode: observe, tags: {Name: data}, versioning: {status: Enabled}}";
    let _ = rig.sweep(&by("first", &bucket("ai-one", before))).await;
    assert_eq!(causes(&rig), []);
    // In the sweep that first sees the commit somebody changes another setting.
    cloud.set(&id("ai-one"), "tags", &json!({"Name": "other"}));
    let desired = by("second", &bucket("ai-one", after));
    let _ = rig.sweep(&desired).await;
    let caused = CausedBy::Revision {
        revision: "second".to_owned(),
        subject: "Keep every version".to_owned(),
        author: "Ada <ada@example.com>".to_owned(),
        commits: 1,
    };
    assert_eq!(causes(&rig), [("spec versioning".to_owned(), Some(caused.clone())), ("spec tags".to_owned(), None)]);
    // A policy that comes into force is a commit's work, too, and moving documents about is nothing.
    let policy = document(
        "Policy",
        "fast",
        "{match: {buckets: ['*']}, mode: observe, require: {accelerate: {status: Enabled}}}",
    );
    let _ = rig.sweep(&by("second", &[policy, bucket("ai-one", after)].concat())).await;
    assert_eq!(causes(&rig), [("fast ".to_owned(), Some(caused))]);
}

/// One setting that is repaired while another stays leaves the bucket as exposed as it was.
#[tokio::test]
async fn of_differences_that_close_each_second_counts_once() {
    let cloud = MemoryCloud::default();
    cloud.put(
        &id("ai-one"),
        "us-east-1",
        &[("versioning", json!({"status": "Suspended"})), ("tags", json!({"Name": "other"}))],
    );
    let rig = Rig::over(&cloud);
    let desired = desired(&bucket("ai-one", "{mode: observe, versioning: {status: Enabled}, tags: {Name: data}}"));
    let _ = rig.sweep(&desired).await;
    rig.pass(chrono::Duration::minutes(10));
    cloud.set(&id("ai-one"), "tags", &json!({"Name": "data"}));
    let _ = rig.sweep(&desired).await;
    rig.pass(chrono::Duration::minutes(10));
    cloud.set(&id("ai-one"), "tags", &json!({"Name": "other"}));
    let _ = rig.sweep(&desired).await;
    rig.pass(chrono::Duration::minutes(10));
    cloud.set(&id("ai-one"), "versioning", &json!({"status": "Enabled"}));
    let _ = rig.sweep(&desired).await;
    let drift = rig.notes.drift.lock().unwrap().clone();
    let closed: Vec<_> = drift
        .iter()
        .filter_map(|it| match it {
            DriftChange::Closed { since, exposed_until, .. } => Some((*since, *exposed_until)),
            DriftChange::Opened { .. } => None,
        })
        .collect();
    let at = |minutes| now() + chrono::Duration::minutes(minutes);
    // While versioning stays, the tags add nothing; when it goes, what it had alone counts: twenty
    // minutes, and the tags from then on.
    assert_eq!(closed, [(at(0), Some(at(0))), (at(0), Some(at(20)))]);
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

/// The plan asked a person to approve a grant that AWS refuses. Whether ACLs count is read only where it
/// decides about a change.
#[tokio::test]
async fn a_grant_where_acls_are_off_is_held_and_not_offered_for_approval() {
    let cloud = MemoryCloud::default();
    let enforced = ("objectOwnership", json!("BucketOwnerEnforced"));
    cloud.put(&id("ai-one"), "us-east-1", &[("acl", json!("private")), enforced]);
    let asked = |cloud: &MemoryCloud| cloud.asked().iter().filter(|it| it.setting == "objectOwnership").count();
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired(&bucket("ai-one", "{acl: public-read}"))).await;
    assert_eq!((held(&swept), cloud.count("write")), (vec!["ai-one acl impossible".to_owned()], 0));
    assert_eq!(
        swept.plans[0].last.held[0].detail,
        "S3 takes no grants while `BucketOwnerEnforced` switches ACLs off; let the spec say `acl: private`; others \
         can be let in once `objectOwnership: BucketOwnerPreferred` is in force"
    );
    assert_eq!(asked(&cloud), 1);
    cloud.forget_asked();
    let swept = rig.sweep(&desired(&bucket("ai-one", "{acl: private}"))).await;
    assert_eq!((swept.report.in_sync, asked(&cloud)), (1, 0), "nobody named it, and nothing depends on it");
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

/// A write removes what this version does not know. What appeared between the plan and the write was
/// once removed unasked, because values alone were compared with those of the plan.
#[tokio::test]
async fn a_field_that_appears_after_the_plan_keeps_its_write_from_being_made() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
    cloud.put_strange_field(&id("ai-one"), "versioning", "Fancy");
    let target = Target { id: id("ai-one"), region: Region::us_east_1() };
    let step = Step { setting: "versioning", from: status("Suspended"), to: status("Enabled"), origins: Vec::new() };
    let (proof, stop) = (Proof(Vec::new()), CancellationToken::new());
    let made = apply(&cloud, &target, &step, &[], &proof, &stop).await;
    assert!(matches!(&made, Applied::Stale(seen) if *seen == status("Suspended")), "{made:?}");
    assert_eq!(cloud.count("write"), 0);
    let agreed = apply(&cloud, &target, &step, &["Fancy".to_owned()], &proof, &stop).await;
    assert!(matches!(agreed, Applied::Proved(_)), "{agreed:?}");
}
