//! What fails: reads, writes, lists and creations, each for itself.

use super::*;

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
