//! Writes in their order, and what is known of them when an answer is lost.

use super::*;

/// What `abac` needs to be switched on: the digest of the approval comes from a look.
async fn abac_after_tags() -> (MemoryCloud, Arc<Desired>) {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", &[("tags", json!({"Team": "old"}))]);
    let text = bucket("ai-one", "{tags: {Team: ml}, abac: {status: Enabled}}");
    let looked = Rig::over(&cloud).look(&desired(&text)).await;
    let held = looked.plans[0].last.held.iter().find(|it| it.setting == "abac").expect("it needs an approval");
    let digest = held.digest.clone().expect("a digest");
    let approval = format!("{{change: \"{digest}\", reason: meant, expires: 2026-12-01}}");
    (cloud, desired(&format!("{text}{}", document("Approval", "abac", &approval))))
}

fn written(cloud: &MemoryCloud) -> Vec<&'static str> {
    cloud.asked().iter().filter(|ask| ask.verb == "write").map(|ask| ask.setting).collect()
}

/// The tags by which people were to be let in could not be written, and `abac`, which comes after
/// them, was switched on all the same: everybody was locked out.
#[tokio::test]
async fn what_comes_after_a_write_that_failed_is_not_written() {
    for effect in [Effect::Fail(S3ErrorKind::Denied), Effect::Fail(S3ErrorKind::Throttled), Effect::Forget] {
        let (cloud, desired) = abac_after_tags().await;
        cloud.fail(fault("write", "ai-one", "tags", 1, effect.clone()));
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        assert_eq!(written(&cloud), ["tags"], "{effect:?}");
        assert_eq!(cloud.get(&id("ai-one"), "abac"), Some(status("Disabled")), "{effect:?}");
        let waits = swept.plans[0].last.held.iter().find(|it| it.setting == "abac").expect("it stays, with a reason");
        assert!(waits.detail.starts_with("is written after `tags`, "), "{}", waits.detail);
        assert!(waits.step.is_some() && swept.report.drifted == 1);
        let report = rig.board.bucket(&id("ai-one")).expect("a report");
        assert!(report.held.iter().any(|it| it.setting == "abac"), "{:?}", report.held);

        rig.pass(chrono::Duration::minutes(1));
        let again = rig.sweep(&desired).await;
        assert_eq!((written(&cloud), again.report.in_sync), (vec!["tags", "tags", "abac"], 1), "{effect:?}");
    }
}

/// The next sweep planned `abac` anew while the tags were still waiting for their next attempt.
#[tokio::test]
async fn what_comes_after_a_setting_that_is_held_waits_with_it() {
    let (cloud, desired) = abac_after_tags().await;
    cloud.fail(fail("write", "ai-one", "tags", S3ErrorKind::Denied));
    let rig = Rig::over(&cloud);
    for _ in 0..2 {
        let swept = rig.sweep(&desired).await;
        assert_eq!(held(&swept), ["ai-one tags backing-off", "ai-one abac backing-off"]);
        assert_eq!(swept.plans[0].last.held[1].detail, "is written after `tags`, which is held (backing-off)");
    }
    assert_eq!(written(&cloud), ["tags"]);
}

/// The tags that were wanted could not be read, so there was no write to wait for, and `abac` was
/// switched on over tags that nobody knew.
#[tokio::test]
async fn what_comes_after_a_setting_that_is_wanted_and_cannot_be_read_waits() {
    let (cloud, desired) = abac_after_tags().await;
    cloud.fail(fault("read", "ai-one", "tags", 1, Effect::Fail(S3ErrorKind::Denied)));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired).await;
    assert_eq!((written(&cloud), held(&swept)), (vec![], vec!["ai-one abac backing-off".to_owned()]));
    let detail = &swept.plans[0].last.held[0].detail;
    assert!(detail.starts_with("is written after `tags`, which could not be read: "), "{detail}");
    let again = rig.sweep(&desired).await;
    assert_eq!((written(&cloud), again.report.in_sync), (vec!["tags", "abac"], 1));
}

