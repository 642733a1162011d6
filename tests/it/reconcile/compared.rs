//! What the page of a bucket says of each setting agrees with what it says of the bucket.

use driftless::report::compared::compare;
use driftless::verdict::Origin;

use super::*;

/// How the page shows each setting of a bucket after a sweep that only looks at it.
async fn shown(cloud: &MemoryCloud, text: &str) -> Vec<(&'static str, Verdict)> {
    let desired = desired(text);
    let swept = Rig::over(cloud).sweep(&desired).await;
    let visited = &swept.plans[0];
    let compared = compare(&visited.wish, &visited.observed, &[], now());
    compared.settings.iter().map(|it| (it.name, it.verdict)).collect()
}

fn one(settings: &[(&'static str, serde_json::Value)]) -> MemoryCloud {
    let cloud = MemoryCloud::default();
    cloud.put(&id("ai-one"), "us-east-1", settings);
    cloud
}

const UNTAGGED: &str = "{match: {buckets: ['*']}, assert: 'has(bucket.tags) && \"Team\" in bucket.tags'}";

/// `suspended` stood above and `drifted` below, as only the value was looked at.
#[tokio::test]
async fn a_setting_of_a_suspended_bucket_is_suspended() {
    let cloud = one(&[("versioning", json!({"status": "Suspended"}))]);
    let spec = "{suspend: {reason: migration, until: 2026-11-25}, versioning: {status: Enabled}}";
    assert_eq!(shown(&cloud, &bucket("ai-one", spec)).await, [("versioning", Verdict::Suspended)]);
}

/// A policy that nothing repairs was broken, and the setting that breaks it compliant.
#[tokio::test]
async fn a_setting_that_breaks_a_policy_without_a_repair_is_drifted() {
    let cloud = one(&[("tags", json!({"Name": "data"}))]);
    let text = [bucket("ai-one", "{tags: {Name: data}}"), document("Policy", "team", UNTAGGED)].concat();
    assert_eq!(shown(&cloud, &text).await, [("tags", Verdict::Drifted)]);
}

/// A setting that the store lacks was unknown where only a policy reads it.
#[tokio::test]
async fn a_setting_that_the_store_lacks_is_unsupported() {
    let cloud = one(&[]);
    cloud.fail(fail("read", "ai-one", "tags", S3ErrorKind::Unsupported));
    let text = [bucket("ai-one", "{}"), document("Policy", "team", UNTAGGED)].concat();
    assert_eq!(shown(&cloud, &text).await, [("tags", Verdict::Unsupported)]);
}

/// A policy over two settings says nothing of the one that it would not write.
#[tokio::test]
async fn a_setting_that_meets_a_broken_policy_is_compliant() {
    let cloud = one(&[("versioning", json!({"status": "Suspended"})), ("tags", json!({"Name": "data"}))]);
    let both = "{match: {buckets: ['*']}, mode: observe, require: {versioning: {status: Enabled}, tags: {Name: data}}}";
    let text = [bucket("ai-one", "{}"), document("Policy", "both", both)].concat();
    assert_eq!(shown(&cloud, &text).await, [("versioning", Verdict::Drifted), ("tags", Verdict::Compliant)]);
}

/// The spec was named in place of the policy, as a suspended policy did not count as broken.
#[tokio::test]
async fn what_is_held_of_a_suspended_bucket_names_the_policy_that_asked() {
    let cloud = one(&[("tags", json!({"Name": "data"}))]);
    let spec = "{suspend: {reason: migration, until: 2026-11-25}}";
    let desired = desired(&[bucket("ai-one", spec), document("Policy", "team", UNTAGGED)].concat());
    let rig = Rig::over(&cloud);
    let _ = rig.sweep(&desired).await;
    let report = rig.board.bucket(&id("ai-one")).expect("a report");
    assert_eq!(report.policies[0].verdict, Verdict::Suspended);
    let asked: Vec<_> = report.held.iter().map(|it| (it.setting, it.origins.clone())).collect();
    assert_eq!(asked, [("tags", vec![Origin::Policy("team".into())])]);
}
