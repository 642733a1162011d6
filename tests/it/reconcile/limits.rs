//! The fleet breaker, and approvals.

use super::*;

pub(super) fn fleet(count: usize) -> (MemoryCloud, String) {
    let cloud = MemoryCloud::default();
    let mut text = String::new();
    for n in 0..count {
        let name = format!("ai-data-{n:02}");
        cloud.put(&id(&name), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
        text.push_str(&bucket(&name, "{versioning: {status: Enabled}}"));
    }
    (cloud, text)
}

pub(super) const FEW: FleetLimit = FleetLimit { percent: 10.0, least: 2 };

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

/// Buckets that no spec declares are never written, and let more of the others be.
#[tokio::test]
async fn the_limit_is_a_share_of_the_buckets_that_specs_declare() {
    let (cloud, text) = fleet(10);
    (0..90).for_each(|n| cloud.put(&id(&format!("others-{n:02}")), "us-east-1", &[]));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated(&desired_with(&text, "policies: {builtin: [versioned], undeclared: true}")).await;
    assert_eq!((swept.report.buckets, cloud.count("write"), swept.passed), (100, 0, false));
    let why = &swept.plans.iter().find(|it| !it.last.held.is_empty()).expect("it is held").last.held[0].detail;
    assert!(why.starts_with("at least 10 of 10 buckets would change in one sweep, and 2 may; "), "{why}");
}

/// The public access block with all its switches as said.
fn block(on: bool) -> serde_json::Value {
    let switches = ["blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets"];
    switches.into_iter().map(|switch| (switch.to_owned(), json!(on))).collect::<serde_json::Map<_, _>>().into()
}

/// Ten buckets that let nobody in, and what they shall be, for a purpose.
fn closed() -> (MemoryCloud, impl Fn(&str) -> Arc<Desired>) {
    let cloud = MemoryCloud::default();
    let name = |n: usize| format!("ai-data-{n:02}");
    for n in 0..10 {
        let live = [("publicAccessBlock", block(true)), ("tags", json!({"Purpose": "training"}))];
        cloud.put(&id(&name(n)), "us-east-1", &live);
    }
    let desired = move |purpose: &str| {
        let spec = format!("{{publicAccessBlock: all, tags: {{Purpose: {purpose}}}}}");
        desired(&(0..10).map(|n| bucket(&name(n), &spec)).collect::<String>())
    };
    (cloud, desired)
}

/// While a commit was held that asked too much of the fleet, nothing at all was repaired: a bucket
/// that somebody opened to the world stayed open.
#[tokio::test]
async fn an_opened_public_access_block_is_closed_while_a_revision_is_held() {
    let (cloud, desired) = closed();
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    cloud.set(&id("ai-data-03"), "publicAccessBlock", &block(false));
    let swept = rig.gated_since(&desired("training"), &desired("serving")).await;
    assert_eq!(cloud.get(&id("ai-data-03"), "publicAccessBlock").map(|it| it.value()), Some(block(true)));
    assert_eq!((cloud.count("write"), swept.report.repaired, swept.passed), (1, 1, false));
    assert_eq!(held(&swept), (0..10).map(|n| format!("ai-data-{n:02} tags over-limit")).collect::<Vec<_>>());
    assert_eq!(
        swept.plans[3].last.held[0].detail,
        "at least 10 of 10 buckets would change in one sweep, and 2 may; an Approval with `fleet: 10` lets it happen"
    );
    assert_eq!(rig.board.breakers(), [("fleet", Hold::OverLimit)]);
}

/// Every sweep told anew what was held: once while it was weighed, without the hold, and then with it.
#[tokio::test]
async fn what_is_held_with_a_revision_is_told_once() {
    let (cloud, desired) = closed();
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let (passed, desired) = (desired("training"), desired("serving"));
    let _ = rig.gated_since(&passed, &desired).await;
    let told = rig.notes.take();
    assert!(told.contains(&"held ai-data-00 tags over-limit".to_owned()), "{told:?}");
    let _ = rig.gated_since(&passed, &desired).await;
    assert_eq!(rig.notes.take(), [] as [String; 0]);
}

/// What is repaired meanwhile is drift, and has the limit of drift.
#[tokio::test]
async fn drift_is_repaired_limit_by_limit_while_a_revision_is_held() {
    let (cloud, desired) = closed();
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    (0..5).for_each(|n| cloud.set(&id(&format!("ai-data-{n:02}")), "publicAccessBlock", &block(false)));
    for writes in [2, 4, 5, 5] {
        let swept = rig.gated_since(&desired("training"), &desired("serving")).await;
        assert_eq!((cloud.count("write"), swept.passed), (writes, false));
    }
}

/// The limit of a sweep that was reached by drift was taken for a revision that is held, so the
/// revision never passed.
#[tokio::test]
async fn a_revision_passes_though_drift_is_beyond_the_limit_of_the_sweep() {
    let (cloud, desired) = closed();
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    (0..5).for_each(|n| cloud.set(&id(&format!("ai-data-{n:02}")), "publicAccessBlock", &block(false)));
    let swept = rig.gated_since(&desired("training"), &desired("training")).await;
    assert_eq!((cloud.count("write"), swept.report.held, swept.passed), (2, 3, true));
    assert_eq!(rig.board.breakers(), [("fleet", Hold::OverLimit)]);
}

/// A bucket that was removed is made again, as the revision that passed would make it; one that only
/// the held revision names is not.
#[tokio::test]
async fn a_bucket_that_is_missing_is_made_again_while_a_revision_is_held() {
    let (cloud, _) = fleet(0);
    let specs = |names: &[&str]| desired(&names.iter().map(|name| bucket(name, "{}")).collect::<String>());
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let passed = specs(&["ai-gone"]);
    let swept = rig.gated_since(&passed, &specs(&["ai-gone", "ai-new-0", "ai-new-1", "ai-new-2"])).await;
    assert_eq!((cloud.count("create"), cloud.get(&id("ai-gone"), "tags").is_some()), (1, true));
    assert_eq!(held(&swept), ["ai-new-0", "ai-new-1", "ai-new-2"].map(|name| format!("{name} existence over-limit")));
}

/// The revision that passed held the change for a policy that the new one takes away. Whoever
/// judges it by the settings that the new one reads alone takes the change for drift.
#[tokio::test]
async fn what_a_policy_forbade_is_asked_anew_when_the_policy_goes() {
    let cloud = MemoryCloud::default();
    let mut specs = String::new();
    for name in ["ai-one", "ai-two", "ai-three"] {
        cloud.put(&id(name), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
        specs.push_str(&bucket(name, "{versioning: {status: Enabled}}"));
    }
    let rule = r#"{match: {buckets: ["*"]}, mode: enforce, assert: 'bucket.?versioning.?status.orValue("") != "Enabled" || bucket.?logging.?targetBucket.orValue("") != ""', message: '"versions are not logged"'}"#;
    let passed = desired(&format!("{specs}{}", document("Policy", "logged", rule)));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let forbidden = rig.sweep(&passed).await;
    assert_eq!((cloud.count("write"), forbidden.report.held), (0, 3), "{:?}", held(&forbidden));
    let swept = rig.gated_since(&passed, &desired(&specs)).await;
    assert_eq!((cloud.count("write"), swept.report.held, swept.passed), (0, 3, false), "{:?}", held(&swept));
    assert!(swept.plans.iter().all(|it| it.observed.reading("logging").is_none()), "it is read for the old one alone");
}

/// While S3 was away a revision seemed to ask for nothing, passed, and was then obeyed bit by bit.
#[tokio::test]
async fn a_revision_that_came_while_s3_was_away_has_not_passed() {
    for (verb, of) in [("list", "default"), ("read", "")] {
        let (cloud, text) = fleet(10);
        let mut rig = Rig::over(&cloud);
        rig.limit = FEW;
        let (desired, times) = (desired(&text), if verb == "read" { 10 } else { 1 });
        cloud.fail(fault(verb, of, "", times, Effect::Fail(S3ErrorKind::Server)));
        assert!(!rig.gated(&desired).await.passed, "{verb}");
        let swept = rig.gated(&desired).await;
        assert_eq!((cloud.count("write"), swept.report.held, swept.passed), (0, 10, false), "{verb}");
    }
    // What the role may not read is not waited for: it may never be read.
    let (cloud, text) = fleet(10);
    cloud.fail(fail("read", "", "versioning", S3ErrorKind::Denied));
    assert!(Rig::over(&cloud).gated(&desired(&text)).await.passed);
}
