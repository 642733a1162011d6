//! Somebody else: changes between plan and write, stores that keep less, controllers that write back.

use super::*;

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
