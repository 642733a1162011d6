//! What passes the fleet breaker while some of the fleet cannot be seen, and what when it is seen.

use super::limits::{FEW, fleet};
use super::*;

/// The buckets of which something is unseen, with what.
fn lines(unseen: &driftless::reconcile::Unseen) -> Vec<String> {
    unseen.iter().map(|(id, it)| format!("{} {}", id.name, it.iter().copied().collect::<Vec<_>>().join(" "))).collect()
}

/// Three buckets that nobody may look at kept every revision from passing, for ever.
#[tokio::test]
async fn what_is_denied_or_belongs_to_another_keeps_no_revision_from_passing() {
    let (cloud, mut text) = fleet(0);
    for n in 0..4 {
        text.push_str(&bucket(&format!("ai-data-{n:02}"), "{versioning: {status: Enabled}}"));
    }
    for name in ["ai-data-00", "ai-data-01", "ai-data-02"] {
        cloud.put(&id(name), "us-east-1", &[("versioning", json!({"status": "Suspended"}))]);
        cloud.fail(fail("head", name, "", S3ErrorKind::Denied));
    }
    cloud.put_foreign("ai-data-03");
    cloud.fail(fail("list", "default", "", S3ErrorKind::Denied));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated(&desired(&text)).await;
    assert!(swept.passed);
    let all = (0..4).map(|n| format!("ai-data-{n:02} existence")).collect::<Vec<_>>();
    assert_eq!((lines(&swept.unseen), cloud.count("write")), (all, 0));
}

/// A moment is waited for.
#[tokio::test]
async fn what_fails_for_a_moment_keeps_a_revision_from_passing() {
    let (cloud, text) = fleet(3);
    for n in 0..3 {
        cloud.fail(fault("read", &format!("ai-data-{n:02}"), "versioning", 1, Effect::Fail(S3ErrorKind::Server)));
    }
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    assert!(!rig.gated(&desired(&text)).await.passed);
}

/// Credentials that fail for the whole fleet, and come back: a revision passed unseen, and was then
/// obeyed everywhere, some buckets in every sweep.
#[tokio::test]
async fn a_revision_that_came_while_everything_was_denied_is_gated_when_it_is_seen() {
    for (verb, all) in [("head", "existence"), ("read", "versioning")] {
        let (cloud, text) = fleet(10);
        let desired = desired(&text);
        if verb == "head" {
            cloud.fail(fault("list", "default", "", 1, Effect::Fail(S3ErrorKind::Denied)));
        }
        cloud.fail(fault(verb, "", "", 10, Effect::Fail(S3ErrorKind::Denied)));
        let mut rig = Rig::over(&cloud);
        rig.limit = FEW;
        let swept = rig.gated(&desired).await;
        let unseen = (0..10).map(|n| format!("ai-data-{n:02} {all}")).collect::<Vec<_>>();
        assert_eq!((swept.passed, lines(&swept.unseen)), (true, unseen));
        let passed = Before::but(&desired, swept.unseen, None);
        for _ in 0..2 {
            let swept = rig.gated_but(&passed, &desired).await;
            assert_eq!((cloud.count("write"), swept.report.held, swept.passed), (0, 10, false), "{verb}");
        }
    }
}

/// A list that does not end is none: what is not on the part that came is not missing.
#[tokio::test]
async fn nothing_is_missing_from_a_list_that_did_not_come_to_its_end() {
    let (cloud, mut text) = fleet(2);
    text.push_str(&bucket("ai-data-09", "{versioning: {status: Enabled}}"));
    cloud.fail(fail("list", "default", "", S3ErrorKind::Other));
    let rig = Rig::over(&cloud);
    let swept = rig.gated(&desired(&text)).await;
    assert_eq!((cloud.count("create"), cloud.count("write"), swept.report.unknown), (0, 0, 3));
    assert!(swept.plans.iter().all(|it| !it.last.absent && it.last.held.is_empty()));
    assert_eq!(swept.report.errors.len(), 1);
}

/// What was seen has passed: only what was not is asked anew.
#[tokio::test]
async fn drift_in_what_was_seen_is_repaired_limit_by_limit_while_something_is_denied() {
    let (cloud, _) = fleet(5);
    let spec = "{versioning: {status: Enabled}, tags: {Name: data}}";
    let desired = desired(&(0..5).map(|n| bucket(&format!("ai-data-{n:02}"), spec)).collect::<String>());
    (0..5).for_each(|n| cloud.set(&id(&format!("ai-data-{n:02}")), "versioning", &json!({"status": "Enabled"})));
    cloud.fail(fail("read", "", "tags", S3ErrorKind::Denied));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated(&desired).await;
    assert!(swept.passed);
    let passed = Before::but(&desired, swept.unseen, None);
    (0..5).for_each(|n| cloud.set(&id(&format!("ai-data-{n:02}")), "versioning", &json!({"status": "Suspended"})));
    for writes in [2, 4, 5] {
        let swept = rig.gated_but(&passed, &desired).await;
        assert_eq!((cloud.count("write"), swept.passed), (writes, true));
    }
}

/// A bucket that cannot be looked at stays under the revision that passed of it before.
#[tokio::test]
async fn a_bucket_that_was_not_seen_stays_under_what_passed_before() {
    let (cloud, text) = fleet(3);
    let tagged = text.replace("Enabled}}", "Enabled}, tags: {Name: data}}");
    let (first, second) = (desired(&text), desired(&tagged));
    let unseen = (0..3).map(|n| (id(&format!("ai-data-{n:02}")), ["existence"].into())).collect();
    let passed = Before::but(&second, unseen, Some(&Before::all(first)));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated_but(&passed, &second).await;
    assert_eq!((cloud.count("write"), swept.passed), (2, false), "versions, as the first asks for: drift");
    assert_eq!(cloud.get(&id("ai-data-00"), "tags"), Some(Doc::of(&json!({}))));
    assert_eq!(held(&swept).iter().filter(|it| it.ends_with("tags over-limit")).count(), 3);
}

/// An expression that cannot be judged for a denied read has a repair in another setting.
#[tokio::test]
async fn what_an_expression_would_repair_is_unseen_with_what_it_looks_at() {
    let (cloud, _) = fleet(3);
    let rule = r#"{match: {buckets: ["*"]}, mode: enforce, assert: 'bucket.?logging.?targetBucket.orValue("") != ""', message: '"it is not logged"', repair: {versioning: {status: Enabled}}}"#;
    let specs = (0..3).map(|n| bucket(&format!("ai-data-{n:02}"), "{}")).collect::<String>();
    let desired = desired(&format!("{specs}{}", document("Policy", "logged", rule)));
    cloud.fail(fail("read", "", "logging", S3ErrorKind::Denied));
    let swept = Rig::over(&cloud).gated(&desired).await;
    assert!(swept.passed);
    assert_eq!(lines(&swept.unseen), (0..3).map(|n| format!("ai-data-{n:02} logging versioning")).collect::<Vec<_>>());
}
