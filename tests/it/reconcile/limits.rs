//! The fleet breaker, and approvals.

use super::*;

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
