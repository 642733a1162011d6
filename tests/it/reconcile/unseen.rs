//! What passes the fleet breaker while some of the fleet cannot be seen or is let be for a time, and
//! what when it no longer is.

use super::limits::{FEW, fleet};
use super::*;

/// The buckets of which something has not passed, with what.
fn lines(unweighed: &driftless::reconcile::Unweighed) -> Vec<String> {
    unweighed
        .iter()
        .map(|(id, it)| format!("{} {}", id.name, it.iter().copied().collect::<Vec<_>>().join(" ")))
        .collect()
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
    assert_eq!((lines(&swept.unweighed), cloud.count("write")), (all, 0));
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
        assert_eq!((swept.passed, lines(&swept.unweighed)), (true, unseen));
        let passed = Before::but(&desired, swept.unweighed, None);
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
    let passed = Before::but(&desired, swept.unweighed, None);
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
    assert_eq!(
        lines(&swept.unweighed),
        (0..3).map(|n| format!("ai-data-{n:02} logging versioning")).collect::<Vec<_>>()
    );
}

/// What it is, the fleet, what passed before, what comes, and the setting that is put off.
type LetBe = (&'static str, MemoryCloud, Arc<Desired>, Arc<Desired>, &'static str);

/// Ten buckets that differ and are let be until the 25th, each in its own way, and a fleet as it was before.
fn let_be() -> [LetBe; 4] {
    let (_, text) = fleet(10);
    let until =
        |text: &str| text.replace("{versioning", "{suspend: {reason: migration, until: 2026-11-25}, versioning");
    let bare = text.replace("versioning: {status: Enabled}", "");
    let policy = document(
        "Policy",
        "kept",
        r#"{match: {buckets: ["*"]}, mode: enforce, require: {versioning: {status: Enabled}}}"#,
    );
    let exemption = "{policy: kept, buckets: [\"*\"], reason: migration, owner: web, expires: 2026-11-24}";
    let exempt = format!("{bare}{policy}{}", document("Exemption", "later", exemption));
    let written =
        bare.replace("spec: {}", "spec: {requestPayer: {payer: BucketOwner}, versioning: {status: Suspended}}");
    let read = format!("{written}{policy}{}", document("Exemption", "later", exemption));
    [
        ("suspended", fleet(10).0, desired(&bare), desired(&until(&text)), "versioning"),
        ("missing and suspended", fleet(0).0, desired(""), desired(&until(&text)), "existence"),
        ("exempt and not read", fleet(10).0, desired(&bare), desired(&exempt), "versioning"),
        ("exempt and read", fleet(10).0, desired(&written), desired(&read), "versioning"),
    ]
}

/// Nothing was asked while a fleet was paused, so a revision passed that was wrong for all of it, and
/// was obeyed as soon as the pause ended, some buckets in every sweep.
#[tokio::test]
async fn what_is_let_be_for_a_time_is_gated_when_the_time_is_over() {
    for (what, cloud, before, desired, setting) in let_be() {
        let mut rig = Rig::over(&cloud);
        rig.limit = FEW;
        let swept = rig.gated_since(&before, &desired).await;
        let all = (0..10).map(|n| format!("ai-data-{n:02} {setting}")).collect::<Vec<_>>();
        assert_eq!((swept.passed, lines(&swept.unweighed)), (true, all.clone()), "{what}");
        let passed = Before::but(&desired, swept.unweighed, Some(&Before::all(before)));
        // Nothing else has passed of it meanwhile.
        let swept = rig.gated_but(&passed, &desired).await;
        assert_eq!((swept.passed, lines(&passed.still_unweighed(&swept.unweighed))), (true, all), "{what}");
        rig.pass(chrono::Duration::days(4));
        for _ in 0..2 {
            let swept = rig.gated_but(&passed, &desired).await;
            let wrote = cloud.count("write") + cloud.count("create");
            assert_eq!((wrote, swept.report.held, swept.passed), (0, 10, false), "{what}");
        }
    }
}