/// What nobody would write is not waited for: a bucket that only observes writes nothing at all.
#[tokio::test]
async fn what_comes_after_a_setting_that_is_only_observed_waits_for_its_mode_alone() {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", &[("tags", json!({"Team": "old"}))]);
    let rule = r#"{match: {buckets: ["*"]}, mode: enforce, require: {abac: {status: Enabled}}}"#;
    let policy = document("Policy", "by-tags", rule);
    let desired = desired(&format!("{}{policy}", bucket("ai-one", "{mode: observe, tags: {Team: ml}}")));
    cloud.fail(fail("read", "ai-one", "tags", S3ErrorKind::Denied));
    assert_eq!(held(&Rig::over(&cloud).sweep(&desired).await), ["ai-one abac observe-only"]);
}

/// Somebody changed the tags just before they were written. They were left for the next round, and
/// `abac` was switched on over tags that nobody had asked for.
#[tokio::test]
async fn what_comes_after_a_setting_that_somebody_changed_waits_until_it_is_written() {
    let (cloud, desired) = abac_after_tags().await;
    for tags in [json!({"Team": "old"}), json!({"Team": "other"})] {
        cloud.fail(fault("read", "ai-one", "tags", 1, Effect::Change(Doc::of(&tags))));
    }
    let swept = Rig::over(&cloud).sweep(&desired).await;
    assert_eq!((written(&cloud), swept.report.in_sync), (vec!["tags", "abac"], 1));
}

/// The read that was to prove a write failed, and the page went on to show the value from before
/// the write as known.
#[tokio::test]
async fn what_stands_after_a_write_that_nobody_saw_is_unknown() {
    for write in [None, Some(S3ErrorKind::Transport), Some(S3ErrorKind::Server)] {
        let (cloud, desired) = two();
        // The plan's read and the one before the write are answered.
        for _ in 0..2 {
            cloud.fail(fault("read", "ai-one", "versioning", 1, Effect::Change(status("Suspended"))));
        }
        cloud.fail(fault("read", "ai-one", "versioning", 1, Effect::Fail(S3ErrorKind::Transport)));
        if let Some(kind) = write {
            cloud.fail(fail("write", "ai-one", "versioning", kind));
        }
        let rig = Rig::over(&cloud);
        let swept = rig.sweep(&desired).await;
        second_is_whole(&cloud);
        assert_eq!((swept.report.unknown, swept.report.failed), (1, 1), "{write:?}");
        let report = rig.board.bucket(&id("ai-one")).expect("a report");
        let versioning = report.settings.iter().find(|it| it.setting == "versioning").expect("it is wanted");
        assert_eq!(versioning.verdict, Verdict::Unknown, "{write:?}");
        assert_eq!((report.errors.len(), report.errors[0].setting), (1, "versioning"), "{write:?}");
    }
}

/// A write that S3 took was told as failed when its answer was lost, though a read could prove it.
#[tokio::test]
async fn a_write_whose_answer_is_lost_is_proved_by_the_read_after_it() {
    let (cloud, desired) = two();
    cloud.fail(fault("write", "", "", usize::MAX, Effect::Lose));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.failed, swept.report.in_sync, swept.report.repaired), (0, 2, 4));
}

/// A bucket of ours that was made between the list and the look at it was told to belong to another
/// account, and its owner to choose another name.
#[tokio::test]
async fn a_bucket_that_was_made_after_the_list_is_ours_where_s3_vouches_for_it() {
    let (cloud, desired) = two();
    cloud.fail(fault("list", "", "", 1, Effect::Forget));
    let mut rig = Rig::over(&cloud);
    rig.owners.insert(AccountName::default());
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.in_sync, cloud.count("create")), (2, 0));
}

/// A server that ignores the expected owner answers for every name: nothing of it is taken for ours.
#[tokio::test]
async fn a_bucket_that_is_there_and_not_in_the_list_is_unknown_where_nobody_vouches_for_it() {
    let (cloud, desired) = two();
    cloud.fail(fault("list", "", "", 1, Effect::Forget));
    let rig = Rig::over(&cloud);
    let swept = rig.sweep(&desired).await;
    assert_eq!((swept.report.unknown, held(&swept)), (2, Vec::new()));
    assert_eq!(cloud.count("create") + cloud.count("write") + cloud.count("read"), 0);
    let report = rig.board.bucket(&id("ai-one")).expect("a report");
    assert_eq!(report.state, BucketState::Unreachable);
    assert_eq!(
        report.errors[0].error.message,
        "it was not in the list of the account's buckets and is there now; looked at again in the next sweep; when it \
         stays so, the name belongs to another account"
    );
    assert_eq!(rig.sweep(&desired).await.report.in_sync, 2, "the next list has it");
}