/// A long pause must not keep what has passed before in doubt.
#[tokio::test]
async fn what_has_passed_before_the_pause_has_passed() {
    for (what, cloud, _, desired, _) in let_be() {
        let mut rig = Rig::over(&cloud);
        rig.limit = FEW;
        let swept = rig.gated_since(&desired, &desired).await;
        assert_eq!((swept.passed, lines(&swept.unweighed)), (true, vec![]), "{what}");
    }
    let (cloud, text) = fleet(3);
    let paused = text.replace("{versioning", "{suspend: {reason: migration, until: 2026-11-25}, versioning");
    let swept = Rig::over(&cloud).gated_since(&desired(&text), &desired(&paused)).await;
    assert_eq!((swept.passed, lines(&swept.unweighed)), (true, vec![]));
    // What would only be shown has never passed.
    let observed = text.replace("{versioning", "{mode: observe, versioning");
    let swept = Rig::over(&cloud).gated_since(&desired(&observed), &desired(&paused)).await;
    assert_eq!(lines(&swept.unweighed).len(), 3);
}

/// What stands there keeps a change from being made, until somebody changes it by hand everywhere.
#[tokio::test]
async fn what_is_impossible_for_now_and_what_the_store_lacks_is_gated_when_it_can_be_written() {
    let (cloud, text) = fleet(5);
    let rule = r#"{match: {buckets: ["*"]}, mode: enforce, assert: 'bucket.?versioning.?status.orValue("") != "Enabled" || bucket.?logging.?targetBucket.orValue("") != ""', message: '"versions are not logged"'}"#;
    let impossible = desired(&format!("{text}{}", document("Policy", "logged", rule)));
    let bare = desired(&text.replace("versioning: {status: Enabled}", ""));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated_since(&bare, &impossible).await;
    assert!(held(&swept).iter().all(|it| it.ends_with("versioning impossible")), "{:?}", held(&swept));
    let all = (0..5).map(|n| format!("ai-data-{n:02} versioning")).collect::<Vec<_>>();
    assert_eq!((swept.passed, lines(&swept.unweighed)), (true, all.clone()));
    let passed = Before::but(&impossible, swept.unweighed, Some(&Before::all(bare.clone())));
    for n in 0..5 {
        let logged = json!({"targetBucket": "ai-logs", "targetPrefix": ""});
        cloud.set(&id(&format!("ai-data-{n:02}")), "logging", &logged);
    }
    let swept = rig.gated_but(&passed, &impossible).await;
    assert_eq!((cloud.count("write"), swept.report.held, swept.passed), (0, 5, false));

    let (cloud, text) = fleet(5);
    let wanted = desired(&text);
    cloud.fail(fault("read", "", "versioning", 10, Effect::Fail(S3ErrorKind::Unsupported)));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated_since(&bare, &wanted).await;
    assert_eq!((swept.passed, lines(&swept.unweighed)), (true, all));
    let passed = Before::but(&wanted, swept.unweighed, Some(&Before::all(bare)));
    let swept = rig.gated_since(&wanted, &wanted).await;
    assert_eq!((swept.passed, lines(&swept.unweighed)), (true, vec![]), "it has passed before");
    let swept = rig.gated_but(&passed, &wanted).await;
    assert_eq!((cloud.count("write"), swept.report.held, swept.passed), (0, 5, false));
}

/// A visit that panicked lost the name of its bucket, which then counted as seen.
#[tokio::test]
async fn a_bucket_whose_visit_panicked_has_not_passed_with_the_rest() {
    let (cloud, text) = fleet(4);
    (2..4).for_each(|n| cloud.set(&id(&format!("ai-data-{n:02}")), "versioning", &json!({"status": "Enabled"})));
    (0..2).for_each(|n| cloud.fail(fault("read", &format!("ai-data-{n:02}"), "", 1, Effect::Panic)));
    let mut rig = Rig::over(&cloud);
    rig.limit = FEW;
    let swept = rig.gated(&desired(&text)).await;
    assert_eq!(*rig.notes.panics.lock().expect("no panic"), 2);
    assert_eq!(
        (swept.passed, lines(&swept.unweighed)),
        (true, vec!["ai-data-00 existence".into(), "ai-data-01 existence".into()])
    );
}
